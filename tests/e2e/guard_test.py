#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is done to the agent itself is told, what is found wrong is repaired, and the time without an agent is known.

Only ever aims at the sagentd of the test. In the lsm backend what others try is expected to be refused.
"""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime

from harness import B, FLUSH_MS, GAP, PATIENCE, ROOT, TAMPER, Daemon, Place, Skip, run_tests, secret

PLACE = Place()
PYTHON = sys.executable
KILL = os.path.realpath("/bin/kill")
SLACK = 0.4 * PATIENCE  # seconds by which a timer may be late on a busy machine

# A foreign process that works on the agent: bpf(2), ptrace and their kin by number.
TOOL = r'''
import ctypes, os, resource, struct, sys
try:
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (-1, -1))  # before 5.11 maps count as locked memory
except ValueError:
    pass
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
LOOKUP, UPDATE, DELETE, NEXT, CREATE = 1, 2, 3, 4, 0
PROG_BY_ID, MAP_BY_ID, INFO, FREEZE, LINK_BY_ID, LINK_DETACH = 13, 14, 15, 22, 30, 34

def call(number, *arguments):
    result = libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return result if result >= 0 else -ctypes.get_errno()

def bpf(command, *words):
    attr = ctypes.create_string_buffer(struct.pack("=" + "".join(f for f, _ in words), *[v for _, v in words]).ljust(128, b"\0"))
    return call(321, command, ctypes.cast(attr, ctypes.c_void_p), 128)

def element(command, fd, key, value=None, flags=0):
    k = ctypes.create_string_buffer(key, len(key)) if key is not None else None
    return bpf(command, ("I", fd), ("I", 0), ("Q", ctypes.addressof(k) if k is not None else 0),
               ("Q", ctypes.addressof(value) if value is not None else 0), ("Q", flags))

def keys(fd, size):
    found, key = [], None
    while True:
        following = ctypes.create_string_buffer(size)
        if element(NEXT, fd, key, following) < 0:
            return found
        key = following.raw
        found.append(key)
'''


def tool(text, *arguments, timeout=30 * PATIENCE):
    """Runs the text in a process of its own; returns its pid and what it printed."""
    process = subprocess.Popen([PYTHON, "-c", TOOL + text, *map(str, arguments)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return process.pid, out.strip()


def seconds_of(text):
    return datetime.fromisoformat(text[:26] + "+00:00").timestamp()


def tampers(d, **want):
    return [e["data"] for e in d.events.of(TAMPER) if all(e["data"][k] == v for k, v in want.items())]


def wait_tamper(d, **want):
    found = d.events.wait(lambda _: tampers(d, **want))
    assert found, f"no tamper event with {want}; got {[(t['kind'], t['way'], t['target']) for t in tampers(d)]}"
    return found[0]


def gaps(d):
    return [e["data"] for e in d.events.of(GAP)]


def wait_gap(d):
    found = d.events.wait(lambda _: gaps(d))
    assert found and len(found) == 1, f"{len(found)} gap events"
    return found[0]


def objects(d):
    """The agent's own BPF objects: {(kind, number)} by its descriptors."""
    found = {}
    for fd in os.listdir(f"/proc/{d.pid}/fdinfo"):
        try:
            with open(f"/proc/{d.pid}/fdinfo/{fd}", encoding="utf-8") as f:
                text = f.read()
        except OSError:
            continue
        info = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        for kind in ("map", "prog", "link"):
            if f"{kind}_id" in info:
                found.setdefault(kind, {})[int(info[f"{kind}_id"])] = {k: v.strip() for k, v in info.items()}
    return found


def map_id(d, name):
    """A map's number by its name, found as an enemy finds it: by asking the kernel for all maps."""
    _, out = tool(r'''
name, of = sys.argv[1].encode(), set(map(int, sys.argv[2].split(",")))
for number in of:
    fd = bpf(MAP_BY_ID, ("I", number), ("I", 0), ("I", 0))
    if fd < 0:
        continue
    info = ctypes.create_string_buffer(128)
    bpf(INFO, ("I", fd), ("I", 128), ("Q", ctypes.addressof(info)))
    if info.raw[24:40].split(b"\0")[0] == name:
        print(number)
''', name, ",".join(map(str, objects(d)["map"])))
    assert out, f"no map '{name}'"
    return int(out)


