#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input: one clear error with file and line, exit code 2; at SIGHUP the old policy stays."""

import json
import os
import re
import subprocess
import sys

from harness import REFUSED, SAGENT, SAGENTD, Daemon, Place, Skip, policy, run_tests, secret

PLACE = Place()
HEAD = "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: t}\nspec:\n  secrets:\n"
ONE = HEAD + "    - name: one\n      class: c\n      paths: [/run/one]\n      default: alert\n"


def run(*arguments, binary=SAGENTD, timeout=20):
    return subprocess.run([binary, *arguments], capture_output=True, text=True, errors="replace", timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)


def write(name, text, mode=0o600):
    path = PLACE.sub(name)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(path, mode)
    return path


def check_refused(path, line, *words, arguments=None):
    """Exit code 2 and one line on stderr: FILE:LINE: text with the words; nothing on stdout."""
    result = run(*(arguments or ["--check", "--policy", path, "--set", "enforcement.tier=observe"]))
    lines = result.stderr.strip().splitlines()
    assert result.returncode == 2, f"exit {result.returncode}: {result.stderr} {result.stdout}"
    assert len(lines) == 1, lines
    where = path if line is None else f"{path}:{line}:"
    assert where in lines[0], f"expected '{where}' in: {lines[0]}"
    for word in words:
        assert word.lower() in lines[0].lower(), f"expected '{word}' in: {lines[0]}"
    return lines[0]


CASES = {
    "unknown-key": (ONE.replace("default:", "defualt:"), 9, "defualt", "default"),
    "unknown-top-key": (ONE + "extra: 1\n", 10, "extra"),
    "wrong-type": (ONE.replace("[/run/one]", "{a: b}"), 8, "paths"),
    "wrong-word": (ONE.replace("alert", "shout"), 9, "shout", "alert"),
    "wrong-number": (ONE + "      allow:\n        - {name: a, uid: [minus]}\n", 11, "uid"),
    "bad-glob": (ONE.replace("/run/one", '"/run/[a"'), 8, "/run/["),
    "relative-glob": (ONE.replace("/run/one", "run/one"), 8, "run/one"),
    "star-star-inside": (ONE.replace("/run/one", '"/run/a**b"'), 8, "**"),
    "bad-sha256": (ONE + "      allow:\n        - {name: a, sha256: [xyz]}\n", 11, "sha256"),
    "duplicate-secret": (ONE + "    - name: one\n      class: c\n      paths: [/run/two]\n", 10, "one"),
    "duplicate-key": (ONE + "      class: d\n", 10, "class"),
    "no-secret": (HEAD.replace("secrets:", "secrets: []"), 5, "secret"),
    "no-name": ("apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {}\nspec:\n  secrets: []\n", 3, "name"),
    "wrong-version": (ONE.replace("/v1", "/v9"), 1, "v9", "v1"),
    "wrong-kind": (ONE.replace("SecretPolicy", "Pod"), 2, "Pod", "SecretPolicy"),
    "two-documents": (ONE + "---\n" + ONE, 10),
    "not-yaml": ("a: [b\nc: }\n", 2),
    "tab": (ONE.replace("      class", "\tclass"), 7),
    "newline-in-name": (ONE.replace("name: one", 'name: "a\\nb"'), 6, "name"),
    "same-in-allow-and-deny": (ONE + "      allow:\n        - {name: a, exe: [/b]}\n      deny:\n"
                               "        - {name: d, exe: [/b]}\n", 11, "allow/a", "deny/d", "line 13", "drop one"),
    "path-excluded": (ONE + "      exclude: [/run/*]\n", 8, "names no file", "drop one"),
    "unknown-action": (ONE.replace("spec:\n", "spec:\n  action: stop\n"), 5, "stop", "deny, kill"),
    "script-relative": (ONE + "      allow:\n        - {name: a, script: [run.py]}\n", 11, "run.py", "start it with"),
    "egress-name": (ONE + "      egress: {to: [db.example.com]}\n", 10, "db.example.com", "not looked up"),
    "egress-bits": (ONE + "      egress:\n        to:\n        - 10.0.0.1\n        - 10.1.2.3/8\n", 13, "write 10.0.0.0/8"),
    "egress-port": (ONE + "      egress: {to: ['10.0.0.1:70000']}\n", 10, "1 to 65535"),
    "egress-brackets": (ONE + "      egress: {to: ['[fd00::1]']}\n", 10, "without brackets"),
    "egress-empty": (ONE + "      egress: {to: []}\n", 10, "empty list"),
    "egress-deny-in-enforce": (ONE.replace("spec:\n", "spec:\n  mode: enforce\n") +
                               "      egress: {action: deny, to: [10.0.0.1]}\n", 7, "egress.cgroup", "onUnsupported: observe"),
    "deny-in-enforce": (ONE.replace("spec:\n", "spec:\n  mode: enforce\n").replace("alert", "deny"), None, "observe"),
}


