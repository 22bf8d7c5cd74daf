/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner.h: tells the kernel of the programs, scripts, control groups and ancestors that are seen on this host: which
 * classes of the enforced policies they have.
 *
 * Fed with the records that identity was fed with, after it. What a process runs is taken from where the kernel noted
 * it at the exec (the map `images`), because the process itself can change what the kernel says of it later. Does
 * nothing while no policy is enforced. Loop thread only.
 */
#pragma once

#include <stdint.h>

#include "abi.h"
#include "base/cleanup.h"

struct identity;
struct kernel_policy;
struct learner;

/* All is borrowed; the descriptors are of the maps of these names. 0 or -ENOMEM. */
int learner_new(struct kernel_policy *policy, struct identity *identity, int images_fd, int lineage_fd,
		struct learner **ret);
void learner_free(struct learner *learner); /* after identity_free(), which calls back who waits for a hash */
DEFINE_FREEP(struct learner, learner_free)

/* A record of an exec or a fork, as identity_process() took it. */
void learner_process(struct learner *learner, const struct process_record *record);
/* A process from the task iterator, that may have been there before the kernel's programs. */
void learner_adopt(struct learner *learner, const struct process_record *record);
/* A control group was made. */
void learner_cgroup(struct learner *learner, uint64_t cgroup_id);
/* The kernel did not know enough of the process that made this access (DECIDED_ERROR): tells it what is known now. */
void learner_doubt(struct learner *learner, const struct task_snapshot *task);

/*
 * Between kernel_policy_prepare() and the flip: ancestors under the rules of the prepared bank. When the kernel begins
 * to remember something (`tracking` is another than before prepare), adopt every process besides.
 */
void learner_prepare(struct learner *learner);
/* About once a second. */
void learner_tick(struct learner *learner);

/* A file on the host's disk: its hash is asked for if a rule wants it. */
void learner_want_hash(struct learner *learner, const struct exe_id *exe, const char *path);
