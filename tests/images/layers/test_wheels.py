"""Wheels in layers: which one is chosen, and that its files are those that pip would install."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from kfnb.images.layers.choose_wheel import BadPlatform, Platform, chosen_wheel, platform_named
from kfnb.images.layers.layer_archive import LayerFile, write_layer
from kfnb.images.layers.package_layers import MOST_LAYERS, Compiler, make_layers, package_layers
from kfnb.images.layers.wheel_cache import BadDownload, WheelCache
from kfnb.images.layers.wheel_files import PACKAGES, BadWheel, files_of_wheel
from kfnb.images.locks.lock_model import LockedFile, LockedPackage
from kfnb.requirement_checks import DEFAULT_SOURCES, PackageSources
from tests.images.package_index import package_index
from tests.images.wheels import locked, make_wheel

HERE = Compiler(sys.executable, f"{sys.version_info[0]}.{sys.version_info[1]}")
SCRIPTS = "[console_scripts]\nsay-it = pkg.say:main\n\n[other.group]\nx = pkg.say\n"


def unpacked(files: list[LayerFile], folder: Path) -> Path:
    out = io.BytesIO()
    write_layer(files, out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2])
def test_a_layer_has_what_pip_installs(tmp_path: Path, method: int) -> None:
    wheel = make_wheel(
        tmp_path, "pkg", files={
            "pkg/__init__.py": "", "pkg/say.py": "def main():\n    print('said')\n", "pkg/data.bin": os.urandom(200_000),
            "pkg-1.0.data/scripts/old-script": "#!python\nprint('old')\n", "pkg-1.0.data/data/share/pkg/readme": "read me\n",
        }, entry_points=SCRIPTS, method=method,
    )  # fmt: skip
    target = tmp_path / "pip"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--target", target, wheel],
        check=True,
    )  # fmt: skip
    root = unpacked(files_of_wheel(wheel), tmp_path / "layer") / "opt" / "kfnb"
    mine = {
        p.relative_to(root / "packages").as_posix(): p.read_bytes()
        for p in (root / "packages").rglob("*")
        if p.is_file()
    }
    pips = {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*") if p.is_file()}
    differing = {n for n in mine.keys() | pips.keys() if mine.get(n) != pips.get(n)}
    outside = {"bin/say-it", "bin/old-script", "share/pkg/readme"}  # pip puts these into the target folder itself
    own = {f"pkg-1.0.dist-info/{n}" for n in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")}
    assert differing - own == outside
    env = {"PATH": f"{os.path.dirname(sys.executable)}:/usr/bin:/bin", "PYTHONPATH": str(root / "packages")}
    for script, said in (("say-it", "said"), ("old-script", "old")):
        assert subprocess.run([root / "bin" / script], env=env, capture_output=True, text=True).stdout == f"{said}\n"


def test_the_record_lists_every_file_with_its_hash(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "pkg", files={"pkg.py": "X = 1\n"}, entry_points=SCRIPTS)
    root = unpacked(files_of_wheel(wheel), tmp_path / "layer") / PACKAGES
    code = (
        "import sys, json; from importlib import metadata\n"
        "files = metadata.files('pkg')\nprint(json.dumps({str(f): [f.locate().exists(), bool(f.hash)] for f in files}))"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert told.pop("pkg-1.0.dist-info/RECORD") == [True, False]
    assert set(told) > {"pkg.py", "../bin/say-it"} and set(map(tuple, told.values())) == {(True, True)}


def test_a_wheel_cannot_write_outside_of_its_folder(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "evil", files={"../../../etc/passwd": "root::0:0\n"})
    with pytest.raises(BadWheel, match=r"outside of its folder"):
        files_of_wheel(wheel)


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pkg-1.0-py3-none-any.whl"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(BadWheel, match=r"pkg-1\.0-py3-none-any\.whl is no wheel that can be installed"):
        files_of_wheel(path)


# -------------------------------------------------------------------- which wheel
def offered(*tags: str) -> LockedPackage:
    return LockedPackage("pkg", "1.0", tuple(LockedFile(f"pkg-1.0-{t}.whl", "", t) for t in tags))


@pytest.mark.parametrize(
    ("tags", "platform", "expected"),
    [
        (["py3-none-any"], "linux/amd64", "py3-none-any"),
        (["py3-none-any", "cp311-cp311-manylinux_2_17_x86_64"], "linux/amd64", "cp311-cp311-manylinux_2_17_x86_64"),
        (["cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp311-cp311-manylinux_2_17_aarch64"], "linux/arm64", "cp311-cp311-manylinux_2_17_aarch64"),
        (["cp39-abi3-manylinux2014_x86_64", "cp312-abi3-manylinux2014_x86_64"], "linux/amd64", "cp39-abi3-manylinux2014_x86_64"),
        (["cp311-cp311-manylinux_2_34_x86_64", "cp311-cp311-manylinux_2_28_x86_64"], "linux/amd64", "cp311-cp311-manylinux_2_28_x86_64"),
        (["cp311-cp311-manylinux_2_34_x86_64"], "linux/amd64", "cp311-cp311-manylinux_2_34_x86_64"),
        (["cp311-cp311-macosx_11_0_arm64", "cp311-cp311-win_amd64", "cp310-cp310-manylinux_2_17_x86_64"], "linux/amd64", None),
        (["cp311-cp311-musllinux_1_2_x86_64"], "linux/amd64", None),
    ],
)  # fmt: skip
def test_the_wheel_that_fits_best_is_chosen(tags: list[str], platform: str, expected: str | None) -> None:
    found = chosen_wheel(offered(*tags), "3.11", platform_named(platform))
    assert (found.sha256 if found else None) == expected


def test_alpine_gets_wheels_for_musl() -> None:
    tags = ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-musllinux_1_1_x86_64")
    found = chosen_wheel(offered(*tags), "3.11", Platform("amd64", "musl"))
    assert found is not None and found.sha256 == tags[1]


@pytest.mark.parametrize("text", ["windows/amd64", "linux/mips", "amd64", ""])
def test_a_platform_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadPlatform, match="is no platform that images are built for"):
        platform_named(text)


# -------------------------------------------------------------------- which layer
def test_large_packages_have_layers_of_their_own() -> None:
    sizes = {"torch": 800_000_000, "numpy": 18_000_000, "six": 11_000, "pytz": 500_000}
    layers = package_layers((n, LockedFile(f"{n}.whl", "", n, s)) for n, s in sizes.items())
    assert [(layer.title, [w.name for w in layer.wheels]) for layer in layers] == [
        ("2 small packages", ["pytz.whl", "six.whl"]), ("numpy", ["numpy.whl"]), ("torch", ["torch.whl"]),
    ]  # fmt: skip


def test_a_changed_small_package_leaves_the_layers_of_the_large_ones() -> None:
    def keys(version: str) -> set[str]:
        files = [("torch", LockedFile("torch.whl", "", "t", 10**9)), ("six", LockedFile("six.whl", "", version, 100))]
        return {layer.key for layer in package_layers(files)}

    assert len(keys("a") & keys("b")) == 1


def test_there_are_never_too_many_layers() -> None:
    layers = package_layers((f"p{n:03}", LockedFile(f"p{n}.whl", "", str(n), 5_000_000 + n)) for n in range(300))
    assert len(layers) == MOST_LAYERS and sum(len(layer.wheels) for layer in layers) == 300


# -------------------------------------------------------------------- the cache
def test_a_layer_is_made_once(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "index", "pkg")
    layers = package_layers([("pkg", locked(wheel))])
    cache = WheelCache(tmp_path / "cache")
    first = make_layers(layers, cache, HERE)
    wheel.unlink()
    assert make_layers(layers, cache, HERE) == first
    assert cache.prune(-1) > 0 and cache.layer(first[0].key) is None


def test_two_machines_make_the_same_layer(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / "index", f"pkg{n}") for n in range(5)]
    found = []
    for machine, order in (("one", wheels), ("two", wheels[::-1])):
        layers = package_layers((w.name.split("-")[0], locked(w)) for w in order)
        found.append(make_layers(layers, WheelCache(tmp_path / machine), HERE))
    assert found[0] == found[1] and len(found[0]) == 1


def test_a_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "index", "pkg")
    file = locked(wheel)
    make_wheel(tmp_path / "index", "pkg", files={"pkg.py": "STOLEN = 1\n"})
    with pytest.raises(BadDownload, match="is not the file of the lock"):
        make_layers(package_layers([("pkg", file)]), WheelCache(tmp_path / "cache"), HERE)
    assert not list((tmp_path / "cache" / "wheels").rglob("*.whl"))


@pytest.mark.parametrize("sha256", ["", "../../../outside", "A" * 64])
def test_a_lock_without_a_hash_is_refused(tmp_path: Path, sha256: str) -> None:
    file = replace(locked(make_wheel(tmp_path / "index", "pkg")), sha256=sha256)
    with pytest.raises(BadDownload, match=r"the lock has no SHA-256 hash for pkg-1\.0-py3-none-any\.whl"):
        make_layers(package_layers([("pkg", file)]), WheelCache(tmp_path / "cache"), HERE)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "index", "pkg")
    file = locked(wheel)
    wheel.unlink()
    with pytest.raises(BadDownload, match=r"pkg-1\.0-py3-none-any\.whl cannot be read from .*: No such file"):
        make_layers(package_layers([("pkg", file)]), WheelCache(tmp_path / "cache"), HERE)


def test_a_private_index_gets_its_account_and_nobody_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEX_PASSWORD", "s3cret")
    with package_index(tmp_path / "index", "ada:s3cret") as index:
        wheel, address = index.add("numbers", "1.0"), index.url.replace("ada:s3cret@", "")
        url = f"{address.removesuffix('/simple')}/files/{wheel.name}"
        layers = package_layers([("numbers", LockedFile(wheel.name, url, index.sha256(wheel.name)))])
        own = PackageSources(address.replace("://", "://ada:${INDEX_PASSWORD}@"))
        assert make_layers(layers, WheelCache(tmp_path / "cache", own), HERE)
        for other in (DEFAULT_SOURCES, PackageSources("https://ada:${INDEX_PASSWORD}@index.example.org/simple")):
            with pytest.raises(BadDownload, match=r"cannot be downloaded from 127\.0\.0\.1: status 401$"):
                make_layers(layers, WheelCache(tmp_path / "other", other), HERE)


# -------------------------------------------------------------------- bytecode
MODULES = {
    "pkg/__init__.py": "from pkg.names import *\n", "pkg/names.py": "NAMES = {'b', 'a', 'c'}\ndef found(x): return x in {'b', 'a', 'c'}\n",
    "pkg/old.py": "print 'for Python 2'\n", "pkg/tests/test_it.py": "X = 1\n", "pkg-1.0.data/purelib/more.py": "Y = 1\n",
}  # fmt: skip


def layer_of(wheel: Path, cache: Path, compiler: Compiler = HERE) -> bytes:
    (made,) = make_layers(package_layers([("pkg", locked(wheel))]), WheelCache(cache), compiler)
    return WheelCache(cache).layer_path(made.key).read_bytes()


def test_modules_are_compiled_so_that_steps_need_not_do_it(tmp_path: Path) -> None:
    content = layer_of(make_wheel(tmp_path, "pkg", files=MODULES), tmp_path / "cache")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        compiled = [n.removeprefix(f"{PACKAGES}/") for n in archive.getnames() if n.endswith(".pyc")]
        archive.extractall(tmp_path / "root", filter="data")
    tag = sys.implementation.cache_tag
    assert compiled == [
        f"__pycache__/more.{tag}.pyc",
        f"pkg/__pycache__/__init__.{tag}.pyc",
        f"pkg/__pycache__/names.{tag}.pyc",
    ]
    code = "import pkg, more; print(pkg.found('a'))"
    environment = {
        "PYTHONPATH": str(tmp_path / "root" / PACKAGES),
        "PYTHONVERBOSE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout == "True\n"
    assert f"names.{tag}.pyc matches" in done.stderr and "wrote" not in done.stderr


def test_bytecode_is_the_same_in_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_wheel(tmp_path, "pkg", files=MODULES)
    monkeypatch.setenv("PYTHONHASHSEED", "5")
    first = layer_of(wheel, tmp_path / "one")
    monkeypatch.setenv("PYTHONHASHSEED", "6")
    assert layer_of(wheel, tmp_path / "two") == first


def test_an_interpreter_of_another_version_compiles_nothing(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "pkg", files=MODULES)
    for number, compiler in enumerate(
        (Compiler(sys.executable, "3.8"), Compiler(str(tmp_path / "nowhere"), HERE.python))
    ):
        with tarfile.open(fileobj=io.BytesIO(layer_of(wheel, tmp_path / str(number), compiler))) as archive:
            assert not [n for n in archive.getnames() if n.endswith(".pyc")]
