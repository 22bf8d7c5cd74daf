/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sensor/link_table.h"
#include "sensor/name_hash.h"

#define DEPTH_LAST (1U << 31) /* that many components, or more */

enum node_kind { NODE_ROOT, NODE_LITERAL, NODE_WILD, NODE_ANY, NODE_TWIN };

struct pattern_accept {
	struct pattern_accept *next; /* ascending secret */
	uint32_t secret;
	uint32_t rule;
};

/* One pattern's beginning: shared by all patterns that begin so. */
struct pattern_node {
	struct table_link link; /* literals: in set->literals, by parent and text */
	struct pattern_node *parent;
	struct pattern_node *sibling;
	struct pattern_node *literals;
	struct pattern_node *wilds;
	struct pattern_node *any;
	struct pattern_node *twin;      /* of `**`: after one component at least; accepts for it, goes nowhere */
	struct pattern_accept *accepts; /* of `**`: its twin's, for `**` at the end does not stand for nothing */
	struct pattern_link *links;     /* symbolic links that point here */
	struct pattern_node *all;       /* every node of the set */
	uint64_t stamp;                 /* of the last state it was put in, or search that came by */
	uint64_t heights_version;
	uint32_t heights; /* bit n: a file n components below */
	enum node_kind kind;
	char text[]; /* "/component" */
};

struct pattern_link {
	struct pattern_link *next;
	struct pattern_node *node;
	struct pattern_state *state;
	size_t created; /* nodes made for it */
	uid_t owner;
};

struct pattern_state {
	uint32_t references;
	uint32_t count;
	struct pattern_node *nodes[];
};

struct pattern_set {
	pattern_match_fn match;
	struct link_table literals;
	struct pattern_node *all;
	struct pattern_node *root;
	struct pattern_state *root_state;
	struct pattern_node **scratch; /* the state being made */
	size_t scratch_count, scratch_capacity;
	size_t nodes_count, garbage;
	uint64_t stamp;
	uint64_t version; /* grows when anything is added or removed */
	bool out_of_memory;
	bool owner_matters;
};

static uint64_t literal_hash(const struct pattern_node *parent, const char *text)
{
	uint64_t hash = name_hash(text, strlen(text));

	return (hash ^ ((uintptr_t)parent >> 4)) * FNV_PRIME;
}

static uint64_t node_hash(const struct table_link *link)
{
	const struct pattern_node *node = link_owner(link, struct pattern_node, link);

	return literal_hash(node->parent, node->text);
}

static struct pattern_node *node_new(struct pattern_set *set, struct pattern_node *parent, enum node_kind kind,
				     const char *text)
{
	size_t size = strlen(text) + 1;
	struct pattern_node *node = calloc(1, sizeof(*node) + size);

	if (!node)
		return NULL;
	node->parent = parent;
	node->kind = kind;
	memcpy(node->text, text, size);
	node->all = set->all;
	set->all = node;
	set->nodes_count++;
	set->version++;
	return node;
}

int pattern_set_new(pattern_match_fn match, struct pattern_set **ret)
{
	_cleanup_(pattern_set_freep) struct pattern_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->match = match;
	if (link_table_init(&set->literals, node_hash) < 0)
		return -ENOMEM;
	set->root = node_new(set, NULL, NODE_ROOT, "");
	set->root_state = calloc(1, sizeof(*set->root_state) + sizeof(set->root_state->nodes[0]));
	if (!set->root || !set->root_state)
		return -ENOMEM;
	set->root_state->references = 1;
	set->root_state->count = 1;
	set->root_state->nodes[0] = set->root;
	*ret = TAKE_PTR(set);
	return 0;
}

void pattern_set_free(struct pattern_set *set)
{
	if (!set)
		return;
	while (set->all) {
		struct pattern_node *node = set->all;

		set->all = node->all;
		while (node->accepts) {
			struct pattern_accept *accept = node->accepts;

			node->accepts = accept->next;
			free(accept);
		}
		while (node->links) {
			struct pattern_link *link = node->links;

			node->links = link->next;
			pattern_state_unref(link->state);
			free(link);
		}
		free(node);
	}
	pattern_state_unref(set->root_state);
	link_table_release(&set->literals);
	free(set->scratch);
	free(set);
}

struct pattern_state *pattern_set_root(struct pattern_set *set)
{
	return set->root_state;
}

size_t pattern_set_garbage(const struct pattern_set *set)
{
	return set->garbage;
}

