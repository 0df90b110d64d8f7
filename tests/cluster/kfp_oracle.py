"""`kfp.local` as the independent judge of our IR; runs in an environment of its own, which has kfp.

Reads lines ``{"ir", "parameters", "folder"}``, answers ``{"state", "error", "logs": [[task, status, text], …]}``. The orchestration is kfp's;
the containers' commands run in forks of a warm Python, whose interpreter is the first argument.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp import local
from kfp.local import pipeline_orchestrator, subprocess_task_handler
from kfp.local.orchestrator import dag_orchestrator, task_executor
from kfp.pipeline_spec import pipeline_spec_pb2

LOCK = threading.Lock()
LOGS: list[tuple[str, int, str]] = []
NOW = threading.local()
ZYGOTE = subprocess.Popen(
    [sys.argv[1], "-I", str(Path(__file__).with_name("zygote.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)


def run_command(full_command: list[str], env_vars: dict[str, str] | None = None) -> int:
    here = Path(tempfile.mkdtemp(prefix="oracle-"))
    if full_command[1:3] == ["-u", "-c"]:
        full_command = ["python3", *full_command[1:]]
    words = [w.replace("$$", "$") for w in full_command]
    request = {"argv": words, "env": {**os.environ, **(env_vars or {})}, "cwd": str(here), "log": str(here / "log")}
    for word in words:
        if word.startswith(NOW.folder):  # as the launcher does
            Path(word).parent.mkdir(parents=True, exist_ok=True)
    assert ZYGOTE.stdin is not None and ZYGOTE.stdout is not None
    with LOCK:
        ZYGOTE.stdin.write(json.dumps(request) + "\n")
        ZYGOTE.stdin.flush()
        status = int(ZYGOTE.stdout.readline())
        LOGS.append((NOW.task, status, (here / "log").read_text("utf-8", "replace")))
    return status


def named(execute: Any) -> Any:
    def execute_single_task(*args: Any, **kwargs: Any) -> Any:
        NOW.task, NOW.folder = kwargs["task_name"], kwargs["pipeline_root"]
        return execute(*args, **kwargs)

    return execute_single_task


def run(request: dict[str, Any]) -> dict[str, Any]:
    LOGS.clear()
    spec = pipeline_spec_pb2.PipelineSpec()
    json_format.ParseDict(request["ir"], spec)
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
    dag_orchestrator.task_executor = task_executor
    for line in sys.stdin:
        answers.write(json.dumps(run(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
