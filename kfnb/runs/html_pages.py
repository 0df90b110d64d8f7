"""Large HTML tables by pages of rows, so that a browser never gets thousands of rows at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

LARGE = 100_000  #: characters from which a table has pages
CELLS = 2_000  #: of one page, about
FEWEST, MOST = 10, 100  #: rows of a page
BODY = re.compile(r"<tbody[^>]*>(.*)</tbody>", re.DOTALL)
ROW = re.compile(r"<tr\b")


@dataclass(frozen=True)
class HtmlPage:
    """A table with ``count`` of its ``rows`` from number ``start`` (from 0), and with what stands around it."""

    html: str
    start: int
    count: int
    rows: int


def page_of(html: str, start: int = 0) -> HtmlPage | None:
    """The page of a table that begins at row ``start``. ``None`` for what is short, or is not one plain table."""
    if len(html) < LARGE or html.count("<table") != 1 or html.count("<tbody") != 1 or "rowspan" in html:
        return None
    body = BODY.search(html)
    if body is None:
        return None
    begins = [m.start() for m in ROW.finditer(html, body.start(1), body.end(1))]
    if not begins:
        return None
    cells = html.count("<t", begins[0], begins[1] if len(begins) > 1 else body.end(1))
    count = max(FEWEST, min(MOST, CELLS // max(cells, 1)))
    start = max(0, min(start, len(begins) - 1))
    after = min(start + count, len(begins))
    end = begins[after] if after < len(begins) else body.end(1)
    rows = html[begins[start] : end]
    return HtmlPage(html[: body.start(1)] + rows + html[body.end(1) :], start, after - start, len(begins))