def watched(name):
    path = PLACE.file(name, "secret")
    return path, [secret(name, path)]


def is_denied(d):
    return d.ready["backend"] == "lsm"


def open_daemon(name, **more):
    """A secret of that name, and a daemon that looks after itself often."""
    path, secrets = watched(name)
    config = {"protect.self_check_ms": 100, **more.pop("config", {})}
    return path, Daemon(PLACE, secrets, config=config, **more)


# ---------------------------------------------------------------- the gap


def test_the_first_start_tells_of_no_gap():
    _, secrets = watched("first")
    with Daemon(PLACE, secrets) as d:
        d.barrier()
        assert not gaps(d)
        assert d.sagent_json("status")["gap"] is None


def killed_and_started(state, secrets, wait):
    """Kills an agent after `wait` seconds and starts another; when it was killed, and the gap that the other tells."""
    d = Daemon(PLACE, secrets, state=state)
    time.sleep(wait)  # a moment of its own: this is what is tested
    before = time.time()
    d.kill()
    with Daemon(PLACE, secrets, state=state) as other:
        gap = wait_gap(other)
    return before, gap


def test_a_kill_is_told_with_the_time_since_the_last_flush():
    _, secrets = watched("killed")
    state = PLACE.directory("killed-state")
    before, gap = killed_and_started(state, secrets, 0.5)
    assert gap["cause"] == "killed" and gap["tier"] == "observe" and gap["backend"] in ("lsm", "fentry", "tracepoint")
    assert gap["denied_meanwhile"] is False and gap["accesses"] is None and gap["denied"] is None, gap
    assert abs(seconds_of(gap["to"]) - seconds_of(gap["from"]) - gap["seconds"]) < 0.001, gap
    assert before - FLUSH_MS / 1000 - SLACK <= seconds_of(gap["from"]) <= before + 0.01, (before, gap)
    assert gap["signal"] is None and gap["process"] is None, "nothing was pinned"


def test_kills_at_any_moment_never_give_a_gap_that_begins_too_late():
    _, secrets = watched("any")
    state = PLACE.directory("any-state")
    dice = random.Random(4711)
    for _ in range(12):
        before, gap = killed_and_started(state, secrets, dice.uniform(0, 0.35))
        begin = seconds_of(gap["from"])
        assert gap["cause"] == "killed", gap
        assert before - FLUSH_MS / 1000 - SLACK <= begin <= before + 0.01, (before, begin)


def test_a_kill_before_it_is_ready_leaves_the_earlier_gap():
    _, secrets = watched("early")
    state = PLACE.directory("early-state")
    d = Daemon(PLACE, secrets, state=state)
    d.kill()
    killed = time.time()
    for _ in range(3):
        d = Daemon(PLACE, secrets, state=state, expect_ready=False)
        d.kill()
        assert not d.ready
    with Daemon(PLACE, secrets, state=state) as d:
        assert seconds_of(wait_gap(d)["from"]) <= killed


def test_a_stop_is_told_with_who_asked_for_it():
    _, secrets = watched("stopped")
    with Daemon(PLACE, secrets) as d:
        before = time.time()
        d.stop()
        stopped = time.time()
        with Daemon(PLACE, secrets, state=d.state) as other:
            gap = wait_gap(other)
            status = other.sagent_json("status")["gap"]
            text = other.sagent("status").stdout
    assert gap["cause"] == "stopped" and before - 0.01 <= seconds_of(gap["from"]) <= stopped, gap
    assert gap["signal"] == "SIGTERM" and gap["process"]["pid"] == os.getpid(), gap
    assert status["cause"] == "stopped" and status["from"] == gap["from"] and "without an agent" in text, (status, text)


