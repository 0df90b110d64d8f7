"""Files that will not be where a step opens them: every step has a folder of its own on a cluster."""

from __future__ import annotations

from collections.abc import Iterator

from kfnb.engines.cluster.filenames import files_of
from kfnb.engines.cluster.requirements import Travelling
from kfnb.pipeline.model import Pipeline, Step
from kfnb.problems import Problem


def check_files(pipeline: Pipeline, found: Travelling) -> Iterator[Problem]:
    """Files that are too large to travel, and files that one step writes and another opens."""
    for name, texts in found.left.items():
        yield Problem(
            "KF706", f"step `{name}` opens {_quoted(texts)}, which is too large to travel with the code",
            "put it on a volume, or let the step fetch it", name=name,
        )  # fmt: skip
    yield from _handed_on(list(pipeline.steps()))


def _handed_on(steps: list[Step]) -> Iterator[Problem]:
    writers: dict[str, str] = {}
    for step in steps:
        named, written = files_of(step)
        mounts = [v.path for v in step.settings.volumes]
        opened: dict[str, list[str]] = {}
        for text in sorted(named - written):
            if text in writers and not any(text.startswith(m) for m in mounts):
                opened.setdefault(writers[text], []).append(text)
        for writer, texts in opened.items():
            first = step.cells[0]
            yield Problem(
                "KF706", f"step `{step.name}` opens {_quoted(texts)}, which step `{writer}` writes: on a cluster each has a folder of its own",
                "hand the content on in a variable, or put the file on a volume of both (the mark `volume:CLAIM:PATH`)",
                first.cell, first.cell_id or None, name=step.name,
            )  # fmt: skip
        for text in written:
            writers.setdefault(text, step.name)


def _quoted(texts: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{t}`" for t in texts)
