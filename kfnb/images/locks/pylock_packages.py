"""The packages in a ``pylock.toml`` (PEP 751), as installers write them and as a lock keeps them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from kfnb.images.locks.lock_model import LockedFile, LockedPackage
from kfnb.requirement_checks import requirement_name


def packages_in(document: dict[str, Any], place: Callable[[str], str] = str) -> tuple[LockedPackage, ...]:
    """The packages of a document.

    Parameters
    ----------
    place
        Turns the path of a file into its path from the notebook.

    Raises
    ------
    ValueError
        When the document is not as PEP 751 says.
    """
    try:
        return tuple(package_of(p, place) for p in document.get("packages", ()))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no file of PEP 751: {error!r}") from error


def package_of(table: dict[str, Any], place: Callable[[str], str]) -> LockedPackage:
    """The package of one table ``[[packages]]``."""
    wheels = [_file(f, place) for f in table.get("wheels", ())]
    sdist = _file(table["sdist"], place) if "sdist" in table else None
    if "archive" in table:
        archive = _file(table["archive"], place)
        if archive.name.endswith(".whl"):
            wheels = [archive]
        else:
            sdist = archive
    if "vcs" in table:
        vcs = table["vcs"]
        part = f"#subdirectory={vcs['subdirectory']}" if vcs.get("subdirectory") else ""
        sdist = LockedFile(table["name"], f"{vcs['type']}+{without_user(vcs['url'])}@{vcs['commit-id']}{part}", "")
    return LockedPackage(requirement_name(table["name"]), str(table.get("version", "")), tuple(wheels), sdist)


def _file(table: dict[str, Any], place: Callable[[str], str]) -> LockedFile:
    url = without_user(table["url"]) if "url" in table else place(table["path"])
    name = table.get("name") or PurePosixPath(urlsplit(url).path).name
    return LockedFile(name, url, table["hashes"]["sha256"], table.get("size"))


def without_user(url: str) -> str:
    """An address without user name and password, which a lock must not keep."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    keeps = not at or (user == "git" and parts.scheme == "ssh")
    return url if keeps else urlunsplit(parts._replace(netloc=host))
