# SPDX-License-Identifier: Apache-2.0
"""What a tier does not stop, and why. Each entry is asserted: what is stopped in spite of it fails until it goes.

Keys are (tier, case of tests/evasion/cases.py). LIMITS: the trick gets the secret, and an event says so. UNTOLD: it
gets it and no event blames it. RACES: sometimes it is faster.
"""

import os

from cases import CASES

# These do not read: there is nothing to stop, or permissions stop it already.
READ_NOTHING = {
    "08-open-family-path-only": "a descriptor by O_PATH gives a name and no bytes",
    "11-transfer-readahead": "the bytes go to the page cache, not to the process",
    "25-exe-identity-secret": "the kernel refuses to run what is no program",
}
ROWS_READ_NOTHING = {15: "about counting", 22: "refused by permissions already"}

KERNEL = tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])


def named(*prefixes):
    found = [c.name for c in CASES if c.name.startswith(prefixes)]
    assert found, f"no case is called {prefixes}"
    return found


def of(tier, why, *prefixes):
    return {(tier, name): why for name in named(*prefixes)}


_COPY = "what a process that may have the secret writes is a copy of it, its core dump too"
_MAPPED = "pages that are mapped are read without asking the kernel: what was mapped when it was allowed stays readable"
_DEEP = "a directory further below the watched one than a path can say is not followed"

LIMITS = {
    **of("fanotify", "a fanotify group of a privileged process is handed the file that another process opens; the kernel "
         "asks nobody about that", "09-fd-passing-fanotify"),
    **of("fanotify", _MAPPED, "10-transfer-map-pages", "18-older-mapped"),
    **of("fanotify", "the kernel asks about files, not about the memory of processes that have read one",
         *[c.name for c in CASES if c.row == 13 and c.variant != "coredump"]),
}
if KERNEL >= (6, 14):
    LIMITS.update(of("fanotify", "the kernel asks only about descriptors that were opened after the file was marked",
                     "18-older-holder", "18-older-heir"))

UNTOLD = {
    **of("fanotify", _COPY, "13-memory-coredump"),
    **of("fanotify", _DEEP, "16-deep-path-beyond"),
}

RACES = of("fanotify", "a new file has no mark until the daemon has heard of it", "16-deep-path-created", "23-replace")
