#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each system call that opens: what the event says, field by field, against what the kernel says elsewhere."""

import os
import re
import subprocess
import sys
import time
import uuid

from harness import (ACCESS, NOBODY, Daemon, Place, Trick, kernel_dev, run_tests, run_trick, sha256, trick_command,
                     secret)

PLACE = Place()
DAEMON = None
WAYS = {"open": ("open", "read"), "openat": ("openat", "read"), "write": ("openat", "write"),
        "read-write": ("openat", "read-write"), "openat2": ("openat2", "read"), "creat": ("creat", "write"),
        "handle": ("open_by_handle_at", "read")}


def daemon():
    """One sagentd for the file: each test has a secret of its own."""
    global DAEMON
    if not DAEMON:
        names = list(WAYS) + ["path-only", "identity", "nobody", "shell", "other"]
        for name in names:
            PLACE.file(name, "secret", mode=0o644 if name == "nobody" else 0o600)
        DAEMON = Daemon(PLACE, [secret(n, PLACE.sub(n, "secret"), class_="class-of-" + n)
                                for n in names if n != "other"])
    return DAEMON


def check_way(variant):
    d = daemon()
    via, mode = WAYS[variant]
    path = PLACE.sub(variant, "secret")
    st = os.stat(path)
    before = time.time()
    trick = run_trick(PLACE, "open_family", variant, path, 5).check()
    pid = trick.accesses[0]["pid"]
    total = d.wait_total(5, secret=variant, pid=pid)
    assert total == 5, f"5 opens, {total} counted"
    for event in d.accesses(secret=variant):
        data = event["data"]
        assert data["secret"]["name"] == variant and data["secret"]["class"] == "class-of-" + variant
        assert data["secret"]["path"] == path, data["secret"]["path"]
        assert data["secret"]["dev"] == kernel_dev(st), (data["secret"]["dev"], kernel_dev(st))
        assert data["secret"]["ino"] == st.st_ino
        assert data["access"]["kind"] == "open" and data["access"]["via"] == via, data["access"]
        assert data["access"]["mode"] == mode, data["access"]["mode"]
        assert data["access"]["result"] == 0 and data["access"]["error"] is None
        assert data["process"]["pid"] == pid
        check_times(data, before)
    assert {e["data"]["process"]["pid"] for e in d.accesses(secret=variant)} == {pid}


