"""What cells do beyond the names they bind: each step finds it as it would in one kernel, or the user is told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from kfnb.analysis.analyze_notebook import Analyzer
from kfnb.analysis.parse_cells import parse_cell
from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import Built, build
from kfnb.pipeline.model import Replay
from tests.differential.compare import Reference, run_pipeline, same
from tests.notebooks import cell, notebook

Cells = list[dict[str, Any]]

CLASSES = """
import threading, functools
from dataclasses import dataclass, field
from typing import ClassVar
class Job:
    count = 0
    def __init__(self): Job.count += 1
class Derived(Job):
    def __init__(self):
        super().__init__()
        type(self).count += 10
class Made:
    made = []
    @classmethod
    def make(cls, n):
        one = cls()
        one.n = n
        cls.made.append(one)
        return one
class Seen:
    seen = []
    def add(self, x): self.seen.append(x)
class Locked:
    lock = threading.Lock()
    n = 0
    @classmethod
    def up(cls):
        with cls.lock: cls.n += 1
class Single(type):
    every = {}
    def __call__(cls, *a):
        if cls not in cls.every: cls.every[cls] = super().__call__(*a)
        return cls.every[cls]
class Settings(metaclass=Single):
    def __init__(self): self.value = 0
class One:
    it = None
    def __new__(cls):
        if cls.it is None: cls.it = super().__new__(cls)
        return cls.it
@dataclass
class Point:
    x: int
    own: list = field(default_factory=list)
    every: ClassVar[list] = []
    def __post_init__(self): Point.every.append(self.x)
class Plain:
    limit = 1
    def value(self): return self.limit
""", """
Job(); Derived(); a = Made.make(1); Seen().add(1); Locked.up(); settings = Settings(); settings.value = 3
one = One(); one.v = 1; p = Point(1); plain = Plain()
""", """
Job(); d = Derived(); b = Made.make(2); s = Seen(); s.add(2); Locked.up(); Settings().value += 1; One().w = 2; Point(2)
Plain.limit = 7; Plain.other = lambda self: self.limit * 2; del Made.make
""", """
print(Job.count, Derived.count, d.count, [m.n for m in Made.made], Made.made[0] is a, hasattr(Made, "make"))
print(Seen.seen, s.seen is Seen.seen, Locked.n, settings.value, Settings() is settings, One().v, one.w, One() is one)
print(Point.every, p.own, plain.value(), plain.other(), Plain.limit, isinstance(plain, Plain), type(d) is Derived)
"""  # fmt: skip

FUNCTIONS = """
import functools
def calls():
    calls.n += 1
    return calls.n
calls.n = 0
def counted(f):
    @functools.wraps(f)
    def wrapper(*a):
        wrapper.calls += 1
        return f(*a)
    wrapper.calls = 0
    return wrapper
@counted
def square(x): return x * x
def memo(f):
    cache = {}
    def inner(x):
        if x not in cache: cache[x] = f(x)
        return cache[x]
    inner.cache = cache
    return inner
@memo
def cube(x): return x ** 3
table = {"cube": cube}
class Counting:
    def __init__(self, f): self.f, self.n = f, 0
    def __call__(self, *a):
        self.n += 1
        return self.f(*a)
@Counting
def half(x): return x / 2
def seen(x, before={}):
    before[x] = 1
    return sorted(before)
def ticker():
    n = 0
    def tick():
        nonlocal n
        n += 1
        return n
    return tick
tick = ticker()
def adder():
    def add(rows, x): rows.append(x)
    return add
add = adder()
""", """
calls(); square(2); cube(2); table["cube"](3); half(1); seen(1); tick(); rows = []
""", """
calls(); both = list(map(square, [1, 2])); cube(4); half(2); seen(2); tick(); add(rows, 5)
""", """
print(calls.n, calls(), square.calls, both, sorted(cube.cache), half.n, seen(3), tick(), rows)
"""  # fmt: skip

REGISTRIES = """
from functools import singledispatch
@singledispatch
def show(x): return "any"
@show.register(int)
def show_int(x): return "int"
class Base:
    registry = {}
    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        Base.registry[cls.__name__] = cls
class Foo(Base):
    def run(self): return "foo"
class Through:
    names = []
    def __init_subclass__(cls): cls.names.append(cls.__name__)
