/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sensor.h: the kernel side, loaded and listening.
 *
 * Life: sensor_new() loads the programs of one backend and attaches what follows processes; the watch list then fills
 * the tables through sensor_sink(); sensor_start() attaches the rest and tells of who holds a secret already. From then
 * on the handler is called on the loop's thread: processes before the accesses they made. Optional programs that this
 * kernel does not take are left out, and what is not seen for it is in sensor_blind_spots().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "sensor/counters.h"
#include "sensor/kernel_support.h"
#include "sensor/pins.h"
#include "sensor/table_mirror.h"
#include "sensor/watch_sink.h"

struct error;
struct event_base;
struct sensor;

struct sensor_handler {
	/* Records are size-checked no further than their head: the receiver checks the rest. */
	void (*process)(void *context, const struct process_record *record, size_t size);
	void (*exit)(void *context, const struct exit_record *record, size_t size);
	void (*cgroup)(void *context, const struct cgroup_record *record, size_t size);
	/* As counters_ops. */
	bool (*access)(void *context, const struct counted *counted);
	void (*forget)(void *context, void *cookie);
	/* A process that has a secret open since before the start. */
	void (*held)(void *context, const struct file_record *record);
	/* `count` new losses at this place, `total` since the start. */
	void (*loss)(void *context, enum loss_place place, uint64_t count, uint64_t total);
	void *context;
};

struct sensor_config {
	const struct kernel_support *support; /* borrowed for the call */
	enum sensor_backend backend;
	size_t max_counters, max_files, max_directories, max_holders;
	bool has_egress;                              /* load the programs of the egress guard too */
	size_t access_ring_bytes, process_ring_bytes; /* powers of two, multiples of the page size */
	bool keep_args;
	bool guard_denies;    /* refuse what others do to the agent itself; lsm only */
	enum tier tier;       /* TIER_LSM (backend lsm only) and TIER_KILL: the programs carry verdicts out */
	size_t max_processes; /* whose programs and ancestors verdicts may need; nothing in other tiers */
	const char *pin_dir;  /* tier lsm: where the programs stay attached when the daemon ends; "": nowhere */
};

/* A map, program or link of ours in the kernel. */
struct sensor_object {
	enum guard_object kind;
	const char *name;    /* of the map or program; a link has its program's */
	size_t number;       /* of a link or its program, for sensor_reattach() */
	int fd;              /* borrowed */
	bool must_be_frozen; /* nobody may write it any more */
};

/* The maps that bpf/guard.h reads and writes; descriptors are borrowed. */
struct sensor_guard_maps {
	int objects_fd; /* struct guard_key -> anything */
	int rights_fd;  /* struct file_id -> enum guard_right bits */
	int last_signal_fd;
};

/* What the verdicts of the programs are made by (bpf/decide.h), named as in bpf/maps.h; shared with them. */
struct sensor_verdict_tables {
	struct verdict_entry *entries;
	struct verdict_rule *rules;
	uint64_t (*unfollowed)[CLASS_WORDS];
	uint32_t *epochs;
	uint32_t *policy_generation, *class_generation;
	uint32_t *tracking;
	uint32_t *host_mnt_ns;
	uint32_t *unknown_denies;
	int classes_fd, images_fd, lineage_fd; /* borrowed */
	size_t max_classes;
};

struct sensor_stats {
	struct counters_stats counters;
	uint64_t access_records, process_records;
	uint64_t access_gaps, process_gaps; /* records missing by sequence number */
	uint64_t losses[LOSS_PLACE_COUNT];
};

/* Errors: -EINVAL bad config; errno of bpf(2) with *error naming the program or map that the kernel refused. */
int sensor_new(struct event_base *base, const struct sensor_config *config, const struct sensor_handler *handler,
	       struct sensor **ret_sensor, struct error *error);
/* Detaches everything; reports nothing more (flush first). NULL is fine. */
void sensor_free(struct sensor *sensor);
DEFINE_FREEP(struct sensor, sensor_free)

