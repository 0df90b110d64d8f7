"""Parsers of the values of marks, and the error that they raise."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from kfnb.requirement_checks import BadSource, check_requirement, check_url

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?")
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECONDS = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class BadValue(ValueError):
    """The value of a mark cannot be parsed. The message says what is expected; ``code`` is the code of the problem."""

    def __init__(self, message: str, code: str = "KF201") -> None:
        super().__init__(message)
        self.code = code


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


def system_package(text: str) -> str:
    """The name of a package of Debian, perhaps with its version, as its policy manual writes them."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?", text):
        raise BadValue(
            f"`{text}` should be the name of a package of Debian or Ubuntu, such as `libgl1` or `libgl1=1.6.0-1`"
        )
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
