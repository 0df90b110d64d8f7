"""Images in a folder of the OCI layout: skopeo reads what kfnb writes, and kfnb what skopeo writes."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest

from kfnb.images.registry.image_repository import OCI_INDEX, OCI_MANIFEST, Descriptor, RegistryError, digest_of
from kfnb.images.registry.oci_folder import OciFolder
from kfnb.images.registry.open_repository import open_repository
from tests.images.registry.small_image import put_image, small_image


def skopeo(*words: str) -> str:
    return subprocess.run(["skopeo", *words], check=True, capture_output=True, text=True).stdout


def test_skopeo_reads_what_was_stored(tmp_path: Path) -> None:
    folder = open_repository(f"oci:{tmp_path}/images")
    image = small_image()
    put_image(folder, image, "1.0")
    put_image(folder, small_image(b"other"), "2.0")
    seen = json.loads(skopeo("inspect", f"oci:{tmp_path}/images:1.0"))
    assert seen["Digest"] == image.digest and seen["Architecture"] == "amd64"
    skopeo("copy", f"oci:{tmp_path}/images:2.0", f"dir:{tmp_path}/copied")


def test_what_skopeo_stored_is_read(tmp_path: Path) -> None:
    image = small_image()
    put_image(OciFolder(tmp_path / "a"), image, "1.0")
    skopeo("copy", f"oci:{tmp_path}/a:1.0", f"oci:{tmp_path}/b:base")
    found = OciFolder(tmp_path / "b").manifest("base")
    assert (
        found is not None
        and found.digest == image.digest
        and [b.digest for b in found.blobs()] == [d.digest for d, _ in image.blobs]
    )


def test_a_tag_moves_and_the_digest_stays(tmp_path: Path) -> None:
    folder = OciFolder(tmp_path)
    old, new = small_image(b"old"), small_image(b"new")
    put_image(folder, old, "latest")
    put_image(folder, new, "latest")
    latest = folder.manifest("latest")
    assert latest is not None and latest.digest == new.digest and len(folder.entries()) == 1
    assert folder.manifest(old.digest) is not None
    assert folder.manifest("other") is None and folder.manifest(digest_of(b"?")) is None


def test_an_index_lists_platforms(tmp_path: Path) -> None:
    folder = OciFolder(tmp_path)
    listed = []
    for architecture in ("amd64", "arm64"):
        image = small_image(architecture=architecture)
        put_image(folder, image, image.digest)
        listed.append(
            Descriptor(
                OCI_MANIFEST, image.digest, len(image.manifest), platform={"os": "linux", "architecture": architecture}
            ).to_json()
        )
    folder.put_manifest(
        json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode(), OCI_INDEX, "all"
    )
    index = folder.manifest("all")
    assert (
        index is not None
        and index.is_index
        and [m.platform["architecture"] for m in index.manifests()] == ["amd64", "arm64"]
    )
    assert json.loads(skopeo("--override-arch", "arm64", "inspect", f"oci:{tmp_path}:all"))["Architecture"] == "arm64"


def test_a_document_is_attached_once(tmp_path: Path) -> None:
    folder = OciFolder(tmp_path)
    subject = put_image(folder, small_image(), "1.0")
    for _ in range(2):
        folder.attach(subject, "application/spdx+json", "application/spdx+json", b"{}")
    tagged, attached = folder.entries()
    manifest = folder.manifest(attached.digest)
    assert attached.artifact_type == "application/spdx+json" and manifest is not None
    assert manifest.document()["subject"]["digest"] == subject.digest == tagged.digest
    assert json.loads(skopeo("inspect", f"oci:{tmp_path}:1.0"))["Digest"] == subject.digest


def test_a_blob_that_is_damaged_is_an_error(tmp_path: Path) -> None:
    folder = OciFolder(tmp_path)
    wanted = Descriptor("text/plain", digest_of(b"right"), 5)
    with pytest.raises(RegistryError, match="damaged"):
        folder.put_blob(wanted, lambda: io.BytesIO(b"wrong"))
    assert not folder.has_blob(wanted.digest) and list((tmp_path / "blobs" / "sha256").iterdir()) == []
    folder.put_blob(wanted, lambda: io.BytesIO(b"right"))
    (tmp_path / "blobs" / "sha256" / wanted.digest.partition(":")[2]).write_bytes(b"wrong")
    with pytest.raises(RegistryError, match="damaged"), folder.open_blob(wanted.digest) as stream:
        stream.read()


def test_a_blob_goes_from_folder_to_folder_with_progress(tmp_path: Path) -> None:
    first, second = OciFolder(tmp_path / "a"), OciFolder(tmp_path / "b")
    content = bytes(3 << 20)
    blob = Descriptor("application/octet-stream", digest_of(content), len(content))
    first.put_blob(blob, lambda: io.BytesIO(content))
    seen: list[int] = []
    second.copy_blob(blob, first, seen.append)
    assert second.has_blob(blob.digest) and seen == sorted(seen) and seen[-1] == len(content) and len(seen) > 2


def test_a_digest_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        OciFolder(tmp_path).has_blob("sha256:../../../etc/passwd")
