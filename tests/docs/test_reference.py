"""The reference has everything that the code has."""

from __future__ import annotations

import yaml

import kfnb
from kfnb.engines.cluster.targets.target_settings import KNOWN
from kfnb.notebook.marks.mark_table import MARKS
from kfnb.problems import DOCUMENTATION, KINDS
from tests.docs.reference import ROOT, reference_pages

PAGES = reference_pages.pages()


def test_every_mark_and_every_setting_has_its_words() -> None:
    words = yaml.safe_load((ROOT / "docs" / "marks.yaml").read_text("utf-8"))
    assert set(words["marks"]) == set(MARKS)
    assert set(yaml.safe_load((ROOT / "docs" / "settings.yaml").read_text("utf-8"))) == set(KNOWN)


def test_every_command_and_every_export_has_a_section() -> None:
    from kfnb.cli import cli

    context = cli.make_context("kfnb", ["--help"], resilient_parsing=True)
    assert [n for n in cli.list_commands(context) if f"## kfnb {n}\n" not in PAGES["reference/commands.md"]] == []
    assert [n for n in kfnb.__all__ if f"## {n}\n" not in PAGES["reference/python.md"]] == []


def test_every_problem_code_has_a_page_with_an_example() -> None:
    for code in KINDS:
        page = PAGES[f"reference/problems/{code}.md"]
        assert KINDS[code].doc in page and "## Example" in page and "## Mended" in page


def test_every_endpoint_is_described() -> None:
    assert "## POST `/kfnb/api/v1/runs`" in PAGES["reference/rest.md"]


def test_messages_link_to_the_site_that_is_built() -> None:
    site = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert f"site_url: {DOCUMENTATION}\n" in site
    assert f"{DOCUMENTATION}reference/problems/" in (ROOT / "README.md").read_text("utf-8")


def test_the_figures_of_the_comparison_name_their_benchmarks_and_bars() -> None:
    bench = "".join(p.read_text("utf-8") for p in (ROOT / "tests" / "benchmarks").glob("test_*.py"))
    page = (ROOT / "docs" / "explanation" / "comparison.md").read_text("utf-8").partition("## Figures")[2]
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in page.split("\n") if line.startswith("| ")][1:]
    assert len(rows) == 13
    assert [name for _, _, name, _, _ in rows if f"def {name.strip('`')}(" not in bench] == []
    assert [bar for *_, measured, bar in rows if f'"{bar}"' not in bench or not measured] == []
