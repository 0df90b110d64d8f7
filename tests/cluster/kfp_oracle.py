"""`kfp.local` as the independent judge of our IR; runs in an environment of its own, which has kfp.

Six of its flaws, which the backend does not have, are mended here: it refuses commands that the SDK did not write; tasks of one
component share a folder; in a loop, every parameter that comes from another task is replaced by the item; a DAG that takes
artifacts and no parameter gets none of them; a
condition or loop looks for its input by the name and not where the task says it is, and so never finds a constant.

Reads lines ``{"ir", "parameters", "folder"}``, answers ``{"state", "error", "logs": [[task, status, text], …]}``. The orchestration is kfp's;
the containers' commands run in forks of a warm Python, whose interpreter is the first argument; the others are modules that it has loaded.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp import local
from kfp.local import pipeline_orchestrator, subprocess_task_handler
from kfp.local.io import IOStore
from kfp.local.orchestrator import enhanced_dag_orchestrator, task_executor, task_spec_utils
from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils
from kfp.pipeline_spec import pipeline_spec_pb2

LOCK = threading.Lock()
LOGS: list[tuple[str, int, str]] = []
NOW = threading.local()
ZYGOTE = subprocess.Popen(
    [sys.argv[1], "-I", str(Path(__file__).with_name("zygote.py")), *sys.argv[2:]],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
)


def changed_on_the_way(word: str) -> str:
    """What Argo, in whose templates the backend's driver writes the command, and kubelet make of a word."""
    for tag, value in (("{{workflow.name}}", "wf"), ("{{=1+1}}", "2"), ("{{pod.name}}", "pod")):
        word = word.replace(tag, value)
    return re.sub(r"\$\$|\$\(KFP_POD_NAME\)", lambda m: "$" if m[0] == "$$" else "pod", word)


def run_command(full_command: list[str], env_vars: dict[str, str] | None = None) -> int:
    pod_folder = Path(tempfile.mkdtemp(prefix="oracle-", dir=NOW.folder))
    if full_command[1:3] == ["-u", "-c"]:
        full_command = ["python3", *full_command[1:]]
    command = [changed_on_the_way(w) for w in full_command]
    request = {
        "argv": command,
        "env": {**os.environ, "TMPDIR": str(pod_folder), **(env_vars or {})},
        "cwd": str(pod_folder),
        "log": str(pod_folder / "log"),
    }
    for argument in command:
        if argument.startswith(NOW.folder):  # as the launcher does
            Path(argument).parent.mkdir(parents=True, exist_ok=True)
    assert ZYGOTE.stdin is not None and ZYGOTE.stdout is not None
    with LOCK:
        ZYGOTE.stdin.write(json.dumps(request) + "\n")
        ZYGOTE.stdin.flush()
        status = int(ZYGOTE.stdout.readline())
        LOGS.append((NOW.task, status, (pod_folder / "log").read_text("utf-8", "replace")))
    return status


def named(execute: Any) -> Any:
    def execute_single_task(*args: Any, **kwargs: Any) -> Any:
        NOW.task, NOW.folder = kwargs["task_name"], kwargs["pipeline_root"]
        Path(NOW.folder).mkdir(parents=True, exist_ok=True)
        return execute(*args, **kwargs)

    return execute_single_task


def apart(ir: dict[str, Any]) -> dict[str, Any]:
    """A component of its own for every task: `kfp.local` keeps what two tasks of one component leave in one folder."""
    components: dict[str, Any] = {}

    def copied(component: dict[str, Any]) -> dict[str, Any]:
        if "dag" not in component:
            return component
        tasks = {}
        for name, task in component["dag"]["tasks"].items():
            label = f"comp-{len(components)}-{name}"
            components[label] = {}
            components[label] = copied(ir["components"][task["componentRef"]["name"]])
            tasks[name] = {**with_constants(task), "componentRef": {"name": label}}
        return {**component, "dag": {**component["dag"], "tasks": tasks}}

    root = copied(ir["root"])
    return {**ir, "root": root, "components": components}


