/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/duration.h"

#include <errno.h>
#include <inttypes.h>

static const struct unit {
	char letter;
	uint64_t seconds;
} units[] = {{'w', 7 * 24 * 3600}, {'d', 24 * 3600}, {'h', 3600}, {'m', 60}, {'s', 1}};

static uint64_t unit_seconds(char letter)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].letter == letter)
			return units[i].seconds;
	return 0;
}

int duration_parse(const char *text, uint64_t *ret_seconds)
{
	uint64_t number = 0, unit;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++)
		/* Above the maximum it only has to stay above. */
		if (number <= DURATION_MAX_S)
			number = number * 10 + (uint64_t)(*at - '0');
	unit = at > text ? unit_seconds(*at) : 0;
	if (unit == 0 || at[1] != '\0')
		return -EINVAL;
	if (number > DURATION_MAX_S / unit)
		return -ERANGE;
	*ret_seconds = number * unit;
	return 0;
}

const char *duration_format(uint64_t seconds, char out[DURATION_TEXT_SIZE])
{
	/* Weeks are for input only: people read days better. */
	for (size_t i = 1; i + 1 < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds < units[i].seconds)
			continue;
		(void)snprintf(out, DURATION_TEXT_SIZE, "%" PRIu64 "%c %" PRIu64 "%c", seconds / units[i].seconds,
			       units[i].letter, seconds % units[i].seconds / units[i + 1].seconds, units[i + 1].letter);
		return out;
	}
	(void)snprintf(out, DURATION_TEXT_SIZE, "%" PRIu64 "s", seconds);
	return out;
}
