/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json_field.h"

#include <json-c/json.h>

#define KEY_SIZE 64

struct json_object *json_field(struct json_object *object, const char *path)
{
	while (object && *path != '\0') {
		size_t size = strcspn(path, ".");
		struct json_object *value = NULL;
		char key[KEY_SIZE];

		if (size >= sizeof(key) || !json_object_is_type(object, json_type_object))
			return NULL;
		memcpy(key, path, size);
		key[size] = '\0';
		if (!json_object_object_get_ex(object, key, &value))
			return NULL;
		object = value;
		path += size + (path[size] == '.');
	}
	return object;
}

const char *json_field_string(struct json_object *object, const char *path, const char *fallback)
{
	struct json_object *value = json_field(object, path);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : fallback;
}

uint64_t json_field_uint(struct json_object *object, const char *path, uint64_t fallback)
{
	struct json_object *value = json_field(object, path);

	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return fallback;
	return json_object_get_uint64(value);
}

int64_t json_field_int(struct json_object *object, const char *path, int64_t fallback)
{
	struct json_object *value = json_field(object, path);

	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : fallback;
}

bool json_field_bool(struct json_object *object, const char *path, bool fallback)
{
	struct json_object *value = json_field(object, path);

	return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value) : fallback;
}

struct json_object *json_field_array(struct json_object *object, const char *path)
{
	struct json_object *value = json_field(object, path);

	return json_object_is_type(value, json_type_array) ? value : NULL;
}
