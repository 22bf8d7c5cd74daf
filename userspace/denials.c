/* SPDX-License-Identifier: Apache-2.0 */
#include "denials.h"

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->is_lost = true)
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#define DEBT_TICKS 64 /* how long a claim may come after its denial was told */

struct counted {
	uint64_t count, first_ns, last_ns;
};

/* One kind of denial of one process. `fresh` came since the last tick, `aged` before it. */
struct entry {
	struct denial denial;
	char *secret, *rule; /* owned */
	struct counted fresh, aged;
	uint64_t told;     /* told, and not claimed */
	unsigned int rest; /* ticks until it is forgotten */
	LIST_ENTRY(entry) siblings;
};

struct denied {
	struct process_id id;
	LIST_HEAD(, entry) entries;
	bool is_lost; /* uthash had no memory for it */
	UT_hash_handle hh;
};

struct denials {
	denials_tell_fn tell;
	void *context;
	size_t max, count;
	struct denied *processes;
};

int denials_new(size_t max, denials_tell_fn tell, void *context, struct denials **ret)
{
	struct denials *denials = calloc(1, sizeof(*denials));

	if (!denials)
		return -ENOMEM;
	denials->max = max;
	denials->tell = tell;
	denials->context = context;
	*ret = denials;
	return 0;
}

static void entry_free(struct denials *denials, struct entry *entry)
{
	LIST_REMOVE(entry, siblings);
	free(entry->secret);
	free(entry->rule);
	free(entry);
	denials->count--;
}

static void drop_if_empty(struct denials *denials, struct denied *process)
{
	if (!LIST_EMPTY(&process->entries))
		return;
	HASH_DEL(denials->processes, process);
	free(process);
}

void denials_free(struct denials *denials)
{
	struct denied *process, *next;

	if (!denials)
		return;
	HASH_ITER (hh, denials->processes, process, next) {
		while (!LIST_EMPTY(&process->entries))
			entry_free(denials, LIST_FIRST(&process->entries));
		drop_if_empty(denials, process);
	}
	free(denials);
}

static struct denied *find_process(const struct denials *denials, const struct process_id *id)
{
	struct denied *process;

	HASH_FIND(hh, denials->processes, id, sizeof(*id), process);
	return process;
}

static struct denied *get_process(struct denials *denials, const struct process_id *id)
{
	struct denied *process = find_process(denials, id);

	if (process)
		return process;
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->id = *id;
	LIST_INIT(&process->entries);
	HASH_ADD(hh, denials->processes, id, sizeof(process->id), process);
	if (!process->is_lost)
		return process;
	free(process);
	return NULL;
}

/* Whatever an event shows is the same. */
static bool is_same(const struct entry *entry, const struct denial *denial)
{
	const struct denial *have = &entry->denial;

	return have->kind == denial->kind && have->mode == denial->mode &&
	       memcmp(&have->file, &denial->file, sizeof(have->file)) == 0 &&
	       memcmp(&have->task.cred, &denial->task.cred, sizeof(have->task.cred)) == 0 &&
	       memcmp(&have->task.exe, &denial->task.exe, sizeof(have->task.exe)) == 0 &&
	       have->task.cgroup_id == denial->task.cgroup_id && strcmp(entry->secret, denial->secret) == 0 &&
	       strcmp(entry->rule, denial->rule) == 0;
}

static struct entry *get_entry(struct denials *denials, const struct denial *denial)
{
	struct denied *process = get_process(denials, &denial->task.id);
	struct entry *entry;

	if (!process)
		return NULL;
	LIST_FOREACH (entry, &process->entries, siblings)
		if (is_same(entry, denial))
			return entry;
	entry = denials->count < denials->max ? calloc(1, sizeof(*entry)) : NULL;
	if (!entry) {
		drop_if_empty(denials, process);
		return NULL;
	}
	entry->denial = *denial;
	entry->secret = strdup(denial->secret);
	entry->rule = strdup(denial->rule);
	entry->denial.secret = entry->secret;
	entry->denial.rule = entry->rule;
	LIST_INSERT_HEAD(&process->entries, entry, siblings);
	denials->count++;
	if (entry->secret && entry->rule)
		return entry;
	entry_free(denials, entry);
	drop_if_empty(denials, process);
	return NULL;
}

