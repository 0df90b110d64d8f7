"""Parses ``for`` and comprehensions: loops over a JSON list, or over the indexes of another collection."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from kfnb.analysis.syntax.ast_queries import is_value, literal_value, targets
from kfnb.pipeline.model import Constant, Input, ItemRef, OutputRef, ParameterRef, Ref, Replay, sources
from kfnb.pipeline.parameters.value_schema import is_json
from kfnb.pipeline.program import refused_constructs
from kfnb.pipeline.program.control_flow.branch_conditions import step_with_all
from kfnb.pipeline.program.control_flow.control_flow_nodes import LoopDraft
from kfnb.pipeline.program.parsed_expression import owner
from kfnb.pipeline.program.parser_protocol import Parser
from kfnb.pipeline.program.steps.backward_slices import NOTHING, Assignment, Block, For, Item
from kfnb.pipeline.program.steps.step_drafts import Binding, type_of_value
from kfnb.pipeline.program.steps.step_placement import bind_name, code_at, new_step

MOST = 10_000  #: the largest number of iterations of a literal loop


@dataclass(frozen=True)
class LoopItems:
    """The items of a loop.

    Parameters
    ----------
    ref
        A JSON list: the items, or their indexes in ``collection``.
    code, uses
        The items in a slice of the cell.
    collection
        An expression for the whole list if ``ref`` holds indexes, else empty.
    inputs
        The inputs of the collection.
    type
        The type of the items if all have the same, else empty.
    """

    ref: Ref
    code: str
    uses: frozenset[str] = NOTHING
    collection: str = ""
    inputs: tuple[Item, ...] = ()
    type: str = ""


@dataclass
class LoopParser:
    parser: Parser

    def parse(self, node: ast.For) -> None:
        state = self.parser.state
        if node.orelse:
            raise state.refuse(refused_constructs.LOOP_ELSE, node.orelse[0])
        if any(isinstance(n, (ast.Attribute, ast.Subscript)) for n in ast.walk(node.target)):
            raise state.refuse(refused_constructs.TARGET, node.target)
        name = state.unique_name("for")
        text = ast.unparse(node.iter)
        items = self._items(node.iter, name)
        bound = frozenset(targets(node.target))
        assigned = frozenset(_assigned(node.body)) - bound
        draft = LoopDraft(name, items.ref, text)
        statement = For(
            node.lineno + state.line_offset, ast.unparse(node.target), items.code, items.uses, bound, assigned
        )
        statement.iteration = self._iteration(node, name, items)
        outer, nodes, before = state.block, state.nodes, state.scope
        statement.body = Block(outer, len(outer.statements), statement)
        outer.statements.append(statement)
        steps = tuple(dict.fromkeys(s.step for s in sources(items.ref)))
        steps += tuple(
            s.step for i in items.inputs if isinstance(i, Input) for s in sources(i.ref) if s.step not in steps
        )
        state.scope = {n: replace(v, ref=None) if n in assigned else v for n, v in before.items()}
        for target in bound:
            direct = ItemRef(name) if isinstance(node.target, ast.Name) and not items.collection else None
            bind_name(state, target, Binding(direct, items.type, line=node.lineno), node)
        state.block, state.nodes = statement.body, draft.body
        state.loops = (*state.loops, name)
        state.enclosing.append((steps, f"runs once per item of `{text}`"))
        self.parser.body(node.body)
        state.enclosing.pop()
        state.loops = state.loops[:-1]
        inner = state.scope
        state.block, state.nodes = outer, nodes
        nodes.append(draft)
        statement.definitions = frozenset((*bound, *statement.body.definitions()))
        state.scope = dict(before)
        for changed in (*bound, *sorted(assigned)):
            if changed in inner:
                old = before.get(changed)
                container = old is not None and old.container and inner[changed].container
                state.scope[changed] = Binding(None, inner[changed].type, container, "", inner[changed].line)

    def _iteration(self, node: ast.For, name: str, items: LoopItems) -> tuple[Item, ...]:
        """What binds the target in one iteration."""
        state = self.parser.state
        if not items.collection and isinstance(node.target, ast.Name):
            return (Input(node.target.id, ItemRef(name)),)
        item = state.temporary_name("item")
        value = f"{items.collection}[{item}]" if items.collection else item
        return (
            *items.inputs,
            Input(item, ItemRef(name)),
            Replay(code_at(state, f"{ast.unparse(node.target)} = {value}", node.lineno)),
        )

    # ---------------------------------------------------------------- items
    def _items(self, node: ast.expr, name: str) -> LoopItems:
        state = self.parser.state
        known = _literal_items(node, state.scope)
        if known is not None:
            if len(known) > MOST:
                raise state.error(
                    "KF405",
                    f"this loop has {len(known)} iterations, each of them a step or more",
                    f"at most {MOST}: loop inside a component",
                    node,
                )
            expression = self.parser.expression(node)
            uses, code = frozenset(expression.names) & state.scope.keys(), ast.unparse(expression.node)
            if is_json(known):
                kinds = {type_of_value(v) for v in known}
                return LoopItems(Constant(known), code, uses, type=kinds.pop() if len(kinds) == 1 else "")
            if not uses:
                return LoopItems(Constant(list(range(len(known)))), code, uses, f"[*{code}]")
        if isinstance(node, ast.Name) and node.id in state.scope:
            state.check_use(node.id, node)
            value = state.scope[node.id]
            if isinstance(value.ref, ParameterRef) and value.type == "list":
                state.use_parameter(value.ref.name)
                return LoopItems(value.ref, node.id, frozenset((node.id,)))
        return self._computed_items(node, name)

    def _computed_items(self, node: ast.expr, name: str) -> LoopItems:
        """Items that a step computes: the whole list travels, and each iteration takes one item by its index."""
        state = self.parser.state
        expression = self.parser.expression(node)
        items, outside = state.definitions_of(expression.names, node)
        text = ast.unparse(expression.node)
        collection = state.temporary_name("items")
        home = step_with_all(state, items)
        plain = all(isinstance(i, Input) and (not isinstance(i.ref, OutputRef) or i.ref.name == i.name) for i in items)
        if home is None or not plain or home.block is not state.block:
            home = new_step(state, name.replace("for", "items", 1), node)
            state.add_inputs(home, items, outside, node.lineno)
            home.decisions.append(f"works out the items `{text}`: they do not come from one step alone")
        else:
            extra = [i for i in items if isinstance(i, Input) and not isinstance(i.ref, OutputRef)]
            state.add_inputs(home, extra, outside, node.lineno)
            home.decisions.append(f"also lists the items of `{text}` for {name} (no extra step)")
        home.codes.append(code_at(state, f"{collection} = [*({text})]", node.lineno))
        home.definitions[collection] = node.lineno
        home.live_outputs.add(collection)
        home.call.outputs[collection] = OutputRef(home.name, collection)
        places = home.export(name, f"list(range(len({collection})))")
        whole = Input(collection, OutputRef(home.name, collection))
        return LoopItems(places, collection, frozenset((collection,)), collection, (whole,))

    # ---------------------------------------------------------------- comprehensions
    def comprehension(self, node: ast.ListComp | ast.DictComp) -> str:
        """Parse a comprehension that calls components as a loop, and return the name of its list or dict."""
        state = self.parser.state
        name = state.temporary_name("list" if isinstance(node, ast.ListComp) else "dict")
        node = copy.deepcopy(node)
        own = {n: f"_kfnb_{n}_{state.temporary_count}" for g in node.generators for n in targets(g.target)}
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in own:
                part.id = own[part.id]
        result = ast.Name(name, ast.Load())
        if isinstance(node, ast.ListComp):
            inner: ast.stmt = ast.Expr(ast.Call(ast.Attribute(result, "append", ast.Load()), [node.elt], []))
        else:
            inner = ast.Assign([ast.Subscript(result, node.key, ast.Store())], node.value)
        for generator in reversed(node.generators):
            for test in reversed(generator.ifs):
                inner = ast.If(test, [inner], [])
            inner = ast.For(generator.target, generator.iter, [inner], [])
        for part in ast.walk(inner):
            if isinstance(part, (ast.stmt, ast.expr)) and not hasattr(part, "lineno"):
                ast.copy_location(part, node)
        start = f"{name} = []" if isinstance(node, ast.ListComp) else f"{name} = {{}}"
        state.block.statements.append(Assignment(start, node.lineno + state.line_offset, frozenset((name,)), NOTHING))
        state.scope[name] = Binding(None, "list" if isinstance(node, ast.ListComp) else "dict", True, line=node.lineno)
        state.rewrite_depth += 1
        self.parser.statement(inner)
        state.rewrite_depth -= 1
        return name


def _assigned(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements bind or change in place."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                root = owner(node)
                if isinstance(root, ast.Name):
                    yield root.id
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                function = node.value.func
                if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
                    yield function.value.id


def _literal_items(node: ast.expr, env: dict[str, Binding]) -> list[Any] | None:
    """The items of a literal collection, a name bound to one, or ``range``, ``enumerate``, ``zip`` over such."""
    known: dict[str, Any] = {"range": range, "enumerate": enumerate, "zip": zip, "reversed": reversed, "sorted": sorted}
    if isinstance(node, ast.Name) and node.id in env:
        ref = env[node.id].ref
        return list(ref.value) if isinstance(ref, Constant) and isinstance(ref.value, (list, dict, str)) else None
    if is_value(node):
        value = literal_value(node)
        return list(value) if isinstance(value, (list, tuple, dict, str)) else None
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in known
        and node.func.id not in env
    ):
        if any(k.arg != "start" or not is_value(k.value) for k in node.keywords):
            return None
        arguments: list[Any] = []
        for argument in node.args:
            inner = literal_value(argument) if is_value(argument) else _literal_items(argument, env)
            if inner is None:
                return None
            arguments.append(inner)
        try:
            made = known[node.func.id](*arguments, **{str(k.arg): literal_value(k.value) for k in node.keywords})
            return list(made) if not isinstance(made, range) or len(made) <= MOST else [0] * (MOST + 1)
        except (TypeError, ValueError):
            return None
    return None
