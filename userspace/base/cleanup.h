/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup.h: ownership that ends with a scope.
 *
 * `_cleanup_(xfreep) struct x *x = NULL;` frees x at the end of the scope; TAKE_PTR(x) is the only way that ownership
 * leaves one. Never mixed with goto in one function.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

/* Defines x_freep(T **) for use with _cleanup_, from a x_free(T *) that accepts NULL. */
#define DEFINE_FREEP(type, free_function)                   \
	static inline void free_function##p(type **pointer) \
	{                                                   \
		free_function(*pointer);                    \
	}

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing can be done about a failed close of a descriptor we only read */
}

static inline void fclosep(FILE **file)
{
	if (*file)
		(void)fclose(*file); /* readers only; writers check fclose themselves */
}
