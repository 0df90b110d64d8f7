"""Joins the cells of a step that stand apart, at a place where joining them changes no value."""

from __future__ import annotations

from dataclasses import replace

from kfnb.analysis.analyze_notebook import Analyzer
from kfnb.analysis.parse_cells import ParsedCell
from kfnb.analysis.unit_facts import Facts
from kfnb.pipeline.units.draft_facts import facts_of
from kfnb.pipeline.units.sort_into_drafts import STEP, UnitDraft
from kfnb.problems import Problem


def join_cells(
    drafts: list[UnitDraft], parsed: list[ParsedCell], modules: dict[str, str], programs: dict[str, str]
) -> tuple[list[UnitDraft], list[Problem]]:
    """Join the cells of each step, at the place of the first cell if that changes no value, else at that of the last."""
    where: dict[str, list[int]] = {}
    for index, draft in enumerate(drafts):
        if draft.kind == STEP:
            where.setdefault(draft.name, []).append(index)
    apart = {n: at for n, at in where.items() if at[-1] - at[0] >= len(at)}
    facts = _facts_of_each(drafts, parsed, modules, programs) if apart else []
    place: dict[str, int] = {}
    problems: list[Problem] = []
    for name, at in where.items():
        place[name] = at[0] if name not in apart else _place_of(name, at, drafts, facts, problems)
    joined: list[UnitDraft] = []
    for index, draft in enumerate(drafts):
        if draft.kind != STEP:
            joined.append(draft)
        elif len(where[draft.name]) == 1:
            joined.append(draft)
        elif place[draft.name] == index:
            cells = tuple(c for i in where[draft.name] for c in drafts[i].cells)
            metrics = tuple(n for i in where[draft.name] for n in drafts[i].metrics)
            joined.append(replace(draft, cells=cells, metrics=metrics))
    return joined, problems


def _facts_of_each(
    drafts: list[UnitDraft], parsed: list[ParsedCell], modules: dict[str, str], programs: dict[str, str]
) -> list[Facts]:
    analyzer = Analyzer(parsed, modules, programs)
    return [facts_of(d, analyzer) for d in drafts]


def _place_of(name: str, at: list[int], drafts: list[UnitDraft], facts: list[Facts], problems: list[Problem]) -> int:
    """Find a place for a step. A cell may move over another if neither uses or changes what the other changes."""

    def clash(moved: int, low: int, high: int) -> tuple[int, str] | None:
        for other in range(low + 1, high):
            if drafts[other].name != name or drafts[other].kind != STEP:
                names = _conflict(facts[moved], facts[other])
                if names:
                    return other, sorted(names)[0]
        return None

    up = next((c for i in at[1:] if (c := clash(i, at[0], i))), None)
    if up is None:
        return at[0]
    down = next((c for i in at[:-1] if (c := clash(i, i, at[-1]))), None)
    if down is None:
        return at[-1]
    first, between = drafts[at[0]].cells[0], drafts[up[0]].cells[0]
    problems.append(
        Problem(
            "KF309",
            f"the cells of step `{name}` stand around cell {between.number}, and both sides depend on that cell: through `{up[1]}` and `{down[1]}`",
            f"give the later cells of `{name}` a step name of their own", first.number, first.id, None, name,
        )
    )  # fmt: skip
    return at[-1]


def _conflict(one: Facts, other: Facts) -> set[str]:
    mine, theirs = {*one.may_define, *one.may_mutate}, {*other.may_define, *other.may_mutate}
    quiet = {n for n in mine & theirs if one.kinds.get(n) == "import"}
    return ((mine & (theirs | set(other.reads))) | (theirs & set(one.reads))) - quiet
