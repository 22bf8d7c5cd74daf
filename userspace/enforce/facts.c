/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/facts.h"

#include <string.h>

#include "base/access.h"
#include "enforce/classes.h"

static void match(const struct classes *classes, const struct class_subject *subject, struct verdict_facts *facts,
		  enum class_sort sort)
{
	uint64_t bits[CLASS_WORDS] = {0};

	classes_match(classes, subject, bits);
	for (size_t word = 0; word < CLASS_WORDS; word++)
		facts->bits[sort][word] |= bits[word];
}

static void match_file(const struct classes *classes, const char *path, const char *sha256, struct verdict_facts *facts,
		       enum class_sort sort)
{
	const struct class_subject subject = {.member = MEMBER_FILE, .path = path, .sha256 = sha256};

	if (path && *path)
		match(classes, &subject, facts, sort);
}

static void open_all(struct verdict_facts *facts, enum class_sort sort)
{
	memset(facts->open[sort], 0xff, sizeof(facts->open[sort]));
}

void facts_of_process(const struct classes *classes, const struct access_process *process,
		      struct verdict_facts *ret_facts)
{
	struct verdict_facts *facts = ret_facts;

	const struct class_subject cgroup = {.member = MEMBER_CGROUP,
					     .cgroup = process->cgroup,
					     .unit = process->unit,
					     .container = process->container};
	const struct class_subject user = {.member = MEMBER_UID, .number = process->cred.uid, .user = process->user};
	const struct class_subject group = {.member = MEMBER_GID, .number = process->cred.gid};

	memset(facts, 0, sizeof(*facts));
	for (size_t sort = 0; sort < CLASS_SORT_COUNT; sort++)
		facts->bits[sort][0] = 1;
	match_file(classes, process->exe, process->exe_sha256, facts, CLASS_EXE);
	if (!process->exe || !*process->exe)
		open_all(facts, CLASS_EXE);
	match_file(classes, process->script, NULL, facts, CLASS_SCRIPT);
	for (size_t i = 0; i < process->ancestors_count && i < ACCESS_ANCESTORS_MAX; i++)
		match_file(classes, process->ancestors[i].exe, NULL, facts, CLASS_ANCESTOR);
	if (process->ancestors_truncated)
		open_all(facts, CLASS_ANCESTOR);
	match(classes, &cgroup, facts, CLASS_CGROUP);
	if (!process->cgroup || !*process->cgroup)
		open_all(facts, CLASS_CGROUP);
	match(classes, &user, facts, CLASS_UID);
	match(classes, &group, facts, CLASS_GID);
}
