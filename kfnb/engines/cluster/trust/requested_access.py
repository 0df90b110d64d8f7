"""The access that a file beside a notebook requests, as text that the user reads before trusting the file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.targets.config_files import ConfigFile
from kfnb.engines.cluster.targets.connection import read_configuration, visible
from kfnb.engines.cluster.targets.target_settings import KNOWN, REPOSITORY_FILES, absolute_path, concerns_steps_only
from kfnb.engines.cluster.trust.trusted_files import hash_of


@dataclass(frozen=True)
class RequestedAccess:
    """One kind of access that a target requests.

    Parameters
    ----------
    value
        The value of the setting in the file.
    text
        What the target does with it, as a sentence without its subject, such as ``talks to https://example.org``.
    """

    target: str
    setting: str
    value: str
    text: str


def access_of_target(name: str, settings: dict[str, Any], folder: Path) -> list[RequestedAccess]:
    """The access that one target requests."""
    lines = {key: _text(key, settings, folder) for key in settings if not concerns_steps_only(key, settings[key])}
    return [
        RequestedAccess(visible(name), visible(k), visible(str(settings[k])), visible(t)) for k, t in lines.items() if t
    ]


def access_of_file(file: ConfigFile) -> list[RequestedAccess]:
    """The access that all targets of a file request, and the access that their kubeconfigs give. Raises `BadTarget`."""
    requested: list[RequestedAccess] = []
    for name, settings in file.tables().items():
        for access in access_of_target(name, settings, file.folder):
            requested.append(access)
            if access.setting == "kubeconfig":
                texts = (t for p in _paths(settings, "kubeconfig", file.folder) for t in _kubeconfig_texts(p))
                requested += [RequestedAccess(access.target, access.setting, access.value, visible(t)) for t in texts]
    return requested


def hashes_beside(file: ConfigFile) -> dict[str, str]:
    """The SHA-256 of the kubeconfigs, certificates and programs beside ``file`` that it uses, by their paths."""
    hashes: dict[str, str] = {}
    for settings in file.tables().values():
        for key in ("kubeconfig", "ca_file", *REPOSITORY_FILES):
            value = settings.get(key)
            for text, path in zip(str(value).split(os.pathsep), _paths(settings, key, file.folder), strict=False):
                if not os.path.isabs(os.path.expanduser(text)) or _inside(path, file.folder):
                    hashes[str(path)] = hash_of(path)
                    hashes |= {str(c): hash_of(c) for c in _command_files(path)} if key == "kubeconfig" else {}
    return hashes


def _inside(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) or Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _paths(settings: dict[str, Any], key: str, folder: Path) -> list[Path]:
    value = settings.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        return []
    return [Path(p) for p in absolute_path(value, folder).split(os.pathsep)]


# -------------------------------------------------------------------- as text
def _text(key: str, settings: dict[str, Any], folder: Path) -> str:
    value = settings[key]
    server = settings.get("host") or settings.get("server") or "the server that the environment or this pod names"
    files = ", ".join(str(p) for p in _paths(settings, key, folder))
    texts = {
        "engine": _cluster_text(settings),
        "host": f"talks to {value}",
        "server": f"talks to Argo's own server {value}",
        "ui": f"shows links to {value}",
        "server_token": f"gives the token of the kubeconfig's user to {settings.get('server')}",
        "kubeconfig": f"uses the kubeconfig {files}",
        "context": f"uses the context {value}{'' if settings.get('kubeconfig') else ' of your kubeconfig'}",
        "token_file": f"sends the content of the file {files} to {server}",
        "token_env": f"sends the variable ${value} to {server}",
        "cookies_env": f"sends the variable ${value} as cookies to {server}",
        "ca_file": f"believes the certificates of {files}",
        "verify": "" if value is True else "does not check the server's certificate",
        "allow_http": "" if value is False else "sends tokens and cookies over plain http too",
        "namespace": f"makes runs in the namespace {value}",
        "server_namespace": f"looks for Kubeflow Pipelines in the namespace {value}",
        "service_account": f"lets steps run as the service account {value}",
        **{
            k: f"lets steps install packages from {_listed(value)}"
            for k in ("index_url", "extra_index_url", "find_links")
        },
        "package_secrets": f"gives every step the secrets {_listed(value)}",
        "repository": f"sends images with your packages and modules to {value}, with your credentials for it",
        "repository_auth_file": f"sends credentials of the file {files} to the registry",
        "repository_ca_file": f"believes the certificates of {files} when it talks to the registry",
        "repository_certificate": f"shows the certificate {files} to the registry",
        "repository_key": f"uses the key {files} for it",
        "repository_allow_http": "" if value is False else "talks to the registry over plain http too",
        "builder": f"builds images with {value}",
        "platforms": "",
        "values": f"lets steps keep their values in {value}",
        "value_options": f"reaches the store of values with {value}",
        "value_secrets": f"gives every step the secrets {_listed(value)}",
        "pipeline_root": f"lets steps keep their values in {value}",
    }
    return texts.get(key, f"sets {key} = {value!r}" + ("" if key in KNOWN else ", which kfnb does not know"))


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _cluster_text(settings: dict[str, Any]) -> str:
    """What a target does when it names no cluster."""
    if settings.get("engine") == "kfp" and not {"host", "kubeconfig", "context"} & set(settings):
        return "runs on the Kubeflow Pipelines that the environment or this pod names, as you"
    if settings.get("engine") == "argo" and not {"kubeconfig", "context"} & set(settings):
        return "runs on the cluster of this pod or of your kubeconfig, as you"
    return ""


# -------------------------------------------------------------------- kubeconfigs
def _kubeconfig_texts(path: Path) -> Iterator[str]:
    config = _kubeconfig(path)
    if config is None:
        yield f"{path} cannot be read as a kubeconfig"
        return
    for cluster in _entries(config, "clusters", "cluster"):
        proxy = f" through the proxy {cluster['proxy-url']}" if cluster.get("proxy-url") else ""
        yield f"{path} talks to {cluster.get('server')}{proxy}"
    for user in _entries(config, "users", "user"):
        if user.get("tokenFile"):
            yield f"{path} sends the content of the file {user['tokenFile']} to it"
        for command in _commands(user):
            yield f"{path} runs the command {shlex.join(command)}"


def _kubeconfig(path: Path) -> dict[str, Any] | None:
    import yaml

    try:
        kubeconfig = yaml.safe_load(read_configuration(path))
    except (OSError, yaml.YAMLError, RecursionError, ValueError):
        return None
    return kubeconfig if isinstance(kubeconfig, dict) else None


def _entries(config: dict[str, Any], kind: str, part: str) -> list[dict[str, Any]]:
    listed = config.get(kind)
    return [e[part] for e in listed if isinstance(e, dict) and isinstance(e.get(part), dict)] if isinstance(listed, list) else []  # fmt: skip


def _commands(user: dict[str, Any]) -> Iterator[list[str]]:
    """The commands that a kubeconfig runs to get the credentials of a user."""
    execute, provider = user.get("exec"), user.get("auth-provider")
    if isinstance(execute, dict):
        arguments = execute.get("args")
        yield [str(execute.get("command")), *map(str, arguments if isinstance(arguments, list) else ())]
    config = provider.get("config") if isinstance(provider, dict) else None
    if isinstance(config, dict) and config.get("cmd-path"):
        yield [str(config["cmd-path"]), *str(config.get("cmd-args") or "").split()]


def _command_files(path: Path) -> Iterator[Path]:
    """The files beside a kubeconfig that it runs as programs, or names as their arguments."""
    for user in _entries(_kubeconfig(path) or {}, "users", "user"):
        for command in _commands(user):
            for argument in command:
                file = path.parent / argument
                if os.path.isfile(file) and _inside(file, path.parent):
                    yield file
