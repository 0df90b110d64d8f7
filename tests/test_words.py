"""Every word of the browser's pages stands in every language, with the same places for what is filled in."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

PLACE = re.compile(r"%\d")
TOOL = Path(__file__).parents[1] / "tools" / "extract_words.py"
spec = importlib.util.spec_from_file_location("extract_words", TOOL)
assert spec is not None and spec.loader is not None
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def test_every_word_is_in_every_language() -> None:
    wanted = tool.words()
    assert tool.catalogues().keys() == {"ko_KR"} and len(wanted) > 250
    for catalogue in tool.catalogues().values():
        known = catalogue.keys() - {""}
        lacking, left = wanted.keys() - known, known - wanted.keys()
        assert (lacking, left) == (set(), set()), "run tools/extract_words.py"
        for key, count in wanted.items():
            assert len(catalogue[key]) == count and all(
                catalogue[key]
            )  # JupyterLab passes over another number of forms
            assert all(sorted(PLACE.findall(text)) == sorted(PLACE.findall(key)) for text in catalogue[key])


def test_words_are_found_where_they_are_said() -> None:
    source = """this._trans.__('It\\'s %1', 1); trans._n(\n  '%1 run', "%1 runs", 2)"""
    assert tool.words_of(source, "a.ts") == {"It's %1": 1, "%1 run": 2}
    with pytest.raises(tool.NoLiteral, match="a.ts, line 2: the words are no literal"):
        tool.words_of("const a = 1;\ntrans.__(a)", "a.ts")
