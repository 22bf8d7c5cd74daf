/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file_id.h"
#include "enforce/fanotify_abi.h"
#include "enforce/permission_state.h"
#include "identity/process_record.h"
#include "identity/resolver.h"
#include "identity/users.h"
#include "policy/policy.h"

#define READS (FAN_ACCESS_PERM | FAN_PRE_ACCESS)

/* ---------------------------------------------------------------- which kind of access it is */

static struct passed_exec *exec_of(struct permission *permission, uint32_t tid)
{
	return &permission->execs[tid % EXECS_MAX];
}

static bool follows_exec(struct permission *permission, const struct pending *item)
{
	struct passed_exec *passed = exec_of(permission, item->tid);
	bool is_one = passed->tid == item->tid && file_id_equal(&passed->file, &item->file);

	if (is_one)
		passed->tid = 0;
	return is_one;
}

static enum access_kind kind_of(struct permission *permission, const struct pending *item)
{
	if (item->mask & FAN_OPEN_EXEC_PERM)
		return ACCESS_EXEC;
	if (item->mask & FAN_OPEN_PERM)
		return follows_exec(permission, item) ? ACCESS_EXEC : ACCESS_OPEN;
	return passage_find(&permission->passages, &item->task, &item->file);
}

static void note_passage(struct permission *permission, const struct pending *item)
{
	if (item->mask & FAN_OPEN_EXEC_PERM)
		*exec_of(permission, item->tid) = (struct passed_exec){.tid = item->tid, .file = item->file};
	if (!(item->mask & READS) && item->has_task)
		passage_note(&permission->passages, &item->task, &item->file, item->kind);
}

/* ---------------------------------------------------------------- the answer */

static void note_denial(struct permission *permission, const struct pending *item, const struct policy_secret *secret,
			const struct judgement *judgement)
{
	const struct denial denial = {
		.task = item->task,
		.file = item->file,
		.secret = secret->name,
		.rule = judgement->rule,
		.kind = (uint8_t)item->kind,
		.mode = item->mask & FAN_OPEN_EXEC_PERM ? MODE_EXEC
			: item->mask & READS            ? MODE_READ
							: 0,
	};

	if (!item->has_task) {
		permission->stats.untold++; /* late, and never looked at: nobody to name */
		return;
	}
	denial_table_add(permission->denials, &denial, clock_boot_ns());
	permission_wake_loop(permission);
}

void permission_settle(struct permission *permission, struct pending *item, const struct policy_secret *secret,
		       const struct judgement *judgement)
{
	bool is_allowed = judgement->action != VERDICT_DENY;

	permission->stats.undecided += judgement->is_error;
	if (is_allowed) {
		permission->stats.allowed++;
		note_passage(permission, item);
	} else {
		permission->stats.denied++;
		note_denial(permission, item, secret, judgement);
	}
	permission_respond(permission, item, is_allowed);
}

int permission_hold_process(struct permission *permission, const struct task_snapshot *task)
{
	char buffer[PERMISSION_RECORD_MAX] __attribute__((aligned(8)));
	struct process_record *record = (struct process_record *)buffer;
	_cleanup_(closep) int fd = (int)syscall(SYS_pidfd_open, (pid_t)task->id.pid, 0);

	/* Its thread waits for us still, so the descriptor is of that very process and of no later one of its number.
	 */
	if (fd < 0 || permission->config.look(permission->config.context, task->tid, record, sizeof(buffer)) <= 0 ||
	    !process_id_equal(&record->task.id, &task->id))
		return -1;
	return TAKE_FD(fd);
}

/*
 * After the lock was given away: the policy may be another. A process that is denied is killed while it still waits, so
 * that it never sees the answer; `pidfd` -1 is nobody.
 */
static void settle_again(struct permission *permission, uint64_t serial, const struct access *access, uint32_t unknown,
			 int pidfd)
{
	struct pending *item = permission_find(permission, serial);
	const struct policy_secret *secret = item ? permission_secret(permission, item->number) : NULL;
	struct judgement judgement;

	if (!item)
		return;
	if (!secret) {
		permission_respond(permission, item, true);
		return;
	}
	judgement_make(secret, access, unknown, &judgement);
	if (judgement.action == VERDICT_DENY && pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0); /* -ESRCH: killed by others */
	permission_settle(permission, item, secret, &judgement);
}

void permission_settle_asked(struct permission *permission, uint64_t serial, const struct access *access,
			     uint32_t unknown)
{
	const struct policy_secret *secret;
	struct judgement judgement;
	struct task_snapshot task;
	struct pending *item;
	_cleanup_(closep) int pidfd = -1;
	bool is_killed = false;

	(void)pthread_mutex_lock(&permission->lock);
	item = permission_find(permission, serial);
	secret = item ? permission_secret(permission, item->number) : NULL;
	if (secret && secret->action == POLICY_ACTION_KILL) {
		judgement_make(secret, access, unknown, &judgement);
		is_killed = judgement.action == VERDICT_DENY;
		task = item->task;
	}
	if (is_killed) {
		(void)pthread_mutex_unlock(&permission->lock);
		pidfd = permission_hold_process(permission, &task);
		(void)pthread_mutex_lock(&permission->lock);
	}
	settle_again(permission, serial, access, unknown, pidfd);
	(void)pthread_mutex_unlock(&permission->lock);
}

