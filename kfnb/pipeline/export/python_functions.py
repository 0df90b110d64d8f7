"""Writes marked steps as functions, and plain Python that calls them in the notebook's order."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kfnb.analysis.syntax.ast_queries import names_in
from kfnb.pipeline.build.build_pipeline import Built
from kfnb.pipeline.drawing.expression_text import cells
from kfnb.pipeline.model import Replay, Step
from kfnb.pipeline.references import STATUS
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import EXPRESSION, PARAMETER, SHARED, STEP
from kfnb.runtime.magics.magic_table import LINE, OWN, PERSON, SET_UP, SHOWS
from kfnb.step_settings import PARTS, Settings
from kfnb.thread_safe_parser import parse, parse_expression

SHELL_IMAGE = "debian:stable-slim"  #: of a shell step whose marks name none


class NotConvertible(Exception):
    """A step cannot become a plain function; the text says which step, why, and what to write instead."""


@dataclass(frozen=True)
class Composed:
    """Source of shared code and components, in order, and of the code that calls them."""

    components: tuple[str, ...]
    body: str


@dataclass(frozen=True)
class Part:
    """A condition, or a piece of one joined by ``and``; ``versions`` tells apart what its names stood for."""

    text: str
    versions: tuple[tuple[str, int], ...]


@dataclass
class _Known:
    """The names that the code written so far binds."""

    versions: dict[str, int] = field(default_factory=dict)
    ways: dict[str, list[tuple[Part, ...]]] = field(default_factory=dict)  #: name to when it is bound; ``()`` is always

    def bind(self, name: str, when: tuple[Part, ...]) -> None:
        self.versions[name] = self.versions.get(name, 0) + 1
        self.ways[name] = [*self.ways.get(name, []), when] if when else [()]

    def parts(self, text: str) -> tuple[Part, ...]:
        """The parts of a condition, each with the versions of the names that it uses."""
        tree = parse_expression(text.strip())
        pieces = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
        return tuple(Part(ast.unparse(p), self._of(names_in(p))) for p in pieces)

    def _of(self, names: Iterable[str]) -> tuple[tuple[str, int], ...]:
        return tuple((n, self.versions.get(n, 0)) for n in sorted(names))

    def needed(self, names: Iterable[str], conditions: tuple[Part, ...], step: str) -> tuple[Part, ...]:
        """What must hold, beside ``conditions``, for all of ``names`` to be bound."""
        required: list[Part] = []
        for name in names:
            ways = self.ways.get(name, [()])
            if any(set(way) <= {*conditions, *required} for way in ways):
                continue
            for part in {p for way in ways for p in way}:
                if part.versions != self._of(n for n, _ in part.versions):
                    raise NotConvertible(
                        f"step `{step}` needs `{name}`, made only if `{part.text}`, and what that asks has changed since: "
                        f"give the step a `when` of its own"
                    )
            required += ways[0] if len(ways) == 1 else [_either(ways)]
        return tuple(required)


def _either(ways: list[tuple[Part, ...]]) -> Part:
    versions = tuple(sorted({v for way in ways for p in way for v in p.versions}))
    return Part(" or ".join(_joined(way) for way in ways), versions)


def _joined(parts: tuple[Part, ...]) -> str:
    loose = (ast.BoolOp, ast.IfExp, ast.Lambda, ast.NamedExpr)
    texts = [f"({p.text})" if isinstance(parse_expression(p.text), loose) else p.text for p in parts]
    return " and ".join(texts) if len(parts) > 1 else "".join(p.text for p in parts)


def composed(built: Built) -> Composed:
    """Write the pipeline of marked steps as functions and their calls.

    Raises
    ------
    NotConvertible
        A step does what a function of its inputs cannot.
    """
    assert built.pipeline is not None
    steps = {s.name: s for s in built.pipeline.steps()}
    writer = _Writer(built.units, steps)
    for unit in built.units:
        writer.unit(unit)
    return Composed((*writer.shared(), *writer.functions), writer.body())


class _Writer:
    """Goes through the notebook's units and writes functions and their calls."""

    def __init__(self, units: tuple[Unit, ...], steps: dict[str, Step]) -> None:
        self.units, self.steps = units, steps
        self.known = _Known()
        self.functions: list[str] = []
        self.lines: list[tuple[tuple[Part, ...], str]] = []  #: condition and statement
        self.last: list[str] = []
        self.condition_names = {n for u in units if u.kind == EXPRESSION for n in names_in(parse(u.expression.strip()))}
        self.values = {u.name for u in units if u.kind == PARAMETER}
        self.values |= {n for u in units if u.kind == STEP for n in self._returns(u)}
        bound = [n for u in units for n in u.facts.may_define if u.kind in (STEP, SHARED, PARAMETER)]
        self.changing = {n for n in bound if bound.count(n) > 1}
        self.taken = {"component", "component_from_command", "pipeline", *self.values, *self.condition_names}
        self.taken |= {n for u in units if u.kind in (SHARED, STEP) for n in (*u.facts.may_define, *u.facts.reads)}

        self.common = self._common()
        self.reassigned = self._reassigned()

    def unit(self, unit: Unit) -> None:
        if unit.kind == PARAMETER:
            self.known.bind(unit.name, ())
        elif unit.kind == SHARED and unit.code is not None and self._is_reassigned(unit):
            _parsed(unit.code.source, f"cell {unit.code.cell}")
            self.lines.append(((), unit.code.source))
            for name in unit.facts.may_define:
                self.known.bind(name, ())
        elif unit.kind == STEP:
            self._step(unit, self.steps[unit.name])

    def body(self) -> str:
        """Write the calls; calls under the same condition stand together."""
        lines: list[str] = []
        open_: tuple[Part, ...] = ()
        for when, text in self.lines:
            if when and when != open_:
                lines.append(f"if {_joined(when)}:")
            lines += [("    " if when else "") + line for line in text.split("\n")]
            open_ = when
        if not self.last:
            return "\n".join(lines or ["pass"])
        indented = ["    " + line for line in lines or ["pass"]]
        return "\n".join(["try:", *indented, "finally:", *("    " + line for line in self.last)])

    def shared(self) -> Iterator[str]:
        """The source of the notebook's statements that the functions and the conditions use."""
        for unit in self.common:
            assert unit.code is not None
            if not _is_setting(unit.code.source) and not self._is_reassigned(unit):
                tree = _parsed(unit.code.source, "the shared code")
                _check_global(tree, f"cell {unit.code.cell}", self.reassigned | self.values)
                for function, name in _read_by_functions(tree):
                    if name in self.reassigned | self.values:
                        raise NotConvertible(
                            f"`{function}` reads `{name}` of the notebook: give it to `{function}` as an argument"
                        )
                yield unit.code.source

    def _common(self) -> list[Unit]:
        used = {(p.code.cell, p.code.line) for s in self.steps.values() for p in s.prepare if isinstance(p, Replay)}
        uses = self.condition_names - self.values
        common = []
        for unit in reversed(self.units):
            if unit.kind == SHARED and unit.code is not None:
                if (unit.code.cell, unit.code.line) in used or uses & set(unit.facts.may_define):
                    uses |= set(unit.facts.reads)
                    common.append(unit)
        return common[::-1]

    def _reassigned(self) -> set[str]:
        """Find the values that the notebook binds outside its steps and changes later; they become variables of the pipeline."""
        bound: dict[str, Unit] = {}
        again: set[str] = set()
        for unit in self.common:
            for name in {*unit.facts.may_define, *unit.facts.may_mutate}:
                if bound.setdefault(name, unit).code != unit.code:
                    again.add(name)
        for unit in self.units:
            if unit.kind == STEP:
                again |= bound.keys() & {*unit.facts.may_define, *unit.facts.may_mutate}
        for name in sorted(again):
            if any(name in u.facts.may_define and u.facts.kinds.get(name) == "def" for u in self.common):
                raise NotConvertible(
                    f"`{name}` is defined outside the steps and bound again: give one of them another name"
                )
        return {n for n in again if not n.startswith("@") and bound[n].facts.kinds.get(n) != "import"}

    def _is_reassigned(self, unit: Unit) -> bool:
        return bool(self.reassigned & {*unit.facts.may_define, *unit.facts.may_mutate})

    # ---------------------------------------------------------------- one step
    def _step(self, unit: Unit, step: Step) -> None:
        marks = unit.marks
        loop = marks.foreach if marks is not None else None
        conditions = self.known.parts(marks.when) if marks is not None and marks.when is not None else ()
        arguments = self._arguments(unit, step, loop.variable if loop is not None else None)
        returns = self._returns(unit)
        name = self._name(unit.name)
        definition = (
            _command(name, step, arguments) if step.shell else self._function(name, unit, step, arguments, returns)
        )
        self.functions.append(definition)
        call = f"{name}({', '.join(arguments)})"
        if marks is not None and marks.exit:
            self.last.append(call)
            return
        needs = {*arguments, *(n for p in conditions for n, _ in p.versions)}
        if loop is None:
            when = (*self.known.needed(sorted(needs), conditions, unit.name), *conditions)
            text = f"{', '.join(returns)} = {call}" if returns else call
        else:
            needs |= names_in(parse(loop.items.strip()))
            inner = tuple(p for p in conditions if loop.variable in dict(p.versions))
            outer = tuple(p for p in conditions if p not in inner)
            when = (*self.known.needed(sorted(needs - {loop.variable}), outer, unit.name), *outer)
            rows = self._name(f"{unit.name}-rows") if len(returns) > 1 else ""
            text = _looped(call, returns, loop.variable, loop.items.strip(), _joined(inner), rows)
        self.lines.append((when, text))
        for name_bound in sorted({*returns, *unit.facts.may_define, *unit.facts.may_mutate}):
            self.known.bind(name_bound, when)

    def _arguments(self, unit: Unit, step: Step, variable: str | None) -> list[str]:
        facts = unit.facts
        required_by_name = {i.name: i.required for i in step.inputs if not i.name.startswith(("@", "_kfnb"))}
        required_by_name.update(dict.fromkeys(sorted(self.reassigned), True))
        arguments = []
        for name, required in required_by_name.items():
            if name not in {*facts.reads, *facts.may_mutate}:
                continue
            through = facts.via.get(name)
            if through and through not in facts.may_define:
                raise NotConvertible(
                    f"step `{unit.name}`: `{through}` reads `{name}` of the notebook: give it to `{through}` as an argument"
                )
            if not required:
                raise NotConvertible(f"step `{unit.name}`: `{name}` may not be bound: bind it in every case")
            arguments.append(name)
        if variable is not None and variable in facts.reads and variable not in arguments:
            arguments.insert(0, variable)
        if any(STATUS in names_in(_parsed(c.source, f"step `{unit.name}`")) for c in step.cells if not step.shell):
            arguments.insert(0, STATUS)
        return list(dict.fromkeys(arguments))

    def _returns(self, unit: Unit) -> list[str]:
        step = self.steps[unit.name]
        if step.shell:
            return [o.name for o in step.shell_outputs]
        names = {*step.outputs, *(self.condition_names & {*unit.facts.may_define, *unit.facts.may_mutate})}
        return sorted(n for n in names if not n.startswith("@"))

    def _function(self, name: str, unit: Unit, step: Step, arguments: list[str], returns: list[str]) -> str:
        for returned in returns:
            if returned not in unit.facts.must_define and returned not in arguments:
                raise NotConvertible(f"step `{unit.name}` may leave `{returned}` unbound: bind it in every case")
        lines = [_decorator(step.settings, name, unit.name), f"def {name}({', '.join(arguments)}):"]
        lines.append(f'    """Step {unit.name}: {cells(step)} of the notebook."""')
        for code in step.cells:
            tree = _parsed(code.source, f"step `{unit.name}`, cell {code.cell}")
            _check_global(tree, f"step `{unit.name}`")
            for function, name_read in _read_by_functions(tree) if returns else ():
                if name_read in self.changing:
                    raise NotConvertible(
                        f"step `{unit.name}`: `{function}` reads `{name_read}`, which the notebook binds more than once: give it as an argument"
                    )
            lines += _indented(code.source, tree)
        lines += [f"    return {', '.join(returns)}"] if returns else []
        source = "\n".join(lines)
        try:
            compile(source, "<step>", "exec")
        except SyntaxError as error:
            raise NotConvertible(
                f"step `{unit.name}` cannot be the body of a function: {error.msg}: `{(error.text or '').strip()}`"
            ) from error
        return source

    def _name(self, step: str) -> str:
        name = step.replace("-", "_")
        while name in self.taken or keyword.iskeyword(name) or not name.isidentifier():
            name = f"{name}_step" if name[0].isalpha() else f"step_{name}"
        self.taken.add(name)
        return name