/* ---------------------------------------------------------------- adding */

static struct pattern_node *literal_find(const struct pattern_set *set, const struct pattern_node *parent,
					 const char *text)
{
	struct table_link *link = link_table_first(&set->literals, literal_hash(parent, text));

	for (; link; link = link->next) {
		struct pattern_node *node = link_owner(link, struct pattern_node, link);

		if (node->parent == parent && strcmp(node->text, text) == 0)
			return node;
	}
	return NULL;
}

static struct pattern_node *child_any(struct pattern_set *set, struct pattern_node *parent)
{
	if (parent->kind == NODE_ANY)
		return parent;
	if (!parent->any) {
		parent->any = node_new(set, parent, NODE_ANY, "/**");
		if (parent->any)
			parent->any->twin = node_new(set, parent->any, NODE_TWIN, "");
		if (parent->any && !parent->any->twin)
			return NULL;
	}
	return parent->any;
}

static struct pattern_node *child_get(struct pattern_set *set, struct pattern_node *parent, enum node_kind kind,
				      const char *text)
{
	struct pattern_node **list = kind == NODE_LITERAL ? &parent->literals : &parent->wilds;
	struct pattern_node *node = NULL;

	if (kind == NODE_ANY)
		return child_any(set, parent);
	if (kind == NODE_LITERAL)
		node = literal_find(set, parent, text);
	else
		for (node = parent->wilds; node && strcmp(node->text, text) != 0;)
			node = node->sibling;
	if (node)
		return node;
	node = node_new(set, parent, kind, text);
	if (!node)
		return NULL;
	node->sibling = *list;
	*list = node;
	if (kind == NODE_LITERAL)
		link_table_add(&set->literals, &node->link);
	return node;
}

/* Takes "/component" off the front of *path into text; 0 at the end. */
static int next_component(const char **path, char *text, size_t text_size)
{
	const char *start = *path + strspn(*path, "/");
	size_t size = strcspn(start, "/");

	*path = start + size;
	if (size == 0)
		return 0;
	if (size + 2 > text_size)
		return -ENAMETOOLONG;
	text[0] = '/';
	memcpy(text + 1, start, size);
	text[size + 1] = '\0';
	return 1;
}

static enum node_kind component_kind(const char *text)
{
	if (strcmp(text, "/**") == 0)
		return NODE_ANY;
	return strpbrk(text, "*?[") ? NODE_WILD : NODE_LITERAL;
}

static int check_component(const char *text, enum node_kind kind, bool has_literal, size_t depth)
{
	if (strcmp(text, "/.") == 0 || strcmp(text, "/..") == 0)
		return -EINVAL;
	if (kind == NODE_ANY && !has_literal)
		return -EINVAL;
	return depth > PATTERN_DEPTH_MAX ? -E2BIG : 0;
}

static int accept_add(struct pattern_node *node, uint32_t secret, uint32_t rule)
{
	struct pattern_accept **at = &node->accepts;
	struct pattern_accept *accept = calloc(1, sizeof(*accept));

	if (!accept)
		return -ENOMEM;
	while (*at && (*at)->secret <= secret)
		at = &(*at)->next;
	*accept = (struct pattern_accept){.next = *at, .secret = secret, .rule = rule};
	*at = accept;
	return 0;
}

int pattern_set_add(struct pattern_set *set, const char *pattern, uint32_t secret, uint32_t rule)
{
	struct pattern_node *node = set->root;
	bool has_literal = false;
	size_t depth = 0;
	char text[ABI_NAME_MAX * 4];
	int r;

	if (pattern[0] != '/')
		return -EINVAL;
	while ((r = next_component(&pattern, text, sizeof(text))) > 0) {
		enum node_kind kind = component_kind(text);

		r = check_component(text, kind, has_literal, ++depth);
		if (r < 0)
			return r;
		has_literal |= kind == NODE_LITERAL;
		node = child_get(set, node, kind, text);
		if (!node)
			return -ENOMEM;
	}
	if (r < 0)
		return r;
	if (node == set->root)
		return -EINVAL;
	set->version++;
	return accept_add(node, secret, rule);
}

/* ---------------------------------------------------------------- states */

struct pattern_state *pattern_state_ref(struct pattern_state *state)
{
	if (state)
		state->references++;
	return state;
}

void pattern_state_unref(struct pattern_state *state)
{
	if (state && --state->references == 0)
		free(state);
}

