#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The options of sagentd and the commands of sagent, their exit codes, and what they print."""

import json
import os
import socket
import stat
import subprocess
import sys
import time

from harness import (ACCESS, NOBODY, ROOT, SAGENT, SAGENTD, Daemon, Place, policy, reads_lines, run_tests, secret,
                     validate)

PLACE = Place()
DAEMON = None


def run(*arguments, binary=SAGENTD, timeout=20, prefix=(), **more):
    return subprocess.run([*prefix, binary, *arguments], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False, **more)


def good_policy():
    path = PLACE.file("good.yaml", text=policy("good", [secret("one", "/run/none")]))
    return path


def test_help_names_every_option():
    result = run("--help")
    assert result.returncode == 0 and not result.stderr
    for option in ("--config", "--policy", "--state-dir", "--backend", "--output", "--output-file", "--set", "--check",
                   "--probe", "--dump-config", "--version", "--help"):
        assert option in result.stdout, option


def test_version_is_one_line_and_the_same_for_both_programs():
    a, b = run("--version"), run("--version", binary=SAGENT)
    assert a.returncode == b.returncode == 0
    assert len(a.stdout.splitlines()) == 1 and a.stdout.split()[-1] == b.stdout.split()[-1], (a.stdout, b.stdout)


def test_wrong_command_lines_exit_with_2_and_one_line():
    for arguments in (["--nonsense"], ["-x"], ["extra"], ["--output", "xml"], ["--backend", "magic"], ["--policy"],
                      ["--set"]):
        result = run(*arguments)
        assert result.returncode == 2, (arguments, result.returncode, result.stderr)
        assert len(result.stderr.strip().splitlines()) in (1, 2) and not result.stdout, (arguments, result.stderr)


def test_check_reads_the_policy_and_starts_nothing():
    result = run("--check", "--policy", good_policy(), "--state-dir", PLACE.sub("untouched"))
    assert result.returncode == 0, result.stderr
    assert not os.path.exists(PLACE.sub("untouched"))


def test_dump_config_is_read_back_as_it_is():
    first = run("--dump-config", "--set", "sensor.flush_interval_ms=123", "--set", "state_dir=/tmp/x y")
    assert first.returncode == 0 and "123" in first.stdout, first.stderr
    path = PLACE.file("dumped.yaml", text=first.stdout)
    second = run("--dump-config", "--config", path)
    assert second.returncode == 0 and second.stdout == first.stdout, second.stderr


def test_the_config_file_is_used_and_the_command_line_wins():
    path = PLACE.file("config.yaml", text="sensor:\n  flush_interval_ms: 777\nlog:\n  level: debug\n")
    result = run("--dump-config", "--config", path, "--set", "log.level=warning")
    assert "flush_interval_ms: 777" in result.stdout and "level: warning" in result.stdout, result.stdout


def test_probe_as_text_names_the_backend_that_would_be_chosen():
    result = run("--probe")
    assert result.returncode == 0, result.stderr
    for word in ("lsm", "fentry", "tracepoint", "backend", "tier"):
        assert word in result.stdout, word


