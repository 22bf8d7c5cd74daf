/* SPDX-License-Identifier: Apache-2.0 */
#include "hardening.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define OOM_SCORE_PATH "/proc/self/oom_score_adj"
#define OOM_SCORE      "-900" /* -1000 would make an agent that leaks the end of the host */

static void lower_oom_score(void)
{
	_cleanup_(closep) int fd = open(OOM_SCORE_PATH, O_RDWR | O_CLOEXEC);
	char text[16];
	ssize_t size;

	if (fd < 0) {
		log_debug("opening %s: %s", OOM_SCORE_PATH, strerror(errno));
		return;
	}
	size = pread(fd, text, sizeof(text) - 1, 0);
	text[size > 0 ? size : 0] = '\0';
	if (strtol(text, NULL, 10) <= strtol(OOM_SCORE, NULL, 10))
		return; /* somebody wanted it lower still */
	if (pwrite(fd, OOM_SCORE, strlen(OOM_SCORE), 0) < 0)
		log_debug("writing %s: %s", OOM_SCORE_PATH, strerror(errno));
}

void hardening_apply(void)
{
	const struct rlimit none = {0, 0};

	lower_oom_score(); /* afterwards our files in /proc belong to root */
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		log_debug("forbidding core dumps: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		log_debug("forbidding to be traced: %s", strerror(errno));
}
