"""The table of the marks that set something of a step. A new setting is a new row, and a new field of `Settings`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kfnb.setting_marks.pod_parsers import (
    affinity,
    config_map,
    image_pull_policy,
    object_name,
    secret,
    security_context,
    toleration,
    volume,
)
from kfnb.setting_marks.value_parsers import (
    BadValue,
    accelerator,
    count,
    duration,
    file,
    limit,
    network,
    on_failure,
    pair,
    plain,
    quantity,
    requirement,
    source,
    step_name,
    switch,
    system_package,
    variable_pair,
)
from kfnb.step_settings import ConfigMapFiles, SecretFiles, Settings


@dataclass(frozen=True)
class Mark:
    """One mark.

    Parameters
    ----------
    word
        The name of the mark, as the user writes it.
    read
        Parses the value; raises `BadValue`. ``None`` for a mark without a value, such as ``exit``.
    field
        The field of `StepMarks` or `Settings` that receives the value.
    many
        Whether the mark can occur several times. If not, two values contradict each other.
    setting
        Whether ``field`` is a field of `Settings`.
    shown
        The form of the value, for messages and documentation.
    """

    word: str
    read: Callable[[str], Any] | None
    field: str
    many: bool = False
    setting: bool = False
    shown: str = ""


SETTING_MARKS = (
    Mark("image", plain, "image", setting=True, shown="REF"),
    Mark("package", requirement, "packages", many=True, setting=True, shown="REQ"),
    Mark("index-url", source, "index_url", setting=True, shown="https://HOST/simple"),
    Mark("extra-index-url", source, "extra_index_urls", many=True, setting=True, shown="https://HOST/simple"),
    Mark("find-links", source, "find_links", many=True, setting=True, shown="https://HOST/PAGE"),
    Mark("apt", system_package, "apt", many=True, setting=True, shown="NAME"),
    Mark("cpu", quantity, "cpu", setting=True, shown="2"),
    Mark("memory", quantity, "memory", setting=True, shown="4Gi"),
    Mark("gpu", accelerator, "gpu", setting=True, shown="1, or amd.com/gpu:1"),
    Mark("limit", limit, "limits", many=True, setting=True, shown="nvidia.com/gpu:1"),
    Mark("retry", count, "retry", setting=True, shown="3"),
    Mark("timeout", duration, "timeout", setting=True, shown="30m"),
    Mark("cache", switch, "cache", setting=True, shown="on|off"),
    Mark("on-failure", on_failure, "on_failure", setting=True, shown="continue|stop"),
    Mark("pod", step_name, "pod", setting=True, shown="NAME"),
    Mark("network", network, "network", setting=True, shown="none|host|default"),
    Mark("file", file, "files", many=True, setting=True, shown="PATH"),
    Mark("env", variable_pair, "env", many=True, setting=True, shown="K=V"),
    Mark("secret", secret, "secrets", many=True, setting=True, shown="NAME:KEY:ENV, or NAME:/path"),
    Mark("config-map", config_map, "config_maps", many=True, setting=True, shown="NAME:KEY:ENV, or NAME:/path"),
    Mark("volume", volume, "volumes", many=True, setting=True, shown="CLAIM[/FOLDER]:/path[:ro]"),
    Mark("label", pair(":", "`KEY:VALUE`"), "labels", many=True, setting=True, shown="K:V"),
    Mark("annotation", pair(":", "`KEY:VALUE`"), "annotations", many=True, setting=True, shown="K:V"),
    Mark("node", pair("=", "`KEY=VALUE`"), "nodes", many=True, setting=True, shown="K=V"),
    Mark("toleration", toleration, "tolerations", many=True, setting=True, shown="K=V:EFFECT"),
    Mark("affinity", affinity, "affinity", many=True, setting=True, shown="[prefer-]node|pod|anti-pod:SELECTOR"),
    Mark("priority-class", object_name, "priority_class", setting=True, shown="NAME"),
    Mark("service-account", object_name, "service_account", setting=True, shown="NAME"),
    Mark("shm", quantity, "shared_memory", setting=True, shown="1Gi"),
    Mark("ephemeral-storage", quantity, "ephemeral_storage", setting=True, shown="10Gi"),
    Mark("image-pull-policy", image_pull_policy, "image_pull_policy", setting=True, shown="Always|IfNotPresent|Never"),
    Mark("pull-secret", object_name, "pull_secrets", many=True, setting=True, shown="NAME"),
    Mark("security-context", security_context, "security_context", many=True, setting=True, shown="runAsUser=1000"),
)

#: Fields that receive values of a kind, whatever the mark's own field is.
FIELDS: dict[type, str] = {tuple: "limits", SecretFiles: "secret_files", ConfigMapFiles: "config_map_files"}


def place_of(mark: Mark, value: Any) -> tuple[str, bool]:
    """The field that receives the value of a mark, and whether it holds several values.

    Another accelerator than NVIDIA's goes to ``limits``, and a secret or config map as files to a field of its own.
    """
    kept = mark.word in ("gpu", "secret", "config-map") and type(value) in FIELDS
    return (FIELDS[type(value)], True) if kept else (mark.field, mark.many)


def read_defaults(table: Any) -> Settings:
    """The settings in a table of marks, such as ``{"cpu": "2", "toleration": ["gpu:NoSchedule"]}``. Raises `BadValue`."""
    if not isinstance(table, dict):
        raise BadValue('a table of marks, such as {cpu = "2"}')
    marks = {m.word: m for m in SETTING_MARKS}
    found: dict[str, Any] = {}
    for word, given in table.items():
        if word not in marks:
            raise BadValue(f"a table of marks, and `{word}` is none of {', '.join(marks)}")
        for item in given if isinstance(given, list) else [given]:
            value = _read(marks[word], item)
            field, many = place_of(marks[word], value)
            found[field] = (*found.get(field, ()), value) if many else value
    return Settings(**found)


def _read(mark: Mark, item: Any) -> Any:
    text = {True: "on", False: "off"}[item] if isinstance(item, bool) else str(item)
    try:
        return mark.read(text) if mark.read is not None else True
    except BadValue as error:
        raise BadValue(f"a table of marks, and `{mark.word}` is wrong: {error}") from None
