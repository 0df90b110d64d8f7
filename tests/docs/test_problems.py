"""Every problem code has an example that gives it, and a mended one that does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kfnb.problems import KINDS
from tests.docs.reference import reference_pages

EXAMPLES = reference_pages.problem_examples()
#: Seen by JupyterLab's server alone, or only on a machine without GPUs or control groups, and tested there.
RUN_ELSEWHERE = {"KF708", "KF741", "KF742"}


def test_every_code_has_an_example() -> None:
    assert set(EXAMPLES) == set(KINDS)
    assert [c for c, e in EXAMPLES.items() if not e["example"] or not e["mended"]] == []


@pytest.mark.slow
@pytest.mark.parametrize("code", sorted(set(EXAMPLES) - RUN_ELSEWHERE))
def test_the_example_has_the_problem_and_the_mended_one_has_not(code: str, folder: Path) -> None:
    example, mended = (reference_pages.run_example(EXAMPLES[code], key, folder) for key in ("example", "mended"))
    assert code in example.output, example.output
    assert code not in mended.output and mended.status == 0, mended.output


def test_a_page_shows_the_message_of_its_example_in_a_folder_of_its_own() -> None:
    page = reference_pages.problem_page("KF301", EXAMPLES["KF301"], run=True)
    assert "$ kfnb check notebook.py\nnotebook.py:" in page and ": error KF301: `" in page.partition("## Mended")[0]
    assert "notebook.py: ok, " in page.partition("## Mended")[2]
    assert "notebook.ipynb: error KF101: " in reference_pages.problem_page("KF101", EXAMPLES["KF101"], run=True)


def test_in_a_terminal_the_first_message_of_a_code_ends_with_the_address_of_its_page(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from kfnb.cli.command_helpers import report
    from kfnb.notebook.notebook_source import source_of
    from kfnb.problems import Problem

    (folder / "notebook.py").write_text("# %%\n", encoding="utf-8")
    problems = [Problem("KF301", "one"), Problem("KF301", "two")]
    report(source_of("notebook.py"), problems)
    assert "https://" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    report(source_of("notebook.py"), problems)
    first, second = capsys.readouterr().err.strip().split("\n")
    assert first.endswith("KF301: one  https://kfnb.readthedocs.io/en/stable/reference/problems/KF301/")
    assert "https://" not in second
