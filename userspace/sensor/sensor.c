/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor.skel.h"
#include "sensor/iterator.h"
#include "sensor/kernel_tables.h"
#include "sensor/process_snapshot.h"
#include "sensor/sensor_programs.h"
#include "sensor/syscall_table.h"

#define RECORDS_PER_TURN 4096 /* then the rest of the loop has its turn */
#define BLIND_SPOTS_MAX  32
#define PROGRAMS_MAX     64

struct sequence {
	uint64_t *last; /* by CPU */
	uint64_t records, gaps;
};

struct sensor {
	struct sensor_bpf *bpf;
	struct bpf_link *links[PROGRAMS_MAX];
	struct ring_buffer *access_ring, *process_ring;
	struct event *access_event, *process_event;
	struct counters *counters;
	struct kernel_tables tables;
	struct table_mirror *mirror;
	struct sensor_handler handler;
	enum sensor_backend backend;
	struct sequence access_sequence, process_sequence;
	struct cpu_counters *cpu_values; /* one for each possible CPU */
	int cpus;
	uint64_t losses[LOSS_PLACE_COUNT];
	uint64_t lost_before; /* LOSS_PROCESS_RING at the last sweep */
	unsigned int turn;    /* records handled in this turn of the loop */
	const char *blind_spots[BLIND_SPOTS_MAX];
	size_t blind_spots_count;
};

/* ---------------------------------------------------------------- what libbpf says while it loads */

/* The program that the kernel refused last, out of libbpf's messages: its API does not tell. */
static char refused_program[64];

static int on_libbpf_message(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[512];
	const char *name;

	if (level == LIBBPF_DEBUG)
		return 0;
	(void)vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = '\0';
	name = strstr(line, "prog '");
	if (name && strstr(line, "failed to load"))
		(void)sscanf(name, "prog '%63[^']'", refused_program);
	log_debug("%s", line);
	return 0;
}

/* ---------------------------------------------------------------- records */

static void sequence_note(struct sensor *sensor, struct sequence *sequence, const struct record_header *header)
{
	uint64_t *last;

	sequence->records++;
	if (header->cpu >= (uint32_t)sensor->cpus)
		return;
	last = &sequence->last[header->cpu];
	if (header->seq > *last + 1)
		sequence->gaps += header->seq - *last - 1;
	if (header->seq > *last)
		*last = header->seq;
}

static int on_process_record(void *context, void *data, size_t size)
{
	struct sensor *sensor = context;
	const struct record_header *header = data;

	if (size < sizeof(*header))
		return 0;
	sequence_note(sensor, &sensor->process_sequence, header);
	switch (header->type) {
	case RECORD_EXEC:
	case RECORD_FORK:
		sensor->handler.process(sensor->handler.context, data, size);
		break;
	case RECORD_EXIT: {
		const struct exit_record *record = data;

		if (size < sizeof(*record))
			break;
		/* What the process did just before is on the other ring; its counters remember that it ended. */
		sensor->handler.exit(sensor->handler.context, record, size);
		counters_process_exit(sensor->counters, &record->id);
		break;
	}
	case RECORD_CGROUP:
		sensor->handler.cgroup(sensor->handler.context, data, size);
		break;
	default:
		break;
	}
	return 0;
}

static int on_access_record(void *context, void *data, size_t size)
{
	struct sensor *sensor = context;
	const struct access_record *record = data;

	/* A process's exec is on its ring before its first access is on this one. */
	(void)ring_buffer__consume(sensor->process_ring);
	if (size >= sizeof(record->header)) {
		sequence_note(sensor, &sensor->access_sequence, &record->header);
		counters_record(sensor->counters, record, size);
	}
	return ++sensor->turn >= RECORDS_PER_TURN ? -EAGAIN : 0;
}

static void consume_accesses(struct sensor *sensor)
{
	sensor->turn = 0;
	if (ring_buffer__consume(sensor->access_ring) == -EAGAIN)
		event_active(sensor->access_event, EV_READ, 1);
}

static void on_access_ring(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	consume_accesses(context);
}

