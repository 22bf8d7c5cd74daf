#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tier `fanotify`: whoever the policy does not name is refused, each refusal is one event, and nobody waits for ever.

A program called "reader" (reader.c) is copied to two places: one that the policies allow, and one that they do not.
Everything that is marked lies in this test's own folder or on its own tmpfs.
"""

import array
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from harness import B, DEADLINE, SAGENTD, Daemon, Place, Skip, matches, policy, run_tests, secret, sha256

PLACE = Place()
READER = os.path.join(B, "tests", "e2e", "reader")
TIER = {"enforcement.tier": "fanotify"}


def program(name):
    path = PLACE.sub("bin", name)
    if not os.path.exists(path):
        PLACE.directory("bin")
        shutil.copy(READER, path)
    return path


def allowed():
    return program("allowed")


def denied():
    return program("denied")


def run(program_, *arguments, **more):
    """What the reader said, line by line."""
    result = subprocess.run([program_, *map(str, arguments)], capture_output=True, text=True, timeout=20, check=False,
                            **more)
    return result.stdout.split()


def guarded(name, *paths, **more):
    """A secret that only the allowed reader may touch."""
    more.setdefault("default", "deny")
    more.setdefault("allow", [{"name": "reader", "exe": [allowed()]}])
    return secret(name, *paths, **more)


def enforcing(secrets, **spec):
    """The policy of a test, and the harness's own secret, which everybody may read."""
    return policy("test", list(secrets), **{"mode": "enforce", **spec})


class Enforcing(Daemon):
    """A daemon in tier fanotify. The harness's marker is in a second policy, which only observes."""

    def __init__(self, secrets, spec=None, config=None, **more):
        self.enforced_spec = spec or {}
        super().__init__(PLACE, secrets, config={**TIER, **(config or {})}, **more)

    def write_policy(self, secrets, text=None):
        folder = os.path.join(self.state, "policies")
        os.makedirs(folder, exist_ok=True)
        self.policy_path = folder
        put(os.path.join(folder, "enforce.yaml"), text or enforcing(secrets, **self.enforced_spec))
        put(os.path.join(folder, "marker.yaml"), policy("marker", [secret("marker", self.marker)]))

    def status(self):
        return self.sagent_json("status")["enforcement"]


