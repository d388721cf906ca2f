/* SPDX-License-Identifier: MIT
 *
 * Broadcasting as it was before opset 7: attributes broadcast = 1 and axis align B's dims with A's from `axis` on.
 */
#ifndef OPS_UTIL_LEGACY_H
#define OPS_UTIL_LEGACY_H

#include "ops/op.h"

extern const adapter legacy_broadcast[]; /* for binary operators: B gets trailing dims of size 1 */

#endif
