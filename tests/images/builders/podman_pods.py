"""Pods of a Workflow as containers of podman that have no rights, no network and nowhere to write but /tmp and their mounts."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.argo import Interpreter

#: What a pod under the restricted Pod Security Standard has, with a user whom no image knows.
RESTRICTED = (
    "--rm", "--network", "none", "--read-only", "--user", "12345:0", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
    "--tmpfs", "/tmp:mode=1777",
)  # fmt: skip


@dataclass
class PodmanPods:
    """Runs the commands of containers in podman."""

    image: str = ""

    def run(self, argv: list[str], env: dict[str, str], cwd: Path, log: Path) -> int:
        folder = cwd.parent
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777)
        variables = [f"--env={name}={value}" for name, value in env.items()]
        command = [
            "podman",
            "run",
            *RESTRICTED,
            f"--volume={folder}:{folder}",
            f"--workdir={cwd}",
            *variables,
            self.image,
            *argv,
        ]
        with log.open("wb") as out:
            return subprocess.run(command, stdout=out, stderr=subprocess.STDOUT).returncode


@dataclass
class PodmanInterpreter(Interpreter):
    """One Workflow whose containers run in their images."""

    def pod(self, name: str, body: dict[str, Any], *rest: Any, **more: Any) -> tuple[str, dict[str, str]]:
        assert isinstance(self.pods, PodmanPods)
        self.pods.image = body["container"]["image"]
        return super().pod(name, body, *rest, **more)
