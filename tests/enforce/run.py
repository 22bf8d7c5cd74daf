#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tries to get denied secrets, under every tier that this host has.

usage: tests/enforce/run [--tier NAME]... [--part NAME]... [--long] [--matrix FILE] [--results FILE] [--merge FILE]...
                         [WORD]...

Prints TAP. Parts: tricks (each trick of tests/evasion that reads a secret), crowd (50 readers at once, ENFORCE_SECONDS
or 10 s; 60 s with --long), reload (100 policies under load), restart (the daemon is killed). A WORD selects tricks by a
part of their name. --matrix writes the table for docs/enforcement.md; --results writes what was found as JSON, which
--merge adds as columns (results of other kernels).
"""

import argparse
import json
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("PATIENCE", "4")  # hundreds of processes at once keep a daemon busy
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "evasion")]

# pylint: disable=wrong-import-position
import load
import matrix
import restart
import tricks
from enforcing import TIERS, refusal, tier_support
from harness import SAGENTD, Place, one_line

PART_TITLES = {
    "tricks": "the tricks",
    "strangers": "programs that nobody has seen before",
    "crowd": "50 readers at once",
    "reload": "new policies under load",
    "restart": "the daemon is killed",
}
PARTS = tuple(PART_TITLES)
SECONDS, SECONDS_LONG, RELOADS, STRANGERS = 10, 60, 100, 50


class Tap:
    def __init__(self):
        self.number, self.failed = 0, 0

    def result(self, is_good, title, detail=""):
        self.number += 1
        self.failed += not is_good
        print(f"{'ok' if is_good else 'not ok'} {self.number} - {title}")
        for line in [] if is_good else detail.splitlines():
            print(f"#   {line[:1000]}")

    def skip(self, title, reason):
        self.number += 1
        print(f"ok {self.number} - {title} # SKIP {one_line(reason)}")


class Column:
    """What was found under one tier: {case or part: (words, why)}."""

    def __init__(self, tier):
        self.heading = f"{'.'.join(os.uname().release.split('.')[:2])} {tier}"
        self.cells = {}

    def add(self, name, words, why=""):
        self.cells[name] = (words, why)


def reason_of(error):
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})"


def run_tricks(tap, tier, words, free, column):
    """`free` keeps what each case does without enforcement, which is tried once."""
    place = Place()
    cases = tricks.chosen(words)
    for case in cases:
        if case.name not in free:
            free[case.name] = tricks.run_free(Place(), case)
    try:
        results, losses = tricks.run_tier(place, tier, [c for c in cases if free[c.name] is None])
    except Exception as error:  # pylint: disable=broad-except
        tap.result(False, f"{tier}: the tricks", reason_of(error))
        return
    for case in cases:
        result = results.get(case.name) or free[case.name]
        title = f"{tier}: {case.row}. {case.title.replace('`', '')} [{case.program} {case.variant}]"
        if result.status == tricks.CANNOT:
            tap.skip(title, result.detail)
            column.add(case.name, tricks.CANNOT, one_line(result.detail))
            continue
        is_good, why = tricks.good(tier, result)
        column.add(case.name, result.words, tricks.reason(tier, case.name))
        tap.result(is_good, f"{title}: {result.words}{', ' + why if why else ''}", one_line(result.detail))
    print(f"# {tier}: lost: {losses or 'nothing'}")
    place.remove()


def run_part(tap, column, title, function, tier, *arguments):
    """One result: the function's words when it comes back, or why it did not."""
    begin = time.monotonic()
    try:
        words = function(tier, *arguments)
    except Exception as error:  # pylint: disable=broad-except
        tap.result(False, f"{tier}: {title}", reason_of(error))
        column.add(title, "failed")
        return
    tap.result(True, f"{tier}: {title}: {words} ({time.monotonic() - begin:.0f} s)")
    column.add(title, words)


def run_parts(tap, tier, options, free, column):
    """Everything under one tier."""
    parts = options.part or (("tricks",) if options.words else PARTS)
    if "tricks" in parts:
        run_tricks(tap, tier, options.words, free, column)
    seconds = SECONDS_LONG if options.long else int(os.environ.get("ENFORCE_SECONDS", SECONDS))
    if "strangers" in parts:
        run_part(tap, column, PART_TITLES["strangers"], load.strangers, tier, STRANGERS)
    if "crowd" in parts:
        run_part(tap, column, PART_TITLES["crowd"], load.crowd, tier, seconds)
    if "reload" in parts:
        reloads = int(os.environ.get("ENFORCE_RELOADS", RELOADS))
        run_part(tap, column, PART_TITLES["reload"], load.reload, tier, reloads)
    if "restart" in parts:
        run_part(tap, column, PART_TITLES["restart"], restart.restart, tier)


def write(columns, options):
    if options.results:
        with open(options.results, "w", encoding="utf-8") as f:
            json.dump(columns, f, indent=1)
    for name in options.merge:
        with open(name, encoding="utf-8") as f:
            columns += [(heading, found) for heading, found in json.load(f)]
    text = matrix.text(columns, [title for part, title in PART_TITLES.items() if part != "tricks"])
    if options.matrix:
        with open(options.matrix, "w", encoding="utf-8") as f:
            f.write(text)
    print("\n".join("# " + line for line in matrix.summary(columns)))


def main():
    parser = argparse.ArgumentParser(description="Tries to get denied secrets, under every tier.")
    parser.add_argument("--tier", action="append", choices=TIERS)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--matrix", metavar="FILE")
    parser.add_argument("--results", metavar="FILE")
    parser.add_argument("--merge", metavar="FILE", action="append", default=[])
    parser.add_argument("words", nargs="*", metavar="WORD")
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return 0
    if not os.access(SAGENTD, os.X_OK):
        print(f"Bail out! there is no {SAGENTD}: run make programs tests, or set B")
        return 1
    tap, free, columns = Tap(), {}, []
    for tier in options.tier or TIERS:
        begin = time.monotonic()
        place = Place()
        unsupported, refused = tier_support(tier), refusal(place, tier)
        place.remove()
        if unsupported and refused:
            tap.skip(tier, f"cannot be had here: {unsupported}")
            continue
        tap.result(not unsupported and not refused, f"{tier}: starts where --probe says that it works, and only there",
                   f"--probe: {unsupported or 'it works'}\nthe daemon: {refused or 'starts'}")
        if refused:
            continue
        column = Column(tier)
        run_parts(tap, tier, options, free, column)
        columns.append((column.heading, column.cells))
        print(f"# {tier}: {time.monotonic() - begin:.0f} s")
    print(f"1..{tap.number}")
    write(columns, options)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
