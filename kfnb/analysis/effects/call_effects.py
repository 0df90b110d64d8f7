"""The effects of a call: which objects, random generators, files and libraries it may read or change.

What library calls do is listed in `kfnb.analysis.libraries.effect_tables`; what the notebook's functions do is read from their bodies.
An unknown method is assumed to change its receiver.
"""

from __future__ import annotations

import ast

from kfnb.analysis.effects.aliases import AliasAnalysis
from kfnb.analysis.effects.effect_types import ARGUMENT, Effect, Frame, bind_arguments
from kfnb.analysis.effects.function_summaries import ANY
from kfnb.analysis.effects.library_call_reach import (
    call_reach,
    place_of,
)
from kfnb.analysis.effects.local_module_effects import STATE, LocalModules
from kfnb.analysis.files.file_calls import file_uses, magic_uses, shell_uses
from kfnb.analysis.files.magic_effects import MagicCall, magic_call, names_in_magic, program_path, timed_code
from kfnb.analysis.files.path_patterns import depends_on_parameter, filled, path_text, text_value
from kfnb.analysis.libraries import effect_tables
from kfnb.analysis.libraries.ambient_state_calls import ambient_of_call
from kfnb.analysis.syntax.ast_queries import dotted, reaches_main, root
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.syntax.definition_blocks import function_block
from kfnb.analysis.units.abstract_state import DEF, IMPORT, VALUE, AbstractState
from kfnb.thread_safe_parser import parse

KERAS_KINDS = (
    "@random",
    "@tensorflow.random",
)  #: the generators that a model of an unknown library may draw from, besides numpy's