class T1(Through): pass
class Meta(type):
    classes = {}
    def __new__(mcs, name, bases, body):
        made = super().__new__(mcs, name, bases, body)
        mcs.classes[name] = made
        return made
class M1(metaclass=Meta): pass
class Asked: pass
class A1(Asked): pass
ROUTES = {}
def route(path):
    def keep(f):
        ROUTES[path] = f
        return f
    return keep
@route("/")
def home(): return "home"
class Plugins:
    items = {}
    @classmethod
    def add(cls, key):
        def keep(c):
            cls.items[key] = c
            return c
        return keep
@Plugins.add("x")
class X: pass
class App:
    def __init__(self): self.handlers = []
    def on(self, f):
        self.handlers.append(f)
        return f
app = App()
@app.on
def first(): return 1
""", """
print(show(1), show("s"), sorted(Base.registry), Through.names, sorted(Meta.classes), [c.__name__ for c in Asked.__subclasses__()])
print(sorted(ROUTES), sorted(Plugins.items), len(app.handlers))
""", """
@show.register
def _(x: str): return "str"
class Bar(Base):
    def run(self): return "bar"
class T2(T1): pass
class M2(M1): pass
class A2(Asked): pass
@route("/x")
def x(): return "x"
@Plugins.add("y")
class Y: pass
@app.on
def second(): return 2
""", """
print(show(1), show("s"), show(2.5), sorted(c().run() for c in Base.registry.values()), Base.registry["Foo"] is Foo)
print(Through.names, sorted(Meta.classes), sorted(c.__name__ for c in Asked.__subclasses__()))
print({k: f() for k, f in sorted(ROUTES.items())}, Plugins.items["y"] is Y, [f() for f in app.handlers])
"""  # fmt: skip

LIBRARIES = """
import json, codecs, csv, math, signal, socket, sys
_orig = json.dumps
def loud(o, **k): return _orig(o, **k).upper()
json.dumps = loud
def find(name): return codecs.lookup("utf-8") if name == "myutf" else None
codecs.register(find)
""", """
import json, socket, csv, math, sys, signal, copyreg, decimal, logging, os, warnings
_now = json.dumps
def louder(o, **k): return _now(o, **k) + "!"
json.dumps = louder
setattr(json, "again", lambda o: o * 2)
total = sum(range(4))
math.tau = total
late = {}
late["k"] = total
json.late = late
late["k"] += 1
sys.setrecursionlimit(2000 + total)
socket.setdefaulttimeout(total / 2)
csv.register_dialect("semi", delimiter=";")
def handler(number, frame): pass
signal.signal(signal.SIGUSR1, handler)
decimal.getcontext().prec = total
context = json.encoder
context.FLOAT = 5
for name in ("one", "two"):
    logging.getLogger(name).setLevel(10 + total)
log = logging.getLogger("app")
log.setLevel(logging.DEBUG)
log.propagate = False
log.addHandler(logging.FileHandler("app.log", mode="w"))
log.info("first")
word = str(total)
os.environ["WORD"] = word
""", """
log.info("second")
%env OTHER=$word
""", """
import json, csv, math, sys, signal, socket, decimal, logging, os, io
print(json.dumps({"a": 1}), json.again(2), b"x".decode("myutf"), math.tau, sys.getrecursionlimit(), socket.getdefaulttimeout())
print(next(csv.reader(io.StringIO("a;b"), "semi")), signal.getsignal(signal.SIGUSR1).__name__, decimal.Decimal(1) / 3)
print(json.late, json.encoder.FLOAT, logging.getLogger("two").level, log.level, log.propagate, len(log.handlers), os.environ["WORD"], os.environ["OTHER"])
print(open("app.log").read())
"""  # fmt: skip

MODULES = "", """
import front
from pack import note, settings
from pack.deep import Box
front.work(); note("a"); settings["lr"] = 5; settings.update(new=1); Box(); front.seed(3)
rows = []
""", """
import front, pack, random
front.work(); pack.note("b"); _box = Box(); front.grow(rows); x = random.random()
same = front.itself(rows); same.append("more")
""", """
import front, back, pack, random
from pack import settings, NOTES
print(back.log, front.count, NOTES, settings, Box.made, rows, x, random.random(), front.square(3))
"""  # fmt: skip

KEPT = """
import json, functools
def run_now(f):
    f()
    return f
