# SPDX-License-Identifier: Apache-2.0
"""Kernels of other releases: Debian's packages, fetched by apt into a cache and unpacked there; nothing is installed.

The mirrors are those of this system's apt configuration, the signatures are checked by apt as always. A kernel in the
cache is a folder with `vmlinux` (the ELF inside vmlinuz, which QEMU starts without a boot loader), `modules/N` in the
order in which they load, and `release`.
"""

import glob
import lzma
import os
import re
import shutil
import struct
import subprocess
import tempfile

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Series -> suites that have it, by mirror of the apt configuration: "main", or "security" (its path ends in -security).
SERIES = {
    "5.10": [("security", "bullseye-security")],
    "6.1": [("security", "bookworm-security"), ("main", "bookworm")],
    "6.12": [("security", "bookworm-security"), ("main", "bookworm-backports")],
}
MODULES = ("virtio_mmio", "9p", "9pnet_virtio", "overlay", "virtio_blk", "crc32c_generic", "ext4")


class Unavailable(Exception):
    """The kernel cannot be had here; the text says why."""


def cache_directory():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.environ.get("VM_KERNELS") or os.path.join(cache, "secrets-agent", "kernels")


def kernel(series):
    """The folder of a kernel of this series, fetched when it is not in the cache."""
    path = os.path.join(cache_directory(), series)
    if not os.path.exists(os.path.join(path, "release")):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as work:
            package = download(series, work)
            unpacked = os.path.join(work, "unpacked")
            run(["dpkg-deb", "--extract", package, unpacked])
            made = os.path.join(work, "kernel")
            make_kernel(unpacked, made)
            shutil.rmtree(path, ignore_errors=True)
            os.rename(made, path)
    return path


def release(path):
    with open(os.path.join(path, "release"), encoding="utf-8") as f:
        return f.read().strip()


def run(command, **options):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, **options)
    if result.returncode != 0:
        lines = result.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise Unavailable(f"{command[0]} failed: {lines[-1]}")
    return result.stdout


# ---------------------------------------------------------------- apt, with a state of its own


def mirrors():
    """{"main": URL, "security": URL} as this system has them."""
    try:
        lines = run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"]).decode()
    except FileNotFoundError:
        raise Unavailable("no apt on this system") from None
    found = {}
    for line in sorted(set(lines.splitlines())):
        site, _, suite = line.partition(" ")
        if "debian" in site:
            found.setdefault("security" if suite.endswith("-security") else "main", site)
    return found


def download(series, work):
    """The newest image package of the series, as a path."""
    known = mirrors()
    sources = [f"deb [arch=amd64 signed-by={KEYRING}] {known[mirror]} {suite} main"
               for mirror, suite in SERIES[series] if mirror in known]
    if not sources:
        raise Unavailable("apt's configuration has no Debian mirror")
    state = os.path.join(work, "apt")
    for name in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(state, name))
    with open(os.path.join(state, "sources.list"), "w", encoding="utf-8") as f:
        f.write("\n".join(sources) + "\n")
    options = ["-q", "-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}/cache",
               "-o", f"Dir::Etc::SourceList={state}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
               "-o", "APT::Architecture=amd64", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"]
    run(["apt-get", *options, "update"])
    names = run(["apt-cache", *options, "pkgnames", f"linux-image-{series}"]).decode().split()
    images = [n for n in names if re.fullmatch(rf"linux-image-{re.escape(series)}\.[0-9][0-9.+a-z-]*-amd64", n)
              and not re.search(r"-(rt|cloud)-", n)]
    if not images:
        raise Unavailable(f"the mirrors have no kernel of series {series}")
    newest = max(images, key=lambda n: [int(number) for number in re.findall(r"\d+", n)])
    run(["apt-get", *options, "download", newest], cwd=work)
    return glob.glob(os.path.join(work, "*.deb"))[0]


# ---------------------------------------------------------------- what is kept of a package


def make_kernel(unpacked, made):
    image = glob.glob(os.path.join(unpacked, "boot", "vmlinuz-*"))[0]
    os.makedirs(os.path.join(made, "modules"))
    with open(image, "rb") as f:
        elf = inner_elf(f.read())
    with open(os.path.join(made, "vmlinux"), "wb") as f:
        f.write(elf)
    for number, content in enumerate(modules_in_order(os.path.join(unpacked, "lib", "modules"))):
        with open(os.path.join(made, "modules", str(number)), "wb") as f:
            f.write(content)
    with open(os.path.join(made, "release"), "w", encoding="utf-8") as f:
        f.write(os.path.basename(image).removeprefix("vmlinuz-") + "\n")


def inner_elf(image):
    """The payload of a bzImage: Documentation/arch/x86/boot.rst, setup_sects, payload_offset, payload_length."""
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[(sectors + 1) * 512 + offset:][:length]
    if payload.startswith(b"\xfd7zXZ\0"):
        elf = lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(payload)
    elif payload.startswith(b"\x28\xb5\x2f\xfd"):
        elf = unzstd(payload[:-4])  # the size stands behind it
    else:
        raise Unavailable("the kernel image is packed in a way that is not known here")
    if not elf.startswith(b"\x7fELF"):
        raise Unavailable("the kernel image holds no ELF file")
    return elf


def unzstd(packed):
    if not shutil.which("zstd"):
        raise Unavailable("zstd is not installed")
    return subprocess.run(["zstd", "-dcq"], input=packed, capture_output=True, check=True).stdout


def modules_in_order(tree):
    """The contents of MODULES and of what they depend on, dependencies first. What is not there is built in."""
    paths = {os.path.basename(p).split(".ko")[0].replace("-", "_"): p
             for p in glob.glob(os.path.join(tree, "**", "*.ko*"), recursive=True)}
    done, order = set(), []

    def add(name):
        name = name.replace("-", "_")
        if name in done or name not in paths:
            return
        done.add(name)
        content = module_content(paths[name])
        for field in module_fields(content, b"depends"):
            for needed in filter(None, field.split(",")):
                add(needed)
        order.append(content)

    for name in MODULES:
        add(name)
    return order


def module_content(path):
    with open(path, "rb") as f:
        content = f.read()
    if path.endswith(".xz"):
        return lzma.decompress(content)
    return unzstd(content) if path.endswith(".zst") else content


def module_fields(content, key):
    return [s[len(key) + 1:].decode() for s in content.split(b"\0") if s.startswith(key + b"=")]
