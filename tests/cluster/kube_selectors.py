"""Selectors of lists and watches, and what has changed between two of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
KEPT = 500  #: versions that can be watched from


def matches(body: Json, labels: str, fields: str) -> bool:
    """Whether an object has the labels and fields that the selectors want."""
    has = body["metadata"].get("labels") or {}
    for part in filter(None, labels.split(",")):
        key, is_not, value = part.partition("!=")
        if is_not:
            if has.get(key) == value:
                return False
            continue
        key, equals, value = part.partition("=")
        if key not in has or equals and has[key] != value:
            return False
    return all(
        _field(body, key) == value for key, _, value in (p.partition("=") for p in filter(None, fields.split(",")))
    )


def _field(body: Json, path: str) -> Any:
    value: Any = body
    for key in path.split("."):
        value = (value or {}).get(key)
    return value


def changes(before: dict[str, Json], after: dict[str, Json]) -> list[tuple[str, Json]]:
    return [
        *(("DELETED", o) for n, o in before.items() if n not in after),
        *(("MODIFIED" if n in before else "ADDED", o) for n, o in after.items() if before.get(n) != o),
    ]


@dataclass
class Snapshots:
    """What clients saw, by the version that they were told."""

    versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    by_version: dict[str, dict[str, Json]] = field(default_factory=dict)

    def take(self, objects: dict[str, Json]) -> str:
        version = str(next(self.versions))
        self.by_version[version] = objects
        if len(self.by_version) > KEPT:
            del self.by_version[next(iter(self.by_version))]
        return version

    def of(self, version: str) -> dict[str, Json] | None:
        return self.by_version.get(version)
