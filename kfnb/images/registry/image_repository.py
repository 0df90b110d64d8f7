"""The interface of what keeps images, and the words that all of it uses.

Sources: the OCI image specification 1.1 (descriptors, manifests, index, layout) and the OCI distribution specification 1.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO, Protocol

from kfnb.problems import UserError

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})  #: the documents that list manifests, one for each platform
MANIFESTS = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST)  #: what kfnb reads, and asks a registry for

Progress = Callable[[int], None]  #: is told how many bytes of a blob the repository has so far


def no_progress(_: int) -> None:
    """For those who do not watch."""


class RegistryError(UserError, Exception):
    """What keeps images answered with an error, or did not answer. The message says what the user can do.

    Parameters
    ----------
    kind
        ``unreachable``, ``unauthorized``, ``forbidden``, ``missing``, ``refused``, ``busy``, ``broken`` or ``bad-reference``.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Descriptor:
    """What a document of an image says of another document or blob.

    Parameters
    ----------
    platform
        For a manifest in an index: ``os``, ``architecture`` and, where there is one, ``variant``.
    """

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str = ""

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        document |= {"platform": dict(self.platform)} if self.platform else {}
        document |= {"artifactType": self.artifact_type} if self.artifact_type else {}
        return document | ({"annotations": dict(self.annotations)} if self.annotations else {})

    @classmethod
    def of(cls, media_type: str, content: bytes, artifact_type: str = "") -> Descriptor:
        """What a document says of this content."""
        return cls(media_type, digest_of(content), len(content), artifact_type=artifact_type)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Descriptor:
        """Raises `RegistryError` when the document is no descriptor."""
        try:
            return cls(
                str(document["mediaType"]), checked_digest(document["digest"]), int(document["size"]),
                dict(document.get("annotations") or {}), dict(document.get("platform") or {}), str(document.get("artifactType") or ""),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            raise RegistryError(
                "broken", "an image's manifest lists something without a type, digest or size"
            ) from None


@dataclass(frozen=True)
class Manifest:
    """A manifest, or an index of manifests, exactly as it is stored."""

    media_type: str
    digest: str
    content: bytes

    @classmethod
    def of(cls, media_type: str, content: bytes) -> Manifest:
        """A manifest that is not stored yet."""
        return cls(media_type, digest_of(content), content)

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.media_type, self.digest, len(self.content))

    def document(self) -> dict[str, Any]:
        """Raises `RegistryError` when it is not a JSON object."""
        return json_object(self.content)

    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and the layers of a manifest. An index has none."""
        document = self.document()
        listed = [document["config"]] if document.get("config") else []
        return tuple(Descriptor.from_json(d) for d in [*listed, *(document.get("layers") or [])])

    def manifests(self) -> tuple[Descriptor, ...]:
        """The manifests of an index. A manifest has none."""
        return tuple(Descriptor.from_json(d) for d in self.document().get("manifests") or [])


class ImageRepository(Protocol):
    """What keeps the images of one name: a registry's repository, a folder of the OCI layout, or an archive. All raise `RegistryError`."""

    @property
    def name(self) -> str:
        """How the repository is written: ``registry.example.org/team/app``, ``oci:FOLDER`` or ``docker-archive:FILE``."""
        ...

    def has_blob(self, digest: str) -> bool: ...

    def open_blob(self, digest: str) -> BinaryIO:
        """A blob's content, which is checked against its digest as it is read to its end."""
        ...

    def put_blob(self, descriptor: Descriptor, open: Callable[[], BinaryIO], progress: Progress = no_progress) -> bool:
        """Store a blob, and return whether it was not there already. ``open`` may be called again when a transfer must begin anew."""
        ...

    def copy_blob(self, descriptor: Descriptor, source: ImageRepository, progress: Progress = no_progress) -> bool:
        """Take a blob from another repository, and return whether it was not there already: without a transfer where both are in one registry, else streamed through this machine."""
        ...

    def manifest(self, reference: str) -> Manifest | None:
        """The manifest of a tag or digest, or None when there is none."""
        ...

    def put_manifest(self, content: bytes, media_type: str, reference: str) -> Descriptor:
        """Store a manifest or index, whose blobs and manifests are there already, under a tag or its digest."""
        ...

    def attach(self, subject: Descriptor, artifact_type: str, media_type: str, content: bytes) -> None:
        """Attach a document, such as an SBOM, to a manifest, so that it is found among the manifest's referrers."""
        ...

    def check_writable(self) -> None:
        """Raises `RegistryError` when nothing can be stored here."""
        ...


# -------------------------------------------------------------------- digests and documents
def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


LENGTHS = {
    "sha256": 64,
    "sha512": 128,
}  #: the hexadecimal digits of the algorithms that the image specification registers


def is_digest(text: str) -> bool:
    algorithm, _, digits = text.partition(":")
    return len(digits) == LENGTHS.get(algorithm) and set(digits) <= set("0123456789abcdef")


def checked_digest(text: Any) -> str:
    """The text, when it is a digest: it becomes part of paths and addresses. Raises `ValueError`."""
    if not (isinstance(text, str) and is_digest(text)):
        raise ValueError(text)
    return text


def json_object(content: bytes) -> dict[str, Any]:
    """The JSON object that a document is. Raises `RegistryError`."""
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RegistryError("broken", "an image's manifest is not a JSON object")
    return document


EMPTY = b"{}"  #: the content of the config of an artifact that has none


def index_document(manifests: Iterable[Descriptor]) -> dict[str, Any]:
    """An index of manifests."""
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [m.to_json() for m in manifests]}


def put_bytes(repository: ImageRepository, descriptor: Descriptor, content: bytes) -> None:
    """Store content that is at hand."""
    repository.put_blob(descriptor, lambda: BytesIO(content))


def put_referrer(
    repository: ImageRepository, subject: Descriptor, artifact_type: str, media_type: str, content: bytes
) -> bytes:
    """Store a document, and return the manifest that attaches it to another. It is the same for the same document."""
    empty, layer = Descriptor.of(OCI_EMPTY, EMPTY), Descriptor.of(media_type, content)
    put_bytes(repository, empty, EMPTY)
    put_bytes(repository, layer, content)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": empty.to_json(),
        "layers": [layer.to_json()],
        "subject": Descriptor(subject.media_type, subject.digest, subject.size).to_json(),
    }
    return json.dumps(document, separators=(",", ":")).encode()