def test_a_damaged_heartbeat_is_told_and_replaced():
    _, secrets = watched("damaged")
    state = PLACE.directory("damaged-state")
    heartbeat = os.path.join(state, "heartbeat")
    for damage in (b"", b"junk", b"x" * 8192, os.urandom(4100)):
        with open(heartbeat, "wb") as f:
            f.write(damage)
        with Daemon(PLACE, secrets, state=state) as d:
            gap = wait_gap(d)
            assert gap["cause"] == "unknown" and gap["from"] is None and gap["seconds"] is None, gap
            assert "heartbeat" in d.log() and "damaged" in d.log(), d.log()
        with Daemon(PLACE, secrets, state=state) as d:
            assert wait_gap(d)["cause"] == "stopped"


def test_a_heartbeat_that_cannot_be_written_stops_nothing():
    path, secrets = watched("folder")
    state = PLACE.directory("folder-state")
    os.mkdir(os.path.join(state, "heartbeat"))
    with Daemon(PLACE, secrets, state=state) as d:
        os.close(os.open(path, os.O_RDONLY))
        d.barrier()
        assert d.total(secret="folder") == 1 and not gaps(d) and "heartbeat" in d.log()


def bpf_file_system():
    path = PLACE.directory("bpffs")
    if subprocess.run(["mount", "-t", "bpf", "bpf", path], check=False, capture_output=True).returncode != 0:
        raise Skip("no BPF file system can be mounted here")
    return path


def test_who_killed_the_agent_is_known_to_the_next():
    _, secrets = watched("killer")
    mount = bpf_file_system()
    pins = os.path.join(mount, "agent")
    try:
        config = {"enforcement.pin_dir": pins, "protect.allow_signals_from": KILL}
        d = Daemon(PLACE, secrets, config=config)
        assert os.stat(pins).st_mode & 0o7777 == 0o700 and os.stat(pins + "/last_signal").st_mode & 0o7777 == 0o600
        killer = subprocess.Popen([KILL, "-KILL", str(d.pid)])
        killer.wait(10)
        d.process.wait(10)
        d.kill()
        with Daemon(PLACE, secrets, config=config, state=d.state) as other:
            gap = wait_gap(other)
        assert gap["cause"] == "killed" and gap["signal"] == "SIGKILL", gap
        assert gap["process"]["pid"] == killer.pid and gap["process"]["exe"] == KILL and gap["process"]["uid"] == 0, gap
        assert not os.path.exists(pins), "a stop leaves pins"
    finally:
        subprocess.run(["umount", mount], check=False)


# ---------------------------------------------------------------- signals


def test_signals_of_others_are_told_and_those_of_the_parent_are_not():
    _, secrets = watched("signals")
    with Daemon(PLACE, secrets) as d:
        for name in ("STOP", "CONT", "USR2" if is_denied(d) else "HUP"):
            # Stopped by another, set going by us: a refused STOP needs no CONT.
            process = subprocess.run([KILL, f"-{name}", str(d.pid)], check=False, capture_output=True)
            assert (process.returncode != 0) == (is_denied(d) and name != "CONT"), process
        subprocess.run([KILL, "-0", str(d.pid)], check=True)
        os.kill(d.pid, signal.SIGCONT)
        d.reload()
        d.barrier()
        told = wait_tamper(d, kind="signal", way="SIGSTOP")
        assert told["process"]["exe"] == KILL and told["process"]["args"][1] == "-STOP", told
        assert told["target"] == {"type": "agent", "name": None, "id": None} and told["count"] == 1, told
        assert told["denied"] is is_denied(d) and told["result"] == (-1 if is_denied(d) else 0), told
        ways = sorted(t["way"] for t in tampers(d, kind="signal"))
        assert ways == ["SIGSTOP", "SIGUSR2"] if is_denied(d) else ways == ["SIGHUP", "SIGSTOP"], ways
        assert d.sagent_json("status")["tampers"] == 2


def test_programs_that_the_config_names_may_signal():
    _, secrets = watched("allowed")
    with Daemon(PLACE, secrets, config={"protect.allow_signals_from": f"/nowhere/*:{KILL[:-2]}*"}) as d:
        start = len(d.stderr)
        subprocess.run([KILL, "-HUP", str(d.pid)], check=True)
        assert d.wait_stderr(lambda line: "policy reloaded" in line, start=start)
        d.barrier()
        assert not tampers(d)
        subprocess.run([PYTHON, "-c", f"import os; os.kill({d.pid}, 1)"], check=False, stderr=subprocess.DEVNULL)
        assert wait_tamper(d, kind="signal")["way"] == "SIGHUP"


