"""Label selectors as kubectl takes them: ``disk=ssd``, ``zone in (a,b)``, ``gpu``, ``!spot``, several with commas between them.

The grammar is that of Kubernetes (`Labels and Selectors`, and apimachinery's `labels.Parse`, which also knows ``>`` and ``<`` for nodes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kfnb.setting_marks.value_parsers import BadValue

KEY = r"(?:[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
VALUE = r"(?:[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?"
SET = re.compile(rf"(?P<key>{KEY})\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)")
COMPARED = re.compile(rf"(?P<key>{KEY})\s*(?P<sign>==|=|!=|>|<)\s*(?P<value>{VALUE})")
EXISTS = re.compile(rf"(?P<no>!?)\s*(?P<key>{KEY})")
SIGNS = {"=": "In", "==": "In", "!=": "NotIn", ">": "Gt", "<": "Lt"}
SPLIT = re.compile(r",(?![^(]*\))")  #: a comma outside of parentheses


@dataclass(frozen=True)
class Requirement:
    """One requirement of a label, in Kubernetes' words: ``operator`` is one of ``In NotIn Exists DoesNotExist Gt Lt``."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


def requirements(selector: str, nodes: bool = False) -> tuple[Requirement, ...]:
    """The requirements of a selector, all of which must hold. ``nodes``: whether numbers can be compared. Raises `BadValue`."""
    return tuple(_requirement(part.strip(), nodes) for part in SPLIT.split(selector))


def _requirement(text: str, nodes: bool) -> Requirement:
    match = SET.fullmatch(text)
    if match is not None:
        values = tuple(v.strip() for v in match["values"].split(","))
        if all(re.fullmatch(VALUE, v) for v in values):
            return Requirement(match["key"], "In" if match["word"] == "in" else "NotIn", values)
    match = COMPARED.fullmatch(text)
    if match is not None and (match["sign"] not in "><" or (nodes and match["value"].isdecimal())):
        return Requirement(match["key"], SIGNS[match["sign"]], (match["value"],))
    match = EXISTS.fullmatch(text)
    if match is not None:
        return Requirement(match["key"], "DoesNotExist" if match["no"] else "Exists")
    raise BadValue(f"`{text}` should be a label selector, such as `disk=ssd`, `zone in (a,b)`, `gpu` or `!spot`")
