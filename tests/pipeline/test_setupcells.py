"""Which unmarked cells are shared code, and what is said of one that is not."""

from __future__ import annotations

import ast

import pytest

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import Built, build
from kfnb.pipeline.units.shared_scope import bound_names
from tests.notebooks import cell, notebook

IMPORTS = """import os, re, sys, logging, json, math, string, random, operator, itertools, functools, collections, argparse, platform, textwrap, uuid, types, copy, hashlib, warnings
from functools import reduce
from types import SimpleNamespace
from collections import namedtuple
from datetime import datetime, timedelta, date
from pathlib import Path
from decimal import Decimal
from fractions import Fraction
from enum import Enum
from dataclasses import dataclass
from typing import TypeVar, Union, List, Final, NamedTuple, Any
import numpy as np, pandas as pd
import torch
import matplotlib.pyplot as plt
import seaborn as sns
from dotenv import load_dotenv
from sqlalchemy import create_engine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import time, requests, subprocess, tempfile
from torch import nn"""

#: Set-up cells as people write them.
ORDINARY = [
    'logger = logging.getLogger(__name__)',
    'PATTERN = re.compile("a+", re.I)',
    'ROOT = os.getenv("HOME", "/tmp")',
    'START = datetime(2024, 1, 1) - timedelta(days=3)',
    'Point = namedtuple("Point", "x y")',
    'Point = namedtuple("Point", "x y")\np = Point(1, 2)',
    'names = sorted(["b", "a"])',
    'squares = [i * i for i in range(10)]',
    'lookup = {k: v for v, k in enumerate("abc")}',
    'mode = "fast" if DEBUG else "slow"',
    'if DEBUG:\n    level = 1\nelse:\n    level = 2',
    'try:\n    import ujson as json\nexcept ImportError:\n    import json',
    'try:\n    import foo\n    HAVE = True\nexcept ImportError:\n    HAVE = False',
    'BASE = {"a": 1}\nCFG = {**BASE, "b": 2}',
    'CFG = dict(a=1)\nCFG.update(b=2)',
    'CFG = {}\nCFG["a"] = 1',
    'PATHS = []\nPATHS += ["a"]',
    'PATHS = []\nPATHS.append("a")',
    'a, b = 1, 2',
    'a = b = []',
    'DATA = Path("data")\nRAW = DATA / "raw" / "x.csv"',
    'DATA = Path("data")\nDATA.mkdir(exist_ok=True)',
    'os.makedirs("out", exist_ok=True)\nx = 1',
    'if not os.path.exists("out"):\n    os.makedirs("out")\nx = 1',
    'x = np.array([1, 2, 3])',
    'x = np.linspace(0, 1, 11)',
    'x = np.arange(10).reshape(2, 5)',
    'x = np.zeros((3, 3))',
    'x = pd.Timestamp("2024-01-01")',
    'x = pd.date_range("2024-01-01", periods=3)',
    'x = pd.DataFrame({"a": [1, 2]})',
    'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")',
    'device = "cuda" if torch.cuda.is_available() else "cpu"',
    'x = platform.system()',
    'x = sys.version_info[:2]',
    'x = os.cpu_count() or 1',
    'x = Path.home() / "x"',
    'x = os.path.join("a", "b")',
    'x = functools.partial(int, base=2)',
    'x = collections.defaultdict(list)',
    'x = collections.Counter("abc")',
    'x = collections.OrderedDict(a=1)',
    'x = json.loads(\'{"a": 1}\')',
    'x = argparse.Namespace(lr=0.1)',
    'x = SimpleNamespace(lr=0.1)',
    'x = Decimal("1.5")',
    'x = Fraction(1, 3)',
    'x = operator.itemgetter(1)',
    '@dataclass\nclass C:\n    lr: float = .1\nx = C(lr=.2)',
    'class C:\n    def __init__(self, a=1):\n        self.a = a\nx = C(2)',
    'class Color(Enum):\n    RED = 1\nx = Color.RED',
    'class C(NamedTuple):\n    a: int\nx = C(1)',
    'def make(n):\n    return {"n": n * 2}\nx = make(3)',
    'def make(n):\n    out = []\n    for i in range(n):\n        out.append(i)\n    return out\nx = make(3)',
    'x = {}\nfor k in ["a", "b"]:\n    x[k] = k.upper()',
    'x = []\nfor i in range(3):\n    if i % 2:\n        x.append(i)',
    'x = (n := 3) + 1',
    'x = "a,b".split(",")',
    'x = f"{ROOTS}/x"',
    'x = ", ".join(["a", "b"])',
    'x = [s.strip().lower() for s in "A, B".split(",")]',
    'T = TypeVar("T")',
    'Number = Union[int, float]',
    'pd.set_option("display.max_rows", 5)\nx = 1',
    'plt.style.use("ggplot")\nx = 1',
    'sns.set_theme()\nx = 1',
    'warnings.filterwarnings("ignore")\nx = 1',
    'logging.basicConfig(level=logging.INFO)\nx = 1',
    'load_dotenv()\nx = os.environ["HOME"]',
    'sys.path.append(str(Path("a") / "src"))\nx = 1',
    'x = os.environ.get("A", "b")',
    'x = int(os.environ.get("A", "1"))',
    'x = lambda v: v + 1',
    'x = 5\ndel x\nx = 6',
    'x = 5\nassert x > 0, "no"',
    'print("hello")\nx = 1',
    'x = {"a": [1, 2], "b": {"c": None}}\ny = x["b"]',
    'x = (lambda: 3)',
    'x = np.random.default_rng(0)',
    'x = random.Random(1)',
    'x = string.ascii_lowercase[:3]',
    'x = list(string.digits)',
    'x = math.pi * 2',
    'x = math.sqrt(2)',
    'x = max(1, 2)',
    'x = dict(zip("ab", [1, 2]))',
    'x = list(itertools.product("ab", [1, 2]))',
    'x = {"a", "b"}',
    'x = frozenset([1])',
    'x = [*range(3)]',
    'x = not DEBUG',
    'x = -5',
    'x = 2 ** 10',
    'x = b"abc"',
    'x = uuid.UUID(int=3)',
    'x = textwrap.dedent(" a")',
    'x = date(2024, 1, 1)',
    'x = timedelta(hours=1).total_seconds()',
    'x = datetime.strptime("2024", "%Y")',
    'x = 3',
    'x = LogisticRegression(C=1.0)',
    'x = make_pipeline(StandardScaler(), LogisticRegression())',
    'x = sns.color_palette("deep")',
    'x = plt.cm.viridis',
    '%matplotlib inline\nx = 1',
    '%load_ext autoreload\n%autoreload 2\nx = 1',
    'logger = logging.getLogger("a")\nlogger.setLevel(logging.INFO)',
    'parser = argparse.ArgumentParser()\nparser.add_argument("--a", default=1)\nargs = parser.parse_args([])',
    'x = sorted({"b", "a"})',
    'x = create_engine("sqlite:///x.db")',
    'x: Final = 3',
    'x: List[int] = []',
    'with_x = {"a": re.compile("x")}',
    'x = types.MappingProxyType({"a": 1})',
    'x = copy.deepcopy({"a": 1})',
    'x = "%s.csv" % "a"',
    'x = "{}.csv".format("a")',
    'x = Path("a").with_suffix(".b").name',
    'x = type("A", (), {})',
    'x = np.float32(1.5)',
    'x = pd.to_datetime("2024-01-01")',
    'x = np.random.RandomState(3)',
    'x = hashlib.sha256(b"a").hexdigest()[:8]',
    'x = globals_ if False else 1',
    'SEED = 1\nnp.random.seed(SEED)\nrandom.seed(SEED)',
    'x = os.path.expanduser("~/a")',
    'x = os.getcwd()',
    'x = Path.cwd().parent',
    'x = isinstance(1, int) and len("a") == 1',
    'x = any(c in "abc" for c in "xyz")',
    'x = reduce(operator.add, [1, 2])',
    'x = [1, 2][0]',
    'x = None\nif x is None:\n    x = 3',
    'raise_ = 1',
]  # fmt: skip

