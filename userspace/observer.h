/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observer.h: from what the sensor counts to events: which secret it was, who did it, what the policy says.
 *
 * The one place where sensor, identity and policy meet. Its handler is what sensor_new() is given; what it makes of an
 * access goes to `publish`. An access waits for the hash of its executable, for as long as the config says or, when a
 * rule needs the hash, until it is known. Loop thread only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bus/event.h"
#include "sensor/sensor.h"

struct identity;
struct observer;
struct policy_set;
struct watchlist;

struct observer_config {
	struct event_base *base;
	struct identity *identity;
	size_t max_holders;
	uint64_t hash_wait_ms;
	/* Each event, borrowed for the call. */
	void (*publish)(void *context, const struct bus_event *event);
	/* Something that was done to the agent itself (COUNTED_TAMPER), borrowed for the call; may be NULL. */
	void (*tampered)(void *context, const struct counted *counted);
	void *context;
};

struct observer_stats {
	uint64_t accesses; /* sum of the counts published */
	uint64_t events;
	uint64_t alerts; /* accesses of verdict alert */
	uint64_t denies;
	uint64_t losses;     /* sum of the losses published */
	uint64_t unnamed;    /* looks into a process whose secrets are not known (any more) */
	uint64_t unresolved; /* refused paths that could not be followed */
};

/* 0 or -ENOMEM. What *config points to is borrowed. */
int observer_new(const struct observer_config *config, struct observer **ret_observer);
/* Publishes what waits, then frees. NULL is fine. */
void observer_free(struct observer *observer);

/* What the sensor calls; the context is the observer. */
struct sensor_handler observer_handler(struct observer *observer);
/* The watch list, once it is there: until then nothing is a secret. Borrowed. */
void observer_set_watchlist(struct observer *observer, struct watchlist *watchlist);
/* The policy from now on; borrowed until the next. What waits is decided by the new one. */
void observer_set_policy(struct observer *observer, const struct policy_set *policy);
/* Publishes all that waits for a hash, as it is. */
void observer_flush(struct observer *observer);
/* About once a second. */
void observer_tick(struct observer *observer);
struct observer_stats observer_stats(const struct observer *observer);