static void on_process_ring(evutil_socket_t fd, short what, void *context)
{
	struct sensor *sensor = context;

	(void)fd;
	(void)what;
	/* Accesses first: each takes the processes along that it needs, and a process's end finds its counters. */
	consume_accesses(sensor);
	(void)ring_buffer__consume(sensor->process_ring);
}

static bool on_counted(void *context, const struct counted *counted)
{
	struct sensor *sensor = context;

	return sensor->handler.access(sensor->handler.context, counted);
}

static void on_forget(void *context, void *cookie)
{
	struct sensor *sensor = context;

	sensor->handler.forget(sensor->handler.context, cookie);
}

/* ---------------------------------------------------------------- iterators */

struct identification {
	const int *fds;
	size_t count;
	struct file_record *records;
};

static void on_own_file(void *context, const struct record_header *header)
{
	const struct file_record *record = (const struct file_record *)(const void *)header;
	struct identification *identification = context;

	if (header->size < sizeof(*record))
		return;

	for (size_t i = 0; i < identification->count; i++) {
		if (identification->fds[i] == (int)record->fd)
			identification->records[i] = *record;
	}
}

static int identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	struct sensor *sensor = context;
	struct identification identification = {.fds = fds, .count = count, .records = ret_records};
	int r;

	memset(ret_records, 0, count * sizeof(*ret_records));
	/* The kernel can leave out all other processes from 6.1 (f0d74c4da1f0); before, our program does. */
	r = iterator_run(sensor->bpf->progs.files_of_daemon, getpid(), on_own_file, &identification);
	if (r == -EINVAL || r == -E2BIG)
		r = iterator_run(sensor->bpf->progs.files_of_daemon, 0, on_own_file, &identification);
	return r;
}

static void on_held(void *context, const struct record_header *header)
{
	struct sensor *sensor = context;

	if (header->size >= sizeof(struct file_record))
		sensor->handler.held(sensor->handler.context, (const struct file_record *)(const void *)header);
}

static void on_snapshot(void *context, const struct process_record *record, size_t size)
{
	struct sensor *sensor = context;

	sensor->handler.process(sensor->handler.context, record, size);
}

/* ---------------------------------------------------------------- loading */

static struct bpf_program *program_of(const struct sensor *sensor, size_t index)
{
	return bpf_object__find_program_by_name(sensor->bpf->obj, sensor_programs[index].name);
}

static void add_blind_spot(struct sensor *sensor, const char *text)
{
	for (size_t i = 0; i < sensor->blind_spots_count; i++) {
		if (strcmp(sensor->blind_spots[i], text) == 0)
			return;
	}
	if (sensor->blind_spots_count < BLIND_SPOTS_MAX)
		sensor->blind_spots[sensor->blind_spots_count++] = text;
}

static void set_sizes(const struct sensor *sensor, const struct sensor_config *config)
{
	struct sensor_bpf *bpf = sensor->bpf;

	(void)bpf_map__set_max_entries(bpf->maps.accesses, (__u32)config->access_ring_bytes);
	(void)bpf_map__set_max_entries(bpf->maps.processes, (__u32)config->process_ring_bytes);
	(void)bpf_map__set_max_entries(bpf->maps.counters, (__u32)config->max_counters);
	(void)bpf_map__set_max_entries(bpf->maps.watched, (__u32)config->max_files);
	(void)bpf_map__set_max_entries(bpf->maps.directories, (__u32)config->max_directories);
	(void)bpf_map__set_max_entries(bpf->maps.names, (__u32)config->max_directories * 4);
	(void)bpf_map__set_max_entries(bpf->maps.holders, (__u32)config->max_holders);
}

