/* SPDX-License-Identifier: Apache-2.0 */
/*
 * permission.h: the tier `fanotify`: whoever opens, executes or reads a marked file waits until we have said yes or no.
 *
 * Two threads. The reader takes events, lets our own pass, tells files by what they are, and watches the deadline: an
 * access that has no verdict by then gets the policy's onError. The judge looks at who it is and decides. What takes
 * longer (ancestors, a hash, a file that the watch list has not seen yet) goes to the loop, which may open files
 * itself: the reader never waits for it, nor for any lock that is held while a file is opened. So nothing of ours can
 * wait for itself.
 *
 * Every function here is for the loop's thread. With the group the marks go: the kernel then lets
 * everybody pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/access.h"
#include "base/cleanup.h"
#include "enforce/denial_table.h"
#include "enforce/marks.h"

struct error;
struct permission;
struct permission_question;
struct policy_secret;
struct process_record;

/* An access whose verdict needs what only the loop knows. Valid until it is answered. */
struct permission_question {
	const struct process_record *record;
	size_t record_size;
	const char *secret; /* of the policy in force or to be */
	enum access_kind kind;
	uint32_t wanted; /* enum fact: what was missing */
};

struct permission_config {
	uint64_t deadline_ms;
	/* The judge's thread: what the kernel says of a thread that waits; as sensor_look(). */
	ssize_t (*look)(void *context, uint32_t tid, struct process_record *ret_record, size_t size);
	/* The loop, out of permission_dispatch(): make the watch list take in all changes that there are by now. */
	void (*catch_up)(void *context);
	/* The same: find out, then permission_answer(), now or later. */
	void (*ask)(void *context, struct permission_question *question);
	void *context;
};

struct permission_stats {
	struct marks_stats marks;
	size_t files;
	uint64_t events;  /* accesses that waited for us */
	uint64_t allowed; /* of these, by verdicts */
	uint64_t denied;
	uint64_t late;      /* of these, by onError, because the deadline had passed */
	uint64_t undecided; /* the same, because something about the process could not be known; late ones too */
	uint64_t overflows; /* times that the kernel had no room for events and let them pass */
	uint64_t untold;    /* denials that became no event, for want of room */
};

/* 0 or -errno with *error. Nothing is marked yet. */
int permission_new(const struct permission_config *config, struct permission **ret, struct error *error);
/* Ends the threads and the group. What is still asked may be answered afterwards; what was denied can be collected. */
void permission_stop(struct permission *permission);
void permission_free(struct permission *permission); /* NULL is fine */
DEFINE_FREEP(struct permission, permission_free)

/* ---- what the watch list finds (watch_marker.h) */

void permission_mark_file(struct permission *permission, int fd, const struct file_id *id, uint32_t number);
void permission_mark_directory(struct permission *permission, int fd, const char *path, uint32_t inside,
			       uint32_t below);
void permission_set_file(struct permission *permission, const struct file_id *id, uint32_t number);

/* ---- policies */

/*
 * From begin on a file of secret n is judged by secrets[n] (NULL: it is not enforced): copied; what they point to is
 * borrowed until the next call of the three has returned. After begin the watch list tells of files and directories
 * anew. Then end, with what is enforced from there on; or abandon, with what was before.
 */
typedef const struct policy_secret *permission_secrets[VERDICT_SECRETS_MAX];
void permission_begin(struct permission *permission, permission_secrets secrets);
void permission_end(struct permission *permission, permission_secrets secrets);
void permission_abandon(struct permission *permission, permission_secrets secrets);

/* ---- the loop's part */

int permission_fd(const struct permission *permission); /* readable when permission_dispatch() has something to do */
void permission_dispatch(struct permission *permission);
/* `unknown`: what could not be found out, enum fact. Frees the question. */
void permission_answer(struct permission *permission, struct permission_question *question,
		       const struct access_process *process, uint32_t unknown);
/*
 * Hands out every denial that has not been; each is here before the access has returned. The strings are good until
 * one of the three above has returned: collect after it, before what they point to goes.
 */
void permission_collect(struct permission *permission, void (*fn)(void *context, const struct denial *denial),
			void *context);
/* About once a second: names of users may have changed. */
void permission_refresh(struct permission *permission);
struct permission_stats permission_stats(struct permission *permission);
