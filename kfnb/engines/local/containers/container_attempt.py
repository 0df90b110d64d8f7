"""One attempt at a step in a container, from its image to its values."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.engines.local.containers.container_command import PACKAGE, Container
from kfnb.engines.local.containers.container_failures import ContainerFailure, with_hint
from kfnb.engines.local.containers.container_tool import ContainerTool
from kfnb.engines.local.containers.ready_images import ReadyImages
from kfnb.engines.local.limits.step_limits import memory_error
from kfnb.runs.record.private_record_files import read_object, write_file
from kfnb.runtime.components.shell_in_container import NOT_FOUND, NOT_STARTED
from kfnb.runtime.pods.local_container import LINGERED, MEMORY_EVENTS, OUT_OF_MEMORY

VALUES = "values"  #: in the folder of an attempt: what the step has stored


@dataclass
class ContainerAttempt:
    """One attempt.

    Parameters
    ----------
    id
        The attempt's number, as the scheduler has it.
    log
        The writing end of the pipe of its log.
    begun
        Is called when the container begins, after the image and the packages are there.
    """

    id: int
    tool: ContainerTool
    images: ReadyImages
    spec_path: Path
    log: int
    run: str
    mask: int
    begun: Callable[[], None]
    stopped: bool = False
    preparing: subprocess.Popen[Any] | None = None
    running: subprocess.Popen[bytes] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """The name of the container."""
        return f"kfnb-{self.run}-{os.getpid()}-{self.id}"

    def run_to_end(self) -> dict[str, Any]:
        """Run the step, and return what the scheduler must know: the exit status, and the error when there is no result of the step."""
        spec = json.loads(self.spec_path.read_text("utf-8"))
        folder = Path(spec["folder"])
        try:
            container = self._prepare(spec)
            status, said = self._run(container)
            error = self._error(container, status, said) if status else None
            _publish(folder / VALUES, Path(spec["store"]))
            lingered = (folder / LINGERED).exists()
        except ContainerFailure as failure:
            self._tell(f"{failure.type}: {failure}")
            return {"status": 2, "error": failure.to_json()}
        finally:
            self.tool.remove(self.name)
            for name in (VALUES, "tmp"):
                shutil.rmtree(folder / name, ignore_errors=True)
        return {"status": status, "error": error, "lingered": lingered}

    def signal(self, number: int) -> None:
        """Ask the step to end, or kill it. What only prepares the step is killed at once."""
        with self.lock:
            self.stopped = True
            if self.preparing is not None:
                self.preparing.kill()
            running = self.running
        if running is not None and not self.tool.kill(self.name, number) and running.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(running.pid, number)

    # ---------------------------------------------------------------- preparing
    def _prepare(self, spec: dict[str, Any]) -> Container:
        plan = spec["container"]
        built = self.images.built(plan["built"], self._tell, self._watch) if plan["built"] else None
        image = built or self.images.image(plan["image"], self._tell, self._watch)
        packages = None
        if not plan["outside"]:
            packages = self.images.packages(plan, image, self._tell, self._watch)
        container = Container(self.name, self.run, image, plan, spec, packages)
        container.make_folders()
        if plan["outside"]:
            inner = {
                "image": image,
                "name": plan["image"],
                "start": container.start(self.tool),
                "memory_events": MEMORY_EVENTS,
                "out_of_memory": OUT_OF_MEMORY,
            }
        else:
            inner = {
                "paths": [str(packages)] if packages is not None else [],
                "mask": self.mask,
                "optional": plan["optional"],
            }
            spec["new_values"] = str(Path(spec["folder"]) / VALUES)
        write_file(self.spec_path, json.dumps({**spec, "container": inner}))
        return container

    def _watch(self, process: subprocess.Popen[Any]) -> None:
        """Remember the process that prepares the step, so that `signal` ends it. Raises `ContainerFailure` when the step was ended before."""
        with self.lock:
            if self.stopped:
                process.kill()
                raise ContainerFailure("Stopped", "the step was ended before its container began")
            self.preparing = process

    def _tell(self, text: str) -> None:
        os.write(self.log, f"{text}\n".encode())

    # ---------------------------------------------------------------- running
    def _run(self, container: Container) -> tuple[int, str]:
        """Run the container, and return its exit status and what the tool said beside it."""
        if container.plan["outside"]:
            words = [sys.executable, str(PACKAGE / "runtime" / "__main__.py"), str(self.spec_path)]
            errors = self.log
        else:
            words = [*container.start(self.tool), *container.python()]
            errors = subprocess.PIPE
        with self.lock:
            if self.stopped:
                raise ContainerFailure("Stopped", "the step was ended before its container began")
            self.preparing = None
            variables = {**os.environ, **container.spec.get("env", {})}
            self.running = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=self.log, stderr=errors, env=variables, start_new_session=True
            )
        self.begun()
        _, said = self.running.communicate()
        return self.running.returncode, (said or b"").decode("utf-8", "replace").strip()

    def _error(self, container: Container, status: int, said: str) -> dict[str, Any] | None:
        """The error of a step that has failed, when its container explains it better than its result does."""
        result = Path(container.spec["folder"]) / "result.json"
        if (container.plan["outside"] or not result.exists()) and self._ran_out_of_memory(result.parent):
            return memory_error(container.plan["memory_mark"])
        if result.exists():
            return with_hint(read_object(result)["error"])
        if NOT_STARTED <= status <= NOT_FOUND:
            failure = ContainerFailure(
                "ContainerError", f"{self.tool.name} could not start the container: {said or 'it did not say why'}"
            )
            self._tell(f"{failure.type}: {failure}")
            return failure.to_json()
        return None

    def _ran_out_of_memory(self, folder: Path) -> bool:
        """Whether the container has seen a process of it killed for its memory, or the tool has."""
        return (folder / OUT_OF_MEMORY).exists() or self.tool.ran_out_of_memory(self.name)


def _publish(new: Path, store: Path) -> None:
    """Move the values that a step has stored into the store. Their names are their hashes, so what is there already is the same."""
    for path in new.glob("??/*"):
        place = store / path.parent.name
        place.mkdir(mode=0o700, exist_ok=True)
        if not (place / path.name).exists():
            os.replace(path, place / path.name)
