# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end and the evasion tests share: a sagentd of their own, its events, a place for secrets, TAP.

Nothing here sleeps: whoever waits, waits for an event, a line or the end of a process, with a deadline. Everything
lives in one temporary folder per test program and is gone afterwards. Needs root, and what `make programs tests` built
in $B (default: build).
"""

import atexit
import hashlib
import json
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.path.abspath(os.environ.get("B") or os.environ.get("O") or os.path.join(ROOT, "build"))
SAGENTD = os.environ.get("SAGENTD", os.path.join(B, "sagentd"))
SAGENT = os.environ.get("SAGENT", os.path.join(B, "sagent"))
TRICKS = os.path.join(B, "tests", "evasion")
SCHEMAS = os.path.join(ROOT, "schemas", "events")

ACCESS = "secretsagent.secret.access.v1"
LOSS = "secretsagent.sensor.loss.v1"
STARTED = "secretsagent.sensor.started.v1"
STOPPED = "secretsagent.sensor.stopped.v1"
LOADED = "secretsagent.policy.loaded.v1"
REFUSED = "secretsagent.policy.refused.v1"
GAP = "secretsagent.agent.gap.v1"
TAMPER = "secretsagent.agent.tamper.v1"

NOBODY = 65534
PATIENCE = float(os.environ.get("PATIENCE", "1"))  # how much slower than a real one this machine is
DEADLINE = 10.0 * PATIENCE  # seconds that anything may take before it counts as not happening
FLUSH_MS = 100


class Skip(Exception):
    """This system cannot run the test; the text says why."""


# ---------------------------------------------------------------- a place for everything


class Place:
    """A folder under TMPDIR that others may pass through (refused opens need that) and that is removed at the end."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="sagent-test-")
        os.chmod(self.path, 0o755)
        atexit.register(self.remove)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def sub(self, *names):
        return os.path.join(self.path, *names)

    def directory(self, *names, mode=0o755):
        path = self.sub(*names)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        return path

    def file(self, *names, text="a secret\n", mode=0o600):
        path = self.sub(*names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(
            f.read()).hexdigest()


def kernel_dev(path_or_stat):
    st = os.stat(path_or_stat) if isinstance(path_or_stat, (str, bytes)) else path_or_stat
    return f"{os.major(st.st_dev)}:{os.minor(st.st_dev)}"


def boot_start(pid):
    """Start of a process in clock ticks since boot."""
    with open(f"/proc/{pid}/stat", "rb") as f:
        return int(f.read().rsplit(b")", 1)[1].split()[19])


# ---------------------------------------------------------------- policies


def secret(name, *paths, **more):
    """One entry of spec.secrets; keywords: class_, default, allow, deny, exclude."""
    entry = {"name": name, "class": more.pop("class_", "test"), "paths": list(paths), "default": "alert"}
    entry.update(more)
    return entry


def policy(name, secrets, **spec):
    """A policy as JSON, which YAML can read."""
    return json.dumps({"apiVersion": "secretsagent.io/v1", "kind": "SecretPolicy", "metadata": {"name": name},
                       "spec": dict({"mode": "observe", "secrets": secrets}, **spec)}, indent=1)


# ---------------------------------------------------------------- lines of a stream


class Lines:
    """Reads a stream in a thread and hands its lines to a function; knows when the stream has ended."""

    def __init__(self, stream, take):
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(stream, take), daemon=True)
        self.thread.start()

    def _run(self, stream, take):
        try:
            for line in stream:
                take(line)
        except (OSError, ValueError):
            pass
        finally:
            self.ended.set()