class CallEffects(AliasAnalysis):
    """The effects of calls in one notebook."""

    def __init__(self, world: AbstractState, modules: LocalModules) -> None:
        super().__init__(world, modules)
        self.top = self.frame()
        self.uses_keras = any(n.partition(".")[0] in ("keras", "tensorflow") for n in world.imports_anywhere.values())

    def add_call(self, node: ast.Call, frame: Frame, effect: Effect) -> None:
        """Add the effect of this call to ``effect``. The calls in its arguments are not included."""
        library = dotted(node.func, frame.origin)
        place = library if library is not None and type(node.func) is ast.Name else place_of(node.func, frame)
        values = [*node.args, *[k.value for k in node.keywords]]
        sets = self._add_ambient(node, library, library or place, frame, effect)
        local = library is not None and self._module_call(library, node.args, node, frame, effect)
        if not local and not sets:
            call_reach(node, place, frame, effect)
        self._add_texts_and_files(node, library, frame, effect)
        if library in effect_tables.DEFINITION_READERS:
            self.note_dependency(ANY)
            for name in [n for n, kind in self.world.kinds.items() if kind == DEF]:
                effect.reads.setdefault(name, name)
        if library in effect_tables.CLASS_READERS:
            for name, definitions in self.world.definitions.items():
                if self.world.kinds.get(name) == DEF and any(d.kind == "class" for d in definitions):
                    effect.reads.setdefault(name, name)
        effect.opaque |= library in effect_tables.MAIN_READERS
        if self.world.mentions_main and reaches_main([node.func, *values], frame.origin):
            effect.opaque = True
        if type(node.func) is ast.Attribute:
            if library is not None:
                self._library_call(node, node.func.attr, frame, effect)
            else:
                self._method_call(node, node.func, frame, effect)
        elif isinstance(node.func, ast.Name) and not frame.local(node.func.id):
            self._name_call(node, node.func.id, frame, effect)
        else:
            effect.add_mutations(self.roots(node.func, frame))
            effect.add_mutations(self._roots_of_all(values, frame))
        self._add_callbacks(node, values, frame, effect)

    def _add_ambient(
        self, node: ast.Call, library: str | None, place: str | None, frame: Frame, effect: Effect
    ) -> bool:
        """Add the ambient state that the call sets or draws from. Returns whether it sets any."""
        function = node.func
        sets = False
        is_value = (
            not isinstance(function, ast.Name) or frame.local(function.id) or self.world.kinds.get(function.id) == VALUE
        )
        own_method = (
            library is None
            and isinstance(function, ast.Attribute)
            and (isinstance(function.value, ast.Call) or self._holds_callable(function.value, frame))
            and bool(self._methods(function, frame))
        )
        for kind, how in ambient_of_call(node, place, library, frame.origin, frame.maker, is_value, own_method):
            if library is None and kind in KERAS_KINDS and not self.uses_keras:
                continue
            sets = sets or how == "set"
            if effect.ambient.get(kind) != "set":
                effect.ambient[kind] = how
        return sets

    def module_state_set_by(self, target: ast.expr, frame: Frame) -> str | None:
        """The kind of ambient state that assigning to ``target`` sets, if it belongs to a module beside the notebook."""
        place = place_of(target, frame) if self.modules.sources else None
        module_and_rest = self.modules.split(place) if place is not None else None
        if (
            place is None
            or module_and_rest is None
            or "()" in place
            and not self.modules.mutated_globals(module_and_rest[0])
        ):
            return None
        return self.modules.kind(module_and_rest[0])

    def _module_call(self, name: str, args: list[ast.expr], node: ast.Call, frame: Frame, effect: Effect) -> bool:
        """Add the effect of a function in a module beside the notebook. Returns false if ``name`` is not in such a module."""
        known = self.modules.function(name) if self.modules.sources else None
        if known is None:
            return False
        module, functions = known
        if not functions and name != module:
            effect.ambient[self.modules.kind(module)] = "set"  # a method of an object that belongs to the module
        for function in functions:
            callee = self.modules.effect(module, function)
            effect.merge(callee)
            self._add_argument_effects(callee, function, args, node.keywords, frame, effect)
        return True

    def _library_call(self, node: ast.Call, name: str, frame: Frame, effect: Effect) -> None:
        if name in effect_tables.CHANGING_FUNCTIONS and node.args:
            effect.add_mutations(self.roots(node.args[0], frame), True)
        for keyword in node.keywords:
            if keyword.arg in effect_tables.CHANGED_KEYWORDS or keyword.arg == "inplace":
                effect.add_mutations(self.roots(keyword.value, frame), keyword.arg == "out")

    def _name_call(self, node: ast.Call, name: str, frame: Frame, effect: Effect) -> None:
        callables = self.world.callables(name)
        for function in callables:
            self._notebook_call(function, node.args, node.keywords, frame, effect)
            if any(f"<{p}>" in self.summary(function).mutations for p in function.shared_objects):
                effect.add_mutations((name,), True)  # `def f(seen=[])`: the function keeps the object of the default
        if self.has_closure_state(name):
            effect.add_mutations((name,))  # the state that its closure keeps
        kind = self.world.kinds.get(name)
        if kind == IMPORT:
            self._library_call(node, name, frame, effect)
        elif kind in (None, DEF) or callables:
            if kind is None and name in effect_tables.OPAQUE_CALLS and not (name == "vars" and node.args):
                effect.opaque = not _literal_code(name, node)
            elif kind is None and name in effect_tables.CHANGING_FUNCTIONS and node.args:
                effect.add_mutations(self.roots(node.args[0], frame), True)
                if name in ("setattr", "delattr"):
                    effect.add_mutations(self.collected_classes_in(node.args[0], frame), True)
            if kind == VALUE:
                effect.add_mutations((name,))
        elif kind == VALUE:
            effect.add_mutations((name,), name in self.world.mutating_methods)

    def _method_call(self, node: ast.Call, function: ast.Attribute, frame: Frame, effect: Effect) -> None:
        receiver = self.roots(function.value, frame)
        maker = self.world.made_by.get(root(function.value) or "", "")
        plain = isinstance(function.value, ast.Name) and not frame.local(function.value.id)
        if maker and plain:
            self._module_call(f"{maker}.{function.attr}", [function.value, *node.args], node, frame, effect)
        methods = self._methods(function, frame)
        for method in methods:
            self._notebook_call(method, [function.value, *node.args], node.keywords, frame, effect)
        if self.modules.sources and not methods and not (plain and self.modules.split(maker)):
            self._module_method(function.attr, effect)
        if methods and self._holds_callable(function.value, frame):
            return
        name = function.attr
        inplace = bool(node.keywords) and any(
            k.arg == "inplace" and not (isinstance(k.value, ast.Constant) and not k.value.value) for k in node.keywords
        )
        if name == "register" and any(self.world.kinds.get(r) == DEF for r in receiver):
            effect.add_mutations(receiver, True)  # `Interface.register(Class)`
        if maker.startswith(effect_tables.STATEFUL_MAKERS):
            if not name.startswith(("get_", "savefig")):
                effect.add_mutations(receiver, True)
        elif name in effect_tables.MUTATORS or inplace:
            effect.add_mutations(receiver, True)
        elif name not in effect_tables.PURE_METHODS:
            effect.add_mutations(receiver)
        if name not in effect_tables.PURE_METHODS and self._holds_callable(function.value, frame):
            effect.add_mutations(self._roots_of_all([*node.args, *(k.value for k in node.keywords)], frame))
        for keyword in node.keywords:
            if keyword.arg in effect_tables.CHANGED_KEYWORDS:
                effect.add_mutations(self.roots(keyword.value, frame), keyword.arg == "out")

    def _module_method(self, name: str, effect: Effect) -> None:
        """Add the effect of a method of an object of unknown class, whose class may be in a module beside the notebook."""
        for module, method in self.modules.methods(name):
            for kind, how in self.modules.effect(module, method).ambient.items():
                if kind.startswith(STATE) and effect.ambient.get(kind) != "set":
                    effect.ambient[kind] = how

    def _notebook_call(
        self, function: CodeBlock, args: list[ast.expr], keywords: list[ast.keyword], frame: Frame, effect: Effect
    ) -> None:
        if function.kind == "class":
            for base in function.bases if self.modules.sources else ():
                self.note_dependency(base)
                origin = self.world.origin(base)
                if origin is not None:
                    self._module_call(origin, args, ast.Call(ast.Name(base, ast.Load()), args, keywords), frame, effect)
            if "__init__" in function.methods:
                self._notebook_call(function.methods["__init__"], [ast.Constant(None), *args], keywords, frame, effect)
            return
        summary = self.summary(function)
        effect.merge(summary)
        self._add_argument_effects(summary, function, args, keywords, frame, effect)

    def _add_argument_effects(
        self,
        summary: Effect,
        function: CodeBlock,
        args: list[ast.expr],
        keywords: list[ast.keyword],
        frame: Frame,
        effect: Effect,
    ) -> None:
        """Add what the function does to its arguments and to the files that they name."""
        self._add_files_from_parameters(function, summary, args, keywords, frame, effect)
        if ARGUMENT in summary.mutations:
            for value in [*args, *(k.value for k in keywords)]:
                effect.add_mutations(self.roots(value, frame))
        for param, values in bind_arguments(function, args, keywords):
            sure = summary.mutations.get(f"<{param}>") if param is not None else False
            if sure is not None:
                for value in values:
                    effect.add_mutations(self.roots(value, frame), sure)

    def _add_files_from_parameters(
        self,
        function: CodeBlock,
        summary: Effect,
        args: list[ast.expr],
        keywords: list[ast.keyword],
        frame: Frame,
        effect: Effect,
    ) -> None:
        """Add the files whose paths the function builds from its parameters, filled with this call's arguments."""
        open_uses = [use for use in summary.files if depends_on_parameter(use[0])]
        if not open_uses:
            return
        argument_texts = {p: path_text(v, frame.text) for p, v in function.defaults.items()}
        for param, values in bind_arguments(function, args, keywords):
            if param is not None and values:
                argument_texts[param] = path_text(values[0], frame.text)
        effect.files |= {(path, how) for text, how in open_uses if (path := filled(text, argument_texts))}

    def _add_callbacks(self, node: ast.Call, values: list[ast.expr], frame: Frame, effect: Effect) -> None:
        """Add the effects of functions among the arguments, called with the other arguments: ``list(map(add, lists))``."""
        for value in values:
            if type(value) is ast.Attribute:
                if value.attr in effect_tables.MUTATORS:
                    effect.add_mutations(self.roots(value.value, frame), True)  # `pool.map(rows.append, items)`
                continue
            if type(value) is ast.Name:
                if value.id in self.world.mutating_methods or self.world.made_by.get(value.id) in effect_tables.STREAMS:
                    effect.add_mutations(self.roots(value, frame), True)
                if frame.local(value.id):
                    continue
            elif type(value) is not ast.Lambda:
                continue
            for function in self.callables_in(value):
                summary = self.summary(function)
                effect.merge(summary)
                if any(r.startswith("<") for r in summary.mutations):
                    effect.add_mutations(self._roots_of_all([v for v in values if v is not value], frame))
                    if isinstance(node.func, ast.Attribute):
                        effect.add_mutations(self.roots(node.func.value, frame))

    def _add_texts_and_files(self, node: ast.Call, library: str | None, frame: Frame, effect: Effect) -> None:
        """Add the names that a call reads through texts, such as a query, and the files that it uses."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        magic = magic_call(node, self.world.made_by)
        if magic is not None:
            self._add_magic(magic, node.lineno, frame, effect)
            return
        if name in effect_tables.TEXT_CALLS or name in ("exec",):
            for value in [*node.args, *[k.value for k in node.keywords]]:
                for part in ast.walk(value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) < 5000:
                        for word in effect_tables.IDENTIFIER.findall(part.value):
                            self.note_dependency(word)
                            if word in self.world.known:
                                effect.reads.setdefault(word, name)
        receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        for value in [*node.args, *receiver]:
            folded = None if type(value) is ast.Constant else text_value(value, frame.text)
            if folded and not depends_on_parameter(folded):
                effect.texts |= {folded}
        effect.files |= frozenset(file_uses(node, library, frame.text, lambda n: self.world.made_by.get(n, "")))

    def _add_magic(self, call: MagicCall, line: int, frame: Frame, effect: Effect) -> None:
        self.note_dependency(ANY)
        for read in names_in_magic(call, self.world.known):
            effect.reads.setdefault(read, "!" if call.name == "!" else f"%{call.name}")
        code = timed_code(call)
        if code:
            timed = function_from_code(code, line)
            effect.merge(self.summary(timed) if timed is not None else Effect())
        if call.name in ("cd", "pushd", "popd"):
            effect.ambient["@cwd"] = "set"
        if call.name in ("env", "set_env"):
            effect.ambient["@environ"] = "set"
        effect.opaque |= call.name == "store"
        path = program_path(call)
        if path is not None:
            effect.texts |= {path}
        if call.name == "!":
            effect.files |= frozenset(shell_uses(call.line, frame.text))
        else:
            kind = "run_line_magic" if call.body is None else "run_cell_magic"
            effect.files |= frozenset(magic_uses(kind, call.name, call.line, call.body or "", frame.text))
        for text in (call.line, call.body or ""):
            effect.texts |= set(text.split())


def function_from_code(code: str, line: int) -> CodeBlock | None:
    """The code block of a function with this code as its body; ``None`` if the code is not valid Python."""
    try:
        body = parse(code).body
    except (SyntaxError, ValueError):
        return None
    function = parse("def timed(): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = body or function.body
    for part in ast.walk(function):
        if hasattr(part, "lineno"):
            part.lineno = line
    return function_block(function, "%timeit")


def _literal_code(name: str, node: ast.Call) -> bool:
    return name in ("eval", "exec") and bool(node.args) and isinstance(node.args[0], ast.Constant)
