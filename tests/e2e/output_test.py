#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where events go: files, full disks, closed pipes; names that are made to break lines."""

import json
import os
import signal
import subprocess
import sys

from harness import ACCESS, LOSS, STOPPED, Daemon, Place, run_tests, run_trick, secret, total_of, validate

PLACE = Place()
VARIANTS = ("newline", "escapes", "bad-utf8", "utf8", "bidi", "long", "process-name")


def touch(path, times=1):
    for _ in range(times):
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def read_events(path):
    with open(path, "rb") as f:
        lines = f.read().split(b"\n")
    assert lines[-1] == b"", "the last line is not complete"
    return [json.loads(line.decode("utf-8")) for line in lines[:-1]]


def count(events, name):
    return total_of(events, secret=name)


def test_an_output_file_gets_whole_lines():
    path, output = PLACE.file("file", "secret"), PLACE.sub("file.jsonl")
    with Daemon(PLACE, [secret("file", path)], output=output) as d:
        touch(path, 33)
        d.stop()
    events = read_events(output)
    assert count(events, "file") == 33
    for event in events:
        validate(event)


def test_sighup_opens_the_file_again_after_rotation():
    path, output = PLACE.file("rotate", "secret"), PLACE.sub("rotate.jsonl")
    with Daemon(PLACE, [secret("rotate", path)], output=output) as d:
        touch(path, 5)
        os.rename(output, output + ".1")
        start = len(d.stderr)
        os.kill(d.pid, signal.SIGHUP)
        d.wait_stderr(lambda _: os.path.exists(output), 5, start)
        assert os.path.exists(output), "not opened again"
        touch(path, 6)
        d.stop()
    assert count(read_events(output + ".1") + read_events(output), "rotate") == 11


def test_a_file_that_is_there_is_appended_to():
    path, output = PLACE.file("append", "secret"), PLACE.sub("append.jsonl")
    for _ in range(2):
        with Daemon(PLACE, [secret("append", path)], output=output) as d:
            touch(path, 2)
            d.stop()
    assert count(read_events(output), "append") == 4


def check_view_goes_on(output, name):
    """The output fails; the daemon lives, says so once in a while, counts the loss and still knows everything."""
    path = PLACE.file(name, "secret")
    with Daemon(PLACE, [secret(name, path)], output=output, config={"output.buffer_kib": 64}) as d:
        touch(path, 3)
        line = d.wait_stderr(lambda text: "No space left" in text or "full" in text.lower(), 10)
        assert line, d.log()
        for _ in range(50):
            subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        touch(path, 4)
        lost = d.sagent_json("status")["losses"]
        assert "output" in json.dumps(lost), lost
        assert len(d.stderr) < 40, "one line for each event that failed"
        d.stop(check=False)
        assert d.process.returncode == 0, d.log()


def test_a_full_device_does_not_stop_the_view():
    check_view_goes_on("/dev/full", "dev-full")


def test_a_full_file_system_does_not_stop_the_view_and_is_reported():
    code = r"""
import json, os, subprocess, sys
sys.path.insert(0, os.path.dirname(sys.argv[1]))
from harness import Daemon, Place, LOSS, secret
place = Place()
small = place.directory("small")
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
try:
    path, output = place.file("full", "secret"), os.path.join(small, "events.jsonl")
    with Daemon(place, [secret("full", path)], output=output, config={"output.buffer_kib": 64}) as d:
        for _ in range(150):
            subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        line = d.wait_stderr(lambda text: "No space left" in text, 10)
        assert line, d.log()
        size = os.path.getsize(output)
        subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)
        assert d.wait_stderr(lambda text: "works again" in text, 10), d.log()
        for _ in range(100):
            subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        d.stop(check=False)
        assert d.process.returncode == 0, d.log()
    with open(output, "rb") as f:
        lines = f.read().split(b"\n")
    events = [json.loads(l) for l in lines if l]
    assert os.path.getsize(output) > size, "nothing was written after there was room again"
    losses = sum(e["data"]["count"] for e in events if e["type"] == LOSS and e["data"]["place"] == "output")
    assert losses > 0, "the loss was not reported"
    written = sum(1 for e in events if e["type"].startswith("secretsagent.secret.access"))
    assert written + losses >= 250, (written, losses)
finally:
    subprocess.run(["umount", "-l", small], check=False)
"""
    result = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, "-c", code,
                             os.path.abspath(__file__)], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr.strip().splitlines()[-12:]


def test_a_full_disk_below_the_store_does_not_stop_the_view():
    code = r"""
import os, subprocess, sys
sys.path.insert(0, os.path.dirname(sys.argv[1]))
from harness import Daemon, Place, secret
place = Place()
state = place.directory("state")
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", state], check=True)
try:
    path = place.file("store", "secret")
    with Daemon(place, [secret("store", path)], state=state) as d:
        with open(os.path.join(state, "filler"), "wb") as f:
            try:
                while True:
                    os.write(f.fileno(), b"x" * 4096)
            except OSError:
                pass
        for _ in range(300):
            subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        got = d.wait_total(300, secret="store")
        assert got == 300, got
        assert d.wait_stderr(lambda text: "store" in text and ("full" in text or "No space" in text), 10), d.log()
        os.unlink(os.path.join(state, "filler"))
finally:
    subprocess.run(["umount", "-l", state], check=False)
"""
    result = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, "-c", code,
                             os.path.abspath(__file__)], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr.strip().splitlines()[-12:]


