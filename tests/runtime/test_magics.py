"""IPython's magics in a step: each has an answer, and the answers are what a kernel gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfnb.runtime.magics import magic_table
from kfnb.runtime.magics.magic_table import CELL, DONE, LINE, REFUSED, WAY_OUT
from tests.runtime.chain import Chain, Done


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def lines(done: Done) -> list[str]:
    assert done.status == 0, done.log
    return done.log.split("\n")[:-1]


# -------------------------------------------------------------------- the table
def test_every_magic_of_ipython_and_its_kernel_has_an_answer() -> None:
    from ipykernel.zmqshell import ZMQInteractiveShell

    magics = ZMQInteractiveShell().magics_manager.magics
    assert set(magics["line"]) - set(LINE) == set()
    assert set(magics["cell"]) - set(CELL) == set()


def test_what_is_refused_has_a_way_out() -> None:
    refused = {name for table in (LINE, CELL) for name, kind in table.items() if kind == REFUSED}
    assert refused == set(WAY_OUT)


def test_a_step_does_what_the_table_says_it_does() -> None:
    from kfnb.runtime.magics import cell_magics, line_magics, magic_options

    handled = {*line_magics.MAGICS, *line_magics.RAW, *line_magics.ALIASES, "pylab"}
    assert {name for name, kind in LINE.items() if kind == DONE} - handled - {"killbgscripts"} == set()
    cells = {*magic_options.PROGRAMS, *cell_magics.RICH, "script", "sx", "system", "!", "timeit", "writefile", "file"}
    assert {name for name, kind in CELL.items() if kind == DONE} - cells == {"capture", "prun", "time"}
    assert set(magic_table.SET_UP) <= set(LINE)


# -------------------------------------------------------------------- timing
def test_timeit_takes_its_options_and_binds_nothing(chain: Chain) -> None:
    done = chain.step(
        "x = [3]\nr = %timeit -n 2 -r 3 -q -o sum(x)\nprint(r.loops, r.repeat, r.best <= r.average <= r.worst, len(r.timings))",
        "%timeit -n2 -r1 x * 2",
        "%%timeit -q -n 3 -r 1 y = x[0]\nx.append(y)\nx2 = 1",
        "print(len(x), 'x2' in globals())",
        "%time z = 5",
        "%time z + 1",
        "print(z)",
    )
    first, second, *rest = lines(done)
    assert first == "2 3 True 3" and second.endswith("per loop (mean ± std. dev. of 1 run, 2 loops each)")
    assert [r for r in rest if not r.startswith(("CPU times", "Wall time"))] == ["4 False", "6", "5"]


# -------------------------------------------------------------------- scripts and commands
def test_scripts_take_arguments_and_give_names(chain: Chain) -> None:
    done = chain.step(
        "who = 'bob'",
        '%%bash -s "$who" two\necho "$1 $2"',
        "%%sh --out res --err bad\necho hello\necho no >&2",
        "print([res, bad])",
        "%%script --no-raise-error bash\nexit 3",
        "%%bash --bg --out stream --proc job\necho late",
        "print(stream.read(), job.wait())",
        "%%perl\nprint join(',', 1..3), \"\\n\";",
        "%%python\nprint(2 ** 5)",
    )
    assert lines(done) == ["bob two", "['hello\\n', 'no\\n']", "b'late\\n' 0", "1,2,3", "32"]


def test_names_are_expanded_as_ipython_does(chain: Chain) -> None:
    done = chain.step(
        "d = {'k': [1, 2]}\nx = 'a'\ndef f(n):\n    out = !echo {n} $n\n    return out[0]",
        "!echo {d['k'][1]} $x {x!r} {x.upper()} '$x'\n!printf 'a b\\n' | awk '{print $2}'",
        "print(f('local'))",
        "%env TOLD={x}$x\n%env TOLD",
        "%timeit -n1 -r1 -q {1: 2}",
        "%cd -q /\n%cd -q -\nprint(_dh[-2])",
    )
    assert lines(done) == ["2 a a A $x", "b", "local local", "env: TOLD=aa", "'aa'", "/"]


def test_what_python_has_taken_over_of_the_output_takes_that_of_commands_too(chain: Chain) -> None:
    done = chain.step(
        "%%capture one\nprint('a')\n!echo b\n5",
        "print(repr(one.stdout), one.outputs[0].data)\none()",
        "%%capture two --no-stdout\nimport sys\nprint('seen')\nprint('kept', file=sys.stderr)",
        "print(repr(two.stdout), repr(two.stderr))",
        "%%capture\nprint('gone')",
    )
    assert lines(done) == ["'a\\nb\\n' {'text/plain': '5'}", "a", "b", "5", "seen", "'' 'kept\\n'"]


# -------------------------------------------------------------------- programs
def test_run_brings_the_names_of_a_program_and_keeps_its_own(chain: Chain) -> None:
    chain.tmp_path.joinpath("tool.py").write_text(
        "import sys\nK = 2\nwords = sys.argv[1:]\ndef f(n):\n    return n if n < 2 else f(n - 1) * K\n"
        "if __name__ == '__main__':\n    ran = True\n"
    )
    done = chain.step("%run tool.py a 'b c'", "K = 100\nprint(f(3), words, ran, __name__)", outputs="f")
    assert lines(done) == ["4 ['a', 'b c'] True __main__"]
    assert lines(chain.step("K = 7\nprint(f(3))", reads="f")) == ["4"], "its globals are its own in later steps, too"
    done = chain.step("%run -n tool\nprint('ran' in globals())\nK = 5\n%run -i tool.py\nprint(f(2), f.__globals__ is globals())")  # fmt: skip
    assert lines(done) == ["False", "2 True"]
    assert chain.step("%run nowhere.py").error["type"] == "FileNotFoundError"


# -------------------------------------------------------------------- what libraries ask of the shell
def test_the_shell_answers_as_a_kernels_does_and_stays_what_it_is(chain: Chain) -> None:
    done = chain.step(
        "ip = get_ipython()\nprint(hasattr(ip, 'kernel'), getattr(ip, 'nonsense', None), type(ip).__name__)",
        "from IPython import get_ipython as theirs\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "print(theirs() is ip, isinstance(ip, InteractiveShell), InteractiveShell.instance() is ip, 'google.colab' in str(ip))",
        "%matplotlib inline\nip.run_line_magic('env', 'A=1')\nip.push({'p': 3})\nprint(ip.ev('p + 1'), ip.getoutput('echo q'))",
        "seen = []\nip.events.register('post_run_cell', lambda result: seen.append(1))",
        "ip.run_cell('p = 9\\np')\nprint(p, len(seen), 'IPKernelApp' in ip.config)",
    )
    assert lines(done) == [
        "False None ZMQInteractiveShell", "True True True False", "env: A=1", "4 ['q']", "9", "9 2 False",
    ]  # fmt: skip


def test_extensions_and_magics_of_the_notebook_are_used(chain: Chain) -> None:
    chain.tmp_path.joinpath("twice_ext.py").write_text(
        "from IPython.core.magic import Magics, magics_class, line_magic, cell_magic\n"
        "@magics_class\nclass Twice(Magics):\n    @line_magic\n    def twice(self, line):\n        return self.shell.user_ns[line] * 2\n"
        "    @cell_magic\n    def upper(self, line, cell):\n        print(line, cell.upper(), end='')\n"
        "def load_ipython_extension(ip):\n    ip.register_magics(Twice)\n"
    )
    done = chain.step(
        "x = 4\n%load_ext twice_ext\ny = %twice x\nprint(y)",
        "%%upper $x\nabc",
        "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef shout(line):\n    print(line.upper())",
        "%shout it is {x}",
        "%alias_magic say shout\n%say so",
    )
    assert lines(done) == ["8", "4 ABC", "IT IS 4", "SO"]


# -------------------------------------------------------------------- displays
def test_displays_go_through_what_libraries_register(chain: Chain) -> None:
    done = chain.step(
        "class A:\n    pass\nclass B:\n    def __repr__(self):\n        raise ValueError('no text')\n"
        "forms = get_ipython().display_formatter.formatters\nforms['text/html'].for_type(A, lambda a: '<b>A</b>')\n"
        "forms['text/plain'].for_type(A, lambda a, p, cycle: p.text('an A'))",
        "A()",
        "B()",
        "%precision 2\n[1.23456, {'a': 2.0}]",
        "{3, 1, 2}, int, {'k' * 30: ['v' * 40] * 2}",
    )
    assert done.status == 0 and done.displays[0]["data"] == {"text/plain": "an A", "text/html": "<b>A</b>"}
    log_lines = done.log.split("\n")
    assert log_lines[0] == "an A" and "ValueError: no text" in log_lines
    assert log_lines[-6:-1] == [
        "[1.23, {'a': 2.00}]", "({1, 2, 3},", " int,", f" {{'{'k' * 30}': ['{'v' * 40}',", f"   '{'v' * 40}']}})",
    ]  # fmt: skip


def test_a_display_is_shown_again_in_its_place(chain: Chain) -> None:
    done = chain.step(
        "from IPython.display import HTML, display, update_display\nh = display(HTML('one'), display_id='bar')\ndisplay(HTML('other'))",
        "h.update(HTML('two'))\nupdate_display(HTML('three'), display_id='bar')",
    )
    assert [(d["cell"], d["data"]["text/html"]) for d in done.displays] == [(10, "three"), (10, "other")]


def test_a_display_does_not_go_through_what_replaces_the_output(chain: Chain) -> None:
    source = "import contextlib, io\nclass Loud(io.StringIO):\n    def write(self, text):\n        display(text)\n        return len(text)\n"
    assert lines(chain.step(source + "with contextlib.redirect_stdout(Loud()):\n    display('shown')\n    print('told', end='')")) == ["'shown'", "'told'", "''"]  # fmt: skip


def test_out_and_underscore_are_the_notebooks(chain: Chain) -> None:
    done = chain.step("40 + 2", "print('x')", "_ + 1", "print(Out[10], _, __, _12, In[12])", history=True)
    assert lines(done) == ["42", "x", "43", "42 43 42 43 _ + 1"]


# -------------------------------------------------------------------- errors and tasks
def test_a_cell_that_may_raise_does_not_end_the_step(chain: Chain) -> None:
    spec = [{"cell": 1, "source": "x = 1\n1 / 0", "raises": True}, {"cell": 2, "source": "print(x)"}]
    done = chain.step(cells=spec)
    assert done.status == 0 and "ZeroDivisionError" in done.log and done.log.endswith("1\n")
    assert done.log.count("Traceback") == 1


def test_tasks_go_on_while_later_cells_run_and_end_with_the_step(chain: Chain) -> None:
    done = chain.step(
        "import asyncio\nseen = []\nasync def work(n):\n    seen.append(n)\n    await asyncio.sleep(n)\n    return n",
        "short, long = asyncio.create_task(work(0)), asyncio.create_task(work(60))",
        "print(seen)",
        "print(await short)",
    )
    assert lines(done) == ["[0, 60]", "0"]
    assert "`work` was still running" in done.result["warnings"][0]


@pytest.mark.parametrize("text", [">>> x = 3\n>>> if x:\n...     print(x)\n", "In [4]: x = 3\n   ...: print(x)", "  x = 3\n  print(x)"])  # fmt: skip
def test_pasted_prompts_and_indents_are_left_out(chain: Chain, text: str) -> None:
    assert lines(chain.step(text)) == ["3"]
