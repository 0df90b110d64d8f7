"""The engine-neutral pipeline: steps, conditions, loops, guards, and where each value comes from.

Everything is a frozen dataclass; `kfnb.pipeline.serialize` turns it into JSON and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from kfnb.pipeline.references import (
    All,
    Any_,
    Collected,
    Compare,
    Constant,
    ExportRef,
    ItemRef,
    Json,
    Merge,
    Not,
    OutputRef,
    ParameterRef,
    Ref,
    StatusRef,
    Test,
    Truth,
    operands,
    sources,
    with_operands,
)
from kfnb.step_settings import Places, Settings, ShellOutput

__all__ = [
    "SCHEMA",
    "All",
    "Any_",
    "Branch",
    "Code",
    "Collected",
    "Command",
    "Compare",
    "Condition",
    "Constant",
    "Edge",
    "Export",
    "ExportRef",
    "Guard",
    "Input",
    "ItemRef",
    "Json",
    "Loop",
    "Merge",
    "Node",
    "Not",
    "Origin",
    "OutputRef",
    "Parameter",
    "ParameterRef",
    "Pipeline",
    "Ref",
    "Replay",
    "ShellOutput",
    "StatusRef",
    "Step",
    "Test",
    "Truth",
    "bodies_of",
    "handlers_of",
    "operands",
    "sources",
    "steps_of",
    "with_operands",
    "with_steps",
]

SCHEMA = 2  #: version of the JSON form


# ---------------------------------------------------------------- steps
@dataclass(frozen=True)
class Code:
    """Python (with IPython syntax) from a cell: ``source`` begins at ``line`` of code cell ``cell``."""

    cell: int
    source: str
    line: int = 1
    cell_id: str = ""
    raises: bool = False  #: whether the step goes on after an error, which is shown


@dataclass(frozen=True)
class Input:
    """A name that is bound in the step's namespace before its code runs.

    If only skipped steps produce a ``required`` input, the step is skipped; another input is left out.
    Names that begin with ``@`` are ambient state (see `kfnb.runtime.ambient.ambient_state`).
    """

    name: str
    ref: Ref
    required: bool = True


@dataclass(frozen=True)
class Replay:
    """A statement of shared code (an import, a definition, a literal, a setting) run again before the cells."""

    code: Code


@dataclass(frozen=True)
class Export:
    """An expression that the step evaluates after its cells; its value must be JSON.

    A ``metric`` is recorded with the run if it is a number, text or truth value, and ignored otherwise.
    An error in a ``late`` expression does not fail the step; it fails the condition that uses the value.
    """

    name: str
    expression: str
    metric: bool = False
    late: bool = False


@dataclass(frozen=True)
class Command:
    """The command of a container step: ``command`` and ``args`` as in a pod.

    ``{NAME}`` in either, where ``NAME`` is an input or output of the step and no ``$`` stands before it, is the input's text,
    or the path of the output's file. Inputs are environment variables too.
    """

    command: tuple[str, ...]
    args: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The whole command line."""
        return (*self.command, *self.args)


@dataclass(frozen=True)
class Step:
    """A component placed in a pipeline.

    Parameters
    ----------
    label
        What people read in place of the name of a step that kfnb adds: ``if score > 0.5``.
    component, description
        The component's own name and description, where it has them: steps of one component share its name.
    command
        A container step: it has no cells; its inputs are JSON values, its outputs ``shell_outputs``.
    prepare
        What the step does before its cells, in order: bind inputs and run shared code.
    cells
        The step's code. For a shell step (``shell``) each is a script.
    outputs
        Names that are stored because a later step may need them. If a value cannot be stored, the step fails. A name
        that the step did not bind, because it stands under an ``if``, is left out without an error.
    results
        Other names that the step defines. They are stored for the user if that is possible and cheap.
    exports
        Small JSON values for conditions, loops and shell steps.
    after
        Steps to wait for without needing a value.
    setting_places
        Where the notebook says the settings, for messages. The defaults of the notebook and of a target have no place.
    """

    name: str
    cells: tuple[Code, ...]
    prepare: tuple[Input | Replay, ...] = ()
    outputs: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    exports: tuple[Export, ...] = ()
    after: tuple[str, ...] = ()
    shell: bool = False
    shell_outputs: tuple[ShellOutput, ...] = ()
    settings: Settings = field(default_factory=Settings)
    command: Command | None = None
    component: str = ""
    description: str = ""
    setting_places: Places = ()
    label: str = ""

    @property
    def shown_name(self) -> str:
        """What people read: the label of a step that kfnb adds, the name of any other."""
        return self.label or self.name

    @property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(p for p in self.prepare if isinstance(p, Input))


