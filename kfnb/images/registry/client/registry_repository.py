"""The repository of a registry: blobs, manifests, and what is attached to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO
from urllib.parse import urlencode

import requests

from kfnb.images.registry.checked_stream import checked
from kfnb.images.registry.client.blob_transfer import BlobDownload, BlobUpload
from kfnb.images.registry.client.registry_access import RegistryAccess
from kfnb.images.registry.client.registry_session import RegistrySession, Sent
from kfnb.images.registry.image_repository import (
    MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    ImageRepository,
    Manifest,
    Progress,
    RegistryError,
    checked_digest,
    index_document,
    is_digest,
    json_object,
    no_progress,
    put_referrer,
)
from kfnb.images.registry.references import RegistryPath

LARGEST_MANIFEST = 16 << 20
NOTHING = frozenset({404})


class RegistryRepository:
    """A repository of a registry. Nothing is sent before it is needed, and nothing that the registry has."""

    def __init__(self, path: RegistryPath, access: RegistryAccess | None = None) -> None:
        self.path, self.name = path, str(path)
        self._session = RegistrySession(path, access or RegistryAccess())
        self._present: set[str] = set()
        self._read = frozenset({f"repository:{path.path}:pull"})
        self._write = frozenset({f"repository:{path.path}:pull,push"})
        self._scopes = self._read  # of requests that only read: those of writing, once something is written

    def has_blob(self, digest: str) -> bool:
        if checked_digest(digest) in self._present:
            return True
        answer = self._session.request("HEAD", self._blob(digest), Sent(self._scopes, {}, accepted=NOTHING))
        answer.close()
        if answer.status_code == 200:
            self._present.add(digest)
        return answer.status_code == 200

    def open_blob(self, digest: str) -> BinaryIO:
        def request(start: int) -> requests.Response:
            headers = {"Range": f"bytes={start}-"} if start else {}
            return self._session.request("GET", self._blob(digest), Sent(self._scopes, headers, stream=True))

        return checked(BlobDownload(request, self.path.registry, self._session.pause), digest, self.name)

    def put_blob(self, descriptor: Descriptor, open: Callable[[], BinaryIO], progress: Progress = no_progress) -> bool:
        self._scopes = self._write
        if self.has_blob(descriptor.digest):
            return False
        self._upload(descriptor, open, self._begin_upload(), progress)
        progress(descriptor.size)
        return True

    def copy_blob(self, descriptor: Descriptor, source: ImageRepository, progress: Progress = no_progress) -> bool:
        self._scopes = self._write
        if self.has_blob(descriptor.digest):
            return False
        address = self._mount(descriptor.digest, source) if self._is_neighbour(source) else self._begin_upload()
        if address is not None:
            self._upload(descriptor, lambda: source.open_blob(descriptor.digest), address, progress)
        progress(descriptor.size)
        return True

    def manifest(self, reference: str) -> Manifest | None:
        headers = {"Accept": ", ".join(MANIFESTS)}
        with self._session.request(
            "GET", self._manifest(reference), Sent(self._scopes, headers, accepted=NOTHING, stream=True)
        ) as answer:
            if answer.status_code == 404:
                return None
            content = answer.raw.read(LARGEST_MANIFEST + 1, decode_content=True)
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if len(content) > LARGEST_MANIFEST:
            raise RegistryError("broken", f"{self.name}:{reference} is larger than a manifest may be")
        algorithm = reference.partition(":")[0] if is_digest(reference) else "sha256"
        digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
        if is_digest(reference) and digest != reference:
            raise RegistryError("broken", f"{self.path.registry} gave something else for {self.name}@{reference}")
        known = str(json_object(content).get("mediaType") or media_type)
        if known not in MANIFESTS:
            raise RegistryError(
                "refused", f"{self.name}:{reference} is of a type that kfnb does not read: {known or 'none'}"
            )
        return Manifest(known, digest, content)

    def put_manifest(self, content: bytes, media_type: str, reference: str) -> Descriptor:
        self._put_manifest(content, media_type, reference).close()
        return Descriptor.of(media_type, content)

    def attach(self, subject: Descriptor, artifact_type: str, media_type: str, content: bytes) -> None:
        manifest = put_referrer(self, subject, artifact_type, media_type, content)
        stored = Descriptor.of(OCI_MANIFEST, manifest, artifact_type)
        answer = self._put_manifest(manifest, OCI_MANIFEST, stored.digest)
        answer.close()
        if "OCI-Subject" not in answer.headers:  # the registry keeps no list of referrers: a tag does
            self._list_referrer(subject, stored)

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """What is attached to a manifest, from the registry's list or the tag in its place."""
        headers = {"Accept": OCI_INDEX}
        path = f"/v2/{self.path.path}/referrers/{checked_digest(digest)}"
        with self._session.request(
            "GET", path, Sent(self._scopes, headers, accepted=frozenset({400, 404, 405}))
        ) as answer:
            if answer.status_code == 200 and answer.headers.get("Content-Type", "").startswith(OCI_INDEX):
                return Manifest(OCI_INDEX, "", answer.content).manifests()
        listed = self.manifest(_referrers_tag(digest))
        return listed.manifests() if listed is not None else ()

    def check_writable(self) -> None:
        """Begin an upload and give it up. Raises `RegistryError` when the repository cannot be written to."""
        address = self._begin_upload()
        with suppress(
            RegistryError
        ):  # some registries let only those give up an upload who may delete; it runs out by itself
            self._session.request("DELETE", address, Sent(self._write, {})).close()

    def _upload(self, descriptor: Descriptor, open: Callable[[], BinaryIO], address: str, progress: Progress) -> None:
        BlobUpload(self._session, self._write, descriptor, open, address, self._begin_upload, progress).run()
        self._present.add(descriptor.digest)

    def _begin_upload(self) -> str:
        return self._begin({}, self._write)[1]

    def _begin(self, query: dict[str, str], scopes: frozenset[str]) -> tuple[int, str]:
        path = f"/v2/{self.path.path}/blobs/uploads/" + (f"?{urlencode(query)}" if query else "")
        with self._session.request("POST", path, Sent(scopes, {"Content-Length": "0"})) as answer:
            location = answer.headers.get("Location", "")
            if not location:
                raise RegistryError("refused", f"{self.path.registry} does not say where {self.name} takes an upload")
            return answer.status_code, requests.compat.urljoin(answer.url, location)

    def _is_neighbour(self, source: ImageRepository) -> bool:
        return (
            isinstance(source, RegistryRepository)
            and source.path.registry == self.path.registry
            and source.path != self.path
        )

    def _mount(self, digest: str, source: ImageRepository) -> str | None:
        """Let the registry take a blob from another of its repositories. Returns where to upload it when it does not."""
        assert isinstance(source, RegistryRepository)
        try:
            status, address = self._begin({"mount": digest, "from": source.path.path}, self._write | source._read)
        except RegistryError as error:
            if error.kind not in ("forbidden", "unauthorized"):
                raise
            return self._begin_upload()  # some give no token for two repositories
        if status != 201:
            return address
        self._present.add(digest)
        return None

    def _put_manifest(self, content: bytes, media_type: str, reference: str) -> requests.Response:
        sent = Sent(self._write, {"Content-Type": media_type}, lambda: content)
        return self._session.request("PUT", self._manifest(reference), sent)

    def _list_referrer(self, subject: Descriptor, referrer: Descriptor) -> None:
        """Source: the OCI distribution specification 1.1, "Referrers Tag Schema"."""
        tag = _referrers_tag(subject.digest)
        listed = self.manifest(tag)
        others = [m for m in (listed.manifests() if listed is not None else ()) if m.digest != referrer.digest]
        index = index_document([*others, referrer])
        self.put_manifest(json.dumps(index, separators=(",", ":")).encode(), OCI_INDEX, tag)

    def _blob(self, digest: str) -> str:
        return f"/v2/{self.path.path}/blobs/{checked_digest(digest)}"

    def _manifest(self, reference: str) -> str:
        return f"/v2/{self.path.path}/manifests/{reference}"


def _referrers_tag(digest: str) -> str:
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}-{digits}"[:128]
