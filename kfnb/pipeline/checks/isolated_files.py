"""Checks files between steps for runs in which each step has a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kfnb.pipeline.model import Edge, Pipeline, Step
from kfnb.problems import Problem


def apart(pipeline: Pipeline) -> Iterator[Problem]:
    """Report what would go wrong unnoticed on this machine when each step has a folder of its own."""
    steps = {s.name: s for s in pipeline.steps()}
    for edge in pipeline.edges:
        if edge.silent and edge.to in steps:
            yield missed(edge, steps[edge.to], edge.silent, "with --isolated each step has a folder of its own")


def missed(edge: Edge, reader: Step, files: Sequence[str], why: str) -> Problem:
    """Report that a step would go on without the files that it uses."""
    named = ", ".join(f"`{f}`" for f in files)
    first = reader.cells[0] if reader.cells else None
    return Problem(
        "KF316",
        f"step `{edge.to}` uses {named}, which step `{edge.source}` writes, and would go on without it: {why}",
        "pass the content on in a variable, put both into one step, or put the file on a volume of both (the mark `volume:CLAIM:/path`)",
        first.cell if first else None, first.cell_id or None if first else None, name=edge.to,
    )  # fmt: skip
