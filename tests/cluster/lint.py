"""What Argo's controller refuses and no schema sees, and whether a schema knows every key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hera.workflows import models

TASK = re.compile(r"^[a-zA-Z][-a-zA-Z0-9]*$")
NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
PARAMETER = re.compile(r"^[-a-zA-Z0-9_]+$")
TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
REFERENCE = re.compile(r"tasks\['([^']+)'\]|tasks\.([-\w]+)\.")


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Keys that a model does not know: they are gone after a round trip."""
    if isinstance(ours, dict):
        if not isinstance(theirs, dict):
            yield path
            return
        for key, value in ours.items():
            if key not in theirs:
                yield f"{path}.{key}"
            else:
                yield from lost(value, theirs[key], f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        for index, (a, b) in enumerate(zip(ours, theirs, strict=False)):
            yield from lost(a, b, f"{path}[{index}]")


def round_trip(manifest: dict[str, Any]) -> list[str]:
    kind = getattr(models, manifest["kind"])
    return list(
        lost(manifest, kind.model_validate(manifest).model_dump(by_alias=True, exclude_unset=True, mode="json"))
    )


def problems(workflow: dict[str, Any]) -> list[str]:
    """Empty for a Workflow that the controller takes."""
    spec = workflow["spec"]
    problems_found: list[str] = []
    templates = {t["name"]: t for t in spec["templates"]}
    if len(templates) != len(spec["templates"]):
        problems_found.append("two templates have one name")
    if spec["entrypoint"] not in templates:
        problems_found.append("no entrypoint")
    for template in spec["templates"]:
        if not NAME.match(template["name"]) or len(template["name"]) > 63:
            problems_found.append(f"template name {template['name']}")
        for kind in ("inputs", "outputs"):
            for parameter in template.get(kind, {}).get("parameters", []):
                if not PARAMETER.match(parameter["name"]):
                    problems_found.append(f"parameter name {parameter['name']}")
                if kind == "outputs" and "default" not in parameter["valueFrom"]:
                    problems_found.append(f"output {parameter['name']} of {template['name']} has no default")
        if "container" in template:
            problems_found += _container(template)
        problems_found += _tasks(template, templates)
    return problems_found


def _container(template: dict[str, Any]) -> list[str]:
    container = template["container"]
    arguments = [*container["command"], *container.get("args", [])]
    problems_found = [f"argument of {len(w)} bytes" for w in arguments if len(w.encode()) >= 131_072]
    inputs = {p["name"] for p in template.get("inputs", {}).get("parameters", [])}
    for argument in arguments:
        for tag in TAG.findall(argument):
            names = re.findall(r"inputs\.parameters\['([^']+)'\]|inputs\.parameters\.([-\w]+)", tag)
            if not names or not {a or b for a, b in names} <= inputs:
                problems_found.append(f"{{{{{tag}}}}} in {template['name']}")
    return problems_found


def _tasks(template: dict[str, Any], templates: dict[str, Any]) -> list[str]:
    tasks = {t["name"]: t for t in template.get("dag", {}).get("tasks", [])}
    problems_found: list[str] = []
    for name, task in tasks.items():
        if not TASK.match(name) or len(name) > 128:
            problems_found.append(f"task name {name}")
        depends = set(re.findall(r"([-\w]+)\.(?:Succeeded|Skipped|Omitted)", task.get("depends", "")))
        if not depends <= set(tasks):
            problems_found.append(f"{name} depends on {depends - set(tasks)}")
        ancestors = _ancestors(tasks, name)
        text = str({k: v for k, v in task.items() if k != "hooks"})
        for a, b in REFERENCE.findall(" ".join(TAG.findall(text))):
            if (a or b) not in ancestors:
                problems_found.append(f"{name} looks at {a or b}, which is no ancestor")
        inner = templates.get(task["template"])
        if inner is None:
            problems_found.append(f"{name} has no template {task['template']}")
            continue
        arguments = {p["name"] for p in task.get("arguments", {}).get("parameters", [])}
        required = {
            p["name"] for p in inner.get("inputs", {}).get("parameters", []) if "value" not in p and "default" not in p
        }
        if not required <= arguments:
            problems_found.append(f"{name} is not given {required - arguments}")
        parameters = {p["name"] for p in inner.get("inputs", {}).get("parameters", [])}
        if not arguments <= parameters:
            problems_found.append(f"{name} is given {arguments - parameters}, which its template does not take")
    return problems_found


def _ancestors(tasks: dict[str, Any], name: str) -> set[str]:
    ancestors: set[str] = set()
    stack = [name]
    while stack:
        for other in re.findall(r"([-\w]+)\.(?:Succeeded|Skipped|Omitted)", tasks[stack.pop()].get("depends", "")):
            if other not in ancestors:
                ancestors.add(other)
                stack.append(other)
    return ancestors
