/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h: the tables of the store, and how an older database becomes the present one.
 *
 * schemas/sql/store.sql is version 1, store.N.sql the step to version N. schema.c holds the same texts (a test compares
 * them), because the daemon must not need a file to make its database.
 */
#pragma once

/* PRAGMA application_id: "SAGT". Marks the file as ours. */
#define STORE_APPLICATION_ID 0x53414754
/* PRAGMA user_version of a database that is up to date. */
#define STORE_SCHEMA_VERSION 2

/* store_migrations[n] brings a database from version n to n + 1; version 0 is an empty one. */
extern const char *const store_migrations[STORE_SCHEMA_VERSION];
