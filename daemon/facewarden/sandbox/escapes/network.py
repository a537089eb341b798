"""Attempts to reach another machine, or another process through a socket.

None leaves this machine in the control run.
"""

from __future__ import annotations

import ctypes
import os
import socket
from typing import Final

from facewarden.sandbox.escapes.scene import Scene
from facewarden.sandbox.lockdown.calls import call

NEARBY: Final = ("127.0.0.1", 53)


def tcp_socket(_: Scene) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def udp_datagram(_: Scene) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"?", NEARBY)


def tcp6_socket(_: Scene) -> None:
    socket.socket(socket.AF_INET6, socket.SOCK_STREAM)


def unix_socket(_: Scene) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as own:
        own.bind(f"\0facewarden-{os.getpid()}")


def netlink_socket(_: Scene) -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)


def socket_pair(_: Scene) -> None:
    socket.socketpair()


def old_socket(scene: Scene) -> None:
    """Use a socket that was open before the lock."""
    address = ctypes.create_string_buffer(_ipv4(*NEARBY))
    if ctypes.CDLL(None, use_errno=True).connect(scene.datagrams, address, 16) < 0:
        raise OSError(ctypes.get_errno(), "connect")


def io_uring(_: Scene) -> None:
    """A ring makes calls in the kernel, where no filter sees them."""
    params = ctypes.create_string_buffer(120)
    call("io_uring_setup", 1, ctypes.addressof(params))


def _ipv4(host: str, port: int) -> bytes:
    """The address as the kernel takes it: struct sockaddr_in."""
    return socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)
