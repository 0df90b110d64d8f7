"""``kfnb.run``: runs a notebook's pipeline from Python."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kfnb.client.run_object import Run
from kfnb.client.start_run import prepare
from kfnb.kernel_notebook.find_notebook import source_here
from kfnb.notebook.notebook_source import AnyNotebook, Source, source_of
from kfnb.pipeline.build.build_from_source import build_source
from kfnb.pipeline.parameters.bind_values import fit
from kfnb.problems import NotebookError, Problem

STEP = "KFNB_STEP_ID"  #: the variable that only steps have


def run(
    notebook: AnyNotebook | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    pipeline: str | None = None,
    as_: str | None = None,
    target: str = "local",
    step: str | None = None,
    start: str | None = None,
    any_parameters: bool = False,
    cache: bool = False,
    isolated: bool = False,
    name: str | None = None,
    priority: int | None = None,
    experiment: str | None = None,
    max_parallel: int = 0,
    spawn: bool = False,
    fuse: bool = False,
    containers: str | None = None,
    image: str | None = None,
) -> Run:
    """Start a run of a notebook's pipeline. It continues by itself, in processes of its own.

    Parameters
    ----------
    notebook
        The file. Default, in a kernel: the notebook that the kernel belongs to.
    parameters
        Values by name. The other parameters keep their values of the notebook.
    pipeline
        Which pipeline, when the notebook has several.
    as_
        What steps cells without a mark make: all of them ``one``, a step by ``headings``, or ``cells``, a step each. By
        default, only those of a notebook without any mark do, by headings.
    target
        Where to run: ``local``, or a target of ``kfnb.toml``.
    step, start
        Run this step only, or this step and all after it. Values of other steps come from the newest run.
    any_parameters
        Use these values even if other parameters produced them. By default, such a run is refused.
    cache, isolated, name, priority, experiment, max_parallel, spawn, fuse, containers, image
        As for `kfnb.engines.engine_interface.RunOptions`.

    Returns
    -------
    Run
        ``run.wait()`` waits for its end, ``await run`` too; ``run["step"]["name"]`` is a value.

    Raises
    ------
    NotebookError
        With all errors of the notebook and the parameters at once, each with its place.
    BadTarget, ClusterError
        When there is no such target, or it does not answer.
    """
    source = source_for(notebook)
    source = (source if as_ is None else replace(source, division=as_)).snapshot()
    built = build_source(source, pipeline)
    prepared = prepare(
        source, built.require(), parameters or {}, target, fit, only=step, start=start, any_parameters=any_parameters, cache=cache, isolated=isolated,
        name=name, priority=priority, experiment=experiment, max_parallel=max_parallel, spawn=spawn, fuse=fuse, containers=containers, image=image,
    )  # fmt: skip
    for problem in (*built.problems, *prepared.problems):
        if problem.severity == "warning":
            warnings.warn(f"{source}:{problem}", stacklevel=2)
    return prepared.submit()


def source_for(notebook: AnyNotebook | None) -> Source:
    """The notebook to run; ``None`` means the notebook of this kernel. Raises `NotebookError` without one, and inside a step."""
    if os.environ.get(STEP):
        hint = "mark this cell `skip`, so that it is in no step"
        raise NotebookError([Problem("KF504", "a step cannot begin a run: it would end with the step", hint)])
    if notebook is not None:
        return source_of(notebook)
    found = source_here()
    if found is None:
        raise NotebookError([Problem("KF101", "no notebook was named", 'kfnb.run("train.ipynb")')])
    return found