class Counted:
    def __init__(self): self.n = 0
    def __get__(self, one, cls=None):
        self.n += 1
        return self.n
class Asked:
    x = Counted()
class A: count = 0
class B: count = 0
every = [A, B]
table = {"a": A}
""", """
from store import Store
_s = Store()
_held = [_s]
Store.add(1); Asked().x; table["a"].count += 1
said = []
@run_now
def main(): said.append(1)
""", """
_held[0].put(2)
class _Mine(Store): pass
_Mine.add(3); Asked.x
for c in every: c.count += 1
orig = json.loads
json.loads = lambda s, **k: {"patched": orig(s, **k)}
def traced(f):
    @functools.wraps(f)
    def inner(*a): return ["traced", f(*a)]
    return inner
json.dumps = traced(json.dumps)
@run_now
def main(): said.append(2)
""", """
import json
from store import Store
print(Store.items, Store.n, Asked.x, A.count, B.count, said, json.loads("1"), json.dumps(2))
"""  # fmt: skip

HOOKS = """
import sys, json, signal, os, warnings, builtins, logging, threading, contextlib, io
shown, seen, caught, said, kept, raised = [], [], [], [], [], []
count = 0
def show(message, *a, **k):
    global count
    count += 1
    shown.append(str(message))
warnings.showwarning = show
_loads = json.loads
def counted(s, **k):
    seen.append(s)
    return _loads(s, **k)
json.loads = counted
signal.signal(signal.SIGUSR1, lambda n, f: caught.append(n))
_abs = builtins.abs
builtins.abs = lambda x: said.append(x) or _abs(x)
class Keep(logging.Filter):
    def filter(self, record):
        kept.append(record.getMessage())
        return False
logging.getLogger("kept").addFilter(Keep())
threading.excepthook = lambda a: raised.append(a.exc_type.__name__)
def bad(): raise ValueError
""", """
warnings.warn("one"); json.loads("1"); os.kill(os.getpid(), signal.SIGUSR1); logging.getLogger("kept").warning("a")
thread = threading.Thread(target=bad); thread.start(); thread.join(); del thread
""", """
warnings.warn("two"); json.loads("2"); abs(-3)
def other(*a, **k): pass
warnings.showwarning = other
""", """
warnings.warn("three"); logging.getLogger("kept").warning("c")
print(shown, count, seen, len(caught), said, kept, raised)
"""  # fmt: skip

FILES = {
    "store.py": "class Store:\n    items = []\n    n = 0\n    def __init__(self): Store.n += 1\n"
    "    def put(self, x): self.items.append(x)\n    @classmethod\n    def add(cls, x): cls.items.append(x)\n",
    "front.py": "import random\nimport back\ncount = 0\ndef work():\n    global count\n    count += 1\n    back.note(count)\n"
    "def seed(n): random.seed(n)\ndef grow(rows): rows.append(1)\ndef itself(rows): return rows\ndef square(x): return x * x\n",
    "back.py": "log = []\ndef note(x): log.append(x)\n",
    "pack/__init__.py": "from .notes import note, NOTES\nsettings = {'lr': 1}\n",
    "pack/notes.py": "NOTES = []\ndef note(x): NOTES.append(x)\n",
    "pack/deep.py": "class Box:\n    made = 0\n    def __init__(self): Box.made += 1\n",
}

NOTEBOOKS = {
    "classes": CLASSES,
    "functions": FUNCTIONS,
    "registries": REGISTRIES,
    "libraries": LIBRARIES,
    "modules": MODULES,
    "kept": KEPT,
    "hooks": HOOKS,
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_cells_do_beyond_their_names_is_found_by_every_later_step(
    name: str, kernel: Reference, tmp_path: Path
) -> None:
    folders = [tmp_path / "kernel", tmp_path / "pipeline"]
    for folder in folders:
        for path, text in FILES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    shared, *sources = NOTEBOOKS[name]
    theirs = kernel.run([shared, *sources], folders[0])
    cells = [cell(shared, "functions"), *(cell(s, f"step:s{n}") for n, s in enumerate(sources, 1))]
    mine = run_pipeline(notebook(*cells), folders[1], tmp_path / "home")
    assert same(mine, theirs, set()) == []


# -------------------------------------------------------------------- what is handed on, and what is not
def built(*cells: dict[str, Any], folder: Path | None = None) -> Built:
    return build(notebook_from_json(notebook(*cells), folder=folder))


def steps(*sources: str) -> Cells:
    return [cell(s, f"step:s{n}") for n, s in enumerate(sources, 1)]


def codes(found: Built) -> set[str]:
    return {p.code for p in found.problems}


def edges(found: Built) -> set[tuple[str, str]]:
    assert found.pipeline is not None, found.problems
    return {(e.source, e.to) for e in found.pipeline.edges}


def replayed(found: Built, step: str) -> list[str]:
    assert found.pipeline is not None, found.problems
    return [
        p.code.source.split("\n")[0]
        for s in found.pipeline.steps()
        if s.name == step
        for p in s.prepare
        if isinstance(p, Replay)
    ]


def test_what_is_proved_to_stay_in_its_names_is_not_run_again_where_nobody_reads_it() -> None:
    shared = """
