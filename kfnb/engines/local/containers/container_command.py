"""The words that start the container of a step."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.engines.local.containers.container_tool import RUN_LABEL, ContainerTool

PACKAGE = Path(__file__).parents[3]  #: kfnb itself, of which a container gets the runtime
INSIDE = "/kfnb"  #: where a container finds it
TEMPORARY = "/tmp"


@dataclass(frozen=True)
class Container:
    """The container of one attempt.

    Parameters
    ----------
    image
        The id of the image.
    plan
        The step's `kfnb.engines.local.containers.container_plan.ContainerPlan` as JSON.
    spec
        The spec of the attempt.
    packages
        The folder of the packages that the image lacks.
    """

    name: str
    run: str
    image: str
    plan: dict[str, Any]
    spec: dict[str, Any]
    packages: Path | None

    def start(self, tool: ContainerTool) -> list[str]:
        """The words that start the container, without the image and what runs in it."""
        plan = self.plan
        # The root file system is read-only, so that a step cannot rely on what is gone with its container.
        words = [
            tool.path, "run", "--name", self.name, "--label", f"{RUN_LABEL}={self.run}", "--pull", "never", "--log-driver", "none",
            "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--security-opt", "label=disable",
            "--shm-size", str(plan["shared_memory"]), "--workdir", self.spec["cwd"], *tool.user_options(),
        ]  # fmt: skip
        words += ["--network", plan["network"]] if plan["network"] else []
        words += ["--cpus", f"{min(plan['cpus'], float(os.cpu_count() or 1)):g}"] if plan["cpus"] else []
        # No swap on top of it, as in a pod.
        words += ["--memory", str(plan["memory"]), "--memory-swap", str(plan["memory"])] if plan["memory"] else []
        words += tool.gpu_options(plan["gpus"]) if plan["gpus"] else []
        words += ["--env", f"HOME={TEMPORARY}", "--env", "PYTHONHASHSEED=0"]
        words += [w for name in plan["variables"] for w in ("--env", name)]
        return words + [w for mount in self._mounts() for w in ("--mount", mount)]

    def python(self) -> list[str]:
        """The words after those of `start` with which the runtime runs the step inside."""
        entry = f"{INSIDE}/kfnb/runtime/pods/local_container.py"
        return ["--entrypoint", "python3", self.image, entry, f"{self.spec['folder']}/spec.json"]

    def make_folders(self) -> None:
        """Make the folders that the container mounts, and the places in ``/tmp`` where others are mounted: else root would make them."""
        temporary = Path(self.spec["folder"]) / "tmp"
        for path in (temporary, Path(self.spec["folder"]) / "values", Path(self.spec["cwd"]), Path(self.spec["store"])):
            path.mkdir(mode=0o700, exist_ok=True, parents=True)
        for target in (self.spec["cwd"], self.spec["store"], self.spec["folder"], str(self.packages or TEMPORARY)):
            if target.startswith(f"{TEMPORARY}/"):
                (temporary / target[len(TEMPORARY) + 1 :]).mkdir(mode=0o700, exist_ok=True, parents=True)

    def _mounts(self) -> list[str]:
        folder = self.spec["folder"]
        mounts = [_mount(f"{folder}/tmp", TEMPORARY), _mount(self.spec["cwd"]), _mount(folder)]
        if self.plan["outside"]:
            return mounts
        mounts += [
            _mount(str(PACKAGE / name), f"{INSIDE}/kfnb/{name}", "readonly") for name in ("__init__.py", "runtime")
        ]
        mounts.append(_mount(self.spec["store"], None, "readonly"))
        return mounts + ([_mount(str(self.packages), None, "readonly")] if self.packages is not None else [])


def _mount(source: str, target: str | None = None, *more: str) -> str:
    """A bind mount as the tools read it: fields of a line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(["type=bind", f"source={source}", f"target={target or source}", *more])
    return text.getvalue()
