"""Makes the edges of the graph, each with its reason in the user's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kfnb.analysis.effects.local_module_effects import STATE
from kfnb.analysis.unit_facts import Site
from kfnb.pipeline.build.reaching_definitions import Flow
from kfnb.pipeline.build.step_preparation import Prepared
from kfnb.pipeline.checks.file_order import FileOrder
from kfnb.pipeline.model import Edge
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import EXPRESSION, STEP

AMBIENT = {
    "@random": "the state of `random`", "@numpy.random": "the state of `numpy.random`",
    "@torch.random": "the state of torch's generator", "@tensorflow.random": "the state of tensorflow's generator",
    "@environ": "the environment", "@cwd": "the working folder",
    "@path": "`sys.path`", "@warnings": "the warning filters", "@matplotlib": "matplotlib's settings",
    "@pandas": "pandas' options", "@numpy": "numpy's print and error settings", "@decimal": "the decimal context",
    "@locale": "the locale", "@logging": "the loggers' settings",
}  # fmt: skip


def edges_of(
    units: tuple[Unit, ...],
    flow: Flow,
    prepared: Mapping[int, Prepared],
    expression_steps: Mapping[int, int],
    files: Iterable[FileOrder],
) -> tuple[Edge, ...]:
    """Make the edges of data, files and order marks: one for each pair of steps and kind of reason."""
    found: list[Edge] = []
    names = {u.name for u in units if u.kind == STEP}
    for index, unit in enumerate(units):
        if unit.kind == STEP and index in prepared:
            found += _data_edges(index, unit, units, flow, prepared[index])
            found += _mark_edges(unit, names)
        elif unit.kind == EXPRESSION and index in expression_steps:
            found += _expression_edges(index, unit, units[expression_steps[index]], units, flow, index in prepared)
    for order in files:
        before, after = order.before.name, order.after.name
        why = f"the file `{order.path}` is written in {before} or {after} and used in the other, in reading order"
        found.append(Edge(before, after, (), why, order.files, order.silent))
    return tuple(dict.fromkeys(found))


def _data_edges(index: int, unit: Unit, units: tuple[Unit, ...], flow: Flow, prepared: Prepared) -> Iterator[Edge]:
    for maker, names in sorted(prepared.live_outputs.items()):
        reasons = [_reason(name, unit, units[maker], flow.uses[index].get(name) is None) for name in sorted(names)]
        yield Edge(units[maker].name, unit.name, tuple(sorted(names)), "; ".join(reasons))


def _reason(name: str, reader: Unit, maker: Unit, indirect: bool) -> str:
    shown = AMBIENT.get(name, f"what `{name[8:]}` keeps" if name.startswith(STATE) else f"`{name}`")
    made = maker.facts.may_define.get(name) or maker.facts.may_mutate.get(name)
    verb = "made" if name in maker.facts.may_define else "changed"
    text = f"{shown} is {verb} in {made}" if made else f"{shown} comes from {maker.name}"
    read = reader.facts.reads.get(name)
    if read is not None:
        via = reader.facts.via.get(name)
        text += f", read in {read}" + (f" through `{via}`" if via and via not in ("", "!") else "")
    elif name in reader.facts.may_mutate or name in reader.facts.may_define:
        site: Site | None = reader.facts.may_mutate.get(name) or reader.facts.may_define.get(name)
        text += f", and may be changed in {site}"
    elif indirect:
        text += ", needed by code that is run again here"
    return text


def _mark_edges(unit: Unit, names: set[str]) -> Iterator[Edge]:
    for name in dict.fromkeys(unit.marks.after if unit.marks is not None else ()):
        if name in names and name != unit.name:
            yield Edge(name, unit.name, (), f"the mark `after:{name}` says so")


def _expression_edges(
    index: int, expression_unit: Unit, step: Unit, units: tuple[Unit, ...], flow: Flow, apart: bool
) -> Iterator[Edge]:
    """The edges from the steps that define an expression's names to its step, through the extra step that evaluates it."""
    what = "loops over" if expression_unit.name.startswith("foreach-") else "runs only if"
    why = f"{step.name} {what} `{expression_unit.expression}`"
    for name, use in sorted(flow.uses[index].items()):
        for maker in use.definitions:
            if units[maker].kind == STEP:
                yield Edge(units[maker].name, expression_unit.name if apart else step.name, (name,), why)
    if apart:
        yield Edge(expression_unit.name, step.name, (), why)