import re, json, math, logging
from dataclasses import dataclass
from functools import lru_cache, wraps
import numpy as np
import torch.nn as nn
WORDS = re.compile("a+")
log = logging.getLogger("x")
grid = np.linspace(0, 1, 5)
squares = [math.sqrt(n) for n in range(3)]
@dataclass
class Config:
    rate: float = 0.1
    names: list = None
class Net(nn.Module):
    def __init__(self): super().__init__()
class Broken(ValueError): pass
@lru_cache
def f(x): return x
def timed(g):
    @wraps(g)
    def wrapper(*a):
        start = len(a)
        return g(*a)
    return wrapper
@timed
def h(x): return json.dumps(x)
if squares:
    top = max(squares)
"""
    found = built(cell(shared, "functions"), *steps("x = 1", "y = h(2)"))
    assert replayed(found, "s1") == []
    assert replayed(found, "s2") == [
        "import re, json, math, logging",
        "from functools import lru_cache, wraps",
        "def timed(g):",
        "@timed",
    ]
    assert edges(found) == set()


@pytest.mark.parametrize(
    "line",
    [
        "unknownlib.start()", "client = unknownlib.connect()", "setattr(json, 'x', 1)", "json.x = f", "yaml.add_constructor('!x', f)",
        "atexit.register(f)", "mpl.use('Agg')", "signal.signal(10, f)", "logging.getLogger('a').setLevel(10)",
        "@unknownlib.task\ndef t(): pass", "class U(unknownlib.Model): pass", "patched()", "x = [patched() for _ in range(1)]",
        "vars(json)['x'] = 1", "dumps = json.encoder\ndumps.x = 1", "with unknownlib.session(): pass", "class V:\n    z = patched()",
    ],
)  # fmt: skip
def test_what_is_not_proved_harmless_is_run_again_in_every_step(line: str) -> None:
    head = "import json, atexit, signal, logging, yaml, unknownlib\nimport matplotlib as mpl\ndef f(*a): pass\ndef patched():\n    json.y = 1"
    found = built(cell(f"{head}\n{line}", "functions"), *steps("x = 1", "y = 2"))
    assert line.split("\n")[-1 if "encoder" in line else 0] in replayed(found, "s2")
    assert edges(found) == set()


def test_a_step_that_changes_a_library_does_not_make_others_wait() -> None:
    found = built(*steps("import json\nold = json.dumps\njson.dumps = lambda o: old(o) * 2", "import json", "print(1)"))
    assert edges(found) == set()
    assert replayed(found, "s3")[-2:] == ["old = json.dumps", "json.dumps = lambda o: old(o) * 2"]


def test_steps_that_use_functions_of_a_module_without_state_run_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text(
        "K = 2\ndef twice(x):\n    rows = []\n    rows.append(x)\n    return rows * K\n"
    )
    cells = [cell("import helpers", "imports"), *steps("a = helpers.twice(1)", "b = helpers.twice(2)")]
    assert edges(built(*cells, folder=tmp_path)) == set()


LOOP = "foreach:i in [1, 2, 3]"
COUNTER = "class Job:\n    count = 0\n    def __init__(self): Job.count += 1"
MEMO = "def memo(f):\n    kept = {}\n    def g(x):\n        kept[x] = f(x)\n        return kept[x]\n    return g\n@memo\ndef sq(x): return x * x"


@pytest.mark.parametrize(
    ("code", "line", "cells"),
    [
        ("KF310", 2, [cell("import json"), cell("import json\njson.dumps = str", "step:a", "when:1 > 0"), cell("x = 1", "step:b")]),
        ("KF310", 2, [cell("import json\njson.dumps = open('f')"), cell("x = 1", "step:b")]),
        ("KF314", 2, [cell("import json\njson.dumps = open('f')"), cell("import json\nprint(json.dumps(1))", "step:b")]),
        ("KF311", 2, [cell("import logging\nlogging.basicConfig(filename='a.log', filemode='w')", "functions"), cell("x = 1", "step:b")]),
        ("KF312", 1, [cell("from functools import lru_cache\n@lru_cache\ndef f(x): return x", "functions"), cell("f(1)", "step:a"), cell("f.cache_info()", "step:b")]),
        ("KF313", 1, [cell(COUNTER, "functions"), cell("j = Job()", "step:a", LOOP)]),
        ("KF317", 3, [cell("import sys, io\nbuf = io.StringIO()\nsys.stdout = buf"), cell("print(1)", "step:a"), cell("s = buf.getvalue()", "step:b")]),
        ("KF317", 3, [cell("import logging, io\nbuf = io.StringIO()\nlogging.getLogger().addHandler(logging.StreamHandler(buf))", "step:a"), cell("s = buf.getvalue()", "step:b")]),
        ("KF317", 5, [cell("import logging, time\nrows = []\nclass H(logging.Handler):\n    def emit(self, r): rows.append(r)\nlogging.root.addHandler(H(time.time()))"), cell("print(rows)", "step:b")]),
        ("KF318", 1, [cell("import numpy as np\nnp.random.seed(0)"), cell("np.random.rand(3)"), cell("x = np.random.rand()", "step:b")]),
        ("KF314", 2, [cell("import os, slow\nos.environ['TOKEN'] = slow.token()"), cell("print(os.environ['TOKEN'])", "step:b")]),
        ("KF314", 2, [cell("import decimal, os\ndecimal.getcontext().prec = len(os.listdir())"), cell("print(decimal.Decimal(1) / 3)", "step:b")]),
        ("KF319", 2, [cell("import ipywidgets as w\ns = w.IntSlider()", "step:a"), cell("print(s.value)", "step:b")]),
        ("KF319", 1, [cell("import ipywidgets as w", "imports"), cell("s = {'n': w.IntSlider()}", "step:a"), cell("print(s['n'].value)", "step:b")]),
        ("KF313", 1, [cell(MEMO, "functions"), cell("j = sq(i)", "step:a", LOOP), cell("print(sq(2))", "step:b")]),
        ("KF304", 1, [cell(COUNTER, "functions"), cell("j = Job()", "step:a", LOOP), cell("print(Job.count)", "step:b")]),
    ],
)  # fmt: skip
def test_what_cannot_be_handed_on_is_said_with_its_line(code: str, line: int, cells: Cells) -> None:
    found = built(*cells)
    assert [(p.code, p.line) for p in found.problems if p.code == code] == [(code, line)], found.problems


def test_counters_and_loggers_behind_a_condition_count_only_when_the_step_has_run(
    kernel: Reference, tmp_path: Path
) -> None:
    sources = [
        f"import logging\n{COUNTER}", "Job()", "Job()\nlogging.getLogger('w').setLevel(17)", "Job()\nlogging.getLogger('v').setLevel(18)",
        "print(Job.count, logging.getLogger('w').level, logging.getLogger('v').level)",
    ]  # fmt: skip
    marks = [["functions"], ["step:a"], ["step:b", "when:1 > 0"], ["step:c", "when:1 < 0"], ["step:d"]]
    theirs = kernel.run([s for n, s in enumerate(sources) if n != 3], tmp_path)
    mine = run_pipeline(
        notebook(*(cell(s, *m) for s, m in zip(sources, marks, strict=True))), tmp_path, tmp_path / "home"
    )
    assert mine.texts[5,] == theirs.texts[4,]


@pytest.mark.parametrize(
    "form",
    ["{}", "r = {}", "[{} for v in range(3)]", "r = {} if {} else 1", "print({}, x={})", "def f(v):\n    return {}\nf(1)", "lambda v: {}"],
)  # fmt: skip
@pytest.mark.parametrize(
    "head", ["from somewhere import S", "S = get()", "class C:\n    def m(self, *a): return self\nS = C()"]
)
def test_long_chains_of_calls_are_read_in_no_time(form: str, head: str) -> None:
    chain = "S" + "".join(f".m('k{n}', v)" for n in range(40))
    parsed = parse_cell(1, "a", f"v = 1\n{head}\n{form.replace('{}', chain)}")
    start = time.process_time()
    Analyzer([parsed]).unit([parsed])
    assert time.process_time() - start < 1


SET_UP = """
import io, contextlib, copyreg, copy, math, sys, signal
buf = io.StringIO()
with contextlib.redirect_stdout(buf):
    print("hidden")
