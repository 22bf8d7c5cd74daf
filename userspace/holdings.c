/* SPDX-License-Identifier: Apache-2.0 */
#include "holdings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#define TICKS_DEAD 2

struct holding {
	uint32_t pid;
	uint64_t start_ns;
	unsigned int dead_ticks; /* 0: alive */
	size_t count;
	char *secrets[HOLDINGS_PER_PROCESS];
	TAILQ_ENTRY(holding) age;
	UT_hash_handle hh;
};

struct holdings {
	size_t max;
	struct holding *by_pid;
	TAILQ_HEAD(, holding) oldest;
};

int holdings_new(size_t max, struct holdings **ret_holdings)
{
	struct holdings *holdings = calloc(1, sizeof(*holdings));

	if (!holdings)
		return -ENOMEM;
	holdings->max = max;
	TAILQ_INIT(&holdings->oldest);
	*ret_holdings = holdings;
	return 0;
}

static void clear(struct holding *holding)
{
	for (size_t i = 0; i < holding->count; i++)
		free(holding->secrets[i]);
	holding->count = 0;
}

static void drop(struct holdings *holdings, struct holding *holding)
{
	HASH_DEL(holdings->by_pid, holding);
	TAILQ_REMOVE(&holdings->oldest, holding, age);
	clear(holding);
	free(holding);
}

void holdings_free(struct holdings *holdings)
{
	struct holding *holding, *next;

	if (!holdings)
		return;
	HASH_ITER (hh, holdings->by_pid, holding, next)
		drop(holdings, holding);
	free(holdings);
}

static struct holding *find(const struct holdings *holdings, uint32_t pid)
{
	struct holding *holding;

	HASH_FIND(hh, holdings->by_pid, &pid, sizeof(pid), holding);
	return holding;
}

static struct holding *find_process(const struct holdings *holdings, const struct process_id *process)
{
	struct holding *holding = find(holdings, process->pid);

	return holding && holding->start_ns == process->start_ns ? holding : NULL;
}

static struct holding *get(struct holdings *holdings, const struct process_id *process)
{
	struct holding *holding = find(holdings, process->pid);

	if (holding && holding->start_ns == process->start_ns)
		return holding;
	if (holding)
		drop(holdings, holding); /* the pid has a new owner */
	else if (HASH_COUNT(holdings->by_pid) >= holdings->max)
		drop(holdings, TAILQ_FIRST(&holdings->oldest));
	holding = calloc(1, sizeof(*holding));
	if (!holding)
		return NULL;
	holding->pid = process->pid;
	holding->start_ns = process->start_ns;
	HASH_ADD(hh, holdings->by_pid, pid, sizeof(holding->pid), holding);
	TAILQ_INSERT_TAIL(&holdings->oldest, holding, age);
	return holding;
}

void holdings_add(struct holdings *holdings, const struct process_id *process, const char *secret)
{
	struct holding *holding = get(holdings, process);

	if (!holding)
		return;
	for (size_t i = 0; i < holding->count; i++) {
		if (strcmp(holding->secrets[i], secret) == 0)
			return;
	}
	if (holding->count == HOLDINGS_PER_PROCESS)
		return; /* a process that took so many is named by those */
	holding->secrets[holding->count] = strdup(secret);
	if (holding->secrets[holding->count])
		holding->count++;
}

void holdings_fork(struct holdings *holdings, const struct process_id *parent, const struct process_id *child)
{
	struct holding *from = find_process(holdings, parent);

	if (!from)
		return;
	/* Now the youngest: another makes room for the child, unless it is the only one. */
	TAILQ_REMOVE(&holdings->oldest, from, age);
	TAILQ_INSERT_TAIL(&holdings->oldest, from, age);
	if (holdings->max < 2)
		return;
	for (size_t i = 0; i < from->count; i++)
		holdings_add(holdings, child, from->secrets[i]);
}

void holdings_exec(struct holdings *holdings, const struct process_id *process)
{
	struct holding *holding = find_process(holdings, process);

	if (holding)
		drop(holdings, holding);
}

void holdings_exit(struct holdings *holdings, const struct process_id *process)
{
	struct holding *holding = find_process(holdings, process);

	if (holding)
		holding->dead_ticks = 1;
}

void holdings_tick(struct holdings *holdings)
{
	struct holding *holding, *next;

	HASH_ITER (hh, holdings->by_pid, holding, next) {
		if (holding->dead_ticks && holding->dead_ticks++ > TICKS_DEAD)
			drop(holdings, holding);
	}
}

void holdings_each_process(const struct holdings *holdings, const char *secret,
			   void (*fn)(void *context, const struct process_id *process), void *context)
{
	const struct holding *holding, *next;

	HASH_ITER (hh, holdings->by_pid, holding, next) {
		const struct process_id id = {.start_ns = holding->start_ns, .pid = holding->pid};
		bool has_it = false;

		for (size_t i = 0; !has_it && i < holding->count; i++)
			has_it = strcmp(holding->secrets[i], secret) == 0;
		if (has_it && holding->dead_ticks == 0)
			fn(context, &id);
	}
}

size_t holdings_each(const struct holdings *holdings, uint32_t pid, void (*fn)(void *context, const char *secret),
		     void *context)
{
	const struct holding *holding = find(holdings, pid);

	if (!holding)
		return 0;
	for (size_t i = 0; i < holding->count; i++)
		fn(context, holding->secrets[i]);
	return holding->count;
}