def test_probe_as_json_is_json():
    result = run("--probe", "--output", "json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    text = json.dumps(found)
    for word in ("lsm", "fentry", "tracepoint", "backend", "tier"):
        assert word in text, word


def test_each_backend_works_or_says_why_not():
    path = PLACE.file("backend", "secret")
    for name in ("lsm", "fentry", "tracepoint", "auto"):
        d = Daemon(PLACE, [secret("backend", path)], backend=name, expect_ready=False)
        line = d.wait_stderr(lambda text: "ready: " in text or d.process.poll() is not None, 15)
        if line and "ready: " in line:
            assert name in ("auto", line.split("backend=")[1].split()[0]), line
            os.close(os.open(path, os.O_RDONLY))
            d.barrier()
            assert d.total(secret="backend") == 1
            d.stop()
        else:
            assert d.process.wait(10) != 0
            d.drain()
            assert name not in ("auto", "tracepoint"), d.log()
            assert len(d.stderr) == 1 and name in d.stderr[0], d.stderr


def test_without_privilege_one_sentence_says_what_is_needed():
    state = PLACE.directory("nobody-state", mode=0o777)
    path = PLACE.file("readable.yaml", text=policy("good", [secret("one", "/run/none")]), mode=0o644)
    result = run("--policy", path, "--state-dir", state, "--set", f"run_dir={state}/run", "--output", "none",
                 prefix=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"])
    lines = result.stderr.strip().splitlines()
    assert result.returncode not in (0, 2) and len(lines) == 1, (result.returncode, lines)
    assert any(word in lines[0] for word in ("root", "CAP_", "privilege")), lines


# ---------------------------------------------------------------- sagent


def daemon():
    global DAEMON
    if not DAEMON:
        path = PLACE.file("cli", "secret")
        DAEMON = Daemon(PLACE, [secret("cli", path, class_="cli-class"),
                                secret("quiet", PLACE.file("quiet", "secret"))])
        for _ in range(25):
            os.close(os.open(path, os.O_RDONLY))
        subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        DAEMON.barrier()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and accesses_of(DAEMON, "cli") < 26:
            DAEMON.barrier(1)
    return DAEMON


def accesses_of(d, name):
    """What the store has of a secret so far."""
    return sum(row["accesses"] for row in d.sagent_json("secrets")["rows"] if row["name"] == name)


def test_status_tells_the_state_of_the_daemon():
    d = daemon()
    text = d.sagent("status").stdout
    assert d.ready["backend"] in text, text
    found = json.dumps(d.sagent_json("status"))
    for word in (d.ready["backend"], d.ready["tier"]):
        assert word in found, found


def test_top_counts_by_program():
    d = daemon()
    text = d.sagent("top", "--once").stdout
    assert "cat" in text and "python" in text, text
    rows = {row["exe"]: row["accesses"] for row in d.sagent_json("top", "--once", "--since", "1h")["rows"]}
    assert rows[os.path.realpath("/bin/cat")] >= 1 and rows[os.readlink("/proc/self/exe")] >= 25, rows
    rows = d.sagent_json("top", "--once", "--by", "process", "--limit", "1")["rows"]
    assert len(rows) == 1 and rows[0]["pid"] == os.getpid() and rows[0]["accesses"] >= 25, rows


def test_secrets_lists_every_secret_with_its_accesses():
    d = daemon()
    text = d.sagent("secrets").stdout
    assert "cli" in text and "cli-class" in text and "26" in text, text
    found = json.dumps(d.sagent_json("secrets", "--since", "1h"))
    assert "cli" in found and "26" in found, found


def test_watch_shows_events_as_they_come():
    d = daemon()
    process = subprocess.Popen([SAGENT, "watch", "--json", "--socket", os.path.join(d.state, "run", "sagentd.sock")],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        lines = reads_lines(process)
        deadline = time.monotonic() + 10
        event = None
        while time.monotonic() < deadline and not event:
            # Whether the watcher is there yet is not known: each round is one more access.
            subprocess.run(["cat", PLACE.sub("quiet", "secret")], stdout=subprocess.DEVNULL, check=True)
            d.barrier(1)
            while not lines.empty():
                found = json.loads(lines.get())
                if found.get("type") == ACCESS and found["data"]["secret"]["name"] == "quiet":
                    event = found
        assert event, "nothing on the watch"
        validate(event)
    finally:
        process.terminate()
        process.wait(10)


def test_policy_check_and_version_need_no_daemon():
    assert run("policy", "check", good_policy(), binary=SAGENT).returncode == 0
    result = run("policy", "check", "--json", good_policy(), binary=SAGENT)
    assert result.returncode == 0 and json.loads(result.stdout) is not None
    bad = PLACE.file("bad.yaml", text="kind: x\n")
    result = run("policy", "check", "--json", bad, binary=SAGENT)
    assert result.returncode == 2, result
    assert bad in json.dumps(json.loads(result.stdout)), result.stdout
    result = run("version", "--json", "--socket", "/nowhere", binary=SAGENT)
    assert json.loads(result.stdout)["sagent"], result.stdout + result.stderr


def test_the_policy_that_we_ship_is_accepted():
    with open(os.path.join(ROOT, "deploy", "policies", "host.yaml"), encoding="utf-8") as f:
        path = PLACE.file("host.yaml", text=f.read())
    for result in (run("--check", "--policy", path), run("policy", "check", path, binary=SAGENT)):
        assert result.returncode == 0, result.stderr


def test_wrong_use_of_sagent_exits_with_2():
    for arguments in ([], ["nonsense"], ["top", "--since", "yesterday"], ["top", "--limit", "0"], ["status", "extra"],
                      ["--nonsense"], ["policy"], ["policy", "check"]):
        result = run(*arguments, binary=SAGENT)
        assert result.returncode == 2 and result.stderr.strip(), (arguments, result.returncode, result.stderr)


def test_no_daemon_is_exit_code_3():
    for command in ("status", "top", "secrets", "watch"):
        result = run(command, "--socket", PLACE.sub("no.sock"), binary=SAGENT)
        assert result.returncode == 3 and len(result.stderr.strip().splitlines()) == 1, (command, result)


def test_the_socket_is_for_its_group_only():
    d = daemon()
    path = os.path.join(d.state, "run", "sagentd.sock")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    os.chmod(d.state, 0o755)
    result = run("status", "--socket", path, binary=SAGENT,
                 prefix=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"])
    assert result.returncode == 3, result


def test_a_peer_that_is_not_allowed_is_told_so_and_nothing_else():
    """Even where the mode of the socket would let it in."""
    d = daemon()
    path = os.path.join(d.state, "run", "sagentd.sock")
    mode = stat.S_IMODE(os.stat(path).st_mode)
    os.chmod(os.path.dirname(path), 0o755)
    os.chmod(path, 0o666)
    try:
        result = run("status", "--socket", path, binary=SAGENT,
                     prefix=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"])
        assert result.returncode == 3 and d.ready["backend"] not in result.stdout, result
    finally:
        os.chmod(path, mode)


def test_garbage_on_the_socket_harms_nobody():
    d = daemon()
    path = os.path.join(d.state, "run", "sagentd.sock")
    for data in (b"\0" * 4096, b"{" * 200000, b'{"id":1,"command":"status","arguments":{}}' * 3 + b"\n", b"[]\n",
                 b'{"id":1}\n', b'{"id":1,"command":"\xff"}\n', os.urandom(65536) + b"\n", b"\n" * 1000):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(10)
            s.connect(path)
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert d.sagent("status").returncode == 0


def test_it_ends_cleanly():
    daemon().stop()


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