class P:
    def __init__(self, x): self.x = x
def reduced(p): return P, (p.x + 1,)
copyreg.pickle(P, reduced)
def handler(number, frame): pass
signal.signal(signal.SIGUSR1, handler)
buf2, held = io.StringIO(), sys.stdout
sys.stdout = buf2
print("seen")
sys.stdout = held
import configparser, argparse, email.message
settings = configparser.ConfigParser()
settings.read_string("[a]\\nx=1")
settings["b"] = {"y": "2"}
parser = argparse.ArgumentParser()
more = parser.add_argument_group("more")
more.add_argument("--m", default=5)
letter = email.message.EmailMessage()
letter["To"] = "you"
letter.set_content("body")
setattr(math, "floor2", reduced)
for name in ("one", "two"): setattr(math, name, 5)
math.__dict__["three"] = 3
vars(math)["four"] = 4
sys.modules["math"].five = 5
delattr(math, "tau")
COLS = [f"col_{i}" for i in range(4)]
INDEX = {c: i for i, c in enumerate(COLS)}
ORDER = sorted(["aa", "c"], key=lambda s: -len(s))
FIRST = ORDER[0].upper().replace("A", "k")
"""


def test_cells_without_a_mark_are_run_again_with_all_that_they_do(kernel: Reference, tmp_path: Path) -> None:
    reader = """
