"""The base image of the tests runs."""

from __future__ import annotations

import json

from tests.images.base_image import BaseImage, run


def test_the_base_image_has_python_and_bash_and_no_pip(podman: BaseImage) -> None:
    code = "import sys, sqlite3, importlib.util as i; print(sys.version_info[:2], i.find_spec('pip'))"
    assert run("podman", "run", "--rm", podman.name, "python", "-c", code).strip() == "(3, 11) None"
    assert run("podman", "run", "--rm", podman.name, "bash", "-c", "echo $BASH_VERSION").startswith("5.")


def test_the_layout_of_the_base_image_is_read_by_skopeo(base_image: BaseImage) -> None:
    shown = json.loads(run("skopeo", "inspect", f"oci:{base_image.layout}:latest"))
    assert shown["Os"] == "linux" and len(shown["Layers"]) == 1
