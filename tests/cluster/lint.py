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


def lost(mine: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Keys that a model does not know: they are gone after a round trip."""
    if isinstance(mine, dict):
        if not isinstance(theirs, dict):
            yield path
            return
        for key, value in mine.items():
            if key not in theirs:
                yield f"{path}.{key}"
            else:
                yield from lost(value, theirs[key], f"{path}.{key}")
    elif isinstance(mine, list) and isinstance(theirs, list):
        for index, (a, b) in enumerate(zip(mine, theirs, strict=False)):
            yield from lost(a, b, f"{path}[{index}]")


def round_trip(manifest: dict[str, Any]) -> list[str]:
    kind = getattr(models, manifest["kind"])
    return list(
        lost(manifest, kind.model_validate(manifest).model_dump(by_alias=True, exclude_unset=True, mode="json"))
    )


def problems(workflow: dict[str, Any]) -> list[str]:
    """Empty for a Workflow that the controller takes."""
    spec = workflow["spec"]
    found: list[str] = []
    templates = {t["name"]: t for t in spec["templates"]}
    if len(templates) != len(spec["templates"]):
        found.append("two templates have one name")
    if spec["entrypoint"] not in templates:
        found.append("no entrypoint")
    for template in spec["templates"]:
        if not NAME.match(template["name"]) or len(template["name"]) > 63:
            found.append(f"template name {template['name']}")
        for kind in ("inputs", "outputs"):
            for parameter in template.get(kind, {}).get("parameters", []):
                if not PARAMETER.match(parameter["name"]):
                    found.append(f"parameter name {parameter['name']}")
                if kind == "outputs" and "default" not in parameter["valueFrom"]:
                    found.append(f"output {parameter['name']} of {template['name']} has no default")
        if "container" in template:
            found += _container(template)
        found += _tasks(template, templates)
    return found


def _container(template: dict[str, Any]) -> list[str]:
    container = template["container"]
    words = [*container["command"], *container.get("args", [])]
    found = [f"argument of {len(w)} bytes" for w in words if len(w.encode()) >= 131_072]
    inputs = {p["name"] for p in template.get("inputs", {}).get("parameters", [])}
    for word in words:
        for tag in TAG.findall(word):
            names = re.findall(r"inputs\.parameters\['([^']+)'\]|inputs\.parameters\.([-\w]+)", tag)
            if not names or not {a or b for a, b in names} <= inputs:
                found.append(f"{{{{{tag}}}}} in {template['name']}")
    return found


def _tasks(template: dict[str, Any], templates: dict[str, Any]) -> list[str]:
    tasks = {t["name"]: t for t in template.get("dag", {}).get("tasks", [])}
    found: list[str] = []
    for name, task in tasks.items():
        if not TASK.match(name) or len(name) > 128:
            found.append(f"task name {name}")
        depends = set(re.findall(r"([-\w]+)\.(?:Succeeded|Skipped|Omitted)", task.get("depends", "")))
        if not depends <= set(tasks):
            found.append(f"{name} depends on {depends - set(tasks)}")
        ancestors = _ancestors(tasks, name)
        text = str({k: v for k, v in task.items() if k != "hooks"})
        for a, b in REFERENCE.findall(" ".join(TAG.findall(text))):
            if (a or b) not in ancestors:
                found.append(f"{name} looks at {a or b}, which is no ancestor")
        inner = templates.get(task["template"])
        if inner is None:
            found.append(f"{name} has no template {task['template']}")
            continue
        given = {p["name"] for p in task.get("arguments", {}).get("parameters", [])}
        wanted = {
            p["name"] for p in inner.get("inputs", {}).get("parameters", []) if "value" not in p and "default" not in p
        }
        if not wanted <= given:
            found.append(f"{name} is not given {wanted - given}")
        known = {p["name"] for p in inner.get("inputs", {}).get("parameters", [])}
        if not given <= known:
            found.append(f"{name} is given {given - known}, which its template does not take")
    return found


def _ancestors(tasks: dict[str, Any], name: str) -> set[str]:
    found: set[str] = set()
    left = [name]
    while left:
        for other in re.findall(r"([-\w]+)\.(?:Succeeded|Skipped|Omitted)", tasks[left.pop()].get("depends", "")):
            if other not in found:
                found.add(other)
                left.append(other)
    return found
