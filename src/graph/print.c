/* SPDX-License-Identifier: MIT
 *
 * Writing the text form (parse.h has its grammar).
 */
#include "graph/print.h"

#include <ctype.h>

#include "tensor/dtype.h"

typedef struct printer {
    const graph *g;
    str *out;
    int64_t max;
    int depth;
} printer;

static void print_block(printer *p, const block *b);

static void indent(printer *p) {
    for (int i = 0; i < p->depth; i++) str_add(p->out, "  ");
}

/* A ':' may stand in a bare word where a letter, digit or '_' follows, or another such ':'. */
static bool plain_char(const char *c) {
    if (*c != ':') return isalnum((unsigned char)*c) || strchr("_./-", *c);
    const char *next = c[1] == ':' ? c + 2 : c + 1;
    return isalnum((unsigned char)*next) || *next == '_';
}

static void quoted(printer *p, const char *s, size_t n) {
    str_add(p->out, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') str_addf(p->out, "\\%c", c);
        else if (c < 32 || c == 127) str_addf(p->out, "\\x%02x", c);
        else str_add_n(p->out, s + i, 1);
    }
    str_add(p->out, "\"");
}

/* A name: bare when it looks like one. */
static void name(printer *p, const char *s) {
    bool plain = isalpha((unsigned char)*s) || *s == '_' || *s == '/';
    for (const char *c = s; *c; c++) plain = plain && plain_char(c);
    if (plain && strcmp(s, "_") != 0) str_add(p->out, s);
    else quoted(p, s, strlen(s));
}

/* A word that "::" ends or begins. */
static void word(printer *p, const char *s) {
    if (strchr(s, ':')) quoted(p, s, strlen(s));
    else name(p, s);
}

static void element(printer *p, const naru_tensor *t, int64_t i) {
    if (t->dtype == NARU_STRING) {
        const tensor_str *s = &tensor_strings(t)[i];
        quoted(p, s->ptr ? s->ptr : "", s->len);
    } else if (dtype_is_complex(t->dtype)) {
        const double *d = t->data;
        const float *f = t->data;
        bool wide = t->dtype == NARU_COMPLEX128;
        str_add_double(p->out, wide ? d[2 * i] : (double)f[2 * i]);
        str_add(p->out, " ");
        str_add_double(p->out, wide ? d[2 * i + 1] : (double)f[2 * i + 1]);
    } else if (t->dtype == NARU_UINT64) {
        uint64_t v;
        memcpy(&v, (const char *)t->data + i * 8, 8);
        str_addf(p->out, "%llu", (unsigned long long)v);
    } else if (dtype_is_float(t->dtype)) {
        double v = dtype_get_f64(t->dtype, t->data, i);
        if (t->dtype == NARU_DOUBLE) str_add_double(p->out, v);
        else str_add_float(p->out, (float)v);
    } else {
        str_addf(p->out, "%lld", (long long)dtype_get_i64(t->dtype, t->data, i));
    }
}

static void tensor(printer *p, const naru_tensor *t) {
    str_addf(p->out, "%s[", naru_dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++) str_addf(p->out, i ? ",%lld" : "%lld", (long long)t->dims[i]);
    str_add(p->out, "] {");
    int64_t n = tensor_count(t), shown = p->max >= 0 && n > p->max ? 4 : n;
    for (int64_t i = 0; i < shown; i++) {
        if (i) str_add(p->out, ", ");
        element(p, t, i);
    }
    str_add(p->out, shown < n ? ", ...}" : "}");
}

static void type_text(printer *p, const type *t) { type_print(p->g, t, p->out); }

/* ---- attributes ---- */
static void list(printer *p, const attr *a) {
    str_add(p->out, "[");
    for (size_t i = 0; i < a->count; i++) {
        if (i) str_add(p->out, ", ");
        if (a->kind == ATTR_INTS) str_addf(p->out, "%lld", (long long)a->ints[i]);
        else if (a->kind == ATTR_FLOATS) str_add_float(p->out, a->floats[i]);
        else quoted(p, a->strings[i].data, a->strings[i].len);
    }
    str_add(p->out, "]");
}

static void attribute(printer *p, const attr *a) {
    static const char *const kinds[] = {"none",    "float",   "int",    "string", "tensor",  "block", "floats", "ints",
                                        "strings", "tensors", "blocks", "sparse", "sparses", "type",  "types"};
    word(p, a->name);
    str_addf(p->out, ":%s = ", (unsigned)a->kind < COUNT_OF(kinds) ? kinds[a->kind] : "none");
    if (a->ref_name) {
        str_add(p->out, "@");
        name(p, a->ref_name);
        return;
    }
    switch (a->kind) {
    case ATTR_FLOAT: str_add_float(p->out, a->f); break;
    case ATTR_INT: str_addf(p->out, "%lld", (long long)a->i); break;
    case ATTR_STRING: quoted(p, a->s.data, a->s.len); break;
    case ATTR_FLOATS:
    case ATTR_INTS:
    case ATTR_STRINGS: list(p, a); break;
    case ATTR_TENSOR:
    case ATTR_SPARSE_TENSOR: tensor(p, a->tensor); break;
    case ATTR_TENSORS:
    case ATTR_SPARSE_TENSORS:
        str_add(p->out, "[");
        for (size_t i = 0; i < a->count; i++) {
            if (i) str_add(p->out, ", ");
            tensor(p, a->tensors[i]);
        }
        str_add(p->out, "]");
        break;
    case ATTR_GRAPH: print_block(p, a->block); break;
    case ATTR_GRAPHS:
        str_add(p->out, "[");
        for (size_t i = 0; i < a->count; i++) {
            if (i) str_add(p->out, ", ");
            print_block(p, a->blocks[i]);
        }
        str_add(p->out, "]");
        break;
    case ATTR_TYPE: type_text(p, a->type); break;
    default: str_add(p->out, "?");
    }
}

