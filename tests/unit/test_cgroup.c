/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD  "3f7a6d0e-6a0b-4a2e-9d3b-0c8f1e2d4b5a"
#define POD_ "3f7a6d0e_6a0b_4a2e_9d3b_0c8f1e2d4b5a"

struct row {
	const char *name;
	const char *path;
	const char *unit;
	const char *container;
	const char *pod;
};

/* clang-format off */
static const struct row rows[] = {
	{"says_nothing_of_the_root", "/", "", "", ""},
	{"says_nothing_of_an_empty_path", "", "", "", ""},
	{"reads_init_scope", "/init.scope", "init.scope", "", ""},
	{"reads_a_system_service", "/system.slice/ssh.service", "ssh.service", "", ""},
	{"reads_a_service_in_nested_slices", "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "", ""},
	{"reads_a_template_instance", "/system.slice/system-postgresql.slice/postgresql@15-main.service", "postgresql@15-main.service", "", ""},
	{"leaves_escapes_in_an_instance", "/system.slice/system-systemd\\x2dfsck.slice/systemd-fsck@dev-disk-by\\x2duuid-1.service", "systemd-fsck@dev-disk-by\\x2duuid-1.service", "", ""},
	{"undoes_the_leading_underscore", "/system.slice/_cpu.service", "cpu.service", "", ""},
	{"stops_at_the_service_of_a_delegated_subtree", "/system.slice/payments.service/workers/ssh.service", "payments.service", "", ""},
	{"reads_a_session_scope", "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "", ""},
	{"keeps_a_user_unit_apart_from_a_system_unit", "/user.slice/user-1000.slice/user@1000.service/app.slice/payments.service", "user@1000.service/payments.service", "", ""},
	{"reads_the_user_manager_itself", "/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service/init.scope", "", ""},
	{"reads_an_escaped_user_scope", "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope", "user@1000.service/vte-spawn-1.scope", "", ""},
	{"reads_a_mount_unit", "/system.slice/proc-sys-fs-binfmt_misc.mount", "proc-sys-fs-binfmt_misc.mount", "", ""},
	{"takes_no_unit_from_below_a_plain_group", "/mygroup/ssh.service", "", "", ""},
	{"takes_no_bare_slice_for_a_unit", "/user.slice", "", "", ""},
	{"takes_no_bare_suffix_for_a_unit", "/.service", "", "", ""},
	{"takes_no_strange_characters_for_a_unit", "/system.slice/a b.service", "", "", ""},
	{"skips_dots_of_a_cgroup_namespace", "/../../system.slice/ssh.service", "ssh.service", "", ""},
	{"skips_empty_components", "//system.slice///ssh.service/", "ssh.service", "", ""},

	{"reads_docker_with_systemd", "/system.slice/docker-" A64 ".scope", "docker-" A64 ".scope", A64, ""},
	{"reads_docker_with_cgroupfs", "/docker/" A64, "", A64, ""},
	{"takes_the_outer_of_nested_containers", "/docker/" A64 "/docker/" B64, "", A64, ""},
	{"takes_the_outer_of_nested_scopes", "/system.slice/docker-" A64 ".scope/system.slice/docker-" B64 ".scope", "docker-" A64 ".scope", A64, ""},
	{"reads_processes_below_a_container", "/system.slice/docker-" A64 ".scope/init.scope", "docker-" A64 ".scope", A64, ""},
	{"reads_an_ecs_task", "/ecs/3a1c0e9b1f2d4c5e8a7b6c5d4e3f2a1b/" A64, "", A64, ""},
	{"reads_rootless_docker", "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" A64 ".scope", "user@1000.service/docker-" A64 ".scope", A64, ""},
	{"reads_nerdctl", "/system.slice/nerdctl-" A64 ".scope", "nerdctl-" A64 ".scope", A64, ""},
	{"reads_containerd_of_a_namespace", "/default/" A64, "", A64, ""},

	{"reads_podman", "/machine.slice/libpod-" A64 ".scope", "libpod-" A64 ".scope", A64, ""},
	{"reads_podman_inside", "/machine.slice/libpod-" A64 ".scope/container", "libpod-" A64 ".scope", A64, ""},
	{"takes_no_podman_conmon_for_a_container", "/machine.slice/libpod-conmon-" A64 ".scope", "libpod-conmon-" A64 ".scope", "", ""},
	{"reads_rootless_podman", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A64 ".scope/container", "user@1000.service/libpod-" A64 ".scope", A64, ""},
	{"reads_podman_with_cgroupfs", "/libpod_parent/libpod-" A64, "", A64, ""},
	{"takes_no_cgroupfs_conmon_for_a_container", "/libpod_parent/conmon", "", "", ""},
	{"reads_podman_split", "/system.slice/web.service/libpod-payload-" A64, "web.service", A64, ""},

	{"reads_containerd_in_kubernetes", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_ ".slice/cri-containerd-" A64 ".scope", "cri-containerd-" A64 ".scope", A64, POD},
	{"reads_a_guaranteed_pod", "/kubepods.slice/kubepods-pod" POD_ ".slice/cri-containerd-" A64 ".scope", "cri-containerd-" A64 ".scope", A64, POD},
	{"reads_a_pod_without_a_container", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" POD_ ".slice", "", "", POD},
	{"reads_a_pod_with_cgroupfs", "/kubepods/burstable/pod" POD "/" A64, "", A64, POD},
	{"reads_a_guaranteed_pod_with_cgroupfs", "/kubepods/pod" POD "/" A64, "", A64, POD},
	{"reads_a_static_pod", "/kubepods/burstable/podb8e8d8a0c0e0f0a0b0c0d0e0f0a0b0c0/" A64, "", A64, "b8e8d8a0c0e0f0a0b0c0d0e0f0a0b0c0"},
	{"reads_crio", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_ ".slice/crio-" A64 ".scope", "crio-" A64 ".scope", A64, POD},
	{"takes_no_crio_conmon_for_a_container", "/kubepods.slice/kubepods-pod" POD_ ".slice/crio-conmon-" A64 ".scope", "crio-conmon-" A64 ".scope", "", POD},
	{"reads_crio_with_cgroupfs", "/kubepods/besteffort/pod" POD "/crio-" A64, "", A64, POD},
	{"reads_the_unsplit_form_of_runc", "/system.slice/containerd.service/kubepods-burstable-pod" POD_ ".slice:cri-containerd:" A64, "containerd.service", A64, POD},
	{"reads_kubernetes_in_docker", "/docker/" A64 "/kubelet/kubepods/burstable/pod" POD "/" B64, "", A64, ""},
	{"reads_a_pod_below_a_kubelet_slice", "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" POD_ ".slice/cri-containerd-" A64 ".scope", "cri-containerd-" A64 ".scope", A64, POD},
	{"takes_no_bare_dash_for_a_pod", "/kubepods/pod-", "", "", ""},
	{"takes_no_pod_outside_kubepods", "/user/pod" POD "/x", "", "", ""},
	{"takes_no_short_uid_for_a_pod", "/kubepods/podabc/x", "", "", ""},

	{"reads_lxc", "/lxc.payload.web1/system.slice/ssh.service", "", "web1", ""},
	{"reads_old_lxc", "/lxc/web1", "", "web1", ""},
	{"takes_no_lxc_monitor_for_a_container", "/lxc.monitor.web1", "", "", ""},
	{"reads_nspawn", "/machine.slice/systemd-nspawn@deb12.service/payload", "systemd-nspawn@deb12.service", "deb12", ""},
	{"reads_a_machine_scope", "/machine.slice/machine-deb12.scope", "machine-deb12.scope", "deb12", ""},
	{"takes_no_virtual_machine_for_a_container", "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt", "machine-qemu\\x2d1\\x2dvm.scope", "", ""},

	{"takes_no_63_digits_for_a_container", "/docker/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", "", ""},
	{"takes_no_upper_case_for_a_container", "/docker/AAAAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", "", ""},
	{"takes_no_longer_run_of_digits_for_a_container", "/docker/a" A64, "", "", ""},
};
/* clang-format on */

static void check_row(void **state)
{
	const struct row *row = *state;
	struct cgroup_names names;

	cgroup_parse(row->path, &names);
	assert_string_equal(names.unit, row->unit);
	assert_string_equal(names.container, row->container);
	assert_string_equal(names.pod, row->pod);
}

static void bounds_names_of_any_length(void **state)
{
	char path[8192];
	struct cgroup_names names;

	(void)state;
	memset(path, 'a', sizeof(path));
	memcpy(path, "/lxc/", 5);
	path[sizeof(path) - 1] = '\0';
	cgroup_parse(path, &names);
	assert_string_equal(names.container, "");
	assert_string_equal(names.unit, "");
}

static void assert_picks(const char *text, const char *expected)
{
	size_t size = 0;
	const char *path = cgroup_pick_legacy(text, &size);

	assert_int_equal(size, strlen(expected));
	assert_memory_equal(path, expected, size);
}

static void picks_the_hierarchy_that_says_most(void **state)
{
	(void)state;
	assert_picks("", "/");
	assert_picks("0::/\n", "/");
	assert_picks("0::/system.slice/a.service\n", "/system.slice/a.service");
	assert_picks("4:memory:/x\n1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n",
		     "/system.slice/a.service");
	assert_picks("1:name=systemd:/system.slice/a.service\n4:memory:/docker/" A64 "\n0::/\n", "/docker/" A64);
	assert_picks("4:memory:/x\n0::/\n", "/");
	assert_picks("garbage\n::\n1:name=systemd:no/slash\n7", "/");
	assert_picks("2:cpu,cpuacct:/a:b\n1:name=systemd:/c:d", "/c:d");
}

int main(void)
{
	static const size_t count = sizeof(rows) / sizeof(rows[0]);
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + 2];

	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL, (void *)&rows[i]};
	tests[count] = (struct CMUnitTest)cmocka_unit_test(bounds_names_of_any_length);
	tests[count + 1] = (struct CMUnitTest)cmocka_unit_test(picks_the_hierarchy_that_says_most);
	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
