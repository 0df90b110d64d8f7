"""Images in one file: skopeo reads it as Docker and podman do, and it can be added to."""

from __future__ import annotations

import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path

import pytest

from kfnb.images.registry.image_repository import OCI_INDEX, OCI_MANIFEST, Descriptor, RegistryError, digest_of
from kfnb.images.registry.open_repository import open_repository
from tests.images.registry.small_image import put_image, small_image


def inspected(text: str) -> dict[str, object]:
    done = subprocess.run(["skopeo", "inspect", "--config", text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_images_are_read_by_the_name_of_the_file_and_their_tag(tmp_path: Path) -> None:
    archive = open_repository(f"docker-archive:{tmp_path}/My App.tar")
    put_image(archive, small_image(), "one")
    put_image(archive, small_image(b"two"), "two")
    for tag in ("one", "two"):
        assert inspected(f"docker-archive:{tmp_path}/My App.tar:my-app:{tag}")["architecture"] == "amd64"
    with tarfile.open(tmp_path / "My App.tar") as tar:
        assert {m.mtime for m in tar} == {0} and {"oci-layout", "index.json", "manifest.json"} < set(tar.getnames())
        tar.extractall(tmp_path / "layout")
    assert inspected(f"oci:{tmp_path}/layout:two")["os"] == "linux"


def test_an_archive_is_added_to_and_knows_what_it_has(tmp_path: Path) -> None:
    first, image = open_repository(f"docker-archive:{tmp_path}/app.tar"), small_image()
    subject = put_image(first, image, "one")
    first.attach(subject, "application/spdx+json", "application/spdx+json", b"{}")
    later = open_repository(f"docker-archive:{tmp_path}/app.tar")
    found = later.manifest("one")
    assert found is not None and found.digest == image.digest and all(later.has_blob(d.digest) for d, _ in image.blobs)
    with later.open_blob(image.blobs[1][0].digest) as stream:
        assert stream.read() == image.blobs[1][1]
    put_image(later, small_image(b"two"), "two")
    assert later.manifest("one") is not None and later.has_blob(digest_of(b"{}"))


def test_an_older_docker_gets_the_image_for_this_machine(tmp_path: Path) -> None:
    archive, listed = open_repository(f"docker-archive:{tmp_path}/app.tar"), []
    for architecture in ("s390x", "amd64", "arm64"):
        image = small_image(architecture=architecture)
        put_image(archive, image, image.digest)
        listed.append(
            Descriptor(
                OCI_MANIFEST, image.digest, len(image.manifest), platform={"os": "linux", "architecture": architecture}
            ).to_json()
        )
    archive.put_manifest(json.dumps({"schemaVersion": 2, "manifests": listed}).encode(), OCI_INDEX, "all")
    here = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    assert inspected(f"docker-archive:{tmp_path}/app.tar:app:all")["architecture"] == here


def test_the_same_images_give_the_same_bytes(tmp_path: Path) -> None:
    contents = set()
    for name, order in (("a", (b"1", b"2")), ("b", (b"2", b"1"))):
        (tmp_path / name).mkdir()
        archive = open_repository(f"docker-archive:{tmp_path}/{name}/app.tar")
        for content in order:
            put_image(archive, small_image(content), content.decode())
        contents.add((tmp_path / name / "app.tar").read_bytes())
    assert len(contents) == 1


def test_what_is_no_archive_and_what_cannot_be_written_say_so(tmp_path: Path) -> None:
    (tmp_path / "notes.tar").write_text("milk")
    with pytest.raises(RegistryError, match="is no archive of images"):
        open_repository(f"docker-archive:{tmp_path}/notes.tar").manifest("1")
    missing = open_repository(f"docker-archive:{tmp_path}/no/where.tar")
    content = io.BytesIO(b"x")
    with pytest.raises(RegistryError, match="cannot be written: No such file or directory"):
        missing.put_blob(Descriptor("text/plain", digest_of(b"x"), 1), lambda: content)
    with pytest.raises(RegistryError, match="a path must follow"):
        open_repository("docker-archive:")
