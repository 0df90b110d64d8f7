"""The README as a package index shows it: its links lead to the repository, since the files beside it are not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?\[[^\]]*\]\()(?![a-z]+:|#)([^)\s]+)\)")


class AbsoluteLinks(MetadataHookInterface):
    """Sets ``readme``; ``branch`` is where the links lead."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        text = Path(self.root, "README.md").read_text("utf-8")
        repository = metadata["urls"]["Repository"]
        metadata["readme"] = {"content-type": "text/markdown", "text": with_absolute_links(text, repository)}


def with_absolute_links(text: str, repository: str, branch: str = "main") -> str:
    """Links and pictures with the repository's address before their path."""

    def absolute(link: re.Match[str]) -> str:
        opening, path = link.groups()
        kind = "raw" if opening.startswith("!") else "blob"
        return f"{opening}{repository}/{kind}/{branch}/{path})"

    return LINK.sub(absolute, text)
