/* SPDX-License-Identifier: MIT
 *
 * TorchScript modules: load archives that PyTorch saved (.pt, .ptl), call their methods, read and replace their
 * parameters, save them again, export them to ONNX. What libtorch calls IValue is naru_ivalue here.
 *
 *     naru_module *m;  naru_ivalue *x, *y;
 *     naru_module_load("model.pt", NULL, &m, &err);
 *     naru_ivalue_tensor(t, &x, &err);
 *     naru_module_call(m, "forward", 1, &x, &y, &err);
 */
#ifndef NARU_SCRIPT_H
#define NARU_SCRIPT_H

#include "naru/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct naru_module naru_module;
typedef struct naru_ivalue naru_ivalue;

/* ---- values ---- */
typedef enum naru_ikind {
    NARU_I_NONE,
    NARU_I_BOOL,
    NARU_I_INT,
    NARU_I_DOUBLE,
    NARU_I_COMPLEX,
    NARU_I_STRING,
    NARU_I_TENSOR,
    NARU_I_LIST,
    NARU_I_DICT,
    NARU_I_TUPLE,
    NARU_I_OBJECT, /* a module or an object of a script class */
    NARU_I_ENUM,
    NARU_I_DEVICE,
    NARU_I_OTHER /* futures, generators, packed parameters */
} naru_ikind;

/* Values are reference counted handles. Constructors give the caller one reference and take their own of what they are
 * given. Tensors, lists and dicts are references in the sense of Python: a method that changes its argument changes
 * what the caller's handle shows. Threads: counts are atomic; a value that a method may change belongs to one call at a
 * time. Errors of constructors: OUT_OF_MEMORY, INVALID_ARGUMENT. */
NARU_API naru_status naru_ivalue_none(naru_ivalue **out, naru_error *err);
NARU_API naru_status naru_ivalue_bool(bool v, naru_ivalue **out, naru_error *err);
NARU_API naru_status naru_ivalue_int(int64_t v, naru_ivalue **out, naru_error *err);
NARU_API naru_status naru_ivalue_double(double v, naru_ivalue **out, naru_error *err);
NARU_API naru_status naru_ivalue_complex(double re, double im, naru_ivalue **out, naru_error *err);
NARU_API naru_status naru_ivalue_string(const char *text, size_t length, naru_ivalue **out, naru_error *err);
/* text: a device type of PyTorch's, with an index or without: "cpu", "cuda:0". Data is on the CPU whatever it says. */
NARU_API naru_status naru_ivalue_device(const char *text, naru_ivalue **out, naru_error *err);
/* Shares t's memory: in-place operators of a method write into it. */
NARU_API naru_status naru_ivalue_tensor(naru_tensor *t, naru_ivalue **out, naru_error *err);
/* A quantized tensor from its integers: scheme per tensor. torch_dtype: 12 qint8, 13 quint8, 14 qint32. */
NARU_API naru_status naru_ivalue_quantized(naru_tensor *integers, int torch_dtype, double scale, int64_t zero_point,
                                           naru_ivalue **out, naru_error *err);
NARU_API naru_status naru_ivalue_list(naru_ivalue *const *items, size_t count, naru_ivalue **out, naru_error *err);
NARU_API naru_status naru_ivalue_tuple(naru_ivalue *const *items, size_t count, naru_ivalue **out, naru_error *err);
NARU_API naru_status naru_ivalue_dict(naru_ivalue *const *keys, naru_ivalue *const *values, size_t count,
                                      naru_ivalue **out, naru_error *err);
NARU_API naru_ivalue *naru_ivalue_retain(naru_ivalue *v);
NARU_API void naru_ivalue_destroy(naru_ivalue **v); /* drops one reference, nulls *v; accepts NULL */

