/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rollout/generalise.h"
#include "sensor/homes.h"

#define ID64 "4f5d6a7b8c9d0e1f2a3b4c5d6e7f80910a1b2c3d4e5f60718293a4b5c6d7e8f9"
#define UUID "123e4567-e89b-12d3-a456-426614174000"

struct row {
	const char *seen, *pattern; /* NULL: no pattern can name it */
};

typedef bool generalise_fn(const char *seen, char out[GENERALISED_SIZE]);

static void check(const struct row *rows, size_t count, generalise_fn *generalise)
{
	char out[GENERALISED_SIZE];

	for (size_t i = 0; i < count; i++) {
		bool is_named = generalise(rows[i].seen, out);

		if (is_named != (rows[i].pattern != NULL))
			print_error("%s: %s\n", rows[i].seen, is_named ? out : "no pattern");
		assert_int_equal(is_named, rows[i].pattern != NULL);
		if (is_named)
			assert_string_equal(out, rows[i].pattern);
	}
}

#define CHECK(rows, generalise) check(rows, sizeof(rows) / sizeof((rows)[0]), generalise)

static void leaves_versions_of_directories_open(void **state)
{
	static const struct row rows[] = {
		{"/usr/bin/cat", "/usr/bin/cat"},
		{"/usr/bin/python3.11", "/usr/bin/python3.11"},
		{"/usr/lib/jvm/java-17.0.2/bin/java", "/usr/lib/jvm/java-*/bin/java"},
		{"/usr/lib/jvm/java-17/bin/java", "/usr/lib/jvm/java-*/bin/java"},
		{"/usr/lib/jvm/java-1.8.0-openjdk-1.8.0.392.b08-4.el8.x86_64/bin/java",
		 "/usr/lib/jvm/java-*-openjdk-*/bin/java"},
		{"/opt/node-v18.19.0-linux-x64/bin/node", "/opt/node-v*-linux-x64/bin/node"},
		{"/usr/lib/postgresql/15/bin/postgres", "/usr/lib/postgresql/*/bin/postgres"},
		{"/usr/lib/python3.11/x", "/usr/lib/python*/x"},
		{"/snap/core/17200/bin/x", "/snap/core/*/bin/x"},
		{"/usr/lib64/x86_64-linux-gnu/i386/x", "/usr/lib64/x86_64-linux-gnu/i386/x"},
		{"/opt/app2/mp3/x", "/opt/app2/mp3/x"},
	};

	(void)state;
	CHECK(rows, generalise_program);
}

static void leaves_ids_and_random_names_open(void **state)
{
	static const struct row rows[] = {
		{"/run/c/" ID64 "/bin/x", "/run/c/*/bin/x"},
		{"/run/c/" UUID "/x", "/run/c/*/x"},
		{"/proc/4242/root/bin/x", "/proc/*/root/bin/x"},
		{"/proc/sys/x", "/proc/sys/x"},
		{"/tmp/tmp.aBcDeFgHiJ/x", "/tmp/tmp.*/x"},
		{"/tmp/tmpab1_d3fg/x", "/tmp/tmp*/x"},
		{"/tmp/go-build123456789/b001/exe/main", "/tmp/go-build*/b001/exe/main"},
		{"/tmp/.mount_AppImXyZ9k2/x", "/tmp/.mount_*/x"},
		{"/tmp/x.aX9kLm", "/tmp/x.*"},
		{"/tmp/python3", "/tmp/python3"},
		{"/tmp/sha256sum", "/tmp/sha256sum"},
		{"/tmp/Makefile/README", "/tmp/Makefile/README"},
		{"/home/aX9kLm/x", "/home/aX9kLm/x"},
		{"/run/user/1000/app/x", "/run/user/*/app/x"},
	};

	(void)state;
	CHECK(rows, generalise_program);
}

static void writes_what_is_special_in_a_pattern_as_itself(void **state)
{
	static const struct row rows[] = {
		{"/a/*b?[c]", "/a/[*]b[?][[]c]"},
		{"/a/**/b", "/a/[*][*]/b"},
		{"/a/\xc3\xa9", "/a/\xc3\xa9"},
		{"/a/new\nline\x7f", "/a/new?line?"},
		{"/a/\xff\xfe", "/a/??"},
		{"/a/back\\slash 'n\" x", "/a/back\\slash 'n\" x"},
		{"", NULL},
		{"[kthreadd]", NULL},
		{"(elsewhere)/usr/bin/ssh", NULL},
		{"relative", NULL},
		{"/", NULL},
		{"/a//b", NULL},
		{"/a/", NULL},
	};
	char path[GENERALISED_SIZE + 16] = "/", out[GENERALISED_SIZE];

	(void)state;
	CHECK(rows, generalise_program);
	memset(path + 1, '*', sizeof(path) - 2); /* three bytes each */
	assert_false(generalise_program(path, out));
	memset(path + 1, 'x', sizeof(path) - 2);
	assert_false(generalise_program(path, out));
}

