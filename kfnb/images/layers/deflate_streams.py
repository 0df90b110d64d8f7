"""Streams in the format deflate (RFC 1951) and gzip (RFC 1952) that are the same on every machine.

What a compression library writes depends on the library and its version. A layer must not: its name is the hash of its bytes. A wheel
holds its files compressed already, so a layer takes these streams as they are, each as a gzip member of its own. Readers of gzip join
the members of a file. What else a layer needs is written here, by rules that leave no choice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

MEMBER_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  #: deflate, no flags, no time, no level, unknown system
LONGEST_STORED = 65535
LAST_BLOCK = b"\x01\x00\x00\xff\xff"  #: an empty stored block that ends the stream
SHORTEST_RUN, LONGEST_RUN = 3, 258
LENGTHS = (
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    13,
    15,
    17,
    19,
    23,
    27,
    31,
    35,
    43,
    51,
    59,
    67,
    83,
    99,
    115,
    131,
    163,
    195,
    227,
    258,
)
EXTRA_BITS = (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0)


def member_tail(crc: int, size: int) -> bytes:
    """The end of a gzip member."""
    return struct.pack("<II", crc, size & 0xFFFFFFFF)


def stored(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A deflate stream that holds the bytes as they are."""
    for chunk in chunks:
        for at in range(0, len(chunk), LONGEST_STORED):
            piece = chunk[at : at + LONGEST_STORED]
            yield struct.pack("<BHH", 0, len(piece), len(piece) ^ 0xFFFF) + piece
    yield LAST_BLOCK


def with_short_zeros(content: bytes) -> bytes:
    """A deflate stream of one block with fixed codes in which runs of zeros are short. The heads of a tar archive are mostly zeros."""
    bits, count = 0b011, 3  # the last block, with fixed codes
    at = 0
    while at < len(content):
        byte = content[at]
        run = _zeros(content, at) if byte == 0 else 1
        code, length = LITERALS[byte]
        bits |= code << count
        count += length
        at += 1
        rest = run - 1
        while rest >= SHORTEST_RUN:
            step = min(rest, LONGEST_RUN)
            code, length = RUNS[step]
            bits |= code << count
            count += length
            rest -= step
            at += step
    count += 7  # the end of the block is seven zeros
    return bits.to_bytes((count + 7) // 8, "little")


def _zeros(content: bytes, at: int) -> int:
    """How many zeros follow from a place on."""
    return len(content) - at - len(content[at:].lstrip(b"\0"))


def _reversed(code: int, length: int) -> int:
    return int(format(code, f"0{length}b")[::-1], 2)


def _literal(byte: int) -> tuple[int, int]:
    return (_reversed(0x30 + byte, 8), 8) if byte < 144 else (_reversed(0x190 + byte - 144, 9), 9)


def _run(length: int) -> tuple[int, int]:
    """The code of a repetition of the byte before, ``length`` times."""
    index = max(n for n, shortest in enumerate(LENGTHS) if shortest <= length)
    symbol = 257 + index
    code, bits = (_reversed(symbol - 256, 7), 7) if symbol < 280 else (_reversed(0xC0 + symbol - 280, 8), 8)
    code |= (length - LENGTHS[index]) << bits
    return code, bits + EXTRA_BITS[index] + 5  # the distance 1 is five zeros


LITERALS = [_literal(b) for b in range(256)]
RUNS = [_run(n) if n >= SHORTEST_RUN else (0, 0) for n in range(LONGEST_RUN + 1)]