bool pattern_state_equal(const struct pattern_state *a, const struct pattern_state *b)
{
	if (a == b)
		return true;
	return a && b && a->count == b->count && memcmp(a->nodes, b->nodes, a->count * sizeof(a->nodes[0])) == 0;
}

static struct pattern_accept *node_accepts(const struct pattern_node *node)
{
	if (node->kind == NODE_TWIN)
		return node->parent->accepts;
	return node->kind == NODE_ANY ? NULL : node->accepts;
}

static void state_begin(struct pattern_set *set)
{
	set->stamp++;
	set->scratch_count = 0;
	set->out_of_memory = false;
	set->owner_matters = false;
}

static bool scratch_push(struct pattern_set *set, struct pattern_node *node)
{
	if (node->stamp == set->stamp)
		return false;
	node->stamp = set->stamp;
	if (set->scratch_count == set->scratch_capacity) {
		size_t capacity = set->scratch_capacity ? set->scratch_capacity * 2 : 64;
		struct pattern_node **scratch = reallocarray(set->scratch, capacity, sizeof(*scratch));

		if (!scratch) {
			set->out_of_memory = true;
			return false;
		}
		set->scratch = scratch;
		set->scratch_capacity = capacity;
	}
	set->scratch[set->scratch_count++] = node;
	return true;
}

/* Puts a node in the state, and whatever it stands for without a further component. */
static void state_push(struct pattern_set *set, struct pattern_node *first, uid_t owner)
{
	size_t at = set->scratch_count;

	if (!scratch_push(set, first))
		return;
	for (; at < set->scratch_count; at++) {
		struct pattern_node *node = set->scratch[at];

		if (node->any)
			(void)scratch_push(set, node->any); /* false is "already there" or noted in out_of_memory */
		for (struct pattern_link *link = node->links; link; link = link->next) {
			if (link->owner != 0) {
				set->owner_matters = true;
				if (owner != PATTERN_OWNER_ANY && owner != link->owner)
					continue;
			}
			for (uint32_t i = 0; link->state && i < link->state->count; i++)
				(void)scratch_push(set, link->state->nodes[i]);
		}
	}
}

static void push_any(struct pattern_set *set, struct pattern_node *any, uid_t owner)
{
	state_push(set, any, owner);
	if (any->accepts)
		state_push(set, any->twin, owner);
}

static int compare_nodes(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t) * (struct pattern_node *const *)a;
	uintptr_t right = (uintptr_t) * (struct pattern_node *const *)b;

	return (left > right) - (left < right);
}

/* A new reference to `like` if it is the same. */
static int state_end(struct pattern_set *set, const struct pattern_state *like, struct pattern_state **ret)
{
	size_t size = set->scratch_count * sizeof(set->scratch[0]);
	struct pattern_state *state;

	if (set->out_of_memory)
		return -ENOMEM;
	if (set->scratch_count == 0) {
		*ret = NULL;
		return 0;
	}
	if (set->scratch_count > 1)
		qsort(set->scratch, set->scratch_count, sizeof(set->scratch[0]), compare_nodes);
	if (like && like->count == set->scratch_count && memcmp(like->nodes, set->scratch, size) == 0) {
		*ret = pattern_state_ref((struct pattern_state *)like);
		return 0;
	}
	state = malloc(sizeof(*state) + size);
	if (!state)
		return -ENOMEM;
	state->references = 1;
	state->count = (uint32_t)set->scratch_count;
	memcpy(state->nodes, set->scratch, size);
	*ret = state;
	return 0;
}

int pattern_step(struct pattern_set *set, const struct pattern_state *state, const char *name, uid_t owner,
		 bool *ret_owner_matters, struct pattern_state **ret)
{
	char text[ABI_NAME_MAX * 4] = "/";
	size_t size = strlen(name);

	state_begin(set);
	if (size + 2 > sizeof(text))
		size = 0, state = NULL; /* no file has such a name */
	memcpy(text + 1, name, size);
	text[size + 1] = '\0';
	for (uint32_t i = 0; state && i < state->count; i++) {
		struct pattern_node *node = state->nodes[i];
		struct pattern_node *literal = node->literals ? literal_find(set, node, text) : NULL;

		if (node->kind == NODE_ANY)
			push_any(set, node, owner);
		if (literal)
			state_push(set, literal, owner);
		for (struct pattern_node *wild = node->wilds; wild; wild = wild->sibling)
			if (set->match(wild->text, text))
				state_push(set, wild, owner);
	}
	if (ret_owner_matters)
		*ret_owner_matters = set->owner_matters;
	return state_end(set, state, ret);
}

