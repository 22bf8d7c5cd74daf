/* SPDX-License-Identifier: Apache-2.0 */
/* image.h: from what the kernel says of an executable to what names it in the tables of verdicts, and back. */
#pragma once

#include "abi.h"
#include "base/file_id.h"

static inline struct image_file image_file_of(const struct exe_id *exe)
{
	return (struct image_file){.file = exe->file, .ctime_sec = exe->ctime_sec, .ctime_nsec = exe->ctime_nsec};
}

/* Makes it that file at that time; what else is known stays if it is the same file. */
static inline void exe_id_set_image(struct exe_id *exe, const struct image_file *image)
{
	if (!file_id_equal(&exe->file, &image->file))
		*exe = (struct exe_id){.file = image->file, .nlink = 1};
	exe->ctime_sec = image->ctime_sec;
	exe->ctime_nsec = image->ctime_nsec;
}
