"""Fills a pipeline for a run on a target: the values of parameters in its marks, the target's defaults, and the secrets of its packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.pipeline.model import Json, Pipeline, Step, with_steps
from kfnb.pipeline.parameters.mark_placeholders import resolved
from kfnb.step_settings import Settings


def fit_to_target(pipeline: Pipeline, options: ClusterOptions, values: Mapping[str, Json]) -> Pipeline:
    """The pipeline with the run's values in its marks, with the target's defaults, and with the secrets that the target's packages need."""
    filled = resolved(pipeline, values)
    if options.defaults != Settings():
        filled = with_steps(filled, lambda step: replace(step, settings=step.settings.over(options.defaults)))
    secrets = options.secrets
    if not secrets:
        return filled

    def with_secrets(step: Step) -> Step:
        names = {s.env for s in step.settings.secrets}
        added = tuple(s for s in secrets if s.env not in names)
        plain_container = step.command is not None or (step.shell and step.settings.image is not None)
        return (
            step
            if plain_container
            else replace(step, settings=replace(step.settings, secrets=(*step.settings.secrets, *added)))
        )

    return with_steps(filled, with_secrets)
