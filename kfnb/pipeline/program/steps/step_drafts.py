"""Drafts of steps, and bindings of names, while a pipeline cell is parsed."""

from __future__ import annotations

from dataclasses import dataclass, field

from kfnb.pipeline.model import (
    Code,
    Command,
    Constant,
    Export,
    ExportRef,
    Input,
    ItemRef,
    Json,
    Merge,
    ParameterRef,
    Ref,
    Replay,
    sources,
)
from kfnb.pipeline.program.steps.backward_slices import Block, Call
from kfnb.step_settings import Places, Settings, ShellOutput


@dataclass(frozen=True)
class Binding:
    """What a name stands for.

    Parameters
    ----------
    ref
        The reference to the value; ``None`` if a slice of the cell evaluates it.
    type
        One of ``str int float bool list dict``, when that is sure; else empty.
    container
        A list, dict or set made in the cell itself, which the cell may change.
    only_if
        The condition without which the name is not bound.
    line
        Where it was bound.
    """

    ref: Ref | None = None
    type: str = ""
    container: bool = False
    only_if: str = ""
    line: int = 0


@dataclass(eq=False)
class StepDraft:
    """A step that the parser is building."""

    name: str
    component: str
    line: int
    block: Block
    codes: list[Code] = field(default_factory=list)
    prepare: list[Input | Replay] = field(default_factory=list)
    global_uses: set[str] = field(default_factory=set)  #: global names it uses
    definitions: dict[str, int] = field(default_factory=dict)  #: outputs and their lines
    live_outputs: set[str] = field(default_factory=set)
    exports: list[Export] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    setting_places: Places = ()
    description: str = ""
    command: Command | None = None
    shell_outputs: tuple[ShellOutput, ...] = ()
    call: Call = field(default_factory=lambda: Call({}))
    decisions: list[str] = field(default_factory=list)  #: the decisions about it, for `kfnb show --why`

    def export(self, name: str, expression: str, late: bool = False) -> ExportRef:
        export = Export(name, expression, late=late)
        if export not in self.exports:
            self.exports.append(export)
        return ExportRef(self.name, name)


def type_of_value(value: Json) -> str:
    kind = type(value).__name__
    return kind if kind in ("str", "int", "float", "bool", "list", "dict") else ""


def always(ref: Ref, inside: set[str]) -> bool:
    """Whether a value exists even if the steps ``inside`` a branch are skipped."""
    if isinstance(ref, (Constant, ParameterRef, ItemRef)):
        return True
    if isinstance(ref, Merge):
        return any(always(c, inside) for c in ref.candidates)
    return not any(s.step in inside for s in sources(ref))
