#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does what it is told, one JSON object a line on stdin, and answers each with one line: "" or the name of an errno."""

import collections
import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys
import threading

kept = {}  # sockets by name
storm = {}


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def make(command):
    return socket.socket(command.get("family") or family_of(command.get("address", "")),
                         command.get("type", socket.SOCK_STREAM), command.get("protocol", 0))


def open_socket(command):
    """Makes a socket and keeps it under a name."""
    kept[command["name"]] = make(command)


def adopt(command):
    """A socket that was handed down by its descriptor."""
    kept[command["name"]] = socket.socket(fileno=command["fd"])


def close_socket(command):
    kept.pop(command["name"]).close()


def with_socket(command, function):
    if "name" in command:
        function(kept[command["name"]])
        return
    with make(command) as s:
        s.settimeout(5)
        function(s)


def connect(command):
    with_socket(command, lambda s: s.connect((command["address"], command["port"])))


def sendto(command):
    flags = command.get("flags", 0)
    with_socket(command, lambda s: s.sendto(b"hello", flags, (command["address"], command["port"])))


def sendmsg(command):
    with_socket(command, lambda s: s.sendmsg([b"hello"], [], 0, (command["address"], command["port"])))


def send(command):
    kept[command["name"]].send(b"hello")


def read(command):
    with open(command["path"], "rb") as f:
        f.read()


def hold(command):
    kept[command["path"]] = open(command["path"], "rb")  # pylint: disable=consider-using-with


def become(command):
    """The same program, executed anew: nothing is kept but what the kernel keeps."""
    print('""', flush=True)
    os.execv(sys.executable, [sys.executable, os.path.abspath(__file__)])


def in_child(command):
    """Another command, in a child; its answer is ours."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, json.dumps([os.getpid(), answer(command["command"])]).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as f:
        text = f.read()
    os.waitpid(child, 0)
    return json.loads(text)


def do_all(command):
    return [answer(part) for part in command["commands"]]


def become_nobody(command):
    del command
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def read_memory(command):
    with open(f"/proc/{command['pid']}/mem", "rb"):
        pass


def send_unspec(command):
    """sendto() with a struct sockaddr_in whose family is AF_UNSPEC."""
    libc = ctypes.CDLL(None, use_errno=True)
    address = struct.pack("=HH4s8x", socket.AF_UNSPEC, socket.htons(command["port"]),
                          socket.inet_aton(command["address"]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        if libc.sendto(s.fileno(), b"hello", 5, 0, address, len(address)) < 0:
            raise OSError(ctypes.get_errno(), "sendto")


def run(command):
    """A program; its answer is the last line of its output."""
    return subprocess.run(command["command"], stdout=subprocess.PIPE, text=True, timeout=20,
                          check=False).stdout.strip()


def start(command):
    """Connects to each of the addresses, over and over in a thread, until told to stop."""
    storm["goes"] = True
    storm["answers"] = {address: collections.Counter() for address in command["addresses"]}

    def run_storm():
        while storm["goes"]:
            for address in command["addresses"]:
                storm["answers"][address][answer(dict(command, do="connect", address=address))] += 1

    storm["thread"] = threading.Thread(target=run_storm)
    storm["thread"].start()


def stop(command):
    del command
    storm["goes"] = False
    storm["thread"].join()
    return storm["answers"]


COMMANDS = {"open": open_socket, "close": close_socket, "connect": connect, "sendto": sendto, "sendmsg": sendmsg,
            "send": send, "read": read, "hold": hold, "exec": become, "child": in_child, "all": do_all, "become_nobody": become_nobody, "read_memory": read_memory,
            "send_unspec": send_unspec, "run": run, "adopt": adopt, "start": start, "stop": stop}


def answer(command):
    try:
        return COMMANDS[command["do"]](command) or ""
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error)) if error.errno else str(error)


def main():
    for line in iter(sys.stdin.readline, ""):
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
