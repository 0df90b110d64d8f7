"""Checks before anything is sent: they find what a pipeline asks for and a cluster cannot do."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.engines.cluster.lowering.plain_container_commands import ends_itself, has_shell, only_in_environment
from kfnb.engines.cluster.lowering.text_steps import PYTHON_IMAGE, is_shell_script
from kfnb.engines.cluster.submission.cluster_options import BARE_ALLOWANCE
from kfnb.engines.engine_interface import RunOptions
from kfnb.images.needs.installed_packages import installed_packages
from kfnb.images.needs.named_files import has_own_image
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Constant, ParameterRef, Pipeline, Step
from kfnb.problems import Problem
from kfnb.requirement_checks import requirement_name
from kfnb.runtime.pods.handover.coded_text import coded
from kfnb.surrogates import encodable, encoded

MANIFEST_LIMIT = 700_000  #: bytes; etcd limits an object to 1.5 MiB, and the controller adds the status to it
#: Matches the name of an image that has Python, as far as a name can say so.
HAS_PYTHON = re.compile(r"python|pypy|conda|jupyter|pytorch|tensorflow", re.IGNORECASE)
PYTHON_SCRIPT = re.compile(r"\s*#!.*python")  #: matches a script that says that its image has Python
ANNOTATIONS_LIMIT = 256 * 1024  #: bytes of all annotations of an object (Kubernetes `ValidateAnnotationsSize`)
OLDEST = (3, 8)
#: The beginning of a tag that Argo replaces: an expression, a name that it knows, or a tag without an end.
ARGO_TAG = re.compile(
    r"\{\{(?:\s*(?:=|(?:workflow|inputs|outputs|pod|node|tasks|steps|item|retries|lastRetry)\b)|(?!.*\}\}))", re.DOTALL
)
SURROGATE = re.compile("[\ud800-\udfff]")  #: half of a surrogate pair


def check_jobs(jobs: list[Job], engine: str, python: str) -> Iterator[Problem]:
    """Find the problems of single steps. ``python`` is the version of the notebook's Python."""
    for job in jobs:
        yield from _image(job, python)
        yield from _let_fail(job, engine)
        yield from _timeout(job)
        yield from _python(job)
        if engine == "kfp":
            yield from _environment(job)
            if job.plain_container:
                yield from _template_tags(job)


def check_packages(pipeline: Pipeline, requirements: StepRequirements) -> Iterator[Problem]:
    """Find imported modules that a step cannot install, and packages that steps get in another version than the notebook has."""
    told: set[str] = set()
    for step in pipeline.steps():
        found = requirements.details.get(step.name)
        for module, reason in (found.left_out if found is not None else {}).items():
            yield _problem(
                "KF730", step, f"step `{step.name}` imports `{module}`, which is not installed there: {reason}",
                "name a package that a cluster can get with the mark `package:`, an archive beside the notebook (`package:./dist/it.whl`) "
                "or an image that has it (`image:`)",
            )  # fmt: skip
        marked = {requirement_name(r) for r in step.settings.packages}
        conflicts = found.conflicts if found is not None and requirements.packages.get(step.name) else {}
        for name, conflict in conflicts.items():
            if name in marked or name in told:
                continue
            told.add(name)
            yield _problem(
                "KF732", step, f"step `{step.name}` gets another {name} than the notebook's cells: {conflict}",
                f"install what the file asks for, let the file allow the notebook's version, or name a version with the mark `package:{name}==…`",
            )  # fmt: skip


def check_system_packages(pipeline: Pipeline, images: Collection[str] = ()) -> Iterator[Problem]:
    """Find steps that need packages of the system, for a cluster where no images are built for steps, except for ``images``."""
    for step in (s for s in pipeline.steps() if s.settings.apt and s.name not in images):
        yield _problem(
            "KF733", step, f"step `{step.name}` needs {', '.join(step.settings.apt)}, and packages of the system are not installed when a step starts",
            "build its image (`kfnb build`, or `repository` in the target) with podman, buildah or docker, or name one that has them (`image:`)",
        )  # fmt: skip


