"""The archives of packs: `zipfile` is the judge."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kfnb.runtime.pods.handover import light_zip
from kfnb.runtime.pods.handover.light_zip import LightZip, write_zip

ENTRIES = st.dictionaries(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=9), st.binary(max_size=99))  # fmt: skip


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES, compress=st.booleans())
def test_an_archive_is_what_the_package_reads_and_writes(
    entries: dict[str, bytes], compress: bool, tmp_path: Path
) -> None:
    own, other = tmp_path / "own.zip", tmp_path / "other.zip"
    write_zip(str(own), list(entries.items()))
    with zipfile.ZipFile(own) as file:
        assert file.testzip() is None and {n: file.read(n) for n in file.namelist()} == entries
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    for path in (own, other):
        archive = LightZip(str(path))
        assert {n: archive.read(n) for n in archive.names()} == entries
        for name, content in entries.items():
            archive.copy(name, str(tmp_path / "copy"))
            assert (tmp_path / "copy").read_bytes() == content


def test_files_are_entries_and_a_large_archive_is_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "value").write_bytes(content)
    for limit in (light_zip.LARGE, 1000):
        monkeypatch.setattr(light_zip, "LARGE", limit)
        write_zip(str(tmp_path / "a.zip"), [("head", b"{}"), ("value", str(tmp_path / "value"))])
        archive = LightZip(str(tmp_path / "a.zip"))
        archive.copy("value", str(tmp_path / "copy"))
        assert (tmp_path / "copy").read_bytes() == content == archive.read("value") and archive.read("head") == b"{}"


def test_a_damaged_entry_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_zip(str(path), [("value", b"0123456789" * 9)])
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(bytes(data))
    for read in (lambda a: a.read("value"), lambda a: a.copy("value", str(tmp_path / "copy"))):
        with pytest.raises(ValueError, match="damaged"):
            read(LightZip(str(path)))
    path.write_bytes(b"no archive")
    with pytest.raises((ValueError, OSError, zipfile.BadZipFile)):
        LightZip(str(path))


def test_an_archive_with_a_comment_is_left_to_the_package(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a", "b")
        file.comment = b"from elsewhere"
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    assert LightZip(str(tmp_path / "a.zip")).read("a") == b"b"
