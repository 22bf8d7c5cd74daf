/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c: the agent's own maps, programs and links on the running kernel: what a check finds when one is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enforce/guard.h"
#include "enforce/guard_rights.h"

struct fixture {
	int objects, map, frozen, program, other_program, link;
	struct guard *guard;
	size_t faults;
	struct guard_fault last;
};

static int load_program(int answer)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = answer},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "guard_test", "GPL", code, 2, NULL);
}

static int make_map(enum bpf_map_type type, uint32_t key_size, uint32_t entries)
{
	return bpf_map_create(type, "guard_test", key_size, 4, entries, NULL);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->objects = make_map(BPF_MAP_TYPE_HASH, sizeof(struct guard_key), 16);
	f->map = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);
	f->frozen = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);
	f->program = load_program(0);
	f->other_program = load_program(1);
	f->link = bpf_raw_tracepoint_open("sched_process_exec", f->program);
	assert_true(f->objects >= 0 && f->map >= 0 && f->frozen >= 0 && f->program >= 0 && f->other_program >= 0 &&
		    f->link >= 0);
	assert_int_equal(bpf_map_freeze(f->frozen), 0);
	assert_int_equal(guard_new(f->objects, &f->guard), 0);
	assert_int_equal(guard_add(f->guard, GUARD_MAP, "map", 0, f->map, false), 0);
	assert_int_equal(guard_add(f->guard, GUARD_MAP, "frozen", 0, f->frozen, true), 0);
	assert_int_equal(guard_add(f->guard, GUARD_PROGRAM, "program", 5, f->program, false), 0);
	assert_int_equal(guard_add(f->guard, GUARD_LINK, "program", 5, f->link, false), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	guard_free(f->guard);
	(void)close(f->link);
	(void)close(f->program);
	(void)close(f->other_program);
	(void)close(f->frozen);
	(void)close(f->map);
	(void)close(f->objects);
	free(f);
	return 0;
}

static void on_fault(void *context, const struct guard_fault *fault)
{
	struct fixture *f = context;

	f->faults++;
	f->last = *fault;
}

/* How many are wrong; reported are those that were not before. */
static size_t check(struct fixture *f)
{
	f->faults = 0;
	return guard_check(f->guard, on_fault, f);
}

static uint32_t map_number(int fd)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

static void finds_nothing_wrong_with_what_was_loaded(void **state)
{
	struct fixture *f = *state;
	const struct guard_key key = {.object = GUARD_MAP, .id = map_number(f->map)};
	uint32_t value;

	assert_int_equal(check(f), 0);
	assert_int_equal(f->faults, 0);
	assert_int_equal(bpf_map_lookup_elem(f->objects, &key, &value), 0); /* the programs know it */
	assert_string_equal(guard_name(f->guard, GUARD_MAP, key.id), "map");
	assert_null(guard_name(f->guard, GUARD_LINK, key.id + 100000));
}

static void finds_a_descriptor_that_is_another_map(void **state)
{
	struct fixture *f = *state;
	int other = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);

	assert_int_equal(dup3(other, f->map, O_CLOEXEC), f->map);
	assert_int_equal(check(f), 1);
	assert_int_equal(f->faults, 1);
	assert_int_equal(f->last.object, GUARD_MAP);
	assert_string_equal(f->last.name, "map");
	assert_non_null(strstr(f->last.detail, "another"));
	assert_int_equal(check(f), 1); /* still wrong, told once */
	assert_int_equal(f->faults, 0);
	(void)close(other);
}

static void finds_a_descriptor_that_is_nothing_of_the_kind(void **state)
{
	struct fixture *f = *state;
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(dup3(other, f->link, O_CLOEXEC), f->link);
	assert_int_equal(check(f), 1);
	assert_int_equal(f->last.object, GUARD_LINK);
	assert_int_equal(f->last.number, 5);
	(void)close(other);
}

static void finds_a_map_that_was_frozen(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bpf_map_freeze(f->map), 0);
	assert_int_equal(check(f), 1);
	assert_non_null(strstr(f->last.detail, "frozen"));
}

