/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/file_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_id.h"
#include "sensor/name_hash.h"
#include "sensor/pattern.h"

uint64_t file_id_hash(const struct file_id *id)
{
	uint64_t hash = (id->ino ^ (uint64_t)id->dev << 40 ^ (uint64_t)id->generation << 20) * 0x9e3779b97f4a7c15ULL;

	return hash ^ hash >> 29;
}

const char *tree_entry_name(const struct tree_entry *entry)
{
	if (entry->kind == TREE_FILE)
		return ((const struct tree_file *)(const void *)entry)->name;
	if (entry->kind == TREE_LINK)
		return ((const struct tree_link *)(const void *)entry)->name;
	return ((const struct tree_directory *)(const void *)entry)->name;
}

static uint64_t child_hash(const struct tree_directory *parent, const char *name)
{
	uint64_t hash = (name_hash(name, strlen(name)) ^ ((uintptr_t)parent >> 4)) * FNV_PRIME;

	return hash ^ hash >> 31;
}

static uint64_t hash_name(const struct table_link *link)
{
	const struct tree_entry *entry = link_owner(link, struct tree_entry, name_link);

	return child_hash(entry->parent, tree_entry_name(entry));
}

static uint64_t hash_file(const struct table_link *link)
{
	return file_id_hash(&link_owner(link, struct tree_file, id_link)->id);
}

static uint64_t hash_object(const struct table_link *link)
{
	return file_id_hash(&link_owner(link, struct tree_object, id_link)->id);
}

static uint64_t hash_watch(const struct table_link *link)
{
	return (uint64_t)link_owner(link, struct tree_object, watch_link)->wd;
}

int file_tree_init(struct file_tree *tree, struct pattern_state *root_state)
{
	*tree = (struct file_tree){0};
	STAILQ_INIT(&tree->dirty);
	TAILQ_INIT(&tree->dead);
	tree->root = calloc(1, sizeof(*tree->root) + 1);
	if (!tree->root || link_table_init(&tree->names, hash_name) < 0 ||
	    link_table_init(&tree->files, hash_file) < 0 || link_table_init(&tree->objects, hash_object) < 0 ||
	    link_table_init(&tree->watches, hash_watch) < 0) {
		file_tree_release(tree);
		return -ENOMEM;
	}
	LIST_INIT(&tree->root->children);
	tree->root->state = pattern_state_ref(root_state);
	return 0;
}

void file_tree_release(struct file_tree *tree)
{
	tree->file_leaves = NULL;
	tree->link_leaves = NULL;
	while (tree->root && !LIST_EMPTY(&tree->root->children))
		file_tree_remove(tree, LIST_FIRST(&tree->root->children));
	file_tree_bury(tree);
	if (tree->root)
		pattern_state_unref(tree->root->state);
	free(tree->root);
	for (size_t i = 0; tree->objects.buckets && i <= tree->objects.mask; i++)
		while (tree->objects.buckets[i]) {
			struct tree_object *object = link_owner(tree->objects.buckets[i], struct tree_object, id_link);

			object->places = NULL;
			object->is_dirty = false;
			file_tree_drop_object(tree, object);
		}
	link_table_release(&tree->names);
	link_table_release(&tree->files);
	link_table_release(&tree->objects);
	link_table_release(&tree->watches);
	*tree = (struct file_tree){0};
}

struct tree_entry *file_tree_child(const struct file_tree *tree, const struct tree_directory *parent, const char *name)
{
	struct table_link *link = link_table_first(&tree->names, child_hash(parent, name));

	for (; link; link = link->next) {
		struct tree_entry *entry = link_owner(link, struct tree_entry, name_link);

		if (entry->parent == parent && !entry->is_backing && strcmp(tree_entry_name(entry), name) == 0)
			return entry;
	}
	return NULL;
}

struct tree_file *file_tree_file(const struct file_tree *tree, const struct file_id *id)
{
	struct table_link *link = link_table_first(&tree->files, file_id_hash(id));
	struct tree_file *best = NULL;

