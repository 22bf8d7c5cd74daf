/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon.h: everything wired together, running on one loop.
 *
 * Nothing on the loop blocks: policies are read, executables hashed and history searched by worker threads; the store
 * writes on a thread of its own.
 */
#pragma once

#include "base/cleanup.h"

struct config;
struct daemon;
struct error;
struct policy_host;

/*
 * Opens everything and starts to observe. On failure -errno with *error: -EINVAL and policy_set_load()'s for a bad
 * policy
 * (*ret_is_usage set), anything else for a host that cannot. *config is borrowed for the daemon's life.
 */
int daemon_new(const struct config *config, struct daemon **ret_daemon, struct error *error);
/* Runs until SIGTERM or SIGINT; SIGHUP reloads the policies. 0 or -errno. */
int daemon_run(struct daemon *daemon);
/* Reports what is left, closes everything. NULL is fine. */
void daemon_free(struct daemon *daemon);
DEFINE_FREEP(struct daemon, daemon_free)

/* Reads the policies of the config as the daemon would and logs their warnings. Counts are of what was read. */
int daemon_check_policies(const struct config *config, const struct policy_host *host, size_t *ret_policies,
			  size_t *ret_secrets, struct error *error);
