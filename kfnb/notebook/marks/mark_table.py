"""The table of marks, for tags, ``%%component`` options and ``cell.metadata.kfnb`` alike, and the parsers of their values.

A mark is written as the tag ``word:value``, the option ``--word value``, or the metadata ``{"word": value}``. A new mark is a
new row of this table, or of `kfnb.setting_marks.setting_table` when it sets something of a step.
"""

from __future__ import annotations

import ast
import re

from kfnb.notebook.parsed_notebook import Foreach
from kfnb.setting_marks.setting_table import SETTING_MARKS, Mark
from kfnb.setting_marks.value_parsers import VARIABLE, BadValue, plain, step_name
from kfnb.step_settings import ShellOutput
from kfnb.thread_safe_parser import parse_expression

MAX_DEPTH = 120  #: the deepest nesting of an expression in a mark


# -------------------------------------------------------------------- parsers of values
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


def output(text: str) -> ShellOutput:
    name, separator, path = text.partition("=")
    name = name.lstrip("$")
    if not VARIABLE.fullmatch(name):
        raise BadValue(f"`{text}` should be `NAME=/path/of/the/file`, or `NAME` for the file `$NAME`")
    return ShellOutput(name, path if separator and path.lstrip("$") != name else None)


# -------------------------------------------------------------------- the table
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
        *SETTING_MARKS,
    )
}


#: Tags without a value that give a cell a role, with the role.
ROLES = {
    "parameters": "parameters", "injected-parameters": "parameters", "metrics": "metrics",
    "imports": "imports", "functions": "functions", "skip": "skip",
}  # fmt: skip

#: Kale's names of marks and roles, with ours.
KALE = {"block": "step", "prev": "after"}
KALE_ROLES = {"pipeline-parameters": "parameters", "pipeline-metrics": "metrics"}