	for (; link; link = link->next) {
		struct tree_file *file = link_owner(link, struct tree_file, id_link);

		if (file_id_equal(&file->id, id) && (!best || file->entry.secret < best->entry.secret))
			best = file;
	}
	return best;
}

struct tree_object *file_tree_object(const struct file_tree *tree, const struct file_id *id)
{
	struct table_link *link = link_table_first(&tree->objects, file_id_hash(id));

	while (link && !file_id_equal(&link_owner(link, struct tree_object, id_link)->id, id))
		link = link->next;
	return link_owner(link, struct tree_object, id_link);
}

struct tree_object *file_tree_watched(const struct file_tree *tree, int wd)
{
	struct table_link *link = link_table_first(&tree->watches, (uint64_t)wd);

	while (link && link_owner(link, struct tree_object, watch_link)->wd != wd)
		link = link->next;
	return link_owner(link, struct tree_object, watch_link);
}

/* Puts "/name" in front of what is at *at; false if there is no room. */
static bool prepend(char out[TREE_PATH_SIZE], size_t *at, const char *name)
{
	size_t size = strlen(name);

	if (size + 1 > *at)
		return false;
	*at -= size + 1;
	out[*at] = '/';
	memcpy(out + *at + 1, name, size);
	return true;
}

ssize_t file_tree_path(const struct tree_directory *directory, const char *name, char out[TREE_PATH_SIZE])
{
	size_t at = TREE_PATH_SIZE - 1, total;
	bool fits;

	out[at] = '\0';
	fits = !name || prepend(out, &at, name);
	for (; fits && directory->entry.parent; directory = directory->entry.parent)
		fits = prepend(out, &at, directory->name);
	if (out[at] == '\0')
		out[--at] = '/';
	total = TREE_PATH_SIZE - 1 - at;
	memmove(out, out + at, total + 1);
	return fits ? (ssize_t)total : -ENAMETOOLONG;
}

/* ---------------------------------------------------------------- adding */

static void entry_link(struct file_tree *tree, struct tree_directory *parent, struct tree_entry *entry,
		       enum tree_kind kind)
{
	entry->kind = (uint8_t)kind;
	entry->parent = parent;
	entry->is_seen = true;
	LIST_INSERT_HEAD(&parent->children, entry, siblings);
	link_table_add(&tree->names, &entry->name_link);
}

int file_tree_add_file(struct file_tree *tree, struct tree_directory *parent, const char *name,
		       const struct file_id *id, struct tree_file **ret)
{
	size_t size = strlen(name) + 1;
	/* The name begins in what would be padding: a tenth of the memory of many files. */
	struct tree_file *file = calloc(1, offsetof(struct tree_file, name) + size);

	if (!file)
		return -ENOMEM;
	memcpy(file->name, name, size);
	file->id = *id;
	entry_link(tree, parent, &file->entry, TREE_FILE);
	link_table_add(&tree->files, &file->id_link);
	tree->files_count++;
	*ret = file;
	return 0;
}

int file_tree_add_link(struct file_tree *tree, struct tree_directory *parent, const char *name, struct tree_link **ret)
{
	size_t size = strlen(name) + 1;
	struct tree_link *link = calloc(1, sizeof(*link) + size);

	if (!link)
		return -ENOMEM;
	memcpy(link->name, name, size);
	entry_link(tree, parent, &link->entry, TREE_LINK);
	tree->links_count++;
	*ret = link;
	return 0;
}

struct tree_object *file_tree_object_get(struct file_tree *tree, const struct file_id *id)
{
	struct tree_object *object = file_tree_object(tree, id);

	if (object)
		return object;
	object = calloc(1, sizeof(*object));
	if (!object)
		return NULL;
	object->id = *id;
	object->wd = -1;
	link_table_add(&tree->objects, &object->id_link);
	return object;
}

