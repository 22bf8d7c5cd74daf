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

struct denial;
struct egress;
struct identity;
struct observer;
struct policy_set;
struct watchlist;

struct observer_config {
	struct event_base *base;
	struct identity *identity;
	size_t max_holders;
	uint64_t hash_wait_ms;
	/* May be NULL. Makes the tier in force hand out what it has denied: observer_denied(). */
	void (*collect)(void *context);
	/* Who else is to hear of processes and control groups, after identity. May be NULL. */
	void (*process)(void *context, const struct process_record *record);
	void (*cgroup)(void *context, uint64_t cgroup_id);
	/*
	 * Where the kernel gives verdicts: the one that stands with an access, in words; false, with NULL for them,
	 * when they are not known any more. And which secret has a number. Both NULL: nowhere.
	 */
	bool (*explain)(void *context, const struct access_value *value, struct verdict *ret_verdict);
	const char *(*secret_name)(void *context, uint32_t number);
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
/* The egress guard, where there is one: it names the secret of an attempt, and hears who has had one. Borrowed. */
void observer_set_egress(struct observer *observer, struct egress *egress);
/* Tells the egress guard who has had the secret: its list is new. */
void observer_taint_holders(struct observer *observer, const char *secret);
/* The policy from now on; borrowed until the next. What waits is decided by the new one. */
void observer_set_policy(struct observer *observer, const struct policy_set *policy);
/* What the tier in force has denied; borrowed for the call. */
void observer_denied(struct observer *observer, const struct denial *denial);
/* Publishes all denials that wait to be told by the sensor too. */
void observer_flush_denials(struct observer *observer);
/* Publishes all that waits, for a hash or to be told by the sensor too, as it is. */
void observer_flush(struct observer *observer);
/* After each flush of the sensor. */
void observer_tick(struct observer *observer);
struct observer_stats observer_stats(const struct observer *observer);
