/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/packed.h"

#include <stddef.h>
#include <string.h>

#include "base/buffer.h"

#define IS_STRING '+'
#define IS_NULL   '-'

void packed_append(struct buffer *out, const char *string)
{
	buffer_append_char(out, string ? IS_STRING : IS_NULL);
	buffer_append(out, string ? string : "", string ? strlen(string) + 1 : 1);
}

const char *packed_take(const char **at)
{
	const char *string = *at + 1;
	const char mark = **at;

	*at = string + strlen(string) + 1;
	return mark == IS_STRING ? string : NULL;
}
