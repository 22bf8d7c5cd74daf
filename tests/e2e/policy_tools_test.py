#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""From observing to enforcing: policies tried on a real history, compared, learned from it, and verdicts explained."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

from harness import NOBODY, SAGENT, Daemon, Place, policy, run_tests, secret

PLACE = Place()
CAT = os.path.realpath("/usr/bin/cat")
HEAD = os.path.realpath("/usr/bin/head")
HOSTILE = "we're \"re\"\n#: [x]*?{é\udcff"
DAEMON = None
LEARNED = None


def run(*arguments, prefix=()):
    return subprocess.run([*prefix, SAGENT, *arguments], capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
                          check=False)


def stored(d, name, count):
    """Waits until the history holds so many accesses to a secret."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        rows = d.sagent_json("secrets")["rows"]
        if sum(row["accesses"] for row in rows if row["name"] == name) >= count:
            return
        d.barrier(1)
    raise AssertionError(f"not {count} accesses to {name} in the history: {rows}")


def read(program, path, *more):
    subprocess.run([program, path, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def hostile_program():
    path = PLACE.sub("bin", HOSTILE)
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(HEAD, path)
    return path


def do_everything():
    """13 accesses of db that go through, one that the system refuses; 3 denied ones of keys and one more."""
    db, key = PLACE.sub("db", "pass"), PLACE.sub("keys", "id")
    for _ in range(3):
        read(CAT, db)
    for _ in range(9):
        os.close(os.open(db, os.O_RDONLY))
    read(hostile_program(), db)
    subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", CAT, db],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    for _ in range(3):
        read(HEAD, key)
    read(CAT, key)


def daemon():
    global DAEMON
    if not DAEMON:
        PLACE.file("db", "pass")
        PLACE.file("keys", "id")
        DAEMON = Daemon(PLACE, [
            secret("db", PLACE.sub("db", "*")),
            secret("keys", PLACE.sub("keys", "*"), default="allow", deny=[{"name": "no-head", "exe": [HEAD]}]),
        ])
        do_everything()
        DAEMON.barrier()
        stored(DAEMON, "db", 14)
        stored(DAEMON, "keys", 4)
    return DAEMON


def write(name, *secrets, **spec):
    """A policy file that also has the harness's own secret as it is."""
    more = [secret("marker", daemon().marker)]
    return PLACE.file(name, text=policy("candidate", list(secrets) + more, **spec))


def try_policy(path, code, *more):
    result = run("policy", "test", path, "--state-dir", daemon().state, "--json", *more)
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    return json.loads(result.stdout)


def rows_of(result, name):
    return [(row["exe"], row["before"]["verdict"], row["after"]["verdict"], row["accesses"], row["newly_denied"])
            for row in result["rows"] if row["secret"] == name]


# ---------------------------------------------------------------- policy test


def test_the_policy_in_force_changes_nothing():
    result = try_policy(daemon().policy_path, 0)
    assert result["ok"] and result["rows"] == [] and result["changed"] == 0, result
    assert result["accesses"] >= 18 and result["events"] >= 4, result


def test_a_stricter_policy_says_whom_it_would_deny_and_exits_with_4():
    path = write("strict.yaml",
                 secret("database", PLACE.sub("db", "*"), default="deny", allow=[{"name": "cat", "exe": [CAT]}]),
                 secret("keys", PLACE.sub("keys", "*"), default="allow"))
    result = try_policy(path, 4)
    me = os.readlink("/proc/self/exe")
    db = rows_of(result, "db")
    assert (me, "alert", "would deny", 9, True) in db and (CAT, "alert", "allow", 3, False) in db, db
    assert result["newly_denied"] == 10, result
    # The one that permissions refused: allowed now, and still refused.
    assert [row for row in result["rows"] if row["exe"] == CAT and row["uid"] == NOBODY][0]["refused_anyway"], result
    assert rows_of(result, "keys") == [(HEAD, "would deny", "allow", 3, False)], result
    assert all(row["candidate_secret"] == "database" for row in result["rows"] if row["secret"] == "db"), result


def test_enforcing_what_was_only_shown_is_new():
    d = daemon()
    with open(d.policy_path, encoding="utf-8") as f:
        text = json.load(f)
    text["spec"]["mode"] = "enforce"
    result = try_policy(PLACE.file("enforce.yaml", text=json.dumps(text)), 4)
    assert rows_of(result, "keys") == [(HEAD, "would deny", "deny", 3, True)] and result["newly_denied"] == 3, result


def test_what_is_not_named_any_more_and_what_nobody_accessed_is_told():
    path = write("narrow.yaml", secret("keys", PLACE.sub("keys", "*"), default="allow"),
                 secret("new", PLACE.sub("new", "*"), default="deny"))
    result = try_policy(path, 0)
    assert result["unwatched"] == 14 and result["unseen_secrets"] == ["new"], result
    assert all(row["after"]["verdict"] == "unwatched" for row in result["rows"] if row["secret"] == "db"), result


