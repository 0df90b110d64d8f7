"""Names that Kubernetes accepts: labels after RFC 1123, unique within one document."""

from __future__ import annotations

import re

LONGEST = 63  #: RFC 1123 labels
NOT_ALLOWED = re.compile(r"[^a-z0-9]+")


class Names:
    """Assigns a unique Kubernetes name to each of the user's names."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._assigned: dict[str, str] = {}
        self._used: set[str] = set()

    def __call__(self, name: str) -> str:
        """The Kubernetes name of a user's name; it is the same at every call."""
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
    """Lower-case letters, digits and ``-``; begins with a letter, as tasks that others wait for must."""
    text = NOT_ALLOWED.sub("-", name.lower()).strip("-") or "step"
    if not text[0].isalpha():
        text = f"s-{text}"
    return text[:longest].rstrip("-")
