# SPDX-License-Identifier: Apache-2.0
"""What was found, as a table: a row a trick, a column a kernel and a tier."""

from cases import CASES, ROWS
from limits import READ_NOTHING, ROWS_READ_NOTHING

HEAD = """<!-- Written by `tests/enforce/run --matrix docs/enforcement-matrix.md`, with --merge for each
     kernel that `tests/vm/run --all` ran in QEMU (build/vm/*.enforce.json); do not edit. -->
# What is stopped of each trick

Each trick is really done by a program of `tests/evasion` against a secret of its own that the policy denies to it, while
another program, which the policy allows, reads the same file and must not be disturbed. `denied`: it got no byte, and an
event that names secret and process says that it was denied. `killed`: the same, and the process ended by it. `read`: it
got the secret; the note says why, and `reported` whether an event blames it. `cannot run`: the kernel of this column
does not let the trick run."""

DONE = {"denied, reported": "denied", "killed, reported": "killed"}


class Notes:
    def __init__(self):
        self.all = []

    def cell(self, found):
        words, why = found
        words = DONE.get(words, words)
        if not why:
            return words
        if why not in self.all:
            self.all.append(why)
        return f"{words} [{self.all.index(why) + 1}]"


def text(columns, parts):
    """columns: list of (heading, {case or part: (words, why)}); parts: titles of what is no trick."""
    notes = Notes()
    lines = [HEAD, "", "| # | trick | " + " | ".join(heading for heading, _ in columns) + " |",
             "|---|---|" + "---|" * len(columns)]
    row = None
    for case in CASES:
        if case.row in ROWS_READ_NOTHING or case.name in READ_NOTHING:
            continue
        if case.row != row:
            row = case.row
            lines.append(f"| **{row}** | **{ROWS[row]}** |" + " |" * len(columns))
        cells = [notes.cell(found.get(case.name, ("not run", ""))) for _, found in columns]
        lines.append(f"| | {case.title} | " + " | ".join(cells) + " |")
    lines += [""] + [f"{number}. {note}" for number, note in enumerate(notes.all, 1)]
    lines += ["", "## Under load, and without the daemon", ""]
    for title in parts:
        lines.append(f"- **{title}**")
        lines += [f"  - {heading}: {found[title][0]}" for heading, found in columns if title in found]
    return "\n".join(lines) + "\n"


def summary(columns):
    """A line a column: how many tricks ended how."""
    names = {case.name for case in CASES}
    for heading, found in columns:
        tally = {}
        for name, (words, _) in found.items():
            if name in names:
                tally[words] = tally.get(words, 0) + 1
        yield f"{heading}: " + ", ".join(f"{count} {words}" for words, count in sorted(tally.items(), key=lambda i: -i[1]))