static void add(struct counted *to, uint64_t count, uint64_t first_ns, uint64_t last_ns)
{
	if (to->count == 0)
		to->first_ns = first_ns;
	to->count += count;
	to->last_ns = last_ns;
}

static void tell(struct denials *denials, struct entry *entry, struct counted *counted)
{
	if (counted->count == 0)
		return;
	entry->denial.count = counted->count;
	entry->denial.first_ns = counted->first_ns;
	entry->denial.last_ns = counted->last_ns;
	if (entry->denial.kind == ACCESS_OPEN)
		entry->told += counted->count;
	*counted = (struct counted){0};
	denials->tell(denials->context, &entry->denial);
}

void denials_add(struct denials *denials, const struct denial *denial)
{
	struct entry *entry = get_entry(denials, denial);

	if (!entry) {
		denials->tell(denials->context, denial);
		return;
	}
	add(&entry->fresh, denial->count, denial->first_ns, denial->last_ns);
	/* Only opens can be claimed; of anything else the first is told now, what follows at the ticks. */
	if (denial->kind != ACCESS_OPEN && entry->rest == 0)
		tell(denials, entry, &entry->fresh);
	entry->rest = DEBT_TICKS;
}

static uint64_t take(uint64_t *from, uint64_t count)
{
	uint64_t taken = *from < count ? *from : count;

	*from -= taken;
	return taken;
}

/* What there is to claim of the entry: what has not been told yet, or with `told` what has. */
static uint64_t *claimable(struct entry *entry, bool told)
{
	if (told)
		return &entry->told;
	return entry->aged.count ? &entry->aged.count : &entry->fresh.count;
}

uint64_t denials_claim(struct denials *denials, const struct process_id *process_id, const char *secret, uint64_t count,
		       const char **ret_rule, bool *ret_is_told)
{
	struct denied *process = find_process(denials, process_id);
	struct entry *entry;

	if (!process || count == 0)
		return 0;
	for (int told = 0; told <= 1; told++) {
		LIST_FOREACH (entry, &process->entries, siblings) {
			uint64_t *from = claimable(entry, told);

			if (entry->denial.kind != ACCESS_OPEN || *from == 0 || strcmp(entry->secret, secret) != 0)
				continue;
			*ret_rule = entry->rule;
			*ret_is_told = told;
			return take(from, count);
		}
	}
	return 0;
}

static void tick_entry(struct denials *denials, struct entry *entry)
{
	tell(denials, entry, &entry->aged);
	if (entry->denial.kind != ACCESS_OPEN)
		tell(denials, entry, &entry->fresh);
	entry->aged = entry->fresh;
	entry->fresh = (struct counted){0};
	if (entry->aged.count == 0 && --entry->rest == 0)
		entry_free(denials, entry);
}

void denials_tick(struct denials *denials)
{
	struct denied *process, *next_process;

	HASH_ITER (hh, denials->processes, process, next_process) {
		struct entry *entry = LIST_FIRST(&process->entries), *next;

		for (; entry; entry = next) {
			next = LIST_NEXT(entry, siblings);
			tick_entry(denials, entry);
		}
		drop_if_empty(denials, process);
	}
}

void denials_flush(struct denials *denials)
{
	struct denied *process, *next;
	struct entry *entry;

	HASH_ITER (hh, denials->processes, process, next) {
		LIST_FOREACH (entry, &process->entries, siblings) {
			tell(denials, entry, &entry->aged);
			tell(denials, entry, &entry->fresh);
		}
	}
}