def test_signals_to_others_are_nobodys_business():
    _, secrets = watched("bystander")
    with Daemon(PLACE, secrets) as d:
        other = subprocess.Popen(["sleep", "100"])
        subprocess.run([KILL, "-STOP", str(other.pid)], check=True)
        subprocess.run([KILL, "-KILL", str(other.pid)], check=True)
        other.wait(10)
        d.barrier()
        assert not tampers(d)


# ---------------------------------------------------------------- looks into the process


def test_looks_into_the_memory_of_the_agent_are_told():
    _, secrets = watched("trace")
    with Daemon(PLACE, secrets) as d:
        pid, out = tool(r'''
agent = int(sys.argv[1])
did = []
try:
    os.close(os.open(f"/proc/{agent}/mem", os.O_RDWR))
    did.append("mem")
except OSError:
    pass
with open(f"/proc/{agent}/maps") as f:
    writable = next(line for line in f if " rw-p " in line and "[" not in line)
address = int(writable.split("-")[0], 16)
buffer = ctypes.create_string_buffer(8)
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
mine, its = Vector(ctypes.addressof(buffer), 8), Vector(address, 8)
if call(310, agent, ctypes.byref(mine), 1, ctypes.byref(its), 1, 0) == 8:
    did.append("readv")
    if call(311, agent, ctypes.byref(mine), 1, ctypes.byref(its), 1, 0) == 8:  # what was there already
        did.append("writev")
if call(101, 16, agent, 0, 0) == 0:
    os.waitpid(agent, 0x40000000)
    call(101, 17, agent, 0, 0)
    did.append("ptrace")
handle = call(434, agent, 0)
fd = call(438, handle, int(sys.argv[2]), 0)
if fd >= 0:
    did.append("getfd")
print(" ".join(did))
''', d.pid, map_descriptor(d))
        d.barrier()
        ways = {t["way"] for t in tampers(d, kind="trace")}
        assert all(t["process"]["pid"] == pid and t["target"]["type"] == "agent" for t in tampers(d, kind="trace"))
        if is_denied(d):
            assert out == "", f"not refused: {out}"
            assert ways == {"proc-mem", "process_vm_readv", "ptrace", "pidfd_getfd"}, ways
            assert all(t["denied"] for t in tampers(d, kind="trace"))
        else:
            assert out == "mem readv writev ptrace getfd", out
            assert ways == {"proc-mem", "process_vm_readv", "process_vm_writev", "ptrace", "pidfd_getfd"}, ways


def map_descriptor(d):
    for fd in os.listdir(f"/proc/{d.pid}/fd"):
        if os.readlink(f"/proc/{d.pid}/fd/{fd}") == "anon_inode:bpf-map":
            return int(fd)
    raise AssertionError("no map")


# ---------------------------------------------------------------- bpf(2)

ALL_MAPS = r'''
for number in map(int, sys.argv[1].split(",")):
    print(bpf(MAP_BY_ID, ("I", number), ("I", 0), ("I", 0)) >= 0)
'''


def test_who_opens_the_maps_of_the_agent_is_told_once_and_others_maps_are_free():
    _, secrets = watched("open-maps")
    with Daemon(PLACE, secrets) as d:
        numbers = objects(d)["map"]
        pid, out = tool(ALL_MAPS, ",".join(map(str, numbers)))
        assert set(out.split()) == {"False" if is_denied(d) else "True"}, out
        d.barrier()
        assert sum(t["count"] for t in tampers(d, kind="bpf", way="open")) == len(numbers), tampers(d)
        assert all(t["process"]["pid"] == pid and t["target"] == {"type": "map", "name": None, "id": None}
                   for t in tampers(d)), tampers(d)
        count = len(tampers(d))
        tool(r'''
fd = bpf(CREATE, ("I", 1), ("I", 4), ("I", 8), ("I", 16))
assert fd >= 0, fd
value = ctypes.create_string_buffer(8)
assert element(UPDATE, fd, b"1234", value) == 0 and element(DELETE, fd, b"1234") == 0
assert bpf(FREEZE, ("I", fd)) == 0
''')
        d.barrier()
        assert len(tampers(d)) == count, tampers(d)


