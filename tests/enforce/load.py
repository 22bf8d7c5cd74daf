# SPDX-License-Identifier: Apache-2.0
"""Verdicts under load: readers that may and readers that may not at once, counted one by one, and new policies.

No verdict may be wrong, and the sums of the events are the attempts, exactly.
"""

import os

from enforcing import HOLDER_GID, Enforcing, Reader, guarded, policy, program
from harness import Place

SECRET = "crowded"
LATE = 120  # seconds for events that are on their way: each process that was killed is one


def reader_mode(tier):
    """Who is killed for it reads in a child."""
    return "spawn" if tier == "kill" else "read"


def add_up(readers):
    sums = {}
    for reader in readers:
        for key, value in reader.counted.items():
            sums[key] = sums.get(key, 0) + value
    return sums


class Wrong(Exception):
    """A verdict or a count that is not as it must be; the text says which."""


def check_allowed(sums, who):
    if not sums["ok"] or any(sums[what] for what in ("denied", "cut", "killed", "other", "absent")):
        raise Wrong(f"{who} may read it, and was disturbed: {sums}")


def check_denied(tier, sums, who):
    stopped, others = ("killed", "denied") if tier == "kill" else ("denied", "killed")
    if not sums[stopped] or any(sums[what] for what in ("ok", others, "cut", "other", "absent")):
        raise Wrong(f"{who} may not read it: {sums}")


def told(daemon, exe, is_stopped):
    """Accesses by this program that the events tell of."""
    return sum(e["data"]["access"]["count"] for e in daemon.accesses(secret=SECRET)
               if e["data"]["process"]["exe"] == exe and e["data"]["verdict"]["enforced"] == is_stopped)


def kinds(daemon, exe):
    """What the events say of this program, summed up by verdict."""
    sums = {}
    for e in daemon.accesses(secret=SECRET):
        if e["data"]["process"]["exe"] == exe:
            access, verdict = e["data"]["access"], e["data"]["verdict"]
            key = f"{access['kind']} {access['via']} {access['result']} {verdict['action']} " \
                f"{verdict['tier']} {verdict['rule']}"
            sums[key] = sums.get(key, 0) + access["count"]
    return sums


def check_told(daemon, tier, exe, granted, stopped):
    """Waits for what is still on its way; then the sums must be the attempts."""
    daemon.events.wait(lambda _: told(daemon, exe, False) >= granted and told(daemon, exe, True) >= stopped, LATE)
    daemon.barrier()
    found = (told(daemon, exe, False), told(daemon, exe, True))
    if found != (granted, stopped):
        raise Wrong(f"{os.path.basename(exe)}: {granted} granted and {stopped} stopped, the events tell of "
                    f"{found[0]} and {found[1]}: {kinds(daemon, exe)}; losses: {daemon.losses()}")
    tiers = {e["data"]["verdict"]["tier"] for e in daemon.accesses(secret=SECRET)
             if e["data"]["verdict"]["enforced"]}
    if stopped and tiers != {tier}:
        raise Wrong(f"stopped by {sorted(tiers)}")


# ---------------------------------------------------------------- 50 readers at once


