"""The table of marks, for tags, ``%%component`` options and ``cell.metadata.kfnb`` alike, and the parsers of their values.

A mark is written as the tag ``word:value``, the option ``--word value``, or the metadata ``{"word": value}``. A new mark is a
new row of the table.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from kfnb.notebook.parsed_notebook import Foreach
from kfnb.requirement_checks import BadSource, check_requirement, check_url
from kfnb.step_settings import Secret, ShellOutput, Toleration, Volume
from kfnb.thread_safe_parser import parse_expression

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?")
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_DEPTH = 120  #: the deepest nesting of an expression in a mark
SECONDS = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class BadValue(ValueError):
    """The value of a mark cannot be parsed. The message says what is expected; ``code`` is the code of the problem."""

    def __init__(self, message: str, code: str = "KF201") -> None:
        super().__init__(message)
        self.code = code


# -------------------------------------------------------------------- parsers of values
def step_name(text: str) -> str:
    if NAME.fullmatch(text):
        return text
    proposal = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:63]
    proposal = proposal if NAME.fullmatch(proposal) else f"step-{proposal}".rstrip("-")[:63]
    raise BadValue(
        f"`{text}` cannot be the name of a step: use at most 63 letters, digits, `_` and `-`, and begin with a letter or `_`, "
        f"for example `{proposal}`",
        "KF204",
    )


def plain(text: str) -> str:
    if not text:
        raise BadValue("the value is missing")
    return text


def expression(text: str) -> str:
    _check_expression(text, "KF404")
    return text.strip()


def _check_expression(text: str, code: str) -> None:
    """Raise `BadValue` if the text is not a Python expression, or is nested too deeply to be evaluated."""
    try:
        node = parse_expression(text.strip())
    except (SyntaxError, ValueError) as error:
        raise BadValue(f"`{text}` is not a Python expression: {getattr(error, 'msg', error)}", code) from None
    except (RecursionError, MemoryError):
        node = None
    if node is None or depth_of(node) > MAX_DEPTH:
        raise BadValue(f"`{text[:60]}…` is nested deeper than {MAX_DEPTH} levels: compute it in a cell, and write the name of the result here", "KF113")  # fmt: skip


def depth_of(tree: ast.AST) -> int:
    """The number of levels of a syntax tree."""
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        depth, level = depth + 1, [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def foreach(text: str) -> Foreach:
    match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s+in\s+(.+)", text, re.DOTALL)
    if match is None:
        raise BadValue(f"`{text}` should be `VAR in EXPRESSION`, such as `x in [1, 2, 3]`", "KF405")
    _check_expression(match[2], "KF405")
    return Foreach(match[1], match[2].strip())


def fixed(text: str) -> str:
    """A value that must be known before the run. Raises `BadValue` if it contains a parameter in braces."""
    if re.search(r"\{\w*\}", text):
        raise BadValue(
            f"`{text}`: this mark cannot contain a parameter; image, package, env, secret, volume, label, annotation and node can"
        )
    return text


def quantity(text: str) -> str:
    if not QUANTITY.fullmatch(fixed(text)):
        raise BadValue(f"`{text}` is not a Kubernetes quantity, such as `500m`, `2` or `4Gi`")
    return text


def count(text: str) -> int:
    if not fixed(text).isdecimal():
        raise BadValue(f"`{text}` should be a whole number, 0 or more")
    return int(text)


def duration(text: str) -> float:
    parts = DURATION.findall(fixed(text).strip())
    if not parts or "".join(n + u for n, u in parts) != text.replace(" ", ""):
        raise BadValue(f"`{text}` should be a time such as `90`, `30m` or `1h30m`")
    total = sum(float(number) * SECONDS[unit or None] for number, unit in parts)
    if total <= 0:
        raise BadValue("the timeout must be longer than 0 seconds")
    return total


def switch(text: str) -> bool:
    word = fixed(text).strip().lower()
    if word in ("on", "true", "yes", "enabled"):
        return True
    if word in ("off", "false", "no", "disabled"):
        return False
    raise BadValue(f"`{text}` should be `on` or `off`")


def on_failure(text: str) -> str:
    if text not in ("continue", "stop"):
        raise BadValue(f"`{text}` should be `continue` (the run goes on) or `stop`")
    return text


def network(text: str) -> str:
    if text not in ("none", "host", "default"):
        raise BadValue(f"`{text}` should be `none`, `host` or `default`")
    return text


def pair(delimiter: str, shape: str) -> Callable[[str], tuple[str, str]]:
    def read(text: str) -> tuple[str, str]:
        name, separator, value = text.partition(delimiter)
        if not separator or not name.strip():
            raise BadValue(f"`{text}` should be {shape}")
        return name.strip(), value

    return read


def variable_pair(text: str) -> tuple[str, str]:
    name, value = pair("=", "`NAME=value`")(text)
    if not VARIABLE.fullmatch(name):
        raise BadValue(f"`{name}` cannot be the name of an environment variable")
    return name, value


def limit(text: str) -> tuple[str, str]:
    name, separator, value = text.rpartition(":")
    if not separator or not name:
        raise BadValue(f"`{text}` should be `RESOURCE:QUANTITY`, such as `nvidia.com/gpu:1`")
    return name, quantity(value)


def secret(text: str) -> Secret:
    parts = text.split(":")
    if len(parts) != 3 or not all(parts) or not VARIABLE.fullmatch(parts[2]):
        raise BadValue(f"`{text}` should be `SECRET:KEY:ENVIRONMENT_VARIABLE`")
    return Secret(*parts)


def volume(text: str) -> Volume:
    claim, separator, path = text.partition(":")
    if not separator or not claim or not path.startswith("/"):
        raise BadValue(f"`{text}` should be `CLAIM:/path`")
    return Volume(claim, path)


def toleration(text: str) -> Toleration:
    key, _, effect = text.rpartition(":")
    if effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        raise BadValue(f"`{text}` should be `KEY=VALUE:EFFECT`, EFFECT one of NoSchedule, PreferNoSchedule, NoExecute")
    name, _, value = key.partition("=")
    return Toleration(name, value, effect)


def output(text: str) -> ShellOutput:
    name, separator, path = text.partition("=")
    name = name.lstrip("$")
    if not VARIABLE.fullmatch(name):
        raise BadValue(f"`{text}` should be `NAME=/path/of/the/file`, or `NAME` for the file `$NAME`")
    return ShellOutput(name, path if separator and path.lstrip("$") != name else None)


def file(text: str) -> str:
    path = PurePosixPath(text.strip())
    if not path.parts or path.is_absolute() or ".." in path.parts or not text.isprintable():
        raise BadValue(
            f"`{text}` should be the path of a file in the notebook's folder, relative to that folder, such as `data/rows.csv`"
        )
    return path.as_posix()


def requirement(text: str) -> str:
    try:
        return check_requirement(text)
    except BadSource as error:
        raise BadValue(str(error), "KF201" if "requirement" in str(error) else "KF514") from None


def source(text: str) -> str:
    try:
        return check_url(text)
    except BadSource as error:
        raise BadValue(str(error), "KF514") from None


def accelerator(text: str) -> int | tuple[str, str]:
    """``2`` is a number of NVIDIA GPUs; ``amd.com/gpu:2`` is another kind of accelerator, which becomes a limit."""
    if ":" not in text and "/" not in text:
        return count(text)
    name, separator, number = text.rpartition(":")
    name, number = (name, number) if separator else (text, "1")
    if not re.fullmatch(r"[a-z0-9.-]+\.[a-z]+/[A-Za-z0-9._-]+", name):
        raise BadValue(f"`{text}` should be a number, or a resource and a number, such as `amd.com/gpu:2`")
    return name, str(count(number))


# -------------------------------------------------------------------- the table
@dataclass(frozen=True)
class Mark:
    """One mark.

    Parameters
    ----------
    word
        The name of the mark, as the user writes it.
    read
        Parses the value; raises `BadValue`. ``None`` for a mark without a value, such as ``exit``.
    field
        The field of `StepMarks` or `Settings` that receives the value.
    many
        Whether the mark can occur several times. If not, two values contradict each other.
    setting
        Whether ``field`` is a field of `Settings`.
    shown
        The form of the value, for messages and documentation.
    """

    word: str
    read: Callable[[str], Any] | None
    field: str
    many: bool = False
    setting: bool = False
    shown: str = ""


MARKS: dict[str, Mark] = {
    m.word: m
    for m in (
        Mark("step", step_name, "step", shown="NAME"),
        Mark("after", plain, "after", many=True, shown="NAME"),
        Mark("when", expression, "when", shown="EXPR"),
        Mark("foreach", foreach, "foreach", shown="VAR in EXPR"),
        Mark("exit", None, "exit"),
        Mark("shell", None, "shell"),
        Mark("output", output, "outputs", many=True, shown="NAME=/path"),
        Mark("image", plain, "image", setting=True, shown="REF"),
        Mark("package", requirement, "packages", many=True, setting=True, shown="REQ"),
        Mark("index-url", source, "index_url", setting=True, shown="https://HOST/simple"),
        Mark("extra-index-url", source, "extra_index_urls", many=True, setting=True, shown="https://HOST/simple"),
        Mark("find-links", source, "find_links", many=True, setting=True, shown="https://HOST/PAGE"),
        Mark("cpu", quantity, "cpu", setting=True, shown="2"),
        Mark("memory", quantity, "memory", setting=True, shown="4Gi"),
        Mark("gpu", accelerator, "gpu", setting=True, shown="1, or amd.com/gpu:1"),
        Mark("limit", limit, "limits", many=True, setting=True, shown="nvidia.com/gpu:1"),
        Mark("retry", count, "retry", setting=True, shown="3"),
        Mark("timeout", duration, "timeout", setting=True, shown="30m"),
        Mark("cache", switch, "cache", setting=True, shown="on|off"),
        Mark("on-failure", on_failure, "on_failure", setting=True, shown="continue|stop"),
        Mark("pod", step_name, "pod", setting=True, shown="NAME"),
        Mark("network", network, "network", setting=True, shown="none|host|default"),
        Mark("file", file, "files", many=True, setting=True, shown="PATH"),
        Mark("env", variable_pair, "env", many=True, setting=True, shown="K=V"),
        Mark("secret", secret, "secrets", many=True, setting=True, shown="NAME:KEY:ENV"),
        Mark("volume", volume, "volumes", many=True, setting=True, shown="CLAIM:/path"),
        Mark("label", pair(":", "`KEY:VALUE`"), "labels", many=True, setting=True, shown="K:V"),
        Mark("annotation", pair(":", "`KEY:VALUE`"), "annotations", many=True, setting=True, shown="K:V"),
        Mark("node", pair("=", "`KEY=VALUE`"), "nodes", many=True, setting=True, shown="K=V"),
        Mark("toleration", toleration, "tolerations", many=True, setting=True, shown="K=V:EFFECT"),
    )
}


def place_of(mark: Mark, value: Any) -> tuple[str, bool]:
    """The field that receives the value of a mark, and whether it holds several values. Another accelerator goes to ``limits``."""
    return ("limits", True) if mark.word == "gpu" and isinstance(value, tuple) else (mark.field, mark.many)


#: Tags without a value that give a cell a role, with the role.
ROLES = {
    "parameters": "parameters", "injected-parameters": "parameters", "metrics": "metrics",
    "imports": "imports", "functions": "functions", "skip": "skip",
}  # fmt: skip

#: Kale's names of marks and roles, with ours.
KALE = {"block": "step", "prev": "after"}
KALE_ROLES = {"pipeline-parameters": "parameters", "pipeline-metrics": "metrics"}