static void finds_settings_that_are_not_frozen(void **state)
{
	struct fixture *f = *state;
	int loose = make_map(BPF_MAP_TYPE_ARRAY, 4, 8);

	assert_int_equal(guard_add(f->guard, GUARD_MAP, "loose", 0, loose, true), 0);
	assert_int_equal(check(f), 1);
	assert_string_equal(f->last.name, "loose");
	assert_non_null(strstr(f->last.detail, "not frozen"));
	(void)close(loose);
}

static void takes_a_link_that_was_made_anew(void **state)
{
	struct fixture *f = *state;
	int fresh = bpf_raw_tracepoint_open("sched_process_exec", f->other_program);

	assert_true(fresh >= 0);
	assert_int_equal(dup3(fresh, f->link, O_CLOEXEC), f->link);
	assert_int_equal(check(f), 1);
	assert_int_equal(guard_replace_link(f->guard, 5, fresh), 0);
	assert_int_equal(check(f), 0);
	assert_int_equal(guard_replace_link(f->guard, 6, fresh), -ENOENT);
	assert_int_equal(guard_replace_link(f->guard, 5, -1), -EBADFD);
	assert_int_equal(guard_add(f->guard, GUARD_MAP, "closed", 0, -1, false), -EBADFD);
	(void)close(fresh);
}

/* ---------------------------------------------------------------- who may do what */

/* As the iterator would tell, but for the device number, which nobody looks at here. */
static int identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	(void)context;
	for (size_t i = 0; i < count; i++) {
		struct stat st;

		if (fstat(fds[i], &st) < 0)
			return -errno;
		memset(&ret_records[i], 0, sizeof(ret_records[i]));
		ret_records[i].mode = st.st_mode;
		ret_records[i].file.ino = st.st_ino;
	}
	return 0;
}

static uint32_t rights_of(int fd, const char *path)
{
	struct file_id id = {0};
	uint32_t rights = 0;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	id.ino = st.st_ino;
	return bpf_map_lookup_elem(fd, &id, &rights) == 0 ? rights : 0;
}

static void gives_rights_to_the_programs_that_globs_name(void **state)
{
	int fd = make_map(BPF_MAP_TYPE_HASH, sizeof(struct file_id), 256);
	const struct guard_rights_source source = {.rights_fd = fd, .identify = identify};

	(void)state;
	assert_int_equal(guard_rights_fill(&source, "/bin/sh:/nowhere/*::/bin/tr[u]e", "/bin/sh:/tmp"), 2);
	assert_int_equal(rights_of(fd, "/bin/sh"), GUARD_MAY_SIGNAL | GUARD_MAY_BPF);
	assert_int_equal(rights_of(fd, "/bin/true"), GUARD_MAY_SIGNAL);
	assert_int_equal(rights_of(fd, "/bin/false"), 0);
	assert_int_equal(guard_rights_fill(&source, "/bin/false", ""), 1);
	assert_int_equal(rights_of(fd, "/bin/sh"), 0);
	assert_int_equal(rights_of(fd, "/bin/false"), GUARD_MAY_SIGNAL);
	assert_int_equal(guard_rights_fill(&source, "/usr/*/*", ""), -E2BIG);
	assert_int_equal(rights_of(fd, "/bin/false"), GUARD_MAY_SIGNAL); /* as it was */
	assert_int_equal(guard_rights_fill(&source, "", ""), 0);
	assert_int_equal(rights_of(fd, "/bin/false"), 0);
	(void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	const struct CMUnitTest tests[] = {
		TEST(finds_nothing_wrong_with_what_was_loaded),
		TEST(finds_a_descriptor_that_is_another_map),
		TEST(finds_a_descriptor_that_is_nothing_of_the_kind),
		TEST(finds_a_map_that_was_frozen),
		TEST(finds_settings_that_are_not_frozen),
		TEST(takes_a_link_that_was_made_anew),
		cmocka_unit_test(gives_rights_to_the_programs_that_globs_name),
	};

	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited); /* before 5.11 maps count as locked memory */
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