static void set_settings(const struct sensor *sensor, const struct sensor_config *config)
{
	struct sensor_bpf__rodata *settings = sensor->bpf->rodata;

	settings->daemon_pid = (__u32)getpid();
	settings->have_rdonly_cast = config->support->has_rdonly_cast;
	settings->have_task_from_vpid = config->support->has_task_from_vpid;
	settings->have_task_from_pid = config->support->has_task_from_pid;
	settings->have_preempt_disable = config->support->has_preempt_disable;
	settings->have_cqe_argument = config->support->has_cqe_argument;
	settings->keep_args = config->keep_args;
	settings->have_quiet = config->backend == SENSOR_BACKEND_TRACEPOINT && config->support->has_rdonly_cast &&
			       config->support->has_mount_id;
	randombytes_buf(&settings->quiet_key, sizeof(settings->quiet_key));
	settings->guard_denies = config->guard_denies;
	settings->guard_by_syscall = config->backend == SENSOR_BACKEND_TRACEPOINT;
	settings->observe_exec = config->backend == SENSOR_BACKEND_TRACEPOINT;
	syscall_table_fill((uint8_t *)settings->syscall_classes, (uint8_t *)settings->syscall_classes_compat);
}

/* Chooses the backend's programs but those that were refused before. */
static void set_programs(const struct sensor *sensor, const bool *is_refused)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, sensor->bpf->obj)
		(void)bpf_program__set_autoload(program, false);
	for (size_t i = 0; i < sensor_programs_count; i++) {
		if ((sensor_programs[i].backends & BACKEND_BIT(sensor->backend)) && !is_refused[i])
			(void)bpf_program__set_autoload(program_of(sensor, i), true);
	}
}

/* One attempt: 0, or -errno with the program that was refused in *ret_index (sensor_programs_count: something else). */
static int try_load(struct sensor *sensor, const struct sensor_config *config, const bool *is_refused,
		    size_t *ret_index)
{
	int r;

	refused_program[0] = '\0';
	sensor->bpf = sensor_bpf__open();
	if (!sensor->bpf)
		return -errno;
	set_sizes(sensor, config);
	set_settings(sensor, config);
	set_programs(sensor, is_refused);
	r = sensor_bpf__load(sensor->bpf);
	if (r == 0)
		return 0;
	sensor_bpf__destroy(sensor->bpf);
	sensor->bpf = NULL;
	*ret_index = sensor_programs_count;
	for (size_t i = 0; i < sensor_programs_count; i++) {
		if (strcmp(sensor_programs[i].name, refused_program) == 0)
			*ret_index = i;
	}
	return r;
}

/* Loads, leaving out one optional program after the other that this kernel does not take. */
static int load(struct sensor *sensor, const struct sensor_config *config, struct error *error)
{
	bool is_refused[PROGRAMS_MAX] = {false};

	for (size_t i = 0; i < sensor_programs_count; i++) {
		const struct sensor_program *row = &sensor_programs[i];

		is_refused[i] = row->needs && !*(const bool *)((const char *)config->support + row->needs);
		if (is_refused[i] && (row->backends & BACKEND_BIT(sensor->backend)))
			add_blind_spot(sensor, row->unseen);
	}
	for (;;) {
		size_t index = sensor_programs_count;
		int r = try_load(sensor, config, is_refused, &index);

		if (r == 0)
			return 0;
		if (index == sensor_programs_count)
			return error_set(error, r, NULL, 0, "the kernel refuses the sensor's maps or programs: %s",
					 strerror(-r));
		if (!sensor_programs[index].unseen || is_refused[index])
			return error_set(error, r, NULL, 0,
					 "the kernel refuses the program '%s', which nothing works without: %s",
					 sensor_programs[index].name, strerror(-r));
		is_refused[index] = true;
		add_blind_spot(sensor, sensor_programs[index].unseen);
	}
}

static bool is_iterator(const struct bpf_program *program)
{
	return strncmp(bpf_program__section_name(program), "iter/", 5) == 0;
}

/* Attaches the loaded programs that serve every backend, or those of this one. */
static int attach(struct sensor *sensor, bool shared, struct error *error)
{
	for (size_t i = 0; i < sensor_programs_count; i++) {
		const struct sensor_program *row = &sensor_programs[i];
		struct bpf_program *program = program_of(sensor, i);

		if (shared != (row->backends == BACKENDS_ALL) || !bpf_program__autoload(program) ||
		    is_iterator(program))
			continue;
		sensor->links[i] = bpf_program__attach(program);
		if (sensor->links[i])
			continue;
		if (!row->unseen)
			return error_set(error, -errno, NULL, 0,
					 "the kernel does not attach the program '%s', which nothing works without: %s",
					 row->name, strerror(errno));
		add_blind_spot(sensor, row->unseen);
	}
	return 0;
}

