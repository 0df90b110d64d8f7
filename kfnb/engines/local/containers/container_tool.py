"""The program that runs containers: podman or docker. Both have the same commands for what kfnb needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

TOOLS = ("podman", "docker")  #: the first one that is found is used
ANY = "auto"
RUN_LABEL = "kfnb.run"  #: on every container: the id of its run
KILLED_FOR_MEMORY = "{{.State.OOMKilled}}"
CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")  #: where the Container Device Interface has the devices of this machine


class NoContainerTool(Exception):
    """Neither podman nor docker is on this machine, or not the one that was asked for."""


@dataclass(frozen=True)
class ContainerTool:
    """Podman or docker on this machine. ``path`` is its program."""

    name: str
    path: str

    @staticmethod
    def find(name: str | None) -> ContainerTool:
        """The tool of that name; for `ANY` podman, or else docker. Raises `NoContainerTool`."""
        for candidate in TOOLS if name in (None, ANY) else (name,):
            path = shutil.which(candidate)
            if path is not None:
                return ContainerTool(candidate, path)
        raise NoContainerTool(
            f"{name if name in TOOLS else 'neither podman nor docker'} is {'not ' if name in TOOLS else ''}on this machine"
        )

    # ---------------------------------------------------------------- images
    def image_id(self, image: str) -> str | None:
        """The id of an image that this machine has; ``None`` when it has none of that name."""
        process = self._ask("image", "inspect", "--format", "{{.Id}}", image)
        return process.stdout.strip().removeprefix("sha256:") or None if process.returncode == 0 else None

    def pull(self, image: str) -> subprocess.Popen[bytes]:
        """Begin to pull an image. The progress is what the process prints."""
        return subprocess.Popen(
            [self.path, "pull", image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    # ---------------------------------------------------------------- containers
    def user_options(self) -> list[str]:
        """The options with which a container runs as the user of this process, so that the files that it writes are theirs."""
        options = ["--user", f"{os.getuid()}:{os.getgid()}"]
        if self.name == "podman" and os.getuid() != 0:
            options += ["--userns", "keep-id"]
        return options

    def limits(self) -> frozenset[str]:
        """What it can limit here: ``cpu``, ``memory``, or both. Without root that takes control groups that are delegated to the user."""
        if self.name == "docker":  # its daemon is mostly root's
            said = self._ask("info", "--format", "{{if .CpuCfsQuota}}cpu{{end}} {{if .MemoryLimit}}memory{{end}}")
        else:
            said = self._ask("info", "--format", "{{range .Host.CgroupControllers}}{{.}} {{end}}")
        return frozenset(said.stdout.split()) & {"cpu", "memory"}

    def gpu_options(self, count: int) -> list[str]:
        """The options that give a container that many GPUs."""
        if self.name == "docker":
            return ["--gpus", str(count)]
        return [o for n in range(count) for o in ("--device", f"nvidia.com/gpu={n}")]

    def kill(self, container: str, signal: int) -> bool:
        """Send a signal to the first process of a container. Return whether it runs."""
        return self._ask("kill", "--signal", str(signal), container).returncode == 0

    def remove(self, *containers: str) -> None:
        """Remove containers, and kill those that run."""
        if containers:
            self._ask("rm", "--force", "--volumes", *containers)

    def ran_out_of_memory(self, container: str) -> bool:
        """Whether the kernel killed a process of a container that used more than its memory limit."""
        return self._ask("inspect", "--format", KILLED_FOR_MEMORY, container).stdout.strip() == "true"

    def containers_of(self, run: str) -> list[str]:
        """The containers of a run that have not been removed."""
        return self._ask("ps", "--all", "--quiet", "--filter", f"label={RUN_LABEL}={run}").stdout.split()

    def _ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.path, *words], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace"
        )


def installed_tool() -> str | None:
    """The name of the tool that is on this machine; ``None`` when there is none."""
    try:
        return ContainerTool.find(ANY).name
    except NoContainerTool:
        return None


def has_gpus() -> bool:
    """Whether this machine describes its GPUs for containers."""
    return (
        any(any(Path(f).glob("nvidia*")) for f in CDI_FOLDERS) or shutil.which("nvidia-container-runtime") is not None
    )