def need_open(d):
    if is_denied(d):
        raise Skip("refused in tier lsm, as the test of opens shows")


def test_an_entry_that_others_remove_is_told_and_put_back():
    path, d = open_daemon("removed")
    with d:
        need_open(d)
        number = map_id(d, "watched")
        pid, out = tool(r'''
fd = bpf(MAP_BY_ID, ("I", int(sys.argv[1])), ("I", 0), ("I", 0))
for key in keys(fd, 16):
    print(element(DELETE, fd, key))
''', number)
        assert set(out.split()) == {"0"}, out
        deleted = wait_tamper(d, kind="bpf", way="delete")
        assert deleted["target"] == {"type": "map", "name": "watched", "id": number}, deleted
        assert deleted["process"]["pid"] == pid and deleted["process"]["uid"] == 0, deleted
        found = wait_tamper(d, kind="self-check")
        assert found["repaired"] is True and found["process"] is None, found
        assert d.wait_stderr(lambda line: "self-check" in line)
        before = d.total(secret="removed")
        os.close(os.open(path, os.O_RDONLY))
        d.barrier()
        assert d.total(secret="removed") == before + 1, "the file is not watched again"
        assert d.sagent_json("status")["self_check"] == "ok"


def test_a_filter_that_others_empty_is_filled_again():
    path, d = open_daemon("filter")
    with d:
        need_open(d)
        tool(r'''
fd = bpf(MAP_BY_ID, ("I", int(sys.argv[1])), ("I", 0), ("I", 0))
size = int(sys.argv[2])
value = ctypes.create_string_buffer(size)
assert element(LOOKUP, fd, b"\0\0\0\0", value) == 0
# The largest run of the section is the filter; all zero but for the rest of it.
assert element(UPDATE, fd, b"\0\0\0\0", ctypes.create_string_buffer(size)) == 0
''', map_id(d, "sensor_b.bss"), bss_size(d))
        assert wait_tamper(d, kind="bpf", way="update")["target"]["name"].endswith(".bss")
        wait_tamper(d, kind="self-check")
        d.events.wait(lambda _: d.sagent_json("status")["self_check"] == "ok", 5)
        os.close(os.open(path, os.O_RDONLY))
        d.barrier()
        assert d.total(secret="filter") == 1


def bss_size(d):
    number = map_id(d, "sensor_b.bss")
    return int(objects(d)["map"][number]["value_size"])


def test_a_map_that_others_freeze_is_told_and_found():
    _, d = open_daemon("freeze")
    with d:
        need_open(d)
        number = map_id(d, "names")
        tool(r'''
fd = bpf(MAP_BY_ID, ("I", int(sys.argv[1])), ("I", 0), ("I", 0))
assert bpf(FREEZE, ("I", fd)) == 0
''', number)
        assert wait_tamper(d, kind="bpf", way="freeze")["target"]["id"] == number
        found = wait_tamper(d, kind="self-check", way="object")
        assert found["target"] == {"type": "map", "name": "names", "id": number} and found["repaired"] is False, found
        assert "frozen" in found["detail"] and d.sagent_json("status")["self_check"] == "failing"


def test_who_takes_a_link_is_told():
    _, d = open_daemon("link")
    with d:
        links = objects(d).get("link", {})
        if not links:
            raise Skip("this kernel does not number links")
        pid, out = tool(r'''
fd = bpf(LINK_BY_ID, ("I", int(sys.argv[1])))
print(fd, bpf(LINK_DETACH, ("I", fd)) if fd >= 0 else "")
''', min(links))
        d.barrier()
        told = wait_tamper(d, kind="bpf", way="open")
        assert told["target"]["type"] == "link" and told["process"]["pid"] == pid and told["denied"] is is_denied(d), told
        if is_denied(d):
            assert out == "-1", out
        else:
            assert out.split()[1] == "-95", f"the kernel detaches these links: {out}"
            told = wait_tamper(d, kind="bpf", way="detach")
            # Below the system call it is told before the kernel has answered.
            assert told["result"] == (-95 if d.ready["backend"] == "tracepoint" else 0), told
            assert told["target"]["id"] == min(links) and told["target"]["name"], told


