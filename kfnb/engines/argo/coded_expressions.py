"""Expressions that code and decode texts (see `kfnb.runtime.pods.handover.coded_text`) inside of Argo, around containers without our runtime.

Argo inserts an expression's result into the template and scans the template again, also as the whole pod. So a text with
braces must never be a result. A container that runs a command of the user's gets its texts in the form that kubelet decodes: the
braces are variables that kubelet inserts at the very end (kubernetes `third_party/forked/golang/expansion`).
"""

from __future__ import annotations

import re

from kfnb.runtime.pods.handover.coded_text import CODES, PREFIX

#: The environment variables of a container whose texts kubelet decodes.
BRACES = (("KFNB_OPEN_BRACE", "{"), ("KFNB_CLOSE_BRACE", "}"))
#: An opening brace that stands before another one, or before a placeholder that Argo replaces.
OPEN_BRACE = re.compile(r"\{(?=\{|\Z)")
#: What kubelet reads as each character. The dollar comes first, because the others contain it.
FOR_KUBELET = (("$", "$$"), *((c, f"$({n})") for n, c in BRACES))


def quoted(text: str) -> str:
    """A text in Argo's expression language."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def coded_output(expression: str) -> str:
    """The coded form of an output that a container without our runtime wrote. It always has the prefix, so it is not an empty text."""
    return f"{quoted(PREFIX)} + {_replaced(expression, CODES)}"


def decoded_by_kubelet(expression: str) -> str:
    """A text, coded or not, in the form that kubelet turns into the text itself."""
    codes = {c: code for c, code in CODES}
    kubelet = dict(FOR_KUBELET)
    steps = [(codes[c], kubelet[c]) for c in ("$", "{", "}")] + [("%0A", "\n"), (codes["%"], "%")]
    coded = _replaced(f"sprig.trimPrefix({quoted(PREFIX)}, {expression})", steps)
    return f"(sprig.hasPrefix({quoted(PREFIX)}, {expression}) ? {coded} : {_replaced(expression, FOR_KUBELET)})"


def literal_for_kubelet(text: str) -> str:
    """A text of the user that neither Argo nor kubelet changes. It may stand before a placeholder."""
    return OPEN_BRACE.sub("$(KFNB_OPEN_BRACE)", text.replace("$", "$$"))


def brace_variables() -> list[dict[str, str]]:
    """The environment variables that `decoded_by_kubelet` and `literal_for_kubelet` need."""
    return [{"name": n, "value": c} for n, c in BRACES]


def _replaced(expression: str, pairs: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> str:
    for old, new in pairs:
        expression = f"sprig.replace({quoted(old)}, {quoted(new)}, {expression})"
    return expression
