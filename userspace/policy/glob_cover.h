/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob_cover.h: whether one pattern of glob.h matches everything that another one matches.
 *
 * True is certain. False may be wrong where it takes more than comparing the two piece by piece ("[ab]" covers "[a]",
 * and this says no). Both patterns have passed glob_check(). Takes at most the product of the sizes in steps and
 * allocates nothing.
 */
#pragma once

#include <stdbool.h>

bool glob_covers(const char *whole, const char *part);
/* The same for patterns of one component, as glob_match_name() takes them. */
bool glob_name_covers(const char *whole, const char *part);
