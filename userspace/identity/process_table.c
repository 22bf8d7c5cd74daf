/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/process_table.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_id.h"
#include "identity/process_record.h"

#define MIN_BUCKETS   256
#define LINEAGE_DEPTH 4096 /* links followed when looking for a cycle */

int process_table_init(struct process_table *table, size_t max)
{
	long ticks = sysconf(_SC_CLK_TCK);
	struct string_pool strings;
	size_t bucket_count = MIN_BUCKETS;
	struct process **buckets;
	int r;

	while (bucket_count < max)
		bucket_count *= 2;
	r = string_pool_init(&strings);
	if (r < 0)
		return r;
	buckets = calloc(bucket_count, sizeof(struct process *));
	if (!buckets) {
		string_pool_release(&strings);
		return -ENOMEM;
	}
	*table = (struct process_table){
		.strings = strings,
		.buckets = buckets,
		.bucket_count = bucket_count,
		.max = max,
		.tick_ns = NS_PER_SEC / (uint64_t)(ticks > 0 ? ticks : 100),
	};
	for (size_t i = 0; i < 3; i++)
		TAILQ_INIT(&table->lists[i]);
	return 0;
}

static struct process **bucket_of(struct process_table *table, uint32_t pid)
{
	return &table->buckets[pid & (table->bucket_count - 1)];
}

static bool is_start_of(const struct process_table *table, const struct process *process, uint64_t start_ns)
{
	if (process->id.start_ns == start_ns)
		return true;
	/* A coarse one was rounded down; the difference wraps when start_ns is the earlier. */
	return process->is_start_coarse && start_ns - process->id.start_ns < table->tick_ns;
}

struct process *process_table_find(struct process_table *table, const struct process_id *id)
{
	for (struct process *p = *bucket_of(table, id->pid); p; p = p->hash_next)
		if (p->id.pid == id->pid && is_start_of(table, p, id->start_ns))
			return p;
	return NULL;
}

struct process *process_table_find_living(struct process_table *table, uint32_t pid)
{
	struct process *newest = NULL;

	for (struct process *p = *bucket_of(table, pid); p; p = p->hash_next)
		if (p->id.pid == pid && p->state == PROCESS_LIVING && (!newest || p->id.start_ns > newest->id.start_ns))
			newest = p;
	return newest;
}

static void set_state(struct process_table *table, struct process *process, enum process_state state)
{
	TAILQ_REMOVE(&table->lists[process->state], process, entry);
	table->counts[process->state]--;
	process->state = (uint8_t)state;
	TAILQ_INSERT_TAIL(&table->lists[state], process, entry);
	table->counts[state]++;
}

static void list_unlinked(struct process_table *table, struct process *process)
{
	if (process->parent || process->is_unlinked || !process_id_is_valid(&process->parent_id))
		return;
	LIST_INSERT_HEAD(&table->unlinked, process, sibling);
	process->is_unlinked = true;
}

static void unlist_unlinked(struct process *process)
{
	if (process->is_unlinked)
		LIST_REMOVE(process, sibling);
	process->is_unlinked = false;
}

static void attach(struct process_table *table, struct process *process, struct process *parent)
{
	unlist_unlinked(process);
	process->parent = parent;
	LIST_INSERT_HEAD(&parent->children, process, sibling);
	if (parent->state == PROCESS_EXITED)
		set_state(table, parent, PROCESS_KEPT);
}

static void detach(struct process_table *table, struct process *process)
{
	struct process *parent = process->parent;

	unlist_unlinked(process);
	if (!parent)
		return;
	LIST_REMOVE(process, sibling);
	process->parent = NULL;
	if (LIST_EMPTY(&parent->children) && parent->state == PROCESS_KEPT)
		set_state(table, parent, PROCESS_EXITED);
}

static bool is_below(const struct process *process, const struct process *ancestor)
{
	for (unsigned int depth = 0; process; process = process->parent)
		if (process == ancestor || ++depth > LINEAGE_DEPTH)
			return true;
	return false;
}

bool process_table_link(struct process_table *table, struct process *process)
{
	struct process *parent;

	if (process->parent)
		return true;
	if (!process_id_is_valid(&process->parent_id))
		return false;
	parent = process_table_find(table, &process->parent_id);
	/* Only a new leaf cannot close a circle; records that lie about parents could. */
	if (!parent || parent == process || (!LIST_EMPTY(&process->children) && is_below(parent, process)))
		return false;
	attach(table, process, parent);
	return true;
}

void process_table_link_pending(struct process_table *table)
{
	struct process *process;
	struct process *next;

	for (process = LIST_FIRST(&table->unlinked); process; process = next) {
		next = LIST_NEXT(process, sibling);
		(void)process_table_link(table, process); /* what stays unlinked is completed when needed */
	}
}

/* A pid has one living owner: the exit record of the older one was lost. */
static void retire_namesakes(struct process_table *table, struct process *process)
{
	for (struct process *p = *bucket_of(table, process->id.pid); p; p = p->hash_next) {
		if (p == process || p->id.pid != process->id.pid)
			continue;
		if (p->id.start_ns < process->id.start_ns)
			process_table_exit(table, p, process->id.start_ns);
		else
			process_table_exit(table, process, p->id.start_ns);
	}
}

