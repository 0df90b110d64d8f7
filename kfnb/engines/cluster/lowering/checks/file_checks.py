"""Checks of the files that steps open: on a cluster every step has a folder of its own, so a file may be missing there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.checks.isolated_files import missed
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem


def check_files(pipeline: Pipeline, requirements: StepRequirements) -> Iterator[Problem]:
    """Find files that cannot travel with a step, and files that one step writes and another opens."""
    for name, texts in requirements.too_large.items():
        yield Problem(
            "KF706", f"step `{name}` opens {_quoted(texts)}, which is too large to travel with the code",
            "put it on a volume, or let the step fetch it", name=name,
        )  # fmt: skip
    for name, reasons in requirements.invalid_archives.items():
        for reason in reasons:
            yield Problem("KF514", f"step `{name}`: {reason}", "put it where the step's image can fetch it, or into the image", name=name)  # fmt: skip
    for name, files in requirements.private.items():
        for file, reason in files.items():
            yield Problem(
                "KF711", f"step `{name}` uses `{file}`, which stays on this machine: {reason}",
                f"if the cluster may have it, name it with the mark `file:{file}`", name=name,
            )  # fmt: skip
    for name, absent in requirements.missing.items():
        yield Problem(
            "KF712", f"the mark `file:` of step `{name}` names {_quoted(absent)}, and there is no such file beside the notebook",
            "name files, not folders, as seen from the notebook's folder", name=name,
        )  # fmt: skip
    steps = {s.name: s for s in pipeline.steps()}
    for edge in pipeline.edges:
        if not edge.files:
            continue
        writer, reader = steps[edge.source], steps[edge.to]
        mounts = {v.path for v in writer.settings.volumes} & {v.path for v in reader.settings.volumes}
        unshared = [f for f in edge.files if not any(PurePosixPath(f).is_relative_to(m) for m in mounts)]
        silent = [f for f in edge.silent if f in unshared]
        if silent:
            yield missed(edge, reader, silent, "on a cluster each step has a folder of its own")
        elif unshared:
            first = reader.cells[0]
            yield Problem(
                "KF706", f"step `{edge.to}` opens {_quoted(unshared)}, which step `{edge.source}` writes: on a cluster each has a folder of its own",
                "hand the content on in a variable, or put the file on a volume of both (the mark `volume:CLAIM:/path`)",
                first.cell, first.cell_id or None, name=edge.to,
            )  # fmt: skip


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"`{t}`" for t in texts)