def check_size(document: dict[str, Any], kind: str) -> Iterator[Problem]:
    """Find out whether the API server would refuse a document. ``kind`` is the word for the document in messages."""
    text = json.dumps(document, ensure_ascii=False)
    surrogate = SURROGATE.search(text)
    if surrogate is not None:
        excerpt = encodable(text[: surrogate.end()].rsplit('"', 1)[-1][-20:])
        yield Problem(
            "KF320", f"the {kind} contains half of a surrogate pair (`{excerpt}`), which no cluster can store",
            "create that text inside a step, or remove the half pair",
        )  # fmt: skip
    size = len(encoded(text))
    if size > MANIFEST_LIMIT:
        yield Problem(
            "KF702", f"the {kind} has {size / 1000:.0f} kB, and a cluster takes about {MANIFEST_LIMIT // 1000} kB",
            "move large texts out of the cells into files, or the code into a module that the image has",
        )  # fmt: skip
    annotations = document.get("metadata", {}).get("annotations", {})
    if sum(len(k) + len(v) for k, v in annotations.items()) > ANNOTATIONS_LIMIT:
        yield Problem(
            "KF702",
            "the annotations are larger than 256 KiB, which is what an object may have",
            "shorten the description",
        )


def check_python(options: RunOptions) -> Iterator[Problem]:
    """Find out whether the notebook's kernel has an interpreter whose packages are unknown."""
    if options.python is not None and not installed_packages(options.python).is_known:
        yield Problem(
            "KF708",
            f"`{options.python}`, the Python of the notebook's kernel, does not say which packages it has: the steps get those that marks name, and kfnb's own version of Python",
            "name packages with `package:NAME==VERSION` and the image with `image:REF`, or choose a kernel that can be started",
            name=options.python,
        )


def _image(job: Job, python: str) -> Iterator[Problem]:
    match = PYTHON_IMAGE.search(job.step.settings.image or "")
    if match is None or job.plain_container:
        return
    version = (int(match[1]), int(match[2]))
    if version < OLDEST:
        yield _problem(
            "KF701", job.step, f"step `{job.name}` has the image {job.step.settings.image}, and steps need Python 3.8 or newer",
            f"use python:{python}",
        )  # fmt: skip
    elif f"{version[0]}.{version[1]}" != python:
        yield _problem(
            "KF705", job.step,
            f"step `{job.name}` runs on Python {version[0]}.{version[1]}, the notebook on {python}: functions and classes of "
            "the notebook cannot pass between them", f"use python:{python}",
        )  # fmt: skip


def _let_fail(job: Job, engine: str) -> Iterator[Problem]:
    """Find steps that may fail but cannot report it. On a cluster, such a step reports its own failure, so its code must reach its end."""
    settings = job.step.settings
    if not settings.may_fail:
        return
    if job.plain_container:
        yield _problem(
            "KF704", job.step, f"step `{job.name}` may fail (`on-failure:continue`), and runs in an image of its own without Python",
            "let the script always end with status 0 (`… || true`), or remove the mark `image`",
        )  # fmt: skip
    elif engine == "kfp" and settings.retry:
        yield _problem(
            "KF704", job.step, f"step `{job.name}` has `on-failure:continue` and `retry`, and Kubeflow Pipelines does not tell a step which attempt it is",
            "keep one of the two marks",
        )  # fmt: skip


def _timeout(job: Job) -> Iterator[Problem]:
    """Find commands whose timeout only Kubernetes enforces."""
    if job.step.settings.timeout and not ends_itself(job):
        image = job.step.settings.image
        yield _problem(
            "KF713", job.step,
            f"the timeout of step `{job.name}` also counts the time in which its pod starts, and is {BARE_ALLOWANCE} s longer for that: kfnb does not know "
            f"whether the image {image} has a shell, which would count the time of the command alone",
            'if it has one, let the command begin with it: `command=["sh", "-c", \'exec "$0" "$@"\', …]`',
        )  # fmt: skip


