"""``kfnb build``: what it puts into a repository, what it sends, and what it refuses."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kfnb.images.builders.build_images import BuiltImage, build_images, built_before
from kfnb.images.builders.build_plan import CannotBuild, plan_images
from kfnb.images.documents.base_image import BadBase, read_base
from kfnb.images.layers.choose_wheel import Platform
from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.images.locks.lock_model import Lock, LockedPackage, RequirementSet
from kfnb.images.registry.image_repository import Descriptor, ImageRepository, digest_of, is_digest
from kfnb.images.registry.oci_folder import OciFolder
from kfnb.images.registry.open_repository import open_repository
from tests.images.base_image import run
from tests.images.registry.registry_server import registry
from tests.images.small_base import make_base
from tests.images.wheels import locked_package, make_wheel

AMD64, ARM64 = Platform("amd64"), Platform("arm64")


class Machine:
    """A machine with a cache of its own."""

    def __init__(self, folder: Path, base: str) -> None:
        self.cache, self.base, self.folder = WheelCache(folder / "cache"), base, folder
        self.repository: ImageRepository = OciFolder(folder / "images")
        self.told: list[tuple[str, str, int, int]] = []

    def build(
        self,
        *packages: LockedPackage,
        platforms: Iterable[Platform] = (AMD64,),
        code: Mapping[str, Mapping[str, bytes]] = {},
        **of_set: Any,
    ) -> BuiltImage:
        wanted = RequirementSet(
            "set-1", ("train", "test"), "3.11", tuple(sorted(packages, key=lambda p: p.name)), **of_set
        )
        planned = plan_images(Lock("iris", (wanted,)), self.folder, tuple(platforms), self.base, self.cache, code=code)
        self.told = []
        (image,) = build_images(planned, self.repository, self.cache, lambda *event: self.told.append(event))
        assert built_before(planned[0], self.repository) is not None
        return image

    def manifest(self, image: BuiltImage) -> dict[str, Any]:
        found = self.repository.manifest(image.reference.rpartition("@")[2])
        assert found is not None
        return found.document()

    def blob(self, digest: str) -> bytes:
        with self.repository.open_blob(digest) as stream:
            return stream.read()

    def config(self, manifest: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.blob(manifest["config"]["digest"]))
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, make_base(tmp_path / "base"))


@pytest.fixture
def numbers(tmp_path: Path) -> LockedPackage:
    return locked_package(
        make_wheel(
            tmp_path / "index",
            "numbers",
            files={"numbers_/__init__.py": "", "numbers_/big.bin": Random(1).randbytes(3_000_000)},
        )
    )


def test_an_image_has_the_base_and_the_packages(machine: Machine, numbers: LockedPackage) -> None:
    image = machine.build(numbers)
    manifest = machine.manifest(image)
    config = machine.config(manifest)
    assert image.steps == ("train", "test") and image.platforms == ("linux/amd64",) and image.tag.startswith("iris-")
    archives = [machine.blob(d["digest"]) for d in manifest["layers"]]
    assert [digest_of(gzip.decompress(a)) for a in archives] == config["rootfs"]["diff_ids"]
    assert image.bytes == sum(map(len, archives)) + manifest["config"]["size"]
    names = [tarfile.open(fileobj=io.BytesIO(a)).getnames() for a in archives]
    assert "usr/bin/python3" in names[0] and "opt/kfnb/packages/numbers_/big.bin" in names[-1]
    assert config["config"] == {
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin:/opt/kfnb/bin", "PYTHONPATH=/opt/kfnb/packages", "HOME=/home/kfnb"],
        "User": "1000:0", "Cmd": ["python3"], "WorkingDir": "/home/kfnb",
        "Labels": {"io.readthedocs.kfnb.steps": "train,test", "org.opencontainers.image.version": config["config"]["Labels"]["org.opencontainers.image.version"]},
    }  # fmt: skip
    assert config["created"] == "2026-01-02T03:04:05Z" and len(config["history"]) == len(archives)
    assert manifest["annotations"]["org.opencontainers.image.base.digest"].startswith("sha256:")


def test_the_second_build_sends_nothing(machine: Machine, numbers: LockedPackage) -> None:
    first, second = machine.build(numbers), machine.build(numbers)
    assert first.uploaded > 0 and second.uploaded == 0 and first.reference == second.reference and machine.told == []


def test_a_changed_small_package_sends_itself_alone(machine: Machine, numbers: LockedPackage, tmp_path: Path) -> None:
    machine.build(numbers, locked_package(make_wheel(tmp_path / "index", "small")))
    image = machine.build(numbers, locked_package(make_wheel(tmp_path / "index", "small", "1.1")))
    assert 0 < image.uploaded < 10_000
    assert {title for title, doing, *_ in machine.told if doing == "upload"} == {"small", "config"}


def test_two_machines_make_one_digest(tmp_path: Path, numbers: LockedPackage) -> None:
    base = make_base(tmp_path / "base")
    small = [locked_package(make_wheel(tmp_path / "index", n)) for n in ("one", "two", "three")]
    found = [
        Machine(tmp_path / "a", base).build(numbers, *small),
        Machine(tmp_path / "b", base).build(*small[::-1], numbers),
    ]
    assert found[0].reference.rpartition("@")[2] == found[1].reference.rpartition("@")[2]


def test_an_image_for_two_platforms(tmp_path: Path) -> None:
    machine = Machine(tmp_path, make_base(tmp_path / "base", ["amd64", "arm64"]))
    wheels = [
        make_wheel(
            tmp_path / "index",
            "fast",
            files={"fast.so": machine_name},
            tag=f"cp311-cp311-manylinux_2_17_{machine_name}",
        )
        for machine_name in ("x86_64", "aarch64")
    ]
    image = machine.build(locked_package(*wheels), platforms=[AMD64, ARM64])
    assert image.platforms == ("linux/amd64", "linux/arm64")
    for entry, name in zip(machine.manifest(image)["manifests"], ("x86_64", "aarch64"), strict=True):
        manifest = json.loads(machine.blob(entry["digest"]))
        assert machine.config(manifest)["architecture"] == entry["platform"]["architecture"]
        with tarfile.open(fileobj=io.BytesIO(machine.blob(manifest["layers"][-1]["digest"]))) as archive:
            member = archive.extractfile("opt/kfnb/packages/fast.so")
            assert member is not None and member.read().decode() == name


def test_sets_with_one_base_image_read_it_once(machine: Machine, numbers: LockedPackage) -> None:
    sets = [RequirementSet(f"set-{n}", (f"step-{n}",), "3.11", packages) for n, packages in enumerate([(), (numbers,)])]
    names: list[str] = []

    def opened(name: str) -> ImageRepository:
        names.append(name)
        return open_repository(name)

    planned = plan_images(Lock("iris", tuple(sets)), machine.folder, (AMD64,), machine.base, machine.cache, opened)
    assert len(planned) == 2 and len(names) == 1
    assert planned[0].platforms[0].base is planned[1].platforms[0].base


def test_the_list_of_packages_is_attached(machine: Machine, numbers: LockedPackage) -> None:
    image = machine.build(numbers)
    assert isinstance(machine.repository, OciFolder)
    (attached,) = [e for e in machine.repository.entries() if e.artifact_type == "application/vnd.cyclonedx+json"]
    manifest = json.loads(machine.blob(attached.digest))
    assert manifest["subject"]["digest"] == image.reference.rpartition("@")[2]
    bill = json.loads(machine.blob(manifest["layers"][0]["digest"]))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    (library,) = [c for c in bill["components"] if c["type"] == "library"]
    assert library["purl"] == "pkg:pypi/numbers@1.0" and library["hashes"][0]["content"] == numbers.wheels[0].sha256


def test_a_registry_gets_what_it_lacks_and_mounts_what_it_has(tmp_path: Path, numbers: LockedPackage) -> None:
    with registry(tmp_path) as address:
        base = OciFolder(Path(make_base(tmp_path / "base").split(":")[1]))
        manifest = base.manifest("latest")
        assert manifest is not None
        stored = open_repository(f"{address}/team/base")
        for blob in manifest.blobs():
            stored.copy_blob(blob, base)
        stored.put_manifest(manifest.content, manifest.media_type, "latest")
        machine = Machine(tmp_path, f"{address}/team/base:latest")
        machine.repository = open_repository(f"{address}/team/iris")
        first, second = machine.build(numbers), machine.build(numbers)
        assert first.uploaded and second.uploaded == 0 and first.reference == second.reference
        shown = json.loads(run("skopeo", "inspect", "--tls-verify=false", f"docker://{first.reference}"))
        assert shown["Labels"]["io.readthedocs.kfnb.steps"] == "train,test" and len(shown["Layers"]) == 3


# -------------------------------------------------------------------- what is refused
def test_a_package_without_a_wheel_is_named(machine: Machine, tmp_path: Path) -> None:
    package = locked_package(make_wheel(tmp_path / "index", "fast", tag="cp311-cp311-win_amd64"))
    sources = LockedPackage("old", "2.0", (), package.wheels[0])
    with pytest.raises(CannotBuild) as refused:
        machine.build(sources)
    assert str(refused.value) == (
        "old 2.0 has no wheel for Python 3.11 on linux/amd64 (needed by steps train, test): "
        "build with --builder podman, buildah or docker, which compile the sources in the base image"
    )
    with pytest.raises(
        CannotBuild, match=r"fast 1\.0 has no wheel .*: there are no sources either: take another version"
    ):
        machine.build(package)


def test_packages_of_the_system_need_another_builder(machine: Machine) -> None:
    with pytest.raises(
        CannotBuild, match=r"the system's packages libgomp1 are no wheels\. Build with --builder podman"
    ):
        machine.build(apt=("libgomp1",))


def test_a_base_image_with_another_python_is_refused(tmp_path: Path) -> None:
    machine = Machine(
        tmp_path,
        make_base(tmp_path / "base", links={"usr/bin/python3": "python3.9", "usr/bin/python3.9": "x/python3.9"}),
    )
    with pytest.raises(
        CannotBuild,
        match=r"has Python 3\.9, and steps train, test run on Python 3\.11: name a base image with Python 3\.11",
    ):
        machine.build()


def test_a_base_image_without_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadBase, match=r"has no Python 3 on its PATH: name one that has, such as python:3\.11-slim"):
        Machine(tmp_path, make_base(tmp_path / "base", links={})).build()


def test_a_base_image_that_is_not_there_or_not_for_the_platform_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadBase, match=r"there is no image oci:.*:nowhere"):
        Machine(tmp_path, f"oci:{tmp_path / 'base'}:nowhere").build()
    name = make_base(tmp_path / "both", ["amd64", "arm64"])
    with pytest.raises(BadBase, match=r"is not made for linux/s390x, only for linux/amd64, linux/arm64"):
        Machine(tmp_path, name).build(platforms=[Platform("s390x")])


@pytest.mark.parametrize(
    ("links", "env", "files", "expected"),
    [
        ({"usr/bin/python3": "python3.11"}, [], ["usr/bin/python3.11"], ("3.11", "glibc")),
        ({"usr/local/bin/python3": "python3.12", "usr/bin/python3": "python3.11"}, [], ["usr/local/bin/python3.12"], ("3.12", "glibc")),
        ({"opt/conda/bin/python3": "python3.10"}, ["PATH=/opt/conda/bin:/usr/bin"], ["opt/conda/bin/python3.10"], ("3.10", "glibc")),
        ({}, ["PYTHON_VERSION=3.13.1"], [], ("3.13", "glibc")),
        ({}, ["PYTHON_VERSION=3.13.1"], ["lib/ld-musl-x86_64.so.1"], ("3.13", "musl")),
    ],
)  # fmt: skip
def test_the_python_of_a_base_image(
    links: dict[str, str], env: list[str], files: list[str], expected: tuple[str, str], tmp_path: Path
) -> None:
    name = make_base(tmp_path / "base", links=links, env=env, files=files)
    for _ in range(2):
        base = read_base(name, AMD64, tmp_path / "known")
        assert (base.python, base.platform.libc) == expected


def test_a_base_image_compressed_with_zstd_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = make_base(tmp_path / "base", zstd=True)
    assert read_base(name, AMD64, tmp_path / "known").python == "3.11"
    if sys.version_info < (3, 14):
        monkeypatch.setitem(sys.modules, "zstandard", None)
        with pytest.raises(BadBase, match=r"compressed with zstd: install the package zstandard beside kfnb, or name"):
            read_base(name, AMD64, tmp_path / "nowhere")


def test_the_tag_is_set_when_the_list_of_packages_is_there(machine: Machine, numbers: LockedPackage) -> None:
    repository, seen = machine.repository, list[str]()
    assert isinstance(repository, OciFolder)

    class Watched(OciFolder):
        def put_manifest(self, content: bytes, media_type: str, reference: str) -> Descriptor:
            if not is_digest(reference):
                seen.extend(e.artifact_type for e in self.entries())
            return super().put_manifest(content, media_type, reference)

    machine.repository = Watched(repository.folder)
    machine.build(numbers)
    assert seen == ["application/vnd.cyclonedx+json"]


def test_a_changed_module_sends_the_last_layer_alone(machine: Machine, numbers: LockedPackage) -> None:
    first = machine.build(numbers, code={"train": {"scales.py": b"FACTOR = 2\n"}, "test": {}, "other": {"x.py": b""}})
    image = machine.build(numbers, code={"train": {"scales.py": b"FACTOR = 3\n"}})
    assert image.tag != first.tag and {title for title, *_ in machine.told} == {"code", "config"}
    assert image.uploaded is not None and 0 < image.uploaded < 4000
    with tarfile.open(fileobj=io.BytesIO(machine.blob(machine.manifest(image)["layers"][-1]["digest"]))) as archive:
        assert [m.name for m in archive if m.isfile()] == ["opt/kfnb/code/scales.py"]


def test_a_layer_is_looked_into_once(tmp_path: Path) -> None:
    name = make_base(tmp_path / "base")
    base = read_base(name, AMD64, tmp_path / "known")
    (layer,) = base.layers
    (tmp_path / "base" / "blobs" / "sha256" / layer.digest.partition(":")[2]).unlink()
    assert read_base(name, AMD64, tmp_path / "known").python == "3.11"


def test_the_hash_of_the_archive_is_that_of_its_bytes(machine: Machine, numbers: LockedPackage) -> None:
    for entry in machine.manifest(machine.build(numbers))["layers"]:
        content = machine.blob(entry["digest"])
        assert (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}") == (entry["size"], entry["digest"])