def test_programs_that_the_config_names_may_use_bpf():
    _, secrets = watched("allowed-bpf")
    with Daemon(PLACE, secrets, config={"protect.allow_bpf_from": os.path.realpath(PYTHON)}) as d:
        _, out = tool(ALL_MAPS, ",".join(map(str, objects(d)["map"])))
        d.barrier()
        assert set(out.split()) == {"True"} and not tampers(d), (out, tampers(d))


# ---------------------------------------------------------------- the agent looks after itself


def test_an_agent_that_is_left_alone_finds_nothing():
    _, d = open_daemon("alone", config={"protect.self_check_ms": 20})
    with d:
        os.close(os.open(d.marker, os.O_RDONLY))
        subprocess.run(["true"], check=True)
        d.reload()
        for _ in range(5):
            d.barrier()
        status = d.sagent_json("status")
        assert status["self_check"] == "ok" and status["tampers"] == 0 and not tampers(d), tampers(d)


def test_the_self_check_can_be_switched_off():
    _, secrets = watched("off")
    with Daemon(PLACE, secrets, config={"protect.self_check_ms": 0}) as d:
        assert d.sagent_json("status")["self_check"] == "off"


def test_settings_are_frozen_and_files_are_private():
    _, secrets = watched("private")
    with Daemon(PLACE, secrets) as d:
        frozen = [m for m in objects(d)["map"].values() if m["frozen"] == "1"]
        assert frozen, "nothing is frozen"
        assert os.stat(os.path.join(d.state, "heartbeat")).st_mode & 0o7777 == 0o600
        assert os.stat(os.path.join(d.state, "run", "sagentd.sock")).st_mode & 0o7777 == 0o660
        with open(f"/proc/{d.pid}/limits", encoding="utf-8") as f:
            assert re.search(r"Max core file size +0 +0 ", f.read())


def test_the_service_manager_hears_of_a_loop_that_runs():
    _, secrets = watched("watchdog")
    address = PLACE.sub("watchdog.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(address)
        s.settimeout(10)
        os.environ.update(NOTIFY_SOCKET=address, WATCHDOG_USEC="400000")
        try:
            with Daemon(PLACE, secrets) as d:
                beats = 0
                while beats < 3:
                    beats += s.recv(4096) == b"WATCHDOG=1"
                # A stopped process gives no sign; one that goes on does.
                os.kill(d.pid, signal.SIGSTOP)
                os.waitid(os.P_PID, d.pid, os.WSTOPPED | os.WNOWAIT)
                s.settimeout(0)
                try:
                    while s.recv(4096):
                        pass
                except BlockingIOError:
                    pass
                s.settimeout(1)
                try:
                    assert not s.recv(4096), "a sign of life from a stopped process"
                except (socket.timeout, TimeoutError):
                    pass
                os.kill(d.pid, signal.SIGCONT)
                s.settimeout(10)
                assert s.recv(4096) == b"WATCHDOG=1"
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]


def test_the_unit_is_one_that_systemd_takes():
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        raise Skip("no systemd-analyze")
    with open(os.path.join(ROOT, "deploy", "systemd", "sagentd.service"), encoding="utf-8") as f:
        text = f.read().replace("@sbindir@", B)
    with tempfile.TemporaryDirectory(dir=PLACE.path) as folder:
        unit = os.path.join(folder, "sagentd.service")
        with open(unit, "w", encoding="utf-8") as f:
            f.write(text)
        result = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
        said = [line for line in result.stderr.splitlines() if "sagentd" in line]
        assert not said, said
    assert "Restart=always" in text and "WatchdogSec=" in text and "RestartSec=100ms" in text


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
