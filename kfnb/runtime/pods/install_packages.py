"""Installs packages that a step needs and its image lacks, when the step starts, into a folder of their own."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def prepare_packages(job: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any] | None:
    """Install what ``job`` names, and drop optional imports that the image lacks. Return the error when that fails."""
    from importlib.util import find_spec

    sources, optional, folder = job.get("sources", {}), job.get("optional", {}), spec["cwd"]
    requirements = job.get("packages", ())
    # an archive that came with the step has a relative path
    failed = install([os.path.join(folder, r[2:]) if r.startswith("./") else r for r in requirements], sources)
    if not failed:
        spec["prepare"] = [
            p
            for p in spec["prepare"]
            if all(find_spec(m) for m in optional.get(p.get("run", {}).get("source", ""), ()))
        ]
        install_on_import(job.get("pins", {}), sources)
    return failed


def install(requirements: list[str], sources: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Install the missing requirements with `uv` or pip. Return the error when that fails, else ``None``.

    Parameters
    ----------
    sources
        Where packages come from: ``index``, ``extra`` and ``links``. ``${NAME}`` in them is an environment variable,
        whose value is never printed.
    """
    missing = [r for r in requirements if not _is_installed(r)]
    if not missing:
        return None
    secrets: dict[str, str] = {}
    try:
        variables = _variables(sources or {}, secrets)
    except KeyError as error:
        message = (
            "the package index needs the variable %s: let a secret set it (`package_secrets` of the target)" % error
        )
        return {"kind": "packages", "type": "InstallError", "message": message}
    import subprocess
    from shutil import which
    from tempfile import mkdtemp

    folder = mkdtemp(prefix="kfnb-packages-")
    if which("uv"):
        command = ["uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", folder, *missing]
    else:
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
            "--no-warn-script-location", "--target", folder, *missing,
        ]  # fmt: skip
    print("installing %s" % ", ".join(missing), flush=True)
    process = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
        env=dict(os.environ, **variables),
    )  # fmt: skip
    if process.returncode:
        output = process.stdout
        for value, name in secrets.items():
            output = output.replace(value, "${%s}" % name)
        print(output.rstrip(), flush=True)
        message = (
            "%s cannot be installed in this step's image (%s); name an image that has them, with `packages: none`"
            % (", ".join(missing), (output.strip().splitlines() or ["no output"])[-1])
        )
        return {"kind": "packages", "type": "InstallError", "message": message}
    import importlib

    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (folder, os.environ.get("PYTHONPATH")) if p)
    importlib.invalidate_caches()
    return None


def _variables(sources: dict[str, Any], secrets: dict[str, str]) -> dict[str, str]:
    """The environment variables that tell pip and uv where packages come from. Every process could read arguments.

    The values of the variables in the sources are added to ``secrets``. Raises `KeyError` for a variable that is not set.
    """
    import re
    from urllib.parse import quote

    def substitute(match: Any) -> str:
        value = os.environ[match[1]]
        quoted = quote(value, safe="")
        secrets.update({v: match[1] for v in (value, quoted) if v})
        return quoted

    def substituted(url: str) -> str:
        return re.sub(r"\$\{(\w+)\}", substitute, url)

    found: dict[str, str] = {}
    for key, names in (
        ("index", ("PIP_INDEX_URL", "UV_INDEX_URL")),
        ("extra", ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL")),
        ("links", ("PIP_FIND_LINKS",)),
    ):
        source = sources.get(key) or []
        text = " ".join(substituted(u) for u in ([source] if isinstance(source, str) else source))
        if text:
            found.update((n, text) for n in names)
    if "PIP_FIND_LINKS" in found:
        found["UV_FIND_LINKS"] = found["PIP_FIND_LINKS"].replace(" ", ",")
    return found


def _is_installed(requirement: str) -> bool:
    """Whether the image has the package in the required version, or in any version when none is required."""
    from importlib.metadata import PackageNotFoundError, version

    if "/" in requirement or "@" in requirement:
        return False  # a requirement with an address: the installed package may be another one
    name, _, version_wanted = requirement.partition("==")
    try:
        found = version(name.split("[")[0].strip())
    except PackageNotFoundError:
        return False
    return not version_wanted or found == version_wanted


def install_on_import(pins: dict[str, str], sources: dict[str, Any] | None = None) -> None:
    """Install a package when a value of another step needs its module. ``pins`` has the requirements by module."""
    if pins:
        sys.meta_path.append(_InstallingFinder(pins, sources))


class _InstallingFinder:
    def __init__(self, pins: dict[str, str], sources: dict[str, Any] | None) -> None:
        self.pins, self.sources = dict(pins), sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        requirement = self.pins.pop(name, None)
        if requirement is None or install([requirement], self.sources) is not None:
            return None
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name)