/* Where the watch list writes; *ret_context goes with it. */
const struct watch_sink *sensor_sink(struct sensor *sensor, void **ret_context);
struct sensor_verdict_tables sensor_verdict_tables(struct sensor *sensor);
/* Tells of every process that runs now, as sensor_new() did. 0 or -errno. */
int sensor_each_process(struct sensor *sensor,
			void (*each)(void *context, const struct process_record *record, size_t size), void *context);
/*
 * What the egress guard works on, borrowed: the sensor loads its programs and others attach them. The guard's attempts
 * are told as accesses of kind ACCESS_EGRESS.
 */
#define SENSOR_EGRESS_PROGRAMS 5

struct sensor_egress {
	int tainted_fd, destinations_fd;
	uint32_t *bank, *used;
	struct egress_guard (*guards)[EGRESS_GUARDS];
	uint8_t (*of_secret)[VERDICT_SECRETS_MAX];
	struct {
		int fd;
		uint32_t attach_type; /* enum bpf_attach_type */
	} programs[SENSOR_EGRESS_PROGRAMS];
};

/* -ENOTSUP: it was not asked for, or the kernel refuses one of its programs. */
int sensor_egress(struct sensor *sensor, struct sensor_egress *ret_egress);

/*
 * Attaches the access programs, then takes the place of a former daemon's that are still attached, and reports who
 * holds a secret open. Once.
 */
int sensor_start(struct sensor *sensor, struct error *error);
/* What happened until then that nobody told of. Of use after sensor_start(). */
struct pins_gap sensor_gap(const struct sensor *sensor);
/* Detaches what daemons that are gone have left attached. The number of programs, or -errno. */
int sensor_detach(const char *pin_dir);
/* Takes what the kernel has told of processes by now. Never out of a call of the handler. */
void sensor_catch_up(struct sensor *sensor);
/* Takes what is on the rings, reports all counts that are new and all losses. 0 or -errno. */
int sensor_flush(struct sensor *sensor);

/*
 * What the kernel says of a living process now; the handler's `process` is told it too. 0; -ESRCH; errno of bpf(2).
 */
int sensor_read_process(struct sensor *sensor, uint32_t pid, struct task_snapshot *ret);
/* All that is loaded and attached now. */
void sensor_each_object(const struct sensor *sensor, void (*each)(void *context, const struct sensor_object *object),
			void *context);
struct sensor_guard_maps sensor_guard_maps(const struct sensor *sensor);
/* Attaches a program anew whose link is lost; its new descriptor in *ret_fd. */
int sensor_reattach(struct sensor *sensor, size_t number, int *ret_fd);
/* As watch_sink's. */
int sensor_identify(struct sensor *sensor, const int *fds, size_t count, struct file_record *ret_records);
/* The open file is watched from now on; the daemon's own opens of it are counted, to prove that opens are seen. */
int sensor_set_canary(struct sensor *sensor, int fd);
uint64_t sensor_canary_opens(const struct sensor *sensor);
/* What the programs have learnt by themselves may be a lie: table_mirror_distrust(). */
void sensor_distrust(struct sensor *sensor);
/* Compares and repairs the watch list's tables: table_mirror_check(). */
int sensor_check_tables(struct sensor *sensor, size_t budget, struct table_faults *ret);

/*
 * What the kernel says of a thread right now, as a RECORD_SNAPSHOT with its path, into `size` bytes (a record has up to
 * SENSOR_RECORD_MAX). The size of the record; -ESRCH: there is no such thread; -EMSGSIZE; errno of bpf(2). Any
 * thread, while the sensor is there.
 */
#define SENSOR_RECORD_MAX (sizeof(struct process_record) + ABI_PATH_MAX + ABI_NAME_MAX)
ssize_t sensor_look(struct sensor *sensor, uint32_t tid, struct process_record *ret_record, size_t size);

/* One sentence each, for people; `ret_count` of them, the sensor's. */
const char *const *sensor_blind_spots(const struct sensor *sensor, size_t *ret_count);
struct sensor_stats sensor_stats(const struct sensor *sensor);
