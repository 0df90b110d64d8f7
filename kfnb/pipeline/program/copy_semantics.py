"""Warns where steps, which work on copies, give other values than the pipeline cell as plain Python."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kfnb.analysis.analyze_notebook import Analyzer
from kfnb.analysis.effects.local_module_effects import STATE
from kfnb.analysis.parse_cells import ParsedCell, parse_cell
from kfnb.analysis.unit_facts import Facts
from kfnb.analysis.units.abstract_state import DEF, VALUE
from kfnb.pipeline.program.parser_state import ParserState
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.problems import Problem


def differences(state: ParserState, analyzer: Analyzer, own: ParsedCell, units: tuple[Unit, ...]) -> Iterator[Problem]:
    """Warn of arguments that are changed in place and used again, of shared state, and of changed libraries."""
    calls = [n for n in ast.walk(own.tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    seeded = {n for u in units for n in u.facts.may_define if n.startswith("@")}
    drawn: dict[str, list[ast.Call]] = {}
    used: dict[
        str, list[tuple[ast.Call, bool]]
    ] = {}  #: by what components share: the calls, and whether they change it
    known: dict[str, tuple[Facts, list[str]]] = {}
    for call in sorted(calls, key=lambda c: c.lineno):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name not in state.components:
            continue
        given = [*call.args, *(k.value for k in call.keywords)]
        form = f"{name} {len(call.args)} {[k.arg for k in call.keywords]}"
        if form not in known:
            known[form] = _facts(analyzer, own, name, call)
        facts, texts = known[form]
        for index, value in enumerate(given):
            if isinstance(value, ast.Name) and texts[index] in facts.must_mutate and _read_later(own.tree, value):
                yield state.problem(
                    "KF610",
                    f"`{name}` changes `{value.id}` in place, and the cell reads it again: each step works on a copy of its own",
                    f"let `{name}` return the changed value, and write {value.id} = {name}(…)",
                    call.lineno,
                    value.id,
                )
        for generator in sorted(seeded & {*facts.reads, *facts.may_mutate}):
            drawn.setdefault(generator, []).append(call)
        for shared in {*facts.reads, *facts.may_mutate} - seeded - state.components.keys() - set(texts):
            used.setdefault(shared, []).append((call, _changes(facts, shared)))
        for place in facts.library_changes:
            yield state.problem(
                "KF610",
                f"`{name}` changes `{place}`, which later calls see in plain Python; each step begins with the state that shared code left",
                "change it in a cell before the pipeline",
                call.lineno,
                place,
            )
    for shared, uses in sorted(used.items()):
        changers = [c for c, changes in uses if changes]
        if changers and uses[-1][0] is not changers[0]:
            shown = f"what the module `{shared[8:]}` keeps" if shared.startswith(STATE) else f"`{shared}`"
            yield state.problem(
                "KF610",
                f"{shown} is changed by one call and used by another, but each step begins with the state that shared code left",
                "pass it as an argument, and let the component return the new value",
                changers[0].lineno,
            )
    for generator, users in drawn.items():
        if len(users) > 1:
            yield state.problem(
                "KF610",
                f"{len(users)} calls use the seeded generator `{generator[1:]}`, but each step begins with it as it was seeded, so that they draw the same numbers",
                "give each call a generator or a seed of its own, as an argument",
                users[1].lineno,
            )


def _changes(facts: Facts, name: str) -> bool:
    """Whether a call changes a name's object; the memory of a function does not count."""
    remembers = name in facts.stateful and facts.kinds.get(name) != DEF
    return name in facts.may_mutate and not remembers and (not name.startswith("@") or name.startswith(STATE))


def _facts(analyzer: Analyzer, own: ParsedCell, name: str, call: ast.Call) -> tuple[Facts, list[str]]:
    """Find what a call does to its arguments by analyzing it with a new name for each."""
    texts = [f"_kfnb_{n}" for n in range(len(call.args) + len(call.keywords))]
    analyzer.define(texts, VALUE)
    plain = texts[: len(call.args)]
    named = [f"{k.arg}={t}" if k.arg else f"**{t}" for k, t in zip(call.keywords, texts[len(plain) :], strict=True)]
    cell = parse_cell(own.number, own.id, f"{name}({', '.join([*plain, *named])})", own.line)
    return analyzer.unit([cell], once=False), texts


def _read_later(tree: ast.Module, value: ast.Name) -> bool:
    """Whether the cell reads the name after this place, before binding it anew."""
    after = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == value.id and n.lineno > value.lineno]
    after.sort(key=lambda n: (n.lineno, isinstance(n.ctx, ast.Store)))
    here = any(
        isinstance(n, ast.Name) and n.id == value.id and isinstance(n.ctx, ast.Store) and n.lineno == value.lineno
        for n in ast.walk(tree)
    )
    return not here and bool(after) and isinstance(after[0].ctx, ast.Load)
