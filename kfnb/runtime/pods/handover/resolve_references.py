"""Resolves references and conditions inside a pod, from the inputs that the engine passed.

The rules are those of the local engine. A step that needs a value which only a skipped step produces is skipped as well.
A merge takes the first candidate that has a value.
"""

from __future__ import annotations

import operator

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.pods.handover.coded_text import NOTHING, PREFIX, decoded
from kfnb.runtime.pods.handover.handover_pack import Pack

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable

NO_ITEM = "kfnb:none"  #: the item of the single iteration that stands for a loop without items

COMPARE: dict[str, Any] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "in": lambda a, b: a in b, "not-in": lambda a, b: a not in b, "is": operator.is_, "is-not": operator.is_not,
}  # fmt: skip


class Skipped(Exception):
    """A value will not be produced, for the reason in the text. ``failure`` is the tolerated failure that caused it, if any."""

    def __init__(self, reason: str, failure: Any = None) -> None:
        super().__init__(reason)
        self.failure = failure


class Broken(Exception):
    """A condition or loop cannot be evaluated."""


class EngineInputs:
    """The inputs that the engine passed to a step.

    Parameters
    ----------
    parameters, items, status
        The values of parameters, the items of the loops around, and the statuses of guards, each by name.
    packs
        The paths of each step's packs, one for each iteration; empty when the step was skipped.
    choices
        For each condition the number of the branch that was taken, ``none``, or ``error: …``.
    texts
        By ``step.name`` the text of a file that a step without the runtime wrote, or the list of a loop's texts.
    names
        The names of steps for messages, when references use other names.
    open_pack
        Opens the pack at one of the paths.
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
        open_pack: Callable[[str], Pack] = Pack,
    ) -> None:
        self.parameters, self.items, self.status, self.choices = parameters, items, status, choices
        self._texts, self._names = texts or {}, names or {}
        self._paths, self._open_pack = packs, open_pack
        self._packs: dict[str, list[Pack]] = {}
        self.own_heads: dict[str, dict[str, Any]] = {}  #: the head of this step, after it has run

    def packs(self, step: str) -> list[Pack]:
        if step not in self._packs:
            self._packs[step] = [self._open_pack(p) for p in self._paths.get(step, ())]
        return self._packs[step]

    # ---------------------------------------------------------------- values
    def value(self, ref: dict[str, Any]) -> dict[str, Any] | None:
        """Where the step finds a value: ``json``, ``one`` or ``many`` (pack and bundle); ``None`` when its producer did not bind it."""
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
            return first_value(ref["candidates"], self.value)
        if kind == "collected":
            return self._collected(ref["ref"])
        if ref["step"] in self.own_heads:
            return self._result_of(ref, self.own_heads[ref["step"]], None)
        text = "%s.%s" % (ref["step"], ref["name"])
        if self._texts.get(text) == NOTHING:
            raise self._missing(ref)
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

    def _collected(self, ref: dict[str, Any]) -> dict[str, Any]:
        text = self._texts.get("%s.%s" % (ref["step"], ref["name"]))
        if text is not None:
            texts = loads(text) if isinstance(text, str) else text
            return {"json": [_line(t) for t in texts if t != NOTHING]}
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
        """The value that a condition or loop needs. Raises `Skipped` when nothing produced it."""
        found = self.value(ref)
        if found is None:
            raise Skipped("`%s` was not bound" % ref.get("name", "a value"))
        return found.get("json")

    # ---------------------------------------------------------------- conditions
    def holds(self, test: dict[str, Any]) -> bool:
        """Whether a condition holds, evaluated from left to right as Python does."""
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
        """Raise `Skipped` unless the branch of ``condition`` is the one that is taken."""
        words, choice = condition["words"], self.choices.get(condition["name"])
        try:
            if choice is None:
                chosen = self.choose(condition["branches"])
            elif decoded(choice).startswith("error: "):
                raise Broken(decoded(choice)[7:])
            else:
                chosen = int(choice) if choice.isdigit() else None
        except Broken as error:
            raise Broken("the condition `%s` cannot be evaluated: %s" % (words, error)) from None
        if chosen != condition["branch"]:
            raise Skipped("`%s` was false" % words if chosen is None else "another branch was taken")


def _line(text: Any) -> str:
    """The text of a file without one trailing newline, as with ``$(…)`` in a shell. Engines may have parsed it as a number.

    A coded text has its newline no more: Argo's executor has dropped it.
    """
    if isinstance(text, str) and text.startswith(PREFIX):
        return decoded(text)
    found = text if isinstance(text, str) else dumps(text)
    return found[:-1] if found.endswith("\n") else found


def first_value(candidates: Iterable[Any], value: Callable[[Any], dict[str, Any] | None]) -> dict[str, Any] | None:
    """The first value that there is. Without any, the first reason why there is none is raised."""
    reason = None
    for candidate in candidates:
        try:
            found = value(candidate)
        except Skipped as skipped:
            reason = reason or skipped
            continue
        if found is not None:
            return found
    if reason is not None:
        raise reason
    return None
