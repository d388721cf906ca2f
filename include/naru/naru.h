/* SPDX-License-Identifier: MIT
 *
 * Everything: include this and link with -lnaru. See error.h for conventions, tensor.h for data, model.h for models as
 * files have them, session.h for running them, script.h for TorchScript modules,
 * network.h, builder.h, engine.h and refit.h for engines tuned for this machine, plugin.h for operators of your own.
 *
 * What holds for every function, so that it is not said with each:
 * - Owns: what comes out of a `create`, `load`, `open`, `from` or of a parameter `**out` is the caller's, who gives it
 *   to the `destroy`, `close` or `free` of its kind. These take a pointer to the handle, null it, and accept NULL and a
 *   pointer to NULL. What is borrowed is called so.
 * - Errors: INVALID_ARGUMENT where a required pointer is NULL or a number is out of its range, OUT_OF_MEMORY from all
 *   that makes or changes something; those of files: IO with the path and the system's reason. What a call fails on
 *   is as it was, unless it says otherwise (a script may have written before it raised), and *out is not to be used.
 * - Files are written beside their path and renamed when they are whole; devices and pipes are written to.
 * - Getters with an index give NOT_FOUND, or NULL, past the end. Structs that they fill have `size` set by the caller.
 * - Threads: an object belongs to one thread at a time where nothing else is said; different objects to any threads.
 * - Units: sizes in bytes, dimensions and counts in elements, times in milliseconds where a name says `ms`,
 *   else in seconds.
 */
#ifndef NARU_NARU_H
#define NARU_NARU_H

#include "naru/builder.h"
#include "naru/engine.h"
#include "naru/error.h"
#include "naru/model.h"
#include "naru/network.h"
#include "naru/plugin.h"
#include "naru/quantize.h"
#include "naru/refit.h"
#include "naru/script.h"
#include "naru/session.h"
#include "naru/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0". Static storage. */
NARU_API const char *naru_version(void);

#ifdef __cplusplus
}
#endif
#endif
