/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_field.h: members of a JSON object by their path, when the other side may have sent anything.
 *
 * `path` is dotted: "process.exe". What is absent, or has another type, gives the fallback.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* NULL when absent or null. */
struct json_object *json_field(struct json_object *object, const char *path);
/* The string as far as its first NUL; borrowed from the object. */
const char *json_field_string(struct json_object *object, const char *path, const char *fallback);
/* A negative number gives the fallback. */
uint64_t json_field_uint(struct json_object *object, const char *path, uint64_t fallback);
int64_t json_field_int(struct json_object *object, const char *path, int64_t fallback);
bool json_field_bool(struct json_object *object, const char *path, bool fallback);
/* NULL unless it is an array. */
struct json_object *json_field_array(struct json_object *object, const char *path);
