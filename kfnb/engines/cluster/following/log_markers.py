"""The lines of a log that are for the engine (see `kfnb.runtime.pods.pod_step`)."""

from __future__ import annotations

import base64
import json
from typing import Any

from kfnb.runtime.pods.pod_step import MARK


class Told:
    """What a step told the engine, as it comes in."""

    def __init__(self) -> None:
        self.step = ""
        self.state: str | None = None
        self.reason: str | None = None
        self.error: dict[str, Any] | None = None
        self.failure: dict[str, Any] | None = None
        self.warnings: list[str] = []
        self.parts: dict[str, dict[str, Any]] = {
            k: {} for k in ("exports", "metrics", "outputs", "results", "bundle", "left")
        }

    def line(self, text: str) -> bool:
        """Take a line of the log; whether it was one for the engine. A line that only looks like one is the user's."""
        if not text.startswith(MARK):
            return False
        try:
            told = json.loads(text[len(MARK) :])
        except ValueError:
            return False
        if not isinstance(told, dict):
            return False
        for part, entries in self.parts.items():
            if isinstance(told.get(part), dict):
                entries.update(told[part])
        if "state" in told:
            self.step = told.get("step", "")
            self.state, self.reason, self.error = told["state"], told.get("reason"), told.get("error")
            self.warnings, self.failure = told.get("warnings", []), told.get("failure")
        return True

    def bundles(self) -> dict[str, tuple[str, bytes]]:
        """Small values whole: by name the address and content of the bundle."""
        return {n: (a, base64.b64decode(t)) for n, (a, t) in self.parts["bundle"].items()}

    def left(self) -> dict[str, str]:
        """What a step left behind for the steps after it: the URI of its pack, and its small outputs."""
        return dict(self.parts["left"])

    def result(self) -> dict[str, Any]:
        """The result as the record of runs keeps it."""
        known = {n: a for n, (a, _) in self.parts["bundle"].items()}
        found: dict[str, Any] = {
            "exports": self.parts["exports"],
            "metrics": self.parts["metrics"],
            "warnings": self.warnings,
            **({"failure": self.failure} if self.failure else {}),
        }
        for kind in ("outputs", "results"):
            found[kind] = {
                n: {**e, "bundle": known[n]} if n in known else {"skipped": "it stayed in the cluster", **e}
                for n, e in self.parts[kind].items()
            }
        return found
