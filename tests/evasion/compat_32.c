/* SPDX-License-Identifier: Apache-2.0 */
/* Row 27: the 32-bit program of compat.c; built with -m32 where the compiler can. Opens its argument three times. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char byte;

	for (int i = 0; i < 3; i++) {
		int fd = argc > 1 ? (int)syscall(SYS_openat, AT_FDCWD, argv[1], O_RDONLY | O_CLOEXEC, 0) : -1;

		if (fd < 0 || read(fd, &byte, 1) != 1)
			return 1;
		close(fd);
	}
	printf("got pid=%d\n", getpid());
	return 0;
}
