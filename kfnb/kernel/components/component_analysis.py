"""What the pipeline's analysis says of a component of this kernel, among the cells that were run before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kfnb.analysis.libraries.ambient_state_calls import GENERATORS
from kfnb.analysis.unit_facts import Facts
from kfnb.kernel_notebook.executed_cells import Registered
from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.notebook_units import OUTSIDE, STEP, read_units


@dataclass(frozen=True)
class Meaning:
    """``facts`` of the step, and the kinds of random generators it uses that the notebook seeds."""

    facts: Facts
    generators: frozenset[str]

    @property
    def changed(self) -> set[str]:
        """Names whose object the step may change in place, and those that may share it."""
        groups = self.facts.groups
        return {n for name in self.facts.touches for n in groups.get(name, (name,)) if not n.startswith("@")}


def meaning_of(cells: Registered, step: str, source: str) -> Meaning:
    """Analyse the kernel's cells up to now. ``source``: the component's cell, for one that was not run as a cell."""
    notebook = notebook_from_json(cells.notebook(), folder=Path.cwd())
    if step not in (s.name for s in notebook.steps):
        notebook = notebook_from_json(cells.notebook(source), folder=Path.cwd())
    units = read_units(notebook).units
    facts = next(u.facts for u in units if u.kind == STEP and u.name == step)
    seeded = {n for u in units if u.kind != OUTSIDE for n in u.facts.may if n in GENERATORS}
    return Meaning(facts, frozenset(seeded & {*facts.reads, *facts.touches}))