/* ---------------------------------------------------------------- life */

static int open_ring(struct sensor *sensor, struct event_base *base, struct bpf_map *map, ring_buffer_sample_fn fn,
		     event_callback_fn on_event, struct ring_buffer **ret_ring, struct event **ret_event)
{
	*ret_ring = ring_buffer__new(bpf_map__fd(map), fn, sensor, NULL);
	if (!*ret_ring)
		return -errno;
	*ret_event = event_new(base, ring_buffer__epoll_fd(*ret_ring), EV_READ | EV_PERSIST, on_event, sensor);
	return *ret_event && event_add(*ret_event, NULL) == 0 ? 0 : -ENOMEM;
}

static int open_rings(struct sensor *sensor, struct event_base *base)
{
	int r = open_ring(sensor, base, sensor->bpf->maps.processes, on_process_record, on_process_ring,
			  &sensor->process_ring, &sensor->process_event);

	if (r < 0)
		return r;
	return open_ring(sensor, base, sensor->bpf->maps.accesses, on_access_record, on_access_ring,
			 &sensor->access_ring, &sensor->access_event);
}

static int make_tables(struct sensor *sensor, const struct sensor_config *config)
{
	const struct counters_ops ops = {.report = on_counted, .forget = on_forget, .context = sensor};

	sensor->tables = (struct kernel_tables){
		.watched_fd = bpf_map__fd(sensor->bpf->maps.watched),
		.directories_fd = bpf_map__fd(sensor->bpf->maps.directories),
		.names_fd = bpf_map__fd(sensor->bpf->maps.names),
		.ignored_fd = bpf_map__fd(sensor->bpf->maps.ignored),
		.filter = (uint64_t *)sensor->bpf->bss->filter,
		.directory_cache = sensor->bpf->bss->directory_cache,
		.name_filter = (uint64_t *)sensor->bpf->bss->name_filter,
		.has_names = &sensor->bpf->bss->has_names,
		.tree_epoch = (uint64_t *)&sensor->bpf->bss->tree_epoch,
		.identify = identify,
		.identify_context = sensor,
	};
	sensor->cpus = libbpf_num_possible_cpus();
	if (sensor->cpus < 1)
		return -EINVAL;
	sensor->cpu_values = calloc((size_t)sensor->cpus, sizeof(*sensor->cpu_values));
	sensor->access_sequence.last = calloc((size_t)sensor->cpus, sizeof(uint64_t));
	sensor->process_sequence.last = calloc((size_t)sensor->cpus, sizeof(uint64_t));
	if (!sensor->cpu_values || !sensor->access_sequence.last || !sensor->process_sequence.last)
		return -ENOMEM;
	if (table_mirror_new(&sensor->tables, &sensor->mirror) < 0)
		return -ENOMEM;
	return counters_new(bpf_map__fd(sensor->bpf->maps.counters), config->max_counters, &ops, &sensor->counters);
}

int sensor_new(struct event_base *base, const struct sensor_config *config, const struct sensor_handler *handler,
	       struct sensor **ret_sensor, struct error *error)
{
	_cleanup_(sensor_freep) struct sensor *sensor = calloc(1, sizeof(*sensor));
	int r;

	if (!sensor)
		return -ENOMEM;
	sensor->handler = *handler;
	sensor->backend = config->backend;
	(void)libbpf_set_print(on_libbpf_message);
	r = load(sensor, config, error);
	if (r < 0)
		return r;
	for (const char *const *limit = sensor_backend_limits(config->backend); *limit; limit++)
		add_blind_spot(sensor, *limit);
	r = make_tables(sensor, config);
	if (r == 0)
		r = open_rings(sensor, base);
	if (r < 0)
		return error_set(error, r, NULL, 0, "the sensor's tables and rings cannot be set up: %s", strerror(-r));
	r = attach(sensor, true, error);
	if (r < 0)
		return r;
	r = process_snapshot_read(sensor->bpf->progs.process_snapshot, 0, on_snapshot, sensor);
	if (r < 0)
		return error_set(error, r, NULL, 0, "the processes that run already cannot be listed: %s",
				 strerror(-r));
	*ret_sensor = TAKE_PTR(sensor);
	return 0;
}

