/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 1: the descriptor is gone, or is another file, by the time that somebody looks it up.
 *
 * A second thread closes (close) or replaces (dup) the number that the open is about to return, as fast as it can.
 * Every open that returned a descriptor was one of the secret.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "trick.h"

#define ROUNDS 20000

struct race {
	int number; /* the descriptor that the opener gets */
	int decoy;  /* -1: only close */
	atomic_bool is_over;
	unsigned long taken;
};

static void *take_away(void *argument)
{
	struct race *race = argument;

	while (!atomic_load_explicit(&race->is_over, memory_order_relaxed)) {
		if (race->decoy >= 0)
			(void)dup2(race->decoy, race->number); /* EBUSY while the open is still under way */
		race->taken += close(race->number) == 0;
	}
	return NULL;
}

static void run(const struct trick *trick, bool with_dup)
{
	struct race race = {.decoy = -1};
	unsigned long opened = 0, replaced = 0;
	pthread_t thread;

	if (with_dup)
		race.decoy = trick_openat(AT_FDCWD, "/dev/null", O_RDONLY);
	race.number = trick_openat(AT_FDCWD, "/dev/null", O_RDONLY);
	close(race.number);
	if (pthread_create(&thread, NULL, take_away, &race) != 0)
		trick_fail("a thread");
	for (int i = 0; i < ROUNDS; i++) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, trick->secret, O_RDONLY | O_CLOEXEC, 0);

		if (fd < 0)
			continue;
		opened++;
		if (trick_is_secret(trick, fd))
			trick_try_to_read(fd);
		else
			replaced++;
		close(fd);
	}
	atomic_store(&race.is_over, true);
	pthread_join(thread, NULL);
	trick_did("opened the secret %lu times while a second thread %s; gone on return: %lu", opened,
		  with_dup ? "put another file under its number" : "closed it", replaced);
	trick_access(getpid(), "open", "openat", opened);
}

static void run_close(const struct trick *trick)
{
	run(trick, false);
}

static void run_dup(const struct trick *trick)
{
	run(trick, true);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {{"close", run_close}, {"dup", run_dup}, {NULL, NULL}};

	return trick_main(argc, argv, variants);
}
