"""Finds what the code of one draft reads, binds and changes, shell scripts included."""

from __future__ import annotations

import re
from dataclasses import replace

from kfnb.analysis.analyze_notebook import Analyzer
from kfnb.analysis.files.path_patterns import hole
from kfnb.analysis.files.shell_command_files import Use, uses_of_line
from kfnb.analysis.unit_facts import Facts, Site
from kfnb.analysis.units.abstract_state import DEF, SCALAR, VALUE
from kfnb.notebook.parsed_notebook import (
    StepMarks,
)
from kfnb.pipeline.units.sort_into_drafts import UnitDraft

MENTIONED = re.compile(r"\$\{?([A-Za-z_]\w*)")
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")  #: of a shell


def facts_of(draft: UnitDraft, analyzer: Analyzer) -> Facts:
    if draft.marks is not None and draft.marks.foreach is not None:
        analyzer.define([draft.marks.foreach.variable], VALUE)
    if draft.marks is not None and draft.marks.shell:
        return _shell_facts(draft, draft.marks, analyzer)
    marks = draft.marks
    facts = analyzer.unit(draft.cells, marks is None or marks.when is None, marks is None or marks.foreach is None)
    if marks is not None and marks.foreach is not None:
        # the memory of a function stays with its iteration, because iterations have no order
        kept = {n for n in facts.stateful if facts.kinds.get(n) != DEF}
        return replace(facts, may_mutate={n: s for n, s in facts.may_mutate.items() if n not in kept})
    return facts


def _shell_facts(draft: UnitDraft, marks: StepMarks, analyzer: Analyzer) -> Facts:
    """A shell step uses the notebook's names that its script mentions as ``$name``, and defines its outputs."""
    world = analyzer.world
    outputs = {o.name for o in marks.outputs}
    private = {o.path for o in marks.outputs}
    reads: dict[str, Site] = {}
    texts: dict[str, Site] = {}
    files: dict[Use, Site] = {}
    for cell in draft.cells:
        for number, line in enumerate(cell.source.split("\n"), cell.line):
            site = Site(cell.number, number)
            for name in MENTIONED.findall(line):
                if name not in outputs and world.kinds.get(name) in (SCALAR, VALUE):
                    reads.setdefault(name, site)
            command = VARIABLE.sub(lambda m: world.texts.get(m[1] or m[2]) or hole(m[1] or m[2]), line)
            files.update((use, site) for use in uses_of_line(command) if use[0] not in private)
            texts.update((w, site) for word in line.split() if (w := word.strip("'\"")) not in private)
    made = {o.name: Site(draft.cells[0].number, draft.cells[0].line) for o in marks.outputs}
    analyzer.define(outputs, SCALAR)
    return Facts(
        reads=reads,
        may_define=made,
        must_define=frozenset(made),
        kinds=dict.fromkeys(made, SCALAR),
        files=files,
        texts=texts,
    )
