"""Every code block of the documentation is run, and prints what the page shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kfnb.notebook.notebook_source import source_of
from tests.docs.blocks import Block, Page, blocks, has_magic, matches
from tests.docs.clusters import ARGO, Clusters
from tests.kernel.live import Live

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGES = sorted(str(p.relative_to(ROOT)) for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FIVE_MINUTES = "docs/start/five-minutes.md"


@pytest.mark.parametrize("path", [p for p in PAGES if p != FIVE_MINUTES])
def test_the_blocks_of_a_page_run_as_it_shows(
    path: str, folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    found = blocks((ROOT / path).read_text("utf-8"))
    page = Page(folder, clusters=Clusters(folder.parent, monkeypatch))
    if any(b.note == "cluster" for b in found) and not any("[targets." in b.body for b in found):
        page.write(Block("toml", "~/.config/kfnb/kfnb.toml", ARGO))
    if any(b.note == "containers" for b in found):
        request.getfixturevalue("podman")
    try:
        for block in found:
            page.run(block)
        page.check_unused()
    finally:
        page.close()


MAGIC_NOTEBOOKS = [
    pytest.param(block.body, id=f"{path}-{number}")
    for path in PAGES
    for number, block in enumerate(blocks((ROOT / path).read_text("utf-8")))
    if block.title.endswith(".py") and has_magic(block.body)
]


@pytest.mark.parametrize("text", MAGIC_NOTEBOOKS)
def test_a_notebook_with_magics_runs_in_a_kernel_as_well(text: str, live: Live, tmp_path: Path) -> None:
    path = tmp_path / "notebook.py"
    path.write_text(text, encoding="utf-8")
    live.run(f"%reset -f\n%load_ext kfnb\n%cd {tmp_path}")
    cells = [c for c in source_of(path).data()["cells"] if c["cell_type"] == "code"]
    shown = [live.run("".join(cell["source"])) for cell in cells]
    live.run(f"%cd {ROOT}")  # the kernel outlives the test's folder
    assert [text for text in shown if "Traceback (most recent call last)" in text] == []


def test_the_five_minutes_are_done_as_written_from_an_empty_folder(folder: Path) -> None:
    def shell(words: list[str]) -> tuple[int, str]:
        command = [str(Path(sys.executable).with_name("kfnb")), *words[1:]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    page = Page(folder, shell)
    for block in blocks((ROOT / FIVE_MINUTES).read_text("utf-8")):
        page.run(block)
    assert "the largest costs 340" in (folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("printed", "output", "same"),
    [
        (["a … c", "…"], "a b c\nd\n", True),
        (["a b c"], "a b c\nd\n", False),
        (["…", "b"], "a\nb\n", True),
    ],
)
def test_dots_on_a_page_stand_for_any_text(printed: list[str], output: str, same: bool) -> None:
    assert matches(printed, output) is same