struct question {
	struct sensor *sensor;
	struct task_snapshot task;
	bool is_found;
};

static void on_asked(void *context, const struct process_record *record, size_t size)
{
	struct question *question = context;

	question->is_found = true;
	question->task = record->task;
	on_snapshot(question->sensor, record, size);
}

int sensor_read_process(struct sensor *sensor, uint32_t pid, struct task_snapshot *ret)
{
	struct question question = {.sensor = sensor};
	int r = process_snapshot_read(sensor->bpf->progs.process_snapshot, (pid_t)pid, on_asked, &question);

	if (r < 0)
		return r;
	if (!question.is_found)
		return -ESRCH;
	*ret = question.task;
	return 0;
}

void sensor_free(struct sensor *sensor)
{
	if (!sensor)
		return;
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		(void)bpf_link__destroy(sensor->links[i]);
	if (sensor->access_event)
		event_free(sensor->access_event);
	if (sensor->process_event)
		event_free(sensor->process_event);
	ring_buffer__free(sensor->access_ring);
	ring_buffer__free(sensor->process_ring);
	counters_free(sensor->counters);
	table_mirror_free(sensor->mirror);
	sensor_bpf__destroy(sensor->bpf);
	free(sensor->cpu_values);
	free(sensor->access_sequence.last);
	free(sensor->process_sequence.last);
	free(sensor);
}

const struct watch_sink *sensor_sink(struct sensor *sensor, void **ret_context)
{
	*ret_context = sensor->mirror;
	return &table_mirror_sink;
}

int sensor_start(struct sensor *sensor, struct error *error)
{
	int r = attach(sensor, false, error);

	if (r < 0 || !bpf_program__autoload(sensor->bpf->progs.files_held))
		return r;
	r = iterator_run(sensor->bpf->progs.files_held, 0, on_held, sensor);
	if (r < 0)
		return error_set(error, r, NULL, 0, "the files that are open already cannot be listed: %s",
				 strerror(-r));
	return 0;
}

/* ---------------------------------------------------------------- flush */

/* How often the kernel skipped a program because it was running already on that CPU. */
static uint64_t programs_missed(const struct sensor *sensor)
{
	uint64_t missed = 0;

	for (size_t i = 0; i < sensor_programs_count; i++) {
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);

		if (sensor->links[i] &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(program_of(sensor, i)), &info, &size) == 0)
			missed += info.recursion_misses;
	}
	return missed;
}

static int report_losses(struct sensor *sensor)
{
	uint64_t totals[LOSS_PLACE_COUNT] = {0};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(sensor->bpf->maps.cpu_state), &zero, sensor->cpu_values) < 0)
		return -errno;
	for (int cpu = 0; cpu < sensor->cpus; cpu++) {
		for (size_t place = 0; place < LOSS_PLACE_COUNT; place++)
			totals[place] += sensor->cpu_values[cpu].losses[place];
	}
	totals[LOSS_PROGRAM_MISSED] = programs_missed(sensor);
	for (size_t place = 0; place < LOSS_PLACE_COUNT; place++) {
		uint64_t before = sensor->losses[place];

		if (totals[place] <= before)
			continue;
		sensor->losses[place] = totals[place];
		sensor->handler.loss(sensor->handler.context, (enum loss_place)place, totals[place] - before,
				     totals[place]);
	}
	return 0;
}

int sensor_flush(struct sensor *sensor)
{
	struct sensor_bpf__bss *shared = sensor->bpf->bss;
	int r = 0;

	consume_accesses(sensor);
	(void)ring_buffer__consume(sensor->process_ring);
	if (__atomic_exchange_n(&shared->has_repeats, 0, __ATOMIC_ACQ_REL)) {
		__atomic_fetch_add(&shared->epoch, 1, __ATOMIC_ACQ_REL);
		r = counters_flush(sensor->counters);
	}
	if (sensor->losses[LOSS_PROCESS_RING] != sensor->lost_before) {
		sensor->lost_before = sensor->losses[LOSS_PROCESS_RING];
		counters_sweep(sensor->counters);
	}
	(void)report_losses(sensor);
	return r;
}