def seconds_of(text):
    """RFC 3339 in UTC with nanoseconds, as seconds since 1970."""
    m = re.fullmatch(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(\.\d+)?Z", text)
    assert m, f"not RFC 3339 in UTC: {text}"
    import calendar
    return calendar.timegm(tuple(map(int, m.groups()[:6])) + (0, 0, 0)) + float(m.group(7) or 0)


def check_times(data, before):
    first, last = seconds_of(data["access"]["first"]), seconds_of(data["access"]["last"])
    assert before - 0.1 <= first <= last <= time.time() + 0.1, (before, first, last, time.time())


def test_open_is_seen_with_all_its_fields():
    check_way("open")


def test_openat_is_seen_with_all_its_fields():
    check_way("openat")


def test_openat_for_writing_is_seen_with_its_mode():
    check_way("write")


def test_openat_for_both_is_seen_with_its_mode():
    check_way("read-write")


def test_openat2_is_seen_with_all_its_fields():
    check_way("openat2")


def test_creat_is_seen_with_all_its_fields():
    check_way("creat")


def test_open_by_handle_at_is_seen_with_all_its_fields():
    check_way("handle")


def test_an_open_for_its_path_alone_is_no_access():
    d = daemon()
    run_trick(PLACE, "open_family", "path-only", PLACE.sub("path-only", "secret"), 5).check()
    d.barrier()
    assert d.total(secret="path-only") == 0, d.accesses(secret="path-only")


def test_a_file_that_is_no_secret_is_not_reported():
    d = daemon()
    run_trick(PLACE, "open_family", "openat", PLACE.sub("other", "secret"), 50).check()
    d.barrier()
    assert not d.accesses(path=PLACE.sub("other", "secret"))


def parent_chain(pid):
    """(pid, exe) of the parents of a process, up to pid 1."""
    chain = []
    while pid > 1:
        with open(f"/proc/{pid}/stat", "rb") as f:
            pid = int(f.read().rsplit(b")", 1)[1].split()[1])
        if pid:
            chain.append((pid, exe_of(pid)))
    return chain


def exe_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:  # not ours to know, whatever we are
        return None


def login_uid():
    with open("/proc/self/loginuid", encoding="ascii") as f:
        value = int(f.read())
    return None if value == 2**32 - 1 else value


def v2_cgroup():
    with open("/proc/self/cgroup", encoding="utf-8") as f:
        for line in f:
            if line.startswith("0::"):
                return line[3:].strip()
    return ""


def test_the_process_is_who_proc_says_it_is():
    d = daemon()
    path = PLACE.sub("identity", "secret")
    scratch = PLACE.directory("identity-scratch")
    command = trick_command("open_family", "openat", path, scratch, "2")
    before = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    output = process.communicate(timeout=20)[0].decode()
    Trick(process.returncode, output).check()
    event = d.first(secret="identity")
    p = event["data"]["process"]
    exe = os.path.realpath(command[0])
    st = os.stat(exe)
    assert p["pid"] == process.pid and p["tid"] == process.pid, (p["pid"], p["tid"], process.pid)
    assert before - 0.1 <= seconds_of(p["start"]) <= time.time() + 0.1, p["start"]
    assert p["exe"] == exe, p["exe"]
    assert p["exe_ino"] == st.st_ino and p["exe_dev"] == kernel_dev(st)
    assert abs(seconds_of(p["exe_ctime"]) - st.st_ctime) < 1e-3
    assert not (p["exe_deleted"] or p["exe_memfd"])
    assert p["comm"] == "open_family"
    assert p["args"] == command and not p["args_truncated"], p["args"]
    assert (p["uid"], p["gid"], p["euid"], p["egid"]) == (0, 0, 0, 0) and p["user"] == "root"
    assert p["login_uid"] == login_uid(), p["login_uid"]
    assert p["cgroup"] == v2_cgroup(), (p["cgroup"], v2_cgroup())
    assert p["container"] is None or isinstance(p["container"], str)
    expected = [(os.getpid(), os.readlink("/proc/self/exe"))] + parent_chain(os.getpid())
    got = [(a["pid"], a["exe"]) for a in p["ancestors"]]
    assert [pid for pid, _ in got] == [pid for pid, _ in expected] or p["ancestors_truncated"], (got, expected)
    for (_, exe), (_, expected_exe) in zip(got, expected):
        assert expected_exe in (exe, None), (got, expected)


def test_the_hash_of_the_program_is_that_of_its_file():
    d = daemon()
    expected = sha256(os.path.join(os.path.dirname(trick_command("open_family", "", "", "")[0]), "open_family"))
    d.barrier()
    events = d.accesses(secret="identity")
    assert events, "the test before has left no event"
    assert any(e["data"]["process"]["exe_sha256"] == expected for e in events), \
        [e["data"]["process"]["exe_sha256"] for e in events]


def test_another_user_is_told_by_number_and_name():
    d = daemon()
    run_trick(PLACE, "open_family", "openat", PLACE.sub("nobody", "secret"), 1,
              prefix=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]).check()
    p = d.first(secret="nobody")["data"]["process"]
    assert (p["uid"], p["gid"], p["euid"], p["egid"]) == (NOBODY,) * 4 and p["user"] == "nobody", p
    assert int(p["capabilities"], 16) == 0


def test_the_ancestors_name_the_shell_that_ran_it():
    d = daemon()
    path = PLACE.sub("shell", "secret")
    process = subprocess.Popen(["/bin/sh", "-c", f"cat '{path}'; true"], stdout=subprocess.DEVNULL)
    process.wait(20)
    p = d.first(secret="shell")["data"]["process"]
    assert p["exe"] == os.path.realpath("/bin/cat") and p["args"] == ["cat", path]
    assert p["ancestors"][0]["pid"] == process.pid and p["ancestors"][0]["exe"] == os.path.realpath("/bin/sh")
    assert p["ancestors"][1]["pid"] == os.getpid()
    assert p["ancestors"][-1]["pid"] == 1 or p["ancestors_truncated"]


def test_the_envelope_is_a_cloud_event():
    event = daemon().first(secret="identity")
    assert event["specversion"] == "1.0" and event["type"] == ACCESS and event["subject"] == "identity"
    assert event["datacontenttype"] == "application/json"
    assert re.fullmatch(r"/hosts/[^/]+/sagentd", event["source"]), event["source"]
    assert uuid.UUID(event["id"]).version == 7
    seconds_of(event["time"])
    ids = [e["id"] for e in daemon().events.all]
    assert len(set(ids)) == len(ids)


def test_the_verdict_is_the_default_of_the_secret():
    v = daemon().first(secret="identity")["data"]["verdict"]
    assert v == {"action": "alert", "rule": "default", "policy": "test", "tier": "observe", "enforced": False,
                 "would_deny": False}, v


def test_it_ends_cleanly_and_every_event_is_as_its_schema_says():
    daemon().stop()


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
