/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob.h: patterns for absolute paths.
 *
 *     *       any bytes inside one component, none included; a leading dot is no exception
 *     ?       one byte inside a component
 *     [a-z]   one byte of the set; [!a-z] or [^a-z] one byte that is not in it; ']' first in the set is itself
 *     **      as a whole component: any number of components; at the end at least one, so that "/a/ **" (without the
 *             blank) is everything below /a and not /a itself
 *
 * All else is itself, byte by byte, the backslash too (systemd writes it into names): a literal star is [*]. Matching
 * takes at most pattern size times path size steps and allocates nothing, whatever the pattern is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define GLOB_SIZE_MAX 4095 /* bytes, without the NUL: what open(2) takes */

/*
 * 0, or -EINVAL with one sentence in `why` that says what is wrong and what to write instead (no newline, terminated,
 * cut to why_size; `why` may be NULL when why_size is 0). Refuses: relative patterns, "/" alone, empty components, "."
 * and "..", "**" next to other text or to another "**", a bracket without end or with a range that runs backwards, and
 * more than GLOB_SIZE_MAX bytes.
 */
int glob_check(const char *pattern, char *why, size_t why_size);

/* Both absolute; a path that is not matches nothing. `pattern` has passed glob_check(). */
bool glob_match(const char *pattern, const char *path);

/* One component against one name. Neither holds '/'; "**" has no special meaning here. */
bool glob_match_name(const char *pattern, size_t pattern_size, const char *name, size_t name_size);

/* Whether a pattern, or a component of one, is matched by nothing but itself. */
bool glob_is_literal(const char *pattern, size_t size);
