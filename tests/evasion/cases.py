# SPDX-License-Identifier: Apache-2.0
"""The tricks, one entry a variant: what to prepare, what to run, what else must hold.

A case is run against a secret of its own. It is seen when every access that the trick program declares (trick.h) was
counted: by process, kind, way and number, and no open was counted that it did not make.
"""

import os
import shutil

from harness import TRICKS, sha256

DEPTH_EXISTING, DEPTH_CREATED, DEPTH_VERY = 30, 30, 100


class Case:
    """One variant of one trick.

    prepare(place, case) makes the files and returns (secret path given to the trick, patterns, extra arguments);
    rules are the secret's allow rules; check(events, trick) returns what is wrong beside the counts, or None.
    own: needs a daemon of its own. before: the trick starts before the daemon.
    """

    def __init__(self, row, program, variant, title, prepare=None, rules=(), check=None, own=None, before=False,
                 mode=0o600):
        self.row, self.program, self.variant, self.title = row, program, variant, title
        self.prepare = prepare or plain
        self.rules, self.check, self.own, self.before, self.mode = rules, check, own, before, mode
        self.name = f"{row:02}-{program.replace('_', '-')}-{variant}"


# ---------------------------------------------------------------- what to prepare


def plain(place, case):
    path = place.file(case.name, "s", "secret", mode=case.mode)
    return path, [path], []


def with_extra(*extra):
    def prepare(place, case):
        path, patterns, _ = plain(place, case)
        return path, patterns, list(extra)
    return prepare


def older_link(place, case):
    path, patterns, _ = plain(place, case)
    link = place.sub(case.name, "link")
    os.link(path, link)
    return path, patterns, [link]


def tree(*extra):
    def prepare(place, case):
        path = place.directory(case.name, "tree")
        return path, [os.path.join(path, "**")], list(extra)
    return prepare


def deep_tree(place, case):
    path, patterns, extra = tree(DEPTH_EXISTING)(place, case)
    place.file(case.name, "tree", *["d"] * DEPTH_EXISTING, "leaf")
    return path, patterns, extra


def absent(place, case):
    path = os.path.join(place.directory(case.name, "s"), "secret")
    return path, [path], []


def no_directory(place, case):
    place.directory(case.name)
    path = place.sub(case.name, "s", "secret")
    return path, [path], []


def no_tree(place, case):
    place.directory(case.name)
    path = place.sub(case.name, "s", "inner", "secret")
    return path, [path], []


def projected(place, case):
    place.file(case.name, "s", "..1", "token", mode=0o644)
    os.symlink("..1", place.sub(case.name, "s", "..data"))
    path = place.sub(case.name, "s", "token")
    os.symlink("..data/token", path)
    return path, [path], []


def program_secret(place, case):
    path = place.sub(place.directory(case.name, "s"), "secret")
    shutil.copy("/bin/true", path)
    os.chmod(path, 0o755)
    return path, [path], []


def allowed_program(source):
    """EXTRA is the program that the policy allows; see rules_for."""
    def prepare(place, case):
        path, patterns, _ = plain(place, case)
        program = place.sub(place.directory(case.name, "bin"), "reader")
        shutil.copy(source() if callable(source) else source, program)
        os.chmod(program, 0o755)
        return path, patterns, [program]
    return prepare


def trick_program():
    return os.path.join(TRICKS, "exe_identity")


def compat_program(place, case):
    path, patterns, _ = plain(place, case)
    return path, patterns, [os.path.join(TRICKS, "compat_32")]


# ---------------------------------------------------------------- what else must hold


def flag(name):
    def check(events, _):
        return None if any(e["data"]["process"][name] for e in events) else f"process.{name} is not set"
    return check


def program_is(path):
    def check(events, _):
        real = os.path.realpath(path() if callable(path) else path)
        found = {e["data"]["process"]["exe"] for e in events}
        if found != {real}:
            return f"process.exe is {sorted(found)}, expected {real}"
        wrong = {e["data"]["process"]["exe_sha256"] for e in events} - {sha256(real), None}
        return f"process.exe_sha256 is {sorted(wrong)}" if wrong else None
    return check


