"""Lists the words of the browser's pages, and those that a language lacks.

The sources have them as literals in calls of ``trans.__`` and ``trans._n``, the schemas of settings as titles, descriptions and labels, and `kfnb.problems` as what each kind of problem is. A language has them in
``kfnb/locale/LANGUAGE/LC_MESSAGES/kfnb.json``, in the form that JupyterLab reads. Run it after a change of words: ``python tools/extract_words.py`` prints what
each language lacks, as JSON to fill in, and what it has that nobody says any more.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kfnb.problems import KINDS

ROOT = Path(__file__).parents[1]
SOURCES = ("core/src", "lab/src", "widget/src")
LOCALES = ROOT / "kfnb" / "locale"
CONTEXT = "\4"  #: between the context of a word and the word, in the key of a catalogue

CALL = re.compile(r"\b_?trans\.(__|_n)\(\s*")
STRING = r"""('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
FIRST, BOTH = re.compile(STRING), re.compile(rf"{STRING}\s*,\s*{STRING}")

#: Keys of a schema whose texts JupyterLab translates, with the context that it gives them.
SCHEMA_CONTEXTS = {"jupyter.lab.setting-icon-label": "settings", "label": "menu"}


class NoLiteral(ValueError):
    """A call that does not say its words where it stands."""


def words() -> dict[str, int]:
    """The keys of all words, each with the number of English forms that it has: two where it counts something."""
    found = dict.fromkeys((*_schema_words(), *(kind.doc for kind in KINDS.values())), 1)
    for path in _sources():
        found.update(words_of(path.read_text("utf-8"), path.name))
    return found


def words_of(source: str, name: str) -> dict[str, int]:
    """The words of one module. Raises `NoLiteral`."""
    found: dict[str, int] = {}
    for call in CALL.finditer(source):
        literal = (FIRST if call[1] == "__" else BOTH).match(source, call.end())
        if literal is None:
            raise NoLiteral(f"{name}, line {source.count(chr(10), 0, call.start()) + 1}: the words are no literal")
        found[ast.literal_eval(literal[1])] = 1 if call[1] == "__" else 2
    return found


def catalogues() -> dict[str, dict[str, Any]]:
    """What each language has, by its name, such as ``ko_KR``."""
    files = LOCALES.glob("*/LC_MESSAGES/kfnb.json")
    return {path.parents[1].name: json.loads(path.read_text("utf-8")) for path in files}


def _sources() -> list[Path]:
    folders = [ROOT / "labextension" / name for name in SOURCES]
    return sorted(p for f in folders for p in f.rglob("*.ts*") if "__tests__" not in p.parts)


def _schema_words() -> Iterator[str]:
    for path in sorted((ROOT / "labextension" / "lab" / "schema").glob("*.json")):
        yield from _in_schema(json.loads(path.read_text("utf-8")), "schema")


def _in_schema(node: Any, context: str) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _in_schema(one, context)
    elif isinstance(node, dict):
        for key, value in node.items():
            if not isinstance(value, str):
                yield from _in_schema(value, "settings" if key == "properties" else context)
            elif key in ("title", "description"):
                yield f"{context}{CONTEXT}{value}"
            elif key in SCHEMA_CONTEXTS:
                yield f"{SCHEMA_CONTEXTS[key]}{CONTEXT}{value}"


def main() -> None:
    wanted = words()
    for language, catalogue in catalogues().items():
        print(language, "lacks:")
        lacking = {key: [""] for key in sorted(wanted) if key not in catalogue}
        print(json.dumps(lacking, ensure_ascii=False, indent=2))
        print(language, "has too much:", sorted(key for key in catalogue if key and key not in wanted))


if __name__ == "__main__":
    main()
