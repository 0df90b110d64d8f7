"""Builds images with a container tool, which runs commands in the base image: for the system's packages, and sources without a wheel."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from kfnb.images.builders.build_images import BuiltImage
from kfnb.images.builders.build_plan import TAG_LENGTH, CannotBuild, base_image_of, packages_on, slug
from kfnb.images.builders.containerfile import CODE_FOLDER, REQUIREMENTS, dockerfile_text, requirements_text
from kfnb.images.layers.choose_wheel import Platform
from kfnb.images.layers.code_layer import code_for
from kfnb.images.locks.lock_model import Lock, RequirementSet
from kfnb.images.registry.image_repository import ImageRepository
from kfnb.images.registry.references import ARCHIVE, OCI
from kfnb.problems import UserError

BUILDKIT_HOST = "BUILDKIT_HOST"  #: the variable that says where BuildKit listens, as its own client reads it
LAST_LINES = 12  #: of what a tool printed, which its error shows

Say = Callable[[str], None]


class ToolFailed(UserError, Exception):
    """A container tool ended with an error. The message has what it printed last."""


@dataclass(frozen=True)
class Context:
    """What a tool builds an image of: the text of each file by its name."""

    files: dict[str, bytes]
    requirements: RequirementSet
    tag: str

    def write(self, folder: Path) -> None:
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def contexts(
    lock: Lock, folder: Path, platform: Platform, base_image: str, code: Mapping[str, Mapping[str, bytes]] = {}
) -> tuple[Context, ...]:
    """What is built for each requirement set.

    Parameters
    ----------
    folder
        The folder of the notebook, in which the lock's own files are.
    code
        The modules of each step that no index has, by path, by the names of steps.
    """
    return tuple(_context(s, lock.pipeline, folder, platform, base_image, code_for(s.steps, code)) for s in lock.sets)


def made_before(context: Context, platform: Platform, repository: ImageRepository) -> BuiltImage | None:
    """The image of a context, when the repository has it already."""
    found = repository.manifest(context.tag)
    return _built(context, platform, repository.name, found.digest, 0) if found is not None else None


def build_with(
    tool: str, made: Sequence[Context], platform: Platform, repository: str, say: Say = lambda _: None
) -> tuple[BuiltImage, ...]:
    """Build images with a tool, and let it send them.

    Raises
    ------
    CannotBuild
        When the tool is not there, or cannot send to this repository.
    ToolFailed
        When it fails.
    """
    program = "buildctl" if tool == "buildkit" else tool
    if shutil.which(program) is None:
        raise CannotBuild(f"{program} is not installed: install it, or build with another --builder")
    if tool == "buildkit" and not os.environ.get(BUILDKIT_HOST):
        raise CannotBuild(f"say where BuildKit listens: set {BUILDKIT_HOST}, such as tcp://buildkitd:1234")
    if tool in ("docker", "buildkit") and repository.startswith((OCI, ARCHIVE)):
        raise CannotBuild(
            f"{program} sends images to registries only, not to {repository}: build with podman or buildah"
        )
    return tuple(_build(tool, context, platform, repository, say) for context in made)


def _context(
    requirements: RequirementSet,
    pipeline: str,
    folder: Path,
    platform: Platform,
    base_image: str,
    code: Mapping[str, bytes],
) -> Context:
    packages = packages_on(requirements, platform)
    direct = [d for p in packages if (d := p.direct) is not None and d.url.startswith("./")]
    archives = {d.url.removeprefix("./"): (folder / d.url).read_bytes() for d in direct}
    files = {
        "Dockerfile": dockerfile_text(
            base_image_of(requirements, base_image), requirements, list(archives), bool(code)
        ).encode(),
        REQUIREMENTS: requirements_text(packages).encode(),
        **archives,
        **{f"{CODE_FOLDER}/{path}": content for path, content in code.items()},
    }
    content = json.dumps([str(platform), {n: hashlib.sha256(c).hexdigest() for n, c in files.items()}], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Context(files, requirements, f"{slug(pipeline)}-{digest[:TAG_LENGTH]}")


def _build(tool: str, context: Context, platform: Platform, repository: str, say: Say) -> BuiltImage:
    name = f"{repository}:{context.tag}"
    with TemporaryDirectory(prefix="kfnb-build-") as temporary:
        folder = Path(temporary)
        context.write(folder)
        say(f"{tool} builds {name}")
        digest = BUILDERS[tool](folder, name, str(platform))
    return _built(context, platform, repository, digest, None)


def _built(context: Context, platform: Platform, repository: str, digest: str, uploaded: int | None) -> BuiltImage:
    requirements = context.requirements
    reference = f"{repository}@{digest}"
    return BuiltImage(requirements.id, requirements.steps, reference, context.tag, (str(platform),), None, uploaded)


def _build_and_push(tool: str, folder: Path, name: str, platform: str) -> str:
    local = f"localhost/kfnb-build:{name.rpartition(':')[2]}"
    where = name if name.startswith((OCI, ARCHIVE)) else f"docker://{name}"
    told = folder / "digest"
    # Without `--layers=false`, podman keeps an image of each step of the build.
    options = ("--layers=false", "--platform", platform, "--tag", local, "--file", str(folder / "Dockerfile"))
    _run(tool, "build", *options, str(folder))
    _run(tool, "push", "--digestfile", str(told), local, where)
    _run(tool, "rmi", local)
    return told.read_text("utf-8").strip()


def _with_docker(folder: Path, name: str, platform: str) -> str:
    _run("docker", "build", "--platform", platform, "--tag", name, "--file", str(folder / "Dockerfile"), str(folder))
    _run("docker", "push", name)
    listed = json.loads(_run("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", name))
    repository = name.rpartition(":")[0]
    return next(str(d).rpartition("@")[2] for d in listed if str(d).startswith(f"{repository}@"))


def _with_buildkit(folder: Path, name: str, platform: str) -> str:
    told = folder / "metadata.json"
    _run(
        "buildctl", "build", "--progress", "plain", "--frontend", "dockerfile.v0", "--local", f"context={folder}",
        "--local", f"dockerfile={folder}", "--opt", f"platform={platform}", "--output", f"type=image,name={name},push=true",
        "--metadata-file", str(told),
    )  # fmt: skip
    return str(json.loads(told.read_text("utf-8"))["containerimage.digest"])


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        lines = "\n".join((done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:])
        raise ToolFailed(f"`{command[0]} {command[1]}` failed with status {done.returncode}:\n{lines}")
    return done.stdout


BUILDERS: dict[str, Callable[[Path, str, str], str]] = {
    "podman": partial(_build_and_push, "podman"), "buildah": partial(_build_and_push, "buildah"), "docker": _with_docker, "buildkit": _with_buildkit,
}  # fmt: skip
