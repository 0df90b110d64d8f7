"""Names that Kubernetes accepts: labels as RFC 1123 defines them, unique within one document."""

from __future__ import annotations

import re

LONGEST = 63  #: characters of a label in RFC 1123
NOT_ALLOWED = re.compile(r"[^a-z0-9]+")


class Names:
    """Assigns a unique Kubernetes name to each of the user's names."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._assigned: dict[str, str] = {}
        self._used: set[str] = set()

    def __call__(self, name: str) -> str:
        """The Kubernetes name for a user's name. Every call returns the same name."""
        if name not in self._assigned:
            self._assigned[name] = self.new(name)
        return self._assigned[name]

    def new(self, name: str) -> str:
        """A similar name that is not in use yet."""
        base = candidate = label(name, self._longest)
        count = 1
        while candidate in self._used:
            count += 1
            tail = f"-{count}"
            candidate = base[: self._longest - len(tail)].rstrip("-") + tail
        self._used.add(candidate)
        return candidate


def label(name: str, longest: int = LONGEST) -> str:
    """A name of lower-case letters, digits and ``-``. It begins with a letter, because Argo requires that of a task in ``depends``."""
    text = NOT_ALLOWED.sub("-", name.lower()).strip("-") or "step"
    if not text[0].isalpha():
        text = f"s-{text}"
    return text[:longest].rstrip("-")
