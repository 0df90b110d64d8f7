"""Files for containers without kfnb's runtime: the script or command itself unpacks them before it begins."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from kfnb.images.needs.named_files import has_own_image
from kfnb.pipeline.model import Pipeline, Step, with_steps

#: The image's own folder is used where it can be written to, so that a script finds what it expects there.
ENTER = '[ -w . ] || cd "$(mktemp -d)" || exit 1'
SHEBANG = re.compile(r"\s*#![^\n]*\n")


def embed_files(pipeline: Pipeline, files: Mapping[str, Mapping[str, str]]) -> Pipeline:
    """The pipeline with the files of each script or command that has an image of its own inside of it.

    Parameters
    ----------
    files
        The contents of files as base64 by path, by step.
    """

    def embedded(step: Step) -> Step:
        found = files.get(step.name, {})
        if not found or not has_own_image(step):
            return step
        unpack = "; ".join((ENTER, *_unpacking(found)))
        if step.command is not None:
            command = ("sh", "-c", f'{unpack}; exec "$@"', "kfnb", *step.command.command)
            return replace(step, command=replace(step.command, command=command)) if step.command.command else step
        first = step.cells[0]
        head = SHEBANG.match(first.source)
        at = head.end() if head is not None else 0
        source = f"{first.source[:at]}{unpack}\n{first.source[at:]}"
        return replace(step, cells=(replace(first, source=source), *step.cells[1:]))

    return with_steps(pipeline, embedded)


def _unpacking(files: Mapping[str, str]) -> list[str]:
    folders = sorted({parent.as_posix() for n in files if (parent := PurePosixPath(n).parent).parts})
    made = [f"mkdir -p {' '.join(map(shlex.quote, folders))} || exit 1"] if folders else []
    return [*made, *(f"printf %s '{text}' | base64 -d > {shlex.quote(name)}" for name, text in files.items())]
