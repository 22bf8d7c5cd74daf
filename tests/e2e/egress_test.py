#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The egress guard: who has had a secret sends only where its list says.

Everything happens in a control group and on loopback listeners of the test's own.
"""

import atexit
import contextlib
import ctypes
import errno
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile

from harness import B, DEADLINE, Daemon, Place, Skip, reads_lines, run_tests, secret

PLACE = Place()
EGRESS = "secretsagent.egress.v1"
ACTOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "egress_actor.py")
URING = os.path.join(B, "tests", "e2e", "egress_uring")
HERE, THERE = "127.0.0.1", "127.0.0.2"


# ---------------------------------------------------------------- a control group, and who listens


def cgroup_root():
    with open("/proc/mounts", encoding="utf-8") as f:
        for line in f:
            fields = line.split()
            if fields[2] == "cgroup2":
                return fields[1]
    raise Skip("no cgroup2 mount")


@contextlib.contextmanager
def cgroup():
    """A control group of the test's own; its processes are the test's, and are gone when it ends."""
    path = tempfile.mkdtemp(prefix="sagent-egress-", dir=cgroup_root())
    atexit.register(lambda: os.path.isdir(path) and os.rmdir(path))
    try:
        yield path
    finally:
        os.rmdir(path)


def listener(address, kind=socket.SOCK_STREAM, port=0, protocol=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        server = socket.socket(family, kind, protocol)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind((address, port))
    except OSError as error:
        raise Skip(f"{address}: {error}") from error
    if kind == socket.SOCK_STREAM:
        server.listen(64)
    return server


class Listeners:
    """A port that somebody listens on at each of the addresses."""

    def __init__(self, *addresses, kind=socket.SOCK_STREAM, protocol=0):
        first = listener(addresses[0], kind, protocol=protocol)
        self.port = first.getsockname()[1]
        self.at = {addresses[0]: first}
        for address in addresses[1:]:
            self.at[address] = listener(address, kind, self.port, protocol)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.at.values():
            server.close()

    def received(self, address):
        """A datagram that came there, or None. On loopback it is there when the sender's call is over."""
        server = self.at[address]
        return server.recv(4096) if select.select([server], [], [], 0)[0] else None


class Actor:
    """A process that does what it is told (egress_actor.py), in a control group or, without one, in the test's."""

    def __init__(self, group=None, *descriptors):
        command = [sys.executable, ACTOR]
        if group:
            command = ["/bin/sh", "-c", f'echo $$ > "{group}/cgroup.procs"; exec "$@"', "sh", *command]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        pass_fds=descriptors)
        self.lines = reads_lines(self.process)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(DEADLINE)

    def do(self, what, **more):
        """The name of the errno that it got, "" for success, or what the command answers."""
        self.process.stdin.write(json.dumps({"do": what, **more}).encode() + b"\n")
        self.process.stdin.flush()
        line = self.lines.get(timeout=DEADLINE)
        assert line is not None, "the actor ended"
        return json.loads(line)

    def connect(self, address, port, **more):
        return self.do("connect", address=address, port=port, **more)

    def sendto(self, address, port, **more):
        return self.do("sendto", address=address, port=port, **more)


def guarded(name, path, *to, action="deny", **more):
    return secret(name, path, egress={"action": action, "to": list(to)}, **more)


@contextlib.contextmanager
def guard(*secrets, group=None, spec=None, **more):
    """A daemon that enforces, and the group that it guards."""
    with contextlib.ExitStack() as stack:
        group = group or stack.enter_context(cgroup())
        config = dict(more.pop("config", {}), **{"egress.cgroup": group})
        spec = dict({"mode": "enforce"}, **spec or {})
        d = stack.enter_context(Daemon(PLACE, secrets, spec=spec, config=config, **more))
        d.group = group
        yield d


