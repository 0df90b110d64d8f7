"""Completes words of a command line, in a shell and in a kernel. A completion never fails: without an answer it offers nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kfnb.notebook.notebook_source import Source
    from kfnb.pipeline.model import Pipeline


def run_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The newest runs."""
    from kfnb.runs.record.run_store import RunStore

    store = RunStore()
    try:
        found = ["last", *(h["run"] for h in store.runs(20))]
    finally:
        store.close()
    return [r for r in found if r.startswith(incomplete)]


def steps_of_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The steps of the run that the words before name; of the newest where they name none."""
    from kfnb.runs.record.lookup_by_name import UnknownRun
    from kfnb.runs.record.run_store import RunStore

    store = RunStore()
    try:
        run = store.resolve(ctx.params.get("run_id") or ctx.params.get("run_ref") or "last")
        return [s["path"] for s in store.steps(run) if s["path"].startswith(incomplete)]
    except UnknownRun:
        return []
    finally:
        store.close()


def steps(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The steps of the notebook's pipeline."""
    pipeline = _pipeline(ctx)
    return [s.name for s in pipeline.steps() if s.name.startswith(incomplete)] if pipeline is not None else []


def parameters(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The pipeline's parameters, as ``NAME=``, and behind that the values there are to choose from."""
    from kfnb.pipeline.parameters.bind_values import schema_of
    from kfnb.pipeline.parameters.value_schema import choices, shown_choice

    pipeline = _pipeline(ctx)
    known = pipeline.parameters if pipeline is not None else ()
    name, equals, _ = incomplete.partition("=")
    if not equals:
        return [f"{p.name}=" for p in known if p.name.startswith(name)]
    values = [shown_choice(v) for p in known if p.name == name for v in choices(schema_of(p)) or ()]
    return [f"{name}={v}" for v in values if f"{name}={v}".startswith(incomplete)]


def metrics(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The metrics that the pipeline records."""
    pipeline = _pipeline(ctx)
    names = pipeline.metrics if pipeline is not None else ()
    return [n for n in names if n.startswith(incomplete)]


def target_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The targets that can be seen from the notebook."""
    from kfnb.engines.cluster.clients.cluster_errors import BadTarget
    from kfnb.engines.cluster.targets.targets import targets

    source = _source(ctx)
    try:
        found = targets(source.path if source is not None else None).values()
        return [t.name for t in found if t.name.startswith(incomplete) and not t.error]
    except BadTarget:
        return []


def _pipeline(ctx: click.Context) -> Pipeline | None:
    from kfnb.pipeline.build.build_from_source import build_source

    source = _source(ctx)
    return build_source(source, ctx.params.get("pipeline")).pipeline if source is not None else None


def _source(ctx: click.Context) -> Source | None:
    from kfnb.notebook.formats.text_cells import is_text
    from kfnb.notebook.notebook_source import Source, source_of

    argument: Any = ctx.params.get("notebook")
    if isinstance(argument, Source):
        return argument
    words = [w for w in (ctx.args or []) if (w.endswith(".ipynb") or is_text(w)) and Path(w).is_file()]
    return source_of(words[0]) if words else ctx.find_object(Source)
