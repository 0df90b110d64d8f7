"""The artifacts of a step that the pages of Kubeflow Pipelines show: metrics, a report, tables and models.

IR says the outputs of a step before it runs, so its code has to tell which of its values are tables and models. The step writes those
that are, and describes them (`kfnb.runtime.pods.typed_artifacts`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kfnb.pipeline.model import Step
from kfnb.runtime.pods.typed_artifacts import MODEL, TABLE
from kfnb.thread_safe_parser import parse

#: Matches code that may display a figure or a table.
DISPLAY_CALL = re.compile(r"\b(?:plt|plot|display|fig(?:ure)?|hist|describe|head|DataFrame|read_\w+|style)\b")
#: Functions of pandas and Polars that give a table.
TABLE_CALL = re.compile(
    r"^(?:pd|pandas|pl|polars)\.(?:DataFrame|read_\w+|concat|merge|get_dummies|pivot_table|melt|json_normalize|crosstab)$"
)
#: Methods of a table that give a table.
TABLE_METHODS = frozenset(
    "assign copy drop drop_duplicates dropna fillna filter head join melt merge query rename reset_index round sample select set_index sort_index sort_values tail to_frame with_columns".split()
)
#: Functions that give a trained model.
TRAIN_CALL = re.compile(r"^(?:xgb|xgboost|lgb|lightgbm)\.train$")


def shown_artifacts(step: Step) -> list[tuple[str, str]]:
    """The artifacts of a step. Each is a name and the title of its schema."""
    artifacts = [("metrics", "system.Metrics")] if any(e.metric for e in step.exports) else []
    if step.shell or step.command is not None:
        return artifacts
    if any(DISPLAY_CALL.search(c.source) for c in step.cells):
        artifacts.append(("report", "system.HTML"))
    names = [
        n for n in dict.fromkeys((*step.outputs, *step.results)) if n.isascii() and n.isidentifier() and n[0] != "_"
    ]
    tables, models = _found(step) if names else (set(), set())
    artifacts += [(TABLE + n, "system.Dataset") for n in names if n in tables]
    return artifacts + [(MODEL + n, "system.Model") for n in names if n in models - tables]


def _found(step: Step) -> tuple[set[str], set[str]]:
    """The names that the code of a step binds to tables, and those that it binds to models or trains."""
    tables: set[str] = set()
    models: set[str] = set()
    for node in _statements(step):
        call = node.value
        if not isinstance(call, ast.Call):
            continue
        function = call.func
        owner = function.value if isinstance(function, ast.Attribute) else None
        method = function.attr if isinstance(function, ast.Attribute) else ""
        if method == "fit" and isinstance(owner, ast.Name):
            models.add(owner.id)
        targets = {t.id for t in node.targets if isinstance(t, ast.Name)} if isinstance(node, ast.Assign) else set()
        called = f"{owner.id}.{method}" if isinstance(owner, ast.Name) else ""
        if TABLE_CALL.match(called) or (method in TABLE_METHODS and _root(owner) in tables):
            tables |= targets
        elif method == "fit" or TRAIN_CALL.match(called):
            models |= targets
    return tables, models


def _statements(step: Step) -> Iterator[ast.Assign | ast.Expr]:
    for cell in step.cells:
        try:
            tree = parse(cell.source)
        except SyntaxError:  # with magics of IPython
            continue
        yield from (n for n in ast.walk(tree) if isinstance(n, (ast.Assign, ast.Expr)))


def _root(node: ast.expr | None) -> str:
    """The name with which a chain of calls and attributes begins."""
    while isinstance(node, (ast.Call, ast.Attribute)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
