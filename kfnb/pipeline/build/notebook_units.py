"""From a notebook's cells to units in the order of reading: steps, shared statements, parameters, and what stays outside."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from kfnb.analysis.analyze_notebook import Analyzer, imports_anywhere, statements_of
from kfnb.analysis.files.magic_effects import magic_call
from kfnb.analysis.files.path_patterns import hole
from kfnb.analysis.files.shell_command_files import Use, uses_of_line
from kfnb.analysis.parse_cells import ParsedCell, compiled, parse_cell
from kfnb.analysis.replay.replayable_statements import imports_only
from kfnb.analysis.syntax.ast_queries import bound_in, names_in, root, source_of
from kfnb.analysis.unit_facts import Facts, Site
from kfnb.analysis.units.abstract_state import DEF, SCALAR, VALUE
from kfnb.notebook.marked_cells import (
    FUNCTIONS,
    IMPORTS,
    METRICS,
    PARAMETERS,
    SKIP,
    UNMARKED,
    Cell,
    Notebook,
    StepMarks,
)
from kfnb.pipeline.build.shared_code import Obstacle, SetUp, bound_names
from kfnb.pipeline.checks.magic_problems import brings_magics, magic_problems
from kfnb.pipeline.model import Code, Parameter
from kfnb.pipeline.parameters.annotations import KnownTypes, known_types
from kfnb.pipeline.parameters.declarations import Declaration, declaration_of
from kfnb.pipeline.parameters.parameter_comments import trailing_comment
from kfnb.problems import Problem
from kfnb.python_parser import parse_expression
from kfnb.runtime.magics.magic_table import SET_UP

STEP, SHARED, PARAMETER, OUTSIDE, QUESTION = "step", "shared", "parameter", "outside", "question"
MENTIONED = re.compile(r"\$\{?([A-Za-z_]\w*)")
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")  #: of a shell
#: Magics that matter to the cells after them; the others of a cell without a mark are left alone.
LASTING = SET_UP | frozenset("cd file popd pushd run sc writefile".split())
IGNORED_CALLS = frozenset("print display help".split())


@dataclass(frozen=True)
class Unit:
    """One piece of the notebook that the flow of values sees as a whole.

    Parameters
    ----------
    kind
        ``step``; ``shared`` (one statement, run again where needed); ``parameter``; ``outside`` (not in the pipeline);
        ``question`` (a condition or a loop's items, asked before the step ``name``).
    marks
        What the step's marks say.
    code
        The statement of a shared unit.
    """

    kind: str
    name: str
    facts: Facts
    cells: tuple[ParsedCell, ...] = ()
    marks: StepMarks | None = None
    code: Code | None = None
    parameter: Parameter | None = None
    metrics: tuple[int, ...] = ()  #: numbers of the cells that bind numbers to record
    expression: str = ""
    obstacle: Obstacle | None = None  #: what keeps a unit outside

    @property
    def skippable(self) -> bool:
        """Whether the notebook itself says that the step may not run."""
        return self.marks is not None and self.marks.when is not None


@dataclass(frozen=True)
class Draft:
    """A unit before its analysis: its kind, name and cells, in reading order."""

    kind: str
    name: str
    cells: tuple[ParsedCell, ...]
    marks: StepMarks | None = None
    parameter: Parameter | None = None
    metrics: tuple[int, ...] = ()
    obstacle: Obstacle | None = None


@dataclass(frozen=True)
class Reading:
    units: tuple[Unit, ...]
    problems: tuple[Problem, ...]


def read_units(notebook: Notebook) -> Reading:
    """Analyse a whole notebook."""
    shell = {s.name for s in notebook.steps if s.shell}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in texts: Python says it when the cell runs
        parsed = _parsed(notebook.cells, shell)
    problems = [p.problem for p in parsed.values() if p.problem is not None]
    extended = brings_magics(parsed.values())
    problems += [p for c in notebook.cells if c.step is not None for p in magic_problems(parsed[c.number], extended)]
    drafts = list(_drafts(notebook, parsed, problems))
    cells, modules, programs = list(parsed.values()), dict(notebook.modules), dict(notebook.programs)
    drafts, split = _gather(drafts, cells, modules, programs)
    units = _units(drafts, Analyzer(cells, modules, programs))
    if any(u.facts.displayed for u in units):
        units = _units(drafts, Analyzer(cells, modules, programs, keeps_shown=True))
    return Reading(units, (*problems, *split))


def _units(drafts: list[Draft], analyzer: Analyzer) -> tuple[Unit, ...]:
    return tuple(unit for draft in drafts for unit in _analyse(draft, analyzer))


def _parsed(cells: Sequence[Cell], shell: set[str]) -> dict[int, ParsedCell]:
    """Every cell by its number; what a name that may be a magic's means depends on the cells before."""
    found: dict[int, ParsedCell] = {}

    def bound(name: str) -> bool:
        return any(name in bound_in(p.tree) for p in found.values())

    for cell in cells:
        found[cell.number] = _parse(cell, shell, bound)
    return found


def _parse(cell: Cell, shell: set[str], bound: Callable[[str], bool]) -> ParsedCell:
    if cell.step in shell:
        return ParsedCell(cell.number, cell.id, cell.line, cell.source, cell.source, ast.Module([], []))
    return compiled(parse_cell(cell.number, cell.id, cell.source, cell.line, bound, cell.raises))


# -------------------------------------------------------------------- drafts
def _drafts(notebook: Notebook, parsed: dict[int, ParsedCell], problems: list[Problem]) -> Iterator[Draft]:
    marks = {s.name: s for s in notebook.steps}
    setup = SetUp(imports_anywhere(parsed.values()))
    types = known_types(c.tree for c in parsed.values())
    for cell in notebook.cells:
        tree = parsed[cell.number]
        if cell.step is not None or cell.role == METRICS:
            setup.forget(tree.tree)
        if cell.step is not None:
            yield Draft(STEP, cell.step, (tree,), marks[cell.step], metrics=(cell.number,) if cell.metrics else ())
        elif cell.role == METRICS:
            yield Draft(STEP, _free("metrics", marks), (tree,), metrics=(cell.number,))
        elif cell.role == PARAMETERS:
            setup.given(bound_names(tree.tree))
            yield from _parameters(tree, types, problems)
        elif cell.role in (IMPORTS, FUNCTIONS):
            yield from _shared(tree, setup)
        elif cell.role in (UNMARKED, SKIP):
            yield from _unmarked(tree, cell.role == SKIP, setup)


def _free(name: str, taken: dict[str, StepMarks]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def _parameters(cell: ParsedCell, types: KnownTypes, problems: list[Problem]) -> Iterator[Draft]:
    for statement in statements_of(cell):
        node = statement.tree.body[0]
        if _ignored(node):
            continue
        found = declaration_of(node, trailing_comment(node, cell.code), types)
        if found is not None:
            problems += _doubts(found, cell, node.lineno + cell.line - 1)
            yield Draft(PARAMETER, found.parameter.name, (statement,), parameter=found.parameter)
            if found.parameter.conversion:
                code = parse_cell(cell.number, cell.id, found.parameter.conversion, node.lineno + cell.line - 1)
                yield Draft(SHARED, "", (code,))
            continue
        if not imports_only(node) and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            line = node.lineno + cell.line - 1
            text = source_of(node, cell.code).split("\n")[0]
            problems.append(
                Problem(
                    "KF503", f"`{text}` is not a literal assignment, so it is no parameter",
                    "write NAME = literal, where the literal is a number, text, True, False, None, list or dict",
                    cell.number, cell.id, line,
                )
            )  # fmt: skip
        yield Draft(SHARED, "", (statement,))


def _doubts(found: Declaration, cell: ParsedCell, line: int) -> Iterator[Problem]:
    """What is wrong with a parameter's own default."""
    name = found.parameter.name
    message = f"the default of parameter `{name}`: {found.fault or found.doubt}"
    if found.fault:
        yield Problem(
            "KF510", message, "change the default, or what the parameter may be", cell.number, cell.id, line, name
        )
    elif found.doubt:
        yield Problem("KF511", message, "it is taken all the same", cell.number, cell.id, line, name)


def _shared(cell: ParsedCell, setup: SetUp) -> Iterator[Draft]:
    for part in statements_of(cell):
        if not _ignored(part.tree.body[0]):
            setup.learn(part.tree.body[0])
            yield Draft(SHARED, "", (part,))


def _unmarked(cell: ParsedCell, skipped: bool, setup: SetUp) -> Iterator[Draft]:
    """Each statement by itself: shared, or outside the pipeline with what keeps it there."""
    for part in statements_of(cell):
        node = part.tree.body[0]
        printed = setup.redirects.active and _shows(node) and not skipped
        if _ignored(node) and not printed:
            continue
        obstacle: Obstacle | None
        if printed and _ignored(node):
            obstacle = None
        elif _shows(node):
            obstacle = Obstacle(
                source_of(node, cell.code).split("\n")[0][:40], node.lineno, "shows something, and changes it"
            )
        elif skipped and not imports_only(node):
            obstacle = Obstacle("", node.lineno, "has the mark `skip`")
        else:
            obstacle = None if cell.problem is not None else setup.obstacle(node)
        if obstacle is None:
            setup.learn(node)
            yield Draft(SHARED, "", (part,))
        else:
            setup.forget(node)
            yield Draft(OUTSIDE, "", (part,), obstacle=obstacle)


def _ignored(node: ast.stmt) -> bool:
    """Statements that only show something, or that only a notebook front end needs."""
    if isinstance(node, ast.Pass):
        return True
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    if isinstance(value, (ast.Constant, ast.Name, ast.Attribute)):
        return True
    if isinstance(value, ast.Call):
        if root(value.func) == "get_ipython":
            call = magic_call(value)
            return call is not None and (call.name not in LASTING or call.line.split()[:1] == ["kfnb"])
        plain = all(k.arg != "file" for k in value.keywords)
        return _shows(node) and plain and not any(_acts(v) for v in [*value.args, *(k.value for k in value.keywords)])
    return False


def _shows(node: ast.stmt) -> bool:
    """A call of ``print`` or the like, which no step runs again."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in IGNORED_CALLS


def _acts(node: ast.expr) -> bool:
    """Whether working out what is shown may do more than that."""
    return any(isinstance(n, (ast.Call, ast.NamedExpr, ast.Await)) for n in ast.walk(node))


def shared_units(
    cells: list[Cell], parsed: list[ParsedCell], analyzer: Analyzer, problems: list[Problem]
) -> tuple[Unit, ...]:
    """The units of cells that no step is made of, statement by statement: what a pipeline cell may use."""
    drafts: list[Draft] = []
    types = known_types(p.tree for p in parsed)
    setup = SetUp(imports_anywhere(parsed))
    for cell, tree in zip(cells, parsed, strict=True):
        if cell.role == PARAMETERS:
            setup.given(bound_names(tree.tree))
            drafts += _parameters(tree, types, problems)
            continue
        if cell.role in (IMPORTS, FUNCTIONS):
            drafts += _shared(tree, setup)
        else:
            drafts += _unmarked(tree, cell.role != UNMARKED, setup)
    return tuple(unit for draft in drafts for unit in _analyse(draft, analyzer))


# -------------------------------------------------------------------- cells of one step that stand apart
def _gather(
    drafts: list[Draft], parsed: list[ParsedCell], modules: dict[str, str], programs: dict[str, str]
) -> tuple[list[Draft], list[Problem]]:
    """Join the cells of each step, at the first cell's place where that changes nothing, else at the last one's."""
    where: dict[str, list[int]] = {}
    for index, draft in enumerate(drafts):
        if draft.kind == STEP:
            where.setdefault(draft.name, []).append(index)
    apart = {n: at for n, at in where.items() if at[-1] - at[0] >= len(at)}
    facts = _each(drafts, parsed, modules, programs) if apart else []
    place: dict[str, int] = {}
    problems: list[Problem] = []
    for name, at in where.items():
        place[name] = at[0] if name not in apart else _place(name, at, drafts, facts, problems)
    joined: list[Draft] = []
    for index, draft in enumerate(drafts):
        if draft.kind != STEP:
            joined.append(draft)
        elif len(where[draft.name]) == 1:
            joined.append(draft)
        elif place[draft.name] == index:
            cells = tuple(c for i in where[draft.name] for c in drafts[i].cells)
            metrics = tuple(n for i in where[draft.name] for n in drafts[i].metrics)
            joined.append(replace(draft, cells=cells, metrics=metrics))
    return joined, problems


def _each(
    drafts: list[Draft], parsed: list[ParsedCell], modules: dict[str, str], programs: dict[str, str]
) -> list[Facts]:
    analyzer = Analyzer(parsed, modules, programs)
    return [_facts(d, analyzer) for d in drafts]


def _facts(draft: Draft, analyzer: Analyzer) -> Facts:
    if draft.marks is not None and draft.marks.foreach is not None:
        analyzer.define([draft.marks.foreach.variable], VALUE)
    if draft.marks is not None and draft.marks.shell:
        return _shell_facts(draft, draft.marks, analyzer)
    marks = draft.marks
    facts = analyzer.unit(draft.cells, marks is None or marks.when is None, marks is None or marks.foreach is None)
    if marks is not None and marks.foreach is not None:
        # what a function remembers stays with each item: no order could say whose memory later steps get
        kept = {n for n in facts.stateful if facts.kinds.get(n) != DEF}
        return replace(facts, touches={n: s for n, s in facts.touches.items() if n not in kept})
    return facts


def _place(name: str, at: list[int], drafts: list[Draft], facts: list[Facts], problems: list[Problem]) -> int:
    """Moving a cell over others is allowed when neither reads or changes what the other changes."""

    def clash(moved: int, low: int, high: int) -> tuple[int, str] | None:
        for other in range(low + 1, high):
            if drafts[other].name != name or drafts[other].kind != STEP:
                names = _conflict(facts[moved], facts[other])
                if names:
                    return other, sorted(names)[0]
        return None

    up = next((c for i in at[1:] if (c := clash(i, at[0], i))), None)
    if up is None:
        return at[0]
    down = next((c for i in at[:-1] if (c := clash(i, i, at[-1]))), None)
    if down is None:
        return at[-1]
    first, between = drafts[at[0]].cells[0], drafts[up[0]].cells[0]
    problems.append(
        Problem(
            "KF309",
            f"the cells of step `{name}` stand around cell {between.number}, and they need each other: `{up[1]}` and `{down[1]}`",
            f"give the later cells of `{name}` a step name of their own", first.number, first.id, None, name,
        )
    )  # fmt: skip
    return at[-1]


def _conflict(one: Facts, other: Facts) -> set[str]:
    mine, theirs = {*one.may, *one.touches}, {*other.may, *other.touches}
    quiet = {n for n in mine & theirs if one.kinds.get(n) == "import"}
    return ((mine & (theirs | set(other.reads))) | (theirs & set(one.reads))) - quiet


# -------------------------------------------------------------------- analysis
def _analyse(draft: Draft, analyzer: Analyzer) -> Iterator[Unit]:
    if draft.kind == PARAMETER and draft.parameter is not None:
        facts = analyzer.unit(draft.cells)
        plain = draft.parameter.type in ("str", "int", "float", "bool")
        text = hole(draft.name) if isinstance(draft.parameter.default, str) else None
        analyzer.define([draft.name], SCALAR if plain else VALUE, text)
        yield Unit(PARAMETER, draft.name, facts, draft.cells, parameter=draft.parameter)
        return
    if draft.marks is not None:
        yield from _questions(draft, analyzer)
    facts = _facts(draft, analyzer)
    if draft.kind == SHARED:
        cell = draft.cells[0]
        node = cell.tree.body[0]
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        code = Code(cell.number, source_of(node, cell.code), first + cell.line - 1, cell.id)
        yield Unit(SHARED, "", facts, draft.cells, code=code)
        return
    yield Unit(draft.kind, draft.name, facts, draft.cells, draft.marks, metrics=draft.metrics, obstacle=draft.obstacle)


def _questions(draft: Draft, analyzer: Analyzer) -> Iterator[Unit]:
    """``when`` and ``foreach`` read names just before the step does."""
    marks = draft.marks
    assert marks is not None
    texts = [("foreach", marks.foreach.items)] if marks.foreach is not None else []
    if marks.when is not None:
        # a condition on the item itself is asked for each item, after the items are known
        inner = marks.foreach is not None and marks.foreach.variable in _names(marks.when)
        texts.insert(1 if inner else 0, ("when", marks.when))
    for what, text in texts:
        number, line = marks.marked_at
        cell = parse_cell(number, draft.cells[0].id, text.strip(), line or 1)
        if cell.problem is None:
            facts = analyzer.unit([cell])
            if marks.foreach is not None and what == "when":
                variable = marks.foreach.variable
                facts = replace(facts, reads={n: s for n, s in facts.reads.items() if n != variable})
            yield Unit(QUESTION, f"{what}-{draft.name}", facts, (cell,), marks, expression=text.strip())


def _names(text: str) -> set[str]:
    try:
        return names_in(parse_expression(text.strip()))
    except SyntaxError:
        return set()


def _shell_facts(draft: Draft, marks: StepMarks, analyzer: Analyzer) -> Facts:
    """A shell step reads the notebook's names that it mentions as ``$name``, and writes its outputs."""
    world = analyzer.world
    outputs = {o.name for o in marks.outputs}
    private = {o.path for o in marks.outputs}
    reads: dict[str, Site] = {}
    texts: dict[str, Site] = {}
    files: dict[Use, Site] = {}
    for cell in draft.cells:
        for number, line in enumerate(cell.source.split("\n"), cell.line):
            site = Site(cell.number, number)
            for name in MENTIONED.findall(line):
                if name not in outputs and world.kinds.get(name) in (SCALAR, VALUE):
                    reads.setdefault(name, site)
            command = VARIABLE.sub(lambda m: world.texts.get(m[1] or m[2]) or hole(m[1] or m[2]), line)
            files.update((use, site) for use in uses_of_line(command) if use[0] not in private)
            texts.update((w, site) for word in line.split() if (w := word.strip("'\"")) not in private)
    made = {o.name: Site(draft.cells[0].number, draft.cells[0].line) for o in marks.outputs}
    analyzer.define(outputs, SCALAR)
    return Facts(
        reads=reads, may=made, must=frozenset(made), kinds=dict.fromkeys(made, SCALAR), files=files, texts=texts
    )