NARU_API naru_ikind naru_ivalue_kind(const naru_ivalue *v);
NARU_API const char *naru_ivalue_kind_name(const naru_ivalue *v); /* "Tensor", "int", "List", ... */
NARU_API bool naru_ivalue_to_bool(const naru_ivalue *v);          /* false unless BOOL or INT */
NARU_API int64_t naru_ivalue_to_int(const naru_ivalue *v);        /* INT, BOOL; 0 otherwise */
NARU_API double naru_ivalue_to_double(const naru_ivalue *v);      /* DOUBLE, INT, BOOL; COMPLEX: real part */
NARU_API double naru_ivalue_imaginary(const naru_ivalue *v);      /* COMPLEX; 0 otherwise */
/* STRING, DEVICE, an ENUM's name; lives with v. NULL otherwise. */
NARU_API const char *naru_ivalue_to_string(const naru_ivalue *v, size_t *length);
/* A new reference to a tensor over the same memory (strided as it is). NULL unless TENSOR or out of memory. */
NARU_API naru_tensor *naru_ivalue_to_tensor(const naru_ivalue *v);
/* True for a quantized tensor of scheme per tensor; the tensor itself then holds the integers. */
NARU_API bool naru_ivalue_quantization(const naru_ivalue *v, int *torch_dtype, double *scale, int64_t *zero_point);
NARU_API size_t naru_ivalue_count(const naru_ivalue *v); /* elements of LIST, DICT, TUPLE; attributes of OBJECT */
/* Item i of LIST or TUPLE, value i of DICT (insertion order), attribute i of OBJECT, an ENUM's value (i = 0): a new
 * reference. NULL: no such item, or out of memory. */
NARU_API naru_ivalue *naru_ivalue_item(const naru_ivalue *v, size_t i);
NARU_API naru_ivalue *naru_ivalue_key(const naru_ivalue *v, size_t i); /* DICT */
/* OBJECT: name of attribute i; a NamedTuple: name of field i. NULL otherwise. */
NARU_API const char *naru_ivalue_name(const naru_ivalue *v, size_t i);
/* As Python's str() writes it in TorchScript. *text freed by naru_text_free. */
NARU_API naru_status naru_ivalue_print(const naru_ivalue *v, char **text, naru_error *err);

/* ---- modules ---- */
/* Loads an archive; parameters stay in the mapped file until they are packed. options may be NULL (threads, cpu, map,
 * seed, regions). Owns: caller. Errors: IO, BAD_FILE, BAD_MODEL, UNSUPPORTED (not TorchScript: says what it is), LIMIT.
 */
NARU_API naru_status naru_module_load(const char *path, const naru_options *options, naru_module **out,
                                      naru_error *err);
/* The same from memory, which must stay valid and unchanged as long as the module. */
NARU_API naru_status naru_module_load_memory(const void *data, size_t size, const naru_options *options,
                                             naru_module **out, naru_error *err);
NARU_API void naru_module_destroy(naru_module **module); /* values made by it stay valid */

typedef struct naru_module_info {
    size_t size;
    const char *format;     /* "TorchScript", "TorchScript (lite)" */
    int version;            /* of the file format */
    const char *class_name; /* qualified */
    size_t methods, parameters, buffers, attributes;
    int64_t parameter_count; /* elements */
    int64_t parameter_bytes;
    bool training; /* saved in training mode */
    int threads;   /* that calls use */
} naru_module_info;
NARU_API naru_status naru_module_get_info(naru_module *module, naru_module_info *out);
/* What a reader should know: modules of training that were saved in training mode (warnings), operators that are not
 * there and code that does not compile (errors): of everything that can be called, whether it will be or not. */
NARU_API naru_status naru_module_check(naru_module *module, naru_report *report, naru_error *err);
/* Method i: name, and its signature as text "forward(Tensor x, int n=2) -> Tensor"; strings live with the module. */
NARU_API const char *naru_module_method(naru_module *module, size_t i, const char **signature);
/* Argument i of a method (self left out): name, type as text, whether it has a default. NOT_FOUND past the end. */
NARU_API naru_status naru_module_argument(naru_module *module, const char *method, size_t i, const char **name,
                                          const char **type, bool *has_default, naru_error *err);
/* Parameters first, then buffers, by dotted name ("conv1.weight"); the tensor shares the module's memory: borrowed.
 * NULL past the end. */
NARU_API const char *naru_module_parameter(naru_module *module, size_t i, const naru_tensor **tensor, bool *buffer);
/* Replaces a parameter or buffer: its content where type and shape are the same (all that share its memory see it, as
 * with load_state_dict), else the tensor. No call may be running. */
