/* SPDX-License-Identifier: Apache-2.0 */
/* uuid.h: UUIDv7 (RFC 9562, section 5.7): Unix milliseconds, then random. Within one process they only grow. Any
 * thread. */
#pragma once

#include <stdint.h>

#define UUID_TEXT_SIZE 37

/* Writes "xxxxxxxx-xxxx-7xxx-yxxx-xxxxxxxxxxxx" for the moment real_ns; returns out. */
const char *uuid7(uint64_t real_ns, char out[UUID_TEXT_SIZE]);
