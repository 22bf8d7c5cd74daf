/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_tree.h: the part of the file system that the patterns reach, as last seen.
 *
 * Directories, secret files and symbolic links by name under "/", each directory with its pattern state; files and
 * directories also by kernel identity. Paths are canonical: a link is an entry of its own and what it leads to has its
 * place elsewhere. The same directory may be at several places (bind mounts): its places share one object, which is
 * what the kernel's tables know. Looks at nothing itself; does not talk to the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "abi.h"
#include "sensor/link_table.h"

struct pattern_link;
struct pattern_state;

#define TREE_PATH_SIZE 4096 /* the longest path that system calls take, with its NUL */

enum tree_kind { TREE_DIRECTORY, TREE_FILE, TREE_LINK };

struct tree_entry {
	struct table_link name_link;
	LIST_ENTRY(tree_entry) siblings;
	struct tree_directory *parent; /* NULL: the root */
	uint32_t secret;               /* of a file */
	uint8_t kind;                  /* enum tree_kind */
	bool is_seen;                  /* by the scan under way */
	bool is_backing;               /* a file below an overlay that has the name above it */
	bool is_nameless;              /* no key of the name filter covers it */
};

struct tree_file {
	struct tree_entry entry;
	struct table_link id_link;
	struct file_id id;
	uint32_t nlink;
	char name[];
};

struct tree_link {
	struct tree_entry entry;
	struct pattern_link *pattern;
	char *target;   /* owned; canonical as far as the link's own directory goes */
	uint64_t epoch; /* in which `changes` were counted */
	uint32_t changes;
	bool is_last_wild;
	char name[];
};

struct tree_directory {
	struct tree_entry entry;
	LIST_HEAD(, tree_entry) children;
	TAILQ_ENTRY(tree_directory) queue;
	struct pattern_state *state; /* a reference */
	struct tree_object *object;
	struct tree_directory *same; /* next place of the same object */
	dev_t stat_dev;              /* as fstat() says, to see that a path still leads here */
	ino_t stat_ino;
	uid_t owner;
	bool is_queued;
	bool is_dead; /* out of the tree, freed by file_tree_bury() */
	char name[];
};

struct tree_name {
	uint64_t hash;
	struct name_value value;
};

/* One directory of the kernel's. */
struct tree_object {
	struct table_link id_link;
	struct table_link watch_link;
	STAILQ_ENTRY(tree_object) dirty;
	struct file_id id;
	int wd; /* inotify watch; -1: none */
	bool is_dirty;
	bool is_published;
	uint32_t names_count;
	struct tree_name *names;      /* as published, by hash */
	struct directory_value value; /* as published */
	struct tree_directory *places;
};

struct file_tree {
	struct link_table names; /* tree_entry by parent and name */
	struct link_table files; /* tree_file by id; several names of one file are several entries */
	struct link_table objects;
	struct link_table watches; /* objects by wd */
	struct tree_directory *root;
	STAILQ_HEAD(, tree_object) dirty; /* whose value or names may have to be published */
	TAILQ_HEAD(, tree_directory) dead;
	size_t files_count, directories_count, links_count;
	/* Called before a file leaves the tree. */
	void (*file_leaves)(void *context, const struct tree_file *file);
	/* Called before a link leaves the tree, its pattern still set. */
	void (*link_leaves)(void *context, struct tree_link *link);
	void *context;
};

/* `root_state` gets a reference. 0 or -ENOMEM. */
int file_tree_init(struct file_tree *tree, struct pattern_state *root_state);
void file_tree_release(struct file_tree *tree); /* no callbacks; links' patterns go with their set */

const char *tree_entry_name(const struct tree_entry *entry);
struct tree_entry *file_tree_child(const struct file_tree *tree, const struct tree_directory *parent, const char *name);
struct tree_file *file_tree_file(const struct file_tree *tree, const struct file_id *id); /* lowest secret first */
struct tree_object *file_tree_object(const struct file_tree *tree, const struct file_id *id);
/* The one that is there or a new one without a place; NULL: out of memory. */
struct tree_object *file_tree_object_get(struct file_tree *tree, const struct file_id *id);
struct tree_object *file_tree_watched(const struct file_tree *tree, int wd);

/*
 * "/a/b" of a directory, or "/a/b/name" if `name` is given. The size without NUL, or -ENAMETOOLONG: longer than
 * TREE_PATH_SIZE, the end is written then.
 */
ssize_t file_tree_path(const struct tree_directory *directory, const char *name, char out[TREE_PATH_SIZE]);

/* Each adds an entry that is not there yet. 0 or -ENOMEM. */
int file_tree_add_file(struct file_tree *tree, struct tree_directory *parent, const char *name,
		       const struct file_id *id, struct tree_file **ret);
int file_tree_add_link(struct file_tree *tree, struct tree_directory *parent, const char *name, struct tree_link **ret);
int file_tree_add_directory(struct file_tree *tree, struct tree_directory *parent, const char *name,
			    const struct file_id *id, struct tree_directory **ret);

/* Takes the entry out with all below it and calls back for files and links; directories stay allocated until bury. */
void file_tree_remove(struct file_tree *tree, struct tree_entry *entry);
void file_tree_bury(struct file_tree *tree);

void file_tree_set_watch(struct file_tree *tree, struct tree_object *object, int wd);
void file_tree_mark_dirty(struct file_tree *tree, struct tree_object *object);
/* Frees an object that has no place any more. */
void file_tree_drop_object(struct file_tree *tree, struct tree_object *object);

uint64_t file_id_hash(const struct file_id *id);
