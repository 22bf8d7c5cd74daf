#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every trick of cases.py against every backend and says what was seen.

usage: tests/evasion/run [--backend NAME]... [--matrix FILE] [--results FILE] [--merge FILE]... [WORD]...

Prints TAP: a trick that its backend must see and does not is a failure; a documented limit (cases.LIMITS) is not.
--matrix writes the table for docs/evasion-matrix.md; --results writes what was found as JSON, which --merge adds as
columns of the matrix (results of other kernels). A WORD selects cases by a part of their name.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

# pylint: disable=wrong-import-position
import harness
from cases import CASES, LIMITS, ROWS
from harness import Daemon, Place, Trick, one_line, run_trick, secret, sha256

BACKENDS = ("lsm", "fentry", "tracepoint")
SEEN, PART, LOST, UNSEEN, CANNOT, BROKEN = "seen", "in part", "lost, reported", "not seen", "cannot run", "broken"
CONFIG = {"identity.hash_wait_ms": 1000}


class Result:
    def __init__(self, case, status, detail="", seconds=0.0):
        self.case, self.status, self.detail, self.seconds = case, status, detail, seconds


# ---------------------------------------------------------------- one case


class Prepared:
    """A case with its files in place."""

    def __init__(self, place, case):
        self.case = case
        self.path, self.patterns, self.extra = case.prepare(place, case)
        self.trick = None
        self.process = None
        self.lines = None

    def secret(self):
        rules = []
        if self.case.rules:
            rule = {"name": "reader"}
            if "exe" in self.case.rules:
                rule["exe"] = [self.extra[0]]
            if "sha256" in self.case.rules:
                rule["sha256"] = [sha256(self.extra[0])]
            rules = [rule]
        return secret(self.case.name, *self.patterns, **({"allow": rules} if rules else {}))

    def run(self, place):
        self.trick = run_trick(place, self.case.program, self.case.variant, self.path, *self.extra)

    def start_before(self, place):
        """The trick runs up to the point where it waits for the watch."""
        scratch = place.directory(self.case.name, "scratch")
        self.process = subprocess.Popen(
            harness.trick_command(self.case.program, self.case.variant, self.path, scratch, *self.extra),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = harness.reads_lines(self.process)
        assert self.lines.get(timeout=20) == "ready"

    def finish(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.close()
        output = []
        while (line := self.lines.get(timeout=20)) is not None:
            output.append(line)
        self.trick = Trick(self.process.wait(20), "\n".join(output))


def want_text(access):
    kind = "|".join(sorted(access["kind"])) if access["kind"] else "any"
    via = "|".join(sorted(access["via"])) if access["via"] else "any"
    number = access["count"] if access["count"] is not None else f">={access['least']}"
    return f"pid {access['pid']} {kind}/{via} {number}"


def shortfalls(events, trick):
    """(what is missing or too much as text, how many accesses are missing, whether anything was there)."""
    wrong, missing, found = [], 0, 0
    for access in trick.accesses:
        want = {"pid": access["pid"], "result": 0}
        if access["kind"]:
            want["kind"] = access["kind"]
        if access["via"]:
            want["via"] = access["via"]
        got = harness.total_of(events, **want)
        found += got
        if (got != access["count"]) if access["count"] is not None else got < access["least"]:
            wrong.append(f"{want_text(access)}: got {got}")
            missing += max((access["count"] or access["least"]) - got, 0)
    for refused in trick.refused:
        got = harness.total_of(events, pid=refused["pid"], result=-refused["errno"])
        found += got
        if got != refused["count"]:
            wrong.append(f"pid {refused['pid']} refused with {refused['errno']} {refused['count']}: got {got}")
            missing += max(refused["count"] - got, 0)
    declared = [a for a in trick.accesses if a["kind"] is None or "open" in a["kind"]]
    if all(a["count"] is not None for a in declared) and not wrong:
        opens = harness.total_of(events, kind="open", result=0)
        if opens != sum(a["count"] for a in declared):
            wrong.append(f"{sum(a['count'] for a in declared)} opens in all: got {opens}")
    return wrong, missing, found


def judge(prepared, daemon, lost):
    """What became of one case, once everything is flushed. lost: what only this case can have lost, by place."""
    case, trick = prepared.case, prepared.trick
    if trick.cannot:
        return Result(case, CANNOT, trick.cannot)
    if trick.code != 0:
        return Result(case, BROKEN, one_line(trick.output))
    events = daemon.accesses(secret=case.name)
    wrong, missing, found = shortfalls(events, trick)
    if wrong:
        detail = "; ".join(wrong) + f" (events: {harness.summary(events, 6)})"
        accounted = sum(n for place, n in lost.items() if place in ("fd-gone", "uncounted", "parent-walk", "path-read"))
        if missing and accounted >= missing:
            return Result(case, LOST, detail + f"; losses: {lost}")
        return Result(case, PART if found else UNSEEN, detail)
    problem = case.check(events, trick) if case.check and events else None
    return Result(case, PART, problem) if problem else Result(case, SEEN, trick.did)


# ---------------------------------------------------------------- one backend


def run_shared(place, prepared, backend):
    """Most cases share one daemon; what belongs to which is told by the name of the secret."""
    for p in prepared:
        if p.case.before:
            p.start_before(place)
    with Daemon(place, [p.secret() for p in prepared], backend=backend, config=CONFIG) as daemon:
        for p in prepared:
            if p.case.before:
                p.finish()
            else:
                p.run(place)
        daemon.barrier()
        wait_for_all(daemon, prepared)
        results = [judge(p, daemon, {}) for p in prepared]
        losses = daemon.losses()
        daemon.stop()
    return results, losses


def wait_for_all(daemon, prepared):
    """Gives what is late (a hash, a flush) its time, but does not wait for what is never to come."""
    def settled(_):
        return all(p.trick.code != 0 or not shortfalls(daemon.accesses(secret=p.case.name), p.trick)[0]
                   for p in prepared)
    daemon.events.wait(settled, 1.5)
    daemon.barrier()


def run_alone(place, p, backend):
    config = dict(CONFIG, **p.case.own)
    stopped = config.pop("stopped", False)
    with Daemon(place, [p.secret()], backend=backend, config=config) as daemon:
        if stopped:
            os.kill(daemon.pid, signal.SIGSTOP)
        try:
            p.run(place)
        finally:
            if stopped:
                os.kill(daemon.pid, signal.SIGCONT)
        daemon.barrier()
        wait_for_all(daemon, [p])
        result = judge(p, daemon, daemon.losses())
        if stopped and result.status == SEEN and not daemon.losses():
            result = Result(p.case, BROKEN, "nothing was lost: the rings were large enough")
        daemon.stop()
    return result


def backend_reason(place, backend):
    """None when the backend starts here, or the sentence with which sagentd refuses it."""
    daemon = Daemon(place, [], backend=backend, expect_ready=False)
    line = daemon.wait_stderr(lambda text: "ready: " in text, 20)
    if line:
        daemon.stop(check=False)
        return None
    daemon.kill()
    return one_line(daemon.log()) or f"exit code {daemon.process.returncode} without a word"


def run_backend(backend, cases, report):
    place = Place()
    reason = backend_reason(place, backend)
    if reason:
        return {case.name: Result(case, CANNOT, reason) for case in cases}, reason
    results = {}
    prepared = [Prepared(place, case) for case in cases]
    shared = [p for p in prepared if p.case.own is None]
    if shared:
        found, losses = run_shared(place, shared, backend)
        report(f"# {backend}: lost: {losses or 'nothing'}")
        results.update((r.case.name, r) for r in found)
    for p in prepared:
        if p.case.own is not None:
            results[p.case.name] = run_alone(place, p, backend)
    place.remove()
    return results, None


# ---------------------------------------------------------------- what is said


def tap(number, backend, result):
    case = result.case
    limit = LIMITS.get((backend, case.name))
    title = f"{backend}: {case.row}. {case.title.replace('`', '')} [{case.program} {case.variant}]"
    if result.status == CANNOT:
        return True, [f"ok {number} - {title} # SKIP cannot run here: {one_line(result.detail)}"]
    if result.status in (SEEN,):
        lines = [f"ok {number} - {title}: seen"]
        if limit:
            lines.append(f"# seen although listed as a limit: {limit}")
        return True, lines
    if limit and result.status != BROKEN:
        return True, [f"ok {number} - {title}: {result.status}, a documented limit: {limit}",
                      f"#   {one_line(result.detail)}"]
    return False, [f"not ok {number} - {title}: {result.status}", f"#   {one_line(result.detail)}"]


def matrix(columns, cases):
    """columns: list of (heading, {case name: (status, limit or reason)})."""
    lines = ["<!-- Written by `tests/evasion/run --matrix docs/evasion-matrix.md`, with --merge for each",
             "     kernel that `tests/vm/run --all` ran in QEMU (build/vm/KERNEL.json); do not edit. -->",
             "# What is seen of each trick", "",
             "Each trick is really done by a program of `tests/evasion` against a secret of its own. `seen`: every",
             "access was counted exactly, with the right process. `lost, reported`: what was missed is in a loss",
             "event.",
             "`cannot run`: the kernel of this column does not let the trick or the backend run.", "",
             "| # | trick | " + " | ".join(heading for heading, _ in columns) + " |",
             "|---|---|" + "---|" * len(columns)]
    notes = []

    def cell(found):
        status, why = found
        if status == SEEN or not why:
            return status
        if why not in notes:
            notes.append(why)
        return f"{status} [{notes.index(why) + 1}]"

    row = None
    for case in cases:
        if case.row != row:
            row = case.row
            lines.append(f"| **{row}** | **{ROWS[row]}** |" + " |" * len(columns))
        cells = [cell(found.get(case.name, ("not run", ""))) for _, found in columns]
        lines.append(f"| | {case.title} | " + " | ".join(cells) + " |")
    lines += [""] + [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join(lines) + "\n"


def column(backend, results):
    found = {}
    for name, result in results.items():
        why = LIMITS.get((backend, name), "") if result.status != CANNOT else one_line(result.detail)
        found[name] = (result.status, why)
    return found


def arguments():
    parser = argparse.ArgumentParser(description="Runs every trick against every backend.")
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--matrix", metavar="FILE")
    parser.add_argument("--results", metavar="FILE")
    parser.add_argument("--merge", metavar="FILE", action="append", default=[])
    parser.add_argument("words", nargs="*", metavar="WORD")
    return parser.parse_args()


def main():
    options = arguments()
    sys.stdout.reconfigure(line_buffering=True)
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return 0
    cases = [c for c in CASES if not options.words or any(word in c.name for word in options.words)]
    number, failed, columns = 0, 0, []
    kernel = ".".join(os.uname().release.split(".")[:2])
    for backend in options.backend or BACKENDS:
        begin = time.monotonic()
        results, reason = run_backend(backend, cases, print)
        columns.append((f"{kernel} {backend}", column(backend, results)))
        if reason:
            number += 1
            print(f"ok {number} - {backend} # SKIP cannot run here: {reason}")
            continue
        for case in cases:
            number += 1
            good, lines = tap(number, backend, results[case.name])
            failed += not good
            print("\n".join(lines))
        tally = {}
        for result in results.values():
            tally[result.status] = tally.get(result.status, 0) + 1
        print(f"# {backend}: {tally} in {time.monotonic() - begin:.0f} s")
    print(f"1..{number}")
    if options.results:
        with open(options.results, "w", encoding="utf-8") as f:
            json.dump(columns, f, indent=1)
    for name in options.merge:
        with open(name, encoding="utf-8") as f:
            columns += [(heading, found) for heading, found in json.load(f)]
    if options.matrix:
        with open(options.matrix, "w", encoding="utf-8") as f:
            f.write(matrix(columns, cases))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