DIFFERING = [
    'x = time.time()',
    'x = datetime.now()',
    'x = datetime.now().strftime("%Y")',
    'x = uuid.uuid4()',
    'x = random.random()',
    'x = np.random.rand(3)',
    'x = [random.random() for _ in range(3)]',
    'x = pd.Timestamp("now")',
    'x = list({"a", "b"})',
    'x = list(set(["a", "b"]))',
    'x = [v for v in {"a", "b"}]',
    'x = hash("a")',
    'x = object()',
    'x = input("a")',
    'def f():\n    return time.time()\nx = f()',
    'class C:\n    def __init__(self):\n        self.t = time.time()\nx = C()',
    'x = tempfile.mkdtemp()',
    'x = os.getpid()',
]  # fmt: skip

UNCERTAIN = [
    'x = open("a").read()',
    'x = pd.read_csv("a.csv")',
    'x = Path("a").read_text()',
    'x = Path("a").exists()',
    'x = os.listdir(".")',
    'x = heavy()',
    'x = requests.get("http://x").json()',
    'x = subprocess.check_output(["date"])',
    'x = [i for i in range(10**9)]',
    'x = list(range(10**8))',
    'x = [0] * 10**9',
    'N = 10**8\nx = np.zeros(N)',
    'with open("a") as f:\n    x = f.read()',
    'while True:\n    x = 1\n    break',
    'x = LogisticRegression().fit([[1]], [1])',
    'x = np.random.default_rng().random()',
    'x = nn.Linear(3, 4)',
    'x = LogisticRegression().fit([[1],[2]], [0, 1]).score([[1]], [1])',
]  # fmt: skip


