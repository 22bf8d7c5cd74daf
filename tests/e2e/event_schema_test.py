#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every event that event_samples.c can provoke is what its JSON Schema says; what is not, the schema refuses.

An independent validator (python3-jsonschema) reads both. Needs no root. Prints TAP.
"""

import copy
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.path.abspath(os.environ.get("B") or os.environ.get("O") or os.path.join(ROOT, "build"))
SAMPLES = os.path.join(B, "tests", "e2e", "event_samples")
SCHEMAS = os.path.join(ROOT, "schemas", "events")
ACCESS = "secretsagent.secret.access.v1"
LOSS = "secretsagent.sensor.loss.v1"
EVENT_SIZE_MAX = 512 * 1024
OPTIONAL = {"name_truncated", "class_truncated", "exe_truncated"}  # there only when they are true; in samples_to_change()

schemas, validators, lines, events = {}, {}, [], []


def load(jsonschema):
    for name in sorted(os.listdir(SCHEMAS)):
        with open(os.path.join(SCHEMAS, name), encoding="utf-8") as f:
            schema = json.load(f)
        jsonschema.Draft202012Validator.check_schema(schema)
        type_ = schema["properties"]["type"]["const"]
        assert name == type_ + ".schema.json", f"{name} is the schema of {type_}"
        schemas[type_] = schema
        validators[type_] = jsonschema.Draft202012Validator(schema)
    out = subprocess.run([SAMPLES], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    lines.extend(out.split(b"\n")[:-1])
    events.extend(json.loads(line.decode("utf-8")) for line in lines)


def of(type_):
    return [e for e in events if e["type"] == type_]


def is_valid(event):
    return validators[event["type"]].is_valid(event)


def check_valid(event):
    error = next(validators[event["type"]].iter_errors(event), None)
    assert error is None, f"{list(error.absolute_path)}: {error.message[:300]}"


# ---------------------------------------------------------------- what is written


def test_each_event_is_one_line_of_utf8_and_bounded():
    assert len(lines) > 100
    for line in lines:
        text = line.decode("utf-8")
        assert len(text.splitlines()) == 1, text[:200]
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", text), text[:200]
        assert len(line) <= EVENT_SIZE_MAX, len(line)


def test_each_event_keeps_its_schema():
    for event in events:
        check_valid(event)


def test_each_type_has_a_sample_and_a_schema():
    assert {e["type"] for e in events} == set(schemas)


def test_each_id_is_its_own():
    assert len({e["id"] for e in events}) == len(events)


def test_the_plain_access_says_what_was_put_in():
    e = of(ACCESS)[0]
    assert e["source"] == "/hosts/db-7.example.com/sagentd" and e["subject"] == "shadow"
    assert e["time"] == e["data"]["access"]["last"] == "2026-01-02T03:04:05.123456789Z"
    assert e["data"]["secret"] == {"name": "shadow", "class": "os-credential", "path": "/etc/shadow",
                                   "path_truncated": False, "dev": "8:1", "ino": 1311768, "generation": 77}
    process = e["data"]["process"]
    assert process["args"] == ["cat", "/etc/shadow"] and process["key"] == "4242-81234567890"
    assert process["capabilities"] == "000001ffffffffff" and process["login_uid"] == 1000
    assert [a["exe"] for a in process["ancestors"]] == ["/usr/bin/sudo", "/usr/bin/bash", "/usr/lib/systemd/systemd"]
    assert e["data"]["verdict"] == {"action": "alert", "rule": "default", "policy": "host", "tier": "observe",
                                    "enforced": False, "would_deny": False}


def test_numbers_of_64_bits_are_exact():
    assert any(e["data"]["secret"]["ino"] == e["data"]["access"]["count"] == 2**64 - 1 for e in of(ACCESS))


def test_refusals_have_their_names():
    names = {e["data"]["access"]["result"]: e["data"]["access"]["error"] for e in of(ACCESS)}
    assert names[0] is None and names[-13] == "EACCES" and names[-1] == "EPERM" and names[-2] == "ENOENT"
    assert names[-255] == "E255"


def test_a_path_of_4096_bytes_is_whole_and_a_longer_one_says_that_it_is_cut():
    paths = [e["data"]["secret"] for e in of(ACCESS)]
    assert any(len(s["path"]) == 4096 and not s["path_truncated"] for s in paths)
    assert any(len(s["path"]) == 4096 and s["path_truncated"] for s in paths)


def test_a_cut_does_not_split_a_character():
    cut = [e["data"]["process"] for e in of(ACCESS) if e["data"]["process"]["exe"].startswith("\u20ac")]
    assert cut and all("\ufffd" not in p["exe"] and p["exe_truncated"] for p in cut)


def test_every_field_and_every_value_of_every_enum_was_seen():
    for type_, schema in schemas.items():
        if type_ == "secretsagent.sensor.started.v1":
            continue  # its tiers are the access event's
        for path, part in parts(schema):
            values = [v for e in of(type_) for v in at(e, path)]
            assert values, f"{type_}: nothing at {path}"
            missing = set(part.get("enum", [])) - {v for v in values if v is None or isinstance(v, str)}
            assert not missing, f"{type_}: {path} was never {missing}"


def parts(schema, path=()):
    """Every property of a schema, with its place."""
    for key, part in schema.get("properties", {}).items():
        yield path + (key,), part
        yield from parts(part, path + (key,))
        if "items" in part:
            yield from parts(part["items"], path + (key, "*"))


def at(value, path):
    """All that a document has at a place."""
    if not path:
        return [value]
    if path[0] == "*":
        return [v for element in value for v in at(element, path[1:])]
    return at(value[path[0]], path[1:]) if isinstance(value, dict) and path[0] in value else []


# ---------------------------------------------------------------- what the schemas refuse


def places(value, path=()):
    """Every value inside a document; of a list the first element stands for all."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, path + (key,))


