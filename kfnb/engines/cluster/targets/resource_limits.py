"""What a step gets of processors, memory and accelerators when its marks say nothing, and the most that it may ask for.

The target's own settings say it, and in the namespace its LimitRanges and ResourceQuotas. What the user may not see there counts as not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.lowering.checks.setting_checks import setting_problem
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.targets.server_findings import passing_over_unreadable
from kfnb.pipeline.model import Pipeline, Step
from kfnb.problems import Problem
from kfnb.setting_marks.quantities import amount

#: The mark of each resource, with its name in Kubernetes.
RESOURCES = {"cpu": "cpu", "memory": "memory", "gpu": "nvidia.com/gpu"}


@dataclass(frozen=True)
class ResourceLimit:
    """The limits of one resource.

    Parameters
    ----------
    mark
        ``cpu``, ``memory`` or ``gpu``.
    default
        The quantity that a step has whose marks say nothing; empty when it has none.
    most
        The largest quantity that a step may ask for; empty when there is no such limit.
    source
        Who says what the most is, as in ``the target``; empty without such a limit.
    """

    mark: str
    default: str = ""
    most: str = ""
    source: str = ""

    def within(self, default: str, most: str, source: str) -> ResourceLimit:
        """These limits and others: the first default counts, and the lowest limit."""
        lower = bool(most) and (not self.most or amount(most) < amount(self.most))
        found = replace(self, default=self.default or default)
        return replace(found, most=most, source=source) if lower else found


def resource_limits(options: ClusterOptions, kube: Kube | None) -> list[ResourceLimit]:
    """The limits of each resource on a target. Without ``kube`` only those of the target's settings are known. Raises `ClusterError`."""
    most = {"cpu": options.max_cpu, "memory": options.max_memory, "gpu": options.max_gpu}
    limits = {
        mark: ResourceLimit(mark).within(_text(getattr(options.defaults, mark)), _text(most[mark]), "the target")
        for mark in RESOURCES
    }
    for mark, default, largest, source in _of_namespace(kube) if kube is not None else ():
        limits[mark] = limits[mark].within(default, largest, source)
    return list(limits.values())


def check_limits(pipeline: Pipeline, limits: list[ResourceLimit]) -> Iterator[Problem]:
    """Find steps that ask for more than the namespace allows. What the target's settings allow is checked with its policy."""
    for step in pipeline.steps():
        for limit in limits:
            asked = _asked(step, limit.mark)
            if limit.most and limit.source != "the target" and asked and amount(asked) > amount(limit.most):
                yield setting_problem(
                    "KF720", step, limit.mark, f"step `{step.name}` asks for {limit.mark} {asked}, and {limit.source} allows {limit.most}",
                    f"ask for at most {limit.most}, or run it on another target",
                )  # fmt: skip


def _asked(step: Step, mark: str) -> str:
    return _text(getattr(step.settings, mark)) or dict(step.settings.limits).get(RESOURCES[mark], "")


def _of_namespace(kube: Kube) -> Iterator[tuple[str, str, str, str]]:
    """The mark, the default, the most and who says so, of each LimitRange and ResourceQuota."""
    for found in _items(kube, "limitranges"):
        ranges = (r for r in found["spec"].get("limits") or () if r.get("type") == "Container")
        for one in ranges:
            for mark, name in RESOURCES.items():
                default = (one.get("default") or {}).get(name) or (one.get("defaultRequest") or {}).get(name)
                most = (one.get("max") or {}).get(name)
                yield mark, _text(default), _text(most), f"the LimitRange `{found['metadata']['name']}`"
    for found in _items(kube, "resourcequotas"):
        hard = found["spec"].get("hard") or {}
        for mark, name in RESOURCES.items():
            for key in (f"limits.{name}", f"requests.{name}", name):
                yield mark, "", _text(hard.get(key)), f"the ResourceQuota `{found['metadata']['name']}`"


def _items(kube: Kube, kind: str) -> list[dict[str, Any]]:
    with passing_over_unreadable():
        return list((kube.find(kube.core_path(kind)) or {}).get("items") or ())
    return []


def _text(quantity: str | int | None) -> str:
    return "" if quantity is None else str(quantity)