def check_case(name):
    text, line, *words = CASES[name]
    message = check_refused(write(name + ".yaml", text), line, *words)
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", message), repr(message)


def make_case(name):
    def test():
        check_case(name)
    return test


for _name in CASES:
    globals()["test_a_policy_is_refused_" + _name.replace("-", "_")] = make_case(_name)


def test_an_empty_policy_is_refused():
    check_refused(write("empty.yaml", ""), None, "empty")


def test_ten_megabytes_of_garbage_are_refused():
    check_refused(write("garbage.yaml", os.urandom(10 << 20)), None)


def test_ten_megabytes_of_yaml_are_refused():
    check_refused(write("long.yaml", ONE + "# " + "x" * (10 << 20)), None)


def test_a_bomb_of_aliases_is_refused():
    text = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12))
    check_refused(write("bomb.yaml", text), None)


def test_deep_nesting_is_refused():
    check_refused(write("deep.yaml", "a: " + "[" * 100000), None)


def test_a_nul_byte_is_refused():
    check_refused(write("nul.yaml", ONE.encode().replace(b"one", b"o\0e", 1)), None)


def test_a_directory_without_policies_is_refused():
    check_refused(PLACE.directory("no-policies"), None)


def test_a_policy_that_is_not_there_is_refused():
    check_refused(PLACE.sub("nowhere.yaml"), None, "No such file")


def test_a_policy_that_is_a_device_or_a_pipe_is_refused():
    check_refused("/dev/zero", None)
    path = PLACE.sub("fifo.yaml")
    os.mkfifo(path, 0o600)
    check_refused(path, None)


def test_a_policy_that_others_may_write_is_refused():
    check_refused(write("open.yaml", ONE, mode=0o666), None, "writable")
    assert run("--check", "--policy", write("fine.yaml", ONE, mode=0o644)).returncode == 0


def test_a_policy_of_another_owner_is_refused():
    path = write("owned.yaml", ONE)
    os.chown(path, 65534, 65534)
    check_refused(path, None)


def test_one_bad_file_of_a_directory_refuses_all():
    PLACE.directory("several")
    write("several/10.yaml", ONE)
    bad = write("several/20.yaml", ONE.replace("one", "two").replace("class", "clas"))
    check_refused(bad, 7, "clas", arguments=["--check", "--policy", PLACE.sub("several")])


def test_the_same_secret_in_two_files_is_refused():
    PLACE.directory("same")
    write("same/10.yaml", ONE)
    second = write("same/20.yaml", ONE.replace("name: t", "name: u"))
    check_refused(second, 6, "one", arguments=["--check", "--policy", PLACE.sub("same")])


def test_a_path_of_4096_bytes_is_refused_or_watched_but_never_cut():
    path = "/" + "/".join(["d" * 200] * 20) + "/" + "e" * 75
    assert len(path) == 4096
    check_refused(write("longpath.yaml", ONE.replace("/run/one", path)), 8)
    result = run("--check", "--policy", write("longpath2.yaml", ONE.replace("/run/one", path[:4095 - 1])))
    assert result.returncode in (0, 2), result.stderr


def test_sagent_policy_check_says_the_same():
    for name in ("unknown-key", "bad-glob", "duplicate-secret", "same-in-allow-and-deny", "path-excluded", "egress-bits"):
        text, line, *words = CASES[name]
        path = write(name + ".yaml", text)
        result = run("policy", "check", path, binary=SAGENT)
        assert result.returncode == 2, (result.returncode, result.stderr)
        assert f"{path}:{line}:" in result.stderr + result.stdout, result.stderr + result.stdout
        for word in words:
            assert word in result.stderr + result.stdout
    assert run("policy", "check", write("good.yaml", ONE), binary=SAGENT).returncode == 0


