"""The images of a target's repository: they are built before a run, and its steps are pinned to them."""

from __future__ import annotations

from pathlib import Path

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.image_order import image_order
from kfnb.engines.engine_interface import RunOptions
from kfnb.images.build_watch import Watch
from kfnb.pipeline.model import Pipeline
from kfnb.problems import UserError


def build_target_images(
    pipeline: Pipeline, options: RunOptions, settings: ClusterOptions, watch: Watch
) -> dict[str, str]:
    """Build what the target's repository lacks, and return the image of each step with its digest. Steps with images of their own have none.

    Raises
    ------
    ClusterError
        When a package cannot be had, or the repository refuses. The message says which.
    """
    try:
        order = image_order(pipeline, Path(options.folder), settings, options.parameters, options.python)
        return order.pinned(order.build(watch))
    except Exception as error:
        if not isinstance(error, UserError):
            raise
        raise ClusterError(
            getattr(error, "kind", "refused"),
            f"the images of the steps cannot be built: {error} (without `repository` in the target, steps install their packages at their start)",
        ) from error
