#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who it was: changes of credentials, rules that look at the process, processes older than the daemon."""

import os
import subprocess
import sys

from harness import (NOBODY, Daemon, Place, Skip, Trick, reads_lines, run_tests, run_trick, secret, sha256,
                     trick_command, TRICKS)

PLACE = Place()


def test_a_change_of_user_changes_the_verdict_and_is_an_event_at_once():
    path = PLACE.file("setuid", "secret", mode=0o644)
    rules = [{"name": "root", "uid": [0]}]
    with Daemon(PLACE, [secret("setuid", path, allow=rules)], config={"sensor.flush_interval_ms": 60000}) as d:
        pid = run_trick(PLACE, "credentials", "setuid", path).check().accesses[0]["pid"]
        d.events.wait(lambda _: d.total(secret="setuid") >= 5, 3)
        as_root = d.total(secret="setuid", pid=pid, uid=0, action="allow", rule="allow/root")
        assert as_root == 2, d.accesses(secret="setuid")
        assert d.total(secret="setuid", pid=pid, uid=NOBODY, action="alert", rule="default") == 3


def check_change(variant, field, before, after):
    path = PLACE.file(variant, "secret", mode=0o644)
    with Daemon(PLACE, [secret(variant, path)]) as d:
        pid = run_trick(PLACE, "credentials", variant, path).check().accesses[0]["pid"]
        assert d.wait_total(5, secret=variant, pid=pid) == 5, d.accesses(secret=variant)
        by_value = {}
        for event in d.accesses(secret=variant):
            value = event["data"]["process"][field]
            by_value[value] = by_value.get(value, 0) + event["data"]["access"]["count"]
        assert by_value == {before: 2, after: 3}, by_value


def test_a_change_of_the_effective_user_is_seen():
    check_change("seteuid", "euid", 0, NOBODY)


def test_a_change_of_the_group_is_seen():
    check_change("setgid", "gid", 0, NOBODY)


def test_a_thread_that_alone_changes_its_user_is_seen():
    check_change("thread", "uid", 0, NOBODY)


def test_dropped_capabilities_are_seen():
    path = PLACE.file("capabilities", "secret", mode=0o644)
    with Daemon(PLACE, [secret("capabilities", path)]) as d:
        run_trick(PLACE, "credentials", "capabilities", path).check()
        assert d.wait_total(5, secret="capabilities") == 5
        counts = {}
        for e in d.accesses(secret="capabilities"):
            has = int(e["data"]["process"]["capabilities"], 16) != 0
            counts[has] = counts.get(has, 0) + e["data"]["access"]["count"]
        assert counts == {True: 2, False: 3}, counts


def verdicts(name, rules_allow, rules_deny, runs, default="alert"):
    """runs: (label, program, prefix); returns label -> (action, rule)."""
    path = PLACE.file(name, "secret", mode=0o644)
    result = {}
    rules = {key: value for key, value in (("allow", rules_allow), ("deny", rules_deny)) if value}
    with Daemon(PLACE, [secret(name, path, default=default, **rules)], config={"identity.hash_wait_ms": 2000}) as d:
        for label, program, prefix in runs:
            process = subprocess.run(list(prefix) + [program, "openat", path, PLACE.path, "1"],
                                     capture_output=True, text=True, check=False, timeout=20)
            trick = Trick(process.returncode, process.stdout).check()
            event = d.first(secret=name, pid=trick.accesses[0]["pid"])
            result[label] = (event["data"]["verdict"]["action"], event["data"]["verdict"]["rule"])
    return result


def copy_of(name):
    path = PLACE.sub("programs", name)
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.path.join(TRICKS, "open_family"), "rb") as source, open(path, "wb") as to:
            to.write(source.read())
        os.chmod(path, 0o755)
    return path


def test_rules_on_the_program_and_the_order_deny_allow_default():
    good, bad, other = copy_of("good"), copy_of("bad"), copy_of("other")
    got = verdicts("exe", [{"name": "all", "exe": [PLACE.sub("programs", "*d")]}], [{"name": "bad", "exe": [bad]}],
                   [("good", good, ()), ("bad", bad, ()), ("other", other, ())])
    assert got == {"good": ("allow", "allow/all"), "bad": ("deny", "deny/bad"), "other": ("alert", "default")}, got