def check_warned(text, *expected):
    """sagentd --check and sagent policy check accept it, each with these warnings: (line, word...), in any order."""
    path = write("warned.yaml", text)
    for result in (run("--check", "--policy", path), run("policy", "check", path, binary=SAGENT)):
        lines = result.stderr.strip().splitlines()
        assert result.returncode == 0 and result.stdout.startswith("ok: 1 policies"), (result.returncode, lines)
        assert len(lines) == len(expected), lines
        for line, *words in expected:
            assert any(f"warning: {path}:{line}: " in said and all(word in said for word in words) for said in lines), (
                line, words, lines)
    result = run("policy", "check", "--json", path, binary=SAGENT)
    answer = json.loads(result.stdout)
    assert result.returncode == 0 and answer["ok"] and result.stderr == "", result
    assert sorted(w["line"] for w in answer["warnings"]) == sorted(line for line, *_ in expected), answer
    return answer


def rules(path, allow=(), deny=(), top=""):
    """A policy whose secret is that file; paths are in line 8 (9 with `top`), allow rules begin two lines later."""
    text = HEAD.replace("spec:\n", "spec:\n" + top) + f"    - name: one\n      class: c\n      paths: [{path}]\n"
    for key, listed in (("allow", allow), ("deny", deny)):
        text += "".join([f"      {key}:\n"] if listed else []) + "".join(f"        - {{{rule}}}\n" for rule in listed)
    return text


def test_a_policy_for_what_is_here_has_no_warnings():
    key = PLACE.file("here.key", "k")
    check_warned(rules(key, allow=["name: a, exe: [/usr/bin/env], user: [root], uid: [0]"]))


def test_rules_that_never_decide_are_warned_of():
    key = PLACE.file("here.key", "k")
    check_warned(rules(key, allow=["name: a, uid: [1, 2]", "name: b, uid: [2]"]), (11, "allow/b", "allow/a", "line 10"))
    check_warned(rules(key, allow=["name: a, exe: [/usr/bin/env], uid: [1]"], deny=["name: d, exe: ['/usr/bin/*']"]),
                 (10, "allow/a", "deny/d", "line 12"))
    check_warned(rules(key, allow=["name: a, unit: [x.timer]"]), (10, "x.timer", ".service"))
    check_warned(rules(key, allow=["name: a, uid: [1]"], top="  action: kill\n"), (5, "action: kill", "mode: enforce"))


def test_what_is_not_on_this_host_is_warned_of():
    key, folder = PLACE.file("here.key", "k"), PLACE.directory("here")
    check_warned(rules(f"{key}, {key}.not"), (8, f'"{key}.not"', "1 of 2 paths"))
    check_warned(rules(folder), (8, "is a directory", f'"{folder}/**"'))
    check_warned(rules(key, allow=["name: a, exe: [/usr/bin/no-such-program]"]), (10, '"/usr/bin/no-such-program"'))
    check_warned(rules(key, allow=["name: a, user: [no-such-user]"]), (10, '"no-such-user"', "/etc/passwd"))
    check_warned(rules(key, allow=["name: a, user: [root], uid: [7]"]), (10, "never matches", "uid"))


def test_a_program_under_the_name_of_a_link_or_a_script_is_warned_of():
    key, program = PLACE.file("here.key", "k"), PLACE.file("program", text="\x7fELF")
    script, link = PLACE.file("script", text="#!/bin/sh\n"), PLACE.sub("program-link")
    os.symlink(program, link)
    check_warned(rules(key, allow=[f"name: a, exe: [{link}]"]), (10, "is a link", program))
    check_warned(rules(key, allow=[f"name: a, exe: [{script}]"]), (10, "is a script", '"script"'))
    check_warned(rules(key, allow=[f"name: a, script: [{program}]"]), (10, '"#!"', '"exe"'))


def test_an_enforcing_policy_that_denies_systemd_is_warned_of():
    systemd = "/usr/lib/systemd/systemd"
    if not os.path.exists(systemd):
        raise Skip("no systemd here")
    key = PLACE.file("here.key", "k")
    top = "  mode: enforce\n  onUnsupported: observe\n"
    text = rules(f"{key}, /var/lib/systemd/**", deny=["name: d, uid: [0]"], top=top)
    result = run("policy", "check", write("locked.yaml", text), binary=SAGENT)
    assert result.returncode == 0 and f'rule "deny/d" would deny systemd ({systemd})' in result.stderr, result.stderr
    result = run("policy", "check", write("free.yaml", text.replace("uid: [0]", "uid: [1]")), binary=SAGENT)
    assert result.returncode == 0 and "would deny" not in result.stderr, result.stderr


