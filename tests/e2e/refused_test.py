#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Opens that the kernel refuses are accesses too, with their result."""

import errno
import os
import sys

from harness import Daemon, Place, Skip, run_tests, run_trick, secret

PLACE = Place()
DAEMON = None
VARIANTS = ("eacces", "eacces-relative", "eacces-openat2", "eacces-symlink", "eacces-directory", "eperm", "uring")


def daemon():
    global DAEMON
    if not DAEMON:
        secrets = [secret(v, PLACE.file(v, "in", "secret")) for v in VARIANTS]
        secrets.append(secret("enoent", PLACE.sub("enoent", "in", "secret")))
        PLACE.directory("enoent", "in")
        DAEMON = Daemon(PLACE, secrets)
    return DAEMON


def check(variant):
    d = daemon()
    path = PLACE.sub(variant, "in", "secret")
    trick = run_trick(PLACE, "refused", variant, path).check()
    want = trick.refused[0]
    got = d.wait_total(want["count"], secret=variant, pid=want["pid"], result=-want["errno"])
    assert got == want["count"], f"{want['count']} refused with {errno.errorcode[want['errno']]}, {got} counted: " \
        f"{[e['data']['access'] for e in d.accesses(secret=variant)]}"
    for event in d.accesses(secret=variant, pid=want["pid"]):
        access = event["data"]["access"]
        assert access["error"] == errno.errorcode[want["errno"]] and access["kind"] == "open"
        assert event["data"]["verdict"]["action"] == "alert"
    assert d.total(secret=variant, result=0) == 0
    return d.accesses(secret=variant)[0]["data"]


def test_an_open_as_another_user_is_reported_as_eacces():
    data = check("eacces")
    assert data["secret"]["path"] == PLACE.sub("eacces", "in", "secret"), data["secret"]
    assert data["process"]["uid"] == 65534 and data["process"]["user"] == "nobody"
    assert data["access"]["via"] == "openat"


def test_the_same_by_a_relative_path():
    check("eacces-relative")


def test_the_same_by_openat2():
    assert check("eacces-openat2")["access"]["via"] == "openat2"


def test_the_same_by_io_uring():
    if any("io_uring opens that permissions refuse" in line for line in daemon().stderr):
        raise Skip("a blind spot of this backend, and it says so")
    check("uring")


def test_a_directory_that_refuses_is_reported_too():
    check("eacces-directory")


def test_eperm_is_reported():
    check("eperm")


def test_a_secret_that_is_not_there_is_reported_as_enoent():
    data = check("enoent")
    assert data["secret"]["path"] == PLACE.sub("enoent", "in", "secret") and data["secret"]["ino"] is None


def test_another_name_that_is_not_there_is_not_reported():
    d = daemon()
    before = len(d.accesses(secret="enoent"))
    for name in ("secre", "secrets", "other"):
        try:
            os.open(PLACE.sub("enoent", "in", name), os.O_RDONLY)
        except FileNotFoundError:
            pass
    try:
        os.open(PLACE.sub("elsewhere", "secret"), os.O_RDONLY)  # the same last component
    except FileNotFoundError:
        pass
    d.barrier()
    assert len(d.accesses(secret="enoent")) == before


def test_refused_and_granted_opens_of_one_process_are_told_apart():
    path = PLACE.file("both", "secret")
    with Daemon(PLACE, [secret("both", path)]) as d:
        os.close(os.open(path, os.O_RDONLY))
        os.rename(path, path + ".away")
        try:
            os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            pass
        os.rename(path + ".away", path)
        os.close(os.open(path, os.O_RDONLY))
        d.barrier()
        assert d.total(secret="both", result=0) == 2, d.accesses(secret="both")
        assert d.total(secret="both", result=-errno.ENOENT) == 1, d.accesses(secret="both")


def test_it_ends_cleanly():
    daemon().stop()


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
