"""What a cluster said of the pod of an attempt: beside the attempt's log, a line of JSON for each time that it said something new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kfnb.runs.record.private_record_files import append_to, make_folder, read_json_lines

POD = "pod"  #: the file in the folder of an attempt


def note_pod(folder: Path, pod: dict[str, Any]) -> None:
    """Keep what is known of a pod now: its ``name``, ``namespace`` and ``node``, its ``events``, and the ``id`` of its node in the Workflow."""
    make_folder(folder)
    with append_to(folder / POD) as file:
        file.write(json.dumps(pod).encode() + b"\n")


def noted_pod(folder: Path) -> dict[str, Any] | None:
    """What was known of the pod at last; ``None`` where nothing was noted. Raises `DamagedRecord`."""
    lines = read_json_lines(folder / POD)
    return lines[-1] if lines else None