# ---------------------------------------------------------------- the configuration

CONFIGS = {
    "config-unknown-key": ("state_dirr: /tmp\n", 1, "state_dirr", "state_dir"),
    "config-unknown-nested-key": ("sensor:\n  flush_interval: 5\n", 2, "flush_interval", "flush_interval_ms"),
    "config-wrong-type": ("sensor:\n  flush_interval_ms: soon\n", 2, "flush_interval_ms"),
    "config-out-of-range": ("sensor:\n  flush_interval_ms: 1\n", 2, "50"),
    "config-not-a-power-of-two": ("sensor:\n  access_ring_kib: 1000\n", 2, "power of two"),
    "config-wrong-word": ("backend: magic\n", 1, "magic", "tracepoint"),
    "config-not-yaml": ("a: [\n", None),
    "config-list-for-a-mapping": ("sensor: [1]\n", 1, "sensor"),
}


def make_config_case(name):
    def test():
        text, line, *words = CONFIGS[name]
        path = write(name + ".yaml", text)
        check_refused(path, line, *words, arguments=["--config", path, "--check", "--policy", write("ok.yaml", ONE)])
    return test


for _name in CONFIGS:
    globals()["test_" + _name.replace("-", "_") + "_is_refused"] = make_config_case(_name)


def test_an_empty_configuration_is_refused():
    path = write("empty-config.yaml", "")
    check_refused(path, None, arguments=["--config", path, "--check", "--policy", write("ok.yaml", ONE)])


def test_garbage_and_directories_are_no_configuration():
    ok = write("ok.yaml", ONE)
    path = write("garbage-config.yaml", os.urandom(10 << 20))
    check_refused(path, None, arguments=["--config", path, "--check", "--policy", ok])
    check_refused(PLACE.path, None, arguments=["--config", PLACE.path, "--check", "--policy", ok])


def test_bad_settings_on_the_command_line_are_refused():
    ok = write("ok.yaml", ONE)
    for setting, word in (("nonsense", "nonsense"), ("sensor.flush_interval_ms=soon", "flush_interval_ms"),
                          ("sensor.flush_intervall_ms=100", "flush_interval_ms"), ("backend=magic", "magic"),
                          ("sensor.max_counters=1", "1024"), ("=5", "=")):
        result = run("--check", "--policy", ok, "--set", setting)
        lines = result.stderr.strip().splitlines()
        assert result.returncode == 2 and len(lines) == 1 and word in lines[0], (setting, result.returncode, lines)


def test_a_bad_policy_at_start_ends_with_2_and_attaches_nothing():
    d = Daemon(PLACE, [], text=CASES["unknown-key"][0], expect_ready=False)
    assert d.process.wait(10) == 2
    d.drain()
    assert len(d.stderr) == 1 and f"{d.policy_path}:9:" in d.stderr[0], d.stderr


def test_sighup_with_each_kind_of_bad_policy_keeps_the_old_one():
    path = PLACE.file("kept", "secret")
    with Daemon(PLACE, [secret("kept", path)]) as d:
        for number, text in enumerate((CASES["bad-glob"][0], "", "\xff\xfe", CASES["two-documents"][0])):
            d.write_policy([], text=text)
            assert d.reload()["type"] == REFUSED, text[:50]
            os.close(os.open(path, os.O_RDONLY))
            d.barrier()
            assert d.total(secret="kept") == number + 1
        os.unlink(d.policy_path)
        assert d.reload()["type"] == REFUSED
        d.barrier()


def test_a_policy_of_many_secrets_within_the_limits_is_accepted():
    text = policy("many", [secret(f"s{i}", f"/run/none/{i}/**") for i in range(3000)])
    result = run("--check", "--policy", write("many.yaml", text))
    assert result.returncode == 0, result.stderr[:300]
    text = policy("many", [secret(f"s{i}", f"/run/none/{i}") for i in range(50)])
    result = run("--check", "--policy", write("many.yaml", text), "--set", "policy.max_secrets=49")
    assert result.returncode == 2 and "49" in result.stderr, result.stderr[:300]


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
