# SPDX-License-Identifier: Apache-2.0
"""One job on another kernel: QEMU with this host's root, read-only, under a tmpfs.

No KVM is needed. What makes it fast and reliable: the ELF kernel on a `microvm` with our own process 1, a told (not
measured) clock rate, and one processor. Times inside mean nothing: every instruction is interpreted.
"""

import os
import shutil
import subprocess
import tempfile
import threading

import kernels

QEMU = "qemu-system-x86_64"
MEMORY_MIB = 2048
DISK_MIB = 512
COMMAND_LINE = ("console=ttyS0 quiet loglevel=3 panic=-1 reboot=t nokaslr mitigations=off audit=0 tsc=reliable "
                "no_timer_check random.trust_cpu=on cryptomgr.notests rcupdate.rcu_expedited=1")


class Broken(Exception):
    """The machine ended without a result; the text has its last words."""


def missing():
    """Why no machine can run here, or None."""
    if os.uname().machine != "x86_64":
        return "only made for x86_64"
    for program, package in ((QEMU, "qemu-system-x86"), ("mkfs.ext4", "e2fsprogs"), ("dpkg-deb", "dpkg")):
        if not shutil.which(program):
            return f"{program} is not there (apt-get install {package})"
    return None


def clock_khz():
    """The rate of the processor, which is that of the machine's clock too; without it the kernel hangs in calibration."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return next(int(float(line.split(":")[1]) * 1000) for line in f if line.startswith("cpu MHz"))


# ---------------------------------------------------------------- initramfs (Documentation/driver-api/early-userspace)


def archive(entries):
    """A cpio archive of (name, mode, content)."""
    out = bytearray()
    for inode, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        encoded = name.encode() + b"\0"
        fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return bytes(out)


def initramfs(kernel, init, job):
    entries = [("dev", 0o40755, b""), ("modules", 0o40755, b"")]
    with open(init, "rb") as f:
        entries.append(("init", 0o100755, f.read()))
    folder = os.path.join(kernel, "modules")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as f:
            entries.append((f"modules/{name}", 0o100644, f.read()))
    entries.append(("job", 0o100644, job.encode()))
    return archive(entries)


# ---------------------------------------------------------------- the machine


def arguments(kernel, initrd, disk, out, modules):
    return ["nice", "-n", "10", QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-M", "microvm,x-option-roms=off,isa-serial=on,rtc=on", "-accel", "tcg,tb-size=256",
            "-cpu", "max,-erms,-fsrm",  # string instructions are slow where each step is interpreted
            "-smp", "1", "-m", str(MEMORY_MIB),
            "-kernel", os.path.join(kernel, "vmlinux"), "-initrd", initrd,
            "-append", f"{COMMAND_LINE} lsm={modules} tsc_early_khz={clock_khz()}",
            "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-device,fsdev=root,mount_tag=root",
            "-fsdev", f"local,id=out,path={out},security_model=none",
            "-device", "virtio-9p-device,fsdev=out,mount_tag=out",
            "-drive", f"if=none,id=disk,file={disk},format=raw,cache=unsafe",
            "-device", "virtio-blk-device,drive=disk"]


def run(kernel, init, job, out, on_line, modules="capability,landlock,bpf", seconds=900):
    """Runs `job`, a shell script, in `kernel` (a folder of kernels.py); on_line gets each line it writes. Its exit status.

    The job finds a folder of its own on an ext4 disk in $TMPDIR, and writes to the host's folder `out` as /run/out.
    """
    with tempfile.TemporaryDirectory(prefix="sagent-vm-") as work:
        initrd, disk = os.path.join(work, "initrd"), os.path.join(work, "disk")
        with open(initrd, "wb") as f:
            f.write(initramfs(kernel, init, job))
        with open(disk, "wb") as f:
            f.truncate(DISK_MIB << 20)
        kernels.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", disk])
        machine = subprocess.Popen(arguments(kernel, initrd, disk, out, modules), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        timer = threading.Timer(seconds, machine.kill)
        timer.start()
        try:
            return follow(machine, on_line)
        finally:
            timer.cancel()
            machine.kill()
            machine.wait()


def follow(machine, on_line):
    status, running, words = None, False, []
    for raw in machine.stdout:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line == "vm: begin":
            running = True
        elif line.startswith("vm: end "):
            status = int(line.removeprefix("vm: end "))
        elif running and status is None:
            on_line(line)
        words = (words + [line])[-20:]
    if status is None:
        raise Broken("the machine ended without a result: " + " / ".join(w for w in words if w))
    return status