def crowd(tier, seconds, size=50):
    """size readers for that long: two of five may, two may not, one changes its group for every other read."""
    place = Place()
    path = place.file("crowd", "secret")
    allowed, denied, changing = (program(place, name) for name in ("allowed", "denied", "changing"))
    daemon = Enforcing(place, tier, [guarded(place, SECRET, path)])
    try:
        readers = {allowed: [Reader(allowed, "read", path, seconds) for _ in range(size * 2 // 5)],
                   denied: [Reader(denied, reader_mode(tier), path, seconds) for _ in range(size * 2 // 5)]}
        if tier != "kill":
            readers[changing] = [Reader(changing, "alternate", path, seconds, HOLDER_GID) for _ in range(size // 5)]
        sums = {}
        for exe, those in readers.items():
            for reader in those:
                reader.finish(seconds * 4 + 120)
            sums[exe] = add_up(those)
        check_allowed(sums[allowed], "allowed")
        check_denied(tier, sums[denied], "denied")
        check_told(daemon, tier, allowed, sums[allowed]["ok"], 0)
        stopped = sums[denied]["denied"] + sums[denied]["killed"]
        check_told(daemon, tier, denied, 0, stopped)
        granted = sums[allowed]["ok"]
        if changing in sums:
            s = sums[changing]
            if not s["denied"] or not s["gid_ok"] or \
                    any(s[what] for what in ("ok", "gid_denied", "cut", "killed", "other", "absent")):
                raise Wrong(f"changing may read it with the group alone: {s}")
            check_told(daemon, tier, changing, s["gid_ok"], s["denied"])
            granted, stopped = granted + s["gid_ok"], stopped + s["denied"]
        daemon.stop(seconds=10)
        return f"{size} readers, {seconds} s: {granted} granted, {stopped} stopped, no verdict wrong, all told"
    finally:
        daemon.leave_nothing()
        place.remove()


# ---------------------------------------------------------------- programs that nobody has seen before


def strangers(tier, count):
    """So many new programs, each of which reads as soon as it runs: a verdict must not wait until they are known."""
    place = Place()
    path = place.file("strangers", "secret")
    daemon = Enforcing(place, tier, [guarded(place, SECRET, path)])
    try:
        daemon.barrier()
        sums = {}
        for number in range(count):
            stranger = Reader(program(place, f"stranger-{number}"), reader_mode(tier), path, 0)
            for key, value in stranger.finish().items():
                sums[key] = sums.get(key, 0) + value
        check_denied(tier, sums, "a program that was never seen")
        stopped = sums["denied"] + sums["killed"]
        daemon.events.wait(lambda _: daemon.total(secret=SECRET) >= stopped, LATE)
        daemon.barrier()
        found = daemon.total(secret=SECRET, action="deny")
        if found != stopped or daemon.total(secret=SECRET) != stopped:
            raise Wrong(f"{stopped} accesses, the events tell of {found} denied")
        daemon.stop(seconds=10)
        return f"{count} programs, {stopped} reads, all stopped and told"
    finally:
        daemon.leave_nothing()
        place.remove()


# ---------------------------------------------------------------- 100 policies under load


def variant(place, number, path, action):
    """A policy that differs from its neighbour in rules, in order and in what else it guards; never about the two."""
    odd = number % 2
    one = [{"name": "reader", "exe": [program(place, "allowed")]}]
    two = [{"name": "sometimes", "exe": [program(place, "sometimes")]}]
    mine = {"name": SECRET, "class": "test", "paths": [path], "default": "deny", "allow": two + one if odd else one}
    if odd:
        mine["deny"] = [{"name": "by-name", "exe": [program(place, "denied")]}]
    others = [{"name": f"other-{n}", "class": "test", "paths": [place.sub("other", str(n))], "default": "deny",
               "allow": one} for n in range(number % 5)]
    secrets = others + [mine] if odd else [mine] + others
    return policy("enforce", secrets, mode="enforce", action=action, onError="deny")


def reload(tier, times, size=4):
    """Reloads that many policies, while readers read that the policies do not agree about, and those they do."""
    place = Place()
    path = place.file("reload", "secret")
    for n in range(5):
        place.file("other", str(n))
    allowed, denied, sometimes = (program(place, name) for name in ("allowed", "denied", "sometimes"))
    daemon = Enforcing(place, tier, [], text=variant(place, 0, path, "kill" if tier == "kill" else "deny"))
    try:
        readers = {allowed: [Reader(allowed, "read", path) for _ in range(size)],
                   denied: [Reader(denied, reader_mode(tier), path) for _ in range(size)],
                   sometimes: [Reader(sometimes, reader_mode(tier), path) for _ in range(size // 2)]}
        for those in readers.values():
            for reader in those:
                reader.wait_ready()
        for number in range(1, times + 1):
            daemon.write_policy([], text=variant(place, number, path, daemon.action))
            event = daemon.reload()
            if "loaded" not in event["type"]:
                raise Wrong(f"policy {number} was refused: {event['data']}")
        for those in readers.values():
            for reader in those:
                reader.stop()
        sums = {exe: add_up(those) for exe, those in readers.items()}
        check_allowed(sums[allowed], "allowed by all")
        check_denied(tier, sums[denied], "denied by all")
        s = sums[sometimes]
        if not s["ok"] or not s["denied"] + s["killed"]:
            raise Wrong(f"the policies did not change: {s}")
        for exe, s in sums.items():
            check_told(daemon, tier, exe, s["ok"] + s["cut"], s["denied"] + s["killed"] + s["cut"])
        daemon.stop(seconds=10)
        return f"{times} reloads: {sum(s['ok'] for s in sums.values())} granted, " \
            f"{sum(s['denied'] + s['killed'] for s in sums.values())} stopped, no verdict wrong, all told"
    finally:
        daemon.leave_nothing()
        place.remove()
