"""`DefinitionReader` analyses imports and the definitions of functions and classes."""

from __future__ import annotations

import ast

from kfnb.analysis.effects.effect_types import CLOSURE, Effect
from kfnb.analysis.effects.library_call_reach import place_of
from kfnb.analysis.replay.replayable_statements import import_names
from kfnb.analysis.syntax.ast_queries import FUNCTIONS, annotated, defaults
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.syntax.collect_code_block import BlockCollector
from kfnb.analysis.syntax.definition_blocks import class_block, function_block
from kfnb.analysis.syntax.scopes import MODULE, class_scope
from kfnb.analysis.units.abstract_state import DEF, IMPORT, VALUE
from kfnb.analysis.units.expression_reader import ExpressionReader

IMPORTED = "import "  #: prefix of an imported module among the texts of a unit: another step may write its file


class DefinitionReader(ExpressionReader):
    """`ExpressionReader` with a method per kind of import and definition."""

    depth = 0  #: number of branches and loops around the present statement

    def on_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            self.bind(name, node.lineno, IMPORT)
            self.world.origins[name] = alias.name if alias.asname else name
            self.texts.setdefault(IMPORTED + alias.name.split(".")[0], self.site(node.lineno))

    def on_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        self.texts.setdefault(IMPORTED + module.split(".")[0], self.site(node.lineno))
        for alias in node.names:
            if alias.name != "*":
                name = alias.asname or alias.name
                self.bind(name, node.lineno, IMPORT)
                self.world.origins[name] = f"{module}.{alias.name}"

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        evaluated = [
            *node.decorator_list,
            *defaults(node.args),
            *([] if self.world.lazy_annotations else annotated(node)),
        ]
        for part in evaluated:
            self.expr(part)
        callables: frozenset[CodeBlock] = frozenset()
        for part in [*node.decorator_list, *defaults(node.args)]:
            callables |= self.effects.callables_in(part)
        self._define(node.name, node.lineno, function_block(node, node.name, self.world.lazy_annotations), callables)
        self._decorate(node)

    def _decorate(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """Add the effects of the decorators. What a decorator returns may keep state of its own."""
        effect = Effect()
        callables: frozenset[CodeBlock] = frozenset()
        for decorator in node.decorator_list:
            self.effects.add_decoration(decorator, self.effects.top, effect)
            callables |= self.effects.callables_in(decorator)
            for decorated in (
                self.world.definitions.get(node.name, ()) if self.effects.calls_decorated_function(decorator) else ()
            ):
                effect.merge(self.effects.summary(decorated))
            place = place_of(decorator.func if isinstance(decorator, ast.Call) else decorator, self.effects.top)
            if place in ("functools.lru_cache", "functools.cache"):
                self._note_impure_cache(node)
        if isinstance(node, ast.ClassDef):
            self.effects.add_class_creation(node, self.effects.top, effect)
        effect.mutations.pop(node.name, None)
        self.apply(effect, node.lineno)
        self.note_library_reach(effect, node.lineno)
        if any(f.kind == "class" or CLOSURE in self.effects.summary(f).mutations for f in callables):
            self.world.kinds[node.name] = VALUE
            self.world.changed.add(node.name)

    on_FunctionDef = on_AsyncFunctionDef = _function

    def _note_impure_cache(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """Note a function with ``lru_cache`` whose call has effects: the cache calls it only once for each argument."""
        summaries = [self.effects.summary(f) for f in self.world.definitions.get(node.name, ())]
        if any(e.writes or e.ambient or any(not r.startswith("<") for r in e.mutations) for e in summaries):
            self.world.impure_cached_functions.add(node.name)

    def on_ClassDef(self, node: ast.ClassDef) -> None:
        evaluated = [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
        callables: frozenset[CodeBlock] = frozenset()
        for part in evaluated:
            self.expr(part)
            callables |= self._inherited(part)
        self._class_body(node)
        self._define(node.name, node.lineno, class_block(node, self.world.lazy_annotations), callables)
        self._decorate(node)

    def _inherited(self, base: ast.expr) -> frozenset[CodeBlock]:
        """The functions and classes that a class holds through one base, decorator or keyword.

        The bases of a base are not included: `lineage` finds them.
        """
        if isinstance(base, ast.Name):
            classes = self.world.definitions.get(base.id, ())
            if classes and all(c.kind == "class" for c in classes):
                return frozenset(
                    (*classes, *(c for c in self.world.held_callables.get(base.id, ()) if c.name == base.id))
                )
        return self.effects.callables_in(base)

    def _class_body(self, node: ast.ClassDef) -> None:
        """Read the body of a class. It runs now, with names of its own; the functions in it run later."""
        block, own = CodeBlock("class body", node.name, node.lineno), set[str]()
        scope = class_scope(node, MODULE)
        scope.own = own  # a name belongs to the class only after the statement that binds it
        collector = BlockCollector(block, scope, self.world.lazy_annotations)
        for part in node.body:
            if isinstance(part, FUNCTIONS):
                for piece in [
                    *part.decorator_list,
                    *defaults(part.args),
                    *([] if self.world.lazy_annotations else annotated(part)),
                ]:
                    collector.visit(piece)
                own.add(part.name)
            else:
                collector.visit(part)
                own |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
                own |= {part.name} if isinstance(part, ast.ClassDef) else set()
                own |= set(import_names(part))
        effect = Effect()
        frame = self.effects.frame(block)
        block.locals |= own
        for call in block.calls:
            self.effects.add_call(call, frame, effect)
        for decorator in block.decorators:
            self.effects.add_decoration(decorator, frame, effect)
        self.apply(effect, node.lineno)
        self.note_library_reach(effect, node.lineno)
        for name, line in block.reads.items():
            self.read(name, line)
        for name, line in block.deferred_reads.items():
            self.read(name, line, node.name)

    def _define(self, name: str, line: int, definition: CodeBlock, callables: frozenset[CodeBlock]) -> None:
        before = self.world.definitions.get(name, ()) if name not in self.world.must_define and self.depth else ()
        self.bind(name, line, DEF, callables)
        self.world.definitions[name] = (*before, definition)