def with_constants(task: dict[str, Any]) -> dict[str, Any]:
    """A task whose condition has the constants that it is given."""
    condition = task.get("triggerPolicy", {}).get("condition")
    if not condition:
        return task
    for name, value in task["inputs"]["parameters"].items():
        if "runtimeValue" in value:
            constant = repr(value["runtimeValue"]["constant"])
            condition = condition.replace(f"inputs.parameter_values['{name}']", constant)
    return {**task, "triggerPolicy": {**task["triggerPolicy"], "condition": condition}}


def item_only(make: Any) -> Any:
    """Iterations whose other inputs stay what they are."""

    def create(task: Any, item: Any, name: str) -> Any:
        items = task.parameter_iterator.items.input_parameter
        others = {k: v for k, v in task.inputs.parameters.items() if v.HasField("task_output_parameter") and k != items}
        iteration = make(task, item, name)
        for key, value in others.items():
            iteration.inputs.parameters[key].CopyFrom(value)
        return iteration

    return create


def with_artifacts(task_name: str, task_spec: Any, component_spec: Any, io_store: Any) -> dict[str, Any]:
    arguments = OrchestratorUtils.make_task_arguments(task_spec.inputs, io_store)
    return OrchestratorUtils.join_user_inputs_and_defaults(
        dag_arguments=arguments, dag_inputs_spec=component_spec.input_definitions
    )


def looked_for(find: Any) -> Any:
    """An output by the name that it has as an input: ``pipelinechannel--TASK--KEY``, or the same name where a DAG hands it on."""

    def resolve(reference: str, store: Any) -> Any:
        task, _, key = reference.replace("pipelinechannel--", "").partition("--")
        here = store
        while here is not None:
            for outputs in here._task_output_data.values():
                for name in (reference, f"pipelinechannel--{reference}"):
                    if name in outputs:
                        return outputs[name]
            if key in here._task_output_data.get(task, {}):
                return here._task_output_data[task][key]
            here = here._parent
        return find(reference, store)

    return resolve


def run(request: dict[str, Any]) -> dict[str, Any]:
    LOGS.clear()
    spec = pipeline_spec_pb2.PipelineSpec()
    json_format.ParseDict(apart(request["ir"]), spec)
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=request["folder"], raise_on_error=True)
    error = None
    try:
        pipeline_orchestrator.run_local_pipeline(pipeline_spec=spec, arguments=request["parameters"])
    except Exception as caught:
        error = f"{type(caught).__name__}: {caught}"
    return {"state": "failed" if error else "succeeded", "error": error, "logs": list(LOGS)}


def main() -> None:
    logging.disable(logging.CRITICAL)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    handler = subprocess_task_handler.SubprocessTaskHandler
    handler.validate_not_container_component = lambda *_: None  # it only looks for the SDK's own marker
    handler.validate_image = lambda *_: None
    subprocess_task_handler.run_local_subprocess = run_command
    task_executor.execute_single_task = named(task_executor.execute_single_task)
    task_spec_utils.create_parameter_loop_iteration_task_spec = item_only(
        task_spec_utils.create_parameter_loop_iteration_task_spec
    )
    evaluator = enhanced_dag_orchestrator.ConditionEvaluator
    evaluator._resolve_pipeline_channel = staticmethod(looked_for(evaluator._resolve_pipeline_channel))
    given = IOStore.get_parent_input
    by_name = looked_for(lambda reference, store: given(store, reference))
    IOStore.get_parent_input = lambda store, key: (
        store._parent_input_data[key] if key in store._parent_input_data else by_name(key, store)
    )
    task_spec_utils.build_nested_dag_arguments = with_artifacts
    for line in sys.stdin:
        # a process for each: what `kfp.local` does to the standard output stays, and makes every run slower than the one before
        pid = os.fork()
        if pid == 0:
            try:
                answer = run(json.loads(line))
            except BaseException:  # an oracle that fails says so: whoever waits for its answer would wait for ever
                answer = {"state": "error", "error": traceback.format_exc(), "logs": list(LOGS)}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
            os._exit(0)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
