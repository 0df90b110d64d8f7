"""Runs a step in a pod of Argo Workflows, which passes inputs and outputs as files."""

from __future__ import annotations

import os

from kfnb.runtime.light_json import loads
from kfnb.runtime.pods import engine_inputs as engine
from kfnb.runtime.pods.coded_text import coded
from kfnb.runtime.pods.resolve_references import EngineInputs

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

PLACE = "KFNB_PLACE"  #: environment variable: the workflow's uid, the step's task and the pod's name, which form the path of its pack
FOLDER = "/tmp/kfnb"  #: where Argo looks for outputs
#: Where Argo puts inputs. Kubernetes makes this folder as root, so a step cannot write there.
INPUTS = "/kfnb/in"


def main(job: dict[str, Any], folder: str = FOLDER, inputs: str = INPUTS) -> int:
    """Run the step of ``job`` with what Argo put into ``inputs``, and write its outputs to ``folder``."""
    from kfnb.runtime.pods.pod_step import run_pod

    with open(os.path.join(inputs, "given.json"), encoding="utf-8") as file:
        by_kind = engine.by_kind(job, loads(file.read()))
    parameters, items, statuses = engine.typed_inputs(job, by_kind)
    transport = job.get("values", {})
    artifacts = os.path.join(inputs, "packs")
    packs = {
        n: _paths(text, os.path.join(folder, "packs", n), artifacts, transport) for n, text in by_kind["pack"].items()
    }
    outputs: dict[str, Any] = {"values": "", "small": _SmallOutputs(folder), "limit": job.get("limit")}
    if "limit" in job:
        outputs["values"] = _output_path(folder, "values")
    elif transport:
        outputs["values"] = _pack(folder, transport)
    # The text of a container is coded, so an empty one stands for a step that was skipped.
    texts = {n: t for n, t in by_kind["text"].items() if t != ""}
    given = EngineInputs(parameters, items, statuses, packs, by_kind["choice"], texts, job.get("names"))
    outputs["encode"] = coded
    status = run_pod(job, given, outputs)
    if not status and transport:
        # Nobody has made the folder: the pack is on the volume.
        os.makedirs(os.path.join(folder, "out"), exist_ok=True)
        with open(_output_path(folder, "values"), "w", encoding="utf-8") as file:
            file.write("f:" + os.environ[PLACE])
    return status


def _pack(folder: str, transport: dict[str, Any]) -> str:
    """The path of the step's pack: on the volume, or where Argo fetches the artifact."""
    if "mount" in transport:
        return os.path.join(transport["mount"], os.environ[PLACE], "pack")
    os.makedirs(os.path.join(folder, "out"), exist_ok=True)
    return _output_path(folder, "pack")


class _SmallOutputs(dict):  # type: ignore[type-arg]
    """The path of every small output."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> str:
        return _output_path(self._folder, name)


def _output_path(folder: str, name: str) -> str:
    return os.path.join(folder, "out", name)


def _paths(text: Any, path: str, artifacts: str, transport: dict[str, Any]) -> list[str]:
    """The paths of the packs in a text: one pack, none, or the packs of a loop's iterations as a nested JSON list.

    A text that Argo could not resolve holds no pack. A text ``v:…`` is the pack itself. A text ``f:…`` is the place of the
    pack, on the volume or in one of the ``artifacts`` that Argo put here.
    """
    if isinstance(text, str) and text.startswith("["):
        text = loads(text)
    if isinstance(text, list):
        return [p for n, item in enumerate(text) for p in _paths(item, "%s-%d" % (path, n), artifacts, transport)]
    if not text or text.startswith("{{"):
        return []
    if text.startswith("f:"):
        place = text[2:]
        if "mount" in transport:
            return [os.path.join(transport["mount"], place, "pack")]
        pod = place.rsplit("/", 1)[1]
        candidates = [os.path.join(artifacts, number, pod, "pack") for number in sorted(os.listdir(artifacts))]
        return [p for p in candidates if os.path.exists(p)][:1] or candidates[:1]
    from binascii import a2b_base64

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(a2b_base64(text[2:]))
    return [path]
