/* SPDX-License-Identifier: Apache-2.0 */
/* duration.h: spans of time as people write them: 30s, 15m, 24h, 7d. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DURATION_MAX_S     (100ULL * 365 * 24 * 3600) /* a hundred years */
#define DURATION_TEXT_SIZE 48

/* Digits and one of s, m, h, d, w. -EINVAL (another shape), -ERANGE (above DURATION_MAX_S). */
int duration_parse(const char *text, uint64_t *ret_seconds);

/* "3d 4h", "2h 5m", "7m 3s", "12s": its two largest units. Returns out. */
const char *duration_format(uint64_t seconds, char out[DURATION_TEXT_SIZE]);
