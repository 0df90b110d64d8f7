"""An interpreter of Workflows that follows the controller: depends, when, withParam, exit hooks, retries, defaults.

Each pass of template substitution happens where the controller does it (`ProcessArgs`, `resolveDependencyReferences`,
`expandTask`, `substitutePodParams`). Containers run as processes here. What it leaves is a ``status`` as the controller would write it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.expressions import Missing, Unresolved, evaluate
from tests.cluster.templates import kubelet, replaced

TASKS = ("tasks", "steps")  #: names that must be known where a task is replaced
OFFLOADED = 128 * 1024  #: bytes of a template that is too large for an environment variable
#: What the controller says of a pod with such a template: it would keep the template in a ConfigMap, and Argo's manifests do not let it.
NO_CONFIGMAP = (
    'configmaps is forbidden: User "system:serviceaccount:argo:argo" cannot create resource "configmaps" in API group ""'
    ' in the namespace "team-a"'
)
#: What the controller says of words that are no condition (`workflow/controller/steps.go`, ``shouldExecute``).
NO_CONDITION = "Cannot transition token types from VARIABLE [kfnb] to VARIABLE [condition]"
DEPENDS = re.compile(r"([\w-]+)\.(Succeeded|Skipped|Omitted|Failed|Errored)")


class Pods:
    """Runs containers' commands one after the other. ``loaded``: modules that they have loaded already."""

    def __init__(self, *loaded: str) -> None:
        zygote = Path(__file__).with_name("zygote.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(zygote), *loaded], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, argv: list[str], env: dict[str, str], cwd: Path, log: Path) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {
            "argv": argv,
            "env": {**os.environ, "TMPDIR": str(cwd.parent), **env},
            "cwd": str(cwd),
            "log": str(log),
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@contextmanager
def pods(*loaded: str) -> Iterator[Pods]:
    started = Pods(*loaded)
    try:
        yield started
    finally:
        started.close()


@dataclass
class Interpreter:
    """One Workflow on its way. ``nodes`` and ``logs`` (by node name) grow; ``secrets`` are values by their key."""

    workflow: dict[str, Any]
    pods: Pods
    folder: Path
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def run(self, **parameters: str) -> dict[str, Any]:
        """Run it to its end and give its status."""
        spec = self.workflow["spec"]
        self.templates = {t["name"]: t for t in spec["templates"]}
        values = {p["name"]: p.get("value") for p in spec.get("arguments", {}).get("parameters", [])}
        values.update(parameters)
        self.globals = {
            "workflow": {"parameters": values, "name": "wf", "uid": "0", "creationTimestamp": {"s": "1000"}}
        }
        replaced({k: v for k, v in spec.items() if k != "templates"}, self.globals)
        phase, _ = self.execute("wf", spec["entrypoint"], {}, None)
        return {"phase": phase, "nodes": self.nodes, "finishedAt": _clock(self.count)}

    # ---------------------------------------------------------------- nodes
    def node(self, name: str, kind: str, phase: str, boundary: str | None, **more: Any) -> dict[str, Any]:
        id_ = _node_id(name)
        self.count += 1
        display = name[len(self.nodes[boundary]["name"]) + 1 :] if boundary else name
        node = {
            "id": id_, "name": name, "displayName": display, "type": kind, "phase": phase, "startedAt": _clock(self.count),
            **({"boundaryID": boundary} if boundary else {}), **more,
        }  # fmt: skip
        self.nodes[id_] = node
        return node

    def finish(
        self, node: dict[str, Any], phase: str, outputs: dict[str, str] | None = None, message: str = ""
    ) -> tuple[str, dict[str, str]]:
        self.count += 1
        node.update(phase=phase, finishedAt=_clock(self.count))
        if message:
            node["message"] = message
        if outputs:
            node["outputs"] = {"parameters": [{"name": k, "value": v} for k, v in outputs.items()]}
        return phase, outputs or {}

    def execute(
        self, name: str, template: str, arguments: dict[str, Any], boundary: str | None, **more: Any
    ) -> tuple[str, dict[str, str]]:
        try:
            body, env = self.processed(self.templates[template], arguments, {"pod": {"name": f"wf-{_node_id(name)}"}})
        except Unresolved as error:
            message = f"task '{name}' errored: {error}"
            return self.finish(self.node(name, "Skipped", "Error", boundary), "Error", message=message)
        if "dag" in body:
            return self.dag(name, body, env, boundary, **more)
        return self.retried(name, body, env, boundary, **more)

    def processed(
        self, template: dict[str, Any], arguments: dict[str, Any], local: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """A template with its arguments: first the names of the whole Workflow are replaced, then those of its inputs."""
        body = copy.deepcopy(template)
        given = {p["name"]: p["value"] for p in arguments.get("parameters", [])}
        for parameter in body.get("inputs", {}).get("parameters", []):
            parameter["value"] = given.get(parameter["name"], parameter.get("value"))
            if parameter["value"] is None:
                raise Unresolved(f"inputs.parameters.{parameter['name']} was not supplied")
        artifacts = {a["name"]: a for a in arguments.get("artifacts", [])}
        for artifact in body.get("inputs", {}).get("artifacts", []):
            artifact.update({k: v for k, v in artifacts.get(artifact["name"], {}).items() if k != "optional"})
        return self.substituted(body, local)

    def substituted(self, body: dict[str, Any], local: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        env = {**self.globals, **local}
        body = replaced(body, env)
        inputs = {p["name"]: p["value"] for p in body.get("inputs", {}).get("parameters", [])}
        env = {**env, "inputs": {"parameters": inputs}}
        return replaced(body, env), env

    # ---------------------------------------------------------------- DAGs
    def dag(
        self, name: str, body: dict[str, Any], env: dict[str, Any], boundary: str | None, **more: Any
    ) -> tuple[str, dict[str, str]]:
        node = self.node(name, "DAG", "Running", boundary, templateName=body["name"], **more)
        tasks = {t["name"]: t for t in body["dag"]["tasks"]}
        phases: dict[str, str] = {}
        env = {**env, "tasks": {}}
        waiting = list(tasks)
        while waiting:
            task = next(
                t for t in waiting if {d for d, _ in DEPENDS.findall(tasks[t].get("depends", ""))} <= set(phases)
            )
            waiting.remove(task)
            phases[task] = self.task(f"{name}.{task}", tasks[task], phases, env, node["id"])
        bad = [p for p in phases.values() if p in ("Failed", "Error")]
        if bad:
            return self.finish(node, bad[0])
        try:
            outputs = {o["name"]: self.output(o, env) for o in body.get("outputs", {}).get("parameters", [])}
        except Unresolved as error:
            return self.finish(node, "Error", message=str(error))
        return self.finish(node, "Succeeded", outputs)

    def output(self, output: dict[str, Any], env: dict[str, Any]) -> str:
        source = output["valueFrom"]
        try:
            if "expression" in source:
                return str(evaluate(source["expression"], env))
            value: Any = env
            for part in source["parameter"].strip("{} ").split("."):
                if part not in value:
                    raise Missing(source["parameter"])
                value = value[part]
            return str(value)
        except Unresolved:
            if "default" in source:
                return str(source["default"])
            raise

    def task(self, name: str, task: dict[str, Any], phases: dict[str, str], env: dict[str, Any], boundary: str) -> str:
        short = task["name"]
        logic = DEPENDS.sub(
            lambda m: str(phases[m[1]] == {"Errored": "Error"}.get(m[2], m[2])), task.get("depends", "")
        )
        if logic and not eval(logic.replace("&&", " and ").replace("||", " or ")):
            self.node(name, "Skipped", "Omitted", boundary, message="omitted: depends condition not met")
            env["tasks"][short] = {"status": "Omitted", **self.defaults(task)}
            return "Omitted"
        # what a task may look at are its ancestors
        ancestors = self.ancestors(task, boundary)
        visible = {**env, "tasks": {k: v for k, v in env["tasks"].items() if k in ancestors}}
        try:
            when = replaced(task.get("when", "true"), visible, TASKS).strip()
            if when not in ("true", "false") and "withParam" not in task:
                message = f"Invalid 'when' expression '{when}': {NO_CONDITION}"
                self.finish(self.node(name, "Skipped", "Error", boundary), "Error", message=message)
                return "Error"
            if when == "false":
                self.node(name, "Skipped", "Skipped", boundary, message="when evaluated false")
                env["tasks"][short] = {"status": "Skipped", **self.defaults(task)}
                return "Skipped"
            ready = replaced({k: v for k, v in task.items() if k != "hooks"}, visible, TASKS)
            if "withParam" in task:
                phase, outputs = self.group(name, ready, boundary)
            else:
                phase, outputs = self.execute(name, task["template"], ready.get("arguments", {}), boundary)
        except Unresolved as error:
            message = f"task '{name}' errored: {error}"
            self.finish(self.node(name, "Skipped", "Error", boundary), "Error", message=message)
            return "Error"
        known = {"outputs": {"parameters": outputs}} if outputs else self.defaults(task) if phase == "Skipped" else {}
        env["tasks"][short] = {"status": phase, **known}
        hook = task.get("hooks", {}).get("exit")
        if hook and phase in ("Succeeded", "Failed", "Error"):
            visible["tasks"][short] = {"status": phase}
            arguments = replaced(hook.get("arguments", {}), visible)
            done, _ = self.execute(f"{name}.onExit", hook["template"], arguments, boundary, nodeFlag={"hooked": True})
            if done != "Succeeded":
                return "Failed"
        return phase

    def ancestors(self, task: dict[str, Any], boundary: str) -> set[str]:
        body = self.templates[self.nodes[boundary]["templateName"]]
        tasks = {t["name"]: t for t in body["dag"]["tasks"]}
        ancestors: set[str] = set()
        stack = [task["name"]]
        while stack:
            for name, _ in DEPENDS.findall(tasks[stack.pop()].get("depends", "")):
                if name not in ancestors:
                    ancestors.add(name)
                    stack.append(name)
        return ancestors

    def defaults(self, task: dict[str, Any]) -> dict[str, Any]:
        """What the controller knows of the outputs of a task that did not run."""
        outputs = self.templates[task["template"]].get("outputs", {}).get("parameters", [])
        return (
            {"outputs": {"parameters": {o["name"]: o["valueFrom"].get("default") for o in outputs}}} if outputs else {}
        )

    def group(self, name: str, task: dict[str, Any], boundary: str) -> tuple[str, dict[str, str]]:
        try:
            items = json.loads(task["withParam"])
        except ValueError:
            message = f"withParam value could not be parsed as a JSON list: {task['withParam']}: invalid character 'k' looking for beginning of value"
            return self.finish(self.node(name, "Skipped", "Error", boundary), "Error", message=message)
        if not items:
            self.node(name, "Skipped", "Skipped", boundary, message="Skipped, empty params")
            return "Skipped", {}
        node = self.node(name, "TaskGroup", "Running", boundary)
        results = []
        for index, item in enumerate(items):
            text = item if isinstance(item, str) else json.dumps(item, separators=(",", ":"))
            expanded = replaced(task, {**self.globals, "item": text}, tuple(self.globals) + ("item", *TASKS))
            shown = text.replace("(", "").replace(")", "")
            results.append(
                self.execute(f"{name}({index}:{shown})", task["template"], expanded.get("arguments", {}), boundary)
            )
        bad = [p for p, _ in results if p != "Succeeded"]
        if bad:
            return self.finish(node, "Failed")
        names = {k for _, o in results for k in o}
        outputs = {n: _aggregated([o[n] for _, o in results if n in o]) for n in names}
        return self.finish(node, "Succeeded", outputs)

    # ---------------------------------------------------------------- pods
    def retried(
        self,
        name: str,
        body: dict[str, Any],
        env: dict[str, Any],
        boundary: str | None,
        **more: Any,
    ) -> tuple[str, dict[str, str]]:
        strategy = body.get("retryStrategy")
        if strategy is None:
            return self.pod(name, body, env, boundary, **more)
        node = self.node(name, "Retry", "Running", boundary, templateName=body["name"], **more)
        phase, outputs = "Failed", {}
        for attempt in range(int(strategy["limit"]) + 1):
            again, tried = self.substituted(body, {"pod": env["pod"], "retries": str(attempt)})
            child = f"{name}({attempt})"
            node.setdefault("children", []).append(_node_id(child))
            phase, outputs = self.pod(child, again, tried, boundary, nodeFlag={"retried": True})
            last = self.nodes[_node_id(child)]
            code = re.search(r"\(exit code (\d+)\)", last.get("message", ""))
            known = {"lastRetry": {"status": last["phase"], "exitCode": code[1] if code else "-1"}}
            if phase == "Succeeded" or ("expression" in strategy and not evaluate(strategy["expression"], known)):
                break
        return self.finish(node, phase, outputs)

    def pod(
        self,
        name: str,
        body: dict[str, Any],
        env: dict[str, Any],
        boundary: str | None,
        **more: Any,
    ) -> tuple[str, dict[str, str]]:
        given = {"inputs": {"parameters": p}} if (p := body.get("inputs", {}).get("parameters")) else {}
        # The executor does not need the parameters, so the controller leaves them out (argo-workflows `workflow/controller/workflowpod.go`).
        executed = {**body, "inputs": {"artifacts": body.get("inputs", {}).get("artifacts", [])}}
        if len(json.dumps(executed, ensure_ascii=False).encode()) >= OFFLOADED:
            raise Unresolved(NO_CONFIGMAP)
        node = self.node(name, "Pod", "Running", boundary, templateName=body["name"], **given, **more)
        pod_folder = Path(tempfile.mkdtemp(dir=self.folder))
        root = pod_folder / "root"
        # Kubernetes makes the folders of its mounts, which are those of input artifacts. Nothing makes /tmp/kfnb/out.
        mounts = [
            m["mountPath"] for m in body["container"].get("volumeMounts", []) if m["mountPath"].startswith("/tmp/kfnb/")
        ]
        mounts += ["/kfnb/in"] if body.get("inputs", {}).get("artifacts") else []
        for folder in (*(root / m.removeprefix("/tmp").removeprefix("/kfnb/") for m in mounts), pod_folder / "own"):
            folder.mkdir(parents=True)
        files = {
            o["valueFrom"]["path"]: str(pod_folder / "own" / o["name"])
            for o in body.get("outputs", {}).get("parameters", [])
            if not o["valueFrom"]["path"].startswith("/tmp/kfnb")
        }

        def placed(text: str) -> str:
            for path, private in files.items():
                text = re.sub(re.escape(path) + r"(?![\w/-])", private, text)
            text = text.replace("/kfnb/in", str(root / "in"))
            return text.replace("/mnt/kfnb", str(self.folder / "volume")).replace("/tmp/kfnb", str(root))

        try:
            spec = replaced({"container": body["container"], "template": json.dumps(executed)}, env)
        except Unresolved as error:
            return self.finish(node, "Error", message=str(error))
        container = spec["container"]
        # Argo's executor reads the template from an environment variable, which kubelet has expanded.
        template = json.loads(kubelet(spec["template"], {}))
        for artifact in template.get("inputs", {}).get("artifacts", []):
            if "raw" in artifact:
                Path(placed(artifact["path"])).write_text(artifact["raw"]["data"], encoding="utf-8")
                continue
            key = artifact.get("s3", {}).get("key", "")
            stored = self.folder / "repository" / key
            if key and stored.exists():
                shutil.copytree(stored, placed(artifact["path"]))
        variables: dict[str, str] = {"ARGO_CONTAINER_NAME": "main"}
        for entry in container.get("env", []):
            if "valueFrom" in entry:
                variables[entry["name"]] = self.secrets[entry["valueFrom"]["secretKeyRef"]["key"]]
                continue
            variables[entry["name"]] = placed(kubelet(entry["value"], variables))
        command = [placed(kubelet(w, variables)) for w in (*container["command"], *container.get("args", []))]
        log = pod_folder / "log"
        (pod_folder / "work").mkdir()
        status = self.pods.run(command, variables, pod_folder / "work", log)
        self.logs[name] = log.read_text("utf-8", "replace")
        outputs = {}
        for output in body.get("outputs", {}).get("parameters", []):
            path = Path(placed(output["valueFrom"]["path"]))
            if path.exists():
                outputs[output["name"]] = path.read_bytes().decode("utf-8", "replace").removesuffix("\n")
            elif "default" in output["valueFrom"]:
                outputs[output["name"]] = output["valueFrom"]["default"]
            elif not status:
                return self.finish(node, "Error", message=f"no file {path}")
        for artifact in body.get("outputs", {}).get("artifacts", []):
            output_file = Path(placed(artifact["path"]))
            if output_file.exists():
                stored = self.folder / "repository" / artifact["s3"]["key"]
                stored.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(output_file, stored)
        if status:  # what the step has left is kept all the same (`workflow/executor/postmain.go`)
            return self.finish(node, "Failed", outputs, f"main: Error (exit code {status})")
        return self.finish(node, "Succeeded", outputs)


def _node_id(name: str) -> str:
    plain = "." not in name and "(" not in name
    return name if plain else f"wf-{int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)}"


def _aggregated(values: list[str]) -> str:
    """The controller reads lists and objects where every element is one (older controllers read all JSON)."""
    try:
        found = [json.loads(v) for v in values]
    except ValueError:
        return json.dumps(values, ensure_ascii=False)
    return json.dumps(
        found if all(isinstance(v, (list, dict)) for v in found) else values, separators=(",", ":"), ensure_ascii=False
    )


def _clock(tick: int) -> str:
    return f"2026-01-01T{tick // 3600:02}:{tick // 60 % 60:02}:{tick % 60:02}Z"
