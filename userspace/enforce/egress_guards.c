/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/egress_guards.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "policy/policy.h"

static uint32_t bank_in_force(const struct egress_guards *guards)
{
	return __atomic_load_n(guards->kernel.bank, __ATOMIC_ACQUIRE) & (EGRESS_BANKS - 1);
}

static uint32_t other_bank(const struct egress_guards *guards)
{
	return bank_in_force(guards) ^ 1;
}

void egress_guards_init(struct egress_guards *guards, const struct sensor_egress *kernel)
{
	*guards = (struct egress_guards){.kernel = *kernel};
}

void egress_guards_release(struct egress_guards *guards)
{
	for (size_t i = 0; i < EGRESS_GUARDS; i++)
		free(guards->states[i].secret);
	for (size_t bank = 0; bank < EGRESS_BANKS; bank++)
		free(guards->keys[bank]);
	*guards = (struct egress_guards){0};
}

/* ---------------------------------------------------------------- who has which number */

static struct egress_guard_state *find_state(struct egress_guards *guards, const char *secret)
{
	for (size_t i = 0; i < EGRESS_GUARDS; i++)
		if (guards->states[i].secret && strcmp(guards->states[i].secret, secret) == 0)
			return &guards->states[i];
	return NULL;
}

static struct egress_guard_state *take_free(struct egress_guards *guards, const char *secret)
{
	char *name = strdup(secret);

	for (size_t i = 0; name && i < EGRESS_GUARDS; i++) {
		struct egress_guard_state *state = &guards->states[i];

		if (state->secret && (state->is_in[0] || state->is_in[1]))
			continue;
		free(state->secret);
		state->secret = name;
		state->since_ns = clock_boot_ns();
		return state;
	}
	free(name);
	return NULL;
}

/* ---------------------------------------------------------------- the bank that is not in force */

static void clear_bank(struct egress_guards *guards, uint32_t bank)
{
	for (size_t i = 0; i < guards->keys_count[bank]; i++)
		(void)bpf_map_delete_elem(guards->kernel.destinations_fd, &guards->keys[bank][i]); /* a list may have
												    * one twice */
	free(guards->keys[bank]);
	guards->keys[bank] = NULL;
	guards->keys_count[bank] = 0;
	for (size_t i = 0; i < EGRESS_GUARDS; i++)
		guards->states[i].is_in[bank] = false;
	memset(guards->kernel.guards[bank], 0, sizeof(guards->kernel.guards[bank]));
	memset(guards->kernel.of_secret[bank], 0, sizeof(guards->kernel.of_secret[bank]));
}

static enum egress_action action_of(const struct policy_secret *secret)
{
	if (secret->egress->action != VERDICT_DENY)
		return EGRESS_ALERT;
	return secret->mode == POLICY_MODE_ENFORCE ? EGRESS_DENY : EGRESS_WOULD_DENY;
}

static int write_list(struct egress_guards *guards, uint32_t bank, uint8_t guard, const struct policy_secret *secret,
		      struct error *error)
{
	static const uint8_t one = 1;

	for (size_t i = 0; i < secret->egress->to_count; i++) {
		const struct policy_destination *to = &secret->egress->to[i];
		struct destination_key key = {
			.prefix = DESTINATION_FIXED_BITS + to->prefix,
			.bank = (uint8_t)bank,
			.guard = guard,
			.family = to->family == AF_INET6 ? 6 : 4,
			.port = to->port,
		};

		memcpy(key.address, to->address, to->family == AF_INET6 ? 16 : 4);
		if (bpf_map_update_elem(guards->kernel.destinations_fd, &key, &one, BPF_ANY) < 0)
			return error_set(error, -errno, secret->file, secret->line,
					 "the kernel does not take the destinations of secret \"%s\": %s", secret->name,
					 strerror(errno));
		guards->keys[bank][guards->keys_count[bank]++] = key;
	}
	return 0;
}

static int write_guard(struct egress_guards *guards, uint32_t bank, const struct policy_secret *secret, uint32_t number,
		       struct error *error)
{
	struct egress_guard_state *state = find_state(guards, secret->name);
	size_t guard;