def put(path, text):
    with open(path + ".next", "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path + ".next", 0o600)
    os.rename(path + ".next", path)


def check_denied(d, count, exe=None, **want):
    """Exactly `count` denials, every one carried out by the tier, and told of once."""
    exe = exe or denied()

    def total(all_):
        return sum(e["data"]["access"]["count"] for e in all_ if is_denial(e, exe, want))

    d.events.wait(lambda all_: total(all_) >= count)
    d.barrier(rounds=4)  # what would be told twice would be told by then
    found = [e for e in d.events.all if is_denial(e, exe, want)]
    assert total(d.events.all) == count, f"{count} denials, told {total(d.events.all)}: " + \
        json.dumps([e["data"]["access"] for e in found])
    for event in found:
        verdict, access = event["data"]["verdict"], event["data"]["access"]
        assert verdict["action"] == "deny" and verdict["tier"] == "fanotify" and not verdict["would_deny"], verdict
        assert access["result"] == -errno.EPERM, access
    return found


def is_denial(event, exe, want):
    return matches(event, want) and event["data"]["verdict"]["enforced"] and event["data"]["process"]["exe"] == exe


# ---------------------------------------------------------------- who may and who may not


def test_who_is_not_named_gets_eperm_and_one_event():
    path = PLACE.file("basic", "secret")
    with Enforcing([guarded("basic", path)]) as d:
        assert d.ready["tier"] == "fanotify", d.ready
        assert run(allowed(), "open", path) == ["ok"]
        assert run(denied(), "open", path) == ["EPERM"]
        found = check_denied(d, 1, secret="basic")[0]["data"]
        assert found["process"]["uid"] == 0 and found["process"]["args"] == [denied(), "open", path], found
        assert found["secret"]["path"] == path and found["access"]["via"] == "openat", found
        assert found["verdict"]["rule"] == "default" and found["verdict"]["policy"] == "test", found
        granted = [e for e in d.accesses(secret="basic") if e["data"]["access"]["result"] == 0]
        assert {e["data"]["process"]["exe"] for e in granted} == {allowed()}, granted
        assert d.total(secret="basic", kind="open", result=0) == 1
        assert d.status()["denied"] == 1 and d.status()["guarded_files"] == 1, d.status()


def test_two_thousand_denials_are_two_thousand_in_the_events():
    path = PLACE.file("many", "secret")
    with Enforcing([guarded("many", path)]) as d:
        assert run(denied(), "many", path, 2000) == ["0", "ok"]
        check_denied(d, 2000, secret="many")


def test_every_way_to_open_is_refused():
    path = PLACE.file("ways", "secret")
    link = PLACE.sub("ways", "link")
    hard = PLACE.sub("ways", "hard")
    with Enforcing([guarded("ways", path)]) as d:
        os.symlink(path, link)
        os.link(path, hard)
        for mode, where in (("open", path), ("write", path), ("open", link), ("open", hard), ("handle", path),
                            ("open", f"/proc/self/root{path}")):
            assert run(denied(), mode, where) == ["EPERM"], (mode, where)
            assert run(allowed(), mode, where) == ["ok"], (mode, where)
        assert run(denied(), "path", path) == ["ok"], "O_PATH gives a name, not the file"
        check_denied(d, 6, secret="ways")


def test_io_uring_is_refused():
    path = PLACE.file("uring", "secret")
    with Enforcing([guarded("uring", path)]) as d:
        said = run(denied(), "uring", path)
        if said == ["ENOSYS"]:
            raise Skip("no liburing, or no io_uring")
        assert said == ["EPERM"], said
        assert run(allowed(), "uring", path) == ["ok"]
        check_denied(d, 1, secret="uring", kind="open")


def test_exec_is_refused_and_a_rule_for_exec_alone_lets_it_pass():
    path = PLACE.file("exec", "secret", text="#!/bin/true\n", mode=0o700)
    other = PLACE.file("exec", "other", text="#!/bin/true\n", mode=0o700)
    only_exec = [{"name": "runs", "exe": [denied()], "kinds": ["exec"]},
                 {"name": "interpreter", "exe": [os.path.realpath("/bin/true")]}]
    with Enforcing([guarded("exec", path), guarded("runs", other, allow=only_exec)]) as d:
        assert run(denied(), "exec", path) == ["EPERM"]
        found = check_denied(d, 1, secret="exec")[0]["data"]
        assert found["access"]["kind"] == "exec" and found["access"]["via"] == "execve", found
        assert run(denied(), "exec", other) == []  # it became /bin/true
        assert run(denied(), "open", other) == ["EPERM"]
        check_denied(d, 1, secret="runs")


def test_a_descriptor_that_came_without_an_open_cannot_be_read():
    path = PLACE.file("inherited", "secret")
    with Enforcing([guarded("inherited", path)]) as d:
        assert run(allowed(), "pass", path, denied(), "read") == ["EPERM"]
        assert run(allowed(), "pass", path, allowed(), "read") == ["ok"]
        found = check_denied(d, 1, secret="inherited", kind="receive")[0]["data"]
        assert found["access"]["via"] == "inherited", found


def test_nor_mapped_where_the_kernel_asks():
    if "from Linux 6.14 on" in subprocess.run([SAGENTD, "--probe"], capture_output=True, text=True, check=True).stdout:
        raise Skip("mappings are asked for from Linux 6.14 on")
    path = PLACE.file("mapped", "secret")
    with Enforcing([guarded("mapped", path)]) as d:
        said = run(allowed(), "pass", path, denied(), "map")
        if said == ["ok"] and not takes_pre_access():
            raise Skip("this filesystem takes no pre-content events")
        assert said == ["EPERM"], said
        check_denied(d, 1, secret="mapped", kind="receive")


def takes_pre_access():
    kind = subprocess.run(["findmnt", "-nT", PLACE.path, "-o", "FSTYPE"], capture_output=True, text=True, check=True)
    return kind.stdout.strip() in ("ext4", "xfs", "btrfs", "bcachefs")


def test_a_descriptor_that_came_over_a_socket_cannot_be_read():
    path = PLACE.file("socket", "secret")
    more = [{"name": "reader", "exe": [allowed()]}, {"name": "tester", "exe": [os.readlink("/proc/self/exe")]}]
    with Enforcing([guarded("socket", path, allow=more)]) as d:
        ours, theirs = socket.socketpair()
        fd = os.open(path, os.O_RDONLY)
        ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        assert run(denied(), "receive", theirs.fileno(), "read", pass_fds=[theirs.fileno()]) == ["EPERM"]
        os.close(fd)
        check_denied(d, 1, secret="socket", kind="receive")


def test_each_thread_is_judged_by_its_own_credentials():
    path = PLACE.file("threads", "secret", mode=0o644)
    with Enforcing([guarded("threads", path, allow=[{"name": "root", "uid": [0]}])]) as d:
        assert run(denied(), "as", 65534, path) == ["EPERM", "ok"]
        found = check_denied(d, 1, secret="threads")[0]["data"]
        assert found["process"]["uid"] == 65534, found


def test_a_program_in_a_mount_namespace_of_its_own_is_not_the_hosts():
    path = PLACE.file("elsewhere", "secret")
    with Enforcing([guarded("elsewhere", path)]) as d:
        fake = f"mount --bind {denied()} {allowed()} && exec {allowed()} open {path}"
        said = run("/usr/bin/unshare", "-m", "--propagation", "private", "sh", "-c", fake)
        assert said == ["EPERM"], said
        check_denied(d, 1, secret="elsewhere", exe="(elsewhere)" + allowed())


# ---------------------------------------------------------------- files that come and go


def eventually(ready, seconds=DEADLINE):
    """Polls what no event tells of: the daemon has marked a file."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


def test_a_file_that_replaces_the_secret_is_guarded_soon():
    path = PLACE.file("replaced", "secret")
    with Enforcing([guarded("replaced", path)]) as d:
        PLACE.file("replaced", "new", text="another\n")
        os.rename(PLACE.sub("replaced", "new"), path)
        begin = time.monotonic()
        eventually(lambda: run(denied(), "open", path) == ["EPERM"])
        assert time.monotonic() - begin < 2
        assert run(allowed(), "open", path) == ["ok"]
        d.barrier()


def test_a_new_file_among_secrets_is_refused_from_the_start():
    folder = PLACE.directory("tree", "in")
    with Enforcing([guarded("tree", PLACE.sub("tree") + "/**")]) as d:
        assert d.status()["guarded_directories"] == 2, d.status()
        for i in range(50):
            assert run(denied(), "create", os.path.join(folder, f"new-{i}")) == ["EPERM"], i
        assert run(allowed(), "create", os.path.join(folder, "mine")) == ["ok"]
        check_denied(d, 50, secret="tree")


def test_files_beside_a_secret_are_nobodys_business():
    path = PLACE.file("beside", "secret")
    other = PLACE.file("beside", "other")
    with Enforcing([guarded("beside", path)]) as d:
        before = d.status()["waited"]
        for _ in range(20):
            assert run(denied(), "open", other) == ["ok"]
        assert d.status()["waited"] == before, "an open of another file waited for the daemon"
        assert d.status()["guarded_directories"] == 0


def test_a_tmpfs_inside_a_watched_tree_is_guarded_as_a_whole():
    volume = PLACE.directory("volumes", "one")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "sagent-test", volume], check=True)
    try:
        with Enforcing([guarded("volumes", PLACE.sub("volumes") + "/**")]) as d:
            assert d.status()["guarded_filesystems"] == 1, d.status()
            for i in range(20):
                path = os.path.join(volume, f"new-{i}", "token")
                assert run(denied(), "new-directory", path) == ["EPERM"], i
            assert run(allowed(), "new-directory", os.path.join(volume, "mine", "token")) == ["ok"]
            check_denied(d, 20, secret="volumes")
    finally:
        subprocess.run(["umount", "-l", volume], check=True)


# ---------------------------------------------------------------- nobody waits for ever


def test_the_daemon_does_not_wait_for_itself():
    """Its own policy and store and a program that it hashes are secrets here."""
    program_ = program("hashed")
    state = PLACE.directory("own")
    rules = [{"name": "hashed", "exe": [program_], "sha256": [sha256(program_)]}]
    secrets = [guarded("own", state + "/**", default="deny", allow=rules),
               guarded("program", program_, default="deny", allow=[{"name": "exec", "kinds": ["exec"]}])]
    with Enforcing(secrets, state=state) as d:
        assert run(program_, "open", d.policy_path + "/enforce.yaml") == ["ok"]
        assert run(denied(), "open", d.policy_path + "/enforce.yaml") == ["EPERM"]
        for _ in range(3):
            assert d.reload()["type"].endswith("policy.loaded.v1"), d.log()
        begin = time.monotonic()
        assert run(program_, "open", d.policy_path + "/enforce.yaml") == ["ok"]
        assert time.monotonic() - begin < 2


def big_program(name):
    """A copy of the reader that takes long to hash: a gigabyte of nothing behind it."""
    path = program(name)
    os.truncate(path, 1 << 30)
    return path


def late(on_error):
    path = PLACE.file("late-" + on_error, "secret")
    slow = big_program("slow-" + on_error)
    rules = [{"name": "slow", "exe": [slow], "sha256": ["0" * 64]}]
    config = {"enforcement.deadline_ms": 50, "identity.hash_max_mib": 2048}
    with Enforcing([guarded("late", path, allow=rules)], spec={"onError": on_error}, config=config) as d:
        begin = time.monotonic()
        said = run(slow, "open", path)
        took = time.monotonic() - begin
        assert d.status()["late"] >= 1 and d.status()["undecided"] >= 1, d.status()
        d.events.wait(lambda _: d.losses().get("undecided"))
        assert d.losses().get("undecided", 0) >= 1, d.losses()
        if on_error == "deny":
            check_denied(d, 1, exe=slow, secret="late", rule="onError")
        d.stop(seconds=10)  # a worker still reads that gigabyte
    assert took < 2, f"waited {took:.2f} s in spite of a deadline of 50 ms"
    return said


def test_a_verdict_that_comes_too_late_is_on_error_deny():
    assert late("deny") == ["EPERM"]


def test_a_verdict_that_comes_too_late_is_on_error_allow():
    assert late("allow") == ["ok"]


def test_an_ancestor_that_is_asked_for_is_known():
    path = PLACE.file("ancestor", "secret")
    family = program("family")
    shutil.copy(os.path.realpath("/bin/sh"), family)
    rules = [{"name": "child", "ancestor": [family]}]
    with Enforcing([guarded("ancestor", path, allow=rules)], spec={"onError": "deny"}) as d:
        assert run(denied(), "open", path) == ["EPERM"]
        # The shell that an ancestor of that name has started, and one whose parent is gone by then.
        assert run(family, "-c", f"{denied()} open {path}; true") == ["ok"]
        assert run(family, "-c", f"(sleep 0.2; {denied()} open {path}) & exit") == ["ok"]
        found = check_denied(d, 1, secret="ancestor")[0]["data"]
        assert found["verdict"]["rule"] == "default", found["verdict"]


# ---------------------------------------------------------------- policies that change


def test_a_reload_takes_and_gives_rights_at_once():
    path = PLACE.file("reload", "secret")
    with Enforcing([guarded("reload", path)]) as d:
        assert run(denied(), "open", path) == ["EPERM"]
        d.write_policy([guarded("reload", path, allow=[{"name": "other", "exe": [denied()]}])])
        d.reload()
        assert run(denied(), "open", path) == ["ok"] and run(allowed(), "open", path) == ["EPERM"]
        d.write_policy([])
        put(os.path.join(d.policy_path, "enforce.yaml"), policy("test", [guarded("reload", path)], mode="observe"))
        d.reload()
        assert run(allowed(), "open", path) == ["ok"] and run(denied(), "open", path) == ["ok"]
        before = d.status()["waited"]
        assert run(denied(), "open", path) == ["ok"]
        assert d.status()["waited"] == before, "the mark is gone with the first open after it"


def test_no_read_slips_through_a_hundred_reloads():
    path = PLACE.file("reloads", "secret")
    others = PLACE.directory("reloads", "others")
    with Enforcing([guarded("reloads", path), guarded("others", others + "/*")]) as d:
        readers = {who: subprocess.Popen([who, "wait", "open", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True) for who in (allowed(), denied())}
        for reader in readers.values():
            assert reader.stdout.readline() == "ok\n"
        for i in range(100):
            secrets = [guarded("reloads", path), guarded("others", others + "/*")][:1 + i % 2]
            d.write_policy(secrets[::-1])
            os.kill(d.pid, signal.SIGHUP)
            for _ in range(5):
                for who, reader in readers.items():
                    reader.stdin.write("\n")
                    reader.stdin.flush()
                    said = reader.stdout.readline().strip()
                    assert said == ("ok" if who == allowed() else "EPERM"), f"reload {i}: {who} got {said}"
        for reader in readers.values():
            reader.stdin.close()
            reader.wait(DEADLINE)
        check_denied(d, 500, secret="reloads")


def test_a_policy_that_asks_too_much_is_refused_with_its_line():
    path = PLACE.file("beyond", "secret")
    rules = [{"name": "tracers", "kinds": ["ptrace"]}]
    with Enforcing([guarded("beyond", path)]) as d:
        d.write_policy([guarded("beyond", path, deny=rules)])
        refused = d.reload()
        assert refused["type"].endswith("policy.refused.v1"), refused
        assert "deny/tracers" in json.dumps(refused) and "enforce.yaml" in json.dumps(refused), refused
        assert run(denied(), "open", path) == ["EPERM"], "the former policy is in force"


def test_what_only_observes_stops_nobody_and_says_what_it_would_do():
    path = PLACE.file("observed", "secret")
    with Enforcing([guarded("observed", path)], spec={"mode": "observe"}) as d:
        assert run(denied(), "open", path) == ["ok"]
        event = d.first(secret="observed")
        assert event["data"]["verdict"]["would_deny"] and not event["data"]["verdict"]["enforced"], event
        assert d.status()["waited"] == 0, d.status()


def test_a_process_that_is_denied_is_killed_where_the_policy_says_so():
    path = PLACE.file("killed", "secret")
    with Enforcing([guarded("killed", path)], spec={"action": "kill"}) as d:
        result = subprocess.run([denied(), "open", path], capture_output=True, text=True, timeout=20, check=False)
        assert result.returncode == -signal.SIGKILL and result.stdout == "", result
        assert run(allowed(), "open", path) == ["ok"]
        check_denied(d, 1, secret="killed")


# ---------------------------------------------------------------- the end of the daemon


def test_what_waits_passes_when_the_daemon_ends_and_nothing_stays_marked():
    path = PLACE.file("end", "secret")
    with Enforcing([guarded("end", path)]) as d:
        assert run(denied(), "open", path) == ["EPERM"]
        d.stop()
        assert run(denied(), "open", path) == ["ok"], "the kernel lets pass when nobody answers"


def test_the_same_after_kill_9_and_the_next_start_denies_again():
    path = PLACE.file("killed-9", "secret")
    d = Enforcing([guarded("killed-9", path)])
    assert run(denied(), "open", path) == ["EPERM"]
    d.kill()
    assert run(denied(), "open", path) == ["ok"]
    with Enforcing([guarded("killed-9", path)]):
        assert run(denied(), "open", path) == ["EPERM"]


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
