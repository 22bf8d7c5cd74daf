/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor_programs.h"

#define LSM            BACKEND_BIT(SENSOR_BACKEND_LSM)
#define FENTRY         BACKEND_BIT(SENSOR_BACKEND_FENTRY)
#define TRACEPOINT     BACKEND_BIT(SENSOR_BACKEND_TRACEPOINT)

#define UNSEEN_RECEIVE "descriptors received over a socket or taken by pidfd_getfd"
#define UNSEEN_MAP     "mappings of descriptors that were inherited or received"
#define UNSEEN_LINK    "hard links made to secrets (opens through them are seen)"
#define UNSEEN_REFUSED "opens that permissions refuse"
#define UNSEEN_PTRACE  "ptrace and process_vm_readv of processes that hold secrets"
#define UNSEEN_PAGES                                                                                                  \
	"reads through what the process was not seen to get: a shared descriptor table, a slot of an io_uring ring, " \
	"inherited pages, a descriptor that another thread closed at once"

const struct sensor_program sensor_programs[] = {
	{"process_exec", BACKENDS_ALL, NULL},
	{"process_fork", BACKENDS_ALL, NULL},
	{"process_exit", BACKENDS_ALL, NULL},
	{"process_cgroup", BACKENDS_ALL, "control groups that are gone before they are looked up"},
	{"process_snapshot", BACKENDS_ALL, NULL},
	{"files_of_daemon", BACKENDS_ALL, NULL},
	{"files_held", BACKENDS_ALL, "processes that held a secret open before the agent started"},

	{"tracepoint_sys_exit", TRACEPOINT, NULL},
	{"tracepoint_io_uring_complete", TRACEPOINT, "opens through io_uring"},
	{"tracepoint_filemap_get_pages", BACKENDS_ALL, UNSEEN_PAGES},
	{"tracepoint_filemap_map_pages", BACKENDS_ALL, UNSEEN_PAGES},
	{"tracepoint_filemap_fault", BACKENDS_ALL, UNSEEN_PAGES},

	{"fentry_file_open", FENTRY, NULL},
	{"fentry_file_receive", FENTRY, UNSEEN_RECEIVE},
	{"fentry_mmap_file", FENTRY, UNSEEN_MAP},
	{"fentry_inode_link", FENTRY, UNSEEN_LINK},
	{"fentry_ptrace_access_check", FENTRY, UNSEEN_PTRACE},

	{"lsm_file_open", LSM, NULL},
	{"lsm_file_receive", LSM, UNSEEN_RECEIVE},
	{"lsm_mmap_file", LSM, UNSEEN_MAP},
	{"lsm_inode_link", LSM, UNSEEN_LINK},
	{"lsm_ptrace_access_check", LSM, UNSEEN_PTRACE},

	{"fexit_do_filp_open", LSM | FENTRY, UNSEEN_REFUSED},
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

static const char *const no_limits[] = {NULL};

const char *const *sensor_backend_limits(enum sensor_backend backend)
{
	return backend == SENSOR_BACKEND_TRACEPOINT ? tracepoint_limits : no_limits;
}
