# SPDX-License-Identifier: Apache-2.0
"""The daemon is killed (SIGKILL) and started again: what is stopped meanwhile, and what the next start says of it."""

from enforcing import Enforcing, Reader, guarded, program
from harness import Place
from load import Wrong, check_allowed, reader_mode

GAP = "secretsagent.agent.gap.v1"
SECRET = "restarted"
ROUNDS = 5  # programs that try in the gap, each twice


def attempts(tier, place, name, path):
    """ROUNDS programs after each other, two opens each; what they counted."""
    sums = {}
    for _ in range(ROUNDS):
        mode = reader_mode(tier) if name == "denied" else "read"
        reader = Reader(program(place, name), "pace" if mode == "read" else mode, path, 0)
        for key, value in reader.finish().items():
            sums[key] = sums.get(key, 0) + value
    return sums


def is_stopped(tier, place, path):
    """What becomes of the denied reader: True, or False when everything passes. A mixture is wrong."""
    sums = attempts(tier, place, "denied", path)
    stopped = sums["killed"] if tier == "kill" else sums["denied"]
    if {stopped, sums["ok"]} != {0, 2 * ROUNDS}:
        raise Wrong(f"the denied reader: {sums}")
    return stopped > 0


def check_gap(daemon, tier, stays):
    """The one event that tells of the gap; with exact numbers where the kernel went on counting."""
    found = daemon.events.wait(lambda all_: [e["data"] for e in all_ if e["type"] == GAP])
    if not found or len(found) != 1:
        raise Wrong(f"{len(found or [])} events tell of the gap")
    gap = found[0]
    if gap["cause"] != "killed" or gap["tier"] != tier or gap["denied_meanwhile"] != stays or gap["seconds"] is None:
        raise Wrong(f"the gap is told as {gap}")
    if stays and (gap["accesses"], gap["denied"]) != (4 * ROUNDS, 2 * ROUNDS):
        raise Wrong(f"{4 * ROUNDS} accesses in the gap, {2 * ROUNDS} of them denied, told as {gap['accesses']} and "
                    f"{gap['denied']}")


def across(tier, place, path, start, first):
    """Readers that go on through a kill and a start: in tier lsm nobody slips through. Returns the next daemon."""
    allowed = Reader(program(place, "allowed"), "pace", path)
    denied = Reader(program(place, "denied"), "pace", path)
    allowed.wait_ready()
    denied.wait_ready()
    first.kill()
    second = start()
    second.barrier()
    check_allowed(allowed.stop(), "allowed")
    sums = denied.stop()
    if tier == "lsm" and (sums["ok"] or sums["cut"] or not sums["denied"]):
        raise Wrong(f"the denied reader slipped through the restart: {sums}")
    return second


def restart(tier):
    """Stops before; in the gap as the tier says; stops after, and tells of the gap."""
    stays = tier == "lsm"
    place = Place()
    path = place.file("restart", "secret")
    secrets = [guarded(place, SECRET, path)]
    daemon = Enforcing(place, tier, secrets)

    def start():
        return Enforcing(place, tier, secrets, pins=daemon.pins, state=daemon.state)

    try:
        if not is_stopped(tier, place, path):
            raise Wrong("nothing is stopped before the kill")
        daemon.barrier()
        daemon.barrier()  # what was counted until here has been told, and its heartbeat written
        daemon.kill()
        if is_stopped(tier, place, path) != stays:
            raise Wrong("without a daemon the denied reader " + ("passes" if stays else "is still stopped"))
        check_allowed(attempts(tier, place, "allowed", path), "allowed in the gap")
        daemon = start()
        check_gap(daemon, tier, stays)
        if not is_stopped(tier, place, path):
            raise Wrong("nothing is stopped after the next start")
        if tier != "kill":
            daemon = across(tier, place, path, start, daemon)
        daemon.stop(seconds=10)
        daemon.leave_nothing()
        if is_stopped(tier, place, path):
            raise Wrong("it is still stopped after the end" + (" and --detach" if stays else ""))
        return "denied in the gap too, which the next start told of exactly" if stays else \
            "everything passed in the gap, which the next start told of"
    finally:
        daemon.leave_nothing()
        place.remove()