int pattern_step_lost(struct pattern_set *set, const struct pattern_state *state, struct pattern_state **ret)
{
	state_begin(set);
	for (uint32_t i = 0; state && i < state->count; i++)
		if (state->nodes[i]->kind == NODE_ANY)
			push_any(set, state->nodes[i], PATTERN_OWNER_ANY);
	return state_end(set, state, ret);
}

bool pattern_accepts(const struct pattern_state *state, bool (*is_excluded)(void *context, uint32_t rule),
		     void *context, uint32_t *ret_secret)
{
	uint32_t best = UINT32_MAX;
	bool found = false;

	for (uint32_t i = 0; state && i < state->count; i++) {
		struct pattern_accept *accept = node_accepts(state->nodes[i]);

		for (; accept && (!found || accept->secret < best); accept = accept->next) {
			if (is_excluded && is_excluded(context, accept->rule))
				continue;
			best = accept->secret;
			found = true;
			break;
		}
	}
	if (found)
		*ret_secret = best;
	return found;
}

bool pattern_state_accepts(const struct pattern_state *state)
{
	for (uint32_t i = 0; state && i < state->count; i++)
		if (node_accepts(state->nodes[i]))
			return true;
	return false;
}

bool pattern_state_continues(const struct pattern_state *state)
{
	for (uint32_t i = 0; state && i < state->count; i++) {
		const struct pattern_node *node = state->nodes[i];

		if (node->kind == NODE_ANY || node->literals || node->wilds || node->any)
			return true;
	}
	return false;
}

bool pattern_state_is_open(const struct pattern_state *state)
{
	for (uint32_t i = 0; state && i < state->count; i++)
		if (state->nodes[i]->kind == NODE_ANY || state->nodes[i]->wilds)
			return true;
	return false;
}

bool pattern_state_follows(const struct pattern_state *state)
{
	for (uint32_t i = 0; state && i < state->count; i++)
		if (state->nodes[i]->kind != NODE_ANY)
			return true;
	return false;
}

int pattern_literals(const struct pattern_state *state, int (*each)(void *context, const char *name), void *context)
{
	for (uint32_t i = 0; state && i < state->count; i++)
		for (struct pattern_node *child = state->nodes[i]->literals; child; child = child->sibling) {
			int r = each(context, child->text + 1);

			if (r != 0)
				return r;
		}
	return 0;
}

/* ---------------------------------------------------------------- what the kernel needs to know */

static uint32_t one_up(uint32_t heights)
{
	return heights << 1 | (heights & DEPTH_LAST);
}

static uint32_t node_heights(struct pattern_set *set, struct pattern_node *node)
{
	uint32_t heights = node_accepts(node) ? 1 : 0;

	if (node->kind == NODE_ANY)
		return UINT32_MAX;
	if (node->heights_version == set->version)
		return node->heights;
	/* Links may point in a circle: within one, the node is worth what is known so far. */
	node->heights_version = set->version;
	node->heights = heights;
	for (struct pattern_node *child = node->literals; child; child = child->sibling)
		heights |= one_up(node_heights(set, child));
	for (struct pattern_node *child = node->wilds; child; child = child->sibling)
		heights |= one_up(node_heights(set, child));
	if (node->any)
		heights |= ~1U; /* at least one component */
	for (struct pattern_link *link = node->links; link; link = link->next)
		for (uint32_t i = 0; link->state && i < link->state->count; i++)
			heights |= node_heights(set, link->state->nodes[i]);
	node->heights = heights;
	return heights;
}

int pattern_describe(struct pattern_set *set, const struct pattern_state *state, struct directory_value *value,
		     int (*each)(void *context, const char *name, uint32_t flags, uint32_t depths), void *context)
{
	*value = (struct directory_value){0};
	for (uint32_t i = 0; state && i < state->count; i++)
		if (state->nodes[i]->kind == NODE_ANY)
			value->flags |= DIRECTORY_TREE;
	for (uint32_t i = 0; state && i < state->count && !(value->flags & DIRECTORY_TREE); i++) {
		for (struct pattern_node *child = state->nodes[i]->wilds; child; child = child->sibling) {
			uint32_t heights = node_heights(set, child);

			value->flags |= heights & 1 ? DIRECTORY_ANY_NAME : 0;
			value->flags |= heights & ~1U ? DIRECTORY_ANY_BRANCH : 0;
			value->depths |= one_up(heights & ~1U);
		}
		for (struct pattern_node *child = state->nodes[i]->literals; child; child = child->sibling) {
			uint32_t heights = node_heights(set, child);
			uint32_t flags = (heights & 1 ? NAME_FILE : 0) | (heights & ~1U ? NAME_BRANCH : 0);
			int r = flags ? each(context, child->text + 1, flags, one_up(heights & ~1U)) : 0;

			if (r != 0)
				return r;
		}
	}
	return 0;
}