class Events:
    """Events as they come; every wait has a deadline and looks at all events so far."""

    def __init__(self):
        self.all = []
        self.bad_lines = []
        self.changed = threading.Condition()

    def take(self, line):
        try:
            event = json.loads(line.decode("utf-8"))
        except (UnicodeDecodeError, ValueError):
            with self.changed:
                self.bad_lines.append(line)
            return
        event["arrived"] = time.monotonic()
        with self.changed:
            self.all.append(event)
            self.changed.notify_all()

    def wait(self, ready, seconds=DEADLINE):
        """Waits until ready(list of events) is true; returns what it gave last."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                seen = len(self.all)
                answer = ready(self.all)
                left = deadline - time.monotonic()
                if answer or left <= 0:
                    return answer
                self.changed.wait_for(lambda: len(self.all) > seen, left)  # pylint: disable=cell-var-from-loop
                # A burst is looked at once, not event by event.
                self.changed.wait_for(lambda: len(self.all) > seen + 500, min(left, 0.02))  # pylint: disable=W0640

    def of(self, type_):
        with self.changed:
            return [e for e in self.all if e["type"] == type_]

    def accesses(self, **want):
        with self.changed:
            return [e for e in self.all if matches(e, want)]

    def total(self, **want):
        return sum(e["data"]["access"]["count"] for e in self.accesses(**want))


def matches(event, want):
    """want: keys of FIELDS; a value may be a set of those that will do."""
    if event["type"] != ACCESS:
        return False
    data = event["data"]
    for key, value in want.items():
        part, name = FIELDS[key]
        have = data[part][name]
        if have not in value if isinstance(value, (set, frozenset, list, tuple)) else have != value:
            return False
    return True


FIELDS = {
    "secret": ("secret", "name"), "path": ("secret", "path"), "ino": ("secret", "ino"), "kind": ("access", "kind"),
    "via": ("access", "via"), "mode": ("access", "mode"), "result": ("access", "result"), "pid": ("process", "pid"),
    "uid": ("process", "uid"), "action": ("verdict", "action"), "rule": ("verdict", "rule"),
}


# ---------------------------------------------------------------- the daemon


class Daemon:
    """One sagentd with its own state, policy and output.

    output: "pipe" (events through stdout), a path (--output-file), or None (--output none). spec: keys of the
    policy's spec other than secrets. A secret called
    "marker" is always watched beside those of the test: barrier() uses it.
    """

    def __init__(self, place, secrets=(), text=None, config=None, output="pipe", extra=(), prefix=(), backend=None,
                 state=None, expect_ready=True, cwd=None, stdout=None, spec=None):
        self.place = place
        self.spec = spec or {}
        self.state = state or tempfile.mkdtemp(prefix="state-", dir=place.path)
        self.marker = os.path.join(self.state, "marker")
        self.policy_path = os.path.join(self.state, "policy.yaml")
        self.events = Events()
        self.stderr = []
        self.stderr_changed = threading.Condition()
        self.marks = 0
        self.ready = None
        with open(self.marker, "w", encoding="utf-8") as f:
            f.write("marker\n")
        self.write_policy(secrets, text)
        self.command = list(prefix) + self._command(config, output, backend, extra)
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=cwd,
            stdout=subprocess.PIPE if output == "pipe" else stdout or subprocess.DEVNULL, start_new_session=True)
        atexit.register(self.kill)
        self.stderr_lines = Lines(self.process.stderr, self._take_stderr)
        self.stdout_lines = Lines(self.process.stdout, self.events.take) if output == "pipe" else None
        if expect_ready:
            self.wait_ready()

    def _command(self, config, output, backend, extra):
        settings = {"run_dir": os.path.join(self.state, "run"), "sensor.flush_interval_ms": FLUSH_MS,
                    "store.commit_interval_ms": 50, "output.buffer_kib": 65536, "enforcement.pin_dir": ""}
        settings.update(config or {})
        command = [SAGENTD, "--policy", self.policy_path, "--state-dir", self.state]
        command += ["--output", "json" if output else "none"]
        if output and output != "pipe":
            command += ["--output-file", output]
        if backend or os.environ.get("BACKEND"):
            command += ["--backend", backend or os.environ["BACKEND"]]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        return command + list(extra)

    def write_policy(self, secrets, text=None):
        """Puts a new policy file in place at once; the daemon does not know until reload()."""
        if text is None:
            text = policy("test", list(secrets) + [secret("marker", self.marker)], **self.spec)
        temporary = self.policy_path + ".next"
        with open(temporary, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(temporary, 0o600)
        os.rename(temporary, self.policy_path)

    # -------- stderr

    def _take_stderr(self, line):
        with self.stderr_changed:
            self.stderr.append(line.decode("utf-8", "replace").rstrip("\n"))
            self.stderr_changed.notify_all()

    def wait_stderr(self, ready, seconds=DEADLINE, start=0):
        """The first line from number `start` on for which ready(line) is true, or None."""
        deadline = time.monotonic() + seconds
        with self.stderr_changed:
            while True:
                for line in self.stderr[start:]:
                    if ready(line):
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or self.stderr_lines.ended.is_set():
                    return None
                self.stderr_changed.wait(min(left, 0.2))

    def log(self):
        with self.stderr_changed:
            return "\n".join(self.stderr)

    def wait_ready(self, seconds=20):
        line = self.wait_stderr(lambda text: "ready: " in text, seconds * PATIENCE)
        if not line:
            self.kill()
            raise AssertionError(f"sagentd did not get ready (exit {self.process.poll()}):\n{self.log()}")
        self.ready_after = time.monotonic() - self.started_at
        words = line[line.index("ready: ") + 7:].split()
        self.ready = dict(word.split("=", 1) for word in words if "=" in word)

    # -------- signals and ends

    @property
    def pid(self):
        return self.process.pid

    def reload(self):
        """SIGHUP, then waits for the event that says what came of it; returns that event."""
        before = len(self.events.all)
        os.kill(self.pid, signal.SIGHUP)
        found = self.events.wait(lambda all_: [e for e in all_[before:] if e["type"] in (LOADED, REFUSED)])
        assert found, "no policy event after SIGHUP:\n" + self.log()
        return found[0]

    def stop(self, seconds=2.0, check=True):
        """SIGTERM; exit 0 within two seconds, everything flushed, every event as its schema says."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("sagentd did not end after SIGTERM:\n" + self.log())
        took = time.monotonic() - begin
        self.drain()
        if check:
            assert code == 0, f"exit code {code} after SIGTERM:\n{self.log()}"
            assert took <= seconds * PATIENCE, f"took {took:.2f} s to end after SIGTERM"
            self.validate()
        return code

    def drain(self):
        for lines in (self.stdout_lines, self.stderr_lines):
            if lines:
                lines.ended.wait(DEADLINE)

    def kill(self):
        """kill -9; for the end of a test that failed, and for tests about just that."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.drain()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            if kind is None:
                self.stop()
            else:
                self.kill()
        if kind is not None and kind is not Skip and self.log():
            value.args = (f"{value}\n-- sagentd said --\n{self.log()[-3000:]}",) + value.args[1:]

    # -------- events

    def barrier(self, rounds=2):
        """Returns when everything done before the call has been flushed: two accesses of our own went the same way."""
        for _ in range(rounds):
            os.close(os.open(self.marker, os.O_RDONLY | os.O_CLOEXEC))
            self.marks += 1
            got = self.events.wait(lambda _: total_of(self.events.all, secret="marker") >= self.marks)
            assert got, f"the marker's access was not flushed within {DEADLINE:.0f} s:\n{self.log()}"

    def total(self, **want):
        return self.events.total(**want)

    def accesses(self, **want):
        return self.events.accesses(**want)

    def wait_total(self, count, seconds=DEADLINE, **want):
        """Waits until at least `count` accesses are counted, then for everything behind them; returns the total."""
        self.events.wait(lambda all_: total_of(all_, **want) >= count, seconds)
        self.barrier()
        return self.total(**want)

    def first(self, seconds=DEADLINE, **want):
        found = self.events.wait(lambda all_: [e for e in all_ if matches(e, want)], seconds)
        assert found, f"no access event with {want}; got {summary(self.events.all)}"
        return found[0]

    def losses(self):
        """Newly lost, by place."""
        result = {}
        for event in self.events.of(LOSS):
            place = event["data"]["place"]
            result[place] = result.get(place, 0) + event["data"]["count"]
        return result

    def validate(self, most=400):
        assert not self.events.bad_lines, f"not JSON: {self.events.bad_lines[0]!r}"
        for event in self.events.all[:most] + self.events.all[most:][-50:]:
            validate(event)

    # -------- sagent

    def sagent(self, *arguments, code=0, timeout=DEADLINE):
        result = subprocess.run([SAGENT, *arguments, "--socket", os.path.join(self.state, "run", "sagentd.sock")],
                                capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False)
        if code is not None:
            assert result.returncode == code, \
                f"sagent {' '.join(arguments)}: exit {result.returncode}, expected {code}: {result.stderr}"
        return result

    def sagent_json(self, *arguments):
        return json.loads(self.sagent(*arguments, "--json").stdout)


def total_of(events, **want):
    return sum(e["data"]["access"]["count"] for e in events if matches(e, want))


def summary(events, most=12):
    """Access events in a few words each, for messages."""
    rows = []
    for e in events:
        if e["type"] == ACCESS and e["data"]["secret"]["name"] != "marker":
            d = e["data"]
            rows.append(f"{d['secret']['name']} pid={d['process']['pid']} {d['access']['kind']}/{d['access']['via']}"
                        f" result={d['access']['result']} count={d['access']['count']}")
        elif e["type"] == LOSS:
            rows.append(f"loss {e['data']['place']} {e['data']['count']}")
    return rows[-most:] or "nothing"


# ---------------------------------------------------------------- schemas

_validators = {}


def validate(event):
    """Raises when the event is not what the schema of its type says. Without python3-jsonschema nothing is checked."""
    try:
        import jsonschema
    except ImportError:
        return
    type_ = event["type"]
    if type_ not in _validators:
        with open(os.path.join(SCHEMAS, type_ + ".schema.json"), encoding="utf-8") as f:
            schema = json.load(f)
        cls = jsonschema.validators.validator_for(schema)
        _validators[type_] = cls(schema, format_checker=jsonschema.FormatChecker())
    plain = {k: v for k, v in event.items() if k != "arrived"}
    error = next(iter(_validators[type_].iter_errors(plain)), None)
    assert error is None, f"{type_} is not as its schema says: {'/'.join(map(str, error.path))}: {error.message[:300]}"


# ---------------------------------------------------------------- tricks


class Trick:
    """What a trick program said it did."""

    def __init__(self, code, output, pid=None):
        self.code = code
        self.output = output
        self.pid = pid
        self.did = ""
        self.got = []  # processes that had the secret
        self.accesses = []  # dicts: pid, kind (set or None), via (set or None), count, least
        self.refused = []
        self.notes = {}
        for line in output.splitlines():
            if line.startswith("did: "):
                self.did = line[5:]
            elif line.startswith("access "):
                self.accesses.append(self._access(line))
            elif line.startswith("got pid="):
                self.got.append(int(line[8:]))
            elif line.startswith("refused "):
                self.refused.append({k: int(v) for k, v in (word.split("=") for word in line.split()[1:])})
            elif line.startswith("note: "):
                key, _, value = line[6:].partition("=")
                self.notes[key] = value

    @staticmethod
    def _access(line):
        words = dict(word.split("=", 1) for word in line.split()[1:])
        return {"pid": int(words["pid"]), "kind": None if words["kind"] == "*" else set(words["kind"].split("|")),
                "via": None if words["via"] == "*" else set(words["via"].split("|")),
                "count": int(words["count"]) if "count" in words else None, "least": int(words.get("least", 0))}

    @property
    def cannot(self):
        """Why it cannot run here, or None."""
        if self.code != 77:
            return None
        lines = [line for line in self.output.splitlines() if line.startswith("cannot run here: ")]
        return lines[0][17:] if lines else "no reason given"

    def check(self):
        if self.cannot:
            raise Skip(self.cannot)
        assert self.code == 0, f"the trick failed (exit {self.code}): {self.output.strip()}"
        return self


def trick_command(program, variant, path, scratch, *extra):
    return [os.path.join(TRICKS, program), variant, path, scratch, *map(str, extra)]


def run_trick(place, program, variant, path, *extra, prefix=(), timeout=40, env=None):
    scratch = tempfile.mkdtemp(prefix="scratch-", dir=place.path)
    with tempfile.TemporaryFile(dir=place.path) as output:
        process = subprocess.Popen(list(prefix) + trick_command(program, variant, path, scratch, *extra),
                                   stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   start_new_session=True, env=env)
        is_late = not wait_group(process, timeout * PATIENCE)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return Trick(process.returncode, text + ("\nfailed: took too long" if is_late else ""), process.pid)


def wait_group(process, timeout):
    """Waits for a process that leads a group, then ends what is left of the group; false when it took too long."""
    pidfd = os.pidfd_open(process.pid)
    try:
        ended = select.select([pidfd], [], [], timeout)[0]
    finally:
        os.close(pidfd)
    os.killpg(process.pid, signal.SIGKILL)  # it is not reaped yet: the number is still its own
    process.wait()
    return bool(ended)


# ---------------------------------------------------------------- TAP


def run_tests(namespace):
    """Runs every test_* function of a module in the order written and prints TAP; a name in argv selects."""
    chosen = sys.argv[1:]
    tests = [(name, f) for name, f in namespace.items() if name.startswith("test_") and callable(f)]
    if chosen:
        tests = [(name, f) for name, f in tests if any(word in name for word in chosen)]
    sys.stdout.reconfigure(line_buffering=True)
    if not os.access(SAGENTD, os.X_OK):
        print(f"Bail out! there is no {SAGENTD}: run make programs tests, or set B")
        return 1
    print(f"1..{len(tests)}")
    if os.geteuid() != 0:
        for number, (name, _) in enumerate(tests, 1):
            print(f"ok {number} - {words(name)} # SKIP needs root")
        return 0
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        failed += not run_one(number, words(name), function)
    return 1 if failed else 0


def words(name):
    return name.removeprefix("test_").replace("_", " ")


def run_one(number, name, function):
    begin = time.monotonic()
    try:
        function()
    except Skip as reason:
        print(f"ok {number} - {name} # SKIP {one_line(reason)}")
        return True
    except Exception as error:  # pylint: disable=broad-except
        print(f"not ok {number} - {name}")
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})"
        for line in text.splitlines():
            print(f"#   {line[:1000]}")
        return False
    print(f"ok {number} - {name} ({time.monotonic() - begin:.1f} s)")
    return True


def one_line(text):
    return " ".join(str(text).split())


def reads_lines(process):
    """A queue of the lines of a process's stdout; None at its end."""
    lines = queue.Queue()

    def run():
        for line in process.stdout:
            lines.put(line.decode("utf-8", "replace").rstrip("\n"))
        lines.put(None)

    threading.Thread(target=run, daemon=True).start()
    return lines
