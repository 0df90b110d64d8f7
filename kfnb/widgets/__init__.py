"""STUB."""

from typing import Any


def show_run(run: Any) -> Any:
    print(run)


def show_pipeline(source: Any, pipeline: Any, launch: Any) -> Any:
    print(pipeline.name)