NARU_API naru_status naru_module_set_parameter(naru_module *module, const char *name, naru_tensor *t, naru_error *err);
/* An attribute by dotted path: a new reference. Setting: no call may be running. Errors: NOT_FOUND (path), TYPE. */
NARU_API naru_status naru_module_get_attribute(naru_module *module, const char *path, naru_ivalue **out,
                                               naru_error *err);
NARU_API naru_status naru_module_set_attribute(naru_module *module, const char *path, naru_ivalue *v, naru_error *err);
/* Sets `training` of the module and all inside it: train(true), eval() = train(false). */
NARU_API naru_status naru_module_train(naru_module *module, bool training, naru_error *err);

/* Calls a method with positional arguments (self left out); missing ones take their defaults. *out: the caller's.
 * Errors: NOT_FOUND (method, with the nearest), TYPE (argument), BAD_MODEL (the code does not compile), SCRIPT (an
 * exception of the script: the message is "ValueError: ..."; naru_module_traceback has where), CANCELLED, LIMIT.
 * Threads: concurrent calls are allowed; those of methods that write attributes take turns. */
NARU_API naru_status naru_module_call(naru_module *module, const char *method, size_t count, naru_ivalue *const *args,
                                      naru_ivalue **out, naru_error *err);
/* The same with names for the last arguments (NULL: positional). */
NARU_API naru_status naru_module_call_named(naru_module *module, const char *method, size_t count,
                                            const char *const *names, naru_ivalue *const *args, naru_ivalue **out,
                                            naru_error *err);
/* TorchScript's traceback of the module's last failed call: *text freed by naru_text_free, "" when there is none. */
NARU_API naru_status naru_module_traceback(naru_module *module, char **text, naru_error *err);
/* Stops calls in progress (CANCELLED) until it is called with false. From any thread. */
NARU_API void naru_module_cancel(naru_module *module, bool cancelled);
/* Writes an archive that torch.jit.load reads, with parameters and attributes as they are now. No call may be running.
 * Errors: IO, UNSUPPORTED (an attribute that archives cannot hold: which). */
NARU_API naru_status naru_module_save(naru_module *module, const char *path, naru_error *err);

/* ---- export to ONNX ---- */
typedef struct naru_export_input {
    size_t size;
    const char *name;
    naru_dtype dtype;
    int rank;
    int64_t dims[NARU_MAX_RANK];        /* -1: dynamic */
    const char *symbols[NARU_MAX_RANK]; /* name of a dynamic axis; NULL: fixed */
} naru_export_input;
typedef struct naru_export_axis { /* a name for an axis of an output */
    const char *output;
    int axis;
    const char *symbol;
} naru_export_axis;
typedef struct naru_export_options {
    size_t size;
    const char *method;              /* NULL: forward */
    int64_t opset;                   /* 13 to 28 */
    const naru_export_input *inputs; /* tensors and numbers of the arguments in order, lists and tuples flattened */
    size_t ninputs;
    const char *const *output_names;
    size_t noutputs;
    const naru_export_axis *output_axes;
    size_t noutput_axes;
    bool no_fold;  /* keep constants and BatchNormalization apart */
    bool training; /* keep training behaviour */
} naru_export_options;
/* Records the method and writes the ONNX file. Warnings and everything that stands in the way go to report (NULL
 * allowed). Errors: INVALID_ARGUMENT (inputs do not fit the arguments), UNSUPPORTED (the first obstacle; all are in
 * report), SCRIPT (the method raises at these sizes), IO. Nothing is written then. */
NARU_API naru_status naru_export(naru_module *module, const naru_export_options *options, const char *path,
                                 naru_report *report, naru_error *err);

/* ---- custom operators ---- */
/* args: n borrowed values; results: as many as the schema returns, each a new reference. Threads: called from whichever
 * thread calls the method. */
typedef naru_status (*naru_operator)(void *user, size_t n, naru_ivalue *const *args, size_t nresults,
                                     naru_ivalue **results, naru_error *err);
/* "my_ops::scale(Tensor x, float k=2.) -> Tensor", for all modules of the process, for its life: a plugin (plugin.h)
 * without an ONNX node, that does not export. Errors and threads are those of naru_plugin_register. */
NARU_API naru_status naru_register_operator(const char *schema, naru_operator fn, void *user, naru_error *err);

#ifdef __cplusplus
}
#endif
#endif