def verdict_is(action):
    def check(events, trick):
        pids = {a["pid"] for a in trick.accesses}
        found = {e["data"]["verdict"]["action"] for e in events if e["data"]["process"]["pid"] in pids}
        return None if found == {action} else f"the verdict is {sorted(found)}, expected {action}"
    return check


def target_is_the_victim(events, trick):
    opener = next(a["pid"] for a in trick.accesses if a["kind"] == {"open"})
    targets = {(e["data"]["access"]["target"] or {}).get("pid") for e in events
               if e["data"]["access"]["kind"] in ("ptrace", "proc-mem", "proc-environ")}
    return None if targets == {opener} else f"access.target is {sorted(map(str, targets))}, expected {opener}"


def two_identities(events, _):
    def who(e):
        p = e["data"]["process"]
        return (p["uid"], p["gid"], p["euid"], p["egid"], p["capabilities"])
    counts = {}
    for e in events:
        counts[who(e)] = counts.get(who(e), 0) + e["data"]["access"]["count"]
    return None if sorted(counts.values()) == [2, 3] else f"accesses by credentials: {counts}, expected 2 and 3"


def script_is_named(events, _):
    wrong = program_is("/bin/sh")(events, None)
    return wrong or (None if any(a.endswith("/script") for e in events for a in e["data"]["process"]["args"])
                     else "no argument names the script")


def path_is_whole(events, _):
    return None if all(e["data"]["secret"]["path"] for e in events) else "an event without a path"


# ---------------------------------------------------------------- the table

# The numbers are those of the project's list of ways round an agent; what is missing is about more than seeing.
ROWS = {
    1: "what the path says is not what is opened",
    2: "other names of the file",
    3: "hard links and moves",
    4: "other mounts of the file",
    5: "another root directory",
    6: "namespaces",
    7: "io_uring",
    8: "every system call that opens",
    9: "read without an open",
    10: "mappings",
    11: "bytes that never pass through the reader",
    12: "a program that hides what it is",
    13: "out of another process's memory",
    14: "flood",
    15: "overflow",
    16: "long and deep paths",
    18: "processes older than the agent",
    21: "credentials that change after exec",
    22: "opens that are refused",
    23: "another inode under the same name",
    25: "exec, and programs under other names",
    26: "overlayfs",
    27: "32-bit system calls",
    28: "names that are made to forge or break lines",
}

