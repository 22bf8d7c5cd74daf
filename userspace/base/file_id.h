/* SPDX-License-Identifier: Apache-2.0 */
/* file_id.h: are two kernel identities of a file the same? (They have no padding, but say so field by field.) */
#pragma once

#include <stdbool.h>

#include "abi.h"

static inline bool file_id_equal(const struct file_id *a, const struct file_id *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->generation == b->generation;
}
