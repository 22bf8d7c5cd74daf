/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor_programs.h"

#define LSM            BACKEND_BIT(SENSOR_BACKEND_LSM)
#define FENTRY         BACKEND_BIT(SENSOR_BACKEND_FENTRY)
#define TRACEPOINT     BACKEND_BIT(SENSOR_BACKEND_TRACEPOINT)

#define NEEDS(feature) offsetof(struct kernel_support, feature)

#define UNSEEN_RECEIVE "descriptors received over a socket or taken by pidfd_getfd"
#define UNSEEN_MAP     "mappings of descriptors that were inherited or received"
#define UNSEEN_LINK    "hard links made to secrets (opens through them are seen)"
#define UNSEEN_REFUSED "opens that permissions refuse"
#define UNSEEN_PTRACE  "ptrace and process_vm_readv of processes that hold secrets"
#define UNSEEN_SIGNAL  "who sends signals to the agent itself"
#define UNSEEN_TRACE   "who looks into the memory of the agent itself"
#define UNSEEN_BPF     "what others do to the agent's own maps, programs and links"
#define UNSEEN_PAGES                                                                                                  \
	"reads through what the process was not seen to get: a shared descriptor table, a slot of an io_uring ring, " \
	"inherited pages, a descriptor that another thread closed at once"

const struct sensor_program sensor_programs[] = {
	{"process_exec", BACKENDS_ALL, NULL, 0},
	{"process_fork", BACKENDS_ALL, NULL, 0},
	{"process_exit", BACKENDS_ALL, NULL, 0},
	{"process_cgroup", BACKENDS_ALL, "control groups that are gone before they are looked up", 0},
	{"process_snapshot", BACKENDS_ALL, NULL, 0},
	{"files_of_daemon", BACKENDS_ALL, NULL, 0},
	{"files_held", BACKENDS_ALL, "processes that held a secret open before the agent started", 0},

	{"guard_signal", BACKENDS_ALL, UNSEEN_SIGNAL, 0},

	{"tracepoint_sys_exit", TRACEPOINT, NULL, 0},
	{"tracepoint_io_uring_complete", TRACEPOINT, "opens through io_uring", NEEDS(has_request_argument)},
	{"tracepoint_filemap_get_pages", BACKENDS_ALL, UNSEEN_PAGES, NEEDS(has_page_tracepoints)},
	{"tracepoint_filemap_map_pages", BACKENDS_ALL, UNSEEN_PAGES, NEEDS(has_page_tracepoints)},
	{"tracepoint_filemap_fault", BACKENDS_ALL, UNSEEN_PAGES, NEEDS(has_page_tracepoints)},

	{"fentry_file_open", FENTRY, NULL, 0},
	{"fentry_file_receive", FENTRY, UNSEEN_RECEIVE, 0},
	{"fentry_mmap_file", FENTRY, UNSEEN_MAP, 0},
	{"fentry_inode_link", FENTRY, UNSEEN_LINK, 0},
	{"fentry_ptrace_access_check", FENTRY, UNSEEN_PTRACE, 0},

	{"lsm_file_open", LSM, NULL, 0},
	{"lsm_file_receive", LSM, UNSEEN_RECEIVE, 0},
	{"lsm_mmap_file", LSM, UNSEEN_MAP, 0},
	{"lsm_inode_link", LSM, UNSEEN_LINK, 0},
	{"lsm_ptrace_access_check", LSM, UNSEEN_PTRACE, 0},

	{"fentry_guard_trace", FENTRY, UNSEEN_TRACE, 0},
	{"fentry_guard_bpf", FENTRY, UNSEEN_BPF, 0},
	{"fentry_guard_map", FENTRY, UNSEEN_BPF, 0},
	{"fentry_guard_program", FENTRY, UNSEEN_BPF, 0},
	{"lsm_guard_trace", LSM, UNSEEN_TRACE, 0},
	{"lsm_guard_bpf", LSM, UNSEEN_BPF, 0},
	{"lsm_guard_map", LSM, UNSEEN_BPF, 0},
	{"lsm_guard_program", LSM, UNSEEN_BPF, 0},
	{"lsm_guard_kill", LSM, UNSEEN_SIGNAL, 0},

	{"fexit_do_filp_open", LSM | FENTRY, UNSEEN_REFUSED, 0},
};

const size_t sensor_programs_count = sizeof(sensor_programs) / sizeof(sensor_programs[0]);

static const char *const tracepoint_limits[] = {
	"io_uring opens that ask for no completion (IOSQE_CQE_SKIP_SUCCESS), until their pages are read from a disk "
	"filesystem",
	"io_uring opens that permissions refuse",
	"opens whose descriptor another thread replaced (dup2) before the open returned, until a disk file's pages are "
	"read",
	"on tmpfs: reads through a descriptor that another thread closed before the open returned, or through a shared "
	"table",
	NULL,
};

static const char *const hook_limits[] = {
	"on tmpfs: reads through a shared descriptor table, a slot of another's io_uring ring, or inherited pages",
	NULL,
};

const char *const *sensor_backend_limits(enum sensor_backend backend)
{
	return backend == SENSOR_BACKEND_TRACEPOINT ? tracepoint_limits : hook_limits;
}
