/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/candidate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->is_in_table = false)
#include <uthash.h>

#include "base/access.h"
#include "base/error.h"
#include "policy/glob.h"
#include "policy/policy.h"
#include "sensor/watch_rules.h"
#include "sensor/watch_sink.h"
#include "sensor/watch_view.h"

#define MAX_FILES       262144 /* as the daemon's defaults */
#define MAX_DIRECTORIES 65536
#define ANSWERS_MAX     65536

/* The same files come again and again. */
struct answer {
	const struct policy_secret *secret; /* or NULL */
	bool is_in_table;
	UT_hash_handle hh;
	char path[];
};

struct candidate {
	const struct policy_set *set;
	struct watch_rules *rules;
	struct watch_view *view;
	struct answer *answers;
};

/* ---------------------------------------------------------------- a look without a kernel */

/* Paths are all that is asked for later: what stat(2) says is enough to tell one file from another in this one look. */
static int identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	(void)context;
	memset(ret_records, 0, count * sizeof(*ret_records));
	for (size_t i = 0; i < count; i++) {
		struct stat stat;
		struct statfs fs = {0};

		if (fstat(fds[i], &stat) < 0)
			continue;
		(void)fstatfs(fds[i], &fs); /* 0 is no file system that matters */
		ret_records[i].file = (struct file_id){
			.ino = stat.st_ino,
			.dev = major(stat.st_dev) << 20 | minor(stat.st_dev),
		};
		ret_records[i].mode = stat.st_mode;
		ret_records[i].nlink = (uint32_t)stat.st_nlink;
		ret_records[i].fs_magic = (uint32_t)fs.f_type;
	}
	return 0;
}

/* Tables are written for a live view only, which this one never becomes. */
static const struct watch_sink sink = {.identify = identify};

static int look(struct candidate *candidate, const char *passwd_path, struct error *error)
{
	const struct watch_view_options options = {
		.rules = candidate->rules,
		.sink = &sink,
		.passwd_path = passwd_path,
		.max_files = MAX_FILES,
		.max_directories = MAX_DIRECTORIES,
		.is_single_look = true,
	};

	return watch_view_new(&options, &candidate->view, error);
}

int candidate_new(const struct policy_set *set, const char *passwd_path, struct candidate **ret, struct error *error)
{
	_cleanup_(candidate_freep) struct candidate *candidate = calloc(1, sizeof(*candidate));
	_cleanup_(freep) struct watch_pattern *patterns = NULL;
	size_t count = 0;
	int r = candidate ? watch_patterns_of(set, &patterns, &count) : -ENOMEM;

	if (r == 0)
		r = watch_rules_new(patterns, count, glob_match, &candidate->rules);
	if (r < 0)
		return error_set(error, r, NULL, 0, "the patterns of the policy: %s", strerror(-r));
	candidate->set = set;
	r = look(candidate, passwd_path, error);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(candidate);
	return 0;
}

void candidate_free(struct candidate *candidate)
{
	struct answer *answer, *next;

	if (!candidate)
		return;
	HASH_ITER (hh, candidate->answers, answer, next) {
		HASH_DEL(candidate->answers, answer);
		free(answer);
	}
	watch_view_free(candidate->view);
	watch_rules_free(candidate->rules);
	free(candidate);
}

/* ---------------------------------------------------------------- questions */

static const struct policy_secret *match(struct candidate *candidate, const char *path)
{
	uint32_t index;

	return watch_view_match_path(candidate->view, path, &index) ? policy_set_secret(candidate->set, index) : NULL;
}

static void remember(struct candidate *candidate, const char *path, const struct policy_secret *secret)
{
	size_t size = strlen(path);
	struct answer *answer;

	if (HASH_COUNT(candidate->answers) >= ANSWERS_MAX)
		return;
	answer = calloc(1, sizeof(*answer) + size + 1);
	if (!answer)
		return;
	memcpy(answer->path, path, size + 1);
	answer->secret = secret;
	answer->is_in_table = true;
	HASH_ADD_KEYPTR(hh, candidate->answers, answer->path, (unsigned int)size, answer);
	if (!answer->is_in_table)
		free(answer);
}

const struct policy_secret *candidate_find(struct candidate *candidate, const struct access *access)
{
	const struct policy_secret *secret;
	struct answer *answer;

	if (access->path[0] != '/' || access->path_truncated)
		return policy_set_find(candidate->set, access->secret_name);
	HASH_FIND(hh, candidate->answers, access->path, (unsigned int)strlen(access->path), answer);
	if (answer)
		return answer->secret;
	secret = match(candidate, access->path);
	remember(candidate, access->path, secret);
	return secret;
}
