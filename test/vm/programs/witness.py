"""A program with sockets that does what it is told, a line of JSON each, and says what it saw.

[id, name, arguments...] -> [id, "ok", result] or [id, "error", errno name or text]
"""
import ctypes
import errno
import json
import os
import socket
import struct
import sys
import time

IPPROTO_MPTCP = 262
SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)
sockets = {}


def keep(one):
    sockets[one.fileno()] = one
    return one.fileno()


def text(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen(family, host, port, how):
    protocol = IPPROTO_MPTCP if how.get("mptcp") else 0
    one = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM, protocol)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == 6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, how.get("only", 0))
    if "defer" in how:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, how["defer"])
    if "fastopen" in how:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, how["fastopen"])
    if "save_syn" in how:
        one.setsockopt(socket.IPPROTO_TCP, 27, how["save_syn"])
    one.bind((host, port))
    one.listen(how.get("backlog", 1024))
    one.settimeout(how.get("timeout", 60))
    return keep(one)


def accept(fd):
    """What accept() and then getpeername() say; the latter is its errno where it fails."""
    one, address = sockets[fd].accept()
    one.settimeout(60)
    return {"fd": keep(one), "accepted": text(address), "peer": peer(one.fileno())}


def peer(fd):
    try:
        return text(sockets[fd].getpeername())
    except OSError as error:
        return errno.errorcode[error.errno]


def local(fd):
    return text(sockets[fd].getsockname())


def get(fd, level, name, length, given=""):
    """getsockopt() with a buffer of that length, which begins with the bytes given and is full of ee behind them."""
    given = bytes.fromhex(given)
    buffer = ctypes.create_string_buffer(given + b"\xee" * (length - len(given)), length or 1)
    size = ctypes.c_uint(length)
    if libc.getsockopt(fd, level, name, buffer, ctypes.byref(size)) != 0:
        raise OSError(ctypes.get_errno(), "getsockopt")
    return buffer.raw[: size.value].hex()


def set_option(fd, level, name, value):
    sockets[fd].setsockopt(level, name, bytes.fromhex(value))


def read(fd, length):
    return sockets[fd].recv(length).decode("latin1")


def write(fd, data):
    sockets[fd].sendall(data.encode("latin1"))


def close(fd):
    sockets.pop(fd).close()


def unspecified(fd):
    """connect() to AF_UNSPEC, which dissolves the connection."""
    if libc.connect(fd, struct.pack("H14x", 0), 16) != 0:
        raise OSError(ctypes.get_errno(), "connect")


def connect(fd, host, port):
    sockets[fd].connect((host, port))


def listen_with(fd):
    """listen() on a socket that there is."""
    sockets[fd].listen(10)
    sockets[fd].settimeout(60)


def fresh(family, how):
    protocol = IPPROTO_MPTCP if how.get("mptcp") else 0
    one = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM, protocol)
    one.settimeout(60)
    if "bind" in how:
        one.bind((how["bind"], 0))
    return keep(one)


def sockmap(fds):
    """Puts the sockets into a BPF_MAP_TYPE_SOCKMAP; raises what the kernel answers."""

    def bpf(command, attributes):
        result = libc.syscall(SYS_BPF, command, attributes, len(attributes))
        if result < 0:
            raise OSError(ctypes.get_errno(), f"bpf {command}")
        return result

    handle = bpf(0, struct.pack("IIIII", 15, 4, 4, len(fds), 0) + bytes(52))
    for index, fd in enumerate(fds):
        key = ctypes.c_uint32(index)
        value = ctypes.c_uint32(fd)
        bpf(2, struct.pack("IIQQQ", handle, 0, ctypes.addressof(key), ctypes.addressof(value), 0) + bytes(40))


def reset():
    for one in sockets.values():
        one.close()
    sockets.clear()


commands = {
    "listen": listen, "accept": accept, "peer": peer, "local": local, "get": get, "set": set_option, "read": read,
    "write": write, "close": close, "unspecified": unspecified, "connect": connect, "fresh": fresh,
    "listen_with": listen_with,
    "sockmap": sockmap, "reset": reset, "sleep": time.sleep,
}

for line in sys.stdin:
    number, name, *arguments = json.loads(line)
    try:
        answer = [number, "ok", commands[name](*arguments)]
    except OSError as error:
        answer = [number, "error", errno.errorcode.get(error.errno, str(error))]
    except Exception as error:
        answer = [number, "error", repr(error)]
    print(json.dumps(answer), flush=True)
