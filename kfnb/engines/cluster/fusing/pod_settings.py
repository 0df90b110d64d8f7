"""The settings of a pod in which several steps run one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.runtime.pods.pod_members import BACKOFF
from kfnb.setting_marks.quantities import amount
from kfnb.step_settings import Settings


def settings_of_pod(job: Job, options: ClusterOptions) -> dict[str, Any]:
    """The settings that all steps of a pod have in common, by the words of their marks."""
    settings = job.step.settings
    return {
        "image": options.image_of(settings, job.name),
        "node": frozenset(settings.nodes),
        "toleration": frozenset(settings.tolerations),
        "volume": frozenset(settings.volumes),
        "secret": frozenset((*settings.secrets, *settings.secret_files)),
        "config-map": frozenset((*settings.config_maps, *settings.config_map_files)),
        "label": frozenset(settings.labels),
        "annotation": frozenset(settings.annotations),
        "affinity": frozenset(settings.affinity),
        "priority-class": settings.priority_class,
        "service-account": settings.service_account,
        "image-pull-policy": settings.image_pull_policy,
        "pull-secret": frozenset(settings.pull_secrets),
        "security-context": frozenset(settings.security_context),
    }


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The words of the settings that differ."""
    return [word for word, value in one.items() if other[word] != value]


def joined_settings(members: tuple[Job, ...], options: ClusterOptions) -> Settings:
    """The settings of the pod: the largest of each resource, and time for all attempts of all steps."""
    all_settings = [m.step.settings for m in members]
    times = [_longest_time(s) for s in all_settings]
    limits: dict[str, list[str]] = {}
    for name, value in (pair for s in all_settings for pair in s.limits):
        limits.setdefault(name, []).append(value)
    return replace(
        all_settings[0],
        cpu=_largest(s.cpu for s in all_settings),
        memory=_largest(s.memory for s in all_settings),
        shared_memory=_largest(s.shared_memory for s in all_settings),
        ephemeral_storage=_largest(s.ephemeral_storage for s in all_settings),
        gpu=max((s.gpu or 0 for s in all_settings), default=0) or None,
        limits=tuple((name, _largest(values) or "") for name, values in limits.items()),
        timeout=None if None in times else sum(t for t in times if t is not None),
        retry=None,
        on_failure=None,
        cache=False,
        packages=(),
        env=(),
        files=(),
    )


def _longest_time(settings: Settings) -> float | None:
    """The longest time that all attempts of a step may take, with the pauses between them."""
    if settings.timeout is None:
        return None
    retries = settings.retry or 0
    return settings.timeout * (retries + 1) + BACKOFF * float(2**retries - 1)


def _largest(quantities: Iterable[str | None]) -> str | None:
    """The largest of several Kubernetes quantities, as it was written."""
    return max((q for q in quantities if q), key=amount, default=None)
