"""Names of images, as Docker and podman read them."""

from __future__ import annotations

import pytest

from kfnb.images.registry.image_repository import RegistryError
from kfnb.images.registry.references import ImageReference, image_reference, registry_path

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("python", "docker.io/library/python", "", ""),
        ("python:3.11", "docker.io/library/python", "3.11", ""),
        ("kubeflow/base", "docker.io/kubeflow/base", "", ""),
        ("index.docker.io/python", "docker.io/library/python", "", ""),
        ("localhost/app", "localhost/app", "", ""),
        ("registry.example.org/team/app:1.0", "registry.example.org/team/app", "1.0", ""),
        ("registry.example.org:5000/app", "registry.example.org:5000/app", "", ""),
        ("127.0.0.1:5000/a/b/c:x@" + DIGEST, "127.0.0.1:5000/a/b/c", "x", DIGEST),
        ("[::1]:5000/app", "[::1]:5000/app", "", ""),
        ("oci:images/base:3.11", "oci:images/base", "3.11", ""),
        ("oci:/srv/images", "oci:/srv/images", "", ""),
        ("docker-archive:out.tar", "docker-archive:out.tar", "", ""),
    ],
)
def test_an_image_is_read_from_its_name(text: str, repository: str, tag: str, digest: str) -> None:
    assert image_reference(text) == ImageReference(repository, tag, digest)


def test_without_tag_and_digest_the_latest_is_meant() -> None:
    assert image_reference("python").reference == "latest"
    assert image_reference(f"python:3@{DIGEST}").reference == DIGEST


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("registry.example.org/Team/app", "use small letters"),
        ("registry.example.org/team/app:a b", "cannot be a tag"),
        ("app@sha256:12", "64 hexadecimal digits"),
        ("https://registry.example.org/app", "cannot be a"),
        ("../../etc/passwd", "cannot be a registry"),
        ("registry.example.org/a/../b", "cannot be a repository"),
        ("user:word@registry.example.org/app", "64 hexadecimal digits"),
        ("", "cannot be a repository"),
        ("oci:", "a path must follow"),
    ],
)
def test_what_is_no_name_says_why(text: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=reason) as raised:
        image_reference(text)
    assert raised.value.kind == "bad-reference"


def test_a_repository_has_a_registry_and_a_path() -> None:
    assert str(registry_path("team/app")) == "docker.io/team/app"
    assert registry_path("localhost:5000/app").registry == "localhost:5000"
