"""Makes the user's HTML safe to pass on: it removes scripts and everything that is loaded from elsewhere."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any

TAGS = frozenset(
    "a abbr acronym b blockquote br caption cite code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins"
    " kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var".split()
)
ATTRIBUTES = frozenset(
    "alt align class colspan height href lang open rowspan scope span src start style title valign width".split()
)
STYLES = frozenset(
    "background-color border border-bottom border-collapse border-color border-left border-radius border-right border-style border-top"
    " border-width color display font-family font-size font-style font-variant font-weight height letter-spacing line-height margin margin-bottom"
    " margin-left margin-right margin-top max-width min-width opacity padding padding-bottom padding-left padding-right padding-top"
    " text-align text-decoration text-indent vertical-align white-space width word-break".split()
)
UNSEEN = re.compile(
    r"<(script|style|template|noscript|iframe|object)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL
)
ACTIVE = re.compile(r"<(script|iframe|object|embed|canvas|input|button|form|video|audio)\b", re.IGNORECASE)
IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
SOURCE = re.compile(r"""\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]+")
PLACE = re.compile(r"data:image/(\d+)")
LARGEST = 300_000  #: letters of HTML without its pictures that are looked through: a second's work
PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
LARGEST_PICTURE = 10_000_000  #: bytes of a picture's file that is put into a page


def needs_more(html: str) -> bool:
    """Whether HTML shows nothing that counts without scripts, or is too much."""
    return bool(ACTIVE.search(html)) or len(html) > LARGEST and len(PICTURE.sub("", html)) > LARGEST


def cleaned(html: str) -> str:
    """HTML with what is harmless of it; pictures are those that stand in it."""
    pictures: list[str] = []  # they are put aside meanwhile: they are long, and letters and figures only

    def put_aside(found: re.Match[str]) -> str:
        pictures.append(found[0])
        return f"data:image/{len(pictures) - 1}"

    def put_back(found: re.Match[str]) -> str:
        return pictures[int(found[1])] if int(found[1]) < len(pictures) else found[0]

    return PLACE.sub(put_back, _cleaner().clean(PICTURE.sub(put_aside, UNSEEN.sub("", html))))


@lru_cache(maxsize=1)
def _cleaner() -> Any:
    from bleach.css_sanitizer import CSSSanitizer
    from bleach.sanitizer import Cleaner

    return Cleaner(
        tags=TAGS, attributes=_allowed, protocols={"http", "https", "mailto", "data"}, strip=True, strip_comments=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
    )  # fmt: skip


def _allowed(tag: str, name: str, value: str) -> bool:
    """An address: of pictures only what is in the page, of links only what leads to one."""
    if name == "src":
        return tag == "img" and value.startswith("data:image/")
    if name == "href":
        return tag == "a" and not value.startswith("data:")
    return name in ATTRIBUTES


def with_pictures(html: str, folder: Path | None) -> str:
    """HTML with the pictures that lie beside the notebook in it; where others would be, their addresses stand."""

    def put(found: re.Match[str]) -> str:
        source = SOURCE.search(found[0])
        address = unescape(next((g for g in source.groups() if g), "")) if source else ""
        if address.startswith("data:image/"):
            return found[0]
        inside = _inside(address, folder) if folder is not None else None
        if inside is not None:
            return f'<img src="{inside}" alt="{escape(Path(address).name)}">'
        return f"<em>[a picture that is not in this page: {escape(address)}]</em>"

    return IMAGE.sub(put, html)


def _inside(address: str, folder: Path) -> str | None:
    """A picture's file below the notebook's folder, as an address that has it whole."""
    from urllib.parse import unquote

    kind = PICTURES.get(Path(address).suffix.lower())
    if kind is None or "://" in address:
        return None
    try:
        file = (folder / unquote(address)).resolve()
        if not file.is_relative_to(folder.resolve()) or file.stat().st_size > LARGEST_PICTURE:
            return None
        return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"
    except (OSError, ValueError):
        return None
