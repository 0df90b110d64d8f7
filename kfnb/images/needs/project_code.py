"""The code of packages that are installed from a folder or file of this machine. No index has them, so their modules travel with the steps."""

from __future__ import annotations

from pathlib import Path

from kfnb.images.needs.installed_packages import Distribution, InstalledPackages
from kfnb.requirement_checks import BadSource

COMPILED = (".so", ".pyd", ".dylib")
DATA = (
    ".json",
    ".toml",
    ".yaml",
    ".yml",
    ".txt",
    ".csv",
    ".sql",
    ".ini",
    ".cfg",
    ".md",
    ".html",
    ".jinja",
    ".j2",
    ".typed",
)


def travelling_code(module: str, installed: InstalledPackages, limit: int | None) -> tuple[dict[str, str], set[str]]:
    """The files of a package that is installed from this machine, and the modules of the packages that it requires.

    There are none when an index has the package, or when its code cannot travel. ``limit`` is as for `project_code`.
    """
    provider = installed.provider(module)
    if provider is None or not provider.is_local:
        return {}, set()
    try:
        files = project_code(provider, module.partition(".")[0], limit)
    except BadSource:
        return {}, set()
    required = (installed.distributions[n] for n in provider.requires if n in installed.distributions)
    return files, {next(iter(sorted(public))) for d in required if (public := [t for t in d.tops if t[0] != "_"])}


def project_code(distribution: Distribution, top: str, limit: int | None) -> dict[str, str]:
    """The files of a top-level module of a package that is installed from this machine, by path.

    Parameters
    ----------
    limit
        How many bytes may travel. ``None``: any number, because an image takes them.

    Raises
    ------
    BadSource
        When they cannot travel, with the reason.
    """
    project = distribution.project
    origin = project or distribution.folder.parent
    places = [*([project / "src", project] if project is not None else []), distribution.folder.parent]
    for place in places:
        if (place / f"{top}.py").is_file():
            return _texts([place / f"{top}.py"], place, origin, limit)
        if (place / top).is_dir():
            files = sorted(p for p in (place / top).rglob("*") if p.is_file() and _is_code(p.relative_to(place)))
            return _texts(files, place, origin, limit)
    raise BadSource(f"it is installed from {origin}, where its code is not found")


def _texts(files: list[Path], place: Path, origin: Path, limit: int | None) -> dict[str, str]:
    compiled = next((f for f in files if f.suffix in COMPILED), None)
    if compiled is not None:
        raise BadSource(f"it is installed from {origin}, and has compiled code ({compiled.name})")
    if not any(f.suffix == ".py" for f in files):
        raise BadSource(f"it is installed from {origin}, where its code is not found")
    size = sum(f.stat().st_size for f in files)
    if limit is not None and size > limit:
        raise BadSource(
            f"it is installed from {origin}, and its code has {size / 1000:.0f} kB: {limit // 1024} KiB travel with a step, "
            "and more to a target with `repository`"
        )
    try:
        return {f.relative_to(place).as_posix(): f.read_text("utf-8") for f in files}
    except (OSError, UnicodeDecodeError) as error:
        raise BadSource(f"it is installed from {origin}, and cannot be read: {error}") from error


def _is_code(path: Path) -> bool:
    """Whether a file belongs to a package's code: hidden files, bytecode and tests' data of other kinds do not."""
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return not hidden and path.suffix in (".py", *COMPILED, *DATA)
