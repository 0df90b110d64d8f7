"""Finds the files that the runs of a sweep share because all of them run in the notebook's folder."""

from __future__ import annotations

from dataclasses import dataclass

from kfnb.analysis.analyze_notebook import Analyzer
from kfnb.analysis.files.file_call_tables import UPDATE, WRITE
from kfnb.analysis.files.path_patterns import HOLE
from kfnb.analysis.files.shell_command_files import uses_of_script
from kfnb.analysis.parse_cells import ParsedCell, parse_cell
from kfnb.pipeline.model import Pipeline, Replay, Step


@dataclass(frozen=True)
class Files:
    """Literal paths that steps write. A step reads each path in ``opened`` again; no step reads a path in ``overwritten``."""

    opened: tuple[str, ...]
    overwritten: tuple[str, ...]


def files_of(pipeline: Pipeline) -> Files:
    """The files of a pipeline. A file counts as read when its path occurs in the code more than once."""
    parsed = [c for s in pipeline.steps() if not s.shell for c in _cells(s)]
    analyzer = Analyzer(parsed)
    written = {path: None for cell in parsed for path in analyzer.unit([cell]).written() if HOLE not in path}
    scripts = [s for s in pipeline.steps() if s.shell]
    for step in scripts:
        own = {o.path for o in step.shell_outputs}
        uses = [use for c in step.cells for use in uses_of_script(c.source)]
        written.update((p, None) for p, how in uses if how in (WRITE, UPDATE) and p not in own and HOLE not in p)
    code = "\n".join([*(c.source for c in parsed), *(c.source for s in scripts for c in s.cells)])
    between = {f for e in pipeline.edges for f in e.files}
    opened = [f for f in written if f in between or code.count(f) > 1]
    return Files(tuple(opened), tuple(f for f in written if f not in opened))


def _cells(step: Step) -> list[ParsedCell]:
    shared = [p.code for p in step.prepare if isinstance(p, Replay)]
    return [parse_cell(c.cell, c.cell_id, c.source, c.line) for c in (*shared, *step.cells)]