def test_a_rule_on_the_hash_wants_the_program_itself():
    good, changed = copy_of("good"), copy_of("changed")
    with open(changed, "ab") as f:
        f.write(b"\0")
    rules = [{"name": "hash", "sha256": [sha256(good)]}]
    got = verdicts("sha", rules, [], [("good", good, ()), ("changed", changed, ())])
    assert got == {"good": ("allow", "allow/hash"), "changed": ("alert", "default")}, got


def test_rules_on_user_group_and_ancestor():
    program = copy_of("good")
    as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    runs = [("root", program, ()), ("nobody", program, as_nobody)]
    got = verdicts("user", [{"name": "nobody", "user": ["nobody"]}], [], runs)
    assert got == {"root": ("alert", "default"), "nobody": ("allow", "allow/nobody")}, got
    got = verdicts("group", [{"name": "g", "gid": [NOBODY]}], [], runs)
    assert got == {"root": ("alert", "default"), "nobody": ("allow", "allow/g")}, got
    shell = ("/bin/sh", "-c", '"$@"; true', "sh")
    got = verdicts("ancestor", [{"name": "sh", "ancestor": [os.path.realpath("/bin/sh")]}], [],
                   [("direct", program, ()), ("shell", program, shell)])
    assert got["shell"] == ("allow", "allow/sh"), got


def test_rules_on_the_kind_and_the_default_allow():
    program = copy_of("good")
    got = verdicts("kinds", [], [{"name": "open", "kinds": ["open"]}], [("open", program, ())], default="allow")
    assert got == {"open": ("deny", "deny/open")}, got
    got = verdicts("kinds2", [], [{"name": "mem", "kinds": ["proc-mem"]}], [("open", program, ())], default="allow")
    assert got == {"open": ("allow", "default")}, got


def cgroup_root():
    with open("/proc/mounts", encoding="utf-8") as f:
        for line in f:
            words = line.split()
            if words[2] == "cgroup2":
                return words[1]
    raise Skip("no cgroup2 mount")


def test_a_rule_on_the_cgroup_and_the_identity_of_a_new_cgroup():
    root = cgroup_root()
    name = f"sagent-test-{os.getpid()}"
    group = os.path.join(root, name)
    program = copy_of("good")
    try:
        os.mkdir(group)
    except OSError as error:
        raise Skip(f"no new cgroup: {error}") from error
    try:
        enter = ("/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh")
        rules = [{"name": "here", "cgroup": [f"/{name}"]}]
        got = verdicts("cgroup", rules, [], [("out", program, ()), ("in", program, enter)])
    finally:
        os.rmdir(group)
    assert got == {"out": ("alert", "default"), "in": ("allow", "allow/here")}, got


def test_container_and_unit_are_read_from_the_cgroup():
    root = cgroup_root()
    container = "0123456789abcdef" * 4
    base = os.path.join(root, f"sagent-{os.getpid()}.slice")
    group = os.path.join(base, f"docker-{container}.scope")
    path = PLACE.file("container", "secret")
    try:
        os.makedirs(group)
    except OSError as error:
        raise Skip(f"no new cgroup: {error}") from error
    try:
        with Daemon(PLACE, [secret("container", path)]) as d:
            command = f'echo $$ > {group}/cgroup.procs; exec "$@"'
            subprocess.run(["/bin/sh", "-c", command, "sh", copy_of("good"), "openat", path, PLACE.path, "1"],
                           stdout=subprocess.DEVNULL, check=True, timeout=20)
            p = d.first(secret="container")["data"]["process"]
            assert p["container"] == container, p
            assert p["cgroup"].endswith(f"/docker-{container}.scope"), p["cgroup"]
    finally:
        os.rmdir(group)
        os.rmdir(base)


