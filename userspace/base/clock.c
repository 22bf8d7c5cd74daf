/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec now = {0};

	(void)clock_gettime(id, &now); /* cannot fail for these clocks: Linux has had both since 2.6.39 */
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t clock_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock_real_from_boot(uint64_t boot_ns)
{
	uint64_t boot_now = clock_boot_ns(), real_now = clock_real_ns();

	if (boot_ns >= boot_now)
		return real_now + (boot_ns - boot_now);
	return real_now > boot_now - boot_ns ? real_now - (boot_now - boot_ns) : 0;
}

const char *clock_format_rfc3339(uint64_t real_ns, char out[CLOCK_RFC3339_SIZE])
{
	time_t seconds = (time_t)(real_ns / NS_PER_SEC);
	struct tm tm = {0};

	(void)gmtime_r(&seconds, &tm); /* 64 bits of nanoseconds end in the year 2554: always representable */
	(void)snprintf(out, CLOCK_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
		       (unsigned int)(tm.tm_year + 1900) % 10000, (unsigned int)(tm.tm_mon + 1) % 100,
		       (unsigned int)tm.tm_mday % 100, (unsigned int)tm.tm_hour % 100, (unsigned int)tm.tm_min % 100,
		       (unsigned int)tm.tm_sec % 100, (unsigned int)(real_ns % NS_PER_SEC));
	return out;
}
