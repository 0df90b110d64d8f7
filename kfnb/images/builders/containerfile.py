"""Writes the Dockerfile of an image, for the builders that run commands in the base image."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from kfnb.images.documents.image_documents import HOME, STEPS
from kfnb.images.layers.code_layer import CODE
from kfnb.images.layers.layer_archive import GROUP, OWNER
from kfnb.images.layers.wheel_files import PACKAGES, PREFIX
from kfnb.images.locks.lock_model import LockedPackage, RequirementSet

REQUIREMENTS = "requirements.txt"
CODE_FOLDER = "kfnb-code"  #: beside the Dockerfile, with the modules of the steps
CLEAN = "rm -rf /var/lib/apt/lists/*"
HEAD = "# `kfnb build --dockerfile` has written this file. It needs requirements.txt beside it."


def requirements_text(packages: Iterable[LockedPackage]) -> str:
    """The packages as pip takes them: each with the hashes of all its files, so that no other file is installed."""
    lines = []
    for package in packages:
        direct = package.direct
        name = direct.url if direct is not None and direct.url.startswith("./") else package.requirement
        files = [*package.wheels, *([package.sdist] if package.sdist is not None else [])]
        hashes = [f"--hash=sha256:{f.sha256}" for f in files if f.sha256]
        lines.append(" \\\n    ".join([name, *dict.fromkeys(hashes)]))
    return "\n".join(lines) + "\n"


def dockerfile_text(
    base_image: str, requirements: RequirementSet, archives: Sequence[str] = (), has_code: bool = False
) -> str:
    """The Dockerfile of a requirement set. Compilers stay in its first stage.

    Parameters
    ----------
    archives
        Files beside the notebook that are installed.
    has_code
        Whether the steps have modules that no index has.
    """
    return "\n".join(_lines(base_image, requirements, archives, has_code)) + "\n"


def _lines(base_image: str, requirements: RequirementSet, archives: Sequence[str], has_code: bool) -> Iterator[str]:
    yield HEAD
    yield ""
    if requirements.packages:
        yield from _package_stage(base_image, requirements, archives)
        yield ""
    yield f"FROM {base_image}"
    yield "USER root"
    if requirements.apt:
        yield f"RUN {_apt_command(requirements.apt)}"
    if requirements.packages:
        yield f"COPY --from=packages --chown={OWNER}:{GROUP} /{PREFIX} /{PREFIX}"
    yield f"RUN mkdir -p /{HOME} && chown {OWNER}:{GROUP} /{HOME} && chmod 775 /{HOME}"
    yield f"ENV HOME=/{HOME} PYTHONPATH=/{PACKAGES} PATH=${{PATH}}:/{PREFIX}/bin:/{PACKAGES}/bin"
    yield f"LABEL {STEPS}={','.join(requirements.steps)}"
    if has_code:
        yield f"COPY --chown={OWNER}:{GROUP} {CODE_FOLDER} /{CODE}"
    yield f"WORKDIR /{HOME}"
    yield f"USER {OWNER}:{GROUP}"


def _package_stage(base_image: str, requirements: RequirementSet, archives: Sequence[str]) -> Iterator[str]:
    compiled = [p.name for p in requirements.packages if not p.wheels]
    yield f"FROM {base_image} AS packages"
    yield "USER root"
    if compiled:
        yield f"# {', '.join(compiled)}: no wheel, so the sources are compiled"
        yield f"RUN {_apt_command(['build-essential', *requirements.apt])}"
    yield f"RUN python3 -m pip --version || {_apt_command(['python3-pip'])}"
    yield f"COPY {' '.join([REQUIREMENTS, *archives])} /build/"
    hashed = all(p.direct is None for p in requirements.packages)
    options = "--no-cache-dir --no-deps --no-warn-script-location" + (" --require-hashes" if hashed else "")
    install = f"python3 -m pip install {options} --target /{PACKAGES} -r {REQUIREMENTS}"
    yield f"RUN mkdir -p /{PACKAGES} && cd /build && {install}"


def _apt_command(packages: Sequence[str]) -> str:
    names = " ".join(map(shlex.quote, packages))
    return f"(apt-get update && apt-get install -y --no-install-recommends {names} && {CLEAN})"
