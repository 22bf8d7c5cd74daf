/* SPDX-License-Identifier: Apache-2.0 */
/* tamper.h: the names of what is done to the agent itself, as events and the screen use them. Any thread. */
#pragma once

#include <stdint.h>

#include "abi.h"

/* Out of range gives "unknown". */
const char *tamper_kind_name(enum tamper_kind kind);
/* What was done, by `mode` of a key under COUNTED_TAMPER: "update", "SIGKILL", "ptrace"; as signal_name(). */
const char *tamper_way_name(enum tamper_kind kind, uint8_t way);
const char *guard_object_name(enum guard_object object);
/* "SIGKILL"; "signal 40" for one without a name. Until the next call of the thread. */
const char *signal_name(int number);
