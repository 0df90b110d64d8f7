"""Records the cells that were run in this kernel. Where no notebook file is known, they are the notebook."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kfnb.analysis.parse_cells import parse_cell
from kfnb.analysis.syntax.compiled_names import names_of
from kfnb.notebook.marks.cell_marks import CellMarks, component_line, magic_line, read_options, role_line
from kfnb.notebook.marks.pipeline_line import PIPELINE_MAGIC
from kfnb.notebook.parse import uses_pipelines
from kfnb.problems import UserError

#: nbformat's rule for a cell's id; some front ends send addresses
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: What only starts kfnb.
STARTS = re.compile(r"\s*(%(re)?load_ext\s+kfnb(?!\S)[^\n]*|#[^\n]*)?")


def registered_notebook(shell: Any) -> dict[str, Any]:
    """The cells that were run in this kernel as notebook JSON (nbformat 4.5), in the order of a notebook.

    A cell that was run again stands where it stood first, with its last text (a pipeline: where it was run last). The front end tells which cell it is;
    where it does not, a step or a pipeline is known by its name, and another cell by its text. Code that defines anew what an
    earlier cell without a name defined takes that cell's place, unless a step between the two was run with the earlier one.
    Cells are numbered as ``In [n]`` showed them first; empty ones stand for those that are not there.
    """
    return registered(shell).notebook()


def registered(shell: Any) -> Registered:
    """The register of a shell's cells, kept from the first call on."""
    if "kfnb_cells" not in shell.meta:
        shell.meta["kfnb_cells"] = Registered(shell)
    found: Registered = shell.meta["kfnb_cells"]
    return found


class BadComponent(UserError, Exception):
    """The line of a magic cannot be read: its cell marks nothing."""


