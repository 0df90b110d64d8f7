"""Parsers of the marks that concern the pod of a step."""

from __future__ import annotations

import re

from kfnb.setting_marks.label_selectors import requirements
from kfnb.setting_marks.value_parsers import VARIABLE, BadValue, fixed
from kfnb.step_settings import Affinity, ConfigMapFiles, ConfigMapKey, Secret, SecretFiles, Toleration, Volume

OBJECT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")  #: the name of an object (RFC 1123 subdomain)
POLICIES = ("Always", "IfNotPresent", "Never")
#: Fields of a security context that a step may choose, and whether each is a number. None of them gives a pod more rights than the standard
#: of its target, except `runAsUser` 0, which is checked against it.
CONTEXT = {"runAsUser": True, "runAsGroup": True, "fsGroup": True, "readOnlyRootFilesystem": False}
KINDS = ("node", "pod", "anti-pod")


def secret(text: str) -> Secret | SecretFiles:
    variable, files = _keys(text, "SECRET")
    return Secret(*variable) if variable else SecretFiles(*files)


def config_map(text: str) -> ConfigMapKey | ConfigMapFiles:
    variable, files = _keys(text, "CONFIG_MAP")
    return ConfigMapKey(*variable) if variable else ConfigMapFiles(*files)


def _keys(text: str, kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """``NAME:KEY:ENV`` as the first, or ``NAME:/path`` as the second."""
    parts = tuple(text.split(":"))
    if len(parts) == 2 and parts[0] and parts[1].startswith("/"):
        return (), parts
    if len(parts) != 3 or not all(parts) or not VARIABLE.fullmatch(parts[2]):
        raise BadValue(f"`{text}` should be `{kind}:KEY:ENVIRONMENT_VARIABLE`, or `{kind}:/path` for files")
    return parts, ()


def volume(text: str) -> Volume:
    place, separator, path = text.partition(":")
    claim, _, folder = place.partition("/")
    path, read_only = (path[:-3], True) if path.endswith(":ro") else (path, False)
    if not separator or not claim or not path.startswith("/") or ".." in folder.split("/"):
        raise BadValue(
            f"`{text}` should be `CLAIM:/path`, `CLAIM/FOLDER:/path` for a folder of it, or `CLAIM:/path:ro` to read only"
        )
    return Volume(claim, path, folder.strip("/"), read_only)


def toleration(text: str) -> Toleration:
    key, _, effect = text.rpartition(":")
    if effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        raise BadValue(f"`{text}` should be `KEY=VALUE:EFFECT`, EFFECT one of NoSchedule, PreferNoSchedule, NoExecute")
    name, _, value = key.partition("=")
    return Toleration(name, value, effect)


def affinity(text: str) -> Affinity:
    kind, separator, rest = fixed(text).partition(":")
    selector, _, topology = rest.rpartition("@") if "@" in rest else (rest, "", "")
    bare = kind.removeprefix("prefer-")
    if not separator or bare not in KINDS or (bare == "node" and topology):
        raise BadValue(
            f"`{text}` should be `node:SELECTOR`, `pod:SELECTOR` or `anti-pod:SELECTOR`, with `prefer-` in front for a wish; "
            "a label of nodes after `@` says which nodes are one place for pods"
        )
    requirements(selector, nodes=bare == "node")
    return Affinity(kind, selector.strip(), topology.strip())


def object_name(text: str) -> str:
    if not OBJECT.fullmatch(fixed(text)):
        raise BadValue(
            f"`{text}` cannot be the name of an object of Kubernetes: use small letters, digits, `-` and `.`"
        )
    return text


def image_pull_policy(text: str) -> str:
    if text not in POLICIES:
        raise BadValue(f"`{text}` should be one of {', '.join(POLICIES)}")
    return text


def security_context(text: str) -> tuple[str, str]:
    name, separator, value = fixed(text).partition("=")
    if not separator or name not in CONTEXT:
        raise BadValue(
            f"`{text}` should be `FIELD=VALUE`, FIELD one of {', '.join(CONTEXT)}: the target says the rest (`security`)"
        )
    fits = value.isdecimal() if CONTEXT[name] else value in ("true", "false")
    if not fits:
        raise BadValue(f"`{text}`: {name} should be {'a number' if CONTEXT[name] else 'true or false'}")
    return name, value
