"""Finds the components that the notebook defines with ``@component``, ``component(…)`` and ``component_from_command(…)``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kfnb.analysis.parse_cells import ParsedCell
from kfnb.analysis.syntax.ast_queries import is_literal, literal_value
from kfnb.notebook.marks.mark_table import MARKS
from kfnb.pipeline.model import Command
from kfnb.problems import Problem
from kfnb.setting_marks.setting_table import SETTING_MARKS, place_of
from kfnb.setting_marks.value_parsers import BadValue
from kfnb.step_settings import Places, Settings, ShellOutput
from kfnb.thread_safe_parser import parse_expression

SCALARS = ("str", "int", "float", "bool")
PLAIN = (*SCALARS, "list", "dict")
MAKERS = ("component", "component_from_command")
#: Keyword of ``component`` to the mark that means the same.
MARK_OF = {**{m.field: m.word for m in SETTING_MARKS}, "base_image": "image"}
PAIRED = {
    "limits": ":",
    "env": "=",
    "volumes": ":",
    "labels": ":",
    "annotations": ":",
    "nodes": "=",
    "security_context": "=",
}


@dataclass(frozen=True)
class Argument:
    """One input of a component. ``type`` is one of `PLAIN`, or empty if it takes any value."""

    name: str
    type: str = ""
    required: bool = True
    positional: bool = True
    keyword: bool = True


@dataclass(frozen=True)
class Component:
    """The definition of a component.

    Parameters
    ----------
    name, label
        The Python name that calls it, and the name its steps are given.
    arguments
        ``None`` when the function stands in a library, so that its signature is not known.
    variadic
        Whether it takes ``*args`` or ``**kwargs``.
    returns
        One of `PLAIN` if the annotation says so, else empty.
    returns_value
        Whether a call returns anything but ``None``.
    command, outputs
        For a container step.
    """

    name: str
    label: str
    cell: int
    line: int
    arguments: tuple[Argument, ...] | None = None
    variadic: bool = False
    returns: str = ""
    returns_value: bool = True
    description: str = ""
    settings: Settings = field(default_factory=Settings)
    command: Command | None = None
    outputs: tuple[ShellOutput, ...] = ()
    setting_places: Places = ()


@dataclass
class Components:
    """The components of a notebook, read statement by statement."""

    parameters: frozenset[str] = frozenset()  #: names of parameters, whose values only a run knows
    found: dict[str, Component] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _makers: dict[str, str] = field(default_factory=dict)
    _modules: set[str] = field(default_factory=set)
    _functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    _constants: dict[str, Any] = field(default_factory=dict)

    def read(self, statement: ParsedCell) -> None:
        """Record what one statement of a cell before the pipeline defines."""
        for node in statement.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._define(node, statement)
            elif isinstance(node, ast.Import):
                self._modules.update(a.asname or a.name for a in node.names if a.name == "kfnb")
            elif isinstance(node, ast.ImportFrom) and node.module == "kfnb":
                self._makers.update((a.asname or a.name, a.name) for a in node.names if a.name in MAKERS)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self._assign(node.targets[0].id, node.value, statement)

    def _maker(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._makers.get(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self._modules:
            return node.attr if node.attr in MAKERS else None
        return None

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, statement: ParsedCell) -> None:
        self._functions[node.name] = node
        self.found.pop(node.name, None)
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            if self._maker(call.func if call else decorator) == "component":
                reader = _Keywords(self, call.keywords if call else [], node.name, statement, node.lineno)
                self.found[node.name] = reader.component(node)

    def _assign(self, name: str, value: ast.expr, statement: ParsedCell) -> None:
        self.found.pop(name, None)
        if is_literal(value):
            try:
                self._constants[name] = literal_value(value)
            except (ValueError, TypeError, ArithmeticError):
                self._constants.pop(name, None)
            return
        maker = self._maker(value.func) if isinstance(value, ast.Call) else None
        if maker is None or not isinstance(value, ast.Call):
            return
        reader = _Keywords(self, value.keywords, name, statement, value.lineno)
        if maker == "component":
            function = value.args[0] if value.args else None
            known = self._functions.get(function.id) if isinstance(function, ast.Name) else None
            self.found[name] = reader.component(known, ast.unparse(function) if function is not None else name)
        else:
            self.found[name] = reader.command()

    def constant(self, node: ast.expr) -> Any:
        """The value of a literal that may use names of earlier literals. Raises `ValueError` for other expressions."""
        if isinstance(node, ast.JoinedStr):
            return "".join(self._piece(v) for v in node.values)
        if isinstance(node, ast.Name):
            if node.id in self.parameters:
                return f"{{{node.id}}}"
            if node.id not in self._constants and node.id not in PLAIN:
                raise ValueError(f"{node.id} is not known")
            return self._constants.get(node.id, node.id)
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.constant(e) for e in node.elts]
        if isinstance(node, ast.Dict):
            if any(k is None for k in node.keys):
                raise ValueError
            return {self.constant(k): self.constant(v) for k, v in zip(node.keys, node.values, strict=True) if k}
        return literal_value(node)

    def _piece(self, node: ast.expr) -> str:
        """A part of an f-string. A parameter stays in braces until a run fills it in."""
        if isinstance(node, ast.Constant):
            return str(node.value)
        if not isinstance(node, ast.FormattedValue) or node.format_spec is not None or node.conversion != -1:
            raise ValueError("not a plain name")
        return str(self.constant(node.value))


@dataclass
class _Keywords:
    """The keywords of one ``component(…)``."""

    components: Components
    keywords: list[ast.keyword]
    name: str
    statement: ParsedCell
    line: int

    def problem(self, message: str, hint: str = "", line: int | None = None) -> None:
        at = (line or self.line) + self.statement.line - 1
        found = Problem("KF603", message, hint, self.statement.number, self.statement.id, at, self.name)
        self.components.problems.append(found)

    def component(self, node: ast.FunctionDef | ast.AsyncFunctionDef | None, function: str | None = None) -> Component:
        values = self._values({*MARK_OF, "name", "description"}, "component")
        label = str(values.get("name") or (node.name if node is not None else (function or self.name).split(".")[-1]))
        base = Component(
            self.name, label_of(label), self.statement.number, self.line + self.statement.line - 1,
            settings=self._settings(values), description=str(values.get("description") or ""), setting_places=self._places(),
        )  # fmt: skip
        return base if node is None else _signed(base, node)

    def command(self) -> Component:
        own = {"name", "description", "command", "args", "inputs", "outputs"}
        values = self._values({*MARK_OF, *own}, "component_from_command")
        if not isinstance(values.get("command"), list) or not values["command"]:
            self.problem("component_from_command needs `command`, a list of texts", 'such as command=["sh", "-c"]')
        elif "image" not in values and "base_image" not in values:
            self.problem("component_from_command needs `image`", 'such as image="library/bash:4.4.23"')
        for word, kinds in (("command", list), ("args", list), ("inputs", (list, dict)), ("outputs", (list, dict))):
            if not isinstance(values.get(word), (kinds, type(None))):
                values.pop(word)
                self.problem(f"`{word}` of component_from_command should be a list", f'such as {word}=["a", "b"]')
        inputs, outputs = self._names(values, "inputs"), self._names(values, "outputs")
        types = inputs if isinstance(inputs, dict) else dict.fromkeys(inputs, "")
        paths: dict[str, Any] = outputs if isinstance(outputs, dict) else dict.fromkeys(outputs)
        for name, path in paths.items():
            if not isinstance(path, (str, type(None))):
                self.problem(f"the output `{name}` of component_from_command should be a file's path", f'such as outputs={{"{name}": "/tmp/{name}"}}')  # fmt: skip
                paths = {**paths, name: None}
        words = [tuple(str(w) for w in values.get(k) or ()) for k in ("command", "args")]
        arguments = tuple(Argument(n, t if isinstance(t, str) and t in PLAIN else "") for n, t in types.items())
        return Component(
            self.name, label_of(str(values.get("name") or self.name)), self.statement.number,
            self.line + self.statement.line - 1, arguments, returns="str" if len(paths) == 1 else "",
            returns_value=bool(paths), description=str(values.get("description") or ""), settings=self._settings(values),
            command=Command(words[0], words[1]), outputs=tuple(ShellOutput(n, p) for n, p in paths.items()),
            setting_places=self._places(),
        )  # fmt: skip

    def _names(self, values: dict[str, Any], word: str) -> dict[str, Any] | list[str]:
        """The names of inputs or outputs, with their types or paths if the user wrote a dict."""
        found: dict[str, Any] | list[str] = values.get(word) or []
        if all(isinstance(name, str) for name in found):
            return found
        self.problem(f"`{word}` of component_from_command should be a list of names", f'such as {word}=["text"]')
        return []

    def _values(self, known: set[str], maker: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for keyword in self.keywords:
            if keyword.arg is None or keyword.arg not in known:
                shown_argument = f"`{keyword.arg}`" if keyword.arg else "`**`"
                self.problem(
                    f"{maker} does not take {shown_argument}",
                    f"it takes {', '.join(sorted(known))}",
                    keyword.value.lineno,
                )
                continue
            try:
                found[keyword.arg] = self.components.constant(keyword.value)
            except (ValueError, TypeError, SyntaxError, ArithmeticError):
                text = ast.unparse(keyword.value)
                self.problem(
                    f"`{keyword.arg}={text}` of `{self.name}` is not known before the notebook runs",
                    "write a literal, or the name of one", keyword.value.lineno,
                )  # fmt: skip
        return found

    def _places(self) -> Places:
        given = [(MARK_OF[k.arg], k.value.lineno) for k in self.keywords if k.arg in MARK_OF and k.arg is not None]
        return tuple((word, self.statement.number, line + self.statement.line - 1) for word, line in given)

    def _settings(self, values: dict[str, Any]) -> Settings:
        found: dict[str, Any] = {}
        for word, given in values.items():
            mark = MARKS.get(MARK_OF.get(word, ""))
            if mark is None or given is None:
                continue
            for text in _texts(word, given):
                try:
                    value = mark.read(text) if mark.read else True
                except BadValue as error:
                    self.problem(f"component `{self.name}`, `{word}`: {error}")
                    continue
                field, many = place_of(mark, value)
                found[field] = (*found.get(field, ()), value) if many else value
        return Settings(**found)


def _texts(key: str, value: Any) -> Iterator[str]:
    """The values of a keyword as the texts of its mark."""
    if isinstance(value, dict) and key in PAIRED:
        yield from (f"{k}{PAIRED[key]}{v}" for k, v in value.items())
    elif isinstance(value, list):
        for item in value:
            yield ":".join(str(i) for i in item) if isinstance(item, list) else str(item)
    elif isinstance(value, bool):
        yield "on" if value else "off"
    else:
        yield str(value)


# -------------------------------------------------------------------- signatures
def _signed(base: Component, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Component:
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    without = len(positional) - len(args.defaults)
    found = [
        Argument(a.arg, type_of(a.annotation), at < without, True, at >= len(args.posonlyargs))
        for at, a in enumerate(positional)
        if not _is_path(a.annotation, "OutputPath")
    ]
    found += [
        Argument(a.arg, type_of(a.annotation), default is None, False)
        for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
        if not _is_path(a.annotation, "OutputPath")
    ]
    paths = [a for a in (*positional, *args.kwonlyargs) if _is_path(a.annotation, "OutputPath")]
    text = ast.get_docstring(node) or ""
    return replace(
        base, arguments=tuple(found), variadic=args.vararg is not None or args.kwarg is not None,
        returns=type_of(node.returns) if not paths else "", returns_value=bool(paths) or _returns_value(node),
        description=base.description or text.split("\n\n")[0].replace("\n", " ").strip(),
    )  # fmt: skip


def type_of(annotation: ast.expr | None) -> str:
    """One of `PLAIN` if the annotation names just that type, else an empty text."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = parse_expression(annotation.value)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ""
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return annotation.id if isinstance(annotation, ast.Name) and annotation.id in PLAIN else ""


def _is_path(annotation: ast.expr | None, word: str) -> bool:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return word in annotation.value
    if isinstance(annotation, ast.Call):
        annotation = annotation.func
    return getattr(annotation, "id", getattr(annotation, "attr", "")) == word


def _returns_value(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the function may return something other than ``None``."""
    returns = node.returns
    if isinstance(returns, ast.Constant) and returns.value is None:
        return False
    return returns is not None or any(r.value is not None for r in _returns(node.body))


def _returns(body: Iterable[ast.AST]) -> Iterator[ast.Return]:
    for node in body:
        if isinstance(node, ast.Return):
            yield node
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _returns(ast.iter_child_nodes(node))


def label_of(text: str) -> str:
    """The step name of a component: ``flip_coin`` and ``Flip - Coin`` become ``flip-coin``."""
    words = "".join(c if c.isascii() and c.isalnum() else "-" for c in text.removesuffix("_op"))
    label = "-".join(w for w in words.split("-") if w).lower()[:50] or "step"
    return label if label[0].isalpha() else f"step-{label}"