/* ---------------------------------------------------------------- the judge */

/* Leaves the access to the loop. False when there is no memory. */
static bool ask_loop(struct permission *permission, struct pending *item, const struct policy_secret *secret,
		     const struct process_record *record, size_t size, uint32_t wanted)
{
	size_t name_size = strlen(secret->name) + 1;
	struct question *question = malloc(sizeof(*question) + size + name_size);

	if (!question)
		return false;
	*question = (struct question){.serial = item->serial};
	memcpy(question->record, record, size);
	memcpy(question->record + size, secret->name, name_size);
	question->question = (struct permission_question){
		.record = (const struct process_record *)question->record,
		.record_size = size,
		.secret = question->record + size,
		.kind = item->kind,
		.wanted = wanted,
	};
	STAILQ_INSERT_TAIL(&permission->questions, question, queue);
	permission_wake_loop(permission);
	return true;
}

static uint32_t unknown_of(const struct access_process *process)
{
	return FACTS_OF_LOOP | (process->exe[0] ? 0 : FACT_EXE) | (process->cgroup[0] ? 0 : FACT_CGROUP);
}

/* With the lock. True when it is answered or asked; else *ret_judgement is a denial after which the process is killed.
 */
static bool decide(struct permission *permission, struct pending *item, const struct policy_secret *secret,
		   struct access *access, size_t record_size, struct judgement *ret_judgement)
{
	const struct process_record *record = (const struct process_record *)permission->record;

	item->task = record->task;
	item->has_task = true;
	item->kind = kind_of(permission, item);
	access->kind = item->kind;
	access->process.user = users_name(permission->users, access->process.cred.uid);
	/* Who runs the file has all of it: the exec was the access. */
	if ((item->mask & READS) && file_id_equal(&item->task.exe.file, &item->file))
		*ret_judgement = (struct judgement){.action = VERDICT_ALLOW};
	else
		judgement_make(secret, access, unknown_of(&access->process), ret_judgement);
	if (ret_judgement->is_error && (ret_judgement->undecided & FACTS_OF_LOOP) &&
	    ask_loop(permission, item, secret, record, record_size, ret_judgement->undecided))
		return true;
	if (ret_judgement->action == VERDICT_DENY && secret->action == POLICY_ACTION_KILL)
		return false;
	permission_settle(permission, item, secret, ret_judgement);
	return true;
}

/* Who cannot be looked at: one that was killed while it waited, which no answer reaches, or the look-up failed. */
static void judge_unseen(struct permission *permission, struct pending *item, const struct policy_secret *secret,
			 ssize_t error)
{
	struct judgement judgement;

	if (error == -ESRCH) {
		permission_respond(permission, item, false);
		return;
	}
	judgement_on_error(secret, &judgement);
	permission_settle(permission, item, secret, &judgement);
}

/* Without the lock. */
static void judge(struct permission *permission, uint64_t serial, uint32_t tid)
{
	struct process_record *record = (struct process_record *)permission->record;
	ssize_t size =
		tid ? permission->config.look(permission->config.context, tid, record, sizeof(permission->record))
		    : -ENOENT; /* in no pid namespace that we see */
	const struct policy_secret *secret;
	struct judgement judgement;
	struct access access = {0};
	struct pending *item;
	_cleanup_(closep) int pidfd = -1;

	if (size > 0 && resolver_describe(permission->resolver, record, (size_t)size, &access.process) < 0)
		size = -EBADMSG;
	(void)pthread_mutex_lock(&permission->lock);
	item = permission_find(permission, serial);
	secret = item ? permission_secret(permission, item->number) : NULL;
	if (item && !secret)
		permission_respond(permission, item, true);
	else if (item && size <= 0)
		judge_unseen(permission, item, secret, size);
	else if (item && !decide(permission, item, secret, &access, (size_t)size, &judgement)) {
		(void)pthread_mutex_unlock(&permission->lock);
		pidfd = permission_hold_process(permission, &record->task);
		(void)pthread_mutex_lock(&permission->lock);
		settle_again(permission, serial, &access, unknown_of(&access.process), pidfd);
	}
	(void)pthread_mutex_unlock(&permission->lock);
}

void *permission_judge_run(void *context)
{
	struct permission *permission = context;
	struct pending *item;

	permission_hurry();
	(void)pthread_mutex_lock(&permission->lock);
	while (!permission->is_stopping) {
		uint64_t serial;
		uint32_t tid;

		item = STAILQ_FIRST(&permission->queued);
		if (!item) {
			(void)pthread_cond_wait(&permission->judge_wakes, &permission->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&permission->queued, queue);
		item->state = PENDING_TAKEN;
		serial = item->serial;
		tid = item->tid;
		(void)pthread_mutex_unlock(&permission->lock);
		judge(permission, serial, tid);
		(void)pthread_mutex_lock(&permission->lock);
	}
	(void)pthread_mutex_unlock(&permission->lock);
	return NULL;
}
