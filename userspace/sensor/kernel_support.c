/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/kernel_support.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define LSM_PATH "/sys/kernel/security/lsm"

static const char *const backend_names[SENSOR_BACKEND_COUNT] = {
	[SENSOR_BACKEND_LSM] = "lsm",
	[SENSOR_BACKEND_FENTRY] = "fentry",
	[SENSOR_BACKEND_TRACEPOINT] = "tracepoint",
};

const char *sensor_backend_name(enum sensor_backend backend)
{
	return (unsigned int)backend < SENSOR_BACKEND_COUNT ? backend_names[backend] : "unknown";
}

/* "return 0": what every trial program is. */
static const struct bpf_insn return_zero[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
	{.code = BPF_JMP | BPF_EXIT},
};

/* A descriptor or -errno. */
static int try_load(enum bpf_prog_type type, enum bpf_attach_type attach, int btf_id)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = (__u32)btf_id);
	int fd = bpf_prog_load(type, "sagent_trial", "GPL", return_zero, 2, &options);

	return fd < 0 ? -errno : fd;
}

/* Loads a trial program and attaches it for a moment. */
static int try_attach(enum bpf_prog_type type, enum bpf_attach_type attach, int btf_id)
{
	_cleanup_(closep) int program = try_load(type, attach, btf_id);
	_cleanup_(closep) int link = -1;

	if (program < 0)
		return program;
	link = bpf_raw_tracepoint_open(NULL, program);
	return link < 0 ? -errno : 0;
}

static void explain(struct backend_support *support, int error, const char *what)
{
	if (error == 0) {
		support->works = true;
		return;
	}
	(void)snprintf(support->reason, sizeof(support->reason), "the kernel refuses %s (%s)", what, strerror(-error));
}

static bool lsm_is_listed(void)
{
	_cleanup_(buffer_release) struct buffer list = BUFFER_INIT(4096);

	if (file_read(LSM_PATH, &list, NULL) < 0 || list.size == 0)
		return false;
	for (const char *at = list.data; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, "bpf", 3) == 0 && (at[3] == ',' || at[3] == '\0' || at[3] == '\n'))
			return true;
	}
	return false;
}

static void probe_lsm(const struct btf *btf, struct backend_support *support)
{
	int id = btf__find_by_name_kind(btf, "bpf_lsm_file_open", BTF_KIND_FUNC);

	if (id < 0) {
		(void)snprintf(support->reason, sizeof(support->reason), "the kernel was built without CONFIG_BPF_LSM");
		return;
	}
	explain(support, try_attach(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, id), "BPF LSM programs");
	if (support->works && !lsm_is_listed()) {
		support->works = false;
		(void)snprintf(support->reason, sizeof(support->reason),
			       "'bpf' is not among the active security modules in " LSM_PATH
			       ": add it to lsm= on the kernel's command line");
	}
}

static void probe_fentry(const struct btf *btf, struct backend_support *support)
{
	int id = btf__find_by_name_kind(btf, "security_file_open", BTF_KIND_FUNC);

	if (id < 0) {
		(void)snprintf(support->reason, sizeof(support->reason),
			       "the kernel was built without CONFIG_SECURITY");
		return;
	}
	explain(support, try_attach(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, id), "trampoline (fentry) programs");
}

static bool has_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

static bool has_member(const struct btf *btf, const char *struct_name, const char *name)
{
	int id = btf__find_by_name_kind(btf, struct_name, BTF_KIND_STRUCT);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (int i = 0; type && i < btf_vlen(type); i++) {
		if (strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), name) == 0)
			return true;
	}
	return false;
}

/*
 * Is the argument a pointer? io_uring's completion passes (ring, user_data, result, ...) until 5.16, then (ring,
 * request, user_data, result, ...), and (ring, request, cqe) from 6.15.
 */
