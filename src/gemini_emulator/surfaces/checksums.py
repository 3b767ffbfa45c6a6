"""The two checksums that Cloud Storage clients verify: MD5 and CRC-32C, both in base64."""

from __future__ import annotations

import base64
import hashlib


def md5(data: bytes) -> str:
    """MD5, in base64; an integrity check, not a secret."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode("ascii")


def crc32c(data: bytes) -> str:
    """CRC-32C (Castagnoli, RFC 3720 B.4), big-endian in base64."""
    value = 0xFFFFFFFF
    table = _TABLE
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return base64.b64encode((value ^ 0xFFFFFFFF).to_bytes(4, "big")).decode("ascii")


def _make_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _make_table()