struct process *process_table_add(struct process_table *table, const struct process_id *id,
				  const struct process_id *parent_id)
{
	struct process *process = process_table_find(table, id);
	struct process **bucket;

	if (process) {
		if (process->is_start_coarse) {
			process->id.start_ns = id->start_ns;
			process->is_start_coarse = false;
		}
		if (!process->parent && process_id_is_valid(parent_id)) {
			process->parent_id = *parent_id;
			process->is_parent_unknown = false;
			if (!process_table_link(table, process))
				list_unlinked(table, process);
		}
		return process;
	}
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->id = *id;
	process->parent_id = *parent_id;
	process->start_real_ns = clock_real_from_boot(id->start_ns);
	LIST_INIT(&process->children);
	bucket = bucket_of(table, id->pid);
	process->hash_next = *bucket;
	*bucket = process;
	process->state = PROCESS_LIVING;
	TAILQ_INSERT_TAIL(&table->lists[PROCESS_LIVING], process, entry);
	table->counts[PROCESS_LIVING]++;
	table->count++;
	retire_namesakes(table, process);
	if (!process_table_link(table, process))
		list_unlinked(table, process);
	return process;
}

struct image *image_new(struct process_table *table, const struct file_id *file, const char *exe, size_t exe_size,
			const char *args, size_t args_size)
{
	struct image *image = calloc(1, sizeof(*image));

	if (!image)
		return NULL;
	image->references = 1;
	image->file = *file;
	if (exe_size > 0)
		image->exe = string_pool_get(&table->strings, exe, exe_size);
	if (args_size > 0)
		image->args = string_pool_get(&table->strings, args, args_size);
	if ((exe_size > 0 && !image->exe) || (args_size > 0 && !image->args)) {
		string_pool_put(&table->strings, image->exe);
		string_pool_put(&table->strings, image->args);
		free(image);
		return NULL;
	}
	image->is_args_known = args_size > 0;
	return image;
}

bool image_set_script(struct process_table *table, struct image *image, const char *script, size_t size)
{
	image->script = string_pool_get(&table->strings, script, size);
	return image->script != NULL;
}

static void image_put(struct process_table *table, struct image *image)
{
	if (!image || --image->references > 0)
		return;
	string_pool_put(&table->strings, image->exe);
	string_pool_put(&table->strings, image->args);
	string_pool_put(&table->strings, image->script);
	free(image);
}

void process_set_image(struct process_table *table, struct process *process, struct image *image, uint64_t time_ns)
{
	image_put(table, process->images[PROCESS_IMAGES - 1]);
	memmove(process->images + 1, process->images, (PROCESS_IMAGES - 1) * sizeof(process->images[0]));
	process->images[0] = image;
	process->image_ns = time_ns;
}

void process_inherit_image(struct process_table *table, struct process *child, const struct process *parent,
			   uint64_t time_ns)
{
	if (!parent->images[0])
		return;
	parent->images[0]->references++;
	process_set_image(table, child, parent->images[0], time_ns);
}

struct image *process_find_image(const struct process *process, const struct file_id *file)
{
	for (size_t i = 0; i < PROCESS_IMAGES && process->images[i]; i++)
		if (file_id_equal(&process->images[i]->file, file))
			return process->images[i];
	return NULL;
}

void process_table_exit(struct process_table *table, struct process *process, uint64_t time_ns)
{
	if (process->state != PROCESS_LIVING)
		return;
	process->exited_ns = time_ns;
	set_state(table, process, LIST_EMPTY(&process->children) ? PROCESS_EXITED : PROCESS_KEPT);
}

static void remove_process(struct process_table *table, struct process *process)
{
	struct process **link = bucket_of(table, process->id.pid);

	detach(table, process);
	while (*link != process)
		link = &(*link)->hash_next;
	*link = process->hash_next;
	TAILQ_REMOVE(&table->lists[process->state], process, entry);
	table->counts[process->state]--;
	table->count--;
	for (size_t i = 0; i < PROCESS_IMAGES; i++)
		image_put(table, process->images[i]);
	string_pool_put(&table->strings, process->legacy_cgroup);
	free(process);
}

void process_table_expire(struct process_table *table, uint64_t before_ns)
{
	struct process *process;

	while ((process = TAILQ_FIRST(&table->lists[PROCESS_EXITED])) && process->exited_ns < before_ns)
		remove_process(table, process);
}

/* Leaves its children to its parent. */
static void remove_kept(struct process_table *table, struct process *process)
{
	struct process *parent = process->parent;
	struct process *child;

	while ((child = LIST_FIRST(&process->children))) {
		LIST_REMOVE(child, sibling);
		child->parent = NULL;
		child->is_lineage_cut = true;
		child->parent_id = process->parent_id;
		if (parent)
			attach(table, child, parent);
		else
			list_unlinked(table, child);
	}
	remove_process(table, process);
}

/* Those with children go behind the others: they are what ancestors are made of. */
static bool remove_living_leaf(struct process_table *table)
{
	for (size_t i = table->counts[PROCESS_LIVING]; i > 0; i--) {
		struct process *process = TAILQ_FIRST(&table->lists[PROCESS_LIVING]);

		if (LIST_EMPTY(&process->children)) {
			remove_process(table, process);
			return true;
		}
		set_state(table, process, PROCESS_LIVING);
	}
	return false;
}

void process_table_trim(struct process_table *table)
{
	while (table->count > table->max) {
		struct process *process = TAILQ_FIRST(&table->lists[PROCESS_EXITED]);

		if (process)
			remove_process(table, process);
		else if ((process = TAILQ_FIRST(&table->lists[PROCESS_KEPT])))
			remove_kept(table, process);
		else if (!remove_living_leaf(table))
			return;
		table->evicted++;
	}
}

void process_table_release(struct process_table *table)
{
	if (!table->buckets)
		return;
	for (size_t i = 0; i < table->bucket_count; i++) {
		struct process *process = table->buckets[i];

		while (process) {
			struct process *next = process->hash_next;

			for (size_t j = 0; j < PROCESS_IMAGES; j++)
				image_put(table, process->images[j]);
			free(process);
			process = next;
		}
	}
	free(table->buckets);
	string_pool_release(&table->strings);
	*table = (struct process_table){0};
}
