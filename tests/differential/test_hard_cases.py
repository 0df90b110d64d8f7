"""Small notebooks with one hard construct each, a step per cell: printed text and errors equal one kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential.compare import Reference, run_pipeline, same
from tests.notebooks import cell, notebook

CASES: dict[str, list[str]] = {
    "closure over global": ["g=2", "def mk():\n    def h(): return g\n    return h", "h=mk()", "g=5", "print(h())"],
    "function global set later": ["def f(): return g", "g=1", "print(f())"],
    "transitive functions": ["def a(): return K", "K=3", "def b(): return a()", "print(b())"],
    "comprehension locals": ["x=1", "ys=[x for x in range(3)]\nprint(x)"],
    "walrus in comprehension": ["r=range(3)", "v=[(last:=q) for q in r]", "print(last)"],
    "class body reads": ["N=2", "class A:\n    k=N\n    def m(self): return self.k", "print(A().m())"],
    "class method global": ["M=2", "class A:\n    def m(self): return M", "a=A()", "print(a.m())"],
    "decorator": ["def deco(f):\n    return lambda *a: S*f(*a)", "S=3", "@deco\ndef q(x): return x", "print(q(2))"],
    "default arg": ["D=4", "def q(x=D): return x", "D=9", "print(q())"],
    "global stmt": ["cnt=0", "def inc():\n    global cnt\n    cnt+=1", "inc()", "print(cnt)"],
    "global creates": ["def setup():\n    global made\n    made=1", "setup()", "print(made)"],
    "star import": ["from math import *", "x=2", "print(sqrt(x))"],
    "augassign": ["n=1", "n+=1", "print(n)"],
    "subscript mutation": ["d={}", "d['a']=1", "print(d)"],
    "attr mutation": ["import types\nd=types.SimpleNamespace()", "d.a=1", "print(d.a)"],
    "method mutation": ["l=[]", "l.append(1)", "print(l)"],
    "mutation by function arg": ["l=[]", "def add(z): z.append(1)", "add(l)", "print(l)"],
    "mutation by alias": ["l=[]", "m=l", "m.append(1)", "print(l)"],
    "alias inside container": ["l=[]", "box={'l':l}", "box['l'].append(1)", "print(l)"],
    "loop var mutates items": ["rows=[{} for _ in range(2)]", "for r in rows: r['a']=1", "print(rows)"],
    "del then reuse": ["x=1\ny=2", "del x", "print(y)"],
    "except name": ["e=5", "try:\n    1/0\nexcept ZeroDivisionError as ex:\n    err=str(ex)", "print(e,err)"],
    "conditional assign": ["flag=False\nv=1", "if flag:\n    v=2", "print(v)"],
    "may-assign in try": ["v=1", "try:\n    v=int('x')\nexcept ValueError: pass", "print(v)"],
    "with as": ["import io", "with io.StringIO('a') as fh: txt=fh.read()", "print(txt)"],
    "match capture": ["cmd=('go',3)", "match cmd:\n    case ('go', n): pass", "print(n)"],
    "annotation only": ["T=int", "z: T = 3", "print(z)"],
    "f-string": ["w=3", "print(f'{w:>{w}}')"],
    "async": ["async def co(): return W", "W=2", "print(await co())"],
    "eval string": ["p=3", "print(eval('p+1'))"],
    "eval dynamic": ["p=3\ns='p'", "print(eval(s))"],
    "df.query @": ["import pandas as pd\nlim=1\ndf=pd.DataFrame({'a':[1,2]})", "print(df.query('a>@lim'))"],
    "%time statement": ["a=1", "%time b=a+1", "print(b)"],
    "%%time cell": ["a=1", "%%time\nb=a+1", "print(b)"],
    "shell assign": ["files = !ls", "print(files)"],
    "lambda in dict": ["k=2", "fs={'a':lambda x:x*k}", "print(fs['a'](3))"],
    "partial": ["from functools import partial\nb=2\ndef f(x,y): return x*y*b", "g=partial(f,2)", "print(g(3))"],
    "self-naming class": ["class P:\n    def new(self): return P()", "p=P()", "print(type(p.new()).__name__)"],
    "inheritance": ["H=1\nclass A:\n    def m(self): return H", "class B(A): pass", "o=B()", "print(o.m())"],
    "unpack": ["a,(b,*c)=1,(2,3,4)", "print(a,b,c)"],
    "read then rebind": ["x=1", "x=x+1\nprint(x)"],
    "name shadows builtin": ["list_=1\nmax=3", "print(max)"],
    "private name": ["_hid=3", "print(_hid)"],
    "import in step": ["import json", "print(json.dumps(1))"],
    "try import": ["try:\n    import json as js\nexcept ImportError:\n    js=None", "print(js.dumps(1))"],
    "lru_cache": [
        "from functools import lru_cache\n@lru_cache(None)\ndef fib(n): return n if n<2 else fib(n-1)+fib(n-2)",
        "print(fib(20))",
    ],
    "generator": ["def g():\n    yield 1\n    yield 2\nit=g()", "print(next(it))"],
    "random seed": ["import random\nrandom.seed(3)", "print(random.random())"],
    "env var": ["import os\nos.environ['ZZ']='1'", "import os\nprint(os.environ['ZZ'])"],
    "pd option": ["import pandas as pd\npd.set_option('display.precision',2)", "print(pd.Series([1.23456]))"],
    "rcParams": [
        "import matplotlib.pyplot as plt\nplt.rcParams['lines.linewidth']=7",
        "print(plt.rcParams['lines.linewidth'])",
    ],
    "monkeypatch module": ["import math\nmath.tau=1", "print(math.tau)"],
    "monkeypatch class": ["class A: pass", "A.m=lambda s: 5", "print(A().m())"],
    "sqlite": [
        "import sqlite3\ncon=sqlite3.connect(':memory:')\n_=con.execute('create table t(a)')",
        "print(con.execute('select count(*) from t').fetchone())",
    ],
    "file on disk": ["open('o.txt','w').write('hi')", "print(open('o.txt').read())"],
    "tests in an earlier cell": [
        "import unittest, doctest, io\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(add(1, 2), 4)\n"
        'def add(a, b):\n    """\n    >>> add(K, 2)\n    3\n    """\n    return a + b\nK=1\nlock=__import__(\'threading\').Lock()',
        "quiet=unittest.TextTestRunner(stream=io.StringIO())\ndone=unittest.main(argv=[''], exit=False, testRunner=quiet)\n"
        "print(done.result.testsRun, len(done.result.failures), doctest.testmod())\ndel quiet, done",
    ],
    "source and name of an earlier function": [
        "class A:\n    def m(self):\n        return (1 +\n                2)\n# between\ndef f(x):\n    # inside\n    return [\n        x\n    ]\na=A()\nfs=[f]",
        "import inspect, pickle\nprint(inspect.getsource(fs[0]), inspect.getsource(type(a).m))\nprint(pickle.loads(pickle.dumps((a, fs)))[0].m())",
        "import sys\nprint([n for n in dir(sys.modules['__main__']) if n in ('A', 'f', 'fs')])",
    ],
    "future import in an earlier cell": [
        "from __future__ import annotations\nimport typing\nclass P:\n    n: typing.Optional[Q]\nclass Q: pass",
        "def g(v: Later) -> Q: return v\nprint(g(1), g.__annotations__)",
        "print(typing.get_type_hints(P))",
    ],
    "shared identity": ["a=[]\nb=a", "a.append(1)", "print(b, a is b)"],
}

#: What cannot travel, and the words that must tell why.
REFUSED = {
    "generator": ["`it`", "generator", "cell 1, line 4", "needed by        cell 2, line 1", "list(it)"],
    "sqlite": ["`con`", "sqlite3.Connection", "cell 1, line 2", "belongs to its process", "do one of"],
}


@pytest.mark.parametrize("name", CASES)
def test_a_hard_construct_gives_what_one_kernel_gives(name: str, kernel: Reference, tmp_path: Path) -> None:
    cells = CASES[name]
    folders = [tmp_path / "kernel", tmp_path / "pipeline"]
    for folder in folders:
        folder.mkdir()
    theirs = kernel.run(cells, folders[0])
    data = notebook(*(cell(source, f"step:s{n}") for n, source in enumerate(cells, 1)))
    mine = run_pipeline(data, folders[1], tmp_path / "home")
    if name in REFUSED:
        assert mine.summary["error"]["kind"] == "store"
        assert [w for w in REFUSED[name] if w not in mine.traceback] == [], mine.traceback
    else:
        assert same(mine, theirs) == []
