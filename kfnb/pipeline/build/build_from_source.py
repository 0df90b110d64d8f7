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


def build_again(source: Source, name: str) -> Built:
    """Build the pipeline of an earlier run from the notebook as it is now.

    Marked steps make a pipeline with the name of their file, which may have been renamed since: a notebook with one pipeline has that one.
    """
    try:
        notebook = source.read()
    except NotebookError as error:
        return Built(None, error.problems)
    names = pipelines_of(notebook)
    return build(notebook, name if name in names or len(names) > 1 else None)


def build_all(source: Source) -> list[Built]:
    """Build every pipeline of the notebook. A notebook that cannot be read gives one result without a pipeline."""
    try:
        notebook = source.read()
    except NotebookError as error:
        return [Built(None, error.problems)]
    return [build(notebook, name) for name in pipelines_of(notebook)]
