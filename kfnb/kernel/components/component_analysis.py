"""Analyses a component of the live kernel together with the cells that ran before it, as a pipeline does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kfnb.analysis.libraries.ambient_state_calls import GENERATORS
from kfnb.analysis.unit_facts import Facts
from kfnb.kernel_notebook.executed_cells import Registered
from kfnb.notebook import notebook_from_json
from kfnb.pipeline.units.notebook_units import read_units
from kfnb.pipeline.units.sort_into_drafts import OUTSIDE, STEP


@dataclass(frozen=True)
class ComponentAnalysis:
    """The facts of a step, and the random generators that it uses and the notebook seeds."""

    facts: Facts
    generators: frozenset[str]

    @property
    def changed(self) -> set[str]:
        """Names whose object the step may change in place, and names that may share such an object."""
        groups = self.facts.groups
        return {n for name in self.facts.may_mutate for n in groups.get(name, (name,)) if not n.startswith("@")}


def analyse_component(cells: Registered, step: str, source: str) -> ComponentAnalysis:
    """Analyse the cells that ran so far. ``source`` is the component's text, for a component that is no cell."""
    notebook = notebook_from_json(cells.notebook(), folder=Path.cwd())
    if step not in (s.name for s in notebook.steps):
        notebook = notebook_from_json(cells.notebook(source), folder=Path.cwd())
    units = read_units(notebook).units
    facts = next(u.facts for u in units if u.kind == STEP and u.name == step)
    seeded = {n for u in units if u.kind != OUTSIDE for n in u.facts.may_define if n in GENERATORS}
    return ComponentAnalysis(facts, frozenset(seeded & {*facts.reads, *facts.may_mutate}))
