"""Random pipeline cells: calls, expressions, conditions, loops, handlers, nested to a depth of four, with failures injected."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

#: Every component writes down its call, so that two runs can be compared call by call.
COMPONENTS = """from kfnb import component

def told(name, *values):
    print("CALL", name, *map(repr, values))

@component
def number(n: int) -> int:
    told("number", n)
    return n % 100

@component
def text(value) -> str:
    told("text", value)
    return f"<{value}>"[:20]

@component
def items(n):
    told("items", n)
    return [k * 3 % 7 for k in range(n % 4)]

@component
def pair(a, b):
    told("pair", a, b)
    return (a, b)

@component
def combine(*values):
    told("combine", *values)
    return values

@component
def fail(value):
    told("fail", value)
    raise RuntimeError("injected")

@component
def handle(value, state):
    told("handle", value, state)

def odd(n):
    return n % 2 == 1
"""


@dataclass
class Author:
    """Writes statements, remembering which names hold what on every path."""

    random: Random
    fails: bool
    ints: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)  #: what a step gave: to loop over
    own: set[str] = field(default_factory=set)  #: lists made in the cell: to append to
    count: int = 0
    failed: bool = False
    loops: int = 0

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    # ---------------------------------------------------------------- expressions
    def integer(self, depth: int = 0) -> str:
        options = [str(self.random.randint(0, 9)), *sorted(self.ints) * 2]
        if depth < 2:
            options += [
                f"({self.integer(depth + 1)} * 3 + {self.integer(depth + 1)}) % 50",
                f"abs({self.integer(depth + 1)})",
            ]
            options += [f"number({self.integer(depth + 1)})", f"len({self.word(depth + 1)})"]
        return self.random.choice(options)

    def word(self, depth: int = 0) -> str:
        options = ["'w'", *sorted(self.texts) * 2, f'"%s!" % {self.integer(2)}', f'f"{{{self.integer(2)}}}?"']
        if depth < 1:
            options += [f"text({self.integer(2)})"]
        return self.random.choice(options)

    def test(self) -> str:
        calls = [
            f"{self.integer(2)} {self.random.choice(['>', '<=', '==', '!='])} {self.integer(2)}",
            f"odd({self.integer(2)})",
        ]
        calls += [
            f"{self.integer(2)} > {self.integer(2)} {self.random.choice(['and', 'or'])} not odd({self.integer(2)})"
        ]
        calls += [f"{self.random.randint(0, 4)} < {self.integer(2)} < {self.random.randint(3, 30)}"]
        return self.random.choice(calls)

    # ---------------------------------------------------------------- statements
    def block(self, depth: int, low: int = 1, high: int = 4) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(low, high)):
            lines += self.statement(depth)
        return lines

    def statement(self, depth: int) -> list[str]:
        kinds = ["assign"] * 4 + ["word", "items", "pair", "append", "plain", "compute"]
        kinds += ["if", "if", "for", "try", "comprehension"] if depth < 4 else []
        if self.fails and not self.failed and self.random.random() < 0.08:
            return self._fail()
        return getattr(self, f"_{self.random.choice(kinds)}")(depth)  # type: ignore[no-any-return]

    def _target(self, known: set[str], stem: str) -> str:
        name = self.random.choice(sorted(known)) if known and self.random.random() < 0.3 else self.fresh(stem)
        return name

    def _assign(self, depth: int) -> list[str]:
        value = f"number({self.integer()})"
        name = self._target(self.ints if not self.loops else set(), "n")
        self.ints.add(name)
        return [f"{name} = {value}"]

    def _word(self, depth: int) -> list[str]:
        value = f"text({self.word()})"
        name = self._target(self.texts if not self.loops else set(), "t")
        self.texts.add(name)
        return [f"{name} = {value}"]

    def _plain(self, depth: int) -> list[str]:
        value, name = self.integer(1), self._target(self.ints if not self.loops else set(), "n")
        self.ints.add(name)
        return [f"{name} = {value}"]

    def _compute(self, depth: int) -> list[str]:
        value, name = self.integer(2), self.fresh("b")
        return [f"{name} = odd({value})", f"combine({name})"]

    def _items(self, depth: int) -> list[str]:
        name = self.fresh("xs")
        self.lists.add(name)
        return [f"{name} = items({self.integer(2)})"] if self.random.random() < 0.9 else [f"{name} = [3, 1]"]

    def _pair(self, depth: int) -> list[str]:
        one, two = self.integer(2), self.word(1)
        first, second = self.fresh("n"), self.fresh("t")
        self.ints.add(first)
        self.texts.add(second)
        return [f"{first}, {second} = pair({one}, {two})"]

    def _append(self, depth: int) -> list[str]:
        if not self.own or self.random.random() < 0.3:
            if self.loops:
                return self._assign(depth)
            name = self.fresh("rs")
            self.own.add(name)
            return [f"{name} = []"]
        name = self.random.choice(sorted(self.own))
        return [f"{name}.append({self.integer(1)})"]

    def _comprehension(self, depth: int) -> list[str]:
        name, over = self.fresh("zs"), self._over()
        test = f" if k > {self.random.randint(0, 3)}" if self.random.random() < 0.4 else ""
        return [f"{name} = [number(k + {self.integer(2)}) for k in {over}{test}]", f"combine({name})"]

    def _over(self) -> str:
        return self.random.choice(["[1, 2]", "range(3)", "[]", *sorted(self.lists) * 3])

    def _known(self) -> list[set[str]]:
        return [self.ints, self.texts, self.lists, self.own]

    def _save(self) -> list[set[str]]:
        return [set(k) for k in self._known()]

    def _restore(self, saved: list[set[str]]) -> None:
        self.ints, self.texts, self.lists, self.own = (set(s) for s in saved)

    def _if(self, depth: int) -> list[str]:
        lines, before = [f"if {self.test()}:"], self._save()
        lines += _indent(self.block(depth + 1))
        ends = [self._save()]
        self._restore(before)
        if self.random.random() < 0.3:
            lines += [f"elif {self.integer(2)} > {self.integer(2)}:", *_indent(self.block(depth + 1, 1, 2))]
            ends.append(self._save())
            self._restore(before)
        if self.random.random() < 0.6:
            shared = sorted(ends[0][0] - before[0])
            body = self.block(depth + 1, 1, 3)
            if shared and len(ends) == 1:  # a name that both branches bind
                body.append(f"{shared[0]} = number({self.integer(2)})")
                self.ints.add(shared[0])
            lines += ["else:", *_indent(body)]
            ends.append(self._save())
        else:
            ends.append(before)
        self._restore([set.intersection(*(e[at] for e in ends)) for at in range(4)])
        return lines

    def _for(self, depth: int) -> list[str]:
        name, over = self.fresh("i"), self._over()
        before = self._save()
        self.loops += 1
        self.ints.add(name)
        head = f"for {name} in {over}:"
        if self.random.random() < 0.2:
            head = f"for {self.fresh('p')}, {name} in enumerate({over}):"
        lines = [head, *_indent(self.block(depth + 1, 1, 3))]
        self.loops -= 1
        self._restore(before)
        return lines

    def _try(self, depth: int) -> list[str]:
        before = self._save()
        self.loops += 1  # what the handler reads is not bound anew in the body
        lines = ["try:", *_indent(self.block(depth + 1, 1, 3))]
        self.loops -= 1
        after = self._save()
        self._restore(before)
        lines += ["finally:", f"    handle({self.integer(2)}, kfnb_status['state'])"]
        self._restore(after)
        return lines

    def _fail(self) -> list[str]:
        """A failure that comes after everything before it, so that both ways have done the same by then."""
        self.failed = True
        # a list that a loop appends to cannot be read inside the loop (KF605)
        own = set() if self.loops else self.own
        return [f"fail([{', '.join(sorted(self.ints | self.texts | self.lists | own))}])"]


def _indent(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def program(random: Random, fails: bool) -> str:
    """The body of a pipeline cell with a parameter ``a``."""
    author = Author(random, fails, ints={"a"})
    lines = ["a: int = 5", *author.block(0, 3, 7)]
    known = sorted(author.ints | author.texts | author.lists | author.own)
    return "\n".join([*lines, f"combine({', '.join(known)})"])
