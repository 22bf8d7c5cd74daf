/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress.h: the egress guard: a process that has had a secret with an `egress` list, or that comes from one, sends only
 * where the list says, as far as it is in the configured control group.
 *
 * The programs are attached while a policy in force has a list, and not otherwise. A control group that is removed and
 * made again (a service that restarts) is found by egress_tick(); until then what is in the new one is not guarded, so
 * the group to configure is one that stays. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "enforce/egress_guards.h"

struct egress;
struct error;
struct policy_set;

/* `cgroup` is a directory of a cgroup v2 tree; what is in *kernel stays borrowed. Nothing is attached yet. 0 or
 * -ENOMEM. */
int egress_new(const char *cgroup, const struct sensor_egress *kernel, struct egress **ret_egress);
/* Detaches. NULL is fine. */
void egress_free(struct egress *egress);
DEFINE_FREEP(struct egress, egress_free)

/*
 * Whether every policy that has a list can have it guarded. `reason` says why this host cannot, NULL that it can.
 * -ENOTSUP with *error: one cannot, and does not say `onUnsupported: observe`.
 */
int egress_check_policy(const struct policy_set *policy, const char *reason, struct error *error);

/* Brings the lists of the policy in force. On failure, -errno with *error, the former ones stay. */
int egress_load(struct egress *egress, const struct policy_set *policy, egress_number_fn number_of, void *context,
		struct error *error);
/* After it, once: all else that the policy needs is there too; or not, and then the former lists come back. */
void egress_settle(struct egress *egress);
void egress_revert(struct egress *egress);

/* Has the secret a list in force that it had not before the last load? */
bool egress_is_new(const struct egress *egress, const char *secret);
/* The secret of a guard's number in a record; NULL when no secret had it. */
const char *egress_secret(const struct egress *egress, unsigned int guard);

/*
 * The process has had the secret since then: for what the programs could not know at the access. No matter when the
 * secret has no list, when it is known already, or when the process is gone.
 */
void egress_taint(struct egress *egress, const struct process_id *process, const char *secret, uint64_t since_ns);

/* About once a second: is the control group still the one? */
void egress_tick(struct egress *egress);
