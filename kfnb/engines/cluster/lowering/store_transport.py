"""What the runtime reads of a value store at a URL."""

from __future__ import annotations

from typing import Any

from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Step


def store_transport(options: ClusterOptions, requirements: StepRequirements, steps: list[Step]) -> dict[str, Any]:
    """How the runtime passes values on through the store of a target; empty where it has none. ``steps`` are all that read or write values."""
    if not options.values_by_url:
        return {}
    settings = {
        "options": dict(options.value_options),
        "sources": options.sources.to_json(),
        "tables": _readers_of_tables(options, requirements, steps),
    }
    return {"url": options.values, **{k: v for k, v in settings.items() if v}}


def _readers_of_tables(options: ClusterOptions, requirements: StepRequirements, steps: list[Step]) -> str:
    """Which steps are sure to read Parquet: ``all``, those of one ``image``, or none."""
    if all(requirements.has_module(s, "pyarrow") for s in steps):
        return "all"
    return "image" if len({options.image_of(s.settings) for s in steps}) == 1 else ""
