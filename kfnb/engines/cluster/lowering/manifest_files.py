"""Compiled pipelines as files: YAML, JSON, and the archives that Kubeflow Pipelines takes."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

from kfnb.surrogates import encoded

SUFFIXES = (".yaml", ".yml", ".json", ".zip", ".tar.gz", ".tgz")
Document = dict[str, Any]


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # prefer the fast one of libyaml
    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(documents: list[Document]) -> str:
    """All documents as YAML, one after the other."""
    return "---\n".join(yaml.dump(d, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True) for d in documents)


def as_json(documents: list[Document]) -> str:
    """One JSON object. IR and its platform document become ``{"pipeline_spec", "platform_spec"}``, the form that the API accepts."""
    document: Any = documents[0]
    if len(documents) > 1:
        document = {"pipeline_spec": documents[0], "platform_spec": documents[1]}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def write(documents: list[Document], path: Path) -> int:
    """Write a file in the format that its name says, and return its size in bytes.

    Raises
    ------
    ValueError
        When the name has none of the known endings.
    """
    name = path.name.lower()
    if name.endswith((".yaml", ".yml")):
        data = encoded(as_yaml(documents))
    elif name.endswith(".json"):
        data = encoded(as_json(documents))
    elif name.endswith(".zip"):
        data = _zip(encoded(as_yaml(documents)))
    elif name.endswith((".tar.gz", ".tgz")):
        data = _tar(encoded(as_yaml(documents)))
    else:
        raise ValueError(f"`{path.name}` should end in one of {', '.join(SUFFIXES)}")
    path.write_bytes(data)
    return len(data)


def _zip(text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("pipeline.yaml", (1980, 1, 1, 0, 0, 0)), text)
    return file.getvalue()


def _tar(text: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo("pipeline.yaml")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return file.getvalue()
