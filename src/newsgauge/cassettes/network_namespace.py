"""Takes the network away from this process and its children for good: a network namespace of its own (Linux).

The kernel holds what no hook of Python sees: native code, programs, connections by any means. Only a loopback of its
own is left. It needs the right to make a namespace: root, or user namespaces that are open to everybody.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

from ..errors import UsageError

# linux/sched.h, linux/sockios.h, linux/if.h
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1


def leave_network() -> None:
    """Move this process into a network namespace of its own. Raises `UsageError` if that cannot be."""
    if not sys.platform.startswith("linux"):
        raise UsageError(f"--network-namespace: only Linux has them, and this is {sys.platform}; leave the option out")
    user, group = os.getuid(), os.getgid()
    try:
        try:
            _unshare(_NEW_NET)
        except PermissionError:
            _unshare(_NEW_USER | _NEW_NET)
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                Path("/proc/self", name).write_text(text)
    except OSError as error:
        raise UsageError(
            f"--network-namespace: this machine does not allow one: {error.strerror}. It needs root, or user "
            "namespaces (sysctl kernel.unprivileged_userns_clone, or the container's rights) and no other thread; "
            "without the option a replay is held by newsgauge's own block"
        ) from None
    with suppress(OSError):  # who needs loopback will say
        _bring_up("lo")


def _unshare(flags: int) -> None:
    unshare = getattr(os, "unshare", None)  # since Python 3.12
    if unshare is not None:
        unshare(flags)
    elif ctypes.CDLL(None, use_errno=True).unshare(flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _bring_up(name: str) -> None:
    import fcntl  # not on Windows, where the option is refused before

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = fcntl.ioctl(any_socket, _GET_FLAGS, struct.pack("16sh14x", name.encode(), 0))
        flags = struct.unpack("16sh14x", asked)[1] | _UP
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", name.encode(), flags))
