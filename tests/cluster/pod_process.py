"""One pod of a compiled Workflow as a process of its own: what its main container runs, with the folders of a machine in place of the pod's."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline


@dataclass
class PodProcess:
    """The process of a step that reads nothing from other steps."""

    pipeline: Pipeline
    step: str
    folder: Path

    def command(self, *options: str) -> list[str]:
        """The command of the process. ``options`` are options of Python."""
        spec = compile_workflow(self.pipeline, ClusterOptions(), StepRequirements()).workflow["spec"]
        (task,) = [t for b in spec["templates"] for t in b.get("dag", {}).get("tasks", ()) if t["name"] == self.step]
        (container,) = [t["container"] for t in spec["templates"] if t["name"] == task["template"]]
        (code,) = [a["raw"]["data"] for a in task["arguments"]["artifacts"] if a["name"] == "step"]
        for name in ("in", "out"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "in" / "step").write_text(code)
        (self.folder / "in" / "given.json").write_text("{}")
        python, unbuffered, run, boot = container["command"]
        assert python == "python3"
        return [sys.executable, *options, unbuffered, run, self._placed(boot), *container["args"]]

    def _placed(self, boot: str) -> str:
        return boot.replace('"/kfnb/in"', json.dumps(f"{self.folder}/in")).replace(
            '"/tmp/kfnb"', json.dumps(str(self.folder))
        )

    def environment(self) -> dict[str, Any]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "TMPDIR": str(self.folder)}
