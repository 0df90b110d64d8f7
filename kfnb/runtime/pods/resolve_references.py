"""Where a step's values come from when it runs far from the scheduler: references and tests, decided inside the step.

The meaning is the local engine's: a value that only a skipped step makes skips its reader, a merge takes the newest that there is.
"""

from __future__ import annotations

import operator

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.pods.handover_pack import Pack

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

NO_ITEM = "kfnb:none"  #: stands for the one iteration of a loop without items

COMPARE: dict[str, Any] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "in": lambda a, b: a in b, "not-in": lambda a, b: a not in b, "is": operator.is_, "is-not": operator.is_not,
}  # fmt: skip


class Skipped(Exception):
    """A value will not be made; says why. ``failure``: of the step that failed and may, where that is the reason."""

    def __init__(self, reason: str, failure: Any = None) -> None:
        super().__init__(reason)
        self.failure = failure


class Broken(Exception):
    """A condition or loop cannot be worked out."""


class EngineInputs:
    """What the engine gave a step.

    Parameters
    ----------
    parameters, items, status
        By name: of parameters, of the loops around, of guards.
    packs
        By step: the paths of its packs, one for each iteration; none where the step was skipped.
    choices
        By condition: the number of the branch that was taken, ``none``, or ``error: …``.
    texts
        By ``step.name``: what a step without the runtime wrote to a file; a list of them from a loop.
    names
        What steps are called, where references have another name for them.
    """

    def __init__(
        self,
        parameters: dict[str, Any],
        items: dict[str, Any],
        status: dict[str, Any],
        packs: dict[str, list[str]],
        choices: dict[str, str],
        texts: dict[str, Any] | None = None,
        names: dict[str, str] | None = None,
    ) -> None:
        self.parameters, self.items, self.status, self.choices = parameters, items, status, choices
        self._texts, self._names = texts or {}, names or {}
        self._paths = packs
        self._packs: dict[str, list[Pack]] = {}
        self.own_heads: dict[str, dict[str, Any]] = {}  #: the head of the step itself, when it has run

    def packs(self, step: str) -> list[Pack]:
        if step not in self._packs:
            self._packs[step] = [Pack(p) for p in self._paths.get(step, ())]
        return self._packs[step]

    # ---------------------------------------------------------------- values
    def value(self, ref: dict[str, Any]) -> dict[str, Any] | None:
        """How the step gets a value: ``json``, ``one`` or ``many`` (a pack and a bundle); ``None``: its maker did not bind it."""
        kind = ref["kind"]
        if kind == "constant":
            return {"json": ref["value"]}
        if kind == "parameter-value":
            return {"json": self.parameters[ref["name"]]}
        if kind == "item":
            return {"json": self.items[ref["loop"]]}
        if kind == "status":
            return {"json": self.status[ref["guard"]]}
        if kind == "merge":
            return self._merged(ref)
        if kind == "collected":
            return self._collected(ref["ref"])
        if ref["step"] in self.own_heads:
            return self._result_of(ref, self.own_heads[ref["step"]], None)
        text = "%s.%s" % (ref["step"], ref["name"])
        if text in self._texts:
            return {"json": _line(self._texts[text])}
        packs = self.packs(ref["step"])
        if not packs:
            raise self._missing(ref)
        return self._result_of(ref, packs[0].head, packs[0])

    def _missing(self, ref: dict[str, Any]) -> Skipped:
        step = self._names.get(ref["step"], ref["step"])
        return Skipped("it needs `%s` of %s, which was skipped" % (ref["name"], step))

    def _result_of(self, ref: dict[str, Any], head: dict[str, Any], pack: Pack | None) -> dict[str, Any] | None:
        name = ref["name"]
        if head.get("failure"):
            step = self._names.get(ref["step"], ref["step"])
            outcome = "failed" if head["state"] == "failed" else "was skipped"
            raise Skipped("it needs `%s` of %s, which %s" % (name, step, outcome), head["failure"])
        if head["state"] == "skipped":
            raise self._missing(ref)
        if ref["kind"] == "export-value":
            if name in head.get("late", {}):
                raise Broken(head["late"][name])
            return {"json": head["exports"][name]} if name in head["exports"] else None
        output = head["outputs"].get(name)
        return {"one": (pack, output["bundle"]), "name": name} if output else None

    def _merged(self, ref: dict[str, Any]) -> dict[str, Any] | None:
        reason = None
        for candidate in ref["candidates"]:
            try:
                found = self.value(candidate)
            except Skipped as skipped:
                reason = reason or skipped
                continue
            if found is not None:
                return found
        if reason is not None:
            raise reason
        return None

    def _collected(self, ref: dict[str, Any]) -> dict[str, Any]:
        text = self._texts.get("%s.%s" % (ref["step"], ref["name"]))
        if text is not None:
            return {"json": [_line(t) for t in (loads(text) if isinstance(text, str) else text)]}
        found = []
        for pack in self.packs(ref["step"]):
            try:
                value = self._result_of(ref, pack.head, pack)
            except Skipped as skipped:
                value = {"failed": skipped.failure} if skipped.failure else None
            if value is not None:
                found.append(value)
        failed = next((v["failed"] for v in found if "failed" in v), None)
        if failed is not None and ref["kind"] == "export-value":
            raise Broken("%s failed for one item: %s: %s" % (failed["step"], failed["type"], failed["message"]))
        if ref["kind"] == "export-value":
            return {"json": [v["json"] for v in found]}
        return {"many": [v.get("one") or (None, {"failed": v["failed"]}) for v in found], "name": ref["name"]}

    def plain_value(self, ref: dict[str, Any]) -> Any:
        """A value that a condition or loop asks for. Raises `Skipped` where it was not made."""
        found = self.value(ref)
        if found is None:
            raise Skipped("`%s` was not bound" % ref.get("name", "a value"))
        return found.get("json")

    # ---------------------------------------------------------------- conditions
    def holds(self, test: dict[str, Any]) -> bool:
        """Python's meaning, from left to right."""
        kind = test["kind"]
        if kind == "truth":
            return bool(self.plain_value(test["ref"]))
        if kind == "not":
            return not self.holds(test["test"])
        if kind == "all":
            return all(self.holds(t) for t in test["tests"])
        if kind == "any":
            return any(self.holds(t) for t in test["tests"])
        left, right = self.plain_value(test["left"]), self.plain_value(test["right"])
        try:
            return bool(COMPARE[test["op"]](left, right))
        except TypeError as error:
            raise Broken("%s (%r %s %r)" % (error, left, test["op"], right)) from None

    def choose(self, branches: list[dict[str, Any] | None]) -> int | None:
        """The number of the branch that is taken."""
        for index, test in enumerate(branches):
            if test is None or self.holds(test):
                return index
        return None

    def enter(self, condition: dict[str, Any]) -> None:
        """Go into a condition's branch. Raises `Skipped` when it is not the one that is taken."""
        words, choice = condition["words"], self.choices.get(condition["name"])
        try:
            if choice is None:
                chosen = self.choose(condition["branches"])
            elif choice.startswith("error: "):
                raise Broken(choice[7:])
            else:
                chosen = int(choice) if choice.isdigit() else None
        except Broken as error:
            raise Broken("the condition `%s` cannot be worked out: %s" % (words, error)) from None
        if chosen != condition["branch"]:
            raise Skipped("`%s` was false" % words if chosen is None else "another branch was taken")


def _line(text: Any) -> str:
    """A file's text without one trailing newline, as ``$(…)`` in a shell would give it; engines may have read a number in it."""
    found = text if isinstance(text, str) else dumps(text)
    return found[:-1] if found.endswith("\n") else found
