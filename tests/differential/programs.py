"""Random notebooks: assignments, aliases, mutation, functions, closures, classes, conditions, loops, seeded randomness."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.notebooks import cell, notebook

INTS, LISTS, DICTS = ("a", "b", "c"), ("xs", "ys", "zs"), ("d", "e")


@dataclass
class Author:
    """Writes cells, remembering what exists so that most of what it writes runs."""

    random: Random
    ints: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    dicts: set[str] = field(default_factory=set)
    pure: set[str] = field(default_factory=set)  #: functions int -> int
    changing: set[str] = field(default_factory=set)  #: functions list -> int that change their argument
    objects: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)  #: numbers that only a condition makes
    seeded: bool = False

    # ---------------------------------------------------------------- expressions
    def number(self, depth: int = 0) -> str:
        options = [str(self.random.randint(0, 9))]
        options += sorted(self.ints) * 2
        options += [f"len({n})" for n in sorted(self.lists)] + [f"sum({n})" for n in sorted(self.lists)]
        options += [f"{n}.get('k', 0)" for n in sorted(self.dicts)]
        options += [f"len({n}.items)" for n in sorted(self.objects)]
        if depth < 2:
            options += [f"{f}({self.number(depth + 1)})" for f in sorted(self.pure)]
            options += [f"({self.number(depth + 1)} + {self.number(depth + 1)}) % 97"] * 2
            options += [f"{f}({n})" for f in sorted(self.changing) for n in sorted(self.lists)]
        if self.seeded and depth == 0:
            options += ["random.randint(0, 50)"] * 2
        return self.random.choice(options)

    def sequence(self) -> str:
        options = [f"[{self.number()}, {self.number()}]"]
        for name in sorted(self.lists):
            options += [name, f"list({name})", f"[v * 2 % 97 for v in {name}]", f"sorted({name})", f"{name}[:2]"]
        return self.random.choice(options)

    # ---------------------------------------------------------------- statements
    def statement(self) -> str:
        writers = [
            self.assign,
            self.assign,
            self.change,
            self.change,
            self.show,
            self.branch,
            self.loop,
            self.dictionary,
        ]
        writers += [self.instance, self.use_instance] if self.classes else []
        writers += [self.again]
        return self.random.choice(writers)()

    def assign(self) -> str:
        if self.random.random() < 0.5:
            name, value = self.random.choice(INTS), self.number()
            self.ints.add(name)
        else:
            name, value = self.random.choice(LISTS), self.sequence()
            self.lists.add(name)
        return f"{name} = {value}"

    def change(self) -> str:
        options = [f"{n} += {self.number()}" for n in sorted(self.ints)]
        for name in sorted(self.lists):
            value = self.number()
            options += [
                f"{name}.append({value})",
                f"{name} += [{value}]",
                f"{name}.sort()",
                f"{name}[0:0] = [{value}]",
                f"{name}.reverse()",
            ]
        for name in sorted(self.dicts):
            options += [f"{name}['k'] = {self.number()}", f"{name}.update(j={self.number()})"]
        return self.random.choice(options) if options else self.assign()

    def dictionary(self) -> str:
        name = self.random.choice(DICTS)
        options = [
            f"{{'k': {self.number()}}}",
            *sorted(self.dicts),
            *(f"{{'k': 1, 'l': {n}}}" for n in sorted(self.lists)),
        ]
        value = self.random.choice(options)
        self.dicts.add(name)
        return f"{name} = {value}"

    def branch(self) -> str:
        test = f"{self.number()} > {self.number()}"
        if not self.ints:
            return self.assign()
        name = self.random.choice(sorted(self.ints))
        other = f"\nelse:\n    {self.change()}" if self.random.random() < 0.5 else ""
        return f"if {test}:\n    {name} = {self.number()}{other}"

    def loop(self) -> str:
        if not self.lists:
            return self.assign()
        name = self.random.choice(sorted(self.lists))
        return f"for i in range({self.random.randint(0, 3)}):\n    {name}.append(i)"

    def again(self) -> str:
        return (
            self.change()
            if not self.lists
            else f"print([v for v in {self.random.choice(sorted(self.lists))} if v > 3])"
        )

    def show(self) -> str:
        known = sorted(self.ints | self.lists | self.dicts)
        return f"print({self.random.choice(known)})" if known else self.assign()

    def instance(self) -> str:
        name = self.random.choice(("o", "p"))
        source = f"{name} = {self.random.choice(sorted(self.classes))}()"
        self.objects.add(name)
        return source

    def use_instance(self) -> str:
        if not self.objects:
            return self.instance()
        return f"print({self.random.choice(sorted(self.objects))}.add({self.number()}))"

    # ---------------------------------------------------------------- definitions
    def definition(self) -> str:
        reads = self.random.choice(sorted(self.ints)) if self.ints else "1"
        kind = self.random.randint(0, 5)
        if kind == 0:
            name = self.random.choice(("f", "g"))
            source = f"def {name}(v):\n    return (v * 2 + {reads}) % 97"
            self.pure.add(name)
        elif kind == 1:
            source = f"def push(values):\n    values.append({reads})\n    return len(values)"
            self.changing.add("push")
        elif kind == 2 and self.ints:
            source = f"def bump(v):\n    global {reads}\n    {reads} = (v + {reads} + 1) % 97\n    return {reads}"
            self.pure.add("bump")
        elif kind == 3:
            source = f"def maker(k):\n    def inner(v):\n        return (v + k + {reads}) % 97\n    return inner\n\n\nmade = maker({self.number()})"
            self.pure.add("made")
        elif kind == 4:
            source = (
                "class Box:\n    def __init__(self):\n        self.items = []\n\n"
                f"    def add(self, v):\n        self.items.append(v + {reads})\n        return len(self.items)"
            )
            self.classes.add("Box")
        else:
            inner = self.random.choice(sorted(self.pure)) if self.pure else "abs"
            source = f"def twice(v):\n    return {inner}({inner}(v)) % 97"
            self.pure.add("twice")
        return source

    def body(self, low: int = 1, high: int = 4) -> str:
        lines = []
        for _ in range(self.random.randint(low, high)):
            lines.append(self.definition() if self.random.random() < 0.15 else self.statement())
        return "\n".join(lines)


def program(random: Random, marks: bool) -> tuple[list[str], dict[str, Any]]:
    """The cells as a kernel runs them, and the notebook as a pipeline reads it. ``marks``: with conditions and loops."""
    author = Author(random)
    author.ints.add("a")
    sources = ["import random", f"a = {random.randint(0, 9)}"]
    cells = [cell(sources[0]), cell(sources[1])]
    if random.random() < 0.5:
        author.seeded = True
        sources.append(f"random.seed({random.randint(0, 99)})")
        cells.append(cell(sources[-1], "step:seed") if random.random() < 0.5 else cell(sources[-1]))
    step = 0
    for _ in range(random.randint(3, 8)):
        kind = random.random()
        if kind < 0.15:
            source = author.definition()
            plain = "= maker(" not in source
            sources.append(source)
            cells.append(cell(source) if plain else cell(source, f"step:m{step}"))
        elif marks and kind < 0.45:
            source = _marked(author, random, step)
            sources.append(source)
            cells.append(cell(source))
        else:
            source = author.body()
            sources.append(source)
            cells.append(cell(source, f"step:s{step - (random.random() < 0.2 and step > 0)}"))
        step += 1
    ending = "\n".join(f"print({n!r}, {n})" for n in sorted(author.ints | author.lists | author.dicts))
    sources.append(ending)
    cells.append(cell(ending, "step:end"))
    return sources, notebook(*cells)


def _marked(author: Author, random: Random, step: int) -> str:
    if author.doubtful and random.random() < 0.4:
        name = random.choice(sorted(author.doubtful))
        if random.random() < 0.3:
            return f'%%component t{step} --foreach "v in [1, {name}]"\nr{step} = v + 1\nprint(v)'
        when = random.choice(["", f' --when "{name} > 40"'])
        author.doubtful.add(f"q{step}")
        return f"%%component t{step}{when}\nq{step} = {name} + 1\nprint(q{step})"
    if author.lists and random.random() < 0.4:
        items = random.choice([random.choice(sorted(author.lists)), "[1, 2, 3]", "range(2)"])
        when = ' --when "v > 1"' if random.random() < 0.3 else ""
        source = f'%%component t{step} --foreach "v in {items}"{when}\nw{step} = (v * 3 + {random.choice(sorted(author.ints))}) % 97\nprint(w{step})'
        author.lists.add(f"w{step}")
        return source
    test = f"{random.choice(sorted(author.ints))} > {random.randint(0, 40)}"
    if random.random() < 0.3:
        test += f" and {author.number(2)} < 50"
    names = ("ints", "lists", "dicts", "objects", "pure", "changing", "classes")
    before = {n: set(getattr(author, n)) for n in names}
    body = author.body(1, 3)
    for name, known in before.items():  # what only a condition makes, only other components read
        setattr(author, name, known)
    author.doubtful.add(f"u{step}")
    return f'%%component t{step} --when "{test}"\nu{step} = {author.number(2)}\n{body}'