/* The lowest secret that the nodes accept which the scratch has from `at` on. */
static uint32_t lowest_accepted(const struct pattern_set *set, size_t at)
{
	uint32_t lowest = UINT32_MAX;

	for (; at < set->scratch_count; at++) {
		const struct pattern_accept *accept = node_accepts(set->scratch[at]);

		if (accept && accept->secret < lowest)
			lowest = accept->secret;
	}
	return lowest;
}

/* The lowest secret that anything below a directory of this state could be; 0 when there was no memory to look. */
static uint32_t lowest_below(struct pattern_set *set, const struct pattern_state *state)
{
	state_begin(set);
	for (uint32_t i = 0; i < state->count; i++)
		(void)scratch_push(set, state->nodes[i]);
	for (size_t at = 0; at < set->scratch_count; at++) {
		const struct pattern_node *node = set->scratch[at];

		for (struct pattern_node *child = node->literals; child; child = child->sibling)
			(void)scratch_push(set, child);
		for (struct pattern_node *child = node->wilds; child; child = child->sibling)
			(void)scratch_push(set, child);
		if (node->any)
			(void)scratch_push(set, node->any);
		if (node->twin)
			(void)scratch_push(set, node->twin);
		for (struct pattern_link *link = node->links; link; link = link->next)
			for (uint32_t i = 0; link->state && i < link->state->count; i++)
				(void)scratch_push(set, link->state->nodes[i]);
	}
	return set->out_of_memory ? 0 : lowest_accepted(set, 0);
}

/* The lowest secret that a wildcard makes of a file directly inside; 0 when there was no memory to look. */
static uint32_t lowest_inside(struct pattern_set *set, const struct pattern_state *state)
{
	state_begin(set);
	for (uint32_t i = 0; i < state->count; i++)
		for (struct pattern_node *wild = state->nodes[i]->wilds; wild; wild = wild->sibling)
			state_push(set, wild, PATTERN_OWNER_ANY);
	return set->out_of_memory ? 0 : lowest_accepted(set, 0);
}

/* The first that nothing can be excluded from. */
static uint32_t lowest_promised(const struct pattern_accept *accept, bool (*may_exclude)(void *context, uint32_t rule),
				void *context)
{
	while (accept && may_exclude(context, accept->rule))
		accept = accept->next;
	return accept ? accept->secret : UINT32_MAX;
}

bool pattern_settles(struct pattern_set *set, const struct pattern_state *state, bool is_tree,
		     bool (*may_exclude)(void *context, uint32_t rule), void *context, uint32_t *ret_secret)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; state && i < state->count; i++) {
		const struct pattern_node *node = state->nodes[i];
		uint32_t secret = UINT32_MAX;

		if (is_tree && node->kind == NODE_ANY)
			secret = lowest_promised(node->accepts, may_exclude, context);
		for (const struct pattern_node *wild = is_tree ? NULL : node->wilds; wild; wild = wild->sibling)
			if (strcmp(wild->text, "/*") == 0 && wild->accepts) {
				uint32_t one = lowest_promised(wild->accepts, may_exclude, context);

				secret = one < secret ? one : secret;
			}
		best = secret < best ? secret : best;
	}
	if (best == UINT32_MAX || best > (is_tree ? lowest_below(set, state) : lowest_inside(set, state)))
		return false;
	*ret_secret = best;
	return true;
}

