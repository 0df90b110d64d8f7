"""A cluster without a way out: images and packages come from where the target says, and nothing from anywhere else."""

from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.targets.target_settings import settings_error
from kfnb.notebook import read_notebook
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.model import Pipeline
from kfnb.step_settings import Settings
from tests.notebooks import cell
from tests.running import pipeline_of

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/**/*.ipynb"))
OPTIONS = ClusterOptions(registry="registry.example.org/mirror", index_url="https://index.example.org/simple")


def documents(pipeline: Pipeline, folder: Path, engine: str) -> list[dict[str, Any]]:
    values = {p.name: p.default for p in pipeline.parameters}
    return compile_documents(pipeline, engine, OPTIONS, folder, values)[0]


def texts(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [t for v in found.values() for t in texts(v)]
    if isinstance(found, list):
        return [t for v in found for t in texts(v)]
    return [unpacked(found)] if isinstance(found, str) else []


def unpacked(text: str) -> str:
    """What a pod unpacks from a text, or the text."""
    try:
        return zlib.decompress(base64.b64decode(text, validate=True)).decode()
    except (ValueError, zlib.error):
        return text


def images(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [v for k, v in found.items() if k == "image"] + [i for v in found.values() for i in images(v)]
    return [i for v in found for i in images(v)] if isinstance(found, list) else []


@pytest.mark.parametrize("engine", ["argo", "kfp"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_run_fetches_nothing_but_from_where_the_target_says(path: Path, engine: str) -> None:
    pipeline = build(read_notebook(path)).pipeline
    assert pipeline is not None
    found = documents(pipeline, path.parent, engine)
    assert images(found) and all(i.startswith("registry.example.org/mirror/") for i in images(found))
    own = set(re.findall(r"\w+://[\w.-]+", path.read_text()))
    named = {u for t in texts(found) for u in re.findall(r"\w+://[\w.-]+", t)}
    assert named <= own | {"https://index.example.org", "https://ipython.readthedocs.io"}, (
        "nothing of ours names a server"
    )


@pytest.mark.parametrize(
    ("image", "pulled"),
    [
        ("python:3.12-slim", "registry.example.org/mirror/python:3.12-slim"), ("team/tool", "registry.example.org/mirror/team/tool"),
        ("docker.io/library/bash@sha256:abc", "registry.example.org/mirror/library/bash@sha256:abc"), ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        ("localhost/a", "localhost/a"), ("registry:5000/a", "registry:5000/a"), (None, "registry.example.org/mirror/py"),
    ],
)  # fmt: skip
def test_an_image_whose_name_has_no_registry_comes_from_the_targets(image: str | None, pulled: str) -> None:
    options = ClusterOptions(registry="registry.example.org/mirror/", image="py")
    assert options.image_of(Settings(image=image)) == pulled
    assert ClusterOptions(image="py").image_of(Settings(image=image)) == (image or "py")


def test_the_registry_counts_for_every_kind_of_step(tmp_path: Path) -> None:
    pipeline = pipeline_of(cell("x = 1", "step:a"), cell("echo $x > out", "step:b", "shell", "image:alpine:3"))
    for engine in ("argo", "kfp"):
        assert {i.rpartition("/")[0] for i in images(documents(pipeline, tmp_path, engine))} == {
            "registry.example.org/mirror"
        }


def test_a_registry_is_no_address() -> None:
    for registry in ("https://registry.example.org", "a b", "-"):
        assert "registry is a registry" in settings_error("t", {"engine": "argo", "registry": registry})
    assert settings_error("t", {"engine": "argo", "registry": "registry:5000/a"}) == ""