CASES = [
    Case(1, "path_race", "swap", "a second thread rewrites the path in memory"),
    Case(1, "path_race", "symlink", "a second process renames a symbolic link to and fro"),
    Case(1, "path_race", "userfault", "the path's page comes only when the kernel reads it (userfaultfd)"),
    Case(1, "close_race", "close", "a second thread closes the descriptor at once", own={}),
    Case(1, "close_race", "dup", "a second thread puts another file under its number", own={}),
    Case(2, "path_alias", "symlink", "symbolic link to the file"),
    Case(2, "path_alias", "symlink-directory", "symbolic link to its directory"),
    Case(2, "path_alias", "dotdot", "`..`, `.` and `//`"),
    Case(2, "path_alias", "proc-root", "`/proc/self/root/...`"),
    Case(2, "path_alias", "proc-task-root", "`/proc/PID/task/TID/root/...`"),
    Case(2, "path_alias", "proc-cwd", "`/proc/self/cwd/...`"),
    Case(2, "path_alias", "dirfd", "relative to a directory descriptor"),
    Case(2, "path_alias", "dev-fd", "`/dev/fd/N`"),
    Case(2, "path_alias", "proc-self-fd", "`/proc/self/fd/N`"),
    Case(2, "path_alias", "proc-pid-fd", "`/proc/PID/fd/N`"),
    Case(2, "path_alias", "path-descriptor", "O_PATH descriptor, reopened"),
    Case(3, "hard_link", "before", "hard link older than the watch", older_link),
    Case(3, "hard_link", "after", "hard link made now"),
    Case(3, "hard_link", "after-descriptor", "hard link from a descriptor (AT_EMPTY_PATH)"),
    Case(3, "hard_link", "moved", "the secret moved out of its directory"),
    Case(3, "hard_link", "exchange", "RENAME_EXCHANGE with another file"),
    Case(4, "mount_alias", "bind-file", "bind mount of the file"),
    Case(4, "mount_alias", "bind-directory", "bind mount of its directory"),
    Case(4, "mount_alias", "open-tree", "detached copy of the mount (open_tree)"),
    Case(4, "mount_alias", "move-mount", "copy attached elsewhere (move_mount)"),
    Case(4, "mount_alias", "covered", "its directory covered by a tmpfs"),
    Case(4, "mount_alias", "known-mount-moved", "a mount whose file was opened before is moved onto its directory"),
    Case(5, "root_change", "chroot", "chroot"),
    Case(5, "root_change", "pivot-root", "pivot_root"),
    Case(5, "root_change", "escape", "way out of a chroot"),
    Case(6, "namespaces", "pid", "pid namespace"),
    Case(6, "namespaces", "mount", "mount namespace"),
    Case(6, "namespaces", "user", "user namespace"),
    Case(6, "namespaces", "all", "all namespaces at once"),
    Case(7, "uring", "openat", "io_uring openat"),
    Case(7, "uring", "openat2", "io_uring openat2"),
    Case(7, "uring", "worker", "io_uring openat on a worker thread"),
    Case(7, "uring", "sqpoll", "io_uring openat with SQPOLL"),
    Case(7, "uring", "direct", "io_uring open to a direct descriptor"),
    Case(7, "uring", "direct-sqpoll", "the same with SQPOLL"),
    Case(7, "uring", "linked", "open, read and close linked in one submission"),
    Case(7, "uring", "install", "direct descriptor made an ordinary one"),
    Case(7, "uring", "read-fixed", "read of a registered file"),
    Case(7, "uring", "inherited-ring", "a child reads from a slot of an inherited ring"),
    Case(7, "uring", "message", "sent from ring to ring (MSG_RING)"),
    Case(7, "uring", "recvmsg", "SCM_RIGHTS taken by io_uring"),
    Case(8, "open_family", "open", "open"),
    Case(8, "open_family", "openat", "openat"),
    Case(8, "open_family", "openat2", "openat2"),
    Case(8, "open_family", "creat", "creat"),
    Case(8, "open_family", "handle", "open_by_handle_at"),
    Case(8, "open_family", "path-only", "O_PATH alone is no access"),
    Case(9, "fd_passing", "fork", "inherited over fork"),
    Case(9, "fd_passing", "exec", "inherited over exec"),
    Case(9, "fd_passing", "recvmsg", "SCM_RIGHTS, recvmsg"),
    Case(9, "fd_passing", "recvmmsg", "SCM_RIGHTS, recvmmsg"),
    Case(9, "fd_passing", "pidfd-getfd", "pidfd_getfd"),
    Case(9, "fd_passing", "proc-fd", "`/proc/PID/fd/N` of another process"),
    Case(9, "fd_passing", "shared-before", "CLONE_FILES, opened afterwards by the other"),
    Case(9, "fd_passing", "shared-after", "CLONE_FILES, opened before"),
    Case(9, "fd_passing", "seccomp-add", "put there by a seccomp supervisor (ADDFD)"),
    Case(9, "fd_passing", "fanotify", "out of a fanotify group"),
    Case(10, "transfer", "map", "mmap"),
    Case(10, "transfer", "map-inherited", "mmap of an inherited descriptor"),
    Case(10, "transfer", "map-pages", "pages inherited without a descriptor"),
    Case(11, "transfer", "sendfile", "sendfile"),
    Case(11, "transfer", "splice", "splice"),
    Case(11, "transfer", "copy-range", "copy_file_range"),
    Case(11, "transfer", "readahead", "readahead"),
    Case(11, "transfer", "sendfile-inherited", "sendfile of an inherited descriptor"),
    Case(12, "exe_identity", "memfd", "program in a memfd", check=flag("exe_memfd")),
    Case(12, "exe_identity", "deleted", "program deleted before it ran (execveat)", check=flag("exe_deleted")),
    Case(12, "exe_identity", "shm", "program in /dev/shm", check=flag("exe_tmpfs")),
    Case(12, "exe_identity", "loader", "`ld.so program`", check=program_is("/lib64/ld-linux-x86-64.so.2")),
    Case(12, "exe_identity", "script", "script", check=script_is_named),
    Case(12, "exe_identity", "renamed", "process that renames itself", check=program_is(trick_program)),
    Case(13, "memory", "attach", "PTRACE_ATTACH", check=target_is_the_victim),
    Case(13, "memory", "seize", "PTRACE_SEIZE", check=target_is_the_victim),
    Case(13, "memory", "traceme", "PTRACE_TRACEME, secret opened later", check=target_is_the_victim),
    Case(13, "memory", "vm-readv", "process_vm_readv", check=target_is_the_victim),
    Case(13, "memory", "vm-readv-closed", "process_vm_readv after the victim closed it", check=target_is_the_victim),
    Case(13, "memory", "proc-mem", "`/proc/PID/mem`", check=target_is_the_victim),
    Case(13, "memory", "proc-task-mem", "`/proc/PID/task/TID/mem`", check=target_is_the_victim),
    Case(13, "memory", "proc-environ", "`/proc/PID/environ`", check=target_is_the_victim),
    Case(13, "memory", "coredump", "core dump"),
    Case(14, "storm", "flood", "flood on every CPU", with_extra("2")),
    Case(14, "storm", "processes", "200 processes of a millisecond", with_extra("200,3")),
    Case(15, "storm", "processes", "rings too small while the daemon is stopped: counts stay exact",
         with_extra("1200,5"), own={"sensor.access_ring_kib": 64, "sensor.process_ring_kib": 64, "stopped": True}),
    Case(16, "deep_path", "long-alias", "path of 4,095 bytes"),
    Case(16, "deep_path", "existing", f"{DEPTH_EXISTING} levels deep, there before", deep_tree),
    Case(16, "deep_path", "created", f"{DEPTH_CREATED} levels deep, made now", tree(DEPTH_CREATED)),
    Case(16, "deep_path", "beyond", f"{DEPTH_VERY} levels of 250 bytes each, made now", tree(DEPTH_VERY), own={}),
    Case(18, "older", "holder", "older process has it open", before=True),
    Case(18, "older", "mapped", "older process has it mapped only", before=True),
    Case(18, "older", "opener", "older process opens it afterwards", before=True),
    Case(18, "older", "heir", "child of an older holder", before=True),
    Case(21, "credentials", "setuid", "setuid after exec", check=two_identities, mode=0o644),
    Case(21, "credentials", "seteuid", "seteuid after exec", check=two_identities, mode=0o644),
    Case(21, "credentials", "setgid", "setgid after exec", check=two_identities, mode=0o644),
    Case(21, "credentials", "capabilities", "capabilities dropped after exec", check=two_identities, mode=0o644),
    Case(21, "credentials", "thread", "one thread alone changes its user", check=two_identities, mode=0o644),
    Case(22, "refused", "eacces", "refused: EACCES"),
    Case(22, "refused", "eacces-relative", "refused by a relative path"),
    Case(22, "refused", "eacces-openat2", "refused by openat2"),
    Case(22, "refused", "eacces-symlink", "refused through a symbolic link of another name"),
    Case(22, "refused", "eacces-directory", "refused by its directory"),
    Case(22, "refused", "enoent", "ENOENT on a watched name", absent),
    Case(22, "refused", "eperm", "refused: EPERM"),
    Case(22, "refused", "uring", "refused by io_uring"),
    Case(23, "replace", "rename-over", "renamed over, opened at once"),
    Case(23, "replace", "rename-from-elsewhere", "renamed over from another directory"),
    Case(23, "replace", "recreate", "deleted and made again"),
    Case(23, "replace", "link-over", "another file linked to its name"),
    Case(23, "replace", "data-swap", "`..data` swap of a projected volume", projected),
    Case(23, "replace", "new-directory", "directory and secret made now", no_directory),
    Case(23, "replace", "directory-moved-in", "directory with the secret moved into place", no_directory),
    Case(23, "replace", "known-directory-moved-in", "the same, after the file was opened where it came from", no_directory),
    Case(23, "replace", "known-tree-moved-in", "a directory above it moved, after the file was opened there", no_tree),
    Case(25, "exe_identity", "secret", "exec of the secret, refused by its format"),
    Case(25, "exe_identity", "secret-program", "exec of a secret that is a program", program_secret),
    Case(25, "exe_identity", "other-name", "allowed program under another name", allowed_program(trick_program),
         rules=("exe",), check=verdict_is("alert")),
    Case(25, "exe_identity", "look-alike", "another program with the allowed name", allowed_program("/bin/true"),
         rules=("exe",), check=verdict_is("alert")),
    Case(25, "exe_identity", "mounted-over", "mounted over the allowed program, rule by path and hash",
         allowed_program("/bin/true"), rules=("exe", "sha256"), check=verdict_is("alert")),
    Case(26, "overlay", "lower", "lower file of an overlay: one access, not two"),
    Case(26, "overlay", "copy-up", "copied up by an overlay"),
    Case(27, "compat", "int-80-open", "32-bit open, int 0x80"),
    Case(27, "compat", "int-80-openat", "32-bit openat, int 0x80"),
    Case(27, "compat", "program", "32-bit program", compat_program),
    Case(28, "strange_name", "newline", "newlines in the name", tree(), check=path_is_whole),
    Case(28, "strange_name", "escapes", "terminal escapes in the name", tree(), check=path_is_whole),
    Case(28, "strange_name", "bad-utf8", "invalid UTF-8 in the name", tree(), check=path_is_whole),
    Case(28, "strange_name", "utf8", "any language in the name", tree(), check=path_is_whole),
    Case(28, "strange_name", "bidi", "direction marks and line separators in the name", tree(), check=path_is_whole),
    Case(28, "strange_name", "long", "name of 255 bytes", tree(), check=path_is_whole),
    Case(28, "strange_name", "process-name", "strange program, arguments and comm", tree(), check=path_is_whole),
]

