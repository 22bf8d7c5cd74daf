#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The policy's JSON Schema and the loader say the same: what one takes the other takes, what one refuses both refuse.

What a schema cannot say (names that are given twice, ranges that run backwards, the YAML itself) only the loader refuses;
each such case is marked. Needs python3-jsonschema and python3-yaml.
"""

import json
import os
import subprocess
import sys

import jsonschema
import yaml

from harness import ROOT, SAGENTD, Place, run_tests

PLACE = Place()
SCHEMA = os.path.join(ROOT, "schemas", "policy", "secretpolicy.v1.schema.json")
TOP = "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: test}\n"
HEAD = TOP + "spec:\n  secrets:\n"
SHA256 = "0123456789abcdef" * 4


def secret(rest="", name="s", class_name="c", paths="[/s]"):
    return HEAD + f"  - {{name: {name}, class: {class_name}, paths: {paths}{rest}}}\n"


def rule(matchers, kind="allow"):
    return secret(f", {kind}: [{{name: r, {matchers}}}]")


def egress(destinations):
    return secret(f", egress: {{to: [{destinations}]}}")


def path(pattern):
    return secret(paths=f"['{pattern}']")


GOOD = {
    "least": secret(),
    "settings": TOP + "spec:\n  mode: observe\n  onUnsupported: refuse\n  onError: allow\n  secrets:\n"
                      "  - {name: s, class: c, paths: [/s]}\n",
    "enforce-or-observe": TOP + "spec:\n  mode: enforce\n  onUnsupported: observe\n  onError: deny\n  secrets:\n"
                                "  - {name: s, class: c, paths: [/s], default: deny}\n",
    "default-allow": secret(", default: allow, deny: [{name: d, uid: [1]}]"),
    "exclude": secret(", exclude: ['~/.ssh/*.pub', /s/x]"),
    "quoted-number-name": secret(name="'12'"),
    "longest-name": secret(name="a" * 63),
    "exe": rule("exe: [/usr/bin/a, '/usr/**/b?', '/[a-z]*']"),
    "sha256": rule(f"sha256: [{SHA256}]"),
    "ids": rule("uid: [0, 4294967294], gid: [7]"),
    "user": rule("user: [root, www-data, ann.b]"),
    "unit": rule("unit: [a.service, 'getty@*.service', 'a*', 'serial\\x2dgetty@x.service']"),
    "cgroup": rule("cgroup: [/, '/system.slice/**']"),
    "container": rule(f"container: [none, '*', {SHA256}, 4f5d6a7b8c9d*]"),
    "ancestor": rule("ancestor: [/usr/sbin/cron]"),
    "kinds": rule("kinds: [open, exec, map, receive, link, ptrace, proc-mem, proc-environ]", "deny"),
    "script": rule("script: [/usr/bin/app, '/opt/**/*.py']"),
    "kill": TOP + "spec:\n  mode: enforce\n  action: kill\n  secrets:\n  - {name: s, class: c, paths: [/s]}\n",
    "egress-ipv4": egress("10.0.0.5, 10.0.0.5:5432, 10.0.0.0/8, '10.0.0.0/8:1', 127.0.0.1, 0.0.0.0/0, '1.2.3.4:65535'"),
    "egress-ipv6": egress("'fd00::1', '[fd00::1]:443', 'fd00::/8', '[fd00::/8]:1', '::1', '::', '::/0', '1:2:3:4:5:6:7:8'"),
    "egress-action": secret(", egress: {action: deny, to: [10.0.0.5]}"),
    "egress-64": egress(", ".join(f"10.0.0.{i}" for i in range(64))),
    "paths": secret(paths="['~/.netrc', '/a/**', '/a/**/b', '/a/[]]', '/a/[!]]', '/a/[*][*]', '/a/...', '/a/.b', '/a b']"),
    "longest-path": path("/" + "a" * 4094),
}

BAD = {
    "empty-file": "",
    "no-mapping": "- a\n",
    "api-version": secret().replace("/v1", "/v2"),
    "kind": secret().replace("SecretPolicy", "Pod"),
    "no-metadata": secret().replace("metadata: {name: test}\n", ""),
    "metadata-labels": secret().replace("{name: test}", "{name: test, labels: {a: b}}"),
    "no-spec": TOP,
    "no-secrets": TOP + "spec: {mode: observe}\n",
    "empty-secrets": TOP + "spec: {secrets: []}\n",
    "unknown-top-key": secret() + "status: {}\n",
    "unknown-spec-key": secret().replace("spec:\n", "spec:\n  modus: observe\n"),
    "unknown-secret-key": secret(", path: [/a]"),
    "unknown-matcher": rule("exec: [/a]"),
    "mode": secret().replace("spec:\n", "spec:\n  mode: watch\n"),
    "on-unsupported": secret().replace("spec:\n", "spec:\n  onUnsupported: allow\n"),
    "on-error": secret().replace("spec:\n", "spec:\n  onError: alert\n"),
    "default": secret(", default: log"),
    "no-name": HEAD + "  - {class: c, paths: [/s]}\n",
    "no-class": HEAD + "  - {name: s, paths: [/s]}\n",
    "no-paths": HEAD + "  - {name: s, class: c}\n",
    "empty-paths": secret(paths="[]"),
    "paths-no-list": secret(paths="/s"),
    "name-no-word": secret(name="[s]"),
    "name-number": secret(name="12"),
    "name-boolean": secret(name="yes"),
    "name-null": secret(name="~"),
    "name-date": secret(name="2026-01-02"),
    "name-empty": secret(name="''"),
    "name-capital": secret(name="Secret"),
    "name-underscore": secret(name="a_b"),
    "name-dash-first": secret(name="-a"),
    "name-dash-last": secret(name="a-"),
    "name-64": secret(name="a" * 64),
    "name-newline": secret(name='"a\\nb"'),
    "name-newline-last": secret(name='"a\\n"'),
    "name-nul": secret(name='"a\\0"'),
    "class": secret(class_name="SSH key"),
    "path-relative": path("etc/shadow"),
    "path-root": path("/"),
    "path-home": path("~"),
    "path-home-root": path("~/"),
    "path-other-home": path("~ann/x"),
    "path-double-slash": path("/a//b"),
    "path-slash-last": path("/a/"),
    "path-dot": path("/a/./b"),
    "path-dots": path("/a/../b"),
    "path-dots-last": path("/a/.."),
    "path-glued": path("/a**"),
    "path-three-stars": path("/a/***"),
    "path-twice": path("/a/**/**"),
    "path-everything": path("/**"),
    "path-everywhere": path("/**/id_rsa"),
    "path-open-bracket": path("/a[b"),
    "path-empty-bracket": path("/a[]"),
    "path-negated-bracket": path("/a[!]"),
    "path-4096": path("/" + "a" * 4095),
    "path-newline": secret(paths='["/a\\n"]'),
    "exclude-relative": secret(", exclude: ['*.pub']"),
    "rule-no-matcher": secret(", allow: [{name: r}]"),
    "rule-no-name": secret(", allow: [{uid: [1]}]"),
    "rule-empty-matcher": rule("uid: []"),
    "rules-empty": secret(", deny: []"),
    "exe-relative": rule("exe: [cat]"),
    "exe-home": rule("exe: [~/bin/a]"),
    "ancestor": rule("ancestor: [/a/]"),
    "sha256-short": rule("sha256: [abcd]"),
    "sha256-capitals": rule(f"sha256: [{SHA256.upper()}]"),
    "uid-negative": rule("uid: [-1]"),
    "uid-large": rule("uid: [4294967295]"),
    "uid-word": rule("uid: [root]"),
    "uid-quoted": rule("uid: ['0']"),
    "uid-float": rule("uid: [1.5]"),
    "gid-list": rule("gid: [[1]]"),
    "user-number": rule("user: ['1000']"),
    "user-wildcard": rule("user: ['a*']"),
    "unit-no-type": rule("unit: [ssh]"),
    "unit-slash": rule("unit: [a/b.service]"),
    "cgroup": rule("cgroup: [system.slice]"),
    "container-short": rule("container: [4f5d6a7b8c9d]"),
    "container-space": rule("container: [a b]"),
    "kinds": rule("kinds: [read]"),
    "script-relative": rule("script: [a.py]"),
    "action": secret().replace("spec:\n", "spec:\n  action: stop\n"),
    "egress-empty": egress(""),
    "egress-no-list": secret(", egress: {action: deny}"),
    "egress-allow": secret(", egress: {action: allow, to: [10.0.0.5]}"),
    "egress-unknown-key": secret(", egress: {to: [10.0.0.5], from: [10.0.0.5]}"),
    "egress-65": egress(", ".join(f"10.0.0.{i}" for i in range(65))),
    "egress-name": egress("localhost"),
    "egress-name-port": egress("'db.example.com:5432'"),
    "egress-short": egress("'10.0.5'"),
    "egress-256": egress("10.0.0.256"),
    "egress-zero": egress("10.0.0.05"),
    "egress-port-0": egress("'10.0.0.5:0'"),
    "egress-port-65536": egress("'10.0.0.5:65536'"),
    "egress-port-none": egress("'10.0.0.5:'"),
    "egress-prefix-33": egress("10.0.0.0/33"),
    "egress-prefix-129": egress("'fd00::/129'"),
    "egress-prefix-none": egress("10.0.0.0/"),
    "egress-zone": egress("'fe80::1%eth0'"),
    "egress-brackets": egress("'[fd00::1]'"),
    "egress-brackets-ipv4": egress("'[10.0.0.5]:443'"),
    "egress-one-colon": egress("':1'"),
}

# Case -> why a schema cannot know.
BAD_FOR_THE_LOADER_ALONE = {
    "second-secret": (secret() + "  - {name: s, class: c, paths: [/t]}\n", "unique by one key"),
    "second-rule": (secret(", allow: [{name: r, uid: [1]}, {name: r, uid: [2]}]"), "unique by one key"),
    "second-key": (secret(", class: d"), "gone after YAML is read"),
    "backward-range": (path("/a[z-a]"), "order of characters"),
    "unit-open-bracket": (rule("unit: ['a[.service']"), "brackets are a loader's matter"),
    "octal-uid": (rule("uid: [010]"), "gone after YAML is read"),
    "hexadecimal-uid": (rule("uid: [0x10]"), "gone after YAML is read"),
    "anchor": (secret(paths="&a [/s]"), "gone after YAML is read"),
    "tag": (secret(paths="[!!str /s]"), "gone after YAML is read"),
    "egress-bits": (egress("10.1.2.3/8"), "arithmetic"),
    "egress-mapped": (egress("'::ffff:10.0.0.5'"), "one meaning in two spellings"),
    "egress-nine-words": (egress("'1:2:3:4:5:6:7:8:9'"), "an IPv6 address as a pattern is no help to anybody"),
    "enforce": (TOP + "spec:\n  mode: enforce\n  secrets:\n  - {name: s, class: c, paths: [/s], default: deny}\n",
                "what this build can do"),
}

with open(SCHEMA, encoding="utf-8") as schema_file:
    VALIDATOR = jsonschema.Draft202012Validator(json.load(schema_file))


def schema_accepts(text):
    return VALIDATOR.is_valid(yaml.safe_load(text))


def load(file):
    # With a control group configured: what a policy needs of the host is not asked here.
    return subprocess.run([SAGENTD, "--check", "--policy", file, "--set", "enforcement.tier=observe", "--set",
                           "egress.cgroup=/"], capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=30, check=False)


def write(name, text):
    file = PLACE.sub(name + ".yaml")
    with open(file, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(file, 0o644)
    return file


def assert_loader_accepts(file):
    result = load(file)
    assert result.returncode == 0, f"exit {result.returncode}: {result.stderr}"


def assert_loader_refuses(file):
    result = load(file)
    assert result.returncode == 2, f"exit {result.returncode}: {result.stderr}"
    assert f"{file}:" in result.stderr, result.stderr


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)


def test_both_accept_the_policies_that_are_shipped():
    folder = os.path.join(ROOT, "deploy", "policies")
    files = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    assert files
    for file in files:
        with open(file, encoding="utf-8") as f:
            errors = [f"{list(error.path)}: {error.message}" for error in VALIDATOR.iter_errors(yaml.safe_load(f))]
        assert not errors, errors
        assert_loader_accepts(file)


def test_both_accept_the_examples_of_the_documentation():
    with open(os.path.join(ROOT, "docs", "policy.md"), encoding="utf-8") as f:
        blocks = f.read().split("```yaml\n")[1:]
    examples = [block.split("```")[0] for block in blocks]
    examples = [example for example in examples if example.startswith("apiVersion:")]
    assert examples
    for number, example in enumerate(examples):
        assert schema_accepts(example), example
        assert_loader_accepts(write(f"example-{number}", example))


def make_good(name, text):
    def test():
        errors = [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]
        assert not errors, errors
        assert_loader_accepts(write(name, text))
    return test


def make_bad(name, text):
    def test():
        assert not schema_accepts(text), "the schema accepts it"
        assert_loader_refuses(write(name, text))
    return test


def make_loader_only(name, text, why):
    def test():
        assert schema_accepts(text), f"the schema can know after all ({why}): move the case"
        assert_loader_refuses(write(name, text))
    return test


for _name, _text in GOOD.items():
    globals()["test_both_accept_" + _name.replace("-", "_")] = make_good(_name, _text)
for _name, _text in BAD.items():
    globals()["test_both_refuse_" + _name.replace("-", "_")] = make_bad(_name, _text)
for _name, (_text, _why) in BAD_FOR_THE_LOADER_ALONE.items():
    globals()["test_the_loader_refuses_" + _name.replace("-", "_")] = make_loader_only(_name, _text, _why)

if __name__ == "__main__":
    sys.exit(run_tests(globals()))
