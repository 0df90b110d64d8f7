"""The notebooks that come with kfnb have one outcome, with containers and without."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kfnb.notebook import read_notebook
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.parameters.bind_values import bind
from tests.cluster.outcome import differences, locally
from tests.images.base_image import FOLDER as KEPT_FOLDER
from tests.images.base_image import BaseImage

FOLDER = Path(__file__).parents[3] / "notebooks"
LONGEST = (
    FOLDER / "07-machine-learning.ipynb"
)  #: `make test-more`; its images are made and run by `tests/images/builders`
NOTEBOOKS = sorted(FOLDER.glob("**/*.ipynb"))
KEPT = KEPT_FOLDER / "kept"
#: Of the notebooks that toss a coin: what comes up.
GIVEN = {"force": "heads", "coin": "heads", "force_number": 12, "number": 12}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[str(p.relative_to(FOLDER)) for p in NOTEBOOKS])
def test_a_notebook_has_one_outcome_with_containers_and_without(
    podman: BaseImage, tmp_path: Path, path: Path, times: int
) -> None:
    if times == 1 and (path == LONGEST or path.parent != FOLDER):  # pipeline cells make the same steps
        pytest.skip("make test-more")
    pipeline = build(read_notebook(path)).pipeline
    assert pipeline is not None
    defaults = bind(pipeline, {})
    given: dict[str, Any] = {**defaults, **{n: v for n, v in GIVEN.items() if n in defaults}}
    without = locally(pipeline, tmp_path / "without", given)
    KEPT.mkdir(exist_ok=True)
    (tmp_path / "within" / "home").mkdir(parents=True)
    (tmp_path / "within" / "home" / "containers").symlink_to(KEPT)  # installed packages, also for the next session
    within = locally(pipeline, tmp_path / "within", given, containers="podman", image=podman.name)
    within.texts = {p: re.sub(r"\Ainstalling .*\n(installed in .*\n?)?", "", text) for p, text in within.texts.items()}
    assert not differences(within, without), within.detail
