"""The edges of the graph, each with its reason in the user's words."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kfnb.analysis.facts import Site
from kfnb.analysis.modules import STATE
from kfnb.analysis.statements import IMPORTED
from kfnb.pipeline.flow import Flow
from kfnb.pipeline.model import Edge
from kfnb.pipeline.prepare import Prepared
from kfnb.pipeline.units import QUESTION, STEP, Unit

AMBIENT = {
    "@random": "the state of `random`", "@numpy.random": "the state of `numpy.random`",
    "@torch.random": "the state of torch's generator", "@environ": "the environment", "@cwd": "the working folder",
    "@path": "`sys.path`", "@warnings": "the warning filters", "@matplotlib": "matplotlib's settings",
    "@pandas": "pandas' options", "@numpy": "numpy's print and error settings", "@decimal": "the decimal context",
    "@locale": "the locale", "@logging": "the loggers' settings",
}  # fmt: skip


@dataclass(frozen=True)
class FileOrder:
    """Two steps that stand in a row because of files."""

    before: Unit
    after: Unit
    path: str  #: one that either writes and the other uses
    files: tuple[str, ...]  #: all that ``before`` writes and ``after`` opens without writing them itself


def edges_of(
    units: tuple[Unit, ...],
    flow: Flow,
    prepared: Mapping[int, Prepared],
    asked_for: Mapping[int, int],
    files: list[FileOrder],
) -> tuple[Edge, ...]:
    """Data, files, order marks: one edge per pair of steps and kind of reason."""
    found: list[Edge] = []
    names = {u.name for u in units if u.kind == STEP}
    for index, unit in enumerate(units):
        if unit.kind == STEP and index in prepared:
            found += _data(index, unit, units, flow, prepared[index])
            found += _marked(unit, names)
        elif unit.kind == QUESTION and index in asked_for:
            found += _asked(index, unit, units[asked_for[index]], units, flow, index in prepared)
    for order in files:
        before, after = order.before.name, order.after.name
        why = f"the file `{order.path}` is written in {before} or {after} and used in the other, in reading order"
        found.append(Edge(before, after, (), why, order.files))
    return tuple(dict.fromkeys(found))


def _data(index: int, unit: Unit, units: tuple[Unit, ...], flow: Flow, prepared: Prepared) -> Iterator[Edge]:
    for maker, names in sorted(prepared.wanted.items()):
        reasons = [_reason(name, unit, units[maker], flow.needs[index].get(name) is None) for name in sorted(names)]
        yield Edge(units[maker].name, unit.name, tuple(sorted(names)), "; ".join(reasons))


def _reason(name: str, reader: Unit, maker: Unit, indirect: bool) -> str:
    shown = AMBIENT.get(name, f"what `{name[8:]}` keeps" if name.startswith(STATE) else f"`{name}`")
    made = maker.facts.may.get(name) or maker.facts.touches.get(name)
    verb = "made" if name in maker.facts.may else "changed"
    text = f"{shown} is {verb} in {made}" if made else f"{shown} comes from {maker.name}"
    read = reader.facts.reads.get(name)
    if read is not None:
        via = reader.facts.via.get(name)
        text += f", read in {read}" + (f" through `{via}`" if via and via not in ("", "!") else "")
    elif name in reader.facts.touches or name in reader.facts.may:
        site: Site | None = reader.facts.touches.get(name) or reader.facts.may.get(name)
        text += f", and may be changed in {site}"
    elif indirect:
        text += ", needed by code that is run again here"
    return text


def _marked(unit: Unit, names: set[str]) -> Iterator[Edge]:
    for name in dict.fromkeys(unit.marks.after if unit.marks is not None else ()):
        if name in names and name != unit.name:
            yield Edge(name, unit.name, (), f"the mark `after:{name}` says so")


def _asked(index: int, question: Unit, step: Unit, units: tuple[Unit, ...], flow: Flow, apart: bool) -> Iterator[Edge]:
    """From the makers of what is asked to the step that asks; over the step that answers, where that is one of its own."""
    what = "loops over" if question.name.startswith("foreach-") else "runs only if"
    why = f"{step.name} {what} `{question.expression}`"
    for name, need in sorted(flow.needs[index].items()):
        for maker in need.makers:
            if units[maker].kind == STEP:
                yield Edge(units[maker].name, question.name if apart else step.name, (name,), why)
    if apart:
        yield Edge(question.name, step.name, (), why)


def file_order(units: tuple[Unit, ...]) -> Iterator[FileOrder]:
    """Pairs of steps of which one writes a file, by a literal path, that the other reads or writes."""
    steps = [u for u in units if u.kind == STEP and not (u.marks is not None and u.marks.exit)]
    found: dict[tuple[int, int], str] = {}
    opened: dict[tuple[int, int], list[str]] = {}
    for at, writer in enumerate(steps):
        for path in sorted(writer.facts.writes_files):
            for other, user in enumerate(steps):
                if other == at or not any(_related(path, t) for t in (*user.facts.texts, *user.facts.writes_files)):
                    continue
                found.setdefault((min(at, other), max(at, other)), path)
                if at < other and not any(_related(path, t) for t in user.facts.writes_files):
                    opened.setdefault((at, other), []).append(path)
    for (before, after), path in sorted(found.items()):
        yield FileOrder(steps[before], steps[after], path, tuple(opened.get((before, after), ())))


@functools.lru_cache(maxsize=4096)
def _related(path: str, text: str) -> bool:
    if text.startswith(IMPORTED):
        return os.path.basename(path) == text[len(IMPORTED) :] + ".py"
    one, other = os.path.normpath(path), os.path.normpath(text)
    if one in ("", ".", "/") or other in ("", ".", "/") or text.startswith(("http:", "https:")):
        return False
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")
