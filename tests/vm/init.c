/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init.c: process 1 of the test machine; linked statically, alone in the initramfs with kernel modules and a job.
 *
 * Loads /modules/N in the order of N, puts a tmpfs over the host's root (9p, read-only), makes that the root, mounts
 * what a system has and a folder and a disk of the machine's own, runs /job with a shell and says on the serial line
 * how it ended: "vm: begin", the job's output, "vm: end STATUS". What does not work is said there too, and ends the
 * machine.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ROOT     "/root"
#define ROOT_9P  "trans=virtio,version=9p2000.L,msize=512000,cache=loose"
#define OUT_9P   "trans=virtio,version=9p2000.L,msize=512000"
#define ATTEMPTS 500 /* times 10 ms: a virtio device may still be on its way */

static _Noreturn void power_off(void)
{
	(void)fflush(stdout);
	(void)tcdrain(STDOUT_FILENO);
	sync();
	(void)reboot(RB_AUTOBOOT); /* with -no-reboot the machine ends */
	for (;;)
		(void)pause();
}

static _Noreturn void __attribute__((format(printf, 1, 2))) fail(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	(void)printf("vm: ");
	(void)vprintf(format, arguments);
	(void)printf(": %s\n", strerror(error));
	va_end(arguments);
	power_off();
}

static void open_console(void)
{
	struct termios settings;
	int fd;

	if (mount("dev", "/dev", "devtmpfs", 0, NULL) < 0)
		power_off();
	fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	if (fd < 0)
		power_off();
	for (int i = 0; i <= STDERR_FILENO; i++)
		(void)dup2(fd, i);
	if (fd > STDERR_FILENO)
		(void)close(fd);
	if (tcgetattr(STDOUT_FILENO, &settings) == 0) {
		settings.c_oflag &= ~(tcflag_t)OPOST; /* "\n" stays "\n" */
		(void)tcsetattr(STDOUT_FILENO, TCSANOW, &settings);
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
}

static void load_modules(void)
{
	for (int i = 0;; i++) {
		char path[32];
		int fd;

		(void)snprintf(path, sizeof(path), "/modules/%d", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return;
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			fail("loading module %d", i);
		(void)close(fd);
	}
}

static void mount_on(const char *source, const char *path, const char *type, unsigned long flags, const char *options)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		fail("%s", path);
	for (int i = 0; mount(source, path, type, flags, options) < 0; i++) {
		if ((errno != ENOENT && errno != ENXIO && errno != ENODEV && errno != EINVAL) || i == ATTEMPTS)
			fail("mounting %s on %s", type, path);
		(void)usleep(10000);
	}
}

/* MS_MOVE, not chroot alone: who is in a chroot may not make user namespaces. */
static void enter_root(void)
{
	mount_on("root", "/lower", "9p", MS_RDONLY, ROOT_9P);
	mount_on("tmpfs", "/layer", "tmpfs", 0, NULL);
	if (mkdir("/layer/upper", 0755) < 0 || mkdir("/layer/work", 0755) < 0)
		fail("the upper layer");
	mount_on("overlay", ROOT, "overlay", 0, "lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work");
	if (chdir(ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		fail("changing the root");
}

static void mount_system(void)
{
	static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"},
					       {"/proc/self/fd/0", "/dev/stdin"},
					       {"/proc/self/fd/1", "/dev/stdout"},
					       {"/proc/self/fd/2", "/dev/stderr"}};

	mount_on("dev", "/dev", "devtmpfs", 0, NULL);
	mount_on("proc", "/proc", "proc", 0, NULL);
	mount_on("sys", "/sys", "sysfs", 0, NULL);
	mount_on("pts", "/dev/pts", "devpts", 0, "ptmxmode=666");
	mount_on("shm", "/dev/shm", "tmpfs", 0, "mode=1777");
	mount_on("run", "/run", "tmpfs", 0, "mode=755");
	mount_on("bpf", "/sys/fs/bpf", "bpf", 0, NULL);
	mount_on("security", "/sys/kernel/security", "securityfs", 0, NULL);
	mount_on("cgroup", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	mount_on("/dev/vda", "/run/disk", "ext4", 0, NULL);
	mount_on("out", "/run/out", "9p", 0, OUT_9P);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		(void)symlink(links[i][0], links[i][1]); /* there already on some kernels */
}

static void raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		fail("the loopback interface");
	(void)close(fd);
}

/* The job is opened before the root changes and read by the shell through its descriptor. */
static int run_job(int job)
{
	char path[32];
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		(void)setsid();
		(void)dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
		(void)clearenv();
		(void)setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
		(void)setenv("HOME", "/root", 1);
		(void)setenv("TMPDIR", "/run/disk", 1);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", job);
		(void)execl("/bin/sh", "sh", path, (char *)NULL);
		_exit(127);
	}
	for (pid_t ended = 0; ended != pid;) /* orphans are ours too */
		ended = wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	int job, status;

	open_console();
	load_modules();
	job = open("/job", O_RDONLY);
	if (job < 0)
		fail("/job");
	enter_root();
	mount_system();
	raise_loopback();
	(void)sethostname("vm", 2);
	(void)printf("vm: begin\n");
	status = run_job(job);
	(void)printf("\nvm: end %d\n", status);
	power_off();
}