static void puts_every_home_in_the_place_of_one(void **state)
{
	char ana[] = "/home/ana", deep[] = "/home/ana/deep", root[] = "/root";
	char *paths[] = {ana, deep, root};
	const struct homes homes = {.paths = paths, .count = 3};
	static const struct row rows[] = {
		{"/home/ana/.aws/credentials", "~/.aws/credentials"},
		{"/home/ana/deep/.netrc", "~/.netrc"},
		{"/home/anabel/.netrc", "/home/anabel/.netrc"},
		{"/root/.ssh/id_*", "~/.ssh/id_[*]"},
		{"/home/ana", "/home/ana"},
		{"/srv/app-1.2.3/key", "/srv/app-1.2.3/key"}, /* more files would be another secret */
		{"/srv/15/key", "/srv/15/key"},
		{"/run/user/1000/keyring/x", "/run/user/*/keyring/x"},
		{"/var/lib/kubelet/pods/" UUID "/token", "/var/lib/kubelet/pods/*/token"},
	};
	char out[GENERALISED_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(generalise_file(rows[i].seen, &homes, out));
		assert_string_equal(out, rows[i].pattern);
	}
	assert_false(generalise_file("", &homes, out));
}

static void leaves_the_numbers_of_units_open(void **state)
{
	static const struct row rows[] = {
		{"payments.service", "payments.service"},
		{"postgresql@15-main.service", "postgresql@15-main.service"},
		{"getty@tty1.service", "getty@tty1.service"},
		{"session-12.scope", "session-*.scope"},
		{"session-c3.scope", "session-*.scope"},
		{"user@1000.service", "user@*.service"},
		{"run-u12.service", "run-u*.service"},
		{"run-r0123456789abcdef0123456789abcdef.scope", "run-r*.scope"},
		{"run-p123-i456.service", "run-p*.service"},
		{"run-backup.service", "run-backup.service"},
		{"sshd@3-10.0.0.1:22-10.0.0.9:5555.service", "sshd@*.service"},
		{"x@3-812-1000.service", "x@*.service"},
		{"app-gnome-firefox-4242.scope", "app-gnome-firefox-*.scope"},
		{"docker-" ID64 ".scope", "docker-*.scope"},
		{"vte-spawn-" UUID ".scope", "vte-spawn-*.scope"},
		{"init.scope", "init.scope"},
		{"-.mount", "-.mount"},
		{"no-type", NULL},
		{"user@1000.service/app.service", NULL},
		{"x y.service", NULL},
		{"", NULL},
	};

	(void)state;
	CHECK(rows, generalise_unit);
}

static void leaves_the_ids_of_cgroups_open(void **state)
{
	static const struct row rows[] = {
		{"/", "/"},
		{"/system.slice/payments.service", "/system.slice/payments.service"},
		{"/user.slice/user-1000.slice/session-3.scope", "/user.slice/user-*.slice/session-*.scope"},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/x.service",
		 "/user.slice/user-*.slice/user@*.service/app.slice/x.service"},
		{"/docker/" ID64, "/docker/*"},
		{"/kubepods.slice/kubepods-burstable.slice/"
		 "kubepods-burstable-pod123e4567_e89b_12d3_a456_426614174000.slice/cri-containerd-" ID64 ".scope",
		 "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod*.slice/cri-containerd-*.scope"},
		{"/kubepods/besteffort/pod" UUID "/" ID64, "/kubepods/besteffort/pod*/*"},
		{"/a\nb/[c]", "/a?b/[[]c]"},
		{"", NULL},
		{"relative", NULL},
	};

	(void)state;
	CHECK(rows, generalise_cgroup);
}

static void generalises_nothing_when_asked_so(void **state)
{
	static const struct row rows[] = {
		{"/usr/lib/jvm/java-17.0.2/x", "/usr/lib/jvm/java-17.0.2/x"},
		{"/tmp/tmp.aBcDeFgHiJ/*", "/tmp/tmp.aBcDeFgHiJ/[*]"},
		{"x", NULL},
	};

	(void)state;
	CHECK(rows, generalise_nothing);
}

/* Whatever it is made of: a pattern that can be loaded and that names what was seen. */
static void always_names_what_it_was_made_from(void **state)
{
	static const char alphabet[] = "ab/.-_@19*?[]\n\xff\xc3\xa9{}: p";
	char seen[64], out[GENERALISED_SIZE];
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		size_t size = 1 + i % 40;

		seen[0] = '/';
		for (size_t at = 1; at < size; at++) {
			random = random * 1664525 + 1013904223;
			seen[at] = alphabet[(random >> 16) % (sizeof(alphabet) - 1)];
		}
		seen[size] = '\0';
		if (generalise_program(seen, out)) {
			assert_int_equal(glob_check(out, NULL, 0), 0);
			assert_true(glob_match(out, seen));
		}
		if (generalise_cgroup(seen, out) && seen[1])
			assert_true(glob_match(out, seen));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_versions_of_directories_open),
		cmocka_unit_test(leaves_ids_and_random_names_open),
		cmocka_unit_test(writes_what_is_special_in_a_pattern_as_itself),
		cmocka_unit_test(puts_every_home_in_the_place_of_one),
		cmocka_unit_test(leaves_the_numbers_of_units_open),
		cmocka_unit_test(leaves_the_ids_of_cgroups_open),
		cmocka_unit_test(generalises_nothing_when_asked_so),
		cmocka_unit_test(always_names_what_it_was_made_from),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