def _environment(job: Job) -> Iterator[Problem]:
    """Find commands whose inputs would have to be environment variables. Kubeflow Pipelines has none with values of a run, and a shell sets them."""
    step = job.step
    if step.command is None or not job.plain_container or has_shell(step):
        return
    missing = only_in_environment(step)
    if missing:
        yield _problem(
            "KF704", step,
            f"the command of step `{step.name}` does not name `{missing[0]}`, and Kubeflow Pipelines cannot set it as an environment variable: kfnb does "
            f"not know whether the image {step.settings.image} has a shell, which would set it",
            f'name it in a word of the command as `{{{missing[0]}}}`, or let the command begin with a shell: `command=["sh", "-c", \'exec "$0" "$@"\', …]`',
        )  # fmt: skip


def _python(job: Job) -> Iterator[Problem]:
    """Find scripts and commands that kfnb's runtime starts, in an image that may have no Python for it."""
    step = job.step
    sources = [c.source for c in step.cells]
    if job.plain_container or not has_own_image(step) or HAS_PYTHON.search(step.settings.image or ""):
        return
    if sources and all(map(PYTHON_SCRIPT.match, sources)):
        return
    if step.shell:
        first = next(s for s in sources if not is_shell_script(s)).lstrip().partition("\n")[0]
        reason = f"its script begins with `{first}`, and kfnb starts such a script with Python"
        hint = "begin the script with `#!/bin/sh` and call that program in it, or use an image that also has Python 3.8 or newer"
    else:
        reason = "its command stands in a branch that is no task of Kubeflow Pipelines, and kfnb decides with Python whether it runs"
        hint = "make it a script (`%%component NAME --shell --image …`), which decides that itself, or use an image that also has Python 3.8 or newer"
    yield _problem("KF714", step, f"step `{step.name}` needs Python in its image {step.settings.image}: {reason}", hint)


def _template_tags(job: Job) -> Iterator[Problem]:
    """Find what Argo, on which Kubeflow Pipelines runs, would replace in a command. It leaves names that it does not know.

    A script decodes its texts.
    """
    texts = [*job.step.command.words] if job.step.command is not None else []
    texts += [v for _, v in job.step.settings.env]
    found = next((m for t in texts if (m := ARGO_TAG.search(t))), None)
    if found is not None:
        yield _problem(
            "KF703", job.step, f"step `{job.name}` has `{found[0]}` in its command or environment, which Argo below Kubeflow Pipelines would replace",
            "remove the mark `image`, so that the step runs in a Python image, where its text travels encoded",
        )  # fmt: skip


def check_command_texts(jobs: list[Job], values: dict[str, Any]) -> Iterator[Problem]:
    """Find texts for commands that Kubeflow Pipelines would change. ``values`` are those of the pipeline's parameters."""
    for job in jobs:
        for item in job.step.inputs if job.plain_container and not job.step.shell else ():
            value = values.get(item.ref.name) if isinstance(item.ref, ParameterRef) else None
            value = item.ref.value if isinstance(item.ref, Constant) else value
            if isinstance(value, str) and coded(value) != value:
                yield _problem(
                    "KF703", job.step,
                    f"`{item.name}` of step `{job.name}` is a text that Kubeflow Pipelines changes on its way to a command: it contains `{{{{`, `}}}}`, `$$` or `$(`, or ends with a newline",
                    "pass the text without them, or remove the mark `image`, so that the step runs in a Python image, where texts are decoded",
                )  # fmt: skip


def _problem(code: str, step: Step, message: str, hint: str) -> Problem:
    first = step.cells[0] if step.cells else None
    return Problem(
        code, message, hint, first.cell if first else None, (first.cell_id or None) if first else None, name=step.name
    )
