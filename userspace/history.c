/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/worker.h"
#include "cli/control_request.h"
#include "store/reader.h"

#define ANSWER_MAX  (900 * 1024)
#define DEADLINE_MS 10000

struct question {
	struct worker_job job; /* first: a job is its question */
	struct control_request *request;
	char *state_dir;
	uint64_t since_real_ns;
	uint32_t limit;
	bool by_process;
	struct history_secret *secrets; /* NULL: the question is `top` */
	size_t secrets_count;
	struct buffer answer;
	struct json_writer writer;
	uint32_t rows;
	int result;
};

void history_secrets_free(struct history_secret *secrets, size_t count)
{
	for (size_t i = 0; secrets && i < count; i++) {
		free(secrets[i].name);
		free(secrets[i].class_name);
		free(secrets[i].policy_name);
	}
	free(secrets);
}

static void question_free(struct question *question)
{
	history_secrets_free(question->secrets, question->secrets_count);
	buffer_release(&question->answer);
	free(question->state_dir);
	free(question);
}

static void write_time(struct json_writer *w, const char *key, uint64_t real_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	json_string(w, key, real_ns ? clock_format_rfc3339(real_ns, text) : NULL);
}

static int on_top_row(void *context, const struct store_top_row *row)
{
	struct question *question = context;
	struct json_writer *w = &question->writer;

	json_object_begin(w, NULL);
	json_string(w, "exe", row->exe);
	if (question->by_process)
		json_uint(w, "pid", row->pid);
	else
		json_null(w, "pid");
	json_string(w, "user", row->user);
	json_uint(w, "accesses", row->count);
	json_uint(w, "alerts", row->alerts);
	json_uint(w, "denied", row->denied);
	json_uint(w, "secrets", row->secrets);
	write_time(w, "last", row->last_real_ns);
	json_object_end(w);
	return 0;
}

static int ask_top(struct question *question, struct store_reader *reader)
{
	const struct store_top_query query = {
		.since_real_ns = question->since_real_ns,
		.group = question->by_process ? STORE_GROUP_PROCESS : STORE_GROUP_EXE,
		.sort = STORE_SORT_COUNT,
		.limit = question->limit,
	};

	return store_query_top(reader, &query, on_top_row, question);
}

static void write_secret(struct question *question, const char *name, const char *class_name, const char *policy,
			 size_t files, const struct store_secret_row *row)
{
	struct json_writer *w = &question->writer;

	if (question->rows >= question->limit)
		return;
	question->rows++;
	json_object_begin(w, NULL);
	json_string(w, "name", name);
	json_string(w, "class", class_name);
	json_string(w, "policy", policy);
	json_uint(w, "files", files);
	json_uint(w, "accesses", row ? row->count : 0);
	json_uint(w, "alerts", row ? row->alerts : 0);
	json_uint(w, "denied", row ? row->denied : 0);
	json_uint(w, "readers", row ? row->readers : 0);
	write_time(w, "first", row ? row->first_real_ns : 0);
	write_time(w, "last", row ? row->last_real_ns : 0);
	json_object_end(w);
}

/* A secret with history: of the present policy, or one that is in none any more. */
static int on_secret_row(void *context, const struct store_secret_row *row)
{
	struct question *question = context;

	for (size_t i = 0; i < question->secrets_count; i++) {
		struct history_secret *secret = &question->secrets[i];

		if (secret->name && strcmp(secret->name, row->name) == 0) {
			write_secret(question, secret->name, secret->class_name, secret->policy_name, secret->files,
				     row);
			free(secret->name);
			secret->name = NULL; /* written */
			return 0;
		}
	}
	write_secret(question, row->name, row->class_name, NULL, 0, row);
	return 0;
}

static int ask_secrets(struct question *question, struct store_reader *reader)
{
	int r = store_query_secrets(reader, question->since_real_ns, on_secret_row, question);

	for (size_t i = 0; r == 0 && i < question->secrets_count; i++) {
		const struct history_secret *secret = &question->secrets[i];

		if (secret->name)
			write_secret(question, secret->name, secret->class_name, secret->policy_name, secret->files,
				     NULL);
	}
	return r;
}

static void run(struct worker_job *job)
{
	struct question *question = (struct question *)job;
	struct store_reader *reader = NULL;
	struct error error = {0};

	question->result = store_reader_open(question->state_dir, DEADLINE_MS, &reader, &error);
	if (question->result < 0)
		return;
	json_writer_init(&question->writer, &question->answer);
	json_object_begin(&question->writer, NULL);
	json_array_begin(&question->writer, "rows");
	question->result = question->secrets ? ask_secrets(question, reader) : ask_top(question, reader);
	json_array_end(&question->writer);
	json_object_end(&question->writer);
	store_reader_free(reader);
	if (question->result == 0 && question->answer.failed)
		question->result = -EMSGSIZE;
}

static void done(struct worker_job *job)
{
	struct question *question = (struct question *)job;

	if (question->result == 0)
		control_reply(question->request, question->answer.data, question->answer.size);
	else
		control_reply_error(question->request, "history", "the history cannot be read: %s",
				    strerror(-question->result));
	question_free(question);
}

static int submit(struct worker_pool *pool, const char *state_dir, struct control_request *request, uint64_t since_s,
		  uint32_t limit, struct question *question)
{
	uint64_t now = clock_real_ns();
	int r;

	question->job = (struct worker_job){.run = run, .done = done};
	question->request = request;
	question->state_dir = strdup(state_dir);
	question->since_real_ns = since_s < now / NS_PER_SEC ? now - since_s * NS_PER_SEC : 0;
	question->limit = limit;
	question->answer = BUFFER_INIT(ANSWER_MAX);
	question->result = -ECANCELED; /* stays when the pool ends before it ran */
	r = question->state_dir ? worker_submit(pool, &question->job) : -ENOMEM;
	if (r < 0)
		question_free(question);
	return r;
}

int history_top(struct worker_pool *pool, const char *state_dir, struct control_request *request, uint64_t since_s,
		uint32_t limit, int by_process)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return -ENOMEM;
	question->by_process = by_process;
	return submit(pool, state_dir, request, since_s, limit, question);
}

int history_secrets(struct worker_pool *pool, const char *state_dir, struct control_request *request, uint64_t since_s,
		    uint32_t limit, struct history_secret *secrets, size_t secrets_count)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question) {
		history_secrets_free(secrets, secrets_count);
		return -ENOMEM;
	}
	question->secrets = secrets;
	question->secrets_count = secrets_count;
	return submit(pool, state_dir, request, since_s, limit, question);
}
