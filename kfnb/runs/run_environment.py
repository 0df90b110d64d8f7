"""The Python and the packages of a run, as they were when it was started or last retried."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from kfnb.runs.record.private_record_files import DamagedRecord, read_object, write_file

ENVIRONMENT = "environment.json"  #: in the run's folder


@dataclass(frozen=True)
class RunEnvironment:
    """What the code of a run meets.

    Parameters
    ----------
    python
        The version of the steps' Python, such as ``3.11``.
    packages
        The version of each package, by its normalized name. Of a run in containers or on a cluster: of the packages that its steps get.
    """

    python: str
    packages: Mapping[str, str]


def record_environment(folder: Path, environment: RunEnvironment) -> None:
    """Write the environment into a run's folder. A run whose environment cannot be written down goes on without it."""
    with contextlib.suppress(OSError):
        write_file(folder / ENVIRONMENT, json.dumps(asdict(environment)))


def recorded_environment(folder: Path) -> RunEnvironment | None:
    """The environment in a run's folder; ``None`` where none was recorded. Raises `DamagedRecord`."""
    path = folder / ENVIRONMENT
    try:
        found = read_object(path)
    except FileNotFoundError:
        return None
    try:
        return RunEnvironment(str(found["python"]), {str(n): str(v) for n, v in found["packages"].items()})
    except (KeyError, AttributeError) as error:
        raise DamagedRecord(path, f"it holds no environment ({type(error).__name__}: {error})") from None
