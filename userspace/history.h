/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h: answers `top` and `secrets` out of the store, on a worker thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct control_request;
struct worker_pool;

/* One secret of the present policy, for `secrets`. */
struct history_secret {
	char *name, *class_name, *policy_name; /* owned */
	size_t files;
};

/*
 * Both take the request on 0 and answer it later; on -errno the caller still has it. `state_dir` is copied.
 * history_secrets() takes the array and its strings in any case.
 */
int history_top(struct worker_pool *pool, const char *state_dir, struct control_request *request, uint64_t since_s,
		uint32_t limit, int by_process);
int history_secrets(struct worker_pool *pool, const char *state_dir, struct control_request *request, uint64_t since_s,
		    uint32_t limit, struct history_secret *secrets, size_t secrets_count);
/* Frees an array that history_secrets() was not given. */
void history_secrets_free(struct history_secret *secrets, size_t count);
