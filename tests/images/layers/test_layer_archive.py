"""The archive of a layer: what it holds, and that it is the same wherever it is written."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfnb.images.layers.deflate_streams import stored, with_short_zeros
from kfnb.images.layers.layer_archive import DamagedFile, LayerFile, plain_file, write_layer

FILES = [
    plain_file("opt/kfnb/b.txt", b"two"),
    plain_file("opt/kfnb/a/run", b"#!/bin/sh\n", True),
    plain_file("opt/kfnb/c", b""),
]


@given(st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 1200).map(bytes))).map(b"".join))
def test_short_zeros_are_read_by_zlib(content: bytes) -> None:
    assert zlib.decompress(with_short_zeros(content), -zlib.MAX_WBITS) == content
    assert zlib.decompress(b"".join(stored([content])), -zlib.MAX_WBITS) == content


def test_a_long_file_is_stored_in_pieces() -> None:
    content = bytes(range(256)) * 1000
    assert zlib.decompress(b"".join(stored([content, b"end"])), -zlib.MAX_WBITS) == content + b"end"


def test_the_archive_is_read_by_tar(tmp_path: Path) -> None:
    path = tmp_path / "layer.tar.gz"
    with path.open("wb") as out:
        digests = write_layer(FILES, out, folders=["home/kfnb"])
    listed = subprocess.run(["tar", "--numeric-owner", "-tvzf", path], capture_output=True, text=True, check=True)
    rows = [(r.split()[0], r.split()[1], r.split()[-1]) for r in listed.stdout.splitlines()]
    assert rows == [
        ("drwxrwxr-x", "1000/0", "home/kfnb/"), ("drwxrwxr-x", "1000/0", "opt/kfnb/"), ("drwxrwxr-x", "1000/0", "opt/kfnb/a/"),
        ("-rwxrwxr-x", "1000/0", "opt/kfnb/a/run"), ("-rw-rw-r--", "1000/0", "opt/kfnb/b.txt"), ("-rw-rw-r--", "1000/0", "opt/kfnb/c"),
    ]  # fmt: skip
    content = path.read_bytes()
    assert (digests.size, digests.digest) == (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")
    assert digests.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(content)).hexdigest()}"


def test_the_order_of_files_does_not_change_the_archive() -> None:
    assert _archive(FILES) == _archive(FILES[::-1])
    digest = hashlib.sha256(_archive(FILES)).hexdigest()
    assert digest == "2cd5e02da991e76f98e703ebf4e010d2fa9ea7333aa6ee193f644e13e91bb8e0", (
        "the archive of the same files has changed: other versions of kfnb would send all layers again"
    )


def test_a_long_path_and_another_script(tmp_path: Path) -> None:
    path = "opt/kfnb/packages/" + "/".join(["größe"] * 40) + "/datei.py"
    with tarfile.open(fileobj=io.BytesIO(_archive([plain_file(path, b"x = 1\n")]))) as archive:
        assert path in archive.getnames()


def test_of_two_files_with_one_path_the_later_counts() -> None:
    both = [plain_file("opt/kfnb/a", b"first"), plain_file("opt/kfnb/a", b"second")]
    assert _archive(both) == _archive(both[1:])


def test_a_file_with_another_length_is_refused() -> None:
    with pytest.raises(DamagedFile, match=r"opt/kfnb/a has 3 bytes instead of 4"):
        _archive([LayerFile("opt/kfnb/a", 4, lambda: stored([b"abc"]))])


def _archive(files: list[LayerFile]) -> bytes:
    out = io.BytesIO()
    write_layer(files, out)
    return out.getvalue()
