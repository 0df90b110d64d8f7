"""Writes the results of a sweep as HTML: as part of a notebook's output, and as a page of its own."""

from __future__ import annotations

import base64
from html import escape

from kfnb.surrogates import encoded
from kfnb.sweeps.plot.sweep_plot import plot
from kfnb.sweeps.sweep_results import Results

STYLE = """
:root{color-scheme:light dark;--back:#fff;--text:#1d2433;--soft:#5c6780;--line:#d5dae4;--good:#eaf6ec}
@media screen and (prefers-color-scheme:dark){:root{--back:#15181f;--text:#e8ecf5;--soft:#a7b1c7;--line:#2b313d;--good:#17301f}}
body{font:15px/1.5 system-ui,sans-serif;background:var(--back);color:var(--text);max-width:72rem;margin:2rem auto;padding:0 1.5rem}
h1{font-size:1.4rem;margin:0}p{margin:.4rem 0}.soft{color:var(--soft)}svg{max-width:100%;height:auto;margin:1rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}th,td{padding:.3rem .8rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}th:nth-last-child(-n+3),td:nth-last-child(-n+3){text-align:left}.best{background:var(--good)}td:last-child{font-family:ui-monospace,monospace;font-size:.85em}
"""


def page(results: Results) -> str:
    """A page that needs nothing else, for the screen in light and dark and for paper."""
    swept = ", ".join(results.swept) or "nothing"
    head = f"{len(results.rows)} runs over {swept} · target {results.target} · experiment {results.experiment}"
    picture = plot(results) if results.numeric else ""
    problems = [f"<li><code>{escape(r.run or '')}</code> {escape(r.problem)}</li>" for r in results.rows if r.problem]
    wrong = f"<h2>What went wrong</h2><ul>{''.join(problems)}</ul>" if problems else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(results.pipeline)}: {escape(results.experiment)}</title><style>{STYLE}</style></head><body>"
        f'<h1>{escape(results.pipeline)}</h1><p class="soft">{escape(head)}</p>{_verdict(results)}'
        f'{picture}<div class="wide">{table(results)}</div>{wrong}</body></html>\n'
    )


def fragment(results: Results) -> str:
    """For a notebook: the plot as a picture, so that nothing of its style reaches the page around it, and the table."""
    picture = ""
    if results.numeric:
        data = base64.b64encode(encoded(plot(results))).decode()
        picture = f'<img alt="metrics against parameters" src="data:image/svg+xml;base64,{data}">'
    return f"<div>{picture}{_verdict(results)}{table(results)}</div>"


def table(results: Results) -> str:
    """A row for each run, the best first and marked."""
    head, lines = results.cells()
    best = {r.run for r in results.best(results.goal)[:1]} if results.goal is not None else set()
    mark = ' class="best"'
    rows = [
        f"<tr{mark if row.run is not None and row.run in best else ''}>{_cells(line)}</tr>"
        for row, line in zip(results.ordered(), lines, strict=True)
    ]
    return f"<table><thead><tr>{''.join(f'<th>{escape(h)}</th>' for h in head)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cells(line: list[str]) -> str:
    return "".join(f"<td>{escape(word)}</td>" for word in line)


def _verdict(results: Results) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in results.verdict())