/* 0 when the name has neither a literal start nor end. */
static uint64_t filter_key(const struct pattern_node *node)
{
	static const char special[] = "*?[";
	const char *name = node->text + 1;
	size_t size, start, end;

	if (node->kind != NODE_LITERAL && node->kind != NODE_WILD)
		return 0;
	size = end = strlen(name);
	start = strcspn(name, special);
	if (node->kind == NODE_LITERAL)
		return name_filter_hash(NAME_FILTER_NAME, name, size);
	if (start > 0)
		return name_filter_hash(NAME_FILTER_PREFIX, name,
					start < NAME_FILTER_AFFIX_MAX ? start : NAME_FILTER_AFFIX_MAX);
	/* What follows a '[' may be part of a bracket: only a tail without any counts. */
	while (end > 0 && !strchr("*?[]", name[end - 1]) && size - end < NAME_FILTER_AFFIX_MAX)
		end--;
	if (end == size || strchr(name, '['))
		return 0;
	return name_filter_hash(NAME_FILTER_SUFFIX, name + end, size - end);
}

bool pattern_state_is_nameless(const struct pattern_state *state)
{
	for (uint32_t i = 0; state && i < state->count; i++)
		if (node_accepts(state->nodes[i]) && filter_key(state->nodes[i]) == 0)
			return true;
	return false;
}

int pattern_filter_keys(const struct pattern_set *set, int (*each)(void *context, uint64_t hash), void *context)
{
	for (const struct pattern_node *node = set->all; node; node = node->all) {
		uint64_t key = node->accepts ? filter_key(node) : 0;
		int r = key ? each(context, key) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}

/* ---------------------------------------------------------------- links */

/* What passes through a link: everything but `**`; its twin does, so the file that is named counts. */
static int linked_state(struct pattern_set *set, const struct pattern_state *state, const struct pattern_state *like,
			struct pattern_state **ret)
{
	state_begin(set);
	for (uint32_t i = 0; state && i < state->count; i++) {
		struct pattern_node *node = state->nodes[i];

		if (node->kind != NODE_ANY)
			(void)scratch_push(set, node); /* out of memory is looked at in state_end() */
	}
	return state_end(set, like, ret);
}

static int target_node(struct pattern_set *set, const char *target, bool is_last_wild, struct pattern_node **ret)
{
	struct pattern_node *node = set->root;
	size_t depth = 0;
	char text[ABI_NAME_MAX * 4];
	int r;

	if (target[0] != '/')
		return -EINVAL;
	while ((r = next_component(&target, text, sizeof(text))) > 0) {
		bool is_wild = is_last_wild && *target == '\0';

		r = check_component(text, NODE_LITERAL, true, ++depth);
		if (r < 0)
			return r;
		node = child_get(set, node, is_wild ? NODE_WILD : NODE_LITERAL, text);
		if (!node)
			return -ENOMEM;
	}
	if (r < 0)
		return r;
	if (node == set->root)
		return -EINVAL;
	*ret = node;
	return 0;
}

int pattern_link_new(struct pattern_set *set, const char *target, bool is_last_wild, const struct pattern_state *state,
		     uid_t owner, struct pattern_link **ret)
{
	size_t before = set->nodes_count;
	struct pattern_node *node;
	struct pattern_link *link;
	int r;

	r = target_node(set, target, is_last_wild, &node);
	if (r < 0)
		return r;
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	r = linked_state(set, state, NULL, &link->state);
	if (r < 0) {
		free(link);
		return r;
	}
	link->node = node;
	link->owner = owner;
	link->created = set->nodes_count - before;
	link->next = node->links;
	node->links = link;
	set->version++;
	*ret = link;
	return 0;
}

bool pattern_link_has(struct pattern_set *set, const struct pattern_link *link, const struct pattern_state *state,
		      uid_t owner)
{
	struct pattern_state *linked = NULL;
	bool is_same;

	if (link->owner != owner || linked_state(set, state, link->state, &linked) < 0)
		return false;
	is_same = linked == link->state;
	pattern_state_unref(linked);
	return is_same;
}

int pattern_link_set(struct pattern_set *set, struct pattern_link *link, const struct pattern_state *state, uid_t owner)
{
	struct pattern_state *linked;
	int r = linked_state(set, state, link->state, &linked);

	if (r < 0)
		return r;
	pattern_state_unref(link->state);
	link->state = linked;
	link->owner = owner;
	set->version++;
	return 0;
}

void pattern_link_free(struct pattern_set *set, struct pattern_link *link)
{
	if (!link)
		return;
	for (struct pattern_link **at = &link->node->links; *at; at = &(*at)->next)
		if (*at == link) {
			*at = link->next;
			break;
		}
	set->garbage += link->created;
	set->version++;
	pattern_state_unref(link->state);
	free(link);
}
