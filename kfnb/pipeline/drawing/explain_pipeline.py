"""Explains a pipeline as data and as text, and says why each step has its edges and inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kfnb.pipeline.build.build_pipeline import Built
from kfnb.pipeline.build.edges import AMBIENT
from kfnb.pipeline.drawing.expression_text import branch_condition, cells, loop_items
from kfnb.pipeline.model import Guard, Loop, Node, Parameter, ParameterRef, Pipeline, Replay, Step, handlers_of
from kfnb.pipeline.parameters.value_schema import describe_schema
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import STEP


def describe(built: Built) -> dict[str, Any]:
    """Return the object that ``kfnb show --json`` prints."""
    problems = [p.to_json() for p in built.problems]
    pipeline = built.pipeline
    if pipeline is None:
        return {"pipeline": None, "parameters": [], "steps": [], "edges": [], "problems": problems}
    marks = {u.name: u.marks for u in built.units if u.kind == STEP}
    steps = []
    around = dict(_around(pipeline.body, "", ""))
    handler_names = {s.name for s in handlers_of(pipeline.body)}
    for step in pipeline.steps():
        marks_of_step = marks.get(step.name)
        steps.append(
            {
                "name": step.name, "label": step.shown_name, "cells": list(dict.fromkeys(c.cell for c in step.cells)),
                "inputs": list(dict.fromkeys(i.name for i in step.inputs if _shown(i.name))),
                "outputs": [n for n in (*step.outputs, *(o.name for o in step.shell_outputs)) if _shown(n)],
                "shared": [{"cell": p.code.cell, "line": p.code.line} for p in step.prepare if isinstance(p, Replay)],
                "after": list(step.after), "when": marks_of_step.when if marks_of_step else around.get(step.name, ("", ""))[0] or None,
                "foreach": f"{marks_of_step.foreach.variable} in {marks_of_step.foreach.items}" if marks_of_step and marks_of_step.foreach else around.get(step.name, ("", ""))[1] or None,
                "exit": step.name in handler_names, "shell": step.shell, "settings": step.settings.to_json(),
            }
        )  # fmt: skip
    return {
        "pipeline": pipeline.name, "description": pipeline.description,
        "parameters": [_parameter(p) for p in pipeline.parameters],
        "steps": steps,
        "edges": [{"from": e.source, "to": e.to, "names": list(e.names), "why": e.why} for e in pipeline.edges],
        "problems": problems,
    }  # fmt: skip


def _parameter(parameter: Parameter) -> dict[str, Any]:
    entry = {"name": parameter.name, "type": parameter.type, "default": parameter.default}
    return {**entry, **{k: v for k, v in (("description", parameter.description), ("schema", parameter.schema)) if v}}


def _around(body: tuple[Node, ...], when: str, each: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """For each step, the conditions and loops around it, in words."""
    for node in body:
        if isinstance(node, Step):
            yield node.name, (when, each)
        elif isinstance(node, Loop):
            yield from _around(node.body, when, f"{each} and {loop_items(node)}" if each else loop_items(node))
        elif isinstance(node, Guard):
            yield from _around((*node.body, *node.handler), when, each)
        else:
            negated: list[str] = []
            for branch in node.branches:
                condition = branch_condition(branch) if branch.when is not None else ""
                branch_text = " and ".join(
                    f"({t})" for t in [*([when] if when else []), *negated, *([condition] if condition else [])]
                )
                yield from _around(branch.body, branch_text, each)
                negated.append(f"not ({condition})")


LONG = 30  #: letters of a name that others need not be set apart for


def _shown(name: str) -> bool:
    return not name.startswith("_kfnb")


# -------------------------------------------------------------------- text
def _declared(parameter: Parameter) -> str:
    limits = f" ({describe_schema(parameter.schema)})" if parameter.schema else ""
    return f"{parameter.name}: {parameter.type} = {parameter.default!r}{limits}"


def text(pipeline: Pipeline) -> str:
    """The graph as indented lines: the steps in reading order with their inputs and outputs, inside their conditions and loops."""
    lines = [pipeline.name + (f": {pipeline.description}" if pipeline.description else "")]
    if pipeline.parameters:
        lines.append("parameters  " + ", ".join(_declared(p) for p in pipeline.parameters))
    before: dict[str, list[str]] = {}
    for edge in pipeline.edges:
        sources = before.setdefault(edge.to, [])
        sources += [edge.source] if edge.source not in sources else []
    names = {s.name: s.shown_name for s in pipeline.steps()}
    before = {to: [names[s] for s in sources] for to, sources in before.items()}
    width = max((len(name) for name in names.values() if len(name) <= LONG), default=4)
    for node in pipeline.body:
        lines += _node(node, before, width, 0)
    return "\n".join(lines)


def _node(node: Node, before: dict[str, list[str]], width: int, depth: int) -> list[str]:
    space = "  " * depth
    if isinstance(node, Step):
        return _step(node, before, width, depth)
    if isinstance(node, Loop):
        lines = [f"{space}for each item of {loop_items(node)}"]
        return lines + [line for n in node.body for line in _node(n, before, width, depth + 1)]
    if isinstance(node, Guard):
        lines = [line for n in node.body for line in _node(n, before, width, depth)]
        lines.append(f"{space}at the end")
        return lines + [line for n in node.handler for line in _node(n, before, width, depth + 1)]
    lines = []
    for index, branch in enumerate(node.branches):
        keyword = "if" if index == 0 else "else if"
        lines.append(f"{space}{keyword} {branch_condition(branch)}" if branch.when is not None else f"{space}else")
        lines += [line for n in branch.body for line in _node(n, before, width, depth + 1)]
    return lines


def _step(step: Step, before: dict[str, list[str]], width: int, depth: int) -> list[str]:
    inputs = list(dict.fromkeys(AMBIENT.get(i.name, i.name) for i in step.inputs if _shown(i.name)))
    outputs = [AMBIENT.get(n, n) for n in (*step.outputs, *(o.name for o in step.shell_outputs)) if _shown(n)]
    line = f"{'  ' * depth}{step.shown_name:{width}}  {cells(step)}"
    after = list(dict.fromkeys([*before.get(step.name, []), *step.after]))
    line += f"   after {', '.join(after)}" if after else ""
    line += f"   takes {', '.join(inputs)}" if inputs else ""
    line += f"   gives {', '.join(outputs)}" if outputs else ""
    return [line]


# -------------------------------------------------------------------- why
def why(built: Built, name: str) -> str:
    """Explain why a step waits for others, has its inputs, and runs shared code again. Raises `KeyError` for an unknown step."""
    pipeline = built.pipeline
    assert pipeline is not None
    step = next((s for s in pipeline.steps() if s.name == name), None)
    if step is None:
        raise KeyError(name)
    unit = next((u for u in built.units if u.kind == STEP and u.name == name), None)
    names = {s.name: s.shown_name for s in pipeline.steps()}
    lines = [f"{names[name]}  ({cells(step)})" if step.cells else names[name]]
    lines += _marked(unit) + list(built.decisions.get(name, ()))
    edges = [e for e in pipeline.edges if e.to == name]
    lines += ["waits for"] + [f"  {names[e.source]}: {e.why}" for e in edges] if edges else ["waits for nothing"]
    parameters = [i.name for i in step.inputs if isinstance(i.ref, ParameterRef)]
    if parameters:
        lines += [f"takes the parameters {', '.join(parameters)}"]
    shared = [p.code for p in step.prepare if isinstance(p, Replay)]
    if shared:
        lines.append("runs again, before its own cells")
        lines += [f"  cell {c.cell}, line {c.line}: {_first(c.source)}" for c in shared]
    after = [e for e in pipeline.edges if e.source == name and e.names]
    if after:
        lines.append("gives")
        lines += [f"  {', '.join(AMBIENT.get(n, n) for n in e.names)} to {names[e.to]}" for e in after]
    return "\n".join(lines)


def _first(source: str) -> str:
    rows = source.strip().split("\n")
    return rows[0] + (" …" if len(rows) > 1 else "")


def _marked(unit: Unit | None) -> list[str]:
    marks = unit.marks if unit is not None else None
    if marks is None:
        return []
    lines = [f"runs only if {marks.when}"] if marks.when else []
    lines += [f"runs once per item: {marks.foreach.variable} in {marks.foreach.items}"] if marks.foreach else []
    lines += ["runs when all else has ended, whatever happened"] if marks.exit else []
    return lines
