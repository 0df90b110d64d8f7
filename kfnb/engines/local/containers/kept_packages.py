"""Installs the packages that steps need and an image lacks, on this machine, into a folder that later runs share.

The folder is mounted into the container. So the image needs no pip, and the step no network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.engines.local.containers.container_failures import ContainerFailure
from kfnb.engines.local.containers.image_facts import ImageFacts
from kfnb.images.needs.installed_packages import normalized
from kfnb.images.needs.met_requirements import is_met
from kfnb.requirement_checks import is_local, requirement_name
from kfnb.runs.record.file_lock import holding
from kfnb.runs.record.private_record_files import make_folder
from kfnb.runtime.pods.install_packages import PATIENCE, index_variables

Watch = Callable[["subprocess.Popen[Any]"], None]
WAIT = 3600.0  #: seconds that a run waits for another one that installs the same packages
MUSL_PLATFORMS = ("musllinux_1_2", "musllinux_1_1")
OLDEST_GLIBC = 5  #: manylinux1 is glibc 2.5 (PEP 600)


def missing_packages(packages: tuple[str, ...], image: ImageFacts) -> list[str]:
    """The requirements that an image does not fulfil."""
    versions = {normalized(n): v for n, v in image.packages.items()}
    return [text for text in packages if not is_met(text, versions)]


def packages_folder(
    plan: dict[str, Any],
    image: ImageFacts,
    kept: Path,
    tell: Callable[[str], None],
    watch: Watch,
) -> Path | None:
    """The folder with the packages of a step that the image lacks; ``None`` when it lacks none.

    Parameters
    ----------
    plan
        The step's `ContainerPlan` as JSON.
    kept
        Where the folders are.
    tell
        Gets what the user should read meanwhile.
    watch
        Gets the process that installs.

    Raises
    ------
    ContainerFailure
        When they cannot be installed.
    """
    missing = missing_packages(tuple(plan["packages"]), image)
    met = missing_packages(tuple(plan["met"]), image)
    if not missing and not met:
        return None
    identity = [
        sorted({*missing, *met}),
        sorted(plan["constraints"]),
        plan["hashes"],
        plan["sources"],
        image.python,
        image.machine,
        image.libc,
    ]
    folder = kept / hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    make_folder(kept)
    with holding(kept / f"{folder.name}.lock", patience=WAIT):
        if not folder.exists():
            tell(
                f"installing {', '.join([*missing, *met])}; later runs find them in {folder} "
                "(`kfnb build NOTEBOOK --repository oci:FOLDER` makes an image that has them)"
            )
            _Installation(plan, image, folder, watch).install(missing, met)
        os.utime(folder)
    return folder


@dataclass(frozen=True)
class _Installation:
    """An installation into ``folder``, for an image. The fields are as for `packages_folder`."""

    plan: dict[str, Any]
    image: ImageFacts
    folder: Path
    watch: Watch

    def install(self, missing: list[str], met: list[str]) -> None:
        """Install what is missing, and what values may need. The folder appears when it is whole."""
        unfinished = self.folder.with_suffix(".new")
        named = {requirement_name(r) for r in (*missing, *met)}
        constraints = [c for c in self.plan["constraints"] if requirement_name(c) not in named]
        # The notebook's versions may not fit together with those of a mark, or with the Python of the image.
        for wanted, versions in (([*missing, *met], constraints), (missing, constraints), (missing, [])):
            status, output = self._install_all(wanted, versions, unfinished) if wanted else (0, "")
            if status == 0:
                break
        if status:
            shutil.rmtree(unfinished, ignore_errors=True)
            version = ".".join(map(str, self.image.python))
            last = (output.strip().splitlines() or ["no output"])[-1]
            if self.plan["hashes"] and "hash" in output.lower():
                last = f"the index has other files than the lock: {last}"
            raise ContainerFailure(
                "InstallError",
                f"{', '.join(missing)} cannot be installed for Python {version} of the image ({last}): correct the marks "
                "`package`, or name an image that has them with the mark `image`",
            )
        unfinished.mkdir(exist_ok=True)
        os.rename(unfinished, self.folder)

    def _install_all(self, wanted: list[str], constraints: list[str], folder: Path) -> tuple[int, str]:
        """Install into an empty folder: what the lock has by its hashes, and the rest so that it fits to that."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        hashes = self.plan["hashes"]
        files = [" ".join([r, *(f"--hash=sha256:{h}" for h in hashes[r])]) for r in wanted if hashes.get(r)]
        # What comes from a repository has a commit instead.
        direct = [r for r in wanted if r in hashes and not hashes[r]]
        others = [r for r in wanted if r not in hashes]
        limits = [*constraints, *(r for r in wanted if hashes.get(r) and not is_local(r))]
        status, output = 0, ""
        if files:
            status, output = self._run_installer(["--no-deps", "--require-hashes", "--requirement"], files, folder)
        if direct and not status:
            status, output = self._run_installer(["--no-deps", *direct, "--constraint"], [], folder)
        if others and not status:
            status, output = self._run_installer([*others, "--constraint"], limits, folder)
        return status, output

    def _run_installer(self, words: list[str], lines: list[str], folder: Path) -> tuple[int, str]:
        """Run pip, or else uv, with some words and a file of these lines after them; its exit status and what it printed."""
        secrets: dict[str, str] = {}
        try:
            variables = index_variables(self.plan["sources"], secrets)
        except KeyError as error:
            return 1, f"the package index needs the environment variable {error}"
        file = folder.with_suffix(".txt")
        file.write_text("\n".join(lines))
        command = _installer(self.image)
        try:
            process = subprocess.Popen(
                [*command, "--target", str(folder), *words, str(file)], cwd=self.plan["notebook"], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
                env={**PATIENCE, **os.environ, **variables},
            )  # fmt: skip
            with process:
                self.watch(process)
                output, _ = process.communicate()
        except OSError as error:
            return 1, f"there is neither pip nor uv: {error}"
        finally:
            file.unlink()
        for value, name in secrets.items():
            output = output.replace(value, f"${{{name}}}")
        return process.returncode, output


def _installer(image: ImageFacts) -> list[str]:
    """The words with which pip, or else uv, installs for an image."""
    if importlib.util.find_spec("pip") is None:
        return ["uv", "pip", "install", "--quiet", "--python-version", f"{image.python[0]}.{image.python[1]}"]
    quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    return [sys.executable, "-m", "pip", "install", *quiet, *_pip_options(image)]


def _pip_options(image: ImageFacts) -> list[str]:
    """The options with which pip installs for the Python and the C library of an image. Where they are this machine's, it can build sources."""
    if (
        image.python == sys.version_info[:2]
        and image.machine == platform.machine()
        and image.libc == platform.libc_ver()
    ):
        return []
    if image.libc[0] == "glibc":
        minor = int(image.libc[1].split(".")[1])
        names = [f"manylinux_2_{n}" for n in range(minor, OLDEST_GLIBC - 1, -1)] + ["manylinux2014", "manylinux2010", "manylinux1"]  # fmt: skip
    else:
        names = list(MUSL_PLATFORMS)
    version = f"{image.python[0]}{image.python[1]}"
    # The bytecode would be for this Python.
    options = ["--no-compile", "--only-binary=:all:", "--python-version", version, "--implementation", "cp"]
    options += [o for abi in (f"cp{version}", "abi3", "none") for o in ("--abi", abi)]
    return options + [o for name in names for o in ("--platform", f"{name}_{image.machine}")]