static bool argument_is_pointer(const struct btf *btf, const char *tracepoint, int number)
{
	int id = btf__find_by_name_kind(btf, tracepoint, BTF_KIND_TYPEDEF);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (; type && (btf_is_typedef(type) || btf_is_ptr(type)); type = btf__type_by_id(btf, type->type))
		;
	if (!type || !btf_is_func_proto(type) || btf_vlen(type) < number + 2)
		return false;
	type = btf__type_by_id(btf, btf_params(type)[number + 1].type); /* [0] is the tracepoint's own data */
	return type && btf_is_ptr(type);
}

static int probe_privilege(const struct btf *btf, struct kernel_support *support, struct error *error)
{
	int id = btf__find_by_name_kind(btf, "btf_trace_sys_exit", BTF_KIND_TYPEDEF);
	int r;

	if (id < 0)
		return error_set(error, -ENOTSUP, NULL, 0,
				 "kernel %s has no system call tracepoints: CONFIG_FTRACE_SYSCALLS is needed",
				 support->release);
	r = try_attach(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, id);
	support->has_privilege = r != -EPERM && r != -EACCES;
	if (!support->has_privilege)
		return error_set(error, -EPERM, NULL, 0,
				 "loading BPF programs is not permitted: run as root, or with CAP_BPF, CAP_PERFMON, "
				 "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (before Linux 5.8: CAP_SYS_ADMIN)");
	explain(&support->backends[SENSOR_BACKEND_TRACEPOINT], r, "BPF tracepoint programs");
	return 0;
}

int kernel_support_probe(struct kernel_support *ret, struct error *error)
{
	struct utsname name;
	struct btf *btf;
	int map;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (uname(&name) == 0)
		(void)snprintf(ret->release, sizeof(ret->release), "%s", name.release);
	btf = access(BTF_PATH, R_OK) == 0 ? btf__load_vmlinux_btf() : NULL;
	if (!btf)
		return error_set(error, -ENOENT, NULL, 0,
				 "kernel %s gives no type information in " BTF_PATH
				 ": a kernel built with CONFIG_DEBUG_INFO_BTF=y is needed (5.10 or later)",
				 ret->release);
	ret->has_btf = true;
	r = probe_privilege(btf, ret, error);
	if (r < 0)
		goto out;
	map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sagent_trial", 0, 0, (__u32)getpagesize(), NULL);
	if (map < 0) {
		r = error_set(error, -ENOTSUP, NULL, 0, "kernel %s has no BPF ring buffer: 5.10 or later is needed",
			      ret->release);
		goto out;
	}
	(void)close(map);
	probe_lsm(btf, &ret->backends[SENSOR_BACKEND_LSM]);
	probe_fentry(btf, &ret->backends[SENSOR_BACKEND_FENTRY]);
	ret->has_rdonly_cast = has_function(btf, "bpf_rdonly_cast");
	ret->has_mount_id = has_member(btf, "mount", "mnt_id_unique");
	ret->has_task_from_vpid = has_function(btf, "bpf_task_from_vpid");
	ret->has_task_from_pid = has_function(btf, "bpf_task_from_pid");
	/* Global functions are allowed in such a section where the verifier knows which of them sleep: 6.15. */
	ret->has_preempt_disable =
		has_function(btf, "bpf_preempt_disable") && has_member(btf, "bpf_subprog_info", "might_sleep");
	ret->has_request_argument = argument_is_pointer(btf, "btf_trace_io_uring_complete", 1);
	ret->has_cqe_argument = argument_is_pointer(btf, "btf_trace_io_uring_complete", 2);
	ret->has_page_tracepoints = btf__find_by_name_kind(btf, "btf_trace_mm_filemap_get_pages", BTF_KIND_TYPEDEF) > 0;
out:
	btf__free(btf);
	return r;
}

int kernel_support_best(const struct kernel_support *support, enum sensor_backend *ret_backend)
{
	for (int i = 0; i < SENSOR_BACKEND_COUNT; i++) {
		if (support->backends[i].works) {
			*ret_backend = (enum sensor_backend)i;
			return 0;
		}
	}
	return -ENOTSUP;
}
