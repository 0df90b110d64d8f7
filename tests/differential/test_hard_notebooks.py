"""Hard notebooks, one construct each: the right result, or a clear refusal where no right result exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.differential.compare import Reference, Refused, run_pipeline, same
from tests.notebooks import cell, markdown, notebook

Cells = list[Any]


def steps(*sources: str) -> Cells:
    """A step per cell."""
    return [cell(s, f"step:s{n}") for n, s in enumerate(sources, 1)]


#: Equal to one kernel. Plain strings are steps of their own; cells say otherwise.
RIGHT: dict[str, Cells] = {
    # ---- names and scopes
    "name read first in a comprehension of an earlier step": steps("rows = [1, 2]", "total = sum(r for r in rows)", "print([r for r in rows], total)"),
    "conditional assignment in an earlier step": steps("v = 1\nflag = False", "if flag:\n    v = 2\n    w = 3", "print(v)"),
    "name bound only under a condition that holds": steps("flag = True", "if flag:\n    w = 3", "print(w)"),
    "name shadowing a builtin, then deleted": steps("max = 3", "print(max)\ndel max", "print(max([1, 2]))"),
    "star import used two steps later": [cell("from os.path import *"), *steps("p = join('a', 'b')", "print(basename(p))")],
    "import a.b binds a": steps("import os.path", "print(os.path.join('a', 'b'))"),
    "two submodules of one package": steps("import xml.dom", "import xml.sax", "print(xml.dom.__name__, xml.sax.__name__)"),
    "import inside a function": steps("def f():\n    import json\n    return json.dumps(1)", "print(f())"),
    "import after the function that uses it": steps("def f():\n    return math.floor(2.5)", "import math", "print(f())"),
    "async function, for and with": steps("import asyncio\nasync def gen():\n    for i in range(2):\n        yield i", "out = []\nasync for x in gen():\n    out.append(x)", "print(out)"),
    "match with guard and capture": steps("point = {'x': 1, 'y': 2}", "match point:\n    case {'x': x, **rest} if x > 0:\n        kind = 'pos'\n    case _:\n        kind = 'other'", "print(kind, x, rest)"),
    "walrus in a condition": steps("data = [1, 2, 3]", "if (n := len(data)) > 2:\n    big = True", "print(n, big)"),
    "nested functions with nonlocal": steps("def counter():\n    n = 0\n    def step():\n        nonlocal n\n        n += 1\n        return n\n    return step", "c = counter()\nprint(c())", "print(c(), c())"),
    "class body comprehension over a global": steps("base = [1, 2]", "class A:\n    values = [b * 2 for b in base]", "print(A.values)"),
    "class with a metaclass of the notebook": steps("class Meta(type):\n    def __new__(m, n, b, d):\n        d['tag'] = TAG\n        return super().__new__(m, n, b, d)", "TAG = 'x'", "class A(metaclass=Meta):\n    pass", "print(A.tag, type(A).__name__)"),
    "private name mangling": steps("class A:\n    def __init__(self):\n        self.__v = 1\n    def get(self):\n        return self.__v", "a = A()", "print(a.get())"),
    "dataclass with defaults": steps("from dataclasses import dataclass, field, asdict\n@dataclass\nclass P:\n    x: int = 1\n    tags: list = field(default_factory=list)", "p = P(2)\np.tags.append('a')", "print(p, asdict(p), P() == P(1))"),
    "enumeration compared by identity": steps("from enum import Enum\nclass C(Enum):\n    R = 1\n    G = 2", "c = C.R", "print(c is C.R, c.name, C(2) is C.G)"),
    "named tuple": steps("from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    y: int = 2", "p = P(1)", "print(p, p.y, isinstance(p, P))"),
    "abstract base class": steps("from abc import ABC, abstractmethod\nclass A(ABC):\n    @abstractmethod\n    def f(self): ...", "class B(A):\n    def f(self):\n        return 3", "b = B()", "print(b.f(), isinstance(b, A))"),
    "shared class, instance from a step": [cell("class P:\n    def __init__(self, v):\n        self.v = v\n    def __eq__(self, o):\n        return isinstance(o, P) and o.v == self.v"), *steps("p = P(1)", "print(isinstance(p, P), p == P(1), type(p) is P)")],
    "slots": steps("class S:\n    __slots__ = ('a', 'b')\n    def __init__(self):\n        self.a = 1", "s = S()\ns.b = 2", "print(s.a, s.b)"),
    "property and classmethod": steps("class A:\n    n = 0\n    @classmethod\n    def up(cls):\n        cls.n += 1\n        return cls.n\n    @property\n    def twice(self):\n        return self.n * 2", "A.up()", "A.up()", "print(A.n, A().twice)"),
    "singledispatch": steps("from functools import singledispatch\n@singledispatch\ndef show(x):\n    return 'any'\n@show.register\ndef _(x: int):\n    return 'int'\nr = show(1)", "print(r)"),
    "decorator that keeps a registry": steps("registry = {}\ndef register(f):\n    registry[f.__name__] = f\n    return f", "@register\ndef a():\n    return 1", "@register\ndef b():\n    return 2", "print(sorted(registry), registry['b']())"),
    "function redefined between uses": steps("def f():\n    return 1\nfirst = f()", "def f():\n    return 2", "print(first, f())"),
    "function calling a function redefined later": steps("def g():\n    return 1\ndef f():\n    return g()", "def g():\n    return 2", "print(f())"),
    "default argument keeps its list": steps("def f(x, seen=[]):\n    seen.append(x)\n    return list(seen)", "print(f(1))", "print(f(2))"),
    "recursive function": steps("def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)", "print(fact(5))"),
    "mutual recursion across steps": steps("def even(n):\n    return n == 0 or odd(n - 1)", "def odd(n):\n    return n != 0 and even(n - 1)", "print(even(4), odd(4))"),
    "lambda over a loop variable": steps("fs = [lambda i=i: i * K for i in range(3)]", "K = 10", "print([f() for f in fs])"),
    "partial over a notebook function": steps("from functools import partial\ndef f(a, b):\n    return a + b + C\ng = partial(f, 1)", "C = 5", "print(g(2))"),
    "bound method as a value": steps("class A:\n    def __init__(self):\n        self.n = 0\n    def up(self):\n        self.n += 1\n        return self.n\na = A()\nup = a.up", "up()", "print(a.n, up())"),
    "exec of a literal": steps("exec('q = 3')", "print(q)"),
    "globals()": steps("x = 4", "print(globals()['x'])"),
    "setattr by a text": steps("class N: pass\nn = N()", "setattr(n, 'k', 3)", "print(n.k)"),
    "except name does not outlive its clause": steps("e = 'kept'", "try:\n    raise ValueError('x')\nexcept ValueError as err:\n    message = str(err)", "print(e, message, 'err' in globals())"),
    "future annotations": steps("from __future__ import annotations\ndef f(x: Nowhere) -> Never:\n    return x", "print(f(3))"),
    # ---- objects that are changed
    "mutation through two names in two steps": steps("a = [1]", "b = a", "b.append(2)", "print(a, b, a is b)"),
    "alias broken by a copy": steps("a = [1]", "b = list(a)", "b.append(2)", "print(a, b)"),
    "touched and rebound in one step": steps("xs = [1]\nd = {'l': xs}", "xs.append(2)\nxs = [9]", "print(xs, d)"),
    "nested container": steps("d = {'a': {'b': []}}", "d['a']['b'].append(1)", "print(d)"),
    "list extended by +=": steps("a = [1]\nb = a", "a += [2]", "print(b)"),
    "mutated by a function of a function": steps("def inner(z):\n    z.append(1)\ndef outer(z):\n    inner(z)", "l = []", "outer(l)", "print(l)"),
    "mutated by map": steps("def f(z):\n    z.append(1)", "ls = [[], []]", "list(map(f, ls))", "print(ls)"),
    "mutated through a method that returns self": steps("class B:\n    def __init__(self):\n        self.v = []\n    def add(self, x):\n        self.v.append(x)\n        return self", "b = B()", "b.add(1).add(2)", "print(b.v)"),
    "object that holds another": steps("class H:\n    def __init__(self, l):\n        self.l = l", "l = []\nh = H(l)", "h.l.append(1)", "print(l)"),
    "sorted copy against sort in place": steps("a = [3, 1, 2]", "b = sorted(a)", "a.sort(reverse=True)", "print(a, b)"),
    "dict view": steps("d = {'a': 1}\nks = list(d)", "d['b'] = 2", "print(ks, list(d))"),
    "heap": steps("import heapq\nh = [3, 1]", "heapq.heapify(h)", "heapq.heappush(h, 0)", "print(h)"),
    "swap": steps("a, b = [1], [2]", "a, b = b, a", "a.append(3)", "print(a, b)"),
    "del of an item": steps("d = {'a': 1, 'b': 2}", "del d['a']", "print(d)"),
    "chained assignment": steps("a = b = []", "a.append(1)", "print(b, a is b)"),
    "iterator advanced": steps("import itertools\nn = itertools.count() if False else [1, 2, 3]", "m = n.pop()", "print(m, n)"),
    "loop over items changes them": steps("objs = [dict(a=i) for i in range(2)]", "for o in objs:\n    o['b'] = 1", "print(objs)"),
    "enumerate and zip over shared rows": steps("rows = [[], []]", "for i, r in enumerate(rows):\n    r.append(i)", "print(rows)"),
    # ---- numpy, pandas, scikit-learn, matplotlib
    "numpy view written through": steps("import numpy as np\na = np.zeros(4)", "v = a[1:3]", "v[:] = 5", "print(a)"),
    "numpy boolean index is a copy": steps("import numpy as np\na = np.arange(4)", "b = a[a > 1]", "b[:] = 0", "print(a, b)"),
    "numpy scalar keeps its type": steps("import numpy as np\nx = np.float32(1.5)", "print(type(x).__name__, x + 1)"),
    "numpy object array": steps("import numpy as np\na = np.array([{'k': 1}, None], dtype=object)", "a[0]['k'] = 2", "print(a)"),
    "numpy generator goes on where it was": steps("import numpy as np\nrng = np.random.default_rng(3)", "x = rng.random()", "print(x, rng.integers(100))"),
    "numpy legacy seed": steps("import numpy as np\nnp.random.seed(1)", "a = np.random.rand(2)", "print(a, np.random.rand())"),
    "random and numpy seeded together": steps("import random\nimport numpy as np\nrandom.seed(2)\nnp.random.seed(2)", "x = random.random()", "y = np.random.rand()", "print(x, y, random.random(), np.random.rand())"),
    "seed inside a function": steps("import random\ndef fix():\n    random.seed(5)", "fix()", "print(random.random())"),
    "numpy print options": steps("import numpy as np\nnp.set_printoptions(precision=2)", "print(np.array([1.23456]))"),
    "DataFrame column added later": steps("import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})", "df['b'] = df['a'] * 2", "df = df[df['b'] > 2]", "print(df)"),
    "DataFrame apply with a notebook function": steps("import pandas as pd\nk = 3\ndef f(v):\n    return v * k", "df = pd.DataFrame({'a': [1, 2]})", "df['b'] = df['a'].apply(f)", "print(df.to_dict())"),
    "DataFrame inplace": steps("import warnings\nimport pandas as pd\nwarnings.simplefilter('ignore')\ndf = pd.DataFrame({'a': [2, 1]})", "df.sort_values('a', inplace=True)", "df.rename(columns={'a': 'z'}, inplace=True)", "print(df.to_dict())"),
    "pandas categories and dates": steps("import pandas as pd\ndf = pd.DataFrame({'d': pd.to_datetime(['2024-01-02']), 'c': pd.Categorical(['x'])})", "print(df.dtypes.to_dict(), df)"),
    "pandas query with a local name": steps("import pandas as pd\ndf = pd.DataFrame({'a': [1, 2, 3]})", "low = 2", "print(len(df.query('a >= @low')))"),
    "scikit-learn fitted in a later step": steps("from sklearn.linear_model import LinearRegression\nm = LinearRegression()", "m.fit([[1], [2]], [2, 4])", "print(round(float(m.predict([[3]])[0]), 6))"),
    "scikit-learn draws from the seeded generator": steps("import numpy as np\nfrom sklearn.utils import shuffle\nnp.random.seed(0)", "a = shuffle([1, 2, 3, 4])", "b = shuffle([1, 2, 3, 4])", "print(a, b)"),
    "scikit-learn transformer of the notebook": steps("from sklearn.base import BaseEstimator, TransformerMixin\nclass Add(BaseEstimator, TransformerMixin):\n    def __init__(self, k=1):\n        self.k = k\n    def fit(self, X, y=None):\n        return self\n    def transform(self, X):\n        return [[v + self.k + OFF for v in r] for r in X]", "OFF = 10\nt = Add(2).fit([[1]])", "print(t.transform([[1]]), t)"),
    "figure made in one step and drawn on in the next": steps("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nplt.close(fig)", "ax.plot([1, 2, 3])", "print(len(ax.lines), fig.axes[0] is ax)"),
    "matplotlib style": steps("import matplotlib.pyplot as plt\nplt.rcParams['lines.linewidth'] = 4\nplt.style.use('ggplot')", "print(plt.rcParams['lines.linewidth'], plt.rcParams['axes.facecolor'])"),
    "pandas option from a value": steps("import pandas as pd\nn = 3", "pd.set_option('display.precision', n)", "print(pd.Series([1.234567]))"),
    # ---- ambient state and files
    "environment from a value": steps("import os\nv = 'x' * 3", "os.environ['KFNB_TRY'] = v", "print(os.environ['KFNB_TRY'])"),
    "%env": steps("%env KFNB_TRY2=5", "import os\nprint(os.environ['KFNB_TRY2'])"),
    "working folder": steps("import os\nos.makedirs('sub', exist_ok=True)\nos.chdir('sub')", "print(os.path.basename(os.getcwd()))"),
    "sys.path and a module beside the notebook": steps("import os, sys\nos.makedirs('lib', exist_ok=True)\nopen('lib/mod_kfnb_try.py', 'w').write('K = 7')\nsys.path.insert(0, 'lib')", "import mod_kfnb_try\nprint(mod_kfnb_try.K)"),
    "warning filters": steps("import warnings\nwarnings.filterwarnings('ignore')", "warnings.warn('never seen')\nprint('quiet')"),
    "decimal context": steps("import decimal\ndecimal.setcontext(decimal.Context(prec=4))", "print(decimal.Decimal(1) / 3)"),
    "file written and read": steps("with open('f.txt', 'w') as fh:\n    fh.write('one')", "text = open('f.txt').read()", "print(text)"),
    "file overwritten in reading order": steps("open('f.txt', 'w').write('1')", "a = open('f.txt').read()", "open('f.txt', 'w').write('2')", "print(a, open('f.txt').read())"),
    "file by a path in a name": steps("path = 'out/data.csv'\nimport os\nos.makedirs('out', exist_ok=True)", "with open(path, 'w') as fh:\n    fh.write('a,b')", "print(open('out/data.csv').read())"),
    "pathlib": steps("from pathlib import Path\nbase = Path('there')\nbase.mkdir(exist_ok=True)", "(base / 'x.txt').write_text('hi')", "print((base / 'x.txt').read_text())"),
    "writefile magic": steps("%%writefile made.txt\nhello", "print(open('made.txt').read())"),
    "bash cell writes a file": steps("%%bash\necho hi > b.txt", "print(open('b.txt').read())"),
    "shell with names": steps("name = 'kfnb'", "!echo hello {name} $name", "out = !echo {name.upper()}", "print(out[0])"),
    "capture": steps("%%capture _cap\nprint('inside')", "print(_cap.stdout.strip())"),
    "magic inside an if": steps("if True:\n    x = !echo 1\nprint(x[0])"),
    "percent inside a text": steps("s = '''\n%not a magic\n!nor this\n'''", "print(len(s.split('\\n')), 7 % 4)"),
    "logging set up once": [cell("import logging\nlogging.basicConfig(level=logging.ERROR)"), *steps("logging.getLogger('x').info('unseen')\nprint(logging.getLogger().level)")],
    # ---- structure
    "several cells of one step": [cell("a = 1", "step:one"), cell("b = a + 1", "step:one"), cell("print(a + b)", "step:two")],
    "cells of one step around another that needs nothing of them": [cell("a = 1", "step:one"), cell("c = 5", "step:two"), cell("b = a + 1\nprint(b)", "step:one"), cell("print(b, c)", "step:three")],
    "cells of one step around another that it needs": [cell("a = 1", "step:one"), cell("c = 5", "step:two"), cell("b = c + 1", "step:one"), cell("print(a, b, c)", "step:three")],
    "headings make steps": [markdown("# First"), cell("x = 1"), markdown("# Second"), cell("x += 1"), markdown("# Third"), cell("print(x)")],
    "shared literal changed in one step": [cell("items = []"), *steps("items.append(1)", "items.append(2)", "print(items)")],
    "shared code that reads shared code": [cell("BASE = 2\nRATE = BASE * 10\ndef f(x, k=RATE):\n    return x * k"), *steps("y = f(2)", "print(y)")],
    "default argument from a step": [cell("n = 2", "step:a"), cell("def f(x=n):\n    return x"), cell("n = 9", "step:b"), cell("print(f(), n)", "step:c")],
    "seed in shared code": [cell("import random\nrandom.seed(4)"), *steps("a = random.random()", "print(a, random.random())")],
    "unicode everywhere": [cell("größe = 'ß∑🎈'", "step:größe".replace("ö", "oe").replace("ß", "ss")), cell("print(größe, len(größe))", "step:zwei")],
    "two names one function": steps("def f():\n    return V\ng = f", "V = 1", "print(g(), f is g)"),
    "exception stops the rest": steps("x = 1", "print('before')\nraise ValueError('no')\nprint('after')", "print(x)"),
}  # fmt: skip

#: Refused before anything runs: the problem's code, and words that the message must have.
REFUSED: dict[str, tuple[Cells, str, list[str]]] = {
    "name nobody makes": (steps("x = 1", "print(y)"), "KF301", ["`y`", "no cell or line before defines it"]),
    "name misspelt": (steps("total = 1", "print(totl)"), "KF301", ["did you mean `total`"]),
    "name made only later": (steps("print(z)", "z = 1"), "KF301", ["only later", "cell 2, line 1"]),
    "name of an unmarked cell": ([cell("df = open('x').read()"), *steps("print(df)")], "KF302", ["cell 1", "not in the pipeline"]),
    "name of a skipped cell": ([cell("k = 1", "skip"), *steps("print(k)")], "KF302", ["`k`", "cell 1"]),
    "deleted name": (steps("x = 1\nprint(x)", "del x", "print(x)"), "KF303", ["deleted in cell 2"]),
    "list changed inside a loop": ([*steps("out = []"), cell("out.append(v)", "step:lp", "foreach:v in [1, 2]"), *steps("print(1)")][:2] + [cell("print(out)", "step:z")], "KF304", ["`out`", "inside it"]),
    "sum carried through a loop": ([cell("total = 0", "step:a"), cell("total = total + v", "step:lp", "foreach:v in [1, 2]"), cell("print(total)", "step:z")], "KF304", ["`total`"]),
    "exit handler that reads a value": ([cell("x = 1", "step:a"), cell("print(x)", "step:end", "exit")], "KF307", ["`x`", "kfnb_status"]),
    "split step that needs what stands between": ([cell("a = 1", "step:one"), cell("a = a + 1\nb = a", "step:two"), cell("a = b * a", "step:one")], "KF309", ["step name of their own"]),
    "shared code between the cells of a step that it needs": ([cell("n = 2", "step:a"), cell("def f(x=n):\n    return x"), cell("n = 9\nprint(f(), n)", "step:a")], "KF309", ["cell 2"]),
    "order mark that makes a circle": ([cell("x = 1", "step:a", "after:b"), cell("y = x", "step:b")], "KF402", ["a", "b"]),
    "order mark to nowhere": ([cell("x = 1", "step:a"), cell("y = 1", "step:b", "after:aa")], "KF401", ["did you mean `a`"]),
    "two exit handlers": ([cell("1", "step:a"), cell("2", "step:b", "exit"), cell("3", "step:c", "exit")], "KF403", ["second exit handler"]),
    "syntax error": ([cell("x = 1", "step:a"), cell("y = (1,\nz = 2", "step:b"), cell("print(x)", "step:c")], "KF104", ["cell 2"]),
    "Python 2": (steps("print 'hello'"), "KF106", ["Python 2"]),
    "bad condition": ([cell("x = 1", "step:a", "when:x >")], "KF404", ["x >"]),
    "bad loop": ([cell("x = 1", "step:a", "foreach:in xs")], "KF405", ["VAR in EXPRESSION"]),
    "bad name": ([cell("x = 1", "step:load data")], "KF204", ["`load-data`"]),
    "no step at all": ([cell("import os", "imports")], "KF107", ["step:NAME"]),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_hard_notebook_gives_what_one_kernel_gives(name: str, kernel: Reference, tmp_path: Path) -> None:
    cells = RIGHT[name]
    folders = [tmp_path / "kernel", tmp_path / "pipeline"]
    for folder in folders:
        folder.mkdir()
    theirs = kernel.run([c["source"] for c in cells if c["cell_type"] == "code"], folders[0])
    mine = run_pipeline(notebook(*cells), folders[1], tmp_path / "home")
    assert same(mine, theirs) == []
    assert theirs.error in (None, "ValueError")


@pytest.mark.parametrize("how", ["one", "cells"])
@pytest.mark.parametrize(
    "name", ["two names one function", "object that holds another", "star import used two steps later"]
)
def test_an_unmarked_notebook_gives_what_one_kernel_gives(
    name: str, how: str, kernel: Reference, tmp_path: Path
) -> None:
    cells = [cell(c["source"]) for c in RIGHT[name]]
    folders = [tmp_path / "kernel", tmp_path / "pipeline"]
    for folder in folders:
        folder.mkdir()
    theirs = kernel.run([c["source"] for c in cells], folders[0])
    mine = run_pipeline(notebook(*cells, metadata={"kfnb": {"as": how}}), folders[1], tmp_path / "home")
    assert same(mine, theirs) == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_notebook_without_a_right_result_is_refused_in_clear_words(name: str, tmp_path: Path) -> None:
    cells, code, expected = REFUSED[name]
    with pytest.raises(Refused) as caught:
        run_pipeline(notebook(*cells), tmp_path, tmp_path / "home")
    assert code in caught.value.codes, str(caught.value)
    assert [w for w in expected if w not in str(caught.value)] == [], str(caught.value)
