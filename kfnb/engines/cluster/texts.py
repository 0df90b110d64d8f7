"""Values as texts that no engine changes on the way."""

from __future__ import annotations

import json
from typing import Any

from kfnb.runtime.given import ESCAPED
from kfnb.runtime.pod import plain_json

SIGNS = ("{{", "$(", "$$")  #: Argo's templates, kubelet's variables, kubelet's escape


def parameter_text(value: Any, kind: str) -> str:
    """A parameter's value: a text as it is, others as JSON; where it holds signs that an engine reads, as escaped JSON."""
    text = value if kind == "str" and isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if any(sign in text for sign in SIGNS) or text.startswith(ESCAPED):
        return ESCAPED + plain_json(value)
    return text
