"""Values come back as what they were, in a fresh process; what cannot travel is refused in clear words."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from kfnb.runtime.step_failures import Failure
from kfnb.runtime.values.value_store import Store
from tests.runtime.chain import Chain


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


#: What makes values, the names, and what prints True for each of them in the next step.
SAME = {
    "numbers and texts": ("a = 2**80\nb = -0.0\nc = 'ß\\n🎈'\nd = b'x'\ne = 1+2j", "a b c d e", "print(a == 2**80, str(b) == '-0.0', c == 'ß\\n🎈', d == b'x', e == 1+2j)"),
    "containers": ("a = {'k': [1, (2, {3})]}\nb = a['k']", "a b", "print(a == {'k': [1, (2, {3})]}, a['k'] is b)"),
    "a cycle": ("a = []\na.append(a)", "a", "print(a[0] is a)"),
    "numpy scalars": ("import numpy as np\na = np.float32(1.5)\nb = np.int8(3)\nc = np.bool_(True)\nd = np.datetime64('2024-01-01')", "a b c d", "print(type(a).__name__ == 'float32', type(b).__name__ == 'int8', c is np.True_ if False else bool(c), str(d) == '2024-01-01')"),
    "arrays": ("import numpy as np\na = np.arange(100000.0)\nb = np.asfortranarray(np.ones((300, 300)))\nc = np.array(5)\nd = np.zeros(0)", "a b c d", "print(a.sum() == 4999950000.0, b.flags.f_contiguous, c.shape == (), d.size == 0)"),
    "an array can be written to": ("import numpy as np\na = np.zeros(100000)", "a", "a[0] = 5\nprint(a[0] == 5)"),
    "views share": ("import numpy as np\na = np.arange(20000.0)\nb = a[::2]\nc = a[10:5:-1]", "a b c", "a[0] = 7\na[10] = 9\nprint(b[0] == 7, c[0] == 9)"),
    "object array": ("import numpy as np\na = np.array([[1], {'k': 2}, None], dtype=object)", "a", "print(a[1] == {'k': 2}, a.dtype == object)"),
    "structured array": ("import numpy as np\na = np.array([(1, 2.5)], dtype=[('i', 'i4'), ('f', 'f8')])", "a", "print(a['f'][0] == 2.5)"),
    "generators of numbers": ("import numpy as np\nimport random\nr = np.random.default_rng(5)\nr.random()\nn = r.bit_generator.state['state']['state']\np = random.Random(3)", "r n p", "import random\nprint(r.bit_generator.state['state']['state'] == n, p.random() == random.Random(3).random())"),
    "DataFrames": ("import pandas as pd\ndf = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': pd.to_datetime(['2024-01-01', '2024-01-02'])}).set_index('a')\ns = df['b']", "df s", "print(list(df.index) == [1, 2], s.isna().tolist() == [False, True], str(df['c'].dtype).startswith('datetime64'))"),
    "a large DataFrame": ("import numpy as np, pandas as pd\ndf = pd.DataFrame(np.ones((50000, 4)), columns=list('abcd'))", "df", "df['e'] = 1\nprint(df.shape == (50000, 5), df['a'].sum() == 50000)"),
    "scikit-learn model": ("from sklearn.linear_model import LinearRegression\nm = LinearRegression().fit([[0], [1]], [0, 2])", "m", "print(round(m.predict([[2]])[0], 6) == 4)"),
    "function over globals": ("k = 3\ndef f(x, y=2):\n    'doc'\n    return x * k + y", "f k", "k = 10\nprint(f(1) == 12, f.__doc__ == 'doc', f.__name__ == 'f')"),
    "closure that is shared": ("def mk():\n    n = [0]\n    def up():\n        n[0] += 1\n        return n[0]\n    def now():\n        return n[0]\n    return up, now\nup, now = mk()", "up now", "up()\nprint(now() == 1)"),
    "recursive closure": ("def mk():\n    def f(n):\n        return 1 if n < 2 else n * f(n - 1)\n    return f\nf = mk()", "f", "print(f(5) == 120)"),
    "lambda in a container": ("fs = {'a': [lambda v: v + 1]}", "fs", "print(fs['a'][0](1) == 2)"),
    "function with annotations and attributes": ("def f(x: int) -> str:\n    return str(x)\nf.tag = [1]", "f", "print(f.__annotations__ == {'x': int, 'return': str}, f.tag == [1])"),
    "partial, lru_cache": ("import functools\ndef f(a, b):\n    return a - b\np = functools.partial(f, b=1)\n@functools.lru_cache(maxsize=7)\ndef g(n):\n    return n + 1\ng(1)", "p g", "print(p(3) == 2, g(5) == 6, g.cache_info().maxsize == 7, g.cache_info().currsize == 1)"),
    "class, instance, subclass": ("class A:\n    n = 1\n    def who(self):\n        return type(self).__name__\nclass B(A):\n    def who(self):\n        return super().who() + '!'\nb = B()\nb.x = 1", "A B b", "print(isinstance(b, A), type(b) is B, b.who() == 'B!', b.x == 1, B.__mro__[1] is A)"),
    "class changed after it was made": ("class A: pass\nA.m = lambda self: 5", "A", "print(A().m() == 5)"),
    "enumeration with methods": ("import enum\nclass C(enum.IntFlag):\n    R = 1\n    W = 2\n    def low(self):\n        return self.name.lower()\nc = C.R | C.W\nr = C.R", "C c r", "print(r is C.R, c == C.R | C.W, r.low() == 'r', int(c) == 3)"),
    "dataclass": ("import dataclasses\n@dataclasses.dataclass(order=True, frozen=True)\nclass P:\n    x: int\n    y: list = dataclasses.field(default_factory=list, compare=False)\np = P(1)", "P p", "import dataclasses\nprint(p == P(1), p < P(2), dataclasses.replace(p, x=3).x == 3, [f.name for f in dataclasses.fields(p)] == ['x', 'y'])"),
    "generic class": ("from typing import Generic, TypeVar\nT = TypeVar('T')\nclass Box(Generic[T]):\n    def __init__(self, v: T):\n        self.v = v\nb = Box(3)", "Box b T", "print(b.v == 3, isinstance(b, Box), Box[int] is not None)"),
    "exception class": ("class E(ValueError):\n    def __init__(self, a, b):\n        super().__init__(a, b)\n        self.b = b\ne = E(1, 2)", "E e", "print(isinstance(e, E), e.b == 2, e.args == (1, 2))"),
    "module as a value": ("import json\nm = json", "m", "import json\nprint(m is json)"),
    "bound method": ("class A:\n    def __init__(self):\n        self.n = 0\n    def up(self):\n        self.n += 1\n        return self.n\na = A()\nup = a.up", "a up", "up()\nprint(a.n == 1)"),
    "pattern, date, decimal, path": ("import re, datetime, decimal, pathlib\na = re.compile('x+')\nb = datetime.date(2024, 1, 2)\nc = decimal.Decimal('1.10')\nd = pathlib.Path('x/y')", "a b c d", "print(a.match('xx') is not None, b.year == 2024, str(c) == '1.10', d.name == 'y')"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_value_comes_back_as_what_it_was(chain: Chain, name: str) -> None:
    source, names, test = SAME[name]
    step = chain.step(source, outputs=names)
    assert step.status == 0, step.log
    assert set(step.result["outputs"]) == set(names.split())
    done = chain.step(test, reads=names, run=("import numpy as np",) if "np." in test else ())
    assert done.status == 0, done.log
    assert set(done.log.split()) == {"True"}, done.log


def test_an_unchanged_value_is_not_stored_again(chain: Chain) -> None:
    chain.step("import numpy as np\na = np.arange(100000.0)", outputs="a")
    before = dict(chain.stored)
    chain.step("a.sum()", reads="a", outputs="a")
    assert chain.stored == before


def test_shared_code_and_a_stored_instance_give_one_class(chain: Chain) -> None:
    shared = ("class P:\n    def __init__(self):\n        self.v = 1",)
    chain.step("p = P()", run=shared, outputs="p")
    assert chain.step("print(isinstance(p, P), type(p) is P)", run=shared, reads="p").log == "True True\n"


# -------------------------------------------------------------------- refusals
REFUSALS = {
    "sqlite3.connect(':memory:')": ("connection belongs to its process", "move cell"),
    "threading.Lock()": ("lock or thread", "__getstate__"),
    "open(os.devnull)": ("open file", "pass the path"),
    "(i for i in [1])": ("generator", "list(value)"),
    "socket.socket()": ("network connection", "connect where it is used"),
    "concurrent.futures.ThreadPoolExecutor(1)": ("belongs to its process", "f.result()"),
    "weakref.ref(Plain)": ("weak reference", "the object itself"),
    "re.match('a', 'a')": ("match object", "value.group()"),
    "{'deep': [1, {'lock': threading.Lock()}]}": ("value['deep'][1]['lock']", "lock or thread"),
    "Holder(threading.Lock())": ("value.inner", "lock or thread"),
    "Guarded()": ("value._lock", "lock or thread"),
    "Liar(threading.Lock())": ("value.inner", "lock or thread"),
    "{'ui': [__import__('ipywidgets').IntSlider(value=7)]}": ("a widget belongs to its kernel", "value['ui'][0].value"),
    "hashlib.sha256(b'x')": ("value.hexdigest()",),
    "tempfile.TemporaryDirectory()": ("removed when the step that made it ends", "mkdtemp"),
}
IMPORTS = "import sqlite3, threading, os, socket, concurrent.futures, weakref, re, hashlib, tempfile\nclass Plain: pass\nclass Guarded:\n    _lock = threading.Lock()\nclass Holder:\n    def __init__(self, inner):\n        self.inner = inner\nclass Liar(Holder):\n    __hash__ = None\n    def refuse(self, *_):\n        raise RuntimeError\n    __class__ = property(refuse)\n    __bool__ = __eq__ = __len__ = __repr__ = __getattr__ = refuse"


@pytest.mark.parametrize("expression", REFUSALS)
def test_a_value_that_cannot_travel_is_refused_with_place_reason_and_remedy(chain: Chain, expression: str) -> None:
    place = {"made": {"value": {"cell": 11, "line": 1}}, "needed": {"value": {"step": "report", "cell": 9, "line": 2}}}
    done = chain.step(IMPORTS, f"value = {expression}", outputs="value", **place)
    assert done.status == 2
    assert (done.error["kind"], done.error["cell"], done.error["line"]) == ("store", 11, 1)
    for words in (
        *REFUSALS[expression],
        'cannot pass `value` to step "report"',
        f"value = {expression}",
        "needed by        cell 9, line 2",
    ):
        assert words in done.log, done.log


def test_every_value_that_cannot_travel_is_named_at_once(chain: Chain) -> None:
    done = chain.step("import threading\na = threading.Lock()\nb = (i for i in [])\nc = 1", outputs="a b c")
    assert "`a`" in done.error["message"] and "`b`" in done.error["message"]


def test_a_result_that_cannot_be_kept_does_not_fail_the_step(chain: Chain) -> None:
    done = chain.step("import threading\na = threading.Lock()\nb = 2", results="a b")
    assert done.status == 0
    assert "skipped" in done.result["results"]["a"]
    assert done.result["results"]["b"]["preview"] == 2


def test_a_damaged_value_is_not_read(chain: Chain) -> None:
    chain.step("a = [1, 2]", outputs="a")
    address = chain.stored["a"]
    path = chain.tmp_path / "store" / address[:2] / address
    path.write_bytes(path.read_bytes() + b"x")
    done = chain.step("print(a)", reads="a")
    assert (done.status, done.error["kind"]) == (2, "load")
    assert "damaged" in done.error["message"]


def test_a_full_disk_is_told_in_clear_words_and_leaves_no_half_file(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        done = Chain(tmp_path).step(
            "import numpy as np\na = np.random.rand(1_000_000)", outputs="a", store=str(disk / "store")
        )
        assert done.status == 2
        assert "the disk is full" in done.error["message"]
        assert "Traceback" not in done.log
        assert not [f for f in (disk / "store").rglob("*") if f.is_file()]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_limit_on_file_size_is_told_like_a_full_disk(chain: Chain) -> None:
    source = "import resource, signal\nimport numpy as np\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))\na = np.random.rand(1_000_000)"
    assert resource.RLIMIT_FSIZE is not None
    done = chain.step(source, outputs="a")
    assert "the disk is full or a limit is reached" in done.error["message"]


def test_a_value_that_another_version_stored_says_so(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    address = store.put(b"ckfnb.runtime.a_module_of_another_version\nmake\n.", [])
    with pytest.raises(Failure, match="`x` was stored by another version of kfnb: run the step again that made it"):
        store.load(address, "x")
