/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every program of the object loads by itself, with and without bpf_rdonly_cast; the number of instructions that the
 * verifier had to look at is printed, so that a change that makes it work hard is seen before an older kernel refuses.
 */
#include "bpf_fixture.h"

#include <bpf/btf.h>

#include "sensor.skel.h"
#include "sensor/kernel_support.h"

#define INSTRUCTIONS_MAX 1000000 /* where the verifier gives up */

struct trial {
	const struct sensor_program *program;
	bool with_cast;
	char name[128];
};

/* Does the kernel have what the program is attached to? Tracepoints come and go. */
static bool has_hook(const struct bpf_program *program)
{
	static struct btf *btf;
	const char *section = bpf_program__section_name(program);
	const char *name = strchr(section, '/') + 1;
	char type[128];

	if (!btf)
		btf = btf__load_vmlinux_btf(); /* for all tests */
	assert_non_null(btf);
	if (strncmp(section, "tp_btf/", 7) == 0) {
		(void)snprintf(type, sizeof(type), "btf_trace_%s", name);
		return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
	}
	if (strncmp(section, "fentry/", 7) == 0 || strncmp(section, "fexit/", 6) == 0)
		return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
	return true;
}

static struct bpf_program *program_of(const struct sensor_bpf *bpf, const struct sensor_program *row)
{
	struct bpf_program *program = bpf_object__find_program_by_name(bpf->obj, row->name);

	assert_non_null(program);
	return program;
}

/* A backend's programs need what the kernel may refuse as a whole. NULL: nothing that it refuses. */
static const char *refusal_of(const struct sensor_program *program)
{
	for (int i = 0; i < SENSOR_BACKEND_COUNT; i++) {
		if ((program->backends & BACKEND_BIT(i)) && host.backends[i].works)
			return NULL;
	}
	for (int i = SENSOR_BACKEND_COUNT - 1; i >= 0; i--) {
		if (program->backends & BACKEND_BIT(i))
			return host.backends[i].reason;
	}
	return NULL;
}

/* A feature of the kernel that the program cannot do without. */
static bool has_what_it_needs(const struct sensor_program *program)
{
	return !program->needs || *(const bool *)((const char *)&host + program->needs);
}

static void loads_by_itself(void **state)
{
	const struct trial *trial = *state;
	const char *refusal = refusal_of(trial->program);
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);
	struct bpf_program *program;
	struct sensor_bpf *bpf;
	int r;

	if (refusal || (trial->with_cast && !host.has_rdonly_cast)) {
		(void)printf("# skip: %s\n", refusal ? refusal : "this kernel has no bpf_rdonly_cast");
		skip();
	}
	bpf = open_sensor(SENSOR_BACKEND_TRACEPOINT);
	bpf->rodata->have_rdonly_cast = trial->with_cast;
	bpf->rodata->have_quiet = trial->with_cast && host.has_mount_id;
	program = program_of(bpf, trial->program);
	if (!has_hook(program) || !has_what_it_needs(trial->program)) {
		(void)printf("# skip: this kernel has no %s as it is needed\n", bpf_program__section_name(program));
		sensor_bpf__destroy(bpf);
		skip();
	}
	assert_int_equal(bpf_program__set_autoload(program, true), 0);
	r = sensor_bpf__load(bpf);
	if (r == 0) {
		assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
		(void)printf("# %s: %u instructions, %u verified\n", trial->name,
			     info.xlated_prog_len / (__u32)sizeof(struct bpf_insn), info.verified_insns);
	}
	sensor_bpf__destroy(bpf);
	assert_int_equal(r, 0);
	assert_in_range(info.verified_insns, 0, INSTRUCTIONS_MAX);
}

/* What the daemon knows by name is what there is. */
static void is_in_the_list_of_programs(void **state)
{
	struct sensor_bpf *bpf = sensor_bpf__open();
	struct bpf_program *program;
	size_t count = 0;

	(void)state;
	assert_non_null(bpf);
	bpf_object__for_each_program (program, bpf->obj) {
		bool is_listed = false;

		for (size_t i = 0; i < sensor_programs_count; i++)
			is_listed |= strcmp(sensor_programs[i].name, bpf_program__name(program)) == 0;
		if (!is_listed)
			fail_msg("%s is not in sensor_programs[]", bpf_program__name(program));
		count++;
	}
	sensor_bpf__destroy(bpf);
	assert_int_equal(count, sensor_programs_count);
}

/* All that a backend takes, in one object, as the daemon loads it. */
static void loads_as_a_whole(void **state)
{
	enum sensor_backend backend = *(const enum sensor_backend *)*state;
	struct sensor_bpf *bpf;
	int r;

	if (!host.backends[backend].works)
		skip_backend(state);
	bpf = open_sensor(backend);
	for (size_t i = 0; i < sensor_programs_count; i++) {
		struct bpf_program *program = program_of(bpf, &sensor_programs[i]);

		if ((sensor_programs[i].backends & BACKEND_BIT(backend)) && has_hook(program) &&
		    has_what_it_needs(&sensor_programs[i]))
			assert_int_equal(bpf_program__set_autoload(program, true), 0);
	}
	r = sensor_bpf__load(bpf);
	sensor_bpf__destroy(bpf);
	assert_int_equal(r, 0);
}

#define TESTS_MAX 128

int main(void)
{
	static const char *const whole_names[SENSOR_BACKEND_COUNT] = {
		"loads as a whole (lsm)", "loads as a whole (fentry)", "loads as a whole (tracepoint)"};
	static enum sensor_backend backends[SENSOR_BACKEND_COUNT];
	static struct trial trials[TESTS_MAX];
	static struct CMUnitTest tests[TESTS_MAX + SENSOR_BACKEND_COUNT + 1];
	size_t count = 0, filled = 0;

	if (!bpf_can_run())
		return 0;
	tests[filled++] = (struct CMUnitTest){.name = "every program is in the list of programs",
					      .test_func = is_in_the_list_of_programs};
	for (int i = 0; i < SENSOR_BACKEND_COUNT; i++) {
		backends[i] = (enum sensor_backend)i;
		tests[filled++] = (struct CMUnitTest){
			.name = whole_names[i], .test_func = loads_as_a_whole, .initial_state = &backends[i]};
	}
	for (size_t i = 0; i < sensor_programs_count * 2 && count < TESTS_MAX; i++) {
		struct trial *trial = &trials[count++];

		trial->program = &sensor_programs[i / 2];
		trial->with_cast = i % 2;
		(void)snprintf(trial->name, sizeof(trial->name), "%s loads by itself with%s bpf_rdonly_cast",
			       trial->program->name, trial->with_cast ? "" : "out");
		tests[filled++] =
			(struct CMUnitTest){.name = trial->name, .test_func = loads_by_itself, .initial_state = trial};
	}
	return _cmocka_run_group_tests("load", tests, filled, NULL, NULL);
}
