"""Images in Debian's registry on loopback: kfnb pushes and pulls, and skopeo and podman read the same."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfnb.images.registry.client.registry_access import RegistryAccess
from kfnb.images.registry.client.registry_repository import RegistryRepository
from kfnb.images.registry.image_repository import DOCKER_LIST, DOCKER_MANIFEST, Descriptor, RegistryError, digest_of
from kfnb.images.registry.oci_folder import OciFolder
from kfnb.images.registry.open_repository import open_repository
from kfnb.images.registry.references import registry_path
from tests.images.registry.registry_server import (
    PASSWORD,
    USER,
    Certificates,
    Proxy,
    Trouble,
    certificates,
    htpasswd,
    proxy,
    registry,
    token_server,
)
from tests.images.registry.small_image import put_image, small_image

BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
LARGE = bytes(range(256)) * (40 << 12)  # 40 MiB: three chunks


@pytest.fixture(autouse=True)
def nobody(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without credentials."""
    home = tmp_path_factory.mktemp("home")
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("plain")) as address:
        yield address


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def between(plain: str) -> Iterator[Proxy]:
    with proxy(plain) as state:
        yield state


def opened(address: str, path: str = "team/app", access: RegistryAccess | None = None) -> RegistryRepository:
    return RegistryRepository(registry_path(f"{address}/{path}"), access)


def blob_of(content: bytes) -> Descriptor:
    return Descriptor("application/octet-stream", digest_of(content), len(content))


def put(repository: RegistryRepository, content: bytes) -> list[int]:
    progress: list[int] = []
    repository.put_blob(blob_of(content), lambda: io.BytesIO(content), progress.append)
    return progress


def read(repository: RegistryRepository, digest: str) -> bytes:
    with repository.open_blob(digest) as stream:
        return stream.read()


def log_in(home: Path, address: str, entry: dict[str, str]) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {address: entry}}))


# -------------------------------------------------------------------- a plain registry
def test_what_is_pushed_is_read_by_skopeo_and_podman(plain: str) -> None:
    repository = open_repository(f"{plain}/team/app")
    image = small_image()
    assert put_image(repository, image, "1.0").digest == image.digest
    seen = subprocess.run(
        ["skopeo", "inspect", "--tls-verify=false", f"docker://{repository.name}:1.0"], check=True, capture_output=True
    )
    assert json.loads(seen.stdout)["Digest"] == image.digest
    with tempfile.TemporaryDirectory(prefix="kfnb", dir="/tmp") as store:  # podman wants a short path
        podman = ["podman", "--root", f"{store}/root", "--runroot", f"{store}/run", "--storage-driver", "vfs"]
        name = f"{repository.name}@{image.digest}"
        pulled = subprocess.run([*podman, "pull", "-q", "--tls-verify=false", name], capture_output=True, text=True)
        assert pulled.returncode == 0, pulled.stderr
        listed = subprocess.run(
            [*podman, "images", "--format", "{{.Digest}}"], check=True, capture_output=True, text=True
        )
    assert listed.stdout.strip() == image.digest


def test_what_was_pushed_is_read_again(plain: str) -> None:
    image = small_image(b"again")
    put_image(opened(plain), image, "again")
    manifest = opened(plain).manifest("again")
    assert manifest is not None and manifest.content == image.manifest
    assert [read(opened(plain), b.digest) for b in manifest.blobs()] == [content for _, content in image.blobs]
    assert opened(plain).manifest("none") is None and opened(plain, "no/where").manifest("1") is None


