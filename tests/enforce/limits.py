# SPDX-License-Identifier: Apache-2.0
"""What a tier does not stop, and why. Each entry is asserted: what is stopped in spite of it fails until it goes.

Keys are (tier, case of tests/evasion/cases.py). LIMITS: the trick gets the secret, and an event blames it. UNTOLD: it gets
it and none does. RACES: sometimes it is faster.
"""

import os

import cases as evasion
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
_DEEP = "a directory further below the watched one than a path can say is not followed; the loss is told (parent-walk)"
_MEMORY = "the kernel asks about files, not about the memory of processes that have read one"
_BORN = ("what a process is born with is judged when it is born: under other credentials it reads on, and passes no hook of "
         "the backend tracepoint")
_NEW = "a new directory, or a file that comes with one, is not known before the daemon has heard of it"
_SEES_PAGES = KERNEL >= (6, 10)  # the kernel tells of pages that are read by whatever way
_MEMORY_CASES = [c.name for c in CASES if c.row == 13 and c.variant != "coredump"]

LIMITS = {
    **of("fanotify", "a fanotify group of a privileged process is handed the file that another process opens; the kernel "
         "asks nobody about that", "09-fd-passing-fanotify"),
    **of("fanotify", _MEMORY, *_MEMORY_CASES),
    **of("kill", "ps reads the environment of every process: nobody is killed for that", "13-memory-proc-environ"),
    **of("kill", "what was open before the daemon started is told of; it kills nobody", "18-older-holder"),
}
UNTOLD = {
    **of("kill", _BORN, "09-fd-passing-fork", "09-fd-passing-shared-after", "11-transfer-sendfile-inherited"),
}
for _tier in ("lsm", "fanotify", "kill"):
    UNTOLD.update(of(_tier, _COPY, "13-memory-coredump"))
    UNTOLD.update(of(_tier, _DEEP, "16-deep-path-beyond"))
for _tier in ("lsm", "fanotify"):
    (LIMITS if _SEES_PAGES else UNTOLD).update(of(_tier, _MAPPED, "10-transfer-map-pages", "18-older-mapped"))
if KERNEL >= (6, 14):
    LIMITS.update(of("fanotify", "the kernel asks only about descriptors that were opened after the file was marked",
                     "18-older-holder", "18-older-heir"))
if not _SEES_PAGES:
    # What the backend tracepoint does not see nobody is killed for.
    UNTOLD.update({("kill", name): why for (backend, name), why in evasion.LIMITS.items() if backend == "tracepoint"})

RACES = {
    **of("fanotify", "a new file has no mark until the daemon has heard of it", "16-deep-path-created", "23-replace",
         "04-mount-alias-known-mount-moved"),
    **of("kill", _NEW, *[f"23-replace-{variant}" for variant in (
        "data-swap", "new-directory", "directory-moved-in", "known-directory-moved-in", "known-tree-moved-in")]),
}