import math, copy, signal
print(repr(buf.getvalue()), copy.copy(P(1)).x, signal.getsignal(signal.SIGUSR1).__name__, math.floor2.__name__, INDEX, FIRST)
print(repr(buf2.getvalue()), settings["b"]["y"], settings.sections(), parser.parse_args(["--m", "7"]).m, letter.keys())
print(math.one, math.two, math.three, math.four, math.five, hasattr(math, "tau"))
"""
    theirs = kernel.run([SET_UP, reader], tmp_path)
    mine = run_pipeline(notebook(cell(SET_UP), cell(reader, "step:a")), tmp_path, tmp_path / "home")
    assert same(mine, theirs, set()) == []


@pytest.mark.parametrize(
    "line",
    [
        "while len(rows) < 3:\n    rows.append(time.time())", "alias = rows\nwhile len(alias) < 3: alias.append(2)",
        "with unknownlib.pool() as p:\n    p.map(rows.append, [1, 2])", "print(rows.append(1))", "print('x', file=out)", "add = rows.append\nadd(1)",
        "time.sleep(rows.pop())", "json.dump(time.time(), out)",
    ],
)  # fmt: skip
def test_a_cell_outside_the_pipeline_that_changes_what_a_step_reads_is_an_error(line: str) -> None:
    head = "import io, time, json, unknownlib\nrows = [1]\nout = io.StringIO()"
    found = built(cell(head), cell(line), *steps("print(rows, out.getvalue())"))
    assert [(p.code, p.cell) for p in found.problems if p.severity == "error"] == [("KF302", 2)], found.problems


def test_loading_kfnb_is_for_the_live_kernel_only() -> None:
    found = built(cell("%load_ext kfnb"), *steps("%load_ext kfnb\nx = 1", "y = 2"))
    assert replayed(found, "s2") == []


def test_a_step_that_reads_a_pickle_has_the_classes_of_the_notebook() -> None:
    found = built(cell("import pickle\nclass Kept: pass"), *steps("blob = pickle.dumps(Kept())", "pickle.loads(blob)"))
    assert any("class Kept" in source for source in replayed(found, found.units[-1].name)), found.problems
