"""Installs packages that a step needs and its image lacks, when the step starts, into a folder of their own."""

from __future__ import annotations

import os
import sys
import time

from kfnb.runtime.step_failures import Failure

#: Seconds that pip and uv wait for an index. Many steps that start at one time make it slow.
PATIENCE = {"PIP_DEFAULT_TIMEOUT": "60", "UV_HTTP_TIMEOUT": "60"}
#: What pip and uv print when no versions fit together, or an index does not have one.
CONFLICT = ("ResolutionImpossible", "conflict", "No matching distribution", "No solution found")

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def prepare_packages(job: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any] | None:
    """Install what ``job`` names, and drop optional imports that the image lacks. Return the error when that fails."""
    sources, optional, folder = job.get("sources", {}), job.get("optional", {}), spec["cwd"]
    requirements, constraints = job.get("packages", ()), job.get("constraints", ())

    def placed(requirement: str) -> str:
        # an archive that came with the step has a relative path
        return os.path.join(folder, requirement[2:]) if requirement.startswith("./") else requirement

    hashes = {placed(r): found for r, found in job.get("hashes", {}).items()}
    failed = install([placed(r) for r in requirements], sources, constraints, hashes)
    if not failed:
        spec["prepare"] = possible(spec["prepare"], optional)
        pins = {m: [placed(r) for r in found] for m, found in job.get("pins", {}).items()}
        install_on_import(pins, sources, constraints, hashes)
    return failed


def possible(prepare: list[dict[str, Any]], optional: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The entries of ``prepare`` without the imports of which the step reads nothing, and whose modules are missing."""
    from importlib.util import find_spec

    return [p for p in prepare if all(find_spec(m) for m in optional.get(p.get("run", {}).get("source", ""), ()))]


def install(
    requirements: list[str], sources: dict[str, Any] | None = None, constraints: Any = (), hashes: Any = ()
) -> dict[str, Any] | None:
    """Install the missing requirements with `uv` or pip. Return the error when that fails, else ``None``.

    Parameters
    ----------
    sources
        Where packages come from: ``index``, ``extra`` and ``links``. ``${NAME}`` in them is an environment variable,
        whose value is never printed.
    constraints
        The versions of what the requirements require, as ``name==version``.
    hashes
        The hashes of a lock, by requirement. The requirements are then all that is installed, and only files with these hashes.
    """
    missing = [r for r in requirements if not _is_installed(r)]
    if not missing:
        return None
    try:
        folder = installed_apart(missing, sources or {}, constraints, hashes)
    except Failure as failure:
        return {"kind": failure.kind, "type": failure.type, "message": failure.message}
    put_first(folder)
    return None


def put_first(folder: str) -> None:
    """Put a folder of packages first on the search path of the step, and of the Python programs that it starts."""
    import importlib

    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (folder, os.environ.get("PYTHONPATH")) if p)
    importlib.invalidate_caches()


def installed_apart(missing: list[str], sources: dict[str, Any], constraints: Any = (), hashes: Any = ()) -> str:
    """Install packages into a folder of their own, and return it. Raises `Failure`."""
    secrets: dict[str, str] = {}
    try:
        variables = index_variables(sources, secrets)
    except KeyError as error:
        message = (
            "the package index needs the variable %s: let a secret set it (`package_secrets` of the target)" % error
        )
        raise Failure("packages", "InstallError", message) from None
    from tempfile import mkdtemp

    folder, started = mkdtemp(prefix="kfnb-packages-"), time.monotonic()
    print("installing %s" % ", ".join(missing), flush=True)
    if hashes:
        status, output = _run_locked(missing, folder, variables, hashes)
    else:
        status, output = _run_installer(missing, folder, variables, _limits(missing, folder, constraints))
    if status and constraints and any(words in output for words in CONFLICT):
        print("not with the notebook's versions of what these require; installing any that fit", flush=True)
        status, output = _run_installer(missing, folder, variables, [])
    if status:
        for value, name in secrets.items():
            output = output.replace(value, "${%s}" % name)
        print(output.rstrip(), flush=True)
        message = (
            "%s cannot be installed in this step's image (%s); name an image that has them, with `packages: none`"
            % (", ".join(missing), (output.strip().splitlines() or ["no output"])[-1])
        )
        if hashes and "hash" in output.lower():
            message = "the index has other files than the lock: %s" % message
        raise Failure("packages", "InstallError", message)
    print("installed in %.1f s" % (time.monotonic() - started), flush=True)
    return folder


def _limits(missing: list[str], folder: str, constraints: Any) -> list[str]:
    """The arguments that keep the versions of what the missing requirements require."""
    if not constraints:
        return []
    named = {_name(r) for r in missing}
    return ["--constraint", _written(folder + ".txt", [c for c in constraints if _name(c) not in named])]


def _run_locked(missing: list[str], folder: str, variables: dict[str, str], hashes: Any) -> tuple[int, str]:
    """Install what a lock names: files by their hashes, and after them what comes from a repository, which has a commit instead."""
    files = [r for r in missing if hashes.get(r)]
    others = [r for r in missing if not hashes.get(r)]
    status, output = 0, ""
    if files:
        lines = [" ".join([r, *("--hash=sha256:" + h for h in hashes[r])]) for r in files]
        path = _written(folder + ".txt", lines)
        status, output = _run_installer(["-r", path], folder, variables, ["--no-deps", "--require-hashes"])
    if others and not status:
        status, output = _run_installer(others, folder, variables, ["--no-deps"])
    return status, output


def _written(path: str, lines: list[str]) -> str:
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path


def _run_installer(wanted: list[str], folder: str, variables: dict[str, str], limits: list[str]) -> tuple[int, str]:
    """Run `uv` or pip, and return its exit status and what it printed."""
    import subprocess
    from shutil import which

    if which("uv"):
        command = ["uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", folder, *limits, *wanted]
    else:
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
            "--no-warn-script-location", "--no-compile", "--target", folder, *limits, *wanted,
        ]  # fmt: skip
    process = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
        env={**PATIENCE, **os.environ, **variables},
    )  # fmt: skip
    return process.returncode, process.stdout


def _name(requirement: str) -> str:
    """The name of the package, as an index compares it."""
    import re

    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def index_variables(sources: dict[str, Any], secrets: dict[str, str]) -> dict[str, str]:
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
    # the image may have a build such as `2.3.0+cu121`
    return not version_wanted or version_wanted in (found, found.partition("+")[0])


def install_on_import(
    pins: dict[str, list[str]], sources: dict[str, Any] | None = None, constraints: Any = (), hashes: Any = ()
) -> None:
    """Install packages when a value of another step needs their module. ``pins`` has the requirements by module."""
    if pins:
        sys.meta_path.append(_InstallingFinder(pins, sources, constraints, hashes))


class _InstallingFinder:
    def __init__(
        self, pins: dict[str, list[str]], sources: dict[str, Any] | None, constraints: Any, hashes: Any
    ) -> None:
        self.pins, self.sources, self.constraints, self.hashes = dict(pins), sources, constraints, hashes

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        requirements = self.pins.pop(name, None)
        if requirements is None or install(requirements, self.sources, self.constraints, self.hashes) is not None:
            return None
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name)
