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
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "evasion")]

# pylint: disable=wrong-import-position
import load
import restart
import tricks
from enforcing import TIERS, refusal, tier_support
from harness import SAGENTD, Place, one_line

PARTS = ("tricks", "crowd", "reload", "restart")
SECONDS, SECONDS_LONG, RELOADS = 10, 60, 100


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


def reason_of(error):
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})"


def run_tricks(tap, tier, words, free):
    """Results by case; `free` keeps what each case does without enforcement, which is tried once."""
    place = Place()
    cases = tricks.chosen(words)
    for case in cases:
        if case.name not in free:
            free[case.name] = tricks.run_free(Place(), case)
    try:
        results, losses = tricks.run_tier(place, tier, [c for c in cases if free[c.name] is None])
    except Exception as error:  # pylint: disable=broad-except
        tap.result(False, f"{tier}: the tricks", reason_of(error))
        return {}
    for case in cases:
        result = results.get(case.name) or free[case.name]
        title = f"{tier}: {case.row}. {case.title.replace('`', '')} [{case.program} {case.variant}]"
        if result.status == tricks.CANNOT:
            tap.skip(title, result.detail)
            continue
        is_good, why = tricks.good(tier, result)
        tap.result(is_good, f"{title}: {result.words}{', ' + why if why else ''}", one_line(result.detail))
    print(f"# {tier}: lost: {losses or 'nothing'}")
    place.remove()
    return results


def run_part(tap, title, function, *arguments):
    """One result: the function's words when it comes back, or why it did not."""
    begin = time.monotonic()
    try:
        words = function(*arguments)
    except Exception as error:  # pylint: disable=broad-except
        tap.result(False, title, reason_of(error))
        return
    tap.result(True, f"{title}: {words} ({time.monotonic() - begin:.0f} s)")


def run_parts(tap, tier, options, free):
    """Everything under one tier; the results of the tricks."""
    parts = options.part or PARTS
    results = run_tricks(tap, tier, options.words, free) if "tricks" in parts else {}
    if options.words:
        return results
    seconds = SECONDS_LONG if options.long else int(os.environ.get("ENFORCE_SECONDS", SECONDS))
    if "crowd" in parts:
        run_part(tap, f"{tier}: 50 readers at once", load.crowd, tier, seconds)
    if "reload" in parts:
        reloads = int(os.environ.get("ENFORCE_RELOADS", RELOADS))
        run_part(tap, f"{tier}: new policies under load", load.reload, tier, reloads)
    if "restart" in parts:
        run_part(tap, f"{tier}: the daemon is killed", restart.restart, tier)
    return results


def main():
    parser = argparse.ArgumentParser(description="Tries to get denied secrets, under every tier.")
    parser.add_argument("--tier", action="append", choices=TIERS)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("words", nargs="*", metavar="WORD")
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return 0
    if not os.access(SAGENTD, os.X_OK):
        print(f"Bail out! there is no {SAGENTD}: run make programs tests, or set B")
        return 1
    tap, free = Tap(), {}
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
        run_parts(tap, tier, options, free)
        print(f"# {tier}: {time.monotonic() - begin:.0f} s")
    print(f"1..{tap.number}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