# ---------------------------------------------------------------- what is not seen, and why: must stay true

# (backend, case name): one sentence. A case that is seen in spite of its line here is printed, not failed.
LIMITS = {
    ("tracepoint", "01-close-race-close"):
        "a descriptor that another thread closed before the system call returned is counted as a loss (fd-gone)",
    ("tracepoint", "01-close-race-dup"):
        "a descriptor that another thread replaced before the system call returned names the other file",
    ("tracepoint", "16-deep-path-beyond"):
        "a new file further below the watched directory than the kernel side walks is counted as a loss (parent-walk)",
    ("tracepoint", "22-refused-uring"): "no tracepoint has the path of an open by io_uring that failed",
}

_DEEP = LIMITS["tracepoint", "16-deep-path-beyond"]
LIMITS.update({(backend, "16-deep-path-beyond"): _DEEP for backend in ("lsm", "fentry")})

KERNEL = tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])
if KERNEL < (6, 10):
    _PAGES = "before Linux 6.10 no tracepoint tells of pages that are read by a way that passes no other hook"
    _BY_PAGES = ("07-uring-inherited-ring", "07-uring-message", "09-fd-passing-shared-before", "10-transfer-map-pages",
                 "18-older-mapped")
    _BY_PAGES_OR_HOOKS = ("07-uring-recvmsg", "09-fd-passing-seccomp-add", "09-fd-passing-fanotify",
                          "25-exe-identity-secret", "26-overlay-copy-up")
    LIMITS.update({(backend, name): _PAGES for backend in ("lsm", "fentry", "tracepoint") for name in _BY_PAGES})
    LIMITS.update({("tracepoint", name): _PAGES for name in _BY_PAGES_OR_HOOKS})
if KERNEL < (5, 17):
    LIMITS.update({("tracepoint", f"07-uring-{variant}"): "before Linux 5.17 io_uring's completions do not name the request"
                   for variant in ("openat", "openat2", "worker", "sqpoll")})
