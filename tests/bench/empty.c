/* SPDX-License-Identifier: Apache-2.0 */
/*
 * empty.c: what merely being there costs. usage: empty lsm|fentry|tracepoint
 *
 * Attaches a program that returns 0 at once to every hook that the sensor uses with this backend, says "ready", and
 * lets go when its standard input ends. The hooks are read from the sensor's own object, so they are always the same.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <unistd.h>

#include "abi.h"
#include "bench.h"
#include "sensor.skel.h"
#include "sensor/sensor_programs.h"

static const struct {
	const char *prefix;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
} kinds[] = {
	{"tp_btf/", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP},
	{"fentry/", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY},
	{"fexit/", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT},
	{"lsm/", BPF_PROG_TYPE_LSM, BPF_LSM_MAC},
};

static int load_empty(enum bpf_prog_type type, enum bpf_attach_type attach, const char *hook)
{
	/* mov r0, 0; exit */
	static const struct bpf_insn nothing[] = {{.code = 0xb7}, {.code = 0x95}};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach);
	int id = libbpf_find_vmlinux_btf_id(hook, attach);

	if (id < 0)
		return id;
	options.attach_btf_id = (__u32)id;
	return bpf_prog_load(type, "empty", "GPL", nothing, sizeof(nothing) / sizeof(nothing[0]), &options);
}

/* 1: attached; 0: not a hook (iterators); -errno. The descriptors stay open until the process ends. */
static int attach_empty(const char *section)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t size = strlen(kinds[i].prefix);
		int fd;

		if (strncmp(section, kinds[i].prefix, size) != 0)
			continue;
		fd = load_empty(kinds[i].type, kinds[i].attach, section + size);
		if (fd < 0)
			return fd;
		fd = bpf_raw_tracepoint_open(NULL, fd);
		return fd < 0 ? fd : 1;
	}
	return 0;
}

static unsigned int backend_of(const char *name)
{
	if (strcmp(name, "lsm") == 0)
		return BACKEND_BIT(SENSOR_BACKEND_LSM);
	if (strcmp(name, "fentry") == 0)
		return BACKEND_BIT(SENSOR_BACKEND_FENTRY);
	if (strcmp(name, "tracepoint") == 0)
		return BACKEND_BIT(SENSOR_BACKEND_TRACEPOINT);
	return 0;
}

static int attach_all(struct bpf_object *object, unsigned int backend)
{
	int attached = 0;

	for (size_t i = 0; i < sensor_programs_count; i++) {
		const struct sensor_program *row = &sensor_programs[i];
		struct bpf_program *program = bpf_object__find_program_by_name(object, row->name);
		int r;

		if (!(row->backends & backend))
			continue;
		errno = ENOENT;
		if (!program)
			bench_fail(row->name);
		r = attach_empty(bpf_program__section_name(program));
		if (r < 0 && !row->unseen) { /* what the sensor can do without, so can we */
			errno = -r;
			bench_fail(row->name);
		}
		attached += r > 0;
	}
	return attached;
}

int main(int argc, char **argv)
{
	unsigned int backend = argc == 2 ? backend_of(argv[1]) : 0;
	struct sensor_bpf *sensor;
	char end;

	if (!backend) {
		(void)fprintf(stderr, "usage: empty lsm|fentry|tracepoint\n");
		return 2;
	}
	sensor = sensor_bpf__open();
	if (!sensor)
		bench_fail("opening the sensor's object");
	printf("ready %d\n", attach_all(sensor->obj, backend));
	(void)fflush(stdout);
	sensor_bpf__destroy(sensor);
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
	return 0;
}
