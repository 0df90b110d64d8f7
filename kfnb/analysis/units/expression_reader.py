"""`ExpressionReader` analyses each kind of expression, and what assignments bind or change."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterable

from kfnb.analysis.effects.effect_types import Effect
from kfnb.analysis.effects.library_call_reach import LIBRARY, place_of, store_reach
from kfnb.analysis.effects.library_hooks import entered_context
from kfnb.analysis.files.path_patterns import text_value
from kfnb.analysis.libraries import effect_tables
from kfnb.analysis.libraries.ambient_state_calls import GENERATORS, ambient_of
from kfnb.analysis.libraries.random_draws import PLAIN, maker_of
from kfnb.analysis.syntax.ast_queries import children, defaults, root, targets
from kfnb.analysis.syntax.definition_blocks import comprehension_block
from kfnb.analysis.units.abstract_state import DEF, IMPORT, SCALAR, VALUE
from kfnb.analysis.units.unit_record import UnitRecord
from kfnb.thread_safe_parser import parse

SHELL = "get_ipython"
#: The names of `ExpressionReader`'s methods, made once.
EXPRESSIONS: dict[type[ast.AST], str] = {
    kind: f"expr_{kind.__name__}"
    for kind in (ast.Constant, ast.Compare, ast.BoolOp, ast.IfExp, ast.NamedExpr, ast.Lambda, ast.ListComp,
                 ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Call, ast.Attribute, ast.Subscript, ast.BinOp)
}  # fmt: skip


class ExpressionReader(UnitRecord):
    """`UnitRecord` with a method for each kind of expression, and for the targets of assignments."""

    # ---------------------------------------------------------------- expressions
    def expr(self, node: ast.AST | None) -> None:
        if node is None:
            return
        if type(node) is ast.Name:  # first, since most expressions are names
            if type(node.ctx) is ast.Load:
                self.read(node.id, node.lineno)
            return
        special = EXPRESSIONS.get(type(node))
        if special is not None:
            getattr(self, special)(node)
            return
        for child in children(node):
            if isinstance(child, (ast.expr, ast.keyword, ast.comprehension)):
                self.expr(child)

    # The commonest kinds have methods of their own for speed: the general way looks at every field.
    def expr_Attribute(self, node: ast.Attribute) -> None:
        self.expr(node.value)
        if node.attr in ("cache_info", "cache_clear") and isinstance(node.value, ast.Name):
            self.note(self.cached_functions, node.value.id, node.lineno)

    def expr_Subscript(self, node: ast.Subscript) -> None:
        if (
            self.displays_are_values
            and isinstance(node.value, ast.Name)
            and node.value.id in ("Out", "_oh", "In", "_ih")
        ):
            self.read_display(node.value, node.slice)
            return
        self.expr(node.value)
        self.expr(node.slice)

    def expr_BinOp(self, node: ast.BinOp) -> None:
        self.expr(node.left)
        self.expr(node.right)

    def expr_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and 0 < len(node.value) < 500 and "\n" not in node.value:
            self.note(self.texts, node.value, node.lineno)

    def expr_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for side in sides:
            self.expr(side)
        if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops) and not any(
            isinstance(s, ast.Constant) for s in sides
        ):
            for side in sides:
                self.identity_compared |= self.effects.roots(side, self.effects.top)

    def expr_BoolOp(self, node: ast.BoolOp) -> None:
        self.expr(node.values[0])
        sure = set(self.world.must_define)
        for value in node.values[1:]:
            self.expr(value)
        self.world.must_define = sure

    def expr_IfExp(self, node: ast.IfExp) -> None:
        self.expr(node.test)
        sure = set(self.world.must_define)
        for value in (node.body, node.orelse):
            self.expr(value)
            self.world.must_define = set(sure)

    def expr_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.expr(node.value)
        self.store(node.target, node.value)

    def expr_Lambda(self, node: ast.Lambda) -> None:
        for default in defaults(node.args):
            self.expr(default)
        self.apply(self.effects.summary(self.effects.lambda_block(node)), node.lineno)

    def comprehension(self, node: ast.expr) -> None:
        block = comprehension_block(node)
        effect = Effect(reads={n: "" for n in block.reads})
        for target in block.stores:
            effect.touch(self.effects.roots(target.value, self.effects.frame(block)), True)  # type: ignore[attr-defined]
        frame = self.effects.frame(block)
        for call in block.calls:
            self.effects.add_call(call, frame, effect)
        self.note_library_reach(effect, node.lineno)
        for name, line in block.reads.items():
            self.read(name, line)
        for name, line in block.deferred_reads.items():
            self.read(name, line, "lambda")
        self.apply(effect, node.lineno)
        for part in block.constants:
            self.expr_Constant(part)
        for name, line in block.writes.items():
            was_bound = name in self.world.must_define
            self.bind(name, line)
            if not was_bound:
                self.world.must_define.discard(name)

    expr_ListComp = expr_SetComp = expr_DictComp = expr_GeneratorExp = comprehension

    def expr_Call(self, node: ast.Call) -> None:
        self.expr(node.func)
        for value in node.args:
            self.expr(value)
        for keyword in node.keywords:
            self.expr(keyword.value)
        effect = Effect()
        self.effects.add_call(node, self.effects.top, effect)
        settings = [k for k, how in effect.ambient.items() if how == "set" and k in GENERATORS]
        for kind in settings:
            sure = root(node.func) is not None and self.world.kinds.get(root(node.func) or "") == IMPORT
            self.note_ambient(kind, "set", node.lineno, sure)
            del effect.ambient[kind]
        entered = entered_context(node, self.effects, effect)
        self.apply(effect, node.lineno)
        self.note_library_reach(effect, node.lineno)
        if entered is not None:
            self.note_hook(entered.place, entered.values, node.lineno)
        elif LIBRARY in effect.library_reach.values() and (place := place_of(node.func, self.effects.top)) is not None:
            self.note_hook(place, [*node.args, *(k.value for k in node.keywords)], node.lineno, node)
        code = node.args[0] if node.args else None
        if isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec") and isinstance(code, ast.Constant):
            self.code_in_text(str(code.value), node)

    def code_in_text(self, text: str, node: ast.Call) -> None:
        try:
            tree = parse(text)
        except (SyntaxError, ValueError):
            return  # the call itself raises the error when the cell runs
        for part in ast.walk(tree):
            if hasattr(part, "lineno"):
                part.lineno = node.lineno
        self.block(tree.body)

    def read_display(self, name: ast.Name, index: ast.expr) -> None:
        """Read ``Out[3]``, which is the value ``_3``, or ``In[3]``, which only the step with cell 3 has."""
        number = index.value if isinstance(index, ast.Constant) else None
        if name.id in ("In", "_ih") and number in self.cells_read:
            self.display_use = self.display_use or self.site(name.lineno)
        elif name.id in ("Out", "_oh") and type(number) is int and f"_{number}" in self.world.known:
            self.read(f"_{number}", name.lineno)
        else:
            shown = f"{name.id}[{ast.unparse(index)}]"
            self.display_use = self.display_use or self.site(name.lineno)
            self.undefined_display = self.undefined_display or (shown, self.site(name.lineno))

    @abstractmethod
    def block(self, body: list[ast.stmt]) -> None:
        """Read statements. `kfnb.analysis.units.statement_reader` implements it."""

    # ---------------------------------------------------------------- binding
    def kind_of(self, node: ast.expr | None) -> str:
        """The kind of a value: `SCALAR` where it surely cannot be changed in place, else `VALUE`."""
        world = self.world
        if isinstance(node, (ast.Constant, ast.JoinedStr, ast.Compare)):
            return SCALAR if not isinstance(node, ast.Compare) else VALUE
        if isinstance(node, ast.UnaryOp):
            return self.kind_of(node.operand)
        if isinstance(node, ast.BinOp):
            left, right = self.kind_of(node.left), self.kind_of(node.right)
            return SCALAR if left == right == SCALAR else VALUE
        if isinstance(node, ast.Name):
            return SCALAR if world.kinds.get(node.id) == SCALAR else VALUE
        if isinstance(node, ast.Tuple):
            return SCALAR if all(self.kind_of(e) == SCALAR for e in node.elts) else VALUE
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in world.known:
            return SCALAR if node.func.id in ("len", "int", "float", "str", "bool", "range", "repr") else VALUE
        return VALUE

    def store(self, target: ast.expr, value: ast.expr | None, shares: Iterable[str] | None = None) -> None:
        """Bind or change ``target``. ``value`` is ``None`` where the target receives a part of an object."""
        if isinstance(target, ast.Name):
            self._store_name(target, value, shares)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._store_each(target, value, shares)
        elif isinstance(target, ast.Starred):
            self.store(target.value, None, shares)
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            self._store_part(target, value)

    def _store_name(self, target: ast.Name, value: ast.expr | None, shares: Iterable[str] | None) -> None:
        top = self.effects.top
        if value is None:
            self.bind(target.id, target.lineno, shares=shares or ())
            return
        callables = self.effects.callables_in(value)
        if callables and isinstance(value, (ast.List, ast.Tuple, ast.Set, ast.Dict)):
            parts = value.values if isinstance(value, ast.Dict) else value.elts
            listed = {p.id for p in parts if isinstance(p, ast.Name) and p.id in self.world.definitions}
            self.world.collected_classes |= listed
            self.world.changed |= listed
        shared = self.effects.roots(value, top) if shares is None else shares
        maker = self.maker(value)
        text = text_value(value, self.effects.top.text)
        place = place_of(value, self.effects.top)
        self.bind(target.id, target.lineno, self.kind_of(value), callables, shared, maker, text)
        if place is not None:
            self.world.places[target.id] = place
        elif isinstance(value, ast.Attribute) and value.attr in effect_tables.MUTATORS:
            self.world.mutating_methods.add(target.id)
        if isinstance(value, ast.Name) and self.world.kinds.get(value.id) == DEF and value.id != target.id:
            self.world.kinds[target.id], self.world.definitions[target.id] = (
                DEF,
                self.world.definitions.get(value.id, ()),
            )

    def maker(self, value: ast.expr) -> str | None:
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == SHELL:
            return SHELL
        maker = maker_of(value, self.world.origin, self.effects.top.maker)
        return PLAIN if maker is None else maker or None

    def _store_each(self, target: ast.Tuple | ast.List, value: ast.expr | None, shares: Iterable[str] | None) -> None:
        plain = not any(isinstance(e, ast.Starred) for e in target.elts)
        if isinstance(value, (ast.Tuple, ast.List)) and plain and len(value.elts) == len(target.elts):
            if not any(isinstance(e, ast.Starred) for e in value.elts):
                for element, part in zip(target.elts, value.elts, strict=True):
                    self.store(element, part)
                return
        maker = self.maker(value) if value is not None else None
        shared = set(shares or ()) | (set(self.effects.roots(value, self.effects.top)) if value is not None else set())
        callables = self.effects.callables_in(value)
        names = list(targets(target))
        for element in target.elts:
            self.store(element, None, shared)
        for name in names:
            if callables:
                self.world.add_callables(name, callables)
            if maker:
                self.world.made_by[name] = maker
                self.world.changed.add(name)
        # `fig, ax = plt.subplots()`: the values that one call returns may share objects.
        together = (
            maker is None and isinstance(value, ast.Call) or (maker or "").startswith(effect_tables.STATEFUL_MAKERS)
        )
        for other in names[1:] if together else ():
            self.world.share(names[0], other)

    def _store_part(self, target: ast.Attribute | ast.Subscript, value: ast.expr | None) -> None:
        self.expr(target.value)
        if isinstance(target, ast.Subscript):
            self.expr(target.slice)
        effect = Effect()
        if (
            ambient_of(target, self.effects.top) is None
            and self.effects.module_state_set_by(target, self.effects.top) is None
        ):
            store_reach(target, self.effects.top, effect)
            self.world.added_builtins |= {
                p.partition(".")[2] for p in effect.library_reach if p.startswith("builtins.")
            }
            self.note_library_reach(effect, target.lineno)
            for place in effect.library_reach:
                self.note_hook(place, [value] if value is not None else [], target.lineno)
        listed = (
            self.effects.collected_classes_in(target.value, self.effects.top)
            if isinstance(target, ast.Attribute)
            else ()
        )
        for name in listed:
            self.note_mutation(name, target.lineno, True)
        for name in self.effects.roots(target.value, self.effects.top):
            if self.world.kinds.get(name) == IMPORT:
                continue
            self.note_mutation(name, target.lineno, True)
            if value is not None:
                self.world.add_callables(name, self.effects.callables_in(value))
                for other in self.effects.roots(value, self.effects.top):
                    self.world.share(name, other)
