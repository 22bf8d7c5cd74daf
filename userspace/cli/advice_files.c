/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "cli/advice.h"
#include "cli/host_glob.h"
#include "cli/policy_advice.h"
#include "policy/glob.h"
#include "policy/policy.h"

#define QUOTE_SIZE 80

struct finding {
	bool has_file, has_directory;
};

static int on_found(void *context, const char *path, bool is_directory)
{
	struct finding *finding = context;

	(void)path;
	finding->has_file = finding->has_file || !is_directory;
	finding->has_directory = finding->has_directory || is_directory;
	return finding->has_file;
}

/* 0 when what was found is all that there is. */
static int find(struct advice *advice, const char *pattern, struct finding *ret_finding)
{
	struct finding finding = {.has_file = false};
	char in_home[2 * GLOB_SIZE_MAX];
	int r = 0;

	if (pattern[0] != '~') {
		r = host_glob(advice->host->root, pattern, &advice->steps, on_found, &finding);
		*ret_finding = finding;
		return r > 0 ? 0 : r;
	}
	for (size_t i = 0; i < advice->homes.count && !finding.has_file && r == 0; i++) {
		if (!glob_is_literal(advice->homes.paths[i], strlen(advice->homes.paths[i])) ||
		    snprintf(in_home, sizeof(in_home), "%s%s", advice->homes.paths[i], pattern + 1) >=
			    (int)sizeof(in_home))
			continue; /* nobody's home is called so */
		r = host_glob(advice->host->root, in_home, &advice->steps, on_found, &finding);
	}
	*ret_finding = finding;
	return r > 0 ? 0 : r;
}

static int say_directory(struct advice *advice, const struct policy_secret *secret, size_t index)
{
	char quote[QUOTE_SIZE];

	(void)escape_line(secret->patterns[index], quote, sizeof(quote));
	return policy_set_warn(
		advice->set, secret->file, secret->pattern_lines[index],
		"path \"%s\" is a directory here, which is no secret; write \"%s/**\" for all that is below", quote,
		quote);
}

static int say_absent(struct advice *advice, const struct policy_secret *secret, struct advice_list *absent, int line)
{
	return advice_tell_absent(
		advice, secret->file, line,
		"secret \"%s\": no file on this host for %zu of %zu paths: %s; check the spelling, unless "
		"the files come later",
		secret->name, absent->count, secret->patterns_count, advice_list_text(absent));
}

int advise_files(struct advice *advice, const struct policy_secret *secret)
{
	struct advice_list absent = {.count = 0};
	int line = 0, r = 0;

	for (size_t i = 0; r >= 0 && i < secret->patterns_count; i++) {
		const char *pattern = secret->patterns[i];
		struct finding finding;

		/* At a load only what costs nothing: homes may be far away, wildcards many. */
		if (advice->host->absent_max == 0 && (pattern[0] == '~' || !glob_is_literal(pattern, strlen(pattern))))
			continue;
		if (find(advice, pattern, &finding) < 0 || finding.has_file)
			continue;
		if (finding.has_directory && glob_is_literal(pattern, strlen(pattern))) {
			r = say_directory(advice, secret, i);
			continue;
		}
		if (absent.count == 0)
			line = secret->pattern_lines[i];
		advice_list_add(&absent, pattern);
	}
	if (r < 0 || absent.count == 0 || advice->host->absent_max == 0)
		return r;
	return say_absent(advice, secret, &absent, line);
}
