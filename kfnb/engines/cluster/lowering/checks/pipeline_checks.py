"""All checks of a pipeline as a target would run it, before an engine emits its documents."""

from __future__ import annotations

from collections.abc import Iterator

from kfnb.engines.cluster.fusing.fuse_jobs import check_pods
from kfnb.engines.cluster.lowering.checks.cluster_checks import check_packages
from kfnb.engines.cluster.lowering.checks.file_checks import check_files
from kfnb.engines.cluster.lowering.checks.setting_checks import check_settings
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.locks.locked_requirements import stale_locks
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem


def check_pipeline(
    pipeline: Pipeline, options: ClusterOptions, requirements: StepRequirements, engine: str
) -> Iterator[Problem]:
    """Find the problems of a pipeline, which has the defaults of the target (`fit_to_target`)."""
    yield from check_files(pipeline, requirements)
    yield from check_packages(pipeline, requirements)
    yield from stale_locks(pipeline, requirements)
    yield from check_pods(pipeline, options)
    yield from check_settings(pipeline, options, engine)
