"""Every problem code has an example that gives it, and a mended one that does not."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kfnb.cli import cli
from kfnb.problems import KINDS
from tests.docs.blocks import folder  # noqa: F401
from tests.docs.reference import reference_pages

EXAMPLES = reference_pages.problem_examples()
RUN_ELSEWHERE = {"KF708"}  #: seen by JupyterLab's server alone, and tested with it


def test_every_code_has_an_example() -> None:
    assert set(EXAMPLES) == set(KINDS)
    assert [c for c, e in EXAMPLES.items() if not e["example"] or not e["mended"]] == []


@pytest.mark.slow
@pytest.mark.parametrize("code", sorted(set(EXAMPLES) - RUN_ELSEWHERE))
def test_the_example_has_the_problem_and_the_mended_one_has_not(
    code: str,
    folder: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = EXAMPLES[code]
    for path, text in example.get("home_files", {}).items():
        (tmp_path / "config" / "kfnb").mkdir(parents=True, exist_ok=True)
        (tmp_path / "config" / "kfnb" / path).write_text(text, encoding="utf-8")
    with monkeypatch.context() as patch:
        if "without" in example:
            patch.setitem(sys.modules, example["without"], None)
        _, output = reported(example, "example", folder)
    assert code in output, output
    status, output = reported(example, "mended", folder)
    assert code not in output and status == 0, output


def reported(example: dict[str, Any], key: str, folder: Path) -> tuple[int, str]:  # noqa: F811
    """What kfnb says of the notebook as it stands, or as it is mended: exit status and text."""
    name = example.get("file", "notebook.py")
    files = {
        name: example[key],
        **example.get("files", {}),
        **(example.get("mended_files", {}) if key == "mended" else {}),
    }
    for path, text in files.items():
        filler = secrets.token_hex(example["noise"] // 2) if "noise" in example else "…"
        (folder / path).write_text(text.replace("…", filler), encoding="utf-8")
    lines = [example["first"]] if "first" in example else []
    for line in [*lines, example.get(f"{key}_command", example.get("command", "check NB"))]:
        done = CliRunner().invoke(cli, line.replace("NB", name).split())
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return 1, str(done.exception)
    return done.exit_code, done.output


def test_in_a_terminal_the_first_message_of_a_code_ends_with_the_address_of_its_page(
    folder: Path,  # noqa: F811
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