/* Of a lifted node only what differs from the operator's default. */
static bool worth_showing(const node *n, int i) {
    const attr *a = &n->attrs[i];
    if (a->kind == ATTR_NONE) return false;
    const attr_def *d = n->table ? &n->table[i] : NULL;
    if (!d || d->required || d->optional || !n->block->graph->lifted) return true;
    if (a->kind == ATTR_INT) return a->i != d->i;
    if (a->kind == ATTR_FLOAT) return a->f != d->f;
    if (a->kind == ATTR_STRING) return !d->s || strcmp(d->s, a->s.data) != 0;
    return true;
}

static void attributes(printer *p, const node *n) {
    bool first = true;
    for (int i = 0; i < n->nattrs; i++) {
        if (!worth_showing(n, i)) continue;
        str_add(p->out, first ? " {" : ", ");
        attribute(p, &n->attrs[i]);
        first = false;
    }
    if (!first) str_add(p->out, "}");
}

/* ---- nodes and blocks ---- */
static void names(printer *p, value *const *v, int n) {
    for (int i = 0; i < n; i++) {
        if (i) str_add(p->out, ", ");
        if (v[i]) name(p, v[i]->name);
        else str_add(p->out, "_");
    }
}

static void print_node(printer *p, const node *n) {
    indent(p);
    names(p, n->out, n->nout);
    str_add(p->out, n->nout ? " = " : "= ");
    if (*n->domain) {
        word(p, n->domain);
        str_add(p->out, "::");
    }
    word(p, n->op_type);
    if (n->overload && *n->overload) {
        str_add(p->out, "#");
        name(p, n->overload);
    }
    str_add(p->out, "(");
    names(p, n->in, n->nin);
    str_add(p->out, ")");
    attributes(p, n);
    if (p->g->lifted && n->nout && n->out[0] && n->out[0]->fact.type.kind != TYPE_UNKNOWN) {
        str_add(p->out, "  # ");
        type_text(p, &n->out[0]->fact.type);
    }
    str_add(p->out, "\n");
}

static void declaration(printer *p, const char *word, const value *v) {
    indent(p);
    str_addf(p->out, "%s ", word);
    name(p, v->name);
    if (v->has_declared) {
        str_add(p->out, ": ");
        type_text(p, &v->declared);
    }
    str_add(p->out, "\n");
}

static void print_block(printer *p, const block *b) {
    str_add(p->out, "{\n");
    p->depth++;
    for (int i = 0; i < b->nin; i++) declaration(p, "input", b->in[i]);
    for (int i = 0; i < b->ninit; i++) {
        if (!b->initializers[i]->constant) continue;
        indent(p);
        str_add(p->out, "const ");
        name(p, b->initializers[i]->name);
        str_add(p->out, " = ");
        tensor(p, b->initializers[i]->constant);
        str_add(p->out, "\n");
    }
    for (const node *n = b->first; n; n = n->next) print_node(p, n);
    for (int i = 0; i < b->nout; i++) declaration(p, "output", b->out[i]);
    p->depth--;
    indent(p);
    str_add(p->out, "}");
}

static void print_imports(printer *p, const opset *list_, int n) {
    for (int i = 0; i < n; i++) {
        str_add(p->out, "opset ");
        quoted(p, list_[i].domain, strlen(list_[i].domain));
        str_addf(p->out, " %lld\n", (long long)list_[i].version);
    }
}

static void print_function(printer *p, const function *f) {
    str_add(p->out, "function ");
    word(p, *f->domain ? f->domain : "ai.onnx");
    str_add(p->out, "::");
    word(p, f->name);
    if (*f->overload) {
        str_add(p->out, "#");
        name(p, f->overload);
    }
    str_add(p->out, " ");
    print_block(p, f->body);
    str_add(p->out, "\n");
}

void graph_print_full(const graph *g, int64_t max_elements, str *out) {
    printer p = {g, out, max_elements, 0};
    str_addf(out, "ir %lld\n", (long long)g->ir_version);
    print_imports(&p, g->imports, g->nimports);
    str_add(out, g->lifted ? "lifted graph " : "graph ");
    quoted(&p, g->main->name, strlen(g->main->name));
    str_add(out, " ");
    print_block(&p, g->main);
    str_add(out, "\n");
    for (int i = 0; i < g->nfunctions; i++) print_function(&p, &g->functions[i]);
}

void graph_print(const graph *g, str *out) { graph_print_full(g, 64, out); }
