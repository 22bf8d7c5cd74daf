/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"

#define RANDOM_A_BITS 12
#define RANDOM_B_BITS 62
#define RANDOM_A_MAX  ((1U << RANDOM_A_BITS) - 1)
#define RANDOM_B_MAX  ((1ULL << RANDOM_B_BITS) - 1)

/*
 * What was given out last. To keep the order within a millisecond the 74 random bits are counted on by a random step
 * (RFC 9562, section 6.2, method 2). Randomness is fetched by the block: a system call for each event would cost more
 * than the rest of the event.
 */
static struct {
	pthread_mutex_t mutex;
	uint64_t milliseconds;
	uint32_t random_a;
	uint64_t random_b;
	uint64_t block[64];
	size_t block_left;
} last = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static uint64_t random_64(void)
{
	if (last.block_left == 0) {
		randombytes_buf(last.block, sizeof(last.block));
		last.block_left = sizeof(last.block) / sizeof(last.block[0]);
	}
	return last.block[--last.block_left];
}

static void step(uint64_t milliseconds)
{
	if (milliseconds > last.milliseconds) {
		last.milliseconds = milliseconds;
		/* The top bit stays clear: room to count on. */
		last.random_a = (uint32_t)random_64() & (RANDOM_A_MAX >> 1);
		last.random_b = random_64() & RANDOM_B_MAX;
		return;
	}
	last.random_b += 1 + (random_64() & UINT32_MAX);
	if (last.random_b <= RANDOM_B_MAX)
		return;
	last.random_b &= RANDOM_B_MAX;
	if (++last.random_a <= RANDOM_A_MAX)
		return;
	last.random_a = 0;
	last.milliseconds++;
}

const char *uuid7(uint64_t real_ns, char out[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t high, low;
	char *at = out;

	(void)pthread_mutex_lock(&last.mutex);
	step(real_ns / NS_PER_MS);
	high = last.milliseconds << 16 | 0x7000 | last.random_a;
	low = 0x8000000000000000ULL | last.random_b;
	(void)pthread_mutex_unlock(&last.mutex);

	for (unsigned int nibble = 0; nibble < 32; nibble++) {
		uint64_t half = nibble < 16 ? high : low;

		if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20)
			*at++ = '-';
		*at++ = digits[half >> (60 - 4 * (nibble % 16)) & 0xf];
	}
	*at = '\0';
	return out;
}
