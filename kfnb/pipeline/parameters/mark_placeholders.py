"""Fills parameters into marks: ``image:python:{version}`` takes the version from the run's parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kfnb.pipeline.model import Json, Pipeline, Step, with_steps
from kfnb.problems import Problem
from kfnb.step_settings import ConfigMapFiles, ConfigMapKey, Secret, SecretFiles, Settings, Toleration, Volume

PLACEHOLDER = re.compile(r"(?<![$\{])\{([A-Za-z_]\w*)\}(?!\})")
#: What looks like a name to be put in, in other tools' words, or is left of one.
FOREIGN = re.compile(r"\{\{[^}]*\}\}|\$\{?[A-Za-z_]\w*\}?|\$\([^)]*\)|\{[^}]*\}")
IMAGE = re.compile(r"[A-Za-z0-9][\w./:@-]*")
#: The settings in which nothing else can be meant by braces or a `$`.
STRICT = ("image", "packages", "index_url", "extra_index_urls", "find_links", "secrets", "config_maps", "volumes")
PAIRS = ("env", "labels", "annotations", "nodes", "limits")


def placeholders(settings: Settings) -> set[str]:
    """The names that stand in braces in a step's settings."""
    return {n for _, text in _texts(settings) for n in PLACEHOLDER.findall(text)}


def resolved(pipeline: Pipeline, values: Mapping[str, Json]) -> Pipeline:
    """The pipeline with the run's values filled into the settings of its steps. Parameters without a value take their defaults."""
    texts = {p.name: as_text(values.get(p.name, p.default)) for p in pipeline.parameters}
    known = {n: t for n, t in texts.items() if t is not None}
    if not any(placeholders(s.settings) & known.keys() for s in pipeline.steps()):
        return pipeline
    return with_steps(pipeline, lambda step: replace(step, settings=_settings(step.settings, known)))


