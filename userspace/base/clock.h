/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h: times. Nanoseconds in uint64_t everywhere; boot_ns is CLOCK_BOOTTIME (what records carry), real_ns is Unix
 * time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NS_PER_SEC 1000000000ULL
#define NS_PER_MS  1000000ULL

uint64_t clock_boot_ns(void);
uint64_t clock_real_ns(void);
/* Unix time of a moment given in CLOCK_BOOTTIME, by the present offset of the two clocks (sampled at each call). */
uint64_t clock_real_from_boot(uint64_t boot_ns);

#define CLOCK_RFC3339_SIZE 32
/* "2026-01-02T03:04:05.123456789Z" (RFC 3339, UTC, nanoseconds); returns out. */
const char *clock_format_rfc3339(uint64_t real_ns, char out[CLOCK_RFC3339_SIZE]);
