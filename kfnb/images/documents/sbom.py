"""The list of what was added to a base image: a software bill of materials in CycloneDX 1.6.

Source: the CycloneDX specification 1.6 (JSON), and the package URLs of PyPI (`purl-spec`, type ``pypi``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from kfnb.images.locks.lock_model import LockedFile, LockedPackage
from kfnb.version import __version__

MEDIA_TYPE = "application/vnd.cyclonedx+json"


def bill_of_materials(
    name: str, digest: str, base: tuple[str, str], packages: Sequence[tuple[LockedPackage, LockedFile]]
) -> bytes:
    """The document for an image of that name and digest. It has no time and no number of its own, so it is the same for the same image.

    Parameters
    ----------
    base
        The name and digest of the base image, whose content the document does not list.
    packages
        The packages, each with the file that was taken.
    """
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "kfnb", "version": __version__}]},
            "component": _container(name, digest),
        },
        "components": [_container(*base), *(_library(p, f) for p, f in packages)],
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _container(name: str, digest: str) -> dict[str, Any]:
    return {"type": "container", "bom-ref": f"{name}@{digest}", "name": name, "version": digest}


def _library(package: LockedPackage, file: LockedFile) -> dict[str, Any]:
    address = f"pkg:pypi/{quote(package.name)}@{quote(package.version)}"
    return {
        "type": "library",
        "bom-ref": address,
        "name": package.name,
        "version": package.version,
        "purl": address,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
    }