def test_a_reader_that_goes_away_ends_the_daemon_cleanly():
    path = PLACE.file("gone", "secret")
    with Daemon(PLACE, [secret("gone", path)]) as d:
        touch(path, 2)
        d.barrier()
        fd = d.process.stdout.fileno()
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, fd)  # the reading end of the pipe is closed
        os.close(null)
        for _ in range(5):  # the thread that reads is still in its last read: the first may reach it
            subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        assert d.wait_stderr(lambda text: "output" in text or "pipe" in text.lower() or "stdout" in text, 5), d.log()
        # Nobody can see anything any more: it ends as if it had been asked to, with what it knew in its store.
        assert d.process.wait(5) == 0, d.log()


def test_a_reader_that_is_slow_costs_a_counted_loss_and_no_stall():
    """Nobody reads the pipe: the buffer fills, the rest is counted as lost, the daemon still answers."""
    path = PLACE.file("slow", "secret")
    read_end, write_end = os.pipe()
    d = Daemon(PLACE, [secret("slow", path)], output=None, stdout=write_end, extra=["--output", "json"],
               config={"output.buffer_kib": 64})
    os.close(write_end)
    try:
        for _ in range(200):
            subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        assert d.sagent("status").returncode == 0
        events = []
        os.set_blocking(read_end, False)
        os.kill(d.pid, signal.SIGTERM)
        data = b""
        import select
        while True:
            select.select([read_end], [], [], 10)
            try:
                block = os.read(read_end, 65536)
            except BlockingIOError:
                break
            if not block:
                break
            data += block
        assert d.process.wait(10) == 0, d.log()
        events = [json.loads(line) for line in data.split(b"\n")[:-1]]
        written = sum(1 for e in events if e["type"] == ACCESS)
        losses = sum(e["data"]["count"] for e in events if e["type"] == LOSS and e["data"]["place"] == "output")
        stopped = [e["data"]["losses"] for e in events if e["type"] == STOPPED]
        assert losses > 0 or stopped and stopped[0] > 0, (written, losses, stopped)
        assert written + max([losses] + stopped) >= 200, (written, losses, stopped)
    finally:
        os.close(read_end)
        d.kill()


def test_strange_names_are_escaped_and_stay_true():
    trees = {v: PLACE.directory("names-" + v) for v in VARIANTS}
    with Daemon(PLACE, [secret(v, os.path.join(p, "**")) for v, p in trees.items()]) as d:
        for variant, tree in trees.items():
            trick = run_trick(PLACE, "strange_name", variant, tree).check()
            pid = trick.accesses[0]["pid"]
            got = d.wait_total(3, secret=variant, pid=pid, kind="open", result=0)
            assert got == 3, f"{variant}: 3 opens, {got} counted"
            data = d.accesses(secret=variant)[0]["data"]
            if "name" in trick.notes:
                name = bytes.fromhex(trick.notes["name"])
                assert data["secret"]["ino"] == os.stat(os.path.join(os.fsencode(tree), name)).st_ino
                if variant != "bad-utf8":
                    assert data["secret"]["path"] == os.path.join(tree, name.decode()), data["secret"]["path"]
                else:
                    assert "\ufffd" in data["secret"]["path"], data["secret"]["path"]
            else:
                assert data["process"]["exe"].split("/")[-1].startswith("ex\ne"), data["process"]["exe"]
                assert data["process"]["args"][0].startswith("ar\ng0"), data["process"]["args"]
        assert not d.events.bad_lines, d.events.bad_lines
        assert not [e for e in d.events.all if e["type"] == "forged"]


def test_strange_names_cannot_forge_a_row_of_the_table():
    tree = PLACE.directory("table")
    with open(PLACE.sub("table.out"), "wb") as out:
        d = Daemon(PLACE, [secret("table", os.path.join(tree, "**"))], output=None, stdout=out,
                   extra=["--output", "table"])
        for variant in ("newline", "escapes", "bad-utf8", "process-name"):
            run_trick(PLACE, "strange_name", variant, tree).check()
        d.stop(check=False)
        assert d.process.returncode == 0, d.log()
    with open(PLACE.sub("table.out"), "rb") as f:
        shown = f.read()
    assert b"table" in shown, shown[:500]
    assert b"\x1b" not in shown, "an escape sequence reached something that is no terminal"
    assert not [c for c in shown if c < 32 and c != 10], "control bytes in the table"
    forged = [line for line in shown.split(b"\n") if line.startswith((b"b", b'{"type"'))]
    assert not forged, "a name made a line of its own"
    shown.decode("utf-8")


def test_a_path_of_4096_bytes_is_marked_or_whole():
    tree = PLACE.directory("deep")
    with Daemon(PLACE, [secret("deep", os.path.join(tree, "**"))]) as d:
        trick = run_trick(PLACE, "deep_path", "beyond", tree, 20).check()
        pid = trick.accesses[0]["pid"]
        got = d.wait_total(2, secret="deep", pid=pid, kind="open", result=0)
        assert got == 2 or d.losses(), f"2 opens, {got} counted, no loss reported"
        for event in d.accesses(secret="deep", pid=pid):
            name = event["data"]["secret"]
            assert name["path_truncated"] or name["path"].endswith("/leaf"), name
    subprocess.run(["rm", "-rf", tree], check=True)


def test_output_none_writes_nothing():
    path = PLACE.file("none", "secret")
    with open(PLACE.sub("none.out"), "wb") as out:
        d = Daemon(PLACE, [secret("none", path)], output=None, stdout=out)
        touch(path, 3)
        d.stop(check=False)
    assert os.path.getsize(PLACE.sub("none.out")) == 0 and d.process.returncode == 0


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
