"""Images and packages that are ready for containers: each is pulled or installed once, however many steps wait for it."""

from __future__ import annotations

import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfnb.engines.local.containers.container_failures import ContainerFailure, missing_words
from kfnb.engines.local.containers.container_tool import ContainerTool
from kfnb.engines.local.containers.image_facts import image_facts
from kfnb.engines.local.containers.kept_packages import packages_folder
from kfnb.images.registry.image_repository import RegistryError
from kfnb.images.registry.references import image_reference

Tell = Callable[[str], None]
Watch = Callable[["subprocess.Popen[Any]"], None]


class ReadyImages:
    """The images and packages of one run. ``kept`` is the folder of what later runs share.

    It is safe to use from several threads.
    """

    def __init__(self, tool: ContainerTool, kept: Path) -> None:
        self._tool, self._kept = tool, kept
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._ids: dict[str, str] = {}
        self._built: dict[str, str | None] = {}

    def image(self, image: str, tell: Tell, watch: Watch) -> str:
        """The id of an image, which is pulled when this machine does not have it.

        Parameters
        ----------
        tell
            Gets the lines that the user should read meanwhile.
        watch
            Gets the process that pulls.

        Raises
        ------
        ContainerFailure
            When there is no such image.
        """
        with self._locks[f"image {image}"]:
            if image not in self._ids:
                self._ids[image] = self._tool.image_id(image) or self._pulled(image, tell, watch)
            return self._ids[image]

    def built(self, image: str, tell: Tell, watch: Watch) -> str | None:
        """The id of an image that `kfnb build` has made; ``None`` when it is gone from where it was put. What happens is told once."""
        with self._locks[f"image {image}"]:
            if image not in self._built:
                try:
                    id_ = self._tool.image_id(image) or self._pulled(image, lambda _: None, watch)
                    tell(f"in the image {image}, which `kfnb build` has made")
                except ContainerFailure as failure:
                    id_ = None
                    tell(f"the image that `kfnb build` has made cannot be had, so packages are installed: {failure}")
                self._built[image] = id_
            return self._built[image]

    def packages(self, plan: dict[str, Any], id_: str, tell: Tell, watch: Watch) -> Path | None:
        """The folder of the packages that an image lacks for a step. Raises `ContainerFailure`."""
        with self._locks[f"facts {id_}"]:
            facts = image_facts(self._tool, plan["image"], id_, self._kept / "images")
        return packages_folder(plan, facts, self._kept / "packages", tell, watch)

    def _pulled(self, image: str, tell: Tell, watch: Watch) -> str:
        try:
            full_name = str(image_reference(image))
        except RegistryError as error:
            raise ContainerFailure("BadImage", f"{error}: correct the mark `image`") from None
        tell(f"pulling {full_name}")
        last = ""
        with self._tool.pull(full_name) as process:
            watch(process)
            for line in process.stdout or ():
                last = line.decode("utf-8", "replace").strip() or last
                tell(last)
        id_ = self._tool.image_id(full_name) or self._tool.image_id(last)
        if process.returncode or id_ is None:
            raise ContainerFailure("MissingImage", missing_words(image, self._tool.name, last))
        return id_
