# SPDX-License-Identifier: Apache-2.0
"""Each trick of the evasion suite that reads a secret, tried against a denied one.

First without a daemon: there it must get the secret, or the test proves nothing. Then under a tier: did it get it, and
does an event name the secret and the process? Meanwhile the allowed reader reads the same secret and must never fail.
"""

import os
import subprocess

import harness
from cases import CASES
from enforcing import HOLDER_GID, Enforcing, Reader, guarded, program
from harness import DEADLINE, Trick, one_line, run_trick, sha256
from limits import LIMITS, RACES, READ_NOTHING, ROWS_READ_NOTHING, UNTOLD

DENIED, ENDED, READ, CANNOT, BROKEN = "denied", "killed", "read", "cannot run", "broken"
COMPANION = "companion"  # the file of the allowed reader where the secret is a tree


class Result:
    """status: what became of the trick. is_told: an event names it."""

    def __init__(self, case, status, is_told=False, detail="", allowed=None):
        self.case, self.status, self.is_told, self.detail, self.allowed = case, status, is_told, detail, allowed

    @property
    def words(self):
        if self.status in (CANNOT, BROKEN):
            return self.status
        return f"{self.status}, {'reported' if self.is_told else 'not reported'}"


def chosen(words):
    return [c for c in CASES if c.row not in ROWS_READ_NOTHING and (not words or any(w in c.name for w in words))]


class Prepared:
    """A case with its files in place."""

    def __init__(self, place, case):
        self.place, self.case = place, case
        self.path, self.patterns, self.extra = case.prepare(place, case)
        self.file = self.path
        if os.path.isdir(self.path):
            self.file = place.file(case.name, "tree", COMPANION)
        self.environment = dict(os.environ, TRICK_HOLDER_GID=str(HOLDER_GID))
        self.process = None
        self.lines = None

    def secret(self):
        rule = {"name": "trick"}
        if "exe" in self.case.rules:
            rule["exe"] = [self.extra[0]]
        if "sha256" in self.case.rules:
            rule["sha256"] = [sha256(self.extra[0])]
        return guarded(self.place, self.case.name, *self.patterns, allow=[rule] if self.case.rules else [])

    def start_before(self):
        """The trick runs up to the point where it waits for the watch."""
        scratch = self.place.directory(self.case.name, "scratch")
        self.process = subprocess.Popen(
            harness.trick_command(self.case.program, self.case.variant, self.path, scratch, *self.extra),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment)
        self.lines = harness.reads_lines(self.process)
        assert self.lines.get(timeout=6 * DEADLINE) == "ready"

    def finish(self):
        try:
            self.process.stdin.write(b"\n")
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it was killed
        output = []
        while (line := self.lines.get(timeout=6 * DEADLINE)) is not None:
            output.append(line)
        return Trick(self.process.wait(6 * DEADLINE), "\n".join(output), self.process.pid)

    def run(self):
        if self.process:
            return self.finish()
        return run_trick(self.place, self.case.program, self.case.variant, self.path, *self.extra,
                         env=self.environment)


# ---------------------------------------------------------------- without a daemon


def run_free(place, case):
    """What the trick does where nothing stops it: None when it gets the secret, or a Result."""
    prepared = Prepared(place, case)
    if case.before:
        prepared.start_before()
    trick = prepared.run()
    if trick.cannot:
        return Result(case, CANNOT, detail=trick.cannot)
    if trick.code != 0:
        return Result(case, BROKEN, detail=f"fails without any enforcement: {one_line(trick.output)}")
    if case.name in READ_NOTHING:
        return Result(case, BROKEN, detail="listed as reading nothing, and got the secret") if trick.got else \
            Result(case, CANNOT, detail=f"reads nothing: {READ_NOTHING[case.name]}")
    if not trick.got:
        return Result(case, BROKEN, detail="does not say that it got the secret")
    return None


# ---------------------------------------------------------------- under a tier


def is_of(event, pid):
    process = event["data"]["process"]
    return process["pid"] == pid or any(a["pid"] == pid for a in process["ancestors"])


def denials(daemon, case, pid):
    return [e for e in daemon.accesses(secret=case.name) if e["data"]["verdict"]["action"] == "deny" and is_of(e, pid)]


def judge(daemon, tier, prepared, trick, allowed):
    case = prepared.case
    told = denials(daemon, case, trick.pid)
    carried_out = [e for e in told if e["data"]["verdict"]["enforced"] and e["data"]["verdict"]["tier"] == tier]
    detail = one_line(trick.output)[:300] + f" | events: {harness.summary(told, 4)}"
    if trick.got:
        return Result(case, READ, bool(told), detail, allowed)
    return Result(case, ENDED if tier == "kill" else DENIED, bool(carried_out), detail, allowed)


def run_beside_reader(prepared):
    """The trick, while the allowed reader reads the same file. Returns both outcomes."""
    reader = Reader(program(prepared.place, "allowed"), "pace", prepared.file)
    reader.wait_ready()
    try:
        trick = prepared.run()
    finally:
        allowed = reader.stop()
    return trick, allowed


def run_tier(place, tier, cases):
    prepared = [Prepared(place, case) for case in cases]
    for p in prepared:
        if p.case.before:
            p.start_before()
    daemon = Enforcing(place, tier, [p.secret() for p in prepared])
    try:
        outcomes = [(p, *run_beside_reader(p)) for p in prepared]
        daemon.barrier()
        daemon.events.wait(lambda _: all(denials(daemon, p.case, trick.pid) for p, trick, _ in outcomes), 3)
        daemon.barrier()
        results = {p.case.name: judge(daemon, tier, p, trick, allowed) for p, trick, allowed in outcomes}
        losses = daemon.losses()
        daemon.stop(seconds=10)
    finally:
        daemon.leave_nothing()
    return results, losses


# ---------------------------------------------------------------- what is said


def reason(tier, name):
    """Why a case is not always denied and told of; "" where it must be."""
    return next((limits[tier, name] for limits in (LIMITS, UNTOLD, RACES) if (tier, name) in limits), "")


def good(tier, result):
    """(whether it is as it must be, what to add to the line)."""
    if result.status == BROKEN:
        return False, ""
    key = (tier, result.case.name)
    a = result.allowed
    if a and (any(a[what] for what in ("denied", "cut", "killed", "other")) or not a["ok"] + a["absent"]):
        return False, f"the allowed reader was disturbed: {a}"
    if key in RACES:
        return result.is_told, f"a documented race: {RACES[key]}"
    for limits, is_told in ((LIMITS, True), (UNTOLD, False)):
        if key in limits:
            holds = result.status == READ and result.is_told == is_told
            return holds, f"{'a documented limit' if holds else 'a limit that is not as documented'}: {limits[key]}"
    return result.status in (DENIED, ENDED) and result.is_told, ""
