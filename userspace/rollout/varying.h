/* SPDX-License-Identifier: Apache-2.0 */
/*
 * varying.h: which part of a name is another one each time: ids, versions, random names, numbers that systemd gives.
 *
 * Names are `size` bytes without a NUL, one component of a path each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The size of an id that starts at `at`: 32 or more hex digits, or a UUID with '-' or '_'. 0: none starts there. */
size_t varying_id_size(const char *name, size_t at, size_t size);
/* The size of the version that `text` starts with: "17.0.2", "1.8.0.392.b08-4.el8". 0: it starts with none. */
size_t varying_version_size(const char *text, size_t size);
/* Where a number starts that is the whole name or stands behind its last '-': "15", "java-17". `size`: nowhere. */
size_t varying_number_at(const char *name, size_t size);
/* Where the random part starts in a name that mktemp(1), mkdtemp(3) or their like made. `size`: nowhere. */
size_t varying_random_at(const char *name, size_t size);
/* Is the instance of a unit one connection: "12-10.0.0.1:22-10.0.0.9:5555", "3-812-1000"? */
bool varying_is_connection(const char *instance, size_t size);
/* Where the number starts in what systemd-run(1) calls a unit, "run-" left out: "u12", "r0123...", "p12-i34". 0: none.
 */
size_t varying_transient_at(const char *name, size_t size);