def programs_of(group):
    """How many programs of ours are attached to a group, as bpf(2) says (BPF_PROG_QUERY)."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    fd = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
    total = 0
    try:
        for kind in (2, 10, 11, 14, 15):  # inet sock create, connect 4 and 6, sendmsg 4 and 6: linux/bpf.h
            attributes = ctypes.create_string_buffer(struct.pack("=IIIIQI", fd, kind, 0, 0, 0, 0), 64)
            if libc.syscall(number, 16, attributes, 64) < 0:
                raise OSError(ctypes.get_errno(), "BPF_PROG_QUERY")
            total += struct.unpack_from("=I", attributes, 24)[0]
    finally:
        os.close(fd)
    return total


def attempts(d, **want):
    """Counts of attempts by what the events have at these places: connection.*, secret, pid, action."""
    return [e["data"] for e in d.events.of(EGRESS) if all(value_of(e["data"], k) == v for k, v in want.items())]


def value_of(data, key):
    places = {"secret": ("secret", "name"), "pid": ("process", "pid"), "action": ("verdict", "action")}
    part, name = places.get(key, ("connection", key))
    return data[part][name]


def count(d, **want):
    return sum(data["connection"]["count"] for data in attempts(d, **want))


def wait_count(d, least, **want):
    d.events.wait(lambda _: count(d, **want) >= least)
    d.barrier()
    return count(d, **want)


# ---------------------------------------------------------------- what the guard is


def test_only_destinations_of_the_list_are_connected_to_once_the_secret_was_read():
    path = PLACE.file("plain", "secret")
    with Listeners(HERE, THERE) as at, guard(guarded("plain", path, f"{HERE}:{at.port}")) as d:
        with Actor(d.group) as actor, Actor() as outside:
            assert actor.connect(THERE, at.port) == "", "before it has had the secret"
            assert actor.do("read", path=path) == ""
            assert actor.connect(HERE, at.port) == ""
            assert actor.connect(THERE, at.port) == "EPERM"
            event = attempts(d, pid=actor.pid) or d.events.wait(lambda _: attempts(d, pid=actor.pid))
            assert len(event) == 1, event
            event = event[0]
            assert event["secret"]["name"] == "plain" and event["secret"]["class"] == "test", event["secret"]
            assert 0 <= event["secret"]["age_ms"] < 10000, event["secret"]
            connection = event["connection"]
            assert (connection["address"], connection["port"], connection["protocol"]) == (THERE, at.port, "tcp")
            assert (connection["result"], connection["error"], connection["count"]) == (-errno.EPERM, "EPERM", 1)
            assert event["verdict"] == {"action": "deny", "policy": "test", "enforced": True, "would_deny": False}
            assert event["process"]["exe"] == os.path.realpath(sys.executable), event["process"]["exe"]
            assert event["process"]["cgroup"].endswith(os.path.basename(d.group)), event["process"]["cgroup"]
            assert outside.do("read", path=path) == "" and outside.connect(THERE, at.port) == "", "outside the group"
        with Actor(d.group) as other:
            assert other.connect(THERE, at.port) == "", "without the secret"
        d.barrier()
        assert count(d) == 1, attempts(d)



def test_children_and_programs_executed_by_them_are_guarded_too():
    path = PLACE.file("lineage", "secret")
    with Listeners(HERE, THERE) as at, guard(guarded("lineage", path, HERE)) as d, Actor(d.group) as actor:
        assert actor.do("read", path=path) == ""
        command = {"do": "connect", "address": THERE, "port": at.port}
        child, result = actor.do("child", command=command)
        assert result == "EPERM"
        grandchild, result = actor.do("child", command={"do": "child", "command": command})[1]
        assert result == "EPERM" and wait_count(d, 1, pid=grandchild) == 1
        assert actor.do("exec") == "" and actor.connect(THERE, at.port) == "EPERM"
        assert actor.connect(HERE, at.port) == "", "any port of the address"
        assert wait_count(d, 1, pid=child) == 1 and wait_count(d, 1, pid=actor.pid) == 1
        ages = {data["process"]["pid"]: data["secret"]["age_ms"] for data in attempts(d)}
        assert ages[actor.pid] >= ages[child], "the age is that of the lineage"
        ancestors = [a["pid"] for a in attempts(d, pid=child)[0]["process"]["ancestors"]]
        assert ancestors[0] == actor.pid, ancestors


def test_what_a_child_reads_does_not_guard_its_parent():
    path = PLACE.file("below", "secret")
    with Listeners(THERE) as at, guard(guarded("below", path, HERE)) as d, Actor(d.group) as actor:
        assert actor.do("child", command={"do": "read", "path": path})[1] == ""
        assert actor.connect(THERE, at.port) == ""


def test_datagrams_are_asked_about_one_by_one_or_when_connected():
    path = PLACE.file("udp", "secret")
    with Listeners(HERE, THERE, kind=socket.SOCK_DGRAM) as at, \
            guard(guarded("udp", path, f"{HERE}:{at.port}")) as d, Actor(d.group) as actor:
        udp = {"type": socket.SOCK_DGRAM, "port": at.port}
        assert actor.do("sendto", address=THERE, **udp) == "" and at.received(THERE) == b"hello"
        assert actor.do("read", path=path) == ""
        for what in ("sendto", "sendmsg"):
            assert actor.do(what, address=HERE, **udp) == "" and at.received(HERE) == b"hello"
            assert actor.do(what, address=THERE, **udp) == "EPERM" and at.received(THERE) is None
        assert actor.do("connect", address=HERE, **udp) == "" and actor.do("connect", address=THERE, **udp) == "EPERM"
        assert actor.do("open", name="connected", address=HERE, **udp) == ""
        assert actor.do("connect", name="connected", address=HERE, **udp) == ""
        assert actor.do("sendto", name="connected", address=THERE, **udp) == "EPERM", "not where it is connected to"
        assert actor.do("send", name="connected") == "" and at.received(HERE) == b"hello"
        assert wait_count(d, 4, protocol="udp", address=THERE, port=at.port) == 4
        assert at.received(THERE) is None


def test_ipv6_and_ipv4_written_as_ipv6():
    path = PLACE.file("v6", "secret")
    with Listeners("::1") as at, Listeners(HERE, THERE) as v4, Listeners("::1", kind=socket.SOCK_DGRAM) as udp, \
            Listeners(HERE, THERE, kind=socket.SOCK_DGRAM) as udp4, \
            guard(guarded("v6", path, f"[::1]:{at.port}", f"{HERE}/32")) as d, Actor(d.group) as actor:
        assert actor.do("read", path=path) == ""
        assert actor.connect("::1", at.port) == ""
        assert actor.connect("::1", v4.port) == "EPERM", "another port"
        assert actor.do("sendto", address="::1", port=udp.port, type=socket.SOCK_DGRAM) == "EPERM"
        assert actor.connect(f"::ffff:{HERE}", v4.port) == ""
        assert actor.connect(f"::ffff:{THERE}", v4.port) == "EPERM"
        mapped = {"port": udp4.port, "type": socket.SOCK_DGRAM}
        assert actor.do("sendto", address=f"::ffff:{HERE}", **mapped) == "" and udp4.received(HERE) == b"hello"
        assert actor.do("sendto", address=f"::ffff:{THERE}", **mapped) == "EPERM" and udp4.received(THERE) is None
        assert wait_count(d, 1, address="::1", port=v4.port) == 1 and count(d, address="::1", port=udp.port) == 1
        assert count(d, address=THERE, port=v4.port) == 1 and count(d, address=THERE, port=udp4.port) == 1


def test_address_blocks_and_ports():
    path = PLACE.file("blocks", "secret")
    hosts = [HERE, THERE, "127.1.0.1", "127.1.2.3"]
    with Listeners(*hosts) as at, Listeners(*hosts) as other, \
            guard(guarded("blocks", path, f"127.1.0.0/16:{at.port}", "127.0.0.2/31")) as d, Actor(d.group) as actor:
        assert actor.do("read", path=path) == ""
        for host, port, answer in [(HERE, at.port, "EPERM"), (THERE, at.port, ""), (THERE, other.port, ""),
                                   ("127.1.0.1", at.port, ""), ("127.1.2.3", at.port, ""),
                                   ("127.1.2.3", other.port, "EPERM")]:
            assert actor.connect(host, port) == answer, (host, port)


def test_repeats_are_counted_and_no_attempt_is_lost():
    path = PLACE.file("repeats", "secret")
    with guard(guarded("repeats", path, HERE), config={"sensor.flush_interval_ms": 500}) as d:
        with Actor(d.group) as actor:
            assert actor.do("read", path=path) == ""
            for _ in range(300):
                assert actor.connect(THERE, 9) == "EPERM"
            assert wait_count(d, 300, pid=actor.pid) == 300
            events = len(attempts(d, pid=actor.pid))
            assert 1 < events < 30, events
            for _ in range(7):
                assert actor.connect(THERE, 9) == "EPERM"
        assert wait_count(d, 307, pid=actor.pid) == 307, "the rest at its end"
        first = attempts(d, pid=actor.pid)[0]["connection"]
        assert first["count"] == 1, "the first at once"


def test_an_alert_lets_it_pass():
    path = PLACE.file("alert", "secret")
    with Listeners(HERE, THERE) as at, guard(guarded("alert", path, HERE, action="alert")) as d:
        with Actor(d.group) as actor:
            assert actor.do("read", path=path) == ""
            assert actor.connect(THERE, at.port) == "" and actor.connect(HERE, at.port) == ""
            assert wait_count(d, 1, pid=actor.pid) == 1
            data = attempts(d, pid=actor.pid)[0]
            assert data["verdict"] == {"action": "alert", "policy": "test", "enforced": False, "would_deny": False}
            assert data["connection"]["result"] == 0 and data["connection"]["error"] is None


def test_a_policy_that_observes_says_what_it_would_deny():
    path = PLACE.file("would", "secret")
    with Listeners(THERE) as at, guard(guarded("would", path, HERE), spec={"mode": "observe"}) as d:
        with Actor(d.group) as actor:
            assert actor.do("read", path=path) == ""
            assert actor.connect(THERE, at.port) == ""
            assert wait_count(d, 1, pid=actor.pid) == 1
            verdict = attempts(d, pid=actor.pid)[0]["verdict"]
            assert verdict == {"action": "deny", "policy": "test", "enforced": False, "would_deny": True}


def test_each_secret_that_a_process_has_had_is_asked():
    one, two = PLACE.file("two", "one"), PLACE.file("two", "two")
    with Listeners(HERE, THERE, "127.0.0.3") as at, \
            guard(guarded("one", one, HERE, THERE), guarded("two", two, HERE, "127.0.0.3", action="alert")) as d, \
            Actor(d.group) as actor:
        assert actor.do("read", path=one) == "" and actor.connect(THERE, at.port) == ""
        assert actor.do("read", path=two) == ""
        assert actor.connect(HERE, at.port) == "", "in both lists"
        assert actor.connect(THERE, at.port) == "", "the second only alerts"
        assert actor.connect("127.0.0.3", at.port) == "EPERM", "not in the first"
        assert actor.connect("127.0.0.4", at.port) == "EPERM", "in neither"
        d.barrier()
        assert (count(d, secret="one"), count(d, secret="two")) == (2, 2), attempts(d)


def test_a_reload_changes_the_lists_at_once():
    path, later = PLACE.file("reload", "secret"), PLACE.file("reload", "later")
    with Listeners(HERE, THERE) as at, guard(guarded("reload", path, HERE), secret("later", later)) as d, \
            Actor(d.group) as actor, Actor(d.group) as second:
        assert actor.do("read", path=path) == "" and second.do("hold", path=later) == ""
        d.barrier()
        assert actor.connect(THERE, at.port) == "EPERM" and second.connect(THERE, at.port) == ""
        d.write_policy([guarded("reload", path, THERE), guarded("later", later, HERE)])
        d.reload()
        assert actor.connect(THERE, at.port) == "" and actor.connect(HERE, at.port) == "EPERM"
        assert second.connect(THERE, at.port) == "EPERM", "it had the secret before that had a list"
        d.write_policy([secret("reload", path), secret("later", later)])
        d.reload()
        assert actor.connect(HERE, at.port) == "" and second.connect(THERE, at.port) == "", "no list, no guard"
        d.write_policy([secret("later", later), guarded("reload", path, THERE)])
        d.reload()
        assert actor.connect(THERE, at.port) == "" and actor.connect(HERE, at.port) == "EPERM", "it is not forgotten"


def test_no_attempt_is_judged_wrongly_during_a_reload():
    path = PLACE.file("gap", "secret")
    others = [guarded(f"other-{i}", PLACE.sub("gap", str(i)), *addresses(i, 64)) for i in range(16)]
    with guard(*others, guarded("gap", path, HERE)) as d, Actor(d.group) as actor:
        assert actor.do("read", path=path) == ""
        assert actor.do("start", addresses=[THERE, HERE], port=9, type=socket.SOCK_DGRAM) == ""
        for i in range(30):
            d.write_policy([*others, guarded("gap", path, *addresses(i, 63), HERE)])
            d.reload()
        got = actor.do("stop")
        assert set(got[THERE]) == {"EPERM"} and set(got[HERE]) == {""}, got
        assert got[THERE]["EPERM"] > 1000, got
        assert wait_count(d, got[THERE]["EPERM"], pid=actor.pid) == got[THERE]["EPERM"]


def addresses(seed, many):
    """That nobody here uses (RFC 5737)."""
    return [f"198.51.100.{i}:{seed + 1}" for i in range(many)]


def test_who_has_the_secret_open_before_the_start_is_guarded():
    path = PLACE.file("held", "secret")
    with Listeners(THERE) as at, cgroup() as group, Actor(group) as actor:
        assert actor.do("hold", path=path) == ""
        with guard(guarded("held", path, HERE), group=group):
            assert actor.connect(THERE, at.port) == "EPERM"
        assert actor.connect(THERE, at.port) == "", "nothing is left behind"


@contextlib.contextmanager
def stopped(d):
    """The daemon knows nothing of what happens meanwhile: the kernel's programs are on their own."""
    os.kill(d.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(d.pid, signal.SIGCONT)


def test_a_secret_that_appears_guards_who_reads_it_at_once():
    directory = PLACE.directory("new")
    with Listeners(THERE) as at, guard(guarded("new", directory + "/**", HERE)) as d, Actor(d.group) as actor:
        with stopped(d):
            assert actor.do("read", path=PLACE.file("new", "secret")) == ""
            assert actor.connect(THERE, at.port) == "EPERM"
        assert wait_count(d, 1, pid=actor.pid) == 1


def test_a_secret_that_only_the_daemon_can_name_guards_when_it_has():
    directory = PLACE.directory("wild")
    with Listeners(THERE) as at, guard(guarded("wild", directory + "/*.key", HERE)) as d, Actor(d.group) as actor:
        with stopped(d):
            assert actor.do("read", path=PLACE.file("wild", "a.key")) == ""
        d.barrier()
        assert actor.connect(THERE, at.port) == "EPERM"


def test_who_looks_into_the_memory_of_a_guarded_process_is_guarded():
    path = PLACE.file("memory", "secret")
    with Listeners(THERE) as at, guard(guarded("memory", path, HERE)) as d, Actor(d.group) as actor, \
            Actor(d.group) as other:
        assert actor.do("read", path=path) == "" and other.connect(THERE, at.port) == ""
        assert other.do("read_memory", pid=actor.pid) == ""
        assert other.connect(THERE, at.port) == "EPERM"


def test_a_refused_open_guards_nobody():
    path = PLACE.file("refused", "secret")
    with Listeners(THERE) as at, guard(guarded("refused", path, HERE)) as d, Actor(d.group) as actor:
        assert actor.do("child", command={"do": "all", "commands": [
            {"do": "become_nobody"}, {"do": "read", "path": path},
            {"do": "connect", "address": THERE, "port": at.port}]})[1] == ["", "EACCES", ""]


# ---------------------------------------------------------------- ways round it


def test_a_fast_open_is_a_connect():
    path = PLACE.file("fastopen", "secret")
    with Listeners(HERE, THERE) as at, guard(guarded("fastopen", path, HERE)) as d, Actor(d.group) as actor:
        assert actor.do("read", path=path) == ""
        assert actor.sendto(HERE, at.port, flags=socket.MSG_FASTOPEN) in ("", "EINPROGRESS")
        assert actor.sendto(THERE, at.port, flags=socket.MSG_FASTOPEN) == "EPERM"


def test_multipath_tcp_is_tcp():
    path = PLACE.file("mptcp", "secret")
    with Listeners(HERE, THERE) as at, guard(guarded("mptcp", path, HERE)) as d, Actor(d.group) as actor:
        mptcp = {"port": at.port, "protocol": 262}
        if actor.do("connect", address=HERE, **mptcp) != "":
            raise Skip("no MPTCP here")
        assert actor.do("read", path=path) == ""
        assert actor.do("connect", address=HERE, **mptcp) == ""
        assert actor.do("connect", address=THERE, **mptcp) == "EPERM"
        assert actor.do("connect", address=f"::ffff:{THERE}", **mptcp) == "EPERM"


def test_sockets_whose_destinations_are_not_seen_are_not_made():
    path = PLACE.file("raw", "secret")
    with guard(guarded("raw", path, HERE), guarded("any", PLACE.file("raw", "any"), "0.0.0.0/0", "::/0")) as d, \
            Actor(d.group) as actor, Actor(d.group) as free:
        assert actor.do("read", path=path) == "" and free.do("read", path=PLACE.sub("raw", "any")) == ""
        for family, kind, protocol, name in [
                (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP, "raw"),
                (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6, "raw"),
                (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP, "icmp"),
                (socket.AF_INET, socket.SOCK_DGRAM, 136, "udplite")]:
            command = {"name": name, "family": family, "type": kind, "protocol": protocol}
            if free.do("open", **command) != "":
                continue  # the kernel has none, or not for us
            assert actor.do("open", **command) == "EPERM", command
            assert wait_count(d, 1, protocol=name, port=None) >= 1, attempts(d)
        assert count(d, protocol="raw", address="0.0.0.0") == 1 and count(d, protocol="raw", address="::") == 1


def test_an_address_without_a_family_is_one():
    """connect() by AF_UNSPEC only disconnects; a datagram's is taken for IPv4."""
    path = PLACE.file("unspec", "secret")
    with Listeners(HERE, THERE, kind=socket.SOCK_DGRAM) as at, guard(guarded("unspec", path, HERE)) as d:
        with Actor(d.group) as actor:
            assert actor.do("read", path=path) == ""
            for address, answer in ((HERE, ""), (THERE, "EPERM")):
                assert actor.do("send_unspec", address=address, port=at.port) == answer
            assert at.received(THERE) is None


def test_io_uring_connects_are_seen():
    path = PLACE.file("uring", "secret")
    with Listeners(HERE, THERE) as at, guard(guarded("uring", path, HERE)) as d, Actor(d.group) as actor:
        assert actor.do("read", path=path) == ""
        for way in ("inline", "worker", "poll"):
            for address, answer in ((HERE, ""), (THERE, "EPERM")):
                got = actor.do("run", command=[URING, way, address, str(at.port)])
                if got.startswith("cannot"):
                    raise Skip(got)
                assert got == answer, (way, address, got)


def test_what_the_limits_say_is_not_covered_is_not():
    """docs/limits.md; and that a socket which is only there already is."""
    path = PLACE.file("limits", "secret")
    foreign = socket.socket()
    with Listeners(THERE) as at, guard(guarded("limits", path, HERE)) as d, \
            Actor(d.group, foreign.fileno()) as actor, foreign:
        assert actor.do("open", name="there", address=THERE) == "" and actor.do("open", name="new", address=THERE) == ""
        assert actor.do("connect", name="there", address=THERE, port=at.port) == ""
        assert actor.do("read", path=path) == ""
        assert actor.do("connect", name="new", address=THERE, port=at.port) == "EPERM", "made before, connected after"
        assert actor.do("send", name="there") == "", "connected before"
        assert actor.do("adopt", name="foreign", fd=foreign.fileno()) == ""
        assert actor.do("connect", name="foreign", address=THERE, port=at.port) == "", "made outside the group"
        for family, kind in ((socket.AF_UNIX, socket.SOCK_STREAM), (socket.AF_NETLINK, socket.SOCK_RAW),
                             (socket.AF_PACKET, socket.SOCK_RAW)):
            assert actor.do("open", name="other", family=family, type=kind) == "", family
        d.barrier()
        assert count(d, pid=actor.pid) == 1, attempts(d)


# ---------------------------------------------------------------- the host


def test_a_policy_with_a_list_and_no_group_is_refused_or_says_so():
    path = PLACE.file("nogroup", "secret")
    d = Daemon(PLACE, [guarded("nogroup", path, HERE)], spec={"mode": "enforce"}, expect_ready=False)
    assert d.process.wait(DEADLINE) != 0
    d.drain()
    assert "policy.yaml:" in d.log() and "egress.cgroup" in d.log(), d.log()
    with Daemon(PLACE, [guarded("nogroup", path, HERE)], spec={"mode": "enforce", "onUnsupported": "observe"}) as d:
        assert d.wait_stderr(lambda line: "not guarded" in line and "nogroup" in line), d.log()


def test_a_group_that_is_none_is_refused():
    path = PLACE.file("notgroup", "secret")
    for group, text in ((PLACE.path, "cgroup v2"), (PLACE.sub("missing"), "No such file")):
        d = Daemon(PLACE, [guarded("notgroup", path, HERE)], spec={"mode": "enforce"}, expect_ready=False,
                   config={"egress.cgroup": group})
        assert d.process.wait(DEADLINE) != 0
        d.drain()
        assert text in d.log(), d.log()


def test_nothing_is_attached_while_no_policy_asks():
    path = PLACE.file("off", "secret")
    with guard(secret("off", path)) as d:
        assert programs_of(d.group) == 0
        d.write_policy([guarded("off", path, HERE)])
        d.reload()
        assert programs_of(d.group) == 5
        d.write_policy([secret("off", path)])
        d.reload()
        assert programs_of(d.group) == 0


def test_a_group_that_is_made_again_is_guarded_again():
    path = PLACE.file("again", "secret")
    with Listeners(THERE) as at, cgroup() as group, guard(guarded("again", path, HERE), group=group) as d:
        os.rmdir(group)
        assert d.wait_stderr(lambda line: "nothing is guarded" in line), d.log()
        os.mkdir(group)
        assert d.wait_stderr(lambda line: "made again" in line), d.log()
        with Actor(group) as actor:
            assert actor.do("read", path=path) == "" and actor.connect(THERE, at.port) == "EPERM"


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
