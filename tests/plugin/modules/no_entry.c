/* SPDX-License-Identifier: MIT
 *
 * A shared library that is no plugin library.
 */
int naru_something_else(void);
int naru_something_else(void) { return 1; }
