/* SPDX-License-Identifier: Apache-2.0 */
/* hardening.h: what the process can do for itself against being read, dumped or chosen by the OOM killer. */
#pragma once

/*
 * No core dumps, not to be traced by processes without privilege (PR_SET_DUMPABLE, prctl(2)), and among the last that
 * the OOM killer takes (proc(5)). What the system refuses is logged at debug.
 */
void hardening_apply(void);
