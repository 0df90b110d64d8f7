"""Measuring side by side: each figure is a ratio of two things timed in turn, in one run, on one machine."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PYTHON = sys.executable
RIVALS = Path(__file__).parents[2] / ".venv" / "rivals"


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def side_by_side(one: Callable[[], object], other: Callable[[], object], times: int = 11) -> tuple[float, float]:
    """Median seconds of both, taken in turn."""
    first, second = [], []
    for _ in range(times):
        first.append(seconds(one))
        second.append(seconds(other))
    return statistics.median(first), statistics.median(second)


def process(*command: str, **options: object) -> Callable[[], object]:
    """Run a command to its end, quietly; it must succeed."""

    def run() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]

    return run


def report(what: str, mine: float, other: float, bar: str) -> None:
    print(
        f"\n{what}: {mine * 1000:.1f} ms against {other * 1000:.1f} ms, ratio {mine / other:.2f} (the other way {other / mine:.1f}); wanted {bar}"
    )


def rivals() -> Path | None:
    """Kale and kfp in an environment of their own, made once; ``None`` where they cannot be installed."""
    python = RIVALS / "bin" / "python"
    if not (RIVALS / "made").exists():
        try:
            subprocess.run([PYTHON, "-m", "venv", str(RIVALS)], check=True)
            subprocess.run(
                [str(python), "-m", "pip", "install", "-q", "kubeflow-kale==2.3.*", "kfp>=2.14,<3"],
                check=True,
                timeout=900,
            )
        except (subprocess.SubprocessError, OSError) as error:
            print(f"the rivals cannot be installed here: {error}")
            return None
        (RIVALS / "made").touch()
    return python
