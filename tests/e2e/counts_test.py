#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every access is counted once: by one process, by threads, by many short processes, under a flood, at the end."""

import os
import sys
import time

from harness import Daemon, Place, run_tests, run_trick, secret, sha256, TRICKS

PLACE = Place()


def watch(name, **more):
    path = PLACE.file(name, "secret")
    return path, Daemon(PLACE, [secret(name, path)], **more)


def check_total(d, name, trick, losses_allowed=()):
    expected = sum(a["count"] for a in trick.accesses)
    total = d.wait_total(expected, secret=name)
    assert total == expected, f"{expected} opens, {total} counted, lost: {d.losses()}"
    for access in trick.accesses:
        got = d.total(secret=name, pid=access["pid"])
        assert got == access["count"], f"process {access['pid']}: {access['count']} opens, {got} counted"
    lost = {place: n for place, n in d.losses().items() if place not in losses_allowed}
    assert not lost, lost


def test_one_process_is_counted_exactly():
    path, d = watch("one")
    with d:
        check_total(d, "one", run_trick(PLACE, "open_family", "openat", path, 12345).check())
        assert len(d.accesses(secret="one")) < 50, "repeats must be counted, not reported one by one"


def test_eight_threads_are_counted_exactly_as_one_process():
    path, d = watch("threads")
    with d:
        check_total(d, "threads", run_trick(PLACE, "storm", "threads", path, "8,5000").check())


def test_200_processes_of_a_millisecond_are_counted_and_known():
    path, d = watch("short")
    with d:
        trick = run_trick(PLACE, "storm", "processes", path, "200,3").check()
        check_total(d, "short", trick)
        expected = sha256(os.path.join(TRICKS, "storm"))
        for access in trick.accesses:
            events = d.accesses(secret="short", pid=access["pid"])
            p = events[0]["data"]["process"]
            assert os.path.basename(p["exe"]) == "storm" and p["args"][1] == "processes", (p["exe"], p["args"])
            assert p["exe_sha256"] in (expected, None) and p["uid"] == 0
            assert p["ancestors"] and os.path.basename(p["ancestors"][0]["exe"]) == "storm", p["ancestors"]
            assert p["ancestors"][1]["pid"] == os.getpid(), p["ancestors"][:3]
        known = [e for e in d.accesses(secret="short") if e["data"]["process"]["exe_sha256"] == expected]
        assert known, "no event has the hash of the program"


def test_a_process_that_ran_a_program_and_ended_at_once_is_known():
    path, d = watch("exec", config={"identity.hash_wait_ms": 2000})
    with d:
        trick = run_trick(PLACE, "open_family", "openat", path, 1).check()
        p = d.first(secret="exec")["data"]["process"]
        assert p["exe"] == os.path.realpath(os.path.join(TRICKS, "open_family")), p["exe"]
        assert p["args"][1:3] == ["openat", path] and p["pid"] == trick.accesses[0]["pid"]
        assert p["exe_sha256"] == sha256(p["exe"]), p["exe_sha256"]


def test_a_flood_on_all_cpus_is_counted_exactly():
    path, d = watch("flood")
    with d:
        check_total(d, "flood", run_trick(PLACE, "storm", "flood", path, 3).check())


def test_a_small_ring_and_a_stopped_daemon_lose_no_count():
    """The records of first accesses do not fit; the counters hold all of them."""
    path, d = watch("ring", config={"sensor.access_ring_kib": 64, "sensor.process_ring_kib": 64})
    import signal
    with d:
        os.kill(d.pid, signal.SIGSTOP)
        try:
            trick = run_trick(PLACE, "storm", "processes", path, "1200,5").check()
        finally:
            os.kill(d.pid, signal.SIGCONT)
        expected = sum(a["count"] for a in trick.accesses)
        total = d.wait_total(expected, secret="ring")
        assert total == expected, f"{expected} opens, {total} counted, lost: {d.losses()}"
        assert d.losses(), "rings of 64 KiB took 1,200 processes without a loss: the test proves nothing"
        assert set(d.losses()) <= {"access-ring", "process-ring", "args-read"}, d.losses()


def test_a_full_counter_table_is_reported_as_a_loss():
    """1,024 counters for 1,400 processes while nobody empties them: counted + lost is the total."""
    path, d = watch("full", config={"sensor.max_counters": 1024, "sensor.access_ring_kib": 64})
    import signal
    with d:
        os.kill(d.pid, signal.SIGSTOP)
        try:
            trick = run_trick(PLACE, "storm", "processes", path, "1400,5").check()
        finally:
            os.kill(d.pid, signal.SIGCONT)
        expected = sum(a["count"] for a in trick.accesses)
        d.events.wait(lambda _: d.total(secret="full") + d.losses().get("uncounted", 0) >= expected)
        d.barrier()
        total, lost = d.total(secret="full"), d.losses()
        assert total + lost.get("uncounted", 0) == expected, f"{expected} opens, {total} counted, lost: {lost}"
        assert lost.get("counters-full"), lost


def test_the_first_access_is_an_event_at_once():
    """Before the flush: with an interval of a minute the event of the first open comes all the same."""
    path, d = watch("first", config={"sensor.flush_interval_ms": 60000})
    with d:
        begin = time.monotonic()
        fd = os.open(path, os.O_RDONLY)
        event = d.first(secret="first", pid=os.getpid())
        os.close(fd)
        assert event["data"]["access"]["count"] == 1
        assert event["arrived"] - begin < 0.5, f"after {event['arrived'] - begin:.3f} s"


def test_counts_are_flushed_when_a_process_ends():
    path, d = watch("exit", config={"sensor.flush_interval_ms": 60000})
    with d:
        trick = run_trick(PLACE, "open_family", "openat", path, 77).check()
        d.events.wait(lambda _: d.total(secret="exit") >= 77, 3)
        assert d.total(secret="exit", pid=trick.accesses[0]["pid"]) == 77, d.total(secret="exit")


def test_sigterm_flushes_all_counts():
    path, d = watch("term", config={"sensor.flush_interval_ms": 60000})
    with d:
        for _ in range(500):
            os.close(os.open(path, os.O_RDONLY))
        d.stop()
        assert d.total(secret="term", pid=os.getpid()) == 500, d.total(secret="term")
        stopped = d.events.of("secretsagent.sensor.stopped.v1")
        assert len(stopped) == 1 and stopped[0]["data"]["accesses"] >= 500, stopped


def test_two_secrets_are_counted_apart():
    a, b = PLACE.file("two-a", "secret"), PLACE.file("two-b", "secret")
    with Daemon(PLACE, [secret("two-a", a), secret("two-b", b)]) as d:
        for path, times in ((a, 30), (b, 20)):
            for _ in range(times):
                os.close(os.open(path, os.O_RDONLY))
        d.barrier()
        assert (d.total(secret="two-a"), d.total(secret="two-b")) == (30, 20)


def test_a_process_that_reads_and_forks_all_the_time_is_counted_exactly():
    path, d = watch("mixed")
    with d:
        total = 0
        for _ in range(60):
            os.close(os.open(path, os.O_RDONLY))
            pid = os.fork()
            if pid == 0:
                os.close(os.open(path, os.O_RDONLY))
                os._exit(0)
            os.waitpid(pid, 0)
            total += 2
        got = d.wait_total(total, secret="mixed", kind="open")
        assert got == total, (got, total)


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
