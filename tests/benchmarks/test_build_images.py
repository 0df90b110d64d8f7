"""Building the images of a notebook against installing its packages, with every cache empty; and building them again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.measure import PYTHON, process, report, side_by_side
from tests.images.small_base import make_base

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "07-machine-learning.ipynb"


def build(folder: Path, *options: str) -> list[str]:
    base = make_base(folder / "base")
    return [
        PYTHON,
        "-m",
        "kfnb",
        "build",
        str(NOTEBOOK),
        "--base",
        base,
        "--repository",
        f"oci:{folder / 'images'}",
        *options,
    ]


def anew(folder: Path, run: Callable[[], object]) -> Callable[[], object]:
    """What runs with an empty folder."""

    def prepared() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        run()

    return prepared


def test_build_against_pip_install(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "mine" / "cache")}
    planned = subprocess.run(
        [*build(tmp_path, "--dry-run", "--json")], env=environment, stdout=subprocess.PIPE, check=True
    )
    images = json.loads(planned.stdout)["images"]
    wheels = {w for i in images for layers in i["platforms"].values() for layer in layers for w in layer["wheels"]}
    packages = ["{}=={}".format(*w.split("-")[:2]) for w in sorted(wheels)]
    (tmp_path / "mine").mkdir(exist_ok=True)
    command = [*build(tmp_path)[:-1], f"oci:{tmp_path / 'mine' / 'images'}"]
    mine = anew(tmp_path / "mine", process(*command, env=environment))
    install = process(
        PYTHON,
        "-m",
        "pip",
        "install",
        "--no-cache-dir",
        "--no-deps",
        "--target",
        str(tmp_path / "pip" / "packages"),
        *packages,
    )
    first, other = side_by_side(mine, anew(tmp_path / "pip", install), 3)
    report(f"kfnb build of two images against pip install of their {len(packages)} packages", first, other, "faster")


def test_a_second_build_against_show(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    again = process(*build(tmp_path), env=environment)
    again()
    show = process(PYTHON, "-m", "kfnb", "show", str(NOTEBOOK), env=environment)
    first, other = side_by_side(again, show, 7)
    report("a second kfnb build against kfnb show", first, other, "at most 1 s more")
