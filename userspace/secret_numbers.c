/* SPDX-License-Identifier: Apache-2.0 */
#include "secret_numbers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "abi.h"
#include "policy/policy.h"

struct secret_number {
	char *name; /* NULL: never given out */
	uint32_t number;
	uint64_t retired; /* 0: in use; else when it became free */
	UT_hash_handle hh;
};

struct secret_numbers {
	struct secret_number items[VERDICT_SECRETS_MAX]; /* by number; the first is none */
	struct secret_number *by_name;
	uint64_t retirements;
};

int secret_numbers_new(struct secret_numbers **ret)
{
	struct secret_numbers *numbers = calloc(1, sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	for (uint32_t i = 0; i < VERDICT_SECRETS_MAX; i++)
		numbers->items[i].number = i;
	*ret = numbers;
	return 0;
}

void secret_numbers_free(struct secret_numbers *numbers)
{
	if (!numbers)
		return;
	HASH_CLEAR(hh, numbers->by_name);
	for (uint32_t i = 0; i < VERDICT_SECRETS_MAX; i++)
		free(numbers->items[i].name);
	free(numbers);
}

static struct secret_number *find(const struct secret_numbers *numbers, const char *name)
{
	struct secret_number *item;

	HASH_FIND_STR(numbers->by_name, name, item);
	return item;
}

/* One that nobody ever had, else the one that is free the longest. */
static struct secret_number *find_free(struct secret_numbers *numbers)
{
	struct secret_number *best = NULL;

	for (uint32_t i = 1; i < VERDICT_SECRETS_MAX; i++) {
		struct secret_number *item = &numbers->items[i];

		if (!item->name)
			return item;
		if (item->retired && (!best || item->retired < best->retired))
			best = item;
	}
	return best;
}

static int assign(struct secret_numbers *numbers, const char *name)
{
	struct secret_number *item = find(numbers, name);
	char *copy;

	if (item) {
		item->retired = 0;
		return 0;
	}
	item = find_free(numbers);
	if (!item)
		return -E2BIG;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	if (item->name)
		HASH_DEL(numbers->by_name, item);
	free(item->name);
	item->name = copy;
	item->retired = 0;
	HASH_ADD_KEYPTR(hh, numbers->by_name, item->name, strlen(item->name), item);
	return 0;
}

int secret_numbers_assign(struct secret_numbers *numbers, const struct policy_set *policy)
{
	static const enum policy_mode order[] = {POLICY_MODE_ENFORCE, POLICY_MODE_OBSERVE};

	for (size_t pass = 0; pass < sizeof(order) / sizeof(order[0]); pass++) {
		for (size_t i = 0; i < policy_set_secret_count(policy); i++) {
			const struct policy_secret *secret = policy_set_secret(policy, i);
			int r = secret->mode == order[pass] ? assign(numbers, secret->name) : 0;

			if (r < 0 && !(r == -E2BIG && order[pass] == POLICY_MODE_OBSERVE))
				return r;
		}
	}
	return 0;
}

void secret_numbers_retire(struct secret_numbers *numbers, const struct policy_set *policy)
{
	numbers->retirements++;
	for (uint32_t i = 1; i < VERDICT_SECRETS_MAX; i++) {
		struct secret_number *item = &numbers->items[i];

		if (item->name && !item->retired && !policy_set_find(policy, item->name))
			item->retired = numbers->retirements;
	}
}

uint32_t secret_numbers_find(const struct secret_numbers *numbers, const char *name)
{
	const struct secret_number *item = find(numbers, name);

	return item && !item->retired ? item->number : 0;
}

const char *secret_numbers_name(const struct secret_numbers *numbers, uint32_t number)
{
	return number < VERDICT_SECRETS_MAX ? numbers->items[number].name : NULL;
}
