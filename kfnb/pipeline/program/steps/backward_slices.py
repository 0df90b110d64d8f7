"""Backward slices of a pipeline cell: the statements that a step runs again to define the names it uses.

A slice holds only the statements that matter for these names, and the recorded output in place of each component call. So
a name means the same in the step as in the cell.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kfnb.pipeline.model import Code, Collected, ExportRef, Input, OutputRef, Replay

NOTHING: frozenset[str] = frozenset()
Item = Input | Replay


class LoopCarried(Exception):
    """A value would pass from one iteration of a loop to the next; ``args[0]`` is its name."""


@dataclass(eq=False)
class Block:
    """Statements in order. ``owner`` is the `If` or `For` that holds the block, at index ``at`` of ``parent``."""

    parent: Block | None = None
    at: int = 0
    owner: If | For | None = None
    statements: list[Statement] = field(default_factory=list)

    def definitions(self) -> Iterator[str]:
        for statement in self.statements:
            yield from statement.definitions


@dataclass(eq=False)
class Call:
    """A component call and the names that it defines; names for conditions and loops begin with ``_kfnb_``."""

    outputs: dict[str, OutputRef | ExportRef]

    @property
    def definitions(self) -> Iterable[str]:
        return self.outputs


@dataclass(eq=False)
class Assignment:
    """An assignment, or a change of a container, which is then both defined and used. ``source`` is one statement."""

    source: str
    line: int
    definitions: frozenset[str]
    uses: frozenset[str]


@dataclass(eq=False)
class If:
    """An ``if`` statement. ``tests`` are the conditions with the names that they use; an extra arm is the ``else``."""

    line: int
    tests: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    arms: list[Block] = field(default_factory=list)
    definitions: frozenset[str] = NOTHING


@dataclass(eq=False)
class For:
    """A loop.

    Parameters
    ----------
    target, items, uses
        Source of the target and of the items, and the names that the items use.
    target_names, assigned
        Names of the target; names that the body binds or changes.
    iteration, iteration_uses
        What binds the target in one iteration, and the names that this uses from outside the loop.
    """

    line: int
    target: str
    items: str
    uses: frozenset[str]
    target_names: frozenset[str]
    assigned: frozenset[str] = NOTHING
    iteration: tuple[Item, ...] = ()
    iteration_uses: frozenset[str] = NOTHING
    body: Block = field(default_factory=Block)
    definitions: frozenset[str] = NOTHING


Statement = Call | Assignment | If | For


@dataclass
class Slicer:
    """Makes slices of one cell. ``count`` numbers the recorded values."""

    cell: int
    cell_id: str
    count: int = 0

    def backward_slice(self, block: Block, names: Iterable[str]) -> tuple[list[Item], set[str]]:
        """What defines ``names`` at the end of ``block``, in order, and the names that nothing there defines.

        Raises
        ------
        LoopCarried
            When a value comes from an earlier iteration.
        """
        needed, found = set(names), list[list[Item]]()
        statements = block.statements
        while True:
            for statement in reversed(statements):
                if not needed.isdisjoint(statement.definitions):
                    found.append(self._emit(statement, needed))
            owner = block.owner
            if isinstance(owner, For):
                carried = needed & owner.assigned
                if carried:
                    raise LoopCarried(sorted(carried)[0])
                if needed & owner.target_names:
                    needed = (needed - owner.target_names) | owner.iteration_uses
                    found.append(list(owner.iteration))
            if block.parent is None:
                return [item for items in reversed(found) for item in items], needed
            statements, block = block.parent.statements[: block.at], block.parent

    def _emit(self, statement: Statement, needed: set[str]) -> list[Item]:
        """Emit one statement of the slice; ``needed`` becomes the names that are live before it."""
        if isinstance(statement, Call):
            mine = [n for n in statement.outputs if n in needed]
            needed -= set(mine)
            return [Input(n, statement.outputs[n]) for n in mine]
        if isinstance(statement, Assignment):
            needed -= statement.definitions
            needed |= statement.uses
            return [Replay(Code(self.cell, statement.source, statement.line, self.cell_id))]
        inputs: list[Item] = []
        lines = self._lines(statement, needed, False, inputs, isinstance(statement, For))
        return [*inputs, Replay(Code(self.cell, "\n".join(lines), statement.line, self.cell_id))]

    # ---------------------------------------------------------------- text of what stands inside
    def _block(self, block: Block, needed: set[str], looped: bool, inputs: list[Item]) -> list[str]:
        parts = [
            self._lines(s, needed, looped, inputs, False)
            for s in reversed(block.statements)
            if not needed.isdisjoint(s.definitions)
        ]
        return [line for lines in reversed(parts) for line in lines] or ["pass"]

    def _lines(
        self, statement: Statement, needed: set[str], looped: bool, inputs: list[Item], required: bool
    ) -> list[str]:
        if isinstance(statement, Call):
            mine = [n for n in statement.outputs if n in needed]
            needed -= set(mine)
            return [f"{n} = {self._recorded_output(statement.outputs[n], looped, inputs)}" for n in mine]
        if isinstance(statement, Assignment):
            needed -= statement.definitions
            needed |= statement.uses
            return statement.source.split("\n")
        if isinstance(statement, If):
            return self._if(statement, needed, looped, inputs)
        return self._for(statement, needed, looped, inputs)

    def _recorded_output(self, ref: OutputRef | ExportRef, looped: bool, inputs: list[Item]) -> str:
        self.count += 1
        name = f"_kfnb_was_{self.count}"
        inputs.append(Input(name, Collected(ref) if looped else ref, required=False))
        return f"next({name})" if looped else name

    def _if(self, statement: If, needed: set[str], looped: bool, inputs: list[Item]) -> list[str]:
        lines: list[str] = []
        after, before = set(needed), set[str]()
        for index, arm in enumerate(statement.arms):
            mine = set(after)
            body = self._block(arm, mine, looped, inputs)
            before |= mine
            word = (
                "else" if index == len(statement.tests) else f"{'elif' if index else 'if'} {statement.tests[index][0]}"
            )
            lines += [f"{word}:", *_indented(body)]
        if len(statement.arms) == len(statement.tests):
            before |= after
        needed.clear()
        needed |= before.union(*(uses for _, uses in statement.tests))
        return lines

    def _for(self, statement: For, needed: set[str], looped: bool, inputs: list[Item]) -> list[str]:
        wanted = set(needed)
        while True:
            mine, trial = set(wanted), list[Item]()
            before = self.count
            body = self._block(statement.body, mine, True, trial)
            more = wanted | (mine & statement.assigned)
            if more == wanted:
                break
            wanted, self.count = more, before
        # an inner loop takes its recorded values from the same list as the outer loop
        starts = [] if looped else [f"{i.name} = iter({i.name})" for i in trial if isinstance(i, Input)]
        inputs += trial
        needed |= (wanted | mine) - statement.target_names
        needed |= statement.uses
        return [*starts, f"for {statement.target} in {statement.items}:", *_indented(body)]


def _indented(lines: list[str]) -> list[str]:
    return [textwrap.indent(line, "    ") for line in lines]