def resolved_settings(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """The settings with values filled into their texts."""
    texts = {n: as_text(values[n]) for n in placeholders(settings) if n in values}
    return _settings(settings, {n: t for n, t in texts.items() if t is not None})


def as_text(value: Any) -> str | None:
    """A value as part of a text, or ``None`` when it has no usual text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


def _settings(settings: Settings, values: Mapping[str, str]) -> Settings:
    def put(text: str) -> str:
        return PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), text)

    changed: dict[str, Any] = {f: tuple((k, put(v)) for k, v in getattr(settings, f)) for f in PAIRS}
    return replace(
        settings, **changed, image=put(settings.image) if settings.image is not None else None,
        packages=tuple(put(p) for p in settings.packages),
        index_url=put(settings.index_url) if settings.index_url is not None else None,
        extra_index_urls=tuple(put(u) for u in settings.extra_index_urls),
        find_links=tuple(put(u) for u in settings.find_links),
        secrets=tuple(Secret(put(s.name), put(s.key), s.env) for s in settings.secrets),
        secret_files=tuple(SecretFiles(put(s.name), put(s.path)) for s in settings.secret_files),
        config_maps=tuple(ConfigMapKey(put(c.name), put(c.key), c.env) for c in settings.config_maps),
        config_map_files=tuple(ConfigMapFiles(put(c.name), put(c.path)) for c in settings.config_map_files),
        volumes=tuple(Volume(put(v.claim), put(v.path), put(v.sub_path), v.read_only) for v in settings.volumes),
        tolerations=tuple(Toleration(t.key, put(t.value), t.effect) for t in settings.tolerations),
    )  # fmt: skip


def _texts(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every text that may hold a parameter, with the field that it belongs to."""
    if settings.image is not None:
        yield "image", settings.image
    yield from (("packages", p.partition(";")[0]) for p in settings.packages)
    if settings.index_url is not None:
        yield "index_url", settings.index_url
    yield from (("extra_index_urls", u) for u in settings.extra_index_urls)
    yield from (("find_links", u) for u in settings.find_links)
    yield from (("secrets", text) for s in settings.secrets for text in (s.name, s.key))
    yield from (("secrets", text) for s in settings.secret_files for text in (s.name, s.path))
    yield from (("config_maps", text) for c in settings.config_maps for text in (c.name, c.key))
    yield from (("config_maps", text) for c in settings.config_map_files for text in (c.name, c.path))
    yield from (("volumes", text) for v in settings.volumes for text in (v.claim, v.path, v.sub_path))
    yield from ((f, value) for f in PAIRS for _, value in getattr(settings, f))
    yield from (("tolerations", t.value) for t in settings.tolerations)


# -------------------------------------------------------------------- what cannot be put in
def mark_problems(pipeline: Pipeline) -> Iterator[Problem]:
    """Report names in marks that cannot be filled in, so that they never reach a cluster as they are."""
    known = {p.name: p for p in pipeline.parameters}
    for step in pipeline.steps():
        for field, text in _texts(step.settings):
            yield from _unknown(step, field, text, known)
            yield from (
                _problem("KF208", step, f"a {known[n].type} cannot be a part of `{text}`", "use a text or a number", n)
                for n in PLACEHOLDER.findall(text)
                if n in known and known[n].type in ("list", "dict")
            )


def _unknown(step: Step, field: str, text: str, known: Mapping[str, Any]) -> Iterator[Problem]:
    rest = PLACEHOLDER.sub(lambda m: "" if m[1] in known else m[0], text)
    word = {"packages": "package", "secrets": "secret", "config_maps": "config-map", "volumes": "volume"}.get(
        field, field
    )
    for found in FOREIGN.finditer(rest):
        name = re.sub(r"\W", "", found[0])
        if name not in known and (field not in STRICT or (field == "packages" and found[0].startswith("$"))):
            continue
        names = ", ".join(known) or "none"
        hint = f"write `{{{name}}}`" if name in known else f"the parameters are {names}: `{{NAME}}` is the value of one"
        remark = "is not replaced" if name in known else "is not a parameter of the pipeline"
        yield _problem("KF208", step, f"`{found[0]}` in the mark `{word}:{text}` {remark}", hint, name)
    if text in known and field in ("image", "secrets", "config_maps", "volumes"):
        legal = text == text.lower() and (field == "image" or "_" not in text)
        message = f"the mark `{word}:{text}` is the name `{text}` itself, not the value of the parameter"
        yield _problem("KF209" if legal else "KF208", step, message, f"write `{{{text}}}` for its value", text)


def value_problems(pipeline: Pipeline, values: Mapping[str, Json]) -> Iterator[Problem]:
    """Report values of a run that give a mark no text, or an image no name."""
    for step, resolved_step in zip(pipeline.steps(), resolved(pipeline, values).steps(), strict=True):
        missing = {n for n in placeholders(step.settings) if n in values and as_text(values[n]) is None}
        for name in sorted(missing):
            message = (
                f"parameter `{name}` is {values[name]!r}, which cannot be filled into a mark of step `{step.name}`"
            )
            yield _problem("KF208", step, message, "give it a text or a number", name)
        image = resolved_step.settings.image
        if image != step.settings.image and image is not None and not missing and not IMAGE.fullmatch(image):
            message = f"the image of step `{step.name}` would be `{image}`, which is not the name of an image"
            yield _problem("KF208", step, message, "give the parameter another value", step.name)


def fixed_values(pipeline: Pipeline) -> Iterator[Problem]:
    """Report settings that a compiled document fixes at the default, so that another value of a parameter does not change them."""
    known = {p.name for p in pipeline.parameters}
    for step in pipeline.steps():
        for name in sorted(placeholders(step.settings) & known):
            message = (
                f"step `{step.name}` has the parameter `{name}` in its marks: the compiled file keeps the present value"
            )
            yield _problem("KF209", step, message, f"compile again with -p {name}=… for another one", name)


def _problem(code: str, step: Step, message: str, hint: str, name: str) -> Problem:
    first = step.cells[0] if step.cells else None
    cell_id = (first.cell_id or None) if first else None
    return Problem(code, message, hint, first.cell if first else None, cell_id, name=name)
