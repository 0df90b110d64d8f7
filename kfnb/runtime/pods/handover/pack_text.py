"""Packs as texts, for engines that pass values as parameters.

All packs that a step collects from a loop stand together in what its pod gets, which has a limit. A pack of a light value is mostly the
frame of its archive and the words of its head, so these are compressed against a pack that both sides know.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from zlib import compressobj, decompressobj

ARCHIVE, SHORT = (
    "v:",
    "z:",
)  #: what a text begins with: an archive as it is, which earlier versions wrote, and a compressed one
PIECE = 1 << 20  #: bytes that are read at once
#: A pack as `handover_pack` writes it, with one small number. It is part of the form: texts that exist would not be read with another one.
KNOWN = (
    b'"state": "skipped", "reason": "another branch was taken` was false", "failure": {"step": "type": "message": "'
    b"kfnb bundle 1\n\n\x80\x05\x95\x10\0\0\0\0\0\0\0}\x94\x8c\x05value\x94K\x01s.\x8c\x05numpy\x94G\x94}\x94(]\x94e"
    b'{"state": "succeeded", "exports": {}, "late": {}, "outputs": {"value": {"bundle": "'
    b"PK\3\4\x14\0\0\0\0\0\0\0!\0\x99\0\0\0\x99\0\0\0\x09\0\0\0step.json"
    b'{"state": "succeeded", "exports": {}, "late": {}, "outputs": {}}{"bundle": "0123456789abcdef"}}}'
    b"PK\3\4\x14\0\0\0\0\0\0\0!\0*\0\0\0*\0\0\0@\0\0\0kfnb bundle 1\n\n\x80\x05\x95\x10\0\0\0\0\0\0\0}\x94\x8c\x05value\x94K\x01s."
    b"PK\1\2\x14\0\x14\0\0\0\0\0\0\0!\0\x99\0\0\0\x99\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\x80\x01\0\0\0\0step.json"
    b"PK\1\2\x14\0\x14\0\0\0\0\0\0\0!\0*\0\0\0*\0\0\0@\0\0\0\0\0\0\0\0\0\0\0\x80\x01\xc0\0\0\0"
    b"PK\5\6\0\0\0\0\2\0\2\0\xa5\0\0\0h\1\0\0\0\0"
)


def text_of_pack(path: str) -> str:
    """The text of the pack in a file, which is an archive without compression."""
    press = compressobj(9, wbits=-15, zdict=KNOWN)
    with open(path, "rb") as file:
        pressed = b"".join([press.compress(piece) for piece in iter(lambda: file.read(PIECE), b"")]) + press.flush()
    return SHORT + b2a_base64(pressed, newline=False).decode()


def pack_of_text(text: str) -> bytes:
    """The content of the pack in a text."""
    content = a2b_base64(text[2:])
    return content if text.startswith(ARCHIVE) else decompressobj(-15, zdict=KNOWN).decompress(content)
