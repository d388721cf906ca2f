/* SPDX-License-Identifier: MIT
 *
 * The tactics of a registered plugin (ops/plugin.h) as tactics of the list.
 */
#ifndef TACTICS_PLUGIN_H
#define TACTICS_PLUGIN_H

#include "ops/plugin.h"
#include "tactics/tactic.h"

typedef struct plugin_tactics plugin_tactics;
/* Made in op's arena, nothing registered; NULL: out of memory. */
plugin_tactics *plugin_tactics_make(const plugin_op *op);
/* Before the operator itself. */
void plugin_tactics_publish(plugin_tactics *t);

#endif