def older(variant, path):
    scratch = PLACE.directory(f"scratch-{variant}")
    process = subprocess.Popen(trick_command("older", variant, path, scratch), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    lines = reads_lines(process)
    assert lines.get(timeout=20) == "ready"
    return process, lines


def finish(process, lines):
    process.stdin.write(b"\n")
    process.stdin.close()
    output = []
    while (line := lines.get(timeout=20)) is not None:
        output.append(line)
    return Trick(process.wait(20), "\n".join(output)).check()


def test_a_process_that_holds_the_secret_at_start_is_reported():
    path = PLACE.file("holder", "secret")
    process, lines = older("holder", path)
    with Daemon(PLACE, [secret("holder", path)]) as d:
        event = d.first(secret="holder", pid=process.pid)
        assert event["data"]["access"]["via"] == "inherited", event["data"]["access"]
        p = event["data"]["process"]
        assert p["exe"] == os.path.realpath(os.path.join(TRICKS, "older")) and p["args"][1] == "holder", p
        assert p["ancestors"][0]["pid"] == os.getpid()
        finish(process, lines)
        d.barrier()
        assert d.total(secret="holder", pid=process.pid) == 1


def test_a_process_older_than_the_daemon_has_its_full_identity():
    path = PLACE.file("opener", "secret")
    process, lines = older("opener", path)
    with Daemon(PLACE, [secret("opener", path)]) as d:
        finish(process, lines)
        p = d.first(secret="opener", pid=process.pid)["data"]["process"]
        assert p["exe"] == os.path.realpath(os.path.join(TRICKS, "older")) and p["args"][1:3] == ["opener", path]
        assert p["exe_sha256"] in (sha256(p["exe"]), None)
        assert p["ancestors"][0]["pid"] == os.getpid() and p["ancestors"][-1]["pid"] == 1, p["ancestors"]


def test_a_child_of_an_older_holder_is_a_receiver():
    path = PLACE.file("heir", "secret")
    process, lines = older("heir", path)
    with Daemon(PLACE, [secret("heir", path)]) as d:
        child = finish(process, lines).accesses[0]["pid"]
        event = d.first(secret="heir", pid=child)
        assert (event["data"]["access"]["kind"], event["data"]["access"]["via"]) == ("receive", "inherited")


def test_lineage_survives_the_death_of_the_parent():
    """The ancestors of an orphan are those it was born under, not pid 1."""
    path = PLACE.file("orphan", "secret")
    with Daemon(PLACE, [secret("orphan", path)]) as d:
        read_end, write_end = os.pipe()
        script = f'(read line <&{read_end}; exec cat "{path}") >/dev/null & echo $$'
        shell = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, pass_fds=[read_end])
        shell.stdout.read()
        shell.wait(20)
        os.write(write_end, b"go\n")
        os.close(write_end)
        os.close(read_end)
        p = d.first(secret="orphan")["data"]["process"]
        pids = [a["pid"] for a in p["ancestors"]]
        assert pids[:2] == [shell.pid, os.getpid()], (pids, shell.pid, os.getpid())


def test_a_program_mounted_over_another_is_not_that_one():
    """A mount namespace of one's own can show any file at a path that a rule allows."""
    path = PLACE.file("mounted", "secret", mode=0o644)
    allowed = copy_of("mounted-allowed")
    other = copy_of("mounted-other")
    script = f'mount --bind "{other}" "{allowed}" || exit 77; "{allowed}" openat "{path}" "{PLACE.path}" 1'
    with Daemon(PLACE, [secret("mounted", path, allow=[{"name": "program", "exe": [allowed]}])]) as d:
        for label, command, exe, action in (
                ("plain", f'"{allowed}" openat "{path}" "{PLACE.path}" 1', allowed, "allow"),
                ("mounted over", script, "(elsewhere)" + allowed, "alert")):
            process = subprocess.run(["unshare", "-m", "/bin/sh", "-c", command], capture_output=True, text=True,
                                     check=False, timeout=20)
            if process.returncode == 77 or "unshare" in process.stderr:
                raise Skip("no mount namespace or bind mount here: " + process.stderr.strip())
            pid = Trick(process.returncode, process.stdout).check().accesses[0]["pid"]
            data = d.first(secret="mounted", pid=pid)["data"]
            assert (data["process"]["exe"], data["verdict"]["action"]) == (exe, action), (label, data["process"]["exe"])


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
