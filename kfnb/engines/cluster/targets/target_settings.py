"""The settings that a target in ``kfnb.toml`` may have, and those that count before the user has trusted the file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.lowering.pod_security import SECURITY
from kfnb.engines.cluster.submission.cluster_options import CLUSTER_USER, ClusterOptions, is_url
from kfnb.engines.cluster.targets.connection import Connection, address_of
from kfnb.images.registry.image_repository import RegistryError
from kfnb.images.registry.references import ARCHIVE, OCI, image_reference
from kfnb.requirement_checks import BadSource, check_url
from kfnb.setting_marks.setting_table import read_defaults
from kfnb.setting_marks.value_parsers import QUANTITY, BadValue
from kfnb.wording import did_you_mean

TARGET_NAME = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
)  #: characters that are safe in a shell, a terminal and a web page
REGISTRY = re.compile(r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9._-]+)*/?")
REPOSITORY_FILES = ("repository_auth_file", "repository_ca_file", "repository_certificate", "repository_key")
PLATFORM = re.compile(r"linux/[a-z0-9_]+(/v\d+)?")
BUILDERS = ("layers", "podman", "buildah", "docker", "buildkit")
ENGINES = ("local", "kfp", "argo")
USUAL_NAMES = {"argo": "cluster", "kfp": "kubeflow"}  #: of targets that nobody named, by their engines
VALUES = ("parameters", "s3", "gcs", "azure", "oss")

#: Settings that concern only the pods of steps. Any other setting, also an unknown one, may decide which server kfnb talks to.
STEP_SETTINGS = frozenset(
    {
        "image",
        "registry",
        "packages",
        "values",
        "pull_secrets",
        "start_timeout",
        "parallelism",
        "priority",
        "ttl",
        "cache",
        "experiment",
    }
)
OPTIONS = frozenset(
    {f.name for f in fields(ClusterOptions)} - {"images"}
)  #: the settings that concern the pods of steps
CONNECTION_SETTINGS = frozenset({f.name for f in fields(Connection)} - {"pins"})
KNOWN = frozenset({"engine", "experiment", "pipeline_root", "ui", *CONNECTION_SETTINGS, *OPTIONS})
LISTS = frozenset(
    {
        "platforms",
        "pull_secrets",
        "extra_index_url",
        "find_links",
        "package_secrets",
        "value_secrets",
        "allowed_images",
        "allowed_service_accounts",
    }
)
SECRETS = frozenset({"package_secrets", "value_secrets"})
#: Words in the names of options of filesystems that are credentials, which stand in secrets.
CREDENTIALS = re.compile(r"secret|password|token|credential|connection_string|(^|_)key$|^key")
SOURCES = frozenset({"index_url", "extra_index_url", "find_links"})
SECONDS = frozenset({"start_timeout", "ttl"})
COUNTS = {"parallelism": "a number of pods", "priority": "a number", "max_gpu": "a number of accelerators"}
FLAGS = frozenset({"repository_allow_http", "verify", "allow_http", "cache", "fuse", "read_only_root"})
TEXTS = frozenset(
    {
        "engine",
        "service_account",
        "image",
        "registry",
        *REPOSITORY_FILES,
        "packages",
        "values",
        "experiment",
        "pipeline_root",
        "ui",
        *(CONNECTION_SETTINGS - FLAGS),
    }
)
CAPS = frozenset({"max_cpu", "max_memory"})
ADDRESSES = frozenset({"host", "server", "ui"})
FILES = frozenset({"token_file", "ca_file", "kubeconfig", *REPOSITORY_FILES})


@dataclass(frozen=True)
class Stores:
    """Where the user wants images and values to be. An empty text leaves it open.

    Parameters
    ----------
    repository
        The repository in a registry, to which the images of steps are built.
    values
        What values pass through, as the setting ``values`` says it.
    """

    repository: str = ""
    values: str = ""

    def settings(self) -> dict[str, Any]:
        """The settings of a target that say so."""
        return {key: text for key in ("repository", "values") if (text := getattr(self, key))}


def settings_error(name: str, settings: dict[str, Any]) -> str:
    """What is wrong with the settings of a target. It is empty when nothing is wrong."""
    if not TARGET_NAME.fullmatch(name):
        return f"`{name}` cannot be the name of a target: use only letters, digits, `.`, `_` and `-`"
    if settings.get("engine") not in ENGINES:
        return f'target `{name}` needs engine = "kfp" or engine = "argo", not {settings.get("engine")!r}'
    for key, value in settings.items():
        if key not in KNOWN:
            hint = did_you_mean(key, KNOWN)
            return f"target `{name}` has no setting `{key}`{hint and f'; {hint}'}"
        expected = _type_error(key, value)
        if expected:
            return f"target `{name}`: {key} is {expected}, not {value!r}"
    if settings.get("run_as_user") == 0 and settings.get("security", "restricted") == "restricted":
        return f'target `{name}`: pods that run as user 0 need security = "baseline" or security = "off"'
    return ""


def _type_error(key: str, value: Any) -> str:
    """What the value of a setting should be. It is empty when the value is right."""
    if key in FLAGS:
        return "" if isinstance(value, bool) else "true or false"
    if key == "security":
        return "" if value in SECURITY else "one of " + ", ".join(SECURITY)
    if key in ("run_as_user", "fs_group"):
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        names = f' or "{CLUSTER_USER}"' if key == "run_as_user" else ""
        return "" if fits or (names and value == CLUSTER_USER) else f"a number{names}"
    if key == "defaults":
        return _defaults_error(value)
    if key in CAPS:
        return "" if QUANTITY.fullmatch(cap_text(value)) else 'a number or a Kubernetes quantity, such as 8 or "64Gi"'
    if key in SECONDS or key in COUNTS:
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return "" if fits else COUNTS.get(key, "a number of seconds")
    if key in LISTS and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        return "a list of names" if key == "pull_secrets" else "a list of texts"
    if key == "platforms":
        return "" if all(map(PLATFORM.fullmatch, value)) else 'a list of platforms, such as "linux/amd64"'
    if key in SOURCES:
        return _source_error(value)
    if key in SECRETS:
        fits = all(re.fullmatch(r"[^:]+:[^:]+:[A-Za-z_]\w*", v) for v in value)
        return "" if fits else "a list of SECRET:KEY:VARIABLE"
    if key == "value_options":
        return _options_error(value)
    if key in TEXTS and (not isinstance(value, str) or "\0" in value):
        return "a text"
    if key == "registry" and value and not REGISTRY.fullmatch(value):
        return "a registry, with a path or without, such as registry.example.org/mirror"
    if key == "builder":
        return "" if value in BUILDERS else "one of " + ", ".join(BUILDERS)
    if key == "repository":
        return _repository_error(value)
    if key == "values" and is_url(value):
        return _store_error(value)
    if key == "values" and value not in VALUES and not value.startswith("volume:"):
        return f"one of {', '.join(VALUES)}, volume:CLAIM or a URL such as s3://BUCKET/PREFIX"
    if key == "server_token" and value != "kubeconfig":
        return '"kubeconfig" or left out'
    if key in ADDRESSES:
        try:
            address_of(value)
        except ClusterError:
            return "an address such as https://kubeflow.example.org/pipeline, without user and password"
    return ""


def cap_text(value: Any) -> str:
    """A cap as a Kubernetes quantity; TOML has numbers too."""
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def _defaults_error(value: Any) -> str:
    try:
        read_defaults(value)
    except BadValue as error:
        return str(error)
    return ""


def concerns_steps_only(key: str, value: Any) -> bool:
    """Whether a setting counts although nobody has trusted its file. Values may not go to just any store."""
    return key in STEP_SETTINGS and not (key == "values" and is_url(str(value)))


def _repository_error(value: Any) -> str:
    wanted = "the name of a repository in a registry, without a tag, such as registry.example.org/team/app"
    try:
        found = image_reference(value if isinstance(value, str) else "")
    except RegistryError:
        return wanted
    return wanted if found.tag or found.digest or found.repository.startswith((OCI, ARCHIVE)) else ""


def _options_error(value: Any) -> str:
    if not isinstance(value, dict):
        return 'a table, such as { endpoint_url = "https://minio.example.org" }'
    if any(CREDENTIALS.search(name) for name in value):
        return "options without credentials, which steps get by value_secrets"
    return ""


def _store_error(url: str) -> str:
    found = re.fullmatch(r"[a-z][a-z0-9+.-]*://([^\s?#]+)", url)
    if not found or "@" in found[1].partition("/")[0] and not url.startswith(("az", "abfs")) or ".." in url.split("/"):
        return "a URL such as s3://BUCKET/PREFIX, without user and password"
    return ""


def _source_error(value: Any) -> str:
    for url in value if isinstance(value, list) else [value]:
        try:
            check_url(url if isinstance(url, str) else "", named_secrets=True)
        except BadSource as error:
            return f"an address of packages ({error})"
    return ""


def with_absolute_paths(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings with absolute paths. Relative paths start from the ``folder`` of the file."""
    return {k: absolute_path(v, folder) if k in FILES and isinstance(v, str) and v else v for k, v in settings.items()}


def absolute_path(text: str, folder: Path) -> str:
    """Make a path absolute, or each of several paths in the form of the variable ``KUBECONFIG``."""
    return os.pathsep.join(os.path.normpath(folder / os.path.expanduser(part)) for part in text.split(os.pathsep))
