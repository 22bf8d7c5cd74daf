/* SPDX-License-Identifier: Apache-2.0 */
/* The command `explain`: what a living process is, and what the policy in force says of it. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/json_writer.h"
#include "daemon_state.h"
#include "identity/identity.h"
#include "policy/policy.h"
#include "rollout/explanation.h"
#include "sensor/sensor.h"

#define ANSWER_MAX (900 * 1024)
#define NAME_SIZE  255

struct question {
	uint64_t pid;
	const char *secret_name; /* NULL: only who the process is */
	const struct policy_secret *secret;
	struct access access;
};

static int read_arguments(struct control_request *request, struct question *question)
{
	static const char *const kinds[] = {"open",   "exec",     "map",          "receive", "link",
					    "ptrace", "proc-mem", "proc-environ", NULL};
	const char *kind = NULL;
	int r = control_request_uint(request, "pid", 1, INT32_MAX, 0, &question->pid);

	if (r == 0)
		r = control_request_string(request, "secret", NAME_SIZE, NULL, &question->secret_name);
	if (r == 0)
		r = control_request_choice(request, "kind", kinds, kinds[0], &kind);
	return r < 0 ? r : access_kind_from_name(kind, &question->access.kind);
}

static void ignore_hash(void *context, const char *sha256)
{
	(void)context; /* identity keeps it: whoever asks again gets it */
	(void)sha256;
}

/* Whether the hash of the program is on its way. Where nobody asks for one, none is made. */
static bool wants_hash(struct daemon *daemon, const struct question *question, const struct task_snapshot *task)
{
	if (question->access.process.exe_sha256 || (question->secret && !question->secret->needs_sha256))
		return false;
	return identity_hash(daemon->identity, task, ignore_hash, NULL) == 0;
}

static int answer(struct daemon *daemon, struct control_request *request, const struct question *question,
		  bool is_hash_pending)
{
	_cleanup_(buffer_release) struct buffer buffer = BUFFER_INIT(ANSWER_MAX);
	struct json_writer w;

	json_writer_init(&w, &buffer);
	json_object_begin(&w, NULL);
	explanation_write_process(&w, &question->access.process);
	json_bool(&w, "hash_pending", is_hash_pending);
	json_string(&w, "tier", tier_name(TIER_OBSERVE));
	if (question->secret)
		explanation_write(&w, daemon->policy, question->secret->index, &question->access, TIER_OBSERVE);
	else
		json_null(&w, "explanation");
	json_object_end(&w);
	if (buffer.failed)
		return -EMSGSIZE;
	control_reply(request, buffer.data, buffer.size);
	return 0;
}

int daemon_explain(void *context, struct control_request *request)
{
	struct daemon *daemon = context;
	struct question question = {.pid = 0};
	struct task_snapshot task;
	bool is_hash_pending;
	int r = read_arguments(request, &question);

	if (r < 0)
		return r;
	if (question.secret_name) {
		question.secret = policy_set_find(daemon->policy, question.secret_name);
		if (!question.secret) {
			control_reply_error(request, "no-such-secret", "no policy in force has a secret \"%s\"",
					    question.secret_name);
			return 0;
		}
	}
	if (question.pid == 0) {
		control_reply_error(request, "bad-argument", "\"pid\" is missing");
		return 0;
	}
	r = sensor_read_process(daemon->sensor, (uint32_t)question.pid, &task);
	if (r == -ESRCH) {
		control_reply_error(request, "no-such-process", "there is no process %llu",
				    (unsigned long long)question.pid);
		return 0;
	}
	if (r < 0)
		return r;
	identity_describe(daemon->identity, &task, &question.access.process);
	is_hash_pending = wants_hash(daemon, &question, &task);
	/* Asking for the hash may have looked up more of it. */
	identity_describe(daemon->identity, &task, &question.access.process);
	return answer(daemon, request, &question, is_hash_pending);
}