def changed(event, path, change):
    event = copy.deepcopy(event)
    place = event
    for key in path[:-1]:
        place = place[key]
    change(place, path[-1])
    return event


def samples_to_change():
    chosen = {}
    for event in sorted(events, key=lambda e: len(json.dumps(e))):
        chosen.setdefault((event["type"], event["type"] == ACCESS and event["data"]["access"]["target"] is None), event)
    return list(chosen.values())


def refuses(what, applies, change):
    """Each place that `applies(path, value)`, changed by `change(place, key)`, makes an event that is refused."""
    tried = 0
    for event in samples_to_change():
        for path in places(event):
            if not path or path == ("type",) or not applies(path, value_at(event, path)):
                continue
            tried += 1
            assert not is_valid(changed(event, path, change)), f"{event['type']}: {what} at {path} passes"
    assert tried > 10, tried


def value_at(event, path):
    for key in path:
        event = event[key]
    return event


def test_an_event_without_one_of_its_fields_is_refused():
    refuses("a missing field", lambda path, _: isinstance(path[-1], str) and path[-1] not in OPTIONAL,
            lambda place, key: place.pop(key))


def test_a_field_of_another_type_is_refused():
    refuses("another type", lambda path, value: True,
            lambda place, key: place.__setitem__(key, [] if isinstance(place[key], dict) else {"no": "such"}))


def test_a_field_that_no_schema_knows_is_refused():
    refuses("an unknown field", lambda path, value: isinstance(value, dict),
            lambda place, key: place[key].__setitem__("unknown_field", 1))
    for event in samples_to_change():
        assert not is_valid({**event, "unknown_field": 1}), event["type"]


def test_values_out_of_range_are_refused():
    plain = of(ACCESS)[0]
    for path, value in [
            (("specversion",), "0.3"), (("id",), "not-a-uuid"), (("time",), "2026-01-02 03:04:05"), (("subject",), ""),
            (("source",), "/hosts/a b/sagentd"), (("datacontenttype",), "text/plain"),
            (("data", "access", "kind"), "read"), (("data", "access", "count"), -1), (("data", "access", "count"), 1.5),
            (("data", "access", "result"), 13), (("data", "access", "error"), "EACCES"),
            (("data", "secret", "dev"), "8"), (("data", "secret", "ino"), 2**64), (("data", "secret", "path"), "p" * 4097),
            (("data", "process", "pid"), 2**32), (("data", "process", "exe_sha256"), "abc"),
            (("data", "process", "capabilities"), "0x1"), (("data", "verdict", "action"), "permit"),
            (("data", "verdict", "tier"), "none"), (("data", "process", "comm"), "x" * 16)]:
        mutant = changed(plain, path, lambda place, key, value=value: place.__setitem__(key, value))
        assert not is_valid(mutant), f"{path} = {str(value)[:40]} passes"
    loss = changed(of(LOSS)[0], ("data", "place"), lambda place, key: place.__setitem__(key, "elsewhere"))
    assert not is_valid(loss)


# ---------------------------------------------------------------- the documentation


def test_the_examples_in_the_documentation_keep_their_schemas():
    with open(os.path.join(ROOT, "docs", "events.md"), encoding="utf-8") as f:
        text = f.read()
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.S)]
    assert {e["type"] for e in examples} == set(schemas)
    for event in examples:
        check_valid(event)


def test_the_documentation_names_every_field_and_every_place_of_loss():
    with open(os.path.join(ROOT, "docs", "events.md"), encoding="utf-8") as f:
        text = f.read()
    named = set(re.findall(r"`([a-z0-9_-]+)`", text))
    for type_, schema in schemas.items():
        for path, part in parts(schema):
            key = path[-1]
            assert key in named or key.endswith("_truncated") or key == "data", f"{type_}: {path} is not documented"
            if key in ("place", "kind", "via"):
                assert not set(part.get("enum", [])) - named, set(part["enum"]) - named


def main():
    tests = [(name, f) for name, f in globals().items() if name.startswith("test_")]
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("1..0 # SKIP python3-jsonschema is not installed")
        return 0
    load(jsonschema)
    print(f"1..{len(tests)}")
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            result = "ok"
        except (AssertionError, LookupError, TypeError, ValueError, OSError) as error:
            result = "not ok"
            failed += 1
            print("\n".join(f"#   {text}" for text in f"{type(error).__name__}: {error}".splitlines()))
        print(f"{result} {number} - {name.removeprefix('test_').replace('_', ' ')}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
