"""IPython's language over several steps: what one kernel prints and leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.differential.compare import Reference, run_pipeline, same
from tests.notebooks import cell, notebook

FILES = {
    "tool.py": "import sys\nzz = 3\nargs = sys.argv[1:]\ndef area(r):\n    return r * r * zz\ndef fact(n):\n    return 1 if n < 2 else n * fact(n - 1)\n"
    "class Box:\n    def __init__(self, v):\n        self.v = v\n    def twice(self):\n        return double(self.v)\ndef double(v):\n    return v * 2\n",
    "other.ipynb": json.dumps(notebook(cell("q = 5\nprint('in other')"), cell("def sq(x):\n    return x * q"), cell("sq(2)"))),
    "hello_ext.py": "def hello(line):\n    print('hello', line)\ndef load_ipython_extension(ip):\n    ip.register_magic_function(hello, 'line')\n",
}  # fmt: skip

#: Each cell is a step. Values that differ from run to run are deleted at the end.
RIGHT: dict[str, list[str]] = {
    "programs and extensions": [
        "%run tool.py a 'b c'", "print(zz, area(2), fact(5), args)", "b = Box(4)", "print(b.twice(), type(b).__name__)",
        "%run other.ipynb", "print(sq(3), q)", "%%writefile w.py\nA = 1", "%%writefile -a w.py\nB = A + 1", "run w.py",
        "print(A, B)", "%load_ext hello_ext\n%hello one", "%hello {zz} $q", "zz = 100\nprint(area(1))",
    ],
    "names in magics and commands": [
        "who = 'bob'\nd = {'k': [1, 2]}", "%%bash -s \"$who\" two\necho \"$1 $2\"", "%%bash --out res\necho {who}", "print(res)",
        "def f(n):\n    got = !printf '%s\\n' {n} $n\n    return got", "print(f('x'), f('y').n)", "out = !printf 'a b\\nc d'",
        "print(out, out.grep('c'), out.fields(1), out.s)", "%env TOLD=$who", "import os\nprint(os.environ['TOLD'])",
        "%%capture seen\nprint('hidden')\n!echo shell", "print(seen.stdout)\ndel seen", "%time t = sum(d['k'])", "print(t)",
        "%timeit -n1 -r1 -q t2 = t", "print('t2' in dir())", "%sc -l names=printf 'p\\nq'", "print(names)",
        ">>> for i in range(2):\n...     print(i)\n", "  if i:\n      print(i, end='.')", "d['out'] = !echo kept", "print(d)",
    ],
    "displays": [
        "%precision 3", "3.14159265, [1.0, {'x': 2.5}]", "40 + 2", "print('none')", "print(_, Out[3], _3)", "{3, 1, 2}, int, ValueError('x')",
        "{'key': list(range(40)), 'other': ('v' * 30, 'w' * 40)}", "from collections import Counter, defaultdict\nCounter('abca'), defaultdict(list)",
        "from IPython.display import Markdown, display\ndisplay('a', [1])\nMarkdown('# t')", "%%html\n<b>x</b>",
        "from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.ast_node_interactivity = 'all'", "1\n'two'\nx = 3", "x\n4",
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_ipythons_language_gives_what_one_kernel_gives(case: str, kernel: Reference, tmp_path: Path) -> None:
    folders = [tmp_path / "kernel", tmp_path / "pipeline"]
    for folder in folders:
        folder.mkdir()
        for name, text in FILES.items():
            (folder / name).write_text(text)
    cells: list[Any] = [cell(source, f"step:s{n}") for n, source in enumerate(RIGHT[case], 1)]
    theirs = kernel.run(RIGHT[case], folders[0])
    assert theirs.error is None
    assert same(run_pipeline(notebook(*cells), folders[1], tmp_path / "home"), theirs) == []