int file_tree_add_directory(struct file_tree *tree, struct tree_directory *parent, const char *name,
			    const struct file_id *id, struct tree_directory **ret)
{
	size_t size = strlen(name) + 1;
	struct tree_directory *directory = calloc(1, sizeof(*directory) + size);
	struct tree_object *object = directory ? file_tree_object_get(tree, id) : NULL;

	if (!object) {
		free(directory);
		return -ENOMEM;
	}
	memcpy(directory->name, name, size);
	LIST_INIT(&directory->children);
	directory->object = object;
	directory->same = object->places;
	object->places = directory;
	entry_link(tree, parent, &directory->entry, TREE_DIRECTORY);
	tree->directories_count++;
	file_tree_mark_dirty(tree, object);
	*ret = directory;
	return 0;
}

/* ---------------------------------------------------------------- removing */

static void remove_directory(struct file_tree *tree, struct tree_directory *directory)
{
	struct tree_directory **at = &directory->object->places;

	while (*at && *at != directory)
		at = &(*at)->same;
	if (*at)
		*at = directory->same;
	file_tree_mark_dirty(tree, directory->object);
	directory->object = NULL;
	directory->is_dead = true;
	tree->directories_count--;
	if (!directory->is_queued)
		TAILQ_INSERT_TAIL(&tree->dead, directory, queue);
}

static void remove_leaf(struct file_tree *tree, struct tree_entry *entry)
{
	if (entry->kind == TREE_FILE) {
		struct tree_file *file = (void *)entry;

		if (tree->file_leaves)
			tree->file_leaves(tree->context, file);
		link_table_remove(&tree->files, &file->id_link);
		tree->files_count--;
	} else if (entry->kind == TREE_LINK) {
		struct tree_link *link = (void *)entry;

		if (tree->link_leaves)
			tree->link_leaves(tree->context, link);
		free(link->target);
		tree->links_count--;
	} else {
		remove_directory(tree, (void *)entry);
	}
	link_table_remove(&tree->names, &entry->name_link);
	LIST_REMOVE(entry, siblings);
	if (entry->kind != TREE_DIRECTORY)
		free(entry);
}

static void remove_backing(struct file_tree *tree, struct tree_directory *parent, const char *name)
{
	struct table_link *link = link_table_first(&tree->names, child_hash(parent, name)), *next;

	for (; link; link = next) {
		struct tree_entry *entry = link_owner(link, struct tree_entry, name_link);

		next = link->next;
		if (entry->parent == parent && entry->is_backing && strcmp(tree_entry_name(entry), name) == 0)
			remove_leaf(tree, entry);
	}
}

void file_tree_remove(struct file_tree *tree, struct tree_entry *top)
{
	struct tree_entry *entry = top;

	if (top->kind == TREE_FILE && !top->is_backing)
		remove_backing(tree, top->parent, tree_entry_name(top));
	for (;;) {
		struct tree_directory *directory = entry->kind == TREE_DIRECTORY ? (void *)entry : NULL;
		struct tree_directory *parent = entry->parent;

		if (directory && !LIST_EMPTY(&directory->children)) {
			entry = LIST_FIRST(&directory->children);
			continue;
		}
		remove_leaf(tree, entry);
		if (entry == top)
			return;
		entry = &parent->entry;
	}
}

void file_tree_bury(struct file_tree *tree)
{
	struct tree_directory *directory;

	while ((directory = TAILQ_FIRST(&tree->dead))) {
		TAILQ_REMOVE(&tree->dead, directory, queue);
		pattern_state_unref(directory->state);
		free(directory);
	}
}

/* ---------------------------------------------------------------- objects */

void file_tree_set_watch(struct file_tree *tree, struct tree_object *object, int wd)
{
	if (object->wd >= 0)
		link_table_remove(&tree->watches, &object->watch_link);
	object->wd = wd;
	if (wd >= 0)
		link_table_add(&tree->watches, &object->watch_link);
}

void file_tree_mark_dirty(struct file_tree *tree, struct tree_object *object)
{
	if (!object || object->is_dirty)
		return;
	object->is_dirty = true;
	STAILQ_INSERT_TAIL(&tree->dirty, object, dirty);
}

void file_tree_drop_object(struct file_tree *tree, struct tree_object *object)
{
	if (object->wd >= 0)
		link_table_remove(&tree->watches, &object->watch_link);
	link_table_remove(&tree->objects, &object->id_link);
	free(object->names);
	free(object);
}
