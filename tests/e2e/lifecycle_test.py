#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Start, ready line, reload, end, and what is left after a kill -9."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time

from harness import LOADED, REFUSED, STARTED, STOPPED, Daemon, Place, Trick, run_tests, secret, trick_command

PLACE = Place()


def touch(path, times=1):
    for _ in range(times):
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def test_the_ready_line_says_what_is_watched():
    path = PLACE.file("ready", "secret")
    with Daemon(PLACE, [secret("ready", path)]) as d:
        assert set(d.ready) == {"backend", "tier", "policies", "secrets", "files"}, d.ready
        assert d.ready["policies"] == "1" and d.ready["secrets"] == "2" and int(d.ready["files"]) >= 2, d.ready
        assert d.ready["tier"] == "observe" and d.ready["backend"] in ("lsm", "fentry", "tracepoint")
        assert len([line for line in d.stderr if "ready: " in line]) == 1
        d.barrier()
        started = d.events.of(STARTED)
        assert len(started) == 1 and started[0]["data"]["backend"] == d.ready["backend"], started
        if d.ready["backend"] == "tracepoint":
            assert started[0]["data"]["blind_spots"], "the tracepoint backend must say what it cannot see"


def test_systemd_is_notified():
    path = PLACE.file("notify", "secret")
    address = PLACE.sub("notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(address)
        s.settimeout(10)
        os.environ["NOTIFY_SOCKET"] = address
        try:
            with Daemon(PLACE, [secret("notify", path)]) as d:
                message = s.recv(4096).decode()
                assert "READY=1" in message.splitlines(), message
                d.stop()
                seen = ""
                while "STOPPING=1" not in seen:
                    seen = s.recv(4096).decode()
        finally:
            del os.environ["NOTIFY_SOCKET"]


def test_sighup_loads_a_new_policy_at_once():
    old, new = PLACE.file("reload-old", "secret"), PLACE.file("reload-new", "secret")
    with Daemon(PLACE, [secret("old", old)]) as d:
        touch(old, 2)
        touch(new, 2)
        d.barrier()
        assert (d.total(secret="old"), d.total(secret="new")) == (2, 0)
        d.write_policy([secret("new", new)])
        event = d.reload()
        assert event["type"] == LOADED and event["data"]["reload"] and event["data"]["secrets"] == 2, event
        touch(old, 4)
        touch(new, 4)
        d.barrier()
        assert (d.total(secret="old"), d.total(secret="new")) == (2, 4)


def test_sighup_changes_the_verdict_of_what_is_already_watched():
    path = PLACE.file("reverdict", "secret")
    with Daemon(PLACE, [secret("reverdict", path)]) as d:
        touch(path, 2)
        d.barrier()
        d.write_policy([secret("reverdict", path, allow=[{"name": "root", "uid": [0]}])])
        assert d.reload()["type"] == LOADED
        touch(path, 3)
        d.barrier()
        assert d.total(secret="reverdict", action="alert") == 2, d.accesses(secret="reverdict")
        assert d.total(secret="reverdict", action="allow") == 3, d.accesses(secret="reverdict")


def test_a_bad_policy_is_refused_with_its_line_and_the_old_one_stays():
    path = PLACE.file("bad", "secret")
    with Daemon(PLACE, [secret("bad", path)]) as d:
        touch(path, 2)
        text = "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: x}\nspec:\n  sekrets: []\n"
        d.write_policy([], text=text)
        start = len(d.stderr)
        event = d.reload()
        assert event["type"] == REFUSED and event["data"]["file"] == d.policy_path and event["data"]["line"] == 5, event
        line = d.wait_stderr(lambda text: f"{d.policy_path}:5:" in text, start=start)
        assert line and "sekrets" in line and "secrets" in line, d.stderr
        touch(path, 3)
        d.barrier()
        assert d.total(secret="bad") == 5, d.accesses(secret="bad")
        d.write_policy([secret("bad", path)])
        assert d.reload()["type"] == LOADED


def test_reloads_under_load_lose_no_access():
    path = PLACE.file("load", "secret")
    with Daemon(PLACE, [secret("load", path)]) as d:
        scratch = PLACE.directory("load-scratch")
        process = subprocess.Popen(trick_command("storm", "flood", path, scratch, "1.5"), stdout=subprocess.PIPE)
        for i in range(5):
            d.write_policy([secret("load", path, class_=f"c{i}")])
            assert d.reload()["type"] == LOADED
        trick = Trick(process.wait(30), process.stdout.read().decode()).check()
        expected = sum(a["count"] for a in trick.accesses)
        got = d.wait_total(expected, secret="load", kind="open")
        assert got == expected, f"{expected} opens, {got} counted; lost {d.losses()}"


def test_sigterm_and_sigint_end_within_two_seconds_with_a_summary():
    path = PLACE.file("end", "secret")
    for number in (signal.SIGTERM, signal.SIGINT):
        d = Daemon(PLACE, [secret("end", path)])
        touch(path, 9)
        begin = time.monotonic()
        os.kill(d.pid, number)
        assert d.process.wait(10) == 0 and time.monotonic() - begin < 2
        d.drain()
        stopped = d.events.of(STOPPED)
        assert len(stopped) == 1 and stopped[0]["data"]["accesses"] == 9, stopped
        assert d.total(secret="end") == 9
        assert d.events.all[-1]["type"] == STOPPED


def test_a_restart_after_kill_9_finds_a_whole_store_and_the_history():
    path = PLACE.file("kill", "secret")
    d = Daemon(PLACE, [secret("kill", path)])
    touch(path, 40)
    d.barrier()
    # Committed every 50 ms: the history is there as soon as the store answers for it.
    deadline = time.monotonic() + 10
    while "kill" not in d.sagent("secrets", "--json").stdout:
        assert time.monotonic() < deadline, "the store does not know the secret"
        d.barrier(1)
    d.kill()
    files = [os.path.join(root, f) for root, _, names in os.walk(d.state) for f in names if f.endswith(".db")]
    assert files, f"no database below {d.state}: {os.listdir(d.state)}"
    with Daemon(PLACE, [secret("kill", path)], state=d.state) as again:
        text = again.sagent("secrets", "--json").stdout
        assert "kill" in text, text
        touch(path, 2)
        again.barrier()
    with sqlite3.connect(f"file:{files[0]}?mode=ro", uri=True) as db:
        assert db.execute("pragma integrity_check").fetchone()[0] == "ok"


def test_two_daemons_on_one_state_directory_are_refused():
    path = PLACE.file("twice", "secret")
    with Daemon(PLACE, [secret("twice", path)]) as d:
        result = subprocess.run(d.command, capture_output=True, text=True, timeout=20, check=False)
        assert result.returncode != 0, result.stderr
        touch(path)
        d.barrier()
        assert d.total(secret="twice") == 1 and d.sagent("status").returncode == 0


def test_two_daemons_with_their_own_state_see_the_same():
    path = PLACE.file("pair", "secret")
    with Daemon(PLACE, [secret("pair", path)]) as a, Daemon(PLACE, [secret("pair", path)]) as b:
        touch(path, 5)
        a.barrier()
        b.barrier()
        assert a.total(secret="pair", pid=os.getpid()) == b.total(secret="pair", pid=os.getpid()) == 5


def test_nothing_of_a_secret_is_in_events_store_or_log():
    word = "only-here-1b6f9c2e"
    path = PLACE.file("content", "secret", text=word + "\n")
    with Daemon(PLACE, [secret("content", path)]) as d:
        subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        touch(path, 5)
        d.barrier()
        d.stop()
        everything = json.dumps(d.events.all) + d.log()
        assert word not in everything
        for root, _, names in os.walk(d.state):
            for name in names:
                with open(os.path.join(root, name), "rb") as f:
                    assert word.encode() not in f.read(), name


def test_its_own_reads_are_not_reported():
    path = PLACE.file("own", "secret")
    with Daemon(PLACE, [secret("own", path)]) as d:
        touch(path)
        d.write_policy([secret("own", path)])
        d.reload()
        d.barrier()
        assert not d.accesses(pid=d.pid), d.accesses(pid=d.pid)


def test_it_idles_without_work():
    """No busy loop: less than 10 ms of CPU in the second after start (an idle second costs 5 ms at 0.5 %)."""
    with Daemon(PLACE, [secret("idle", PLACE.file("idle", "secret"))], config={"sensor.flush_interval_ms": 1000}) as d:
        d.barrier()
        ticks = os.sysconf("SC_CLK_TCK")

        def cpu():
            with open(f"/proc/{d.pid}/stat", "rb") as f:
                fields = f.read().rsplit(b")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / ticks

        before, begin = cpu(), time.monotonic()
        d.events.wait(lambda _: False, 2)
        share = (cpu() - before) / (time.monotonic() - begin)
        assert share <= 0.02, f"{share:.1%} of a CPU while idle"


def test_a_file_that_others_may_not_read_stays_so():
    """State, socket and output are not for everybody."""
    output = PLACE.sub("out.jsonl")
    with Daemon(PLACE, [secret("modes", PLACE.file("modes", "secret"))], output=output) as d:
        sock = os.stat(os.path.join(d.state, "run", "sagentd.sock"))
        assert sock.st_mode & 0o777 == 0o660, oct(sock.st_mode)
        assert os.stat(output).st_mode & 0o077 in (0, 0o040), oct(os.stat(output).st_mode)
        for root, _, names in os.walk(d.state):
            for name in names:
                if "sagent" in name or name.endswith((".db", ".db-wal", ".sqlite")):
                    assert os.stat(os.path.join(root, name)).st_mode & 0o007 == 0, name


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