	if (number == 0 || number >= VERDICT_SECRETS_MAX)
		return error_set(error, -E2BIG, secret->file, secret->line,
				 "secret \"%s\" comes after more secrets than the kernel can be told of; drop some, or "
				 "write \"mode: enforce\", which comes first",
				 secret->name);
	if (!state)
		state = take_free(guards, secret->name);
	if (!state) /* there is a number: neither bank holds more than half of them */
		return error_set(error, -ENOMEM, NULL, 0, "not enough memory for the lists of destinations");
	guard = (size_t)(state - guards->states);
	state->is_in[bank] = true;
	guards->kernel.guards[bank][guard] =
		(struct egress_guard){.since_ns = state->since_ns, .action = (uint32_t)action_of(secret)};
	guards->kernel.of_secret[bank][number] = (uint8_t)(guard + 1);
	if (*guards->kernel.used <= guard)
		__atomic_store_n(guards->kernel.used, (uint32_t)guard + 1, __ATOMIC_RELEASE);
	return write_list(guards, bank, (uint8_t)guard, secret, error);
}

static int check_size(const struct policy_set *policy, size_t *ret_destinations, struct error *error)
{
	size_t secrets = 0, destinations = 0;

	for (size_t i = 0; i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);

		if (!secret->egress)
			continue;
		destinations += secret->egress->to_count;
		if (++secrets > EGRESS_SECRETS_MAX)
			return error_set(error, -E2BIG, secret->file, secret->line,
					 "secret \"%s\" is one too many with \"egress\": at most %d can have it",
					 secret->name, EGRESS_SECRETS_MAX);
		if (destinations > EGRESS_DESTINATIONS_MAX)
			return error_set(error, -E2BIG, secret->file, secret->line,
					 "the \"egress\" lists up to that of secret \"%s\" name more than %d "
					 "destinations; use address blocks",
					 secret->name, EGRESS_DESTINATIONS_MAX);
	}
	*ret_destinations = destinations;
	return 0;
}

int egress_guards_load(struct egress_guards *guards, const struct policy_set *policy, egress_number_fn number_of,
		       void *context, struct error *error)
{
	uint32_t bank = other_bank(guards);
	size_t destinations = 0;
	int r = check_size(policy, &destinations, error);

	if (r < 0)
		return r;
	clear_bank(guards, bank);
	guards->keys[bank] = calloc(destinations + 1, sizeof(*guards->keys[bank]));
	if (!guards->keys[bank])
		return error_set(error, -ENOMEM, NULL, 0, "not enough memory for the lists of destinations");
	for (size_t i = 0; i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);

		if (!secret->egress)
			continue;
		r = write_guard(guards, bank, secret, number_of(context, secret->name), error);
		if (r < 0) {
			clear_bank(guards, bank);
			return r;
		}
	}
	__atomic_store_n(guards->kernel.bank, bank, __ATOMIC_RELEASE);
	return 0;
}

void egress_guards_revert(struct egress_guards *guards)
{
	__atomic_store_n(guards->kernel.bank, other_bank(guards), __ATOMIC_RELEASE);
}

/* ---------------------------------------------------------------- questions */

bool egress_guards_any(const struct egress_guards *guards)
{
	uint32_t bank = bank_in_force(guards);

	for (size_t i = 0; i < EGRESS_GUARDS; i++)
		if (guards->states[i].is_in[bank])
			return true;
	return false;
}

int egress_guards_find(const struct egress_guards *guards, const char *secret)
{
	uint32_t bank = bank_in_force(guards);

	for (size_t i = 0; i < EGRESS_GUARDS; i++)
		if (guards->states[i].is_in[bank] && strcmp(guards->states[i].secret, secret) == 0)
			return (int)i;
	return -ENOENT;
}

bool egress_guards_is_new(const struct egress_guards *guards, unsigned int guard)
{
	return guard < EGRESS_GUARDS && guards->states[guard].is_in[bank_in_force(guards)] &&
	       !guards->states[guard].is_in[other_bank(guards)];
}

const char *egress_guards_secret(const struct egress_guards *guards, unsigned int guard)
{
	return guard < EGRESS_GUARDS ? guards->states[guard].secret : NULL;
}
