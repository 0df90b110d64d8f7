"""Checks of the settings of steps: what the policy of a target forbids, and what Kubeflow Pipelines cannot do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kfnb.engines.cluster.lowering.pod_security import user_of
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.pipeline.model import Pipeline, Step
from kfnb.problems import Problem
from kfnb.setting_marks.quantities import amount
from kfnb.step_settings import Settings


def check_settings(pipeline: Pipeline, options: ClusterOptions, engine: str) -> Iterator[Problem]:
    """Find settings that the target does not allow, or the engine cannot give. The pipeline has the defaults of the target."""
    for step in pipeline.steps():
        yield from _policy(step, options)
        if engine == "kfp":
            yield from _for_kfp(step)


# -------------------------------------------------------------------- policy
def _policy(step: Step, options: ClusterOptions) -> Iterator[Problem]:
    yield from _caps(step, options)
    yield from _names(step, options)
    if options.security == "restricted" and user_of(options, step.settings) == 0:
        yield setting_problem(
            "KF720", step, "security-context", f"step `{step.name}` would run as user 0, which is root, and the pods of the target are restricted",
            'give it another user, or let the target say `security = "baseline"`',
        )  # fmt: skip


def _caps(step: Step, options: ClusterOptions) -> Iterator[Problem]:
    settings, limits = step.settings, dict(step.settings.limits)
    for word, most, unit in (("cpu", options.max_cpu, " processors"), ("memory", options.max_memory, " of memory")):
        for mark, asked in ((word, getattr(settings, word)), ("limit", limits.get(word))):
            if most and asked and amount(asked) > amount(most):
                yield _too_much(step, mark, f"{asked}{unit}", most)
    gpus = (settings.gpu or 0) + sum(int(amount(v)) for k, v in settings.limits if "/" in k)
    if options.max_gpu is not None and gpus > options.max_gpu:
        yield _too_much(step, "gpu" if settings.gpu else "limit", f"{gpus} accelerators", str(options.max_gpu))


def _too_much(step: Step, word: str, asked: str, most: str) -> Problem:
    message = f"step `{step.name}` asks for {asked}, and the target allows {most}"
    return setting_problem("KF720", step, word, message, f"ask for at most {most}, or run it on another target")


def _names(step: Step, options: ClusterOptions) -> Iterator[Problem]:
    image = options.image_of(step.settings)
    account = step.settings.service_account
    for word, name, allowed in (
        ("image", image, options.allowed_images),
        ("service-account", account, options.allowed_service_accounts),
    ):
        if name and allowed and not any(matches(name, p) for p in allowed):
            kind = word.replace("-", " ")
            message = f"step `{step.name}` would have the {kind} {name}, and the target allows {', '.join(allowed)}"
            yield setting_problem("KF720", step, word, message, f"choose one that the target allows (`{word}:`)")


def matches(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern, in which ``*`` stands for any text. Of an image without a registry, the one of Docker Hub is meant too."""
    expression = ".*".join(map(re.escape, pattern.split("*")))
    return re.fullmatch(expression, name) is not None or re.fullmatch(expression, f"docker.io/{name}") is not None


# -------------------------------------------------------------------- Kubeflow Pipelines
def _for_kfp(step: Step) -> Iterator[Problem]:
    """Find settings that the platform document of Kubeflow Pipelines 2.17 has no field for, or whose field its driver ignores."""
    for word, what in _without_field(step.settings):
        yield setting_problem(
            "KF704", step, word, f"step `{step.name}` has {what}, and Kubeflow Pipelines cannot give it to a step",
            f"remove the mark `{word}`, or run it on Argo Workflows",
        )  # fmt: skip
    yield from _one_kind_of_accelerator(step)
    yield from _one_volume_of_a_name(step)


def _without_field(settings: Settings) -> Iterator[tuple[str, str]]:
    """The word of each mark that has no field, with what it asks for."""
    if settings.priority_class:
        yield "priority-class", f"the priority class `{settings.priority_class}`"
    if settings.service_account:
        yield (
            "service-account",
            f"the service account `{settings.service_account}` (the target's `service_account` is that of all steps)",
        )
    if settings.ephemeral_storage:
        yield "ephemeral-storage", f"{settings.ephemeral_storage} of ephemeral storage"
    if any(not a.kind.endswith("node") for a in settings.affinity):
        yield "affinity", "an affinity to pods"
    if any(v.read_only for v in settings.volumes):
        yield "volume", "a volume to read only"
    own = [name for name, _ in settings.security_context if name not in ("runAsUser", "runAsGroup")]
    if own:
        yield "security-context", f"{own[0]} in its security context"


def _one_kind_of_accelerator(step: Step) -> Iterator[Problem]:
    settings = step.settings
    kinds = [*(["nvidia.com/gpu"] if settings.gpu else []), *(k for k, _ in settings.limits)]
    if len(kinds) > 1:
        yield setting_problem(
            "KF704", step, "limit", f"step `{step.name}` asks for {', '.join(kinds)}, and Kubeflow Pipelines gives one kind of accelerator a step",
            "keep one of them",
        )  # fmt: skip


def _one_volume_of_a_name(step: Step) -> Iterator[Problem]:
    """Find volumes of two kinds with one name: the driver names each volume after its claim, secret or config map."""
    settings = step.settings
    kinds = {
        "volume": {v.claim for v in settings.volumes},
        "secret": {s.name for s in settings.secret_files},
        "config-map": {c.name for c in settings.config_map_files},
    }
    for word, other in (("secret", "volume"), ("config-map", "volume"), ("config-map", "secret")):
        for name in sorted(kinds[word] & kinds[other]):
            yield setting_problem(
                "KF704", step, word, f"step `{step.name}` has a {other} and a {word} named `{name}` as files, and Kubeflow Pipelines takes them for one",
                f"take a key of it as a variable (`{word}:{name}:KEY:VARIABLE`), or rename one of them",
            )  # fmt: skip


# -------------------------------------------------------------------- places
def setting_problem(code: str, step: Step, word: str, message: str, hint: str) -> Problem:
    """A problem of a setting, at the mark that says it; without one at the first cell of the step."""
    first = step.cells[0] if step.cells else None
    places = [(cell, line) for mark, cell, line in step.setting_places if mark == word]
    cell, line = places[-1] if places else (first.cell if first is not None else None, None)
    cell_id = next((c.cell_id for c in step.cells if c.cell == cell), "")
    return Problem(code, message, hint, cell, cell_id or None, line, name=step.name)