def _looped(call: str, returns: list[str], variable: str, items: str, when: str, rows: str) -> str:
    only = f" if {when}" if when else ""
    if not returns:
        inside = f"    if {when}:\n        {call}" if when else f"    {call}"
        return f"for {variable} in {items}:\n{inside}"
    comprehension = f"[{call} for {variable} in {items}{only}]"
    if len(returns) == 1:
        return f"{returns[0]} = {comprehension}"
    split = [f"{name} = [row[{index}] for row in {rows}]" for index, name in enumerate(returns)]
    return "\n".join([f"{rows} = {comprehension}", *split])


def _parsed(source: str, where: str) -> ast.Module:
    try:
        return parse(source)
    except SyntaxError as error:
        raise NotConvertible(
            f"{where} is not plain Python: `{(error.text or '').strip()}`: write it in Python, or mark the cell as a shell step"
        ) from error


def _read_by_functions(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each function and class of a step with the names it uses: the function of the step binds them for good."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            own = {a.arg for a in ast.walk(node) if isinstance(a, ast.arg)}
            yield from ((node.name, name) for name in sorted(names_in(node) - own))


def _check_global(tree: ast.Module, where: str, values: set[str] | None = None) -> None:
    """Refuse ``global NAME`` (``values``: of these only): a function of the package has no notebook to change."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global) and (values is None or values & set(node.names)):
            raise NotConvertible(
                f"{where}: `global {', '.join(node.names)}`: give the function what it needs, and let it return the new value"
            )


def _is_setting(source: str) -> bool:
    word = source.strip().partition(" ")[0]
    name = word.lstrip("%")
    return word.startswith("%") and (name in SET_UP | OWN or LINE.get(name) in (SHOWS, PERSON))


def _indented(source: str, tree: ast.Module) -> list[str]:
    """The lines of a cell one level deeper, except those that begin inside a text."""
    inside = {
        line
        for node in ast.walk(tree)
        if isinstance(node, (ast.JoinedStr, ast.Constant)) and node.end_lineno is not None
        for line in range(node.lineno + 1, node.end_lineno + 1)
    }
    lines = source.rstrip().split("\n")
    return [line if not line.strip() or n in inside else "    " + line for n, line in enumerate(lines, 1)]


def _decorator(settings: Settings, name: str, step: str) -> str:
    arguments = [] if name == step.replace("-", "_") else [f"name={step!r}"]
    arguments += _setting_arguments(settings)
    return f"@component({', '.join(arguments)})" if arguments else "@component"


def _setting_arguments(settings: Settings) -> list[str]:
    given: dict[str, Any] = {}
    for word, value in settings.to_json().items():
        argument = {"secret_files": "secrets", "config_map_files": "config_maps"}.get(word, word)
        if word in PARTS:
            value = [*given.get(argument, ()), *map(str, getattr(settings, word))]
        elif isinstance(value, list) and isinstance(value[0], list):
            value = dict(value)
        elif word == "timeout":
            value = f"{value:g}s"
        given[argument] = value
    return [f"{word}={value!r}" for word, value in given.items()]


def _command(name: str, step: Step, inputs: list[str]) -> str:
    """Write a shell step as a command. Several cells run one after the other as long as each succeeds."""
    sources = [code.source.strip("\n") for code in step.cells]
    script = sources[0] if len(sources) == 1 else " &&\n".join(f"(\n{source}\n)" for source in sources)
    arguments = [f"name={step.name!r}", f'command=["bash", "-c", {_text(script)}]']
    arguments += [f"inputs={inputs!r}"] if inputs else []
    outputs = {o.name: o.path for o in step.shell_outputs}
    arguments += [f"outputs={outputs!r}"] if outputs else []
    settings = _setting_arguments(step.settings)
    arguments += settings if step.settings.image else [f"image={SHELL_IMAGE!r}", *settings]
    return f"{name} = component_from_command({', '.join(arguments)})"


def _text(script: str) -> str:
    plain = "\n" in script and "\\" not in script and '"""' not in script and not script.endswith('"')
    return f'"""{script}"""' if plain else repr(script)
