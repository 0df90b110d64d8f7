"""Packs as texts: short ones for light values, and those of earlier versions."""

from __future__ import annotations

import zipfile
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kfnb.runtime.pods.handover.handover_pack import HEAD, Pack, write_pack
from kfnb.runtime.pods.handover.pack_text import pack_of_text, text_of_pack
from kfnb.runtime.values.value_store import Store


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=999))
def test_a_text_is_read_as_what_it_was_written_from(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pack"
    path.write_bytes(content)
    assert pack_of_text(text_of_pack(str(path))) == content


@pytest.mark.parametrize("name", ["x", "squares", "a_rather_long_name_of_a_value"])
def test_a_light_value_is_handed_on_in_few_bytes(name: str, tmp_path: Path) -> None:
    store, path = Store(str(tmp_path / "store")), str(tmp_path / "pack")
    bundle = store.put(
        b"\x80\x05\x95\x10\0\0\0\0\0\0\0}\x94\x8c" + bytes([len(name)]) + name.encode() + b"\x94K\x07s.", []
    )
    head = {"state": "succeeded", "exports": {}, "late": {}, "outputs": {name: {"bundle": bundle}}}
    write_pack(path, head, str(tmp_path / "store"))
    text = text_of_pack(path)
    assert len(text) < 220
    (tmp_path / "read").write_bytes(pack_of_text(text))
    assert Pack(str(tmp_path / "read")).head == head


def test_a_text_that_an_earlier_version_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pack"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(HEAD, '{"state": "succeeded"}')
    (tmp_path / "read").write_bytes(pack_of_text("v:" + b64encode(path.read_bytes()).decode()))
    assert Pack(str(tmp_path / "read")).head == {"state": "succeeded"}