def test_manifests_of_docker_are_read(plain: str) -> None:
    repository = opened(plain)
    image = small_image(b"docker")
    for descriptor, content in image.blobs:
        repository.put_blob(descriptor, lambda content=content: io.BytesIO(content))  # type: ignore[misc]
    document = {**json.loads(image.manifest), "mediaType": DOCKER_MANIFEST}
    document["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json"
    stored = repository.put_manifest(json.dumps(document).encode(), DOCKER_MANIFEST, "docker")
    listed = {**stored.to_json(), "platform": {"os": "linux", "architecture": "amd64"}}
    repository.put_manifest(
        json.dumps({"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [listed]}).encode(), DOCKER_LIST, "list"
    )
    index = repository.manifest("list")
    assert index is not None and index.is_index and index.manifests()[0].digest == stored.digest
    manifest = repository.manifest(stored.digest)
    assert manifest is not None and not manifest.is_index and len(manifest.blobs()) == 2


def test_a_large_blob_goes_in_chunks_with_progress(between: Proxy) -> None:
    progress = put(opened(between.address), LARGE)
    assert progress == sorted(progress) and progress[-1] == len(LARGE) and len(progress) > 20
    assert [h["Content-Range"] for m, _, h in between.seen if m == "PATCH"] == [
        "0-16777215",
        "16777216-33554431",
        "33554432-41943039",
    ]
    assert read(opened(between.address), digest_of(LARGE)) == LARGE


def test_nothing_is_sent_that_the_registry_has(between: Proxy) -> None:
    put(opened(between.address), b"once")
    between.seen.clear()
    assert put(opened(between.address), b"once") == []
    assert [m for m, path, _ in between.seen if path != "/v2/"] == ["HEAD"]


def test_a_blob_of_another_repository_is_mounted(between: Proxy) -> None:
    base, target = opened(between.address, "base"), opened(between.address, "target")
    put(base, b"a layer of a base image")
    between.seen.clear()
    target.copy_blob(blob_of(b"a layer of a base image"), base)
    assert [m for m, path, _ in between.seen if path != "/v2/"] == ["HEAD", "POST"]
    assert read(opened(between.address, "target"), digest_of(b"a layer of a base image")) == b"a layer of a base image"


def test_a_blob_that_the_registry_does_not_mount_is_streamed(between: Proxy) -> None:
    base, target = opened(between.address, "base"), opened(between.address, "unmounted")
    put(base, b"not to be mounted")
    between.troubles["POST"] = [Trouble(403)]
    target.copy_blob(blob_of(b"not to be mounted"), base)
    assert read(opened(between.address, "unmounted"), digest_of(b"not to be mounted")) == b"not to be mounted"


def test_a_blob_from_elsewhere_is_streamed(plain: str, tmp_path: Path) -> None:
    folder = OciFolder(tmp_path)
    folder.put_blob(blob_of(b"from a folder"), lambda: io.BytesIO(b"from a folder"))
    opened(plain, "streamed").copy_blob(blob_of(b"from a folder"), folder)
    back = OciFolder(tmp_path / "back")
    back.copy_blob(blob_of(b"from a folder"), opened(plain, "streamed"))
    assert back.has_blob(digest_of(b"from a folder"))


def test_a_document_is_attached_by_a_tag_where_the_registry_lists_no_referrers(plain: str) -> None:
    repository = opened(plain, "attached")
    subject = put_image(repository, small_image(b"with an sbom"), "1.0")
    for content in (b'{"a": 1}', b'{"a": 1}', b'{"b": 2}'):
        repository.attach(subject, "application/spdx+json", "application/spdx+json", content)
    found = repository.referrers(subject.digest)
    assert [f.artifact_type for f in found] == ["application/spdx+json"] * 2
    first = repository.manifest(found[0].digest)
    assert first is not None and first.document()["subject"]["digest"] == subject.digest
    assert read(repository, first.blobs()[1].digest) == b'{"a": 1}'
    tag = repository.manifest(subject.digest.replace(":", "-"))
    assert tag is not None and tag.is_index


def test_whether_a_repository_can_be_written_is_found_without_a_trace(plain: str) -> None:
    opened(plain, "writable").check_writable()
    with pytest.raises(RegistryError, match="does not answer"):
        opened("127.0.0.1:9", "app").manifest("1")


# -------------------------------------------------------------------- trouble
def test_an_upload_goes_on_where_it_broke_off(between: Proxy) -> None:
    between.troubles["PATCH"] = [None, Trouble(cut_after=0)]
    put(opened(between.address, "resumed"), LARGE[1:])
    assert between.count("POST") == 1 and between.count("PATCH") == 4
    assert read(opened(between.address, "resumed"), digest_of(LARGE[1:])) == LARGE[1:]


@pytest.mark.parametrize("trouble", [Trouble(cut_after=5_000_000), Trouble(lose_answer=True)])
def test_an_upload_that_the_registry_lost_begins_anew(between: Proxy, trouble: Trouble) -> None:
    between.troubles["PATCH"] = [None, trouble]
    content = LARGE[2:] if trouble.lose_answer else LARGE[3:]
    put(opened(between.address, "anew"), content)
    assert read(opened(between.address, "anew"), digest_of(content)) == content


def test_a_small_upload_that_breaks_is_sent_again(between: Proxy) -> None:
    between.troubles["PUT"] = [Trouble(cut_after=0), Trouble(lose_answer=True)]
    put(opened(between.address, "small"), b"small")
    assert read(opened(between.address, "small"), digest_of(b"small")) == b"small"


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_without_chunks_gets_a_blob_in_one_piece(between: Proxy, status: int) -> None:
    between.troubles["PATCH"] = [Trouble(status)]
    content = LARGE[status:]
    progress = put(opened(between.address, "whole"), content)
    assert between.count("PATCH") == 1 and progress[-1] == len(content)
    assert read(opened(between.address, "whole"), digest_of(content)) == content


def test_a_download_goes_on_where_it_broke_off(between: Proxy) -> None:
    put(opened(between.address), LARGE)
    between.cut_downloads = [10_000_000, 12_000_000]
    assert read(opened(between.address), digest_of(LARGE)) == LARGE
    ranges = [h.get("Range") for m, path, h in between.seen if m == "GET" and path != "/v2/"]
    assert ranges == [None, "bytes=10000000-", "bytes=22000000-"]


def test_a_registry_that_limits_or_fails_for_a_while_is_waited_for(between: Proxy) -> None:
    between.troubles["HEAD"] = [Trouble(429, (("Retry-After", "0"),)), Trouble(503, (("Retry-After", "0"),))]
    between.troubles["POST"] = [Trouble(429, (("Retry-After", "0"),))]
    between.troubles["PUT"] = [Trouble(429, (("Retry-After", "0"),))]
    put(opened(between.address, "busy"), b"busy")
    assert opened(between.address, "busy").has_blob(digest_of(b"busy"))


def test_a_registry_that_stays_busy_is_an_error_that_says_so(between: Proxy) -> None:
    between.troubles["GET"] = [*[Trouble(429, (("Retry-After", "0"),))] * 10]
    with pytest.raises(RegistryError, match="limits how often it may be asked") as raised:
        opened(between.address).manifest("1.0")
    assert raised.value.kind == "busy"
    between.troubles["GET"] = [Trouble(429, (("Retry-After", "86400"),))]
    with pytest.raises(RegistryError, match="try again later"):
        opened(between.address).manifest("1.0")


# -------------------------------------------------------------------- credentials
def test_a_registry_with_encryption_and_a_password(tmp_path: Path, keys: Certificates, nobody: Path) -> None:
    with registry(tmp_path, htpasswd(tmp_path), keys.of_server) as address:
        access = RegistryAccess(ca_file=keys.file("ca.crt"))
        with pytest.raises(RegistryError, match="certificate cannot be trusted"):
            opened(address).manifest("1")
        with pytest.raises(RegistryError, match="log in with `docker login"):
            opened(address, access=access).manifest("1")
        log_in(nobody, address, {"auth": base64.b64encode(b"ada:wrong").decode()})
        with pytest.raises(RegistryError, match=r"as ada from .*config.json.*: log in again") as raised:
            opened(address, access=access).manifest("1")
        assert raised.value.kind == "unauthorized" and "wrong" not in str(raised.value)
        log_in(nobody, address, {"auth": BASIC})
        put_image(opened(address, access=access), small_image(), "1.0")
        folder = nobody / ".config" / "containers" / "certs.d" / address
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes((keys.folder / "ca.crt").read_bytes())
        assert opened(address).manifest("1.0") is not None


def test_a_certificate_identifies_this_machine(tmp_path: Path, keys: Certificates, nobody: Path) -> None:
    with registry(tmp_path, tls={**keys.of_server, "clientcas": [keys.file("ca.crt")]}) as address:  # type: ignore[dict-item]
        named = RegistryAccess(
            ca_file=keys.file("ca.crt"), client_certificate=keys.file("user.crt"), client_key=keys.file("user.key")
        )
        with pytest.raises(RegistryError, match="does not answer"):
            RegistryRepository(registry_path(f"{address}/app"), RegistryAccess(ca_file=keys.file("ca.crt"))).manifest(
                "1"
            )
        put_image(opened(address, access=named), small_image(), "1.0")
        folder = nobody / ".config" / "containers" / "certs.d" / address
        folder.mkdir(parents=True)
        for name, source in (("ca.crt", "ca.crt"), ("client.cert", "user.crt"), ("client.key", "user.key")):
            (folder / name).write_bytes((keys.folder / source).read_bytes())
        assert opened(address).manifest("1.0") is not None


@pytest.mark.parametrize("entry", [{"auth": BASIC}, {"identitytoken": "identity"}])
def test_tokens_are_fetched_for_what_is_done(
    tmp_path: Path, keys: Certificates, nobody: Path, entry: dict[str, str]
) -> None:
    with token_server(keys) as tokens, registry(tmp_path, tokens.auth) as upstream, proxy(upstream) as between:
        with pytest.raises(RegistryError, match="authorization server"):
            opened(between.address).manifest("1")
        tokens.asked.clear()
        log_in(nobody, between.address, entry)
        put(opened(between.address, "base"), b"base layer")
        asks = f'Bearer realm="http://{tokens.address}/token",service="test",scope="repository:team/app:pull,push",error="invalid_token"'
        between.troubles["PATCH"] = [None, Trouble(401, (("WWW-Authenticate", asks),))]  # the token has run out
        repository = opened(between.address)
        put(repository, LARGE)
        repository.copy_blob(blob_of(b"base layer"), opened(between.address, "base"))
        put_image(repository, small_image(), "1.0")
        assert between.count("POST") == 6  # five uploads and mounts, one of which needed a further token
        scopes = [a["scope"] for a in tokens.asked]
        assert scopes == [
            "repository:base:pull,push",
            "repository:team/app:pull,push",
            "repository:team/app:pull,push",
            "repository:base:pull repository:team/app:pull,push",
        ]
        assert {a["how"] for a in tokens.asked} == {"refresh" if "identitytoken" in entry else "basic"}


def test_a_token_never_follows_a_redirect_to_another_host(plain: str, nobody: Path) -> None:
    put(opened(plain, "moved"), b"stored elsewhere")
    seen: list[dict[str, str]] = []
    with proxy(plain) as storage, proxy(plain) as between:
        log_in(nobody, between.address, {"registrytoken": "tokentokentoken"})
        path = f"/v2/moved/blobs/{digest_of(b'stored elsewhere')}"
        between.troubles["GET"] = [None, Trouble(307, (("Location", f"http://{storage.address}{path}?signature=s"),))]
        repository = opened(between.address, "moved")
        between.troubles["GET"] = between.troubles["GET"][1:]
        assert read(repository, digest_of(b"stored elsewhere")) == b"stored elsewhere"
        seen = [h for _, _, h in storage.seen]
        assert len(seen) == 1 and "Authorization" not in seen[0]
        assert any(h.get("Authorization") == "Bearer tokentokentoken" for _, _, h in between.seen)


def test_no_error_has_a_token_or_an_address_of_an_upload(
    between: Proxy, nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(nobody, between.address, {"registrytoken": "tokentokentoken"})
    between.troubles["PUT"] = [Trouble(cut_after=0)] * 12
    repository = opened(between.address, "secret")
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(RegistryError, match="broke") as raised:
        put(repository, b"never arrives")
    assert "token" not in str(raised.value) and "_state" not in str(raised.value) and raised.value.__cause__ is None


def test_encryption_is_left_out_on_this_machine_and_where_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from kfnb.images.registry.client.registry_session import RegistrySession

    path = registry_path("registry.example.org/app")
    assert RegistrySession(path, RegistryAccess())._base == "https://registry.example.org/"
    assert RegistrySession(path, RegistryAccess(allow_http=True))._base == "http://registry.example.org/"