@dataclass(frozen=True)
class Branch:
    """One branch of a condition. ``when`` is ``None`` for ``else``; ``text`` is the test as the user wrote it, if it says more."""

    when: Test | None
    body: tuple[Node, ...]
    text: str = ""


@dataclass(frozen=True)
class Condition:
    """A condition: the first branch whose test is true runs, and the steps of the other branches are skipped."""

    name: str
    branches: tuple[Branch, ...]


@dataclass(frozen=True)
class Loop:
    """A loop: ``body`` runs once for each item of the JSON list ``items``, in parallel.

    ``parallelism`` limits how many iterations run at once; 0 leaves it to the engine. ``text`` is the items as the user
    wrote them, if it says more.
    """

    name: str
    items: Ref
    body: tuple[Node, ...]
    parallelism: int = 0
    text: str = ""


@dataclass(frozen=True)
class Guard:
    """``try`` and ``finally``: ``handler`` runs when all steps of ``body`` have ended, whatever happened.

    A guard whose branch is not taken, or that the run does not reach, does not run its handler. A failure of the handler
    fails the run and never hides an earlier failure.
    """

    name: str
    body: tuple[Node, ...]
    handler: tuple[Node, ...]


Node = Step | Condition | Loop | Guard


@dataclass(frozen=True)
class Parameter:
    """A parameter of the pipeline. ``type`` is one of ``str int float bool list dict any``; ``any`` takes every JSON value.

    ``schema`` is a JSON Schema for its values, where more than the type is known (see
    `kfnb.pipeline.parameters.value_schema`). ``conversion`` is a statement that turns the JSON value into the kind of object
    that the notebook's own statement makes: a date, a path, a member of an enumeration.
    """

    name: str
    type: str
    default: Json
    description: str = ""
    schema: Json = field(default_factory=dict)
    conversion: str = ""


@dataclass(frozen=True)
class Edge:
    """Why ``to`` waits for ``source``: the names that pass, and a sentence in the user's words.

    ``files`` are the paths that ``source`` writes and ``to`` opens. ``silent`` are those of them that ``to`` would not miss
    with an error, such as a database that it would create again.
    """

    source: str
    to: str
    names: tuple[str, ...]
    why: str
    files: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """The code cell and line where a step defines or uses a name, for messages."""

    step: str
    name: str
    cell: int
    line: int


@dataclass(frozen=True)
class Pipeline:
    """A pipeline.

    ``sources`` maps code cell numbers to their full text (for tracebacks); ``makes`` and ``needs`` say where steps
    define and use names, for the error when a value cannot be stored.
    """

    name: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    sources: tuple[tuple[int, str], ...] = ()
    makes: tuple[Origin, ...] = ()
    needs: tuple[Origin, ...] = ()
    notebook: str | None = None

    def steps(self) -> Iterator[Step]:
        """Every step in reading order, a guard's handler after its body."""
        return steps_of(self.body)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the values that are recorded with a run."""
        return tuple(dict.fromkeys(e.name for s in self.steps() for e in s.exports if e.metric))


def with_steps(pipeline: Pipeline, change: Callable[[Step], Step]) -> Pipeline:
    """The pipeline with every step changed."""
    return replace(pipeline, body=tuple(_changed(n, change) for n in pipeline.body))


def _changed(node: Node, change: Callable[[Step], Step]) -> Node:
    if isinstance(node, Step):
        return change(node)
    if isinstance(node, Condition):
        branches = (replace(b, body=tuple(_changed(n, change) for n in b.body)) for b in node.branches)
        return replace(node, branches=tuple(branches))
    body = tuple(_changed(n, change) for n in node.body)
    if isinstance(node, Loop):
        return replace(node, body=body)
    return replace(node, body=body, handler=tuple(_changed(n, change) for n in node.handler))


def steps_of(body: Iterable[Node]) -> Iterator[Step]:
    """The steps in ``body`` at any depth, in order."""
    for node in body:
        if isinstance(node, Step):
            yield node
        else:
            for inner in bodies_of(node):
                yield from steps_of(inner)


def bodies_of(node: Condition | Loop | Guard) -> tuple[tuple[Node, ...], ...]:
    """The lists of nodes inside a node, in reading order."""
    if isinstance(node, Loop):
        return (node.body,)
    if isinstance(node, Guard):
        return (node.body, node.handler)
    return tuple(branch.body for branch in node.branches)


def handlers_of(body: Iterable[Node]) -> Iterator[Step]:
    """The steps inside handlers, at any depth."""
    for node in body:
        if isinstance(node, Guard):
            yield from steps_of(node.handler)
            yield from handlers_of(node.body)
        elif not isinstance(node, Step):
            for inner in bodies_of(node):
                yield from handlers_of(inner)
