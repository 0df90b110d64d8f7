"""What is mutated: the project's own notebooks, and small ones that hold the constructs which are easily read wrongly."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from tests.differential.programs import program
from tests.notebooks import cell, markdown, notebook
from tests.program.cells import COMPONENTS

Json = dict[str, Any]
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

#: Statements that each stand for a corner of the grammar, or of what cells are allowed.
SNIPPETS = (
    "a, *b = *range(3), 4",
    "[-True]",
    "x: int = -1",
    "x: 'list[int]' = [1, -True, {}]",
    "while (n := len(xs)) < 3:\n    xs.append(n)",
    "async def g():\n    return [i async for i in h() if (await i)]",
    "match x:\n    case {'a': [1, *rest], **others} if rest:\n        y = rest\n    case Point(x=0) | None:\n        pass\n    case _:\n        y = 0",
    "def f(a, /, b=1, *c, d, **e) -> int:\n    global z\n    z = a\n    return z",
    "class A(B, metaclass=M):\n    x = 1\n    def m(self):\n        nonlocal_ = self.__class__\n        return super().m()",
    "@(d := decorator)\ndef f(): pass",
    "return 1",
    "yield 1",
    "await x",
    "break",
    "nonlocal q",
    "global a\na = 1",
    "def f(a, a): pass",
    "__debug__ = 1",
    "x = 1\nfrom __future__ import annotations",
    "from __future__ import braces",
    "ﬁ = 1\nprint(fi)",
    "\tif 1:\n\t    x = 1\n        y = 2",
    "x = 1 \\",
    "x = 1\f\ny = 2",
    "x = '\\ud800'",
    "x = 1e999j; y = 0xffffffffffffffffffffff ** 2",
    "x = " + "9" * 5000,
    "del x, (y, [z]), w[0], v.a",
    "try:\n    pass\nexcept* ValueError as e:\n    pass",
    "with open('a') as f, (g := h()) as (i, *j): pass",
    "lambda *, a=(b := 1): [c for c in a]",
    "f'{x!r:>{w}} {y=} {{}} {z[\"k\"]}'",
    "import os as o, sys.path as p\nfrom . import q\nfrom .. import *",
    "kfnb_status += 1",
    "kfnb_status['state'] = 1",
    "__class__ = 1\n__name__, __builtins__ = 2, 3",
    "%timeit -n 3 x = 1\n!ls $x {y}\nz = !cat f\nq?\n%%nothing",
    "%%time\nx = 1",
    "%%bash -s \"$x\"\necho $1",
    "for i in range(3):\n    for j in range(i): x = j\n    else: y = 1\nelse:\n    z = 2",
    "if a:\n    x = 1\n" + "".join(f"elif a == {n}:\n    x = {n}\n" for n in range(9)),
    "x = a if b else c if d else e",
    "np.random.seed(1); df['a'] = df.groupby('b').agg({'c': sum}).reset_index()",
    "exec('x = 1'); eval(y); globals()['z'] = 1; locals().update(a=1)",
    "type X = int" ,
    "def f[T](a: T) -> T: return a",
    "print 'old python'",
    "",
    "\n\n",
    "#",
    "'''",
    "(",
    "x = (yield)",
    "*a",
    "*a, = b",
    "a = b = c = []",
    "a[b:c, ::2] = d",
    "not " * 30 + "x",
)  # fmt: skip

#: Tags, each a mark or nearly one.
TAGS = (
    "step:a", "step:b", "step: load", "step:", "setp:x", "after:a", "after:a,b", "when:n > 1", "when:not (a and b or c)", "when:", "when:[-True]",
    "when:(x := 1)", "when:lambda: 1", "when:{**a}", "when:1 in n", "foreach:x in [1, 2]", "foreach:x in range(3)", "foreach:x in items", "foreach:x",
    "foreach:x in [-True, {}]", "foreach:x in {1: 2}", "exit", "shell", "output:data=/tmp/x", "output:$d", "image:python:3.11", "package:numpy>=1", "cpu:2",
    "memory:4Gi", "memory:lots", "gpu:1", "gpu:²", "limit:nvidia.com/gpu:1", "retry:3", "retry:-1", "timeout:30m", "timeout:1h30m", "timeout:99999999999999999999999d",
    "cache:off", "env:A=b", "env:=", "secret:a:b:C", "volume:c:/p", "label:a:b", "annotation:a:b", "node:a=b", "toleration:a=b:NoSchedule", "parameters",
    "injected-parameters", "metrics", "imports", "functions", "skip", "block:a", "prev:b", "pipeline-parameters", "pipeline-metrics", "remove-cell", ":", "a" * 500,
    "step:\ud800", "step:__class__", "step:ﬁ", "when:" + "(" * 90 + "a" + ")" * 90, "on-failure:continue",
)  # fmt: skip

#: Lines of pipeline cells.
PIPELINE = (
    "x = number(3)", "y = add(x, b=1)", "if x > 3:\n    show(x)\nelse:\n    fail()", "for i in [1, 2, x]:\n    z = number(i)", "for i, j in zip(a, b):\n    show(i)",
    "try:\n    x = number(1)\nfinally:\n    show(kfnb_status)", "p = pair(1, 2)\nq = p.left", "a, b = pair(1, 2)", "x = train(1).after(y)", "l = [number(i) for i in range(3)]",
    "while x:\n    x = number(x)", "def f(): pass", "x += 1", "x[0] = 1", "del x", "return x", "import os", "global x", "assert x", "show(*p, **q)", "show(x=lambda: y)",
    "match x:\n    case 1:\n        show(1)", "with x as y:\n    show(y)", "x = y = number(2)", "x: int = number(2)", "show(f'{x} and {y!r:>3}')", "show(x if y else z)",
    "if big(x) and not y or z in [1, -True]:\n    show(1)\nelif x:\n    show(2)", "echo(text='a')", "(x := number(1))", "show((x := 1))", "pass", "...", "'text'", "print(x)",
    "show([i async for i in x])", "await number(1)", "yield number(1)", "number", "number(1)(2)", "number(1).x.y", "number(1)[0]", "number(n=1, n=2)", "number(*[1])", "break",
    "try:\n    x = number(1)\nexcept ValueError as e:\n    show(e)\nelse:\n    show(1)", "x = -True", "x = not number(1)", "kfnb_status += 1", "kfnb_status = number(1)", "for x.y in z: pass",
    "for i in x:\n    if i > 2:\n        break\n    show(i)", "raise ValueError(x)",
)  # fmt: skip

SETTINGS = (
    '[targets.prod]\nengine = "argo"\nnamespace = "team-a"\nvalues = "s3"\nserver = "https://argo.invalid"\n',
    '[targets.kf]\nengine = "kfp"\nhost = "http://127.0.0.1:1/pipeline"\nexperiment = "e"\nimage = "python:3.11"\npackages = ["numpy"]\n',
    '[targets.here]\nengine = "local"\n\n[targets.vol]\nengine = "argo"\nvalues = "volume:claim"\nservice_account = "a"\nverify = false\n',
)


def notebooks() -> list[Json]:
    """Fresh copies of all that can be mutated."""
    found = [json.loads(p.read_text("utf-8")) for p in sorted(NOTEBOOKS.rglob("*.ipynb"))]
    found += [program(Random(n), marks=n % 2 == 1)[1] for n in range(8)]
    marked = [cell(s, f"step:s{n}") for n, s in enumerate(SNIPPETS)]
    found += [notebook(cell("n = 3\nx = [1]", "parameters"), *marked[at : at + 6]) for at in range(0, len(marked), 6)]
    plain = [markdown(f"# Part {n}") if n % 3 == 0 else cell(s) for n, s in enumerate(SNIPPETS)]
    found += [notebook(*plain[at : at + 9]) for at in range(0, len(plain), 9)]
    found += [
        notebook(cell(COMPONENTS), cell(f"%%pipeline p(x: int = 1)\n{body}\n{other}"))
        for body, other in zip(PIPELINE, PIPELINE[1:], strict=False)
    ]
    return found
