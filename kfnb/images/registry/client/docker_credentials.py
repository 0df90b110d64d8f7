"""Credentials of registries, from the files of Docker and podman and the programs that these name.

Sources: Docker's ``config.json`` and its credential helpers, and containers-auth.json(5).
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.images.registry.image_repository import RegistryError
from kfnb.images.registry.references import DOCKER_HUB, RegistryPath

HELPER_TIME = 60.0  #: seconds that a credential helper may take


@dataclass(frozen=True)
class RegistryCredentials:
    """Who asks a registry, and which file says so.

    Parameters
    ----------
    identity_token
        Is exchanged for tokens in place of a password.
    registry_token
        Is sent to the registry as it is.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    source: str = ""

    @property
    def basic(self) -> str:
        """The header of basic authentication. It is empty without a user."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}" if self.user and self.password else ""


def auth_files(own: str) -> tuple[Path, ...]:
    """The files that may hold credentials, the first that knows a registry counts. ``own``: the one that the user set."""
    home = Path.home()
    docker = Path(os.environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    configuration = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    podman = [Path(runtime) / "containers" / "auth.json"] if runtime else []
    set_by_user = [Path(text).expanduser() for text in (own, os.environ.get("REGISTRY_AUTH_FILE")) if text]
    files = [*set_by_user, *podman, configuration / "containers" / "auth.json", docker]
    return tuple(_file_in(f) for f in files)


def _file_in(path: Path) -> Path:
    """The file of credentials in a folder, as a mounted pull secret is one."""
    if path.is_dir():
        return next((path / n for n in (".dockerconfigjson", "config.json") if (path / n).is_file()), path)
    return path


def credentials_of(repository: RegistryPath, own: str = "") -> RegistryCredentials:
    """The credentials for a repository. They are empty when none are known: many registries can be read without.

    Raises
    ------
    RegistryError
        When a file cannot be read, or a credential helper fails.
    """
    if own and not Path(own).expanduser().exists():
        raise RegistryError(
            "unauthorized", f"the file of credentials {own} is not there: log in with `docker login` or `podman login`"
        )
    given = os.environ.get("DOCKER_AUTH_CONFIG")
    configurations = [(str(f), _content(f)) for f in auth_files(own)]
    if given:
        configurations.insert(
            1 if own else 0, ("the variable DOCKER_AUTH_CONFIG", _json(given, "the variable DOCKER_AUTH_CONFIG"))
        )
    for source, configuration in configurations:
        found = _in_configuration(configuration, repository, source)
        if found is not None:
            return found
    return RegistryCredentials()


def _content(file: Path) -> dict[str, Any]:
    try:
        return _json(file.read_text(), str(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise RegistryError(
            "unauthorized", f"{file}, which may hold credentials of registries, cannot be read: {reason}"
        ) from None


def _json(text: str, source: str) -> dict[str, Any]:
    try:
        content = json.loads(text or "{}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise RegistryError("unauthorized", f"{source}, which may hold credentials of registries, is not a JSON object")
    return content


def _in_configuration(
    configuration: dict[str, Any], repository: RegistryPath, source: str
) -> RegistryCredentials | None:
    """As Docker does: a registry's own helper first, then the helper for all, then what stands in the file."""
    names = _names(repository)
    helpers = configuration.get("credHelpers") or {}
    for name in names:
        if isinstance(helpers, dict) and helpers.get(name):
            return _ask_helper(str(helpers[name]), _server(name), source)
    if configuration.get("credsStore"):
        found = _ask_helper(str(configuration["credsStore"]), _server(repository.registry), source)
        if found is not None:
            return found
    entries = configuration.get("auths") or {}
    known = {_plain(key): entry for key, entry in entries.items()} if isinstance(entries, dict) else {}
    for name in names:
        entry = known.get(name)
        if isinstance(entry, dict) and any(
            entry.get(k) for k in ("auth", "username", "identitytoken", "registrytoken")
        ):
            return _entry(entry, name, source)
    return None


def _names(repository: RegistryPath) -> list[str]:
    """What may stand in a file for a repository: itself, the folders above it and its registry, the closest first."""
    parts = repository.path.split("/")
    return [f"{repository.registry}/{'/'.join(parts[:n])}" for n in range(len(parts), 0, -1)] + [repository.registry]


def _plain(key: str) -> str:
    """A registry's key without what older versions of Docker wrote around it."""
    host_and_path = key.partition("://")[2] or key
    for ending in ("/v1/", "/v2/", "/v1", "/v2", "/"):
        host_and_path = host_and_path.removesuffix(ending)
    return DOCKER_HUB if host_and_path in ("index.docker.io", "registry-1.docker.io") else host_and_path


def _server(name: str) -> str:
    return "https://index.docker.io/v1/" if name == DOCKER_HUB else name


def _entry(entry: dict[str, Any], name: str, source: str) -> RegistryCredentials:
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            text = str(entry["auth"]).rstrip("=")
            pair = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
        except ValueError:
            raise RegistryError(
                "unauthorized", f"the credentials of {name} in {source} cannot be read: log in again"
            ) from None
        user, _, password = pair.rstrip("\0").partition(":")
    token = str(entry.get("identitytoken") or "")
    return RegistryCredentials(user, password, token, str(entry.get("registrytoken") or ""), source)


def _ask_helper(helper: str, server: str, source: str) -> RegistryCredentials | None:
    """What a credential helper knows of a server, or None."""
    program = f"docker-credential-{helper}"
    if os.path.basename(program) != program:
        raise RegistryError(
            "unauthorized", f"{source} names the credential helper {helper!r}, which is not the name of a program"
        )
    try:
        done = subprocess.run(
            [program, "get"], input=server, capture_output=True, text=True, errors="replace", timeout=HELPER_TIME
        )
    except FileNotFoundError:
        raise RegistryError(
            "unauthorized",
            f"{source} names {program} for credentials, which is not there: install it, or log in without it",
        ) from None
    except OSError as error:
        raise RegistryError(
            "unauthorized", f"{program}, which {source} names, does not start: {error.strerror}"
        ) from None
    except subprocess.TimeoutExpired:
        raise RegistryError(
            "unauthorized", f"{program}, which {source} names, did not answer within {HELPER_TIME:.0f} s"
        ) from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        if "not found" in said.lower():  # a store that knows other registries says so with an error
            return None
        raise RegistryError(
            "unauthorized", f"{program}, which {source} names, failed for {server}: {said[:300] or 'it said nothing'}"
        )
    answer = _json(done.stdout, f"the answer of {program}")
    user, secret = str(answer.get("Username") or ""), str(answer.get("Secret") or "")
    if user == "<token>":
        return RegistryCredentials(identity_token=secret, source=program)
    return RegistryCredentials(user, secret, source=program)
