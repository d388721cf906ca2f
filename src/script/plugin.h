/* SPDX-License-Identifier: MIT
 *
 * Plugins (ops/plugin.h) as operators of TorchScript: the schema's tensors are the node's inputs, the rest its
 * attributes, so that a call runs, is recorded and exports as the node.
 */
#ifndef SCRIPT_PLUGIN_H
#define SCRIPT_PLUGIN_H

#include "ops/plugin.h"
#include "script/lower.h"

/* Whether the schema fits signature and attributes. Errors: BAD_MODEL (it does not parse), INVALID_ARGUMENT. */
naru_status plugin_check_schema(const plugin_op *op, naru_error *err);
void plugin_lower(lower *L); /* L->op->user: the plugin_op */

#endif