def built(setup: str, step: str) -> Built:
    cells = [cell(IMPORTS), cell("DEBUG = False\nROOTS = 'a'"), cell(setup), cell(step, "step:a")]
    return build(notebook_from_json(notebook(*cells)))


@pytest.mark.parametrize("setup", ORDINARY)
def test_an_ordinary_set_up_cell_is_shared_code(setup: str) -> None:
    lines = "\n".join(line for line in setup.split("\n") if not line.startswith("%"))
    names = sorted(bound_names(ast.parse(lines)) - set("vkcisn"))
    made = built(setup, f"use = [{', '.join(names)}]")
    assert made.pipeline is not None, [str(p) for p in made.problems]


@pytest.mark.parametrize("setup", DIFFERING)
def test_what_gives_another_value_each_time_must_run_once(setup: str) -> None:
    (said,) = [p for p in built(setup, "print(x)").problems if p.severity == "error"]
    assert (said.code, said.cell, said.marks) == ("KF302", 3, ("step:setup",))
    assert "gives another value each time" in said.message and "runs once" in said.hint


@pytest.mark.parametrize("setup", UNCERTAIN)
def test_what_may_be_slow_is_named_with_both_marks(setup: str) -> None:
    (said,) = [p for p in built(setup, "print(x)").problems if p.severity == "error"]
    assert (said.code, said.cell, said.marks) == ("KF302", 3, ("functions", "step:setup"))
    assert "may be slow" in said.message and "`x` (a)" in said.message


def test_a_cell_outside_is_one_problem_whoever_reads_what_of_it() -> None:
    cells = [
        cell("A = 1\nrows = heavy()\nother = heavy()"),
        cell("print(rows, A)", "step:a"),
        cell("print(rows, other)", "step:b"),
    ]
    (said,) = build(notebook_from_json(notebook(*cells))).problems[:1]
    assert (said.code, said.line) == ("KF302", 2) and "`heavy()`" in said.message
    assert "`rows` (a)" in said.message and "`other` (b)" in said.message


def test_the_offered_mark_settles_it() -> None:
    cells = [cell("rows = max([3])\nstamp = rows.real_thing()"), cell("print(stamp)", "step:a")]
    (said,) = build(notebook_from_json(notebook(*cells))).problems
    for mark in said.marks:
        marked = [cell("rows = max([3])\nstamp = rows.real_thing()", mark), cells[1]]
        assert build(notebook_from_json(notebook(*marked))).pipeline is not None, mark


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("import numpy as np\nfoo bar\nx = 1", "print(np.zeros(x))"),
        ("print 'a'\nk = 1", "print(k)"),
        ("x = (1,\ny = 2\ndef f(:\n    return 1\nfor i in range(3)\n    z = i", "print(x, y, f, i, z)"),
        ("with open('a') as fh\n    text = fh.read()\nclass C(:\n    a = 1", "print(text, C)"),
        ("from os import (path,\n", "print(path)"),
    ],
)
def test_a_cell_with_an_error_is_one_problem(source: str, reads: str) -> None:
    for tags in ((), ("step:s",), ("functions",)):
        made = build(notebook_from_json(notebook(cell(source, *tags), cell(reads, "step:a"))))
        assert len([p for p in made.problems if p.severity == "error"]) == 1, made.problems


@pytest.mark.parametrize(
    ("before", "name", "hint"),
    [
        ("1", "linspace", "`from numpy import linspace` is missing"),
        ("1", "plt", "`import matplotlib.pyplot as plt` is missing"),
        ("1", "json", "`import json` is missing"),
        ("total = 1", "totl", "did you mean `total`?"),
        ("Train = 1", "train", "did you mean `Train`?"),
        ("%run other.py", "helper", "`%run other.py` in cell 1"),
        ("1", "wholly_new", "define it in a cell before this one"),
        ("1", "df", "define it in a cell before this one"),
    ],
)
def test_a_hint_names_what_can_have_been_meant(before: str, name: str, hint: str) -> None:
    made = build(notebook_from_json(notebook(cell(before, "step:z"), cell(f"print({name})", "step:a"))))
    (said,) = [p for p in made.problems if p.code == "KF301"]
    assert hint in said.hint


def test_a_row_of_steps_is_said_of_objects_that_they_share() -> None:
    shared = "class Job:\n    count = 0\ndef f():\n    return 1\nCOLORS = ['r']\nrows = []"
    step = "Job.count += 1\nf.calls = 1\ndraw(COLORS)\nrows.append(1)\n"
    cells = [cell(shared), cell(step, "step:a"), cell(step, "step:b"), cell("print(rows, Job.count)", "step:c")]
    draw = cell("def draw(c):\n    import somewhere\n    somewhere.paint(c)")
    said = [p.name for p in build(notebook_from_json(notebook(draw, *cells))).problems if p.code == "KF306"]
    assert said == ["rows"]