def test_text_and_limits():
    path = write("strict-text.yaml", secret("db", PLACE.sub("db", "*"), default="deny"),
                 secret("keys", PLACE.sub("keys", "*"), default="allow"))
    result = run("policy", "test", path, "--state-dir", daemon().state, "--limit", "1")
    text = result.stdout.decode("utf-8")
    assert result.returncode == 4 and "alert -> would deny" in text and "more rows" in text, text
    assert "13 newly denied" in text and "nothing is known of it" in text, text
    text = run("policy", "test", path, "--state-dir", daemon().state).stdout.decode("utf-8")
    assert "refused by the system anyway" in text and "we're \"re\"\\n#: [x]*?{é\\xff" in text, text
    result = run("policy", "test", path, "--state-dir", daemon().state, "--since", "0s")
    assert result.returncode == 0 and b"No access is stored" in result.stdout, result


def test_a_directory_of_policies_is_one_candidate():
    folder = PLACE.directory("policies")
    for name, item in (("db", secret("db", PLACE.sub("db", "*"))), ("keys", secret("keys", PLACE.sub("keys", "*")))):
        PLACE.file("policies", name + ".yaml", text=policy(name, [item]))
    result = try_policy(folder, 0)
    assert rows_of(result, "keys") == [(HEAD, "would deny", "alert", 3, False), (CAT, "allow", "alert", 1, False)], \
        result


def test_what_cannot_be_read_has_an_exit_code():
    for arguments, code in (([PLACE.sub("no.yaml")], 2), ([daemon().policy_path, "--state-dir", PLACE.sub("no")], 1)):
        result = run("policy", "test", *arguments)
        assert result.returncode == code and len(result.stderr.splitlines()) == 1 and not result.stdout, result


# ---------------------------------------------------------------- policy learn


def learn(name, *more):
    """What was learned, as a file that `policy check` takes."""
    result = run("policy", "learn", "--state-dir", daemon().state, *more)
    assert result.returncode == 0 and not result.stderr, result
    assert all(byte == 10 or 32 <= byte < 127 for byte in result.stdout), result.stdout
    path = PLACE.file(name, text=result.stdout.decode("ascii"))
    check = run("policy", "check", path)
    assert check.returncode == 0, check.stderr
    return path, result.stdout.decode("ascii")


def test_what_is_learned_denies_nothing_that_was_seen():
    global LEARNED
    LEARNED, text = learn("learned.yaml", "--policy-name", "my-policy")
    assert "{name: my-policy}" in text and "default: deny" in text and "Good-Turing" in text, text
    assert "# denied 3 times" in text and "# refused by the system 1 time" in text, text
    result = try_policy(LEARNED, 0)
    assert {row["after"]["verdict"] for row in result["rows"] if not row["refused_anyway"]} <= {"allow"}, result
    assert rows_of(result, "keys") == [], result  # allowed by default before, by a rule now; denied before and now


def test_what_is_learned_with_a_policy_has_its_patterns():
    path, text = learn("learned-patterns.yaml", "--policy", daemon().policy_path, "--mode", "enforce",
                       "--include-denied")
    assert PLACE.sub("db", "*") in text and "mode: enforce" in text, text
    assert "denied 3 times: review\n        - name: head" in text, text
    result = try_policy(path, 0)
    assert rows_of(result, "keys") == [(HEAD, "would deny", "allow", 3, False)], result


def test_a_daemon_with_the_learned_policy_allows_the_same_again():
    assert LEARNED, "nothing was learned"
    with open(LEARNED, encoding="ascii") as f:
        text = f.read().replace(daemon().marker, PLACE.sub("no-marker")).replace("name: marker", "name: no-marker")
    # The harness has a marker of its own, in a policy beside the learned one.
    folder = PLACE.directory("learned")
    PLACE.file("learned", "learned.yaml", text=text)
    with Daemon(PLACE, [], extra=["--policy", folder]) as d:
        do_everything()
        assert d.wait_total(14, secret="db") == 14 and d.wait_total(4, secret="keys") == 4
        for event in d.accesses():
            data = event["data"]
            wanted = "allow"
            if data["access"]["result"] != 0 or (data["secret"]["name"], data["process"]["exe"]) == ("keys", HEAD):
                wanted = "deny"
            if data["secret"]["name"] != "marker":
                assert data["verdict"]["action"] == wanted and not data["verdict"]["enforced"], data


def test_a_denied_reader_is_learned_when_that_is_asked_for():
    with Daemon(PLACE, [secret("heal", PLACE.file("heal", "pass"), default="deny")]) as d:
        read(CAT, PLACE.sub("heal", "pass"))
        d.barrier()
        stored(d, "heal", 1)
        text = run("policy", "learn", "--state-dir", d.state).stdout.decode("ascii")
        assert "# denied 1 time" in text and "# - {name: cat-" in text, text
        text = run("policy", "learn", "--state-dir", d.state, "--include-denied").stdout.decode("ascii")
        assert "denied 1 time: review\n        - name: cat-" in text, text


def test_nothing_is_learned_from_nothing():
    result = run("policy", "learn", "--state-dir", daemon().state, "--since", "0s")
    assert result.returncode == 1 and not result.stdout and b"nothing can be learned" in result.stderr, result


