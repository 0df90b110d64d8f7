"""Reads a notebook from where it stands and builds its pipelines. Errors of reading become problems too."""

from __future__ import annotations

from kfnb.notebook.notebook_source import Source
from kfnb.pipeline.build.build_pipeline import Built, build, pipelines_of
from kfnb.problems import NotebookError


def build_source(source: Source, name: str | None = None) -> Built:
    """Build the notebook's pipeline; ``name`` says which, when the notebook has several."""
    try:
        return build(source.read(), name)
    except NotebookError as error:
        return Built(None, error.problems)


def build_all(source: Source) -> list[Built]:
    """Build every pipeline of the notebook. A notebook that cannot be read gives one result without a pipeline."""
    try:
        notebook = source.read()
    except NotebookError as error:
        return [Built(None, error.problems)]
    return [build(notebook, name) for name in pipelines_of(notebook)]
