"""Runs a step in a pod of Argo Workflows, which passes inputs and outputs as files."""

from __future__ import annotations

import os

from kfnb.runtime.light_json import loads
from kfnb.runtime.pods.handover import engine_inputs as engine
from kfnb.runtime.pods.handover.coded_text import NOTHING, coded
from kfnb.runtime.pods.handover.resolve_references import EngineInputs

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

PLACE = "KFNB_PLACE"  #: environment variable: the workflow's uid, the step's task and the pod's name, which form the path of its pack
FOLDER = "/tmp/kfnb"  #: where Argo looks for outputs
#: Where Argo puts inputs. Kubernetes makes this folder as root, so a step cannot write there.
INPUTS = "/kfnb/in"


def main(job: dict[str, Any], folder: str = FOLDER, inputs: str = INPUTS) -> int:
    """Run the steps of ``job`` with what Argo put into ``inputs``, and write their outputs to ``folder``."""
    from kfnb.runtime.pods.pod_step import hiding_secrets

    return hiding_secrets(job, lambda: _run_all(job, folder, inputs))


def _run_all(job: dict[str, Any], folder: str, inputs: str) -> int:
    with open(os.path.join(inputs, "given.json"), encoding="utf-8") as file:
        given = loads(file.read())
    if "members" not in job:
        return _run(job, given, folder, inputs, 1)
    from kfnb.runtime.pods.pod_members import run_members

    def run(number: int, member: dict[str, Any]) -> int:
        earlier = {"pack-" + m["spec"]["step"]: n for n, m in enumerate(job["members"][: number - 1], 1)}
        made = {key: _read(_output_path(folder, values_of(n))) for key, n in earlier.items()}
        return _run(member, {**given, **made}, folder, inputs, number)

    return run_members(job["members"], run)


def values_of(number: int) -> str:
    """The output for the pack of the step of a number, counted from 1, among the steps of a pod."""
    return "values" if number == 1 else "values-%d" % number


def pack_of(number: int) -> str:
    """The file for the pack of the step of a number, where packs are files."""
    return "pack" if number == 1 else "pack-%d" % number


def _run(job: dict[str, Any], given: dict[str, Any], folder: str, inputs: str, number: int) -> int:
    from kfnb.runtime.pods.pod_step import run_pod

    by_kind = engine.by_kind(job, given)
    parameters, items, statuses = engine.typed_inputs(job, by_kind)
    transport = job.get("values", {})
    places = (os.path.join(inputs, "packs"), os.path.join(folder, "out"))
    packs = {
        n: _paths(text, os.path.join(folder, "packs", n), places, transport) for n, text in by_kind["pack"].items()
    }
    outputs: dict[str, Any] = {"values": "", "small": _SmallOutputs(folder), "limit": job.get("limit")}
    values = _output_path(folder, values_of(number))
    if "limit" in job:
        outputs["values"] = values
    elif transport:
        outputs["values"] = _pack(folder, transport, pack_of(number))
    opened: dict[str, Any] = {}
    if "url" in transport:
        from kfnb.runtime.pods.handover.url_client import value_store

        files, place = value_store(job, folder), os.environ[PLACE]
        outputs.update(files=files, place=place, step=job["spec"]["step"])
        opened["open_pack"] = lambda text: _url_pack(files, text, os.path.join(folder, "packs"))
    # The text of a container is coded, so an empty one stands for a step that was skipped.
    texts = {n: _iterations(t) for n, t in by_kind["text"].items() if t != ""}
    received = EngineInputs(parameters, items, statuses, packs, by_kind["choice"], texts, job.get("names"), **opened)
    outputs["encode"] = coded
    status = run_pod(job, received, outputs)
    if not status and transport:
        # Nobody has made the folder: the pack is on the volume, or in the value store.
        os.makedirs(os.path.dirname(values), exist_ok=True)
        with open(values, "w", encoding="utf-8") as file:
            file.write("f:" + os.environ[PLACE] + ("" if number == 1 else ":" + pack_of(number)))
    return status


def _url_pack(files: Any, text: str, folder: str) -> Any:
    """The pack of a place in a value store, such as ``UID/TASK/POD:pack-2``."""
    from kfnb.runtime.pods.handover.url_pack import fetched_pack

    place, _, name = text.partition(":")
    place = "%s/%s" % (place, name or pack_of(1))
    return fetched_pack(files, place, os.path.join(folder, *place.split("/")))


def _iterations(text: str) -> Any:
    """The text of a container, or the list of those of a loop. Where an iteration was skipped, the list has an empty text."""
    return [t or NOTHING for t in loads(text)] if text.startswith("[") else text


def _read(path: str) -> str:
    """The text of a file; empty when there is none."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def _pack(folder: str, transport: dict[str, Any], name: str) -> str:
    """The path of a step's pack: on the volume, or where Argo fetches the artifact."""
    if "mount" in transport:
        return os.path.join(transport["mount"], os.environ[PLACE], name)
    os.makedirs(os.path.join(folder, "out"), exist_ok=True)
    return _output_path(folder, name)


class _SmallOutputs(dict):  # type: ignore[type-arg]
    """The path of every small output."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> str:
        return _output_path(self._folder, name)


def _output_path(folder: str, name: str) -> str:
    return os.path.join(folder, "out", name)


def _paths(text: Any, path: str, places: tuple[str, str], transport: dict[str, Any]) -> list[str]:
    """The paths of the packs in a text: one pack, none, or the packs of a loop's iterations as a nested JSON list.

    A text that Argo could not resolve holds no pack. A text ``z:…`` or ``v:…`` is the pack itself. A text ``f:…`` is the place of the
    pack, on the volume or in one of ``places``: the artifacts that Argo put here, and the packs of this pod. Of a pack in a value
    store at a URL, the place itself is returned.
    """
    if isinstance(text, str) and text.startswith("["):
        text = loads(text)
    if isinstance(text, list):
        return [p for n, item in enumerate(text) for p in _paths(item, "%s-%d" % (path, n), places, transport)]
    if not text or text.startswith("{{"):
        return []
    if text.startswith("f:"):
        place, _, name = text[2:].partition(":")
        if "url" in transport:
            return [text[2:]]
        name = name or pack_of(1)
        if "mount" in transport:
            return [os.path.join(transport["mount"], place, name)]
        artifacts, own = places
        if place == os.environ[PLACE]:
            return [os.path.join(own, name)]  # a step of this pod has made it
        pod = place.rsplit("/", 1)[1]
        candidates = [os.path.join(artifacts, number, pod, name) for number in sorted(os.listdir(artifacts))]
        return [p for p in candidates if os.path.exists(p)][:1] or candidates[:1]
    from kfnb.runtime.pods.handover.pack_text import pack_of_text

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(pack_of_text(text))
    return [path]
