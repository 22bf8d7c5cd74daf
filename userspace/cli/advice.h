/* SPDX-License-Identifier: Apache-2.0 */
/* advice.h: what the files that policy_advice.h is made of share: one run over one policy set. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/homes.h"

struct policy_host;
struct policy_secret;
struct policy_set;

struct advice_user {
	char *name;
	uint32_t uid;
};

/* That something is not there; told when it is known how many there are. */
struct advice_absence {
	const char *file;
	int line;
	char *text;
};

struct advice {
	struct policy_set *set;
	const struct policy_host *host;
	size_t steps; /* left */
	struct homes homes;
	struct advice_user *users; /* of root's /etc/passwd, by name */
	size_t users_count;
	bool has_users;
	struct advice_absence *absences; /* of one file */
	size_t absences_count, absences_size;
	bool has_units; /* this host has unit files at all */
};

/* Names for a sentence: "a", "b" and 3 more. */
struct advice_list {
	char text[512];
	size_t count, shown;
};

void advice_list_add(struct advice_list *list, const char *name);
/* The text with "and N more" where some did not fit. */
const char *advice_list_text(struct advice_list *list);

/* Tells that something is not there, now or, with others, in one line. 0 or -ENOMEM. */
int advice_tell_absent(struct advice *advice, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Whether systemd keeps units here. */
bool advice_has_units(struct advice *advice);

/* Each looks at one secret; 0 or -ENOMEM. */
int advise_files(struct advice *advice, const struct policy_secret *secret);   /* what its patterns name */
int advise_rules(struct advice *advice, const struct policy_secret *secret);   /* programs, users, units */
int advise_lockout(struct advice *advice, const struct policy_secret *secret); /* who must not be denied it */
