# SPDX-License-Identifier: Apache-2.0
"""What the enforcement tests share: a daemon that carries denials out, its policies, and readers that count.

Every secret lies in the test's own folder, every reader is a copy of crowd.c in it.
"""

import json
import os
import shutil
import subprocess
import tempfile

import harness
from harness import B, DEADLINE, SAGENTD, Daemon, one_line, policy, secret  # policy: for those who import this

CROWD = os.path.join(B, "tests", "enforce", "crowd")
TIERS = ("lsm", "fanotify", "kill")
HOLDER_GID = 61181  # whoever has this group may have the secrets
# A machine that is busy with other things must not change a verdict: nothing is late here.
CONFIG = {"identity.hash_wait_ms": 1000, "enforcement.deadline_ms": 10000}


def program(place, name):
    """A copy of the reader, which is a program of its own."""
    path = place.sub("bin", name)
    if not os.path.exists(path):
        place.directory("bin")
        shutil.copy(CROWD, path)
    return path


def guarded(place, name, *paths, allow=(), **more):
    """A secret that the program "allowed" may have, and whoever has the group HOLDER_GID; nobody else."""
    rules = [{"name": "reader", "exe": [program(place, "allowed")]}, {"name": "holder", "gid": [HOLDER_GID]}]
    return secret(name, *paths, default="deny", allow=rules + list(allow), **more)


# ---------------------------------------------------------------- the daemon


class Enforcing(Daemon):
    """A daemon in one tier. The harness's marker is in a second policy, which only observes."""

    def __init__(self, place, tier, secrets, config=None, pins=None, **more):
        self.tier = tier
        self.pins = pins or f"/sys/fs/bpf/{os.path.basename(tempfile.mkdtemp(prefix='sagent-test-', dir=place.path))}"
        self.action = "kill" if tier == "kill" else "deny"
        settings = {"enforcement.tier": tier, **CONFIG, **(config or {})}
        if not os.environ.get("NO_PINS"):
            settings["enforcement.pin_dir"] = self.pins
        super().__init__(place, secrets, config=settings, **more)

    def write_policy(self, secrets, text=None):
        self.policy_path = os.path.join(self.state, "policies")
        os.makedirs(self.policy_path, exist_ok=True)
        put(os.path.join(self.policy_path, "enforce.yaml"),
            text or policy("enforce", list(secrets), mode="enforce", action=self.action, onError="deny"))
        put(os.path.join(self.policy_path, "marker.yaml"), policy("marker", [secret("marker", self.marker)]))

    def detach(self):
        """Takes back what outlives a daemon of tier lsm. For when none runs."""
        result = subprocess.run([SAGENTD, "--detach", "--set", f"enforcement.pin_dir={self.pins}"], check=False,
                                capture_output=True, text=True, timeout=DEADLINE, stdin=subprocess.DEVNULL)
        assert result.returncode == 0, f"sagentd --detach: exit {result.returncode}: {result.stderr}"

    def leave_nothing(self):
        """The end, whatever became of it: no pin stays."""
        self.kill()
        if self.tier == "lsm":
            self.detach()
        if os.path.isdir(self.pins):
            shutil.rmtree(self.pins)


def put(path, text):
    """Takes the place of what is there, at once."""
    with open(path + ".next", "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path + ".next", 0o600)
    os.rename(path + ".next", path)


def tier_support(tier):
    """None when `sagentd --probe` says that this host has the tier, or the reason that it gives."""
    result = subprocess.run([SAGENTD, "--probe", "--output", "json"], check=True, capture_output=True, text=True,
                            timeout=6 * DEADLINE, stdin=subprocess.DEVNULL)
    found = json.loads(result.stdout)["tiers"][tier]
    return None if found["works"] else found["reason"]


def refusal(place, tier):
    """None when a daemon starts in this tier and enforces, or the sentence with which it refuses."""
    daemon = Enforcing(place, tier, [guarded(place, "trial", place.file("trial"))], expect_ready=False)
    line = daemon.wait_stderr(lambda text: "ready: " in text, 6 * DEADLINE)
    code = daemon.process.poll()
    daemon.leave_nothing()
    if line:
        return None if f"tier={tier}" in line else f"starts in another tier: {line}"
    return one_line(daemon.log()) or f"exit code {code} without a word"


# ---------------------------------------------------------------- readers


class Reader:
    """One crowd program at work. stop() ends it and fills in what it counted."""

    def __init__(self, path, mode, file, seconds=None, gid=None):
        self.path = path
        command = [path, mode, file, "-" if seconds is None else str(seconds)] + ([str(gid)] if gid else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = harness.reads_lines(self.process)
        self.counted = {}

    @property
    def pid(self):
        return self.process.pid

    def wait_ready(self, seconds=6 * DEADLINE):
        assert self.lines.get(timeout=seconds) == "ready", f"{self.path} ended before it had read once"

    def finish(self, seconds=6 * DEADLINE):
        """Waits for its end, which comes by itself or by stop(); the counts by name."""
        last = None
        while (line := self.lines.get(timeout=seconds)) is not None:
            last = line
        code = self.process.wait(seconds)
        assert code == 0 and last, f"{self.path} ended with {code}: {last}"
        self.counted = {key: int(value) for key, value in (word.split("=") for word in last.split())}
        return self.counted

    def stop(self):
        self.process.stdin.close()
        return self.finish()
