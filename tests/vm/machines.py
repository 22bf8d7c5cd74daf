# SPDX-License-Identifier: Apache-2.0
"""What runs where: the machines, the jobs on each of them, and which tests stand for all when there is little time."""

import json
import re
import shlex

SUITES = ("probe", "bpf", "e2e", "evasion", "enforce")
PATIENCE = 20  # how much slower than a real machine these are; every instruction is interpreted
LEAST_SECONDS = 20  # with less a job is not even begun

WITH_BPF = "capability,landlock,bpf"
WITHOUT_BPF = "capability,landlock"

# One trick for each hook and each kind of file.
TRICKS = ("02-path-alias-proc-self-fd", "07-uring-openat", "07-uring-direct", "09-fd-passing-exec",
          "09-fd-passing-recvmsg", "09-fd-passing-pidfd-getfd", "10-transfer-map", "12-exe-identity-memfd",
          "13-memory-attach", "13-memory-proc-mem", "13-memory-vm-readv", "18-older-holder", "21-credentials-setuid",
          "22-refused-eacces", "23-replace-rename-over", "25-exe-identity-secret", "26-overlay", "27-compat-int-80-open")
# Suites of tests/e2e that depend on the kernel; the others run on one.
E2E = ("opens", "refused", "process", "counts", "watch", "fanotify", "enforce", "lsm", "guard")
E2E_SMOKE = ("refused",)
BPF_SMOKE = ("load",)


class Machine:
    def __init__(self, series, modules):
        self.series, self.modules = series, modules
        self.has_lsm = "bpf" in modules.split(",")
        self.name = series if self.has_lsm else f"{series} without bpf"


class Job:
    """One suite on one machine. variants: the backends or tiers that it goes through, as words of its titles."""

    def __init__(self, machine, suite, text, variants=(), seconds=900, check=None):
        self.machine, self.suite, self.text, self.variants = machine, suite, text, " ".join(variants)
        self.seconds, self.check = seconds, check

    def command(self, build):
        return self.text.replace("$B", shlex.quote(build))

    def variant_of(self, title):
        """`lsm: ...` of evasion and enforce, `... (lsm)` of bpf."""
        found = re.match(r"(lsm|fentry|tracepoint|fanotify|kill)(:|$)", title) or re.search(r"\((lsm|fentry|tracepoint)\)$", title)
        return found[1] if found else ""


# ---------------------------------------------------------------- what --probe must say


def check_probe(job, lines):
    """Results as of run.Report.add()."""
    wanted = ("lsm", "lsm") if job.machine.has_lsm else ("tracepoint", "fanotify")
    try:
        report, status, said = read_probe(lines)
    except (ValueError, StopIteration):
        return [("failed", "", "--probe says what this kernel can", "\n".join(lines[-20:]))]
    results = [("passed" if (report["backend"], report["tier"]) == wanted else "failed", "",
                f"--probe chooses the backend {wanted[0]} and the tier {wanted[1]}", json.dumps(report))]
    silent = [name for part in ("backends", "tiers") for name, found in report[part].items()
              if not found["works"] and not found["reason"]]
    results.append(("failed" if silent else "passed", "", "--probe gives a reason for what does not work", str(silent)))
    if job.machine.has_lsm:
        results.append(("passed" if status == 0 else "failed", "lsm", "the tier lsm can be insisted on", said))
    else:
        good = status != 0 and "lsm" in said and "bpf" in said
        results.append(("passed" if good else "failed", "lsm", "the tier lsm is refused with the reason", said))
    return results


def read_probe(lines):
    """The report, then the exit code and words of a daemon that is to check a policy for the tier lsm."""
    text = "\n".join(lines)
    report, _, rest = text.partition("\n--insist ")
    status, _, said = rest.partition("\n")
    return json.loads(report), int(status), said


PROBE = """$B/sagentd --probe --output json
mkdir -p -m 700 $TMPDIR/p; umask 077
cat > $TMPDIR/p/p.yaml << 'EOF'
{apiVersion: secretsagent.io/v1, kind: SecretPolicy, metadata: {name: p}, spec: {mode: enforce,
 secrets: [{name: s, class: test, paths: [/nowhere/s], default: deny}]}}
EOF
$B/sagentd --check --policy $TMPDIR/p --set enforcement.tier=lsm > $TMPDIR/said 2>&1
echo "--insist $?"; cat $TMPDIR/said
"""


# ---------------------------------------------------------------- the jobs


def tricks_command(suite, machine, name, options, words):
    results = f"/run/out/{name.replace(' ', '-')}.{suite}.json"
    return f"tests/{suite}/run {options} --results {results} {' '.join(map(shlex.quote, words))} 2>&1"


def jobs_of(machine, is_all, words):
    """Those that take longest first."""
    backends = ("lsm", "fentry", "tracepoint") if machine.has_lsm else ("fentry",)
    tiers = ("lsm", "fanotify", "kill") if machine.has_lsm else ("fanotify",)
    tricks = words or ([] if is_all else TRICKS)
    longer = 6 if is_all else 1
    found = []
    for group in [[t] for t in tiers] if is_all else [list(tiers)]:
        options = " ".join(f"--tier {t}" for t in group)
        found.append(Job(machine, "enforce", tricks_command("enforce", machine, "-".join([machine.name, *(group if is_all else [])]),
                                                            options, tricks), group, 600 * longer))
    found.append(Job(machine, "evasion", tricks_command("evasion", machine, machine.name,
                                                        " ".join(f"--backend {b}" for b in backends), tricks),
                     backends, 600 * longer))
    found.append(Job(machine, "probe", PROBE, seconds=120, check=check_probe))
    if machine.has_lsm and (is_all or not words):
        found.append(Job(machine, "bpf", f"tests/bpf/run {'' if is_all else ' '.join(BPF_SMOKE)} 2>&1",
                         seconds=600 * longer))
        found.append(Job(machine, "e2e", f"tests/e2e/run {' '.join(E2E if is_all else E2E_SMOKE)} 2>&1",
                         seconds=600 * longer))
    return found


def jobs(is_all, words):
    machines = [Machine(series, WITH_BPF) for series in ("6.12", "6.1", "5.10")]
    machines += [Machine(series, WITHOUT_BPF) for series in (("6.12", "6.1", "5.10") if is_all else ("6.1",))]
    # Reverse alphabet is no order, but what is short comes at the end, so that both machines end together.
    order = {"enforce": 0, "evasion": 1, "e2e": 2, "bpf": 3, "probe": 4}
    return sorted((job for m in machines for job in jobs_of(m, is_all, words)), key=lambda job: order[job.suite])
