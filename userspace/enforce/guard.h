/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h: the agent's own maps, programs and links: are they still the ones that were loaded?
 *
 * Everything is handed in as a descriptor, and its number is told to the kernel programs, so that they know what is
 * ours (bpf/guard.h). A check asks the kernel of each what it is now. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#include "abi.h"

struct guard;

#define GUARD_NAME_SIZE   64
#define GUARD_DETAIL_SIZE 160

/* One thing that is wrong. Borrowed for the call. */
struct guard_fault {
	enum guard_object object;
	const char *name;
	uint32_t id;   /* as loaded */
	size_t number; /* as given to guard_add() */
	char detail[GUARD_DETAIL_SIZE];
};

/* `objects_fd`: the map of what is ours; borrowed. 0 or -ENOMEM. */
int guard_new(int objects_fd, struct guard **ret_guard);
void guard_free(struct guard *guard);
DEFINE_FREEP(struct guard, guard_free)

/*
 * Looks after a descriptor (borrowed) from now on; as it is now is right. `must_be_frozen`: a map that nobody can write
 * any more. -errno of bpf(2), -ENOMEM, -ENOSPC: the kernel's table is full.
 */
int guard_add(struct guard *guard, enum guard_object object, const char *name, size_t number, int fd,
	      bool must_be_frozen);
/* The link with this number has been made anew. Errors as guard_add(). */
int guard_replace_link(struct guard *guard, size_t number, int fd);

/*
 * Reports what is wrong and was not at the check before; returns how many are wrong now. A map's name is cut as the
 * kernel's.
 */
size_t guard_check(struct guard *guard, void (*report)(void *context, const struct guard_fault *fault), void *context);

/* What a number means that a kernel program told; NULL when it is none of ours. */
const char *guard_name(const struct guard *guard, enum guard_object object, uint32_t id);