# ---------------------------------------------------------------- policy diff


def test_policies_differ_by_meaning():
    d = daemon()
    assert run("policy", "diff", d.policy_path, d.policy_path).returncode == 0
    result = run("policy", "diff", d.policy_path, LEARNED)
    assert result.returncode == 1 and b"~ secret db: default: alert -> deny\n" in result.stdout, result
    result = run("policy", "diff", d.policy_path, LEARNED, "--json")
    assert result.returncode == 1 and not json.loads(result.stdout)["same"], result
    assert run("policy", "diff", d.policy_path, PLACE.sub("no.yaml")).returncode == 2


# ---------------------------------------------------------------- policy explain


def waiting_cat(path):
    """A process that is `sh` until it is told to become cat, which then reads the file."""
    return subprocess.Popen(["sh", "-c", f"read x; exec {CAT} '{path}'"], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL)


def explain(d, *arguments, code=0):
    result = d.sagent("policy", "explain", *map(str, arguments), "--json", code=code)
    return json.loads(result.stdout) if code == 0 else result


def test_what_is_explained_is_what_then_happens():
    shell = os.path.realpath("/bin/sh")
    with Daemon(PLACE, [
            secret("told", PLACE.file("told", "pass"), default="deny",
                   deny=[{"name": "nobody", "uid": [NOBODY]}],
                   allow=[{"name": "other", "exe": ["/usr/bin/other"]},
                          {"name": "shell", "exe": [shell], "ancestor": ["/**"]},
                          {"name": "hash", "exe": [CAT], "sha256": [hashlib.sha256(open(CAT, "rb").read()).hexdigest()]}]),
    ]) as d:
        process = waiting_cat(PLACE.sub("told", "pass"))
        said = explain(d, "--pid", process.pid, "--secret", "told")
        assert said["process"]["exe"] == shell and said["process"]["uid"] == os.getuid(), said
        assert said["explanation"]["verdict"]["rule"] == "allow/shell", said
        rules = {rule["rule"]: rule for rule in said["explanation"]["rules"]}
        assert [rule["rule"] for rule in said["explanation"]["rules"]] == \
            ["deny/nobody", "allow/other", "allow/shell", "allow/hash"], said
        assert rules["deny/nobody"]["matchers"] == [
            {"name": "uid", "holds": False, "seen": [str(os.getuid())], "wanted": [str(NOBODY)]}], rules
        assert rules["allow/shell"]["decides"] and rules["allow/shell"]["matches"], rules
        # The same process by a policy that is not in force.
        candidate = PLACE.file("told.yaml", text=policy("candidate", [
            secret("told", PLACE.sub("told", "pass"), default="deny", deny=[{"name": "sh", "exe": [shell]}])]))
        said = explain(d, "--pid", process.pid, "--secret", "told", "--policy", candidate)
        assert said["explanation"]["verdict"]["rule"] == "deny/sh" and said["explanation"]["verdict"]["would_deny"], said
        # What it says of cat, before cat reads: the hash is waited for.
        fifo = PLACE.sub("fifo")
        os.mkfifo(fifo)
        with subprocess.Popen([CAT, fifo, PLACE.sub("told", "pass")], stdout=subprocess.DEVNULL) as reader:
            deadline = time.monotonic() + 10
            while os.readlink(f"/proc/{reader.pid}/exe") != CAT and time.monotonic() < deadline:
                pass
            said = explain(d, "--pid", reader.pid, "--secret", "told")
            assert said["process"]["exe"] == CAT, said
            with open(fifo, "w", encoding="utf-8") as f:
                f.write("go\n")
            assert reader.wait(10) == 0
            event = d.first(secret="told", pid=reader.pid)
            assert event["data"]["verdict"]["rule"] == said["explanation"]["verdict"]["rule"] == "allow/hash", \
                (said, event)
        process.communicate(b"go\n", 10)


def test_explaining_takes_a_living_process_and_a_known_secret():
    d = daemon()
    ended = subprocess.Popen(["true"])
    ended.wait()
    result = explain(d, "--pid", ended.pid, "--secret", "db", code=1)
    assert "there is no process" in result.stderr, result
    result = explain(d, "--pid", os.getpid(), "--secret", "nope", code=1)
    assert "no policy in force has a secret" in result.stderr, result
    text = d.sagent("policy", "explain", "--pid", "2", "--secret", "db", "--kind", "map").stdout
    assert "[kthreadd]" in text and "default alert decides" in text, text


def test_explaining_is_for_those_who_may_ask():
    d = daemon()
    path = os.path.join(d.state, "run", "sagentd.sock")
    os.chmod(d.state, 0o755)
    os.chmod(os.path.dirname(path), 0o755)
    os.chmod(path, 0o666)
    try:
        result = run("policy", "explain", "--pid", "1", "--secret", "db", "--socket", path,
                     prefix=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"])
        assert result.returncode == 3 and not result.stdout, result
    finally:
        os.chmod(path, 0o660)


def test_the_history_is_read_without_a_daemon_too():
    d = daemon()
    d.stop()
    result = try_policy(d.policy_path, 0)
    assert result["accesses"] >= 18, result


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
