"""What using a value does: which objects a call may change, share, draw from, read or write.

Knowledge of libraries comes from `kfnb.analysis.tables`; knowledge of the notebook's own functions from their bodies.
Where nothing is known the answer is "may change its receiver".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from kfnb.analysis import tables
from kfnb.analysis.ambient import ambient_of, ambient_of_call
from kfnb.analysis.classes import changes_shared_attribute, class_making
from kfnb.analysis.frames import ARGUMENT, CLOSURE, NONE, OWN_CLASS, Effect, Frame, Roots, passed
from kfnb.analysis.modules import LocalModules
from kfnb.analysis.reach import UNPROVED, call_reach, known, place_of, reach_of, store_reach
from kfnb.analysis.scopes import Deferred, deferred_function
from kfnb.analysis.trees import COMPREHENSIONS, dotted, reaches_main, root, text_value
from kfnb.analysis.world import DEF, IMPORT, SCALAR, VALUE, World
from kfnb.runtime.syntax import shell_names

OWN_CLASSES = frozenset((OWN_CLASS, "<cls>"))
NOTHING: frozenset[Deferred] = frozenset()
SCALAR_CALLS = tables.words("len int float str bool repr format ord chr range round abs sum min max hash id isinstance")
COPYING_SLICES = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.List, ast.ListComp)


class Effects:
    """Answers for one `World`; summaries of functions are kept until a function, class or import changes."""

    def __init__(self, world: World, modules: LocalModules) -> None:
        self.world, self.modules = world, modules
        self.top = self.frame()
        self._summaries: dict[Deferred, Effect] = {}
        self._version = -1
        self._asking = 0  #: how deep `roots` is inside itself
        self._answers: dict[tuple[ast.Call, Frame], Roots] = {}  #: of the outermost `roots`, while it lasts

    def frame(self, function: Deferred | None = None) -> Frame:
        """Whose objects the names are in ``function``, or at top level."""
        return Frame(self.world, self.roots, function)

    # ---------------------------------------------------------------- functions of the notebook
    def summary(self, function: Deferred) -> Effect:
        """What calling ``function`` (or using an instance of the class) may do, through everything it reaches."""
        if self._version != self.world.version:
            self._summaries.clear()
            self._version = self.world.version
        if function not in self._summaries:
            found = self._summaries[function] = Effect()  # what recursion sees
            self._summarize(function, found)
        return self._summaries[function]

    def _summarize(self, function: Deferred, found: Effect) -> None:
        found.reads.update((n, function.name) for n in function.reads)
        found.writes |= set(function.writes)
        found.deletes |= set(function.deletes)
        found.makes = function.makes
        frame = self.frame(function)
        for target in function.stores:
            owner = target.value if isinstance(target, (ast.Attribute, ast.Subscript)) else target
            found.touch(self.roots(owner, frame), True)
            kind = ambient_of(target, frame) or self.module_store(target, frame)
            if kind is not None:
                found.ambient[kind] = "set"
            else:
                store_reach(target, frame, found)
        for call in function.calls:
            self.call(call, frame, found)
        for decorator in function.decorators:
            self.decorated(decorator, frame, found)
        making = class_making(function, False)
        for name, method in function.methods.items():
            summary = self.summary(method)
            if name in making:  # runs when a class is derived, not when this one is used
                found.reads.update((n, function.name) for n in summary.reads)
            else:
                found.add(summary, called=False)
        for name in list(function.reads):
            for held in self.world.holds(name):
                inner = self.summary(held)
                found.add(inner, called=False)
                found.makes |= inner.makes or held.kind == "class"
        if function.kind == "class":
            self._class_state(function, found)
        for value in function.returns:
            found.returns |= self.roots(value, frame)
        if found.makes or function.generator:
            found.returns |= frozenset(f"<{p}>" for p in function.params)

    def _class_state(self, cls: Deferred, found: Effect) -> None:
        """A method that sets something on its object's class sets it on this class, or on one derived from it."""
        line = self.lineage((cls,))
        methods = [m for c in line for n, m in c.methods.items() if n not in class_making(c, False)]
        own = any(self.summary(m).touches.get(t) for m in methods for t in OWN_CLASSES)
        if own or any(changes_shared_attribute(c) for c in line):
            found.touch((cls.name,), True)
        if cls.name in found.changes or cls.name in self.world.stateful:
            found.reads.setdefault(cls.name, cls.name)

    def _keepers(self, cls: Deferred) -> Roots:
        """The classes that keep the objects that they make, as a singleton's or a registry's do."""
        return frozenset(
            c.name
            for c in self.lineage((cls,))
            if any(
                n in c.methods and OWN_CLASSES & self.summary(c.methods[n]).touches.keys()
                for n in ("__new__", "__call__")
            )
            or changes_shared_attribute(c)
        )

    def keeps_state(self, name: str) -> bool:
        """Whether ``name`` is a function made by another one, and remembers something from one call to the next."""
        made = self.world.carry.get(name)
        return bool(made) and any(CLOSURE in self.summary(f).touches for f in made or ())

    def lineage(self, classes: Iterable[Deferred]) -> list[Deferred]:
        """These classes of the notebook and all that they are derived from."""
        found: list[Deferred] = []
        stack = [c for c in classes if c.kind == "class"]
        while stack:
            cls = stack.pop()
            if cls not in found:
                found.append(cls)
                stack += [d for b in cls.bases for d in self.world.holds(b) if d.kind == "class"]
        return found

    # ---------------------------------------------------------------- whose object is it
    def roots(self, node: ast.expr | None, frame: Frame) -> Roots:
        """Names whose object the value of ``node`` may be, view or hold."""
        if node is None or isinstance(node, (ast.Constant, ast.Compare, ast.JoinedStr, ast.Lambda)):
            return NONE
        if isinstance(node, ast.Name):
            return (
                NONE
                if self.world.kinds.get(node.id) in (SCALAR,) and not frame.local(node.id)
                else frame.roots_of(node.id)
            )
        if isinstance(node, ast.Attribute) and node.attr == "__class__":
            own = self.roots(node.value, frame)
            return frozenset(OWN_CLASS if r.startswith("<") else n for r in own for n in self._class_names(r, r))
        if isinstance(node, (ast.Attribute, ast.Starred, ast.Await, ast.NamedExpr, ast.FormattedValue)):
            return self.roots(node.value, frame)
        if isinstance(node, ast.Subscript):
            return (
                NONE
                if isinstance(node.slice, COPYING_SLICES) and not _negative(node.slice)
                else self.roots(node.value, frame)
            )
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return self._every(node.elts, frame)
        if isinstance(node, ast.Dict):
            return self._every(node.values, frame)
        if isinstance(node, ast.IfExp):
            return self._every([node.body, node.orelse], frame)
        if isinstance(node, ast.BoolOp):
            return self._every(node.values, frame)
        if isinstance(node, COMPREHENSIONS):
            element = node.value if isinstance(node, ast.DictComp) else node.elt
            fresh = isinstance(element, (ast.Constant, ast.Compare, ast.JoinedStr, ast.BinOp, ast.Dict, ast.List))
            own = NONE if fresh and not _mentions(element) else self._every([g.iter for g in node.generators], frame)
            return own | (self.roots(element, frame) - {n for g in node.generators for n in _loop_names(g.target)})
        return self._once(node, frame) if isinstance(node, ast.Call) else NONE

    def _once(self, node: ast.Call, frame: Frame) -> Roots:
        """A call's answer, worked out once: it asks its receiver more than once, and so would every call in the chain."""
        if self._asking == 0:
            self._answers = {}
        found = self._answers.get((node, frame))
        if found is None:
            self._asking += 1
            try:
                found = self._answers[node, frame] = self._call_roots(node, frame)
            finally:
                self._asking -= 1
        return found

    def _class_names(self, name: str, other: str) -> list[str]:
        """The classes of the notebook that the object called ``name`` may have; ``other`` where none is known."""
        return [c.name for c in self.world.holds(name) if c.kind == "class"] or [other]

    def _every(self, nodes: Iterable[ast.expr | None], frame: Frame) -> Roots:
        return NONE.union(*(self.roots(n, frame) for n in nodes))

    def _call_roots(self, node: ast.Call, frame: Frame) -> Roots:
        function = node.func
        values = [*node.args, *(k.value for k in node.keywords)]
        if isinstance(function, ast.Attribute):
            library = dotted(function, frame.origin)
            if library is not None:
                shares = function.attr in tables.VIEW_FUNCTIONS or function.attr[:1].isupper()
                return self._every(values, frame) if shares else self._module_returns(library, node, frame)
            found = NONE
            mine = self._methods(function, frame)
            for method in mine:
                found |= self._returned(method, [function.value, *node.args], node.keywords, frame)
            if not mine and (function.attr in tables.VIEW_METHODS or function.attr not in tables.PURE_METHODS):
                found |= self.roots(function.value, frame)
            if function.attr in ("setdefault", "get", "pop") or self._carries(function.value, frame):
                found |= self._every(values, frame)
            return found
        if isinstance(function, ast.Name) and not frame.local(function.id):
            name = function.id
            found = NONE
            if name == "type" and len(node.args) == 1 and name not in self.world.kinds:
                own = self.roots(node.args[0], frame)
                return frozenset(OWN_CLASS if r.startswith("<") else n for r in own for n in self._class_names(r, r))
            for held in self.world.holds(name):
                found |= (
                    self._every(values, frame) | self._keepers(held)
                    if held.kind == "class"
                    else self._returned(held, node.args, node.keywords, frame)
                )
            if self.world.kinds.get(name) in (VALUE, None) and not self.world.holds(name):
                if name in tables.VIEW_FUNCTIONS or name[:1].isupper():
                    return self._every(values, frame)
                return NONE if name in tables.PURE_BUILTINS or name in SCALAR_CALLS else self._every(values, frame)
            if self.world.kinds.get(name) == IMPORT and (name in tables.VIEW_FUNCTIONS or name[:1].isupper()):
                return self._every(values, frame)
            origin = frame.origin(name)
            return found | self._module_returns(origin, node, frame) if origin else found
        own = self.roots(function, frame) if isinstance(function, ast.Name) and function.id == "cls" else NONE
        return self._every(values, frame) | own

    def _module_returns(self, name: str, node: ast.Call, frame: Frame) -> Roots:
        """The arguments whose objects a function of a module beside the notebook gives back."""
        known = self.modules.function(name) if self.modules.sources else None
        found = NONE
        for function in known[1] if known is not None else ():
            returns = self.modules.effect(known[0], function).returns if known is not None else NONE
            for param, values in passed(function, node.args, node.keywords):
                if param is None or f"<{param}>" in returns:
                    found |= self._every(values, frame)
        return found

    def _returned(self, function: Deferred, args: list[ast.expr], keywords: list[ast.keyword], frame: Frame) -> Roots:
        summary = self.summary(function)
        found = frozenset(r for r in summary.returns if not r.startswith("<"))
        for param, values in passed(function, args, keywords):
            if param is None or f"<{param}>" in summary.returns:
                found |= self._every(values, frame)
        return found

    # ---------------------------------------------------------------- what a value may hold
    def held(self, node: ast.expr | None) -> frozenset[Deferred]:
        """Functions and classes of the notebook that the value of a top-level expression may hold."""
        if node is None or isinstance(node, (ast.Constant, ast.Compare, ast.JoinedStr)):
            return NOTHING
        found: set[Deferred] = set()
        stack: list[ast.AST] = [node]
        while stack:
            part = stack.pop()
            if isinstance(part, ast.Lambda):
                found.add(deferred_function(part))
            elif isinstance(part, ast.Name):
                found |= self.world.holds(part.id)
            elif isinstance(part, ast.Call):
                if not isinstance(part.func, ast.Name):
                    stack.append(part.func)
                elif part.func.id in SCALAR_CALLS and not self.world.holds(part.func.id):
                    continue
                else:
                    found |= {f for f in self.world.holds(part.func.id) if f.kind == "class" or self.summary(f).makes}
                stack += [*part.args, *(k.value for k in part.keywords)]
            elif isinstance(part, (ast.Attribute, ast.Subscript, ast.Starred, ast.Await)):
                stack.append(part.value)
            elif not isinstance(part, (ast.Compare, ast.JoinedStr, ast.Constant)):
                stack += ast.iter_child_nodes(part)
        return frozenset(found)

    def _carries(self, node: ast.expr, frame: Frame) -> bool:
        return any(self.world.holds(r) for r in self.roots(node, frame) if not r.startswith("<"))

    # ---------------------------------------------------------------- calls
    def call(self, node: ast.Call, frame: Frame, found: Effect) -> None:
        """Add what this call does (not what its arguments' own calls do) to ``found``."""
        library = dotted(node.func, frame.origin)
        values = [*node.args, *(k.value for k in node.keywords)]
        kind = ambient_of_call(node, library or place_of(node.func, frame), self.world.made_by)
        if kind is not None:
            found.ambient[kind.lstrip("=")] = "set" if kind.startswith("=") else "draw"
        local = library is not None and self._module_call(library, node.args, node, frame, found)
        if not local and (kind is None or not kind.startswith("=")):
            call_reach(node, frame, found)
        self._texts(node, frame, found)
        if library in tables.DEFINITION_READERS:
            for name in [n for n, kind in self.world.kinds.items() if kind == DEF]:
                found.reads.setdefault(name, name)
        found.opaque |= library in tables.MAIN_READERS or reaches_main([node.func, *values], frame.origin)
        if isinstance(node.func, ast.Attribute):
            if library is not None:
                self._library_call(node, node.func.attr, frame, found)
            else:
                self._method_call(node, node.func, frame, found)
        elif isinstance(node.func, ast.Name) and not frame.local(node.func.id):
            self._name_call(node, node.func.id, frame, found)
        else:
            found.touch(self.roots(node.func, frame))
            found.touch(self._every(values, frame))
        self._callbacks(node, values, frame, found)

    def decorated(self, decorator: ast.expr, frame: Frame, found: Effect) -> None:
        """Add what decorating does: the decorator is called, and keeps or wraps what it is given."""
        base = root(decorator)
        if isinstance(decorator, ast.Name) and base in ("property", "staticmethod", "classmethod"):
            return
        self.call(ast.copy_location(ast.Call(decorator, [ast.Constant(None)], []), decorator), frame, found)
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        place = place_of(inner, frame)
        if place is not None:
            if isinstance(decorator, ast.Call) and reach_of(place):
                found.reach(place, reach_of(place))
        elif isinstance(inner, ast.Attribute) and not self._methods(inner, frame):
            found.touch(self.roots(inner.value, frame), True)  # `@app.route("/")`, `@area.register(int)`

    def created(self, node: ast.ClassDef, frame: Frame, found: Effect) -> None:
        """Add what making a class does to those it is derived from, and to its metaclass."""
        metaclass = [k.value for k in node.keywords if k.arg == "metaclass"]
        for base in [*node.bases, *metaclass]:
            name = root(base)
            place = place_of(base.func if isinstance(base, ast.Call) else base, frame)
            if place is not None and not known(place):
                found.reach(place, UNPROVED)
            if name is None or place is not None or frame.local(name):
                continue
            line = self.lineage(self.world.holds(name))
            makers = {m for c in line for n, m in c.methods.items() if n in class_making(c, base in metaclass)}
            keeps = any(_keeps(m, self.summary(m)) for m in makers)
            if keeps or self.world.asks_subclasses or not line and self.world.kinds.get(name) == VALUE:
                found.touch([c.name for c in line] or [name], True)
            for maker in makers:
                found.add(self.summary(maker))

    def module_store(self, target: ast.expr, frame: Frame) -> str | None:
        """The ambient kind that assigning to ``target`` sets, where it belongs to a module beside the notebook."""
        place = place_of(target, frame) if self.modules.sources else None
        found = self.modules.split(place) if place is not None else None
        if place is None or found is None or "()" in place and not self.modules.keeps(found[0]):
            return None
        return self.modules.kind(found[0])

    def _module_call(self, name: str, args: list[ast.expr], node: ast.Call, frame: Frame, found: Effect) -> bool:
        """Add what a function of a module beside the notebook does; false when ``name`` is none of such a module."""
        known = self.modules.function(name) if self.modules.sources else None
        if known is None:
            return False
        module, functions = known
        if not functions and name != module:
            found.ambient[self.modules.kind(module)] = "set"  # a method of an object that the module keeps
        for function in functions:
            effect = self.modules.effect(module, function)
            found.add(effect)
            self._arguments(effect, function, args, node.keywords, frame, found)
        return True

    def _library_call(self, node: ast.Call, name: str, frame: Frame, found: Effect) -> None:
        if name in tables.CHANGING_FUNCTIONS and node.args:
            found.touch(self.roots(node.args[0], frame), True)
        for keyword in node.keywords:
            if keyword.arg in tables.CHANGED_KEYWORDS or keyword.arg == "inplace":
                found.touch(self.roots(keyword.value, frame), keyword.arg == "out")

    def _name_call(self, node: ast.Call, name: str, frame: Frame, found: Effect) -> None:
        held = self.world.holds(name)
        for function in held:
            self._notebook_call(function, node.args, node.keywords, frame, found)
            if any(f"<{p}>" in self.summary(function).touches for p in function.kept):
                found.touch((name,), True)  # `def f(seen=[])`: the default lives in the function
        if self.keeps_state(name):
            found.touch((name,))  # what the function that made it keeps
        kind = self.world.kinds.get(name)
        if kind == IMPORT:
            self._library_call(node, name, frame, found)
        elif kind in (None, DEF) or held:
            if kind is None and name in tables.OPAQUE_CALLS and not (name == "vars" and node.args):
                found.opaque = not _literal_code(name, node)
            elif kind is None and name in tables.CHANGING_FUNCTIONS and node.args:
                found.touch(self.roots(node.args[0], frame), True)
            if kind == VALUE:
                found.touch((name,))
        elif kind == VALUE:
            found.touch((name,))

    def _method_call(self, node: ast.Call, function: ast.Attribute, frame: Frame, found: Effect) -> None:
        receiver = self.roots(function.value, frame)
        made_by = self.world.made_by.get(root(function.value) or "", "")
        if made_by and isinstance(function.value, ast.Name) and not frame.local(function.value.id):
            self._module_call(f"{made_by}.{function.attr}", [function.value, *node.args], node, frame, found)
        mine = self._methods(function, frame)
        for method in mine:
            self._notebook_call(method, [function.value, *node.args], node.keywords, frame, found)
        if mine and self._carries(function.value, frame):
            return
        name = function.attr
        made = self.world.made_by.get(root(function.value) or "", "")
        inplace = any(
            k.arg == "inplace" and not (isinstance(k.value, ast.Constant) and not k.value.value) for k in node.keywords
        )
        if made.startswith(tables.STATEFUL_MAKERS):
            if not name.startswith(("get_", "savefig")):
                found.touch(receiver, True)
        elif name in tables.MUTATORS or inplace:
            found.touch(receiver, True)
        elif name not in tables.PURE_METHODS:
            found.touch(receiver)
        if name not in tables.PURE_METHODS and self._carries(function.value, frame):
            found.touch(self._every([*node.args, *(k.value for k in node.keywords)], frame))
        for keyword in node.keywords:
            if keyword.arg in tables.CHANGED_KEYWORDS:
                found.touch(self.roots(keyword.value, frame), keyword.arg == "out")

    def _methods(self, function: ast.Attribute, frame: Frame) -> list[Deferred]:
        """Notebook methods that ``x.attr`` may be: by x's class where it is known, else any of that name."""
        base = root(function.value)
        if base is not None and not frame.local(base):
            held = self.world.holds(base) if base not in ("super",) else frozenset()
        elif isinstance(function.value, ast.Call) and isinstance(function.value.func, ast.Name):
            held = self.world.holds(function.value.func.id)
        else:
            held = frozenset(d for ds in self.world.defs.values() for d in ds if d.kind == "class")
        found: list[Deferred] = []
        stack, seen = [d for d in held if d.kind == "class"], set()
        while stack:
            cls = stack.pop()
            if cls in seen:
                continue
            seen.add(cls)
            if function.attr in cls.methods:
                found.append(cls.methods[function.attr])
            stack += [d for b in cls.bases for d in self.world.defs.get(b, ())]
        return found

    def _notebook_call(
        self, function: Deferred, args: list[ast.expr], keywords: list[ast.keyword], frame: Frame, found: Effect
    ) -> None:
        if function.kind == "class":
            if "__init__" in function.methods:
                self._notebook_call(function.methods["__init__"], [ast.Constant(None), *args], keywords, frame, found)
            return
        summary = self.summary(function)
        found.add(summary)
        self._arguments(summary, function, args, keywords, frame, found)

    def _arguments(
        self,
        summary: Effect,
        function: Deferred,
        args: list[ast.expr],
        keywords: list[ast.keyword],
        frame: Frame,
        found: Effect,
    ) -> None:
        """Add what the function does to its arguments."""
        if ARGUMENT in summary.touches:
            for value in [*args, *(k.value for k in keywords)]:
                found.touch(self.roots(value, frame))
        for param, values in passed(function, args, keywords):
            sure = summary.touches.get(f"<{param}>") if param is not None else False
            if sure is not None:
                for value in values:
                    found.touch(self.roots(value, frame), sure)

    def _callbacks(self, node: ast.Call, values: list[ast.expr], frame: Frame, found: Effect) -> None:
        """A function handed over may be called with the other arguments: ``list(map(add, lists))``."""
        for value in values:
            functions = (
                self.held(value)
                if isinstance(value, ast.Lambda) or isinstance(value, ast.Name) and not frame.local(value.id)
                else frozenset()
            )
            for function in functions:
                summary = self.summary(function)
                found.add(summary)
                if any(r.startswith("<") for r in summary.touches):
                    found.touch(self._every([v for v in values if v is not value], frame))
                    if isinstance(node.func, ast.Attribute):
                        found.touch(self.roots(node.func.value, frame))

    def _texts(self, node: ast.Call, frame: Frame, found: Effect) -> None:
        """Names inside texts, and files by literal path."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if root(node.func) == "get_ipython" and node.args:
            self._shell(node, name, found)
            return
        if name in tables.TEXT_CALLS or name in ("exec",):
            for value in [*node.args, *(k.value for k in node.keywords)]:
                for part in ast.walk(value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) < 5000:
                        for word in tables.IDENTIFIER.findall(part.value):
                            if word in self.world.known:
                                found.reads.setdefault(word, name)
        receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        for value in [*node.args, *receiver]:
            folded = None if isinstance(value, ast.Constant) else text_value(value, frame.text)
            if folded:
                found.texts.add(folded)
        if name == "open" and node.args:
            mode = text_value(node.args[1], frame.text) if len(node.args) > 1 else None
            mode = next((text_value(k.value, frame.text) for k in node.keywords if k.arg == "mode"), mode)
            path = text_value(node.args[0], frame.text)
            if path and mode and set(mode) & set("wax+"):
                found.files.add(path)
        elif name in tables.FILE_WRITERS:
            candidates = [*node.args, *(k.value for k in node.keywords)]
            if isinstance(node.func, ast.Attribute):
                candidates.append(node.func.value)
            paths = (text_value(value, frame.text) for value in candidates)
            found.files |= {path for path in paths if path and "\n" not in path}

    def _shell(self, node: ast.Call, name: str, found: Effect) -> None:
        texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if name in ("system", "getoutput") and texts:
            found.reads.update((n, "!") for n in shell_names(texts[0]) if n in self.world.known)
        elif name == "run_line_magic" and texts:
            found.reads.update((n, f"%{texts[0]}") for n in shell_names(" ".join(texts[1:])) if n in self.world.known)
            if texts[0] in ("cd", "env", "set_env"):
                found.ambient["@cwd" if texts[0] == "cd" else "@environ"] = "set"
            found.opaque |= texts[0] in ("run", "store", "reset", "reset_selective", "macro", "rerun", "recall")
        elif name == "run_cell_magic" and texts:
            if texts[0] == "writefile" and len(texts) > 1:
                found.files.add(texts[1].replace("-a ", "").strip())
        for text in texts:
            for word in tables.REDIRECT.findall(text):
                found.files.add(word)
            found.texts |= set(text.split())


def _keeps(method: Deferred, summary: Effect) -> bool:
    """Whether a method that runs when a class is made may change more than that class."""
    return any(not r.startswith("<") or r in (CLOSURE, OWN_CLASS, f"<{method.params[0]}>") for r in summary.touches)


def _negative(node: ast.expr) -> bool:
    """``x[-1]`` is an element, not a copy."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        or (isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.BitAnd, ast.BitOr, ast.BitXor)))
    )


def _mentions(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) for n in ast.walk(node)) and isinstance(node, (ast.Dict, ast.List))


def _loop_names(target: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}


def _literal_code(name: str, node: ast.Call) -> bool:
    return name in ("eval", "exec") and bool(node.args) and isinstance(node.args[0], ast.Constant)
