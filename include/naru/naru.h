/* SPDX-License-Identifier: MIT
 *
 * Everything: include this and link with -lnaru. See error.h for conventions, tensor.h for data, model.h for models as
 * files have them, session.h for running them, script.h for TorchScript modules,
 * network.h, builder.h, engine.h and refit.h for engines tuned for this machine, plugin.h for operators of your own.
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
