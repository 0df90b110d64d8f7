"""Lines in a pod's log that report to the engine (see `kfnb.runtime.pods.report_lines`)."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

from kfnb.runtime.pods.report_lines import MARK

#: Why a value cannot be read here.
STAYED = 'it stayed in the cluster, in whose own store it passes; in a target with values = "s3://BUCKET/PREFIX", or another URL, it can be read here'


class StepReport:
    """What a step reports to the engine, collected line by line."""

    def __init__(self) -> None:
        self.step = ""
        self.begun: tuple[str, int] | None = (
            None  #: the step and the attempt that the last line began, in a pod of several steps
        )
        self.state: str | None = None
        self.reason: str | None = None
        self.error: dict[str, Any] | None = None
        self.failure: dict[str, Any] | None = None
        self.warnings: list[str] = []
        self.parts: dict[str, dict[str, Any]] = {
            k: {} for k in ("exports", "metrics", "outputs", "results", "bundle", "stored", "left", "texts")
        }

    def read_line(self, text: str) -> bool:
        """Read a line of the log, and return whether it is a report. A line that only looks like one belongs to the user."""
        if not text.startswith(MARK):
            return False
        try:
            message = json.loads(text[len(MARK) :])
        except ValueError:
            return False
        if not isinstance(message, dict):
            return False
        for part, entries in self.parts.items():
            if isinstance(message.get(part), dict):
                entries.update(message[part])
        self.begun = None
        if isinstance(message.get("begin"), str) and isinstance(message.get("attempt"), int):
            self.begun = message["begin"], message["attempt"]
        if "state" in message:
            self.step = message.get("step", "")
            self.state, self.reason, self.error = message["state"], message.get("reason"), message.get("error")
            self.warnings, self.failure = message.get("warnings", []), message.get("failure")
        return True

    def bundles(self) -> dict[str, tuple[str, bytes]]:
        """The small values that the step reported as a whole: by name the address and the content of each bundle."""
        return {n: (a, base64.b64decode(t)) for n, (a, t) in self.parts["bundle"].items()}

    def texts(self) -> dict[str, str]:
        """The texts that a script wrote into the files of its outputs, as far as they are text, without one newline at their end."""
        found: dict[str, str] = {}
        for name, digits in self.parts["texts"].items():
            with suppress(ValueError, TypeError):
                found[name] = bytes.fromhex(digits).decode().removesuffix("\n")
        return found

    def handed_on(self) -> dict[str, str]:
        """The outputs for later steps: the URI of its pack, and its small outputs."""
        return dict(self.parts["left"])

    def result(self) -> dict[str, Any]:
        """The result of the step in the form of the record of runs."""
        kept = {n: {"bundle": a} for n, (a, _) in self.parts["bundle"].items()}
        kept |= {n: {"bundle": a, "stored": place} for n, (place, a) in self.parts["stored"].items()}
        result: dict[str, Any] = {
            "exports": self.parts["exports"],
            "metrics": self.parts["metrics"],
            "warnings": self.warnings,
            **({"failure": self.failure} if self.failure else {}),
        }
        for kind in ("outputs", "results"):
            result[kind] = {
                n: {**e, **kept[n]} if n in kept else {"skipped": STAYED, **e} for n, e in self.parts[kind].items()
            }
        return result