@dataclass(eq=False)
class Ran:
    """A cell of this kernel. ``first`` and ``last``: what ``In [n]`` showed at its first and its last run; ``at``: when that was."""

    source: str
    id: str | None
    first: int
    last: int
    failed: bool = False
    renews: bool = False  #: whether it stands for an earlier cell
    refused: bool = False  #: whether its marks cannot be read
    at: float = field(default_factory=time.time)  #: seconds since 1970

    @cached_property
    def mark(self) -> tuple[str, str] | None:
        """What it is known by: ``("step", "train")``, ``("pipeline", "flipcoin")``, or nothing."""
        step, pipeline = component_line(self.source), magic_line(self.source, PIPELINE_MAGIC)
        if step is not None:
            marks = CellMarks(0, "")
            read_options(*step, marks)
            return ("step", marks.step) if marks.step else None
        name = re.match(r"\s*([\w-]+)", pipeline[0]) if pipeline is not None else None
        return ("pipeline", name[1]) if name is not None else None

    @cached_property
    def role(self) -> str | None:
        line = role_line(self.source)
        return line[0] if line is not None else None

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names that a cell without a mark of its own binds."""
        return frozenset() if self.mark else names_of(parse_cell(0, "", _below(self.source)).tree).binds

    @property
    def stays(self) -> bool:
        """Whether it belongs to the notebook: what failed and marks nothing was a try."""
        tried = self.refused and not self.renews
        return not self.ours and not tried and (not self.failed or self.mark is not None)

    @property
    def ours(self) -> bool:
        """Whether it only starts kfnb or asks something of it."""
        lines = self.source.split("\n")
        return self.mark is None and (uses_pipelines(self.source) or all(STARTS.fullmatch(line) for line in lines))


@dataclass
class Registered:
    """Listens to a shell and keeps what was run in it."""

    shell: Any
    cells: list[Ran] = field(default_factory=list)
    running: Ran | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)  #: of this register, unlike any other

    def __post_init__(self) -> None:
        for number, source in enumerate(self._history[1:], 1):
            self._record(source, None, number)
        self.shell.events.register("pre_run_cell", self._begins)
        self.shell.events.register("post_run_cell", self._ended)

    @property
    def _history(self) -> list[str]:
        """Texts by number, from 1."""
        texts: list[str] = self.shell.history_manager.input_hist_raw
        return texts

    def _begins(self, info: Any) -> None:
        self.running = None
        if info.store_history:
            self.running = self._record(info.raw_cell, getattr(info, "cell_id", None), len(self._history))

    def _ended(self, result: Any) -> None:
        ran, self.running = self.running, None
        if ran is None and self.cells and result.info.raw_cell == self.cells[-1].source:
            ran = self.cells[-1]  # the cell that loaded the extension
            ran.id = ran.id or getattr(result.info, "cell_id", None)
        if ran is not None:
            ran.failed = not result.success
            ran.refused = isinstance(result.error_in_exec, BadComponent)

    def _record(self, source: str, id: str | None, number: int) -> Ran:
        now = Ran(source, id, number, number)
        before = self._before(now)
        if before is not None:
            now.id = id or before.id
            now.renews = before.renews or not before.refused
        if before is None or _pipeline(now):
            self.cells = [*(r for r in self.cells if r is not before), now]
        else:
            now.first = before.first
            self.cells[self.cells.index(before)] = now
        return now

    def _before(self, now: Ran) -> Ran | None:
        """The earlier run of the same cell."""
        same = [r for r in self.cells if now.id is not None and r.id == now.id]
        unknown = [r for r in self.cells if now.id is None or r.id is None]
        same += [r for r in unknown if now.mark is not None and r.mark == now.mark]
        same += [r for r in unknown if r.source == now.source]
        return same[0] if same else None

    # ---------------------------------------------------------------- the notebook
    def notebook(self, more: str | None = None) -> dict[str, Any]:
        """As `registered_notebook` says; ``more`` is one more cell at the end."""
        placed: list[dict[str, Any]] = []
        for ran in self._ordered():
            while len(placed) < ran.first - 1:
                placed.append(_cell("", f"in-{len(placed) + 1}"))
            valid = ran.id is not None and ID.fullmatch(ran.id)
            placed.append(_cell(ran.source, ran.id if valid else f"ran-{ran.first}", ran.last))
        if more is not None:
            placed.append(_cell(more, "more"))
        return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "python"}}, "cells": placed}

    def _ordered(self) -> list[Ran]:
        ordered: list[Ran] = []
        for ran in (r for r in self.cells if r.stays):
            at = self._renewed(ran, ordered)
            if at is None:
                ordered.append(ran)
            elif ordered[at].binds <= ran.binds:
                ordered[at] = _at(ran, ordered[at].first)
            else:
                ordered.insert(at + 1, _at(ran, ordered[at].first + 1))
        return ordered

    def _renewed(self, ran: Ran, before: list[Ran]) -> int | None:
        """Where the cell stands that this one defines anew."""
        places = [
            n for n, r in enumerate(before) if r.binds & ran.binds and r.role == ran.role and None in (r.id, ran.id)
        ]
        if ran.mark is not None or not places:
            return None
        between = [r for r in before[places[-1] :] if r.mark is not None]
        after = any(r.mark is not None and r.first > ran.first for r in self.cells)
        if not between or (after and any(r.last < ran.last for r in between)):
            return None
        return places[-1]


def _pipeline(ran: Ran) -> bool:
    """A pipeline reads all that was run before it; nothing reads a pipeline."""
    return ran.mark is not None and ran.mark[0] == "pipeline"


def _at(ran: Ran, place: int) -> Ran:
    return Ran(ran.source, ran.id, place, ran.last, at=ran.at)


def _below(source: str) -> str:
    line = role_line(source)
    return source if line is None else "\n".join(source.split("\n")[line[2] :])


def _cell(source: str, id: str | None, count: int | None = None) -> dict[str, Any]:
    return {"cell_type": "code", "id": id, "metadata": {}, "source": source, "outputs": [], "execution_count": count}