/* ---------------------------------------------------------------- what the guard looks after */

static void tell_object(void (*each)(void *context, const struct sensor_object *object), void *context,
			enum guard_object kind, const char *name, size_t number, int fd)
{
	const struct sensor_object object = {
		.kind = kind,
		.name = name,
		.number = number,
		.fd = fd,
		.must_be_frozen = kind == GUARD_MAP && strstr(name, ".rodata"),
	};

	if (fd >= 0)
		each(context, &object);
}

void sensor_each_object(const struct sensor *sensor, void (*each)(void *context, const struct sensor_object *object),
			void *context)
{
	const struct bpf_map *map;

	bpf_object__for_each_map (map, sensor->bpf->obj)
		tell_object(each, context, GUARD_MAP, bpf_map__name(map), 0, bpf_map__fd(map));
	for (size_t i = 0; i < sensor_programs_count; i++) {
		if (bpf_program__autoload(program_of(sensor, i)))
			tell_object(each, context, GUARD_PROGRAM, sensor_programs[i].name, i,
				    bpf_program__fd(program_of(sensor, i)));
		if (sensor->links[i])
			tell_object(each, context, GUARD_LINK, sensor_programs[i].name, i,
				    bpf_link__fd(sensor->links[i]));
	}
}

struct sensor_guard_maps sensor_guard_maps(const struct sensor *sensor)
{
	return (struct sensor_guard_maps){
		.objects_fd = bpf_map__fd(sensor->bpf->maps.guard_objects),
		.rights_fd = bpf_map__fd(sensor->bpf->maps.guard_rights),
		.last_signal_fd = bpf_map__fd(sensor->bpf->maps.last_signal),
	};
}

int sensor_reattach(struct sensor *sensor, size_t number, int *ret_fd)
{
	struct bpf_link *link;

	if (number >= sensor_programs_count || !sensor->links[number])
		return -EINVAL;
	link = bpf_program__attach(program_of(sensor, number));
	if (!link)
		return -errno;
	(void)bpf_link__destroy(sensor->links[number]);
	sensor->links[number] = link;
	*ret_fd = bpf_link__fd(link);
	return 0;
}

int sensor_identify(struct sensor *sensor, const int *fds, size_t count, struct file_record *ret_records)
{
	return identify(sensor, fds, count, ret_records);
}

int sensor_set_canary(struct sensor *sensor, int fd)
{
	const struct watch_value value = {0};
	struct file_record record;
	int r = identify(sensor, &fd, 1, &record);

	if (r < 0)
		return r;
	if (record.mode == 0)
		return -ENOENT;
	sensor->bpf->bss->canary = record.file;
	return table_mirror_sink.set_file(sensor->mirror, &record.file, &value);
}

uint64_t sensor_canary_opens(const struct sensor *sensor)
{
	return __atomic_load_n(&sensor->bpf->bss->canary_opens, __ATOMIC_RELAXED);
}

void sensor_distrust(struct sensor *sensor)
{
	table_mirror_distrust(sensor->mirror);
}

int sensor_check_tables(struct sensor *sensor, size_t budget, struct table_faults *ret)
{
	return table_mirror_check(sensor->mirror, budget, ret);
}

const char *const *sensor_blind_spots(const struct sensor *sensor, size_t *ret_count)
{
	*ret_count = sensor->blind_spots_count;
	return sensor->blind_spots;
}

struct sensor_stats sensor_stats(const struct sensor *sensor)
{
	struct sensor_stats stats = {
		.counters = counters_stats(sensor->counters),
		.access_records = sensor->access_sequence.records,
		.process_records = sensor->process_sequence.records,
		.access_gaps = sensor->access_sequence.gaps,
		.process_gaps = sensor->process_sequence.gaps,
	};

	memcpy(stats.losses, sensor->losses, sizeof(stats.losses));
	return stats;
}
