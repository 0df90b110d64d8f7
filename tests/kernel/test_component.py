"""`%%component` in a live kernel means what it means in the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat import v4

from tests.kernel.live import Live
from tests.running import processes_with, wait_for


def kernel(*cells: str) -> str:
    """What the cells print, one after the other in a real kernel."""
    notebook = v4.new_notebook(cells=[v4.new_code_cell(s) for s in ("%load_ext kfnb", *cells)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = [o for c in notebook.cells for o in c.outputs]
    return "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") + "\n" for o in outputs)


# -------------------------------------------------------------------- conditions, loops, scripts
def test_conditions_loops_and_shell_steps(live: Live) -> None:
    assert live.run("%%component a\nx = 2\nx + 1") == "3\n"
    assert live.run('%%component b --when "x > 5"\nx = 9') == "b is skipped: `x > 5` is false\n"
    live.run('%%component c --foreach "v in [1, 2, 3]" --when "v != 2"\ny = v * x\nlast = v')
    assert live.run("print(x, y, last, 'v' in globals())") == "2 [2, 6] [1, 3] False\n"
    live.run('%%component d --foreach "v in []"\nz = v')
    assert live.value("z") == "[]"
    script = '%%component e --shell --output out --env WHO=me\necho "$x $y $WHO" > $out\necho printed'
    assert live.run(script) == "printed\n"
    assert live.value("out") == "'2 [2, 6] me'"
    assert live.value("__import__('os').environ.get('WHO')") == "None"


def test_what_only_a_skipped_step_makes_skips_its_readers(live: Live) -> None:
    live.run("def show():\n    print(made)")
    live.run("%%component no --when '1 > 2'\nimport fractions\nmade = 1")
    words = "it needs `made` of no, which was skipped\n"
    assert live.run("%%component reader\nprint(made)\nalso = 1") == f"reader is skipped: {words}"
    assert live.run("%%component caller\nshow()") == f"caller is skipped: {words}"
    assert live.run("%%component asks --when 'made > 0'\n1") == f"asks is skipped: {words}"
    assert live.run("%%component script --shell\necho $also").endswith("`also` of reader, which was skipped\n")
    assert live.run("%%component short --when '1 == 1 or made'\nprint('ran')") == "ran\n"
    assert live.run("%%component imports\nprint(fractions.Fraction(1, 2))") == "1/2\n"
    live.run("made = 7")
    assert live.run("%%component reader\nprint(made)") == "7\n"


def test_each_item_begins_where_the_loop_began(live: Live) -> None:
    live.run("rows = [{'n': 1}, {'n': 2}]\nkept = 0\ndef put(n):\n    global seen\n    seen = n")
    body = "import string\nput(row['n'])\nif seen > 1:\n    kept = seen\nrow['n'] *= 10\nsame = rows"
    live.run(f"%%component loop --foreach 'row in rows'\n{body}")
    assert live.value("(rows, kept, seen, 'row' in globals())") == "([{'n': 1}, {'n': 2}], [0, 2], [1, 2], False)"
    assert live.value("string.digits") == "'0123456789'"


def test_a_steps_cells_share_their_marks(live: Live) -> None:
    live.run("%%component both --when '1 > 2'\none = 1", "first")
    assert live.run("%%component both\ntwo = 2", "second") == "both is skipped: `1 > 2` is false\n"
    assert "`when` says `3 > 2` here and `1 > 2` in cell" in live.run("%%component both --when '3 > 2'\n1", "second")
    assert live.run("%%component text --shell\necho one", "third") == "one\n"
    assert live.run("%%component text\necho two", "fourth") == "two\n"
    live.run("%%component many --foreach 'v in [1]'\none = v", "fifth")
    assert live.run("%%component many\ntwo = one", "sixth").startswith("step `many` loops over several cells")


# -------------------------------------------------------------------- failures
def test_an_exit_handler_is_told_of_the_first_failure_until_it_is_mended(live: Live) -> None:
    live.run("%reload_ext kfnb")
    told = "%%component last --exit\nprint({k: kfnb_status[k] for k in ('state', 'step', 'message')})"
    fine = "{'state': 'succeeded', 'step': None, 'message': ''}\n"
    assert live.run(told) == fine
    failed = live.run("%%component first --foreach 'n in [1, 0]'\ninverse = 1 / n")
    assert "first[1] failed, where `n` is 0" in failed
    live.run("%%component second\nraise ValueError('no')")
    assert live.run(told) == "{'state': 'failed', 'step': 'first[1]', 'message': 'division by zero'}\n"
    assert live.value("'kfnb_status' in globals() or 'inverse' in globals()") == "False"
    live.run("%%component first\ninverse = 1")
    assert live.run(told) == "{'state': 'failed', 'step': 'second', 'message': 'no'}\n"
    live.run("%%component second --when '0'\n1")
    assert live.run(told) == fine


def test_a_failed_attempt_leaves_nothing_behind(live: Live, tmp_path: Path) -> None:
    live.run(f"import os, random\nrandom.seed(3)\nfirst = {str(tmp_path / 'first')!r}\nitems = alias = [1]\ncount = 0")
    body = (
        "items.append(2)\ncount += 1\ndrawn = random.random()\n"
        "if not os.path.exists(first):\n    os.mkdir(first)\n    half = os.environ['HALF'] = '1'\n    raise OSError('not yet')"
    )
    told = live.run(f"%%component tries --retry 2\n{body}")
    assert told == "tries: attempt 1 of 3 failed: OSError: not yet; it is tried again\n"
    assert live.value("(items, count, items is alias, 'half' in globals())") == "([1, 2], 1, True, False)"
    assert live.value("('HALF' in os.environ, 'PATH' in os.environ)") == "(False, True)"
    assert live.value("drawn == random.Random(3).random()") == "True"
    assert live.run("%%component never --retry 1\nraise OSError('never')").count("OSError: never") == 2
    assert "attempt 1 of 2 failed: Failure: the script of cell" in live.run("%%component sh --retry 1 --shell\nexit 4")


def test_a_failed_attempt_leaves_classes_and_functions_as_they_were(live: Live) -> None:
    live.run("class Job:\n    count = 0\n    names = []\ndef calls(): calls.n += 1\ncalls.n = 0\ntried = 0")
    body = "Job.count += 1; Job.names.append('x'); calls()\nraise OSError('no')"
    assert "attempt 1 of 2 failed" in live.run(f"%%component counts --retry 1\n{body}")
    assert live.value("Job.count, Job.names, calls.n") == "(1, ['x'], 1)"


def test_a_body_that_takes_too_long_is_ended(live: Live) -> None:
    told = live.run("%%component slow --timeout 0.2s\nimport time\ntime.sleep(20)")
    assert "----> 3 time.sleep(20)" in told
    assert told.endswith("TimeoutError: it took longer than its timeout of 0.2 s\n")
    assert "attempts.py" not in told
    swallows = "import time\ntry:\n    time.sleep(20)\nexcept BaseException:\n    pass"
    told = live.run(f"%%component deaf --timeout 0.2s\n{swallows}")
    assert told == "TimeoutError: it took longer than its timeout of 0.2 s\n"
    marker = "kfnb-test-93.25"
    told = live.run(f"%%component script --timeout 0.2s --shell\nMARK={marker} sleep 93.25 & sleep 93.25; true")
    assert told == "TimeoutError: it took longer than its timeout of 0.2 s\n"
    wait_for(lambda: not processes_with(marker))
    assert live.run("%%component quick --timeout 5s\nprint('done')") == "done\n"


def test_an_interrupted_loop_leaves_the_names_as_they_were(live: Live) -> None:
    live.run("%reload_ext kfnb\nitem = total = 'before'")
    body = "import asyncio\ntotal = item\nif item:\n    print('now')\n    await asyncio.sleep(300)\n    total = 'late'"
    asked = live.send(f"%%component loop --foreach 'item in [0, 1]'\n{body}")
    live.answer(asked, until="now")
    live.interrupt()
    assert live.answer(asked).endswith("KeyboardInterrupt: \n")
    assert live.value("(item, total)") == "('before', 'before')"
    assert live.run("%%component last --exit\nprint(kfnb_status['state'])") == "cancelled\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("%%component\n1", "`%%component` needs the name of the step (write `%%component NAME`)\n"),
        ("%%component a --retyr=1\n1", "`%%component` has no option `--retyr` (did you mean `--retry`?)\n"),
        ("%%component a --shell --output o\necho 1", "1\nthe step wrote no output `o`: it must write the file $o\n"),
        ("%%component a --when 'nope > 1'\n1", "NameError: step `a`: the condition `nope > 1` cannot be evaluated: name 'nope' is not defined\n"),
        ("%%component a --foreach 'v in 3'\n1", "TypeError: step `a`: the items of `v in 3` cannot be evaluated: 'int' object is not iterable\n"),
        ("%%parameters --x 1\na = 1", "`%%parameters` takes no options: `--x 1` (remove what follows the magic; write other marks as tags of the cell)\n"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_without_a_traceback(live: Live, source: str, words: str) -> None:
    assert live.run(source) == words


def test_what_a_script_cannot_be_given_is_said(live: Live) -> None:
    live.run("pair = {1, 2}")
    assert live.run("%%component a --shell\necho $pair").startswith("a shell step gets text, numbers and lists; `pair`")


# -------------------------------------------------------------------- as IPython runs a cell
def test_a_body_is_a_cell_of_ipython(live: Live) -> None:
    assert live.run("%%component a\n%%bash\necho hi") == "hi\n"
    assert live.run("%%component a\nwords = !echo 1 2\n!echo {words[0]}\nwords;") == "1 2\r\n"
    assert live.run("%%component a\n\nimport asyncio\nawait asyncio.sleep(0, 5)") == "5\n"
    assert "String form: 4" in live.run("%%component a\nfour = 4\nfour?") or live.value("four") == "4"
    assert live.run("%%component a\nimport sys\nprint(1)\nsys.exit()\nprint(2)") == "1\n"
    assert live.run("%%component a\ndef f(x: int): pass\nprint(f.__annotations__)") == "{'x': <class 'int'>}\n"


def test_errors_show_the_lines_of_the_cell(live: Live) -> None:
    told = live.run("\n%%component a\n\ndef half(n):\n    return 1 / n\n\nhalf(0)")
    assert "line 7\n" in told and "----> 7 half(0)" in told and "----> 5     return 1 / n" in told
    assert "kfnb" not in told and "run_cell_magic" not in told
    told = live.run("%%component a\nx = 1\ny = (1,\nz = 2")
    assert ", line 3\n    y = (1," in told and "kfnb" not in told
    assert "----> 3 1 / 0" in live.run("%%functions\nk = 1\n1 / 0")


def test_the_roles_magics_run_the_cell(live: Live) -> None:
    assert live.run("%%parameters\nrate: float = 2\nname = 'n'\nname") == "'n'\n"
    live.run("%%imports\nimport math")
    live.run("%%functions\ndef double(v):\n    return v * 2")
    live.run("%%metrics\nscore = double(rate)")
    live.run("%%skip\nlooked = math.floor(score)")
    assert live.value("(rate, score, looked)") == "(2, 4, 4)"


def test_a_step_that_may_fail_lets_the_kernel_go_on(live: Live) -> None:
    live.run("%%component each --foreach 'n in [2, 0, 4]' --on-failure continue\nhalf = 4 / n")
    assert live.value("half") == "[2.0, Failed(each, at 1: ZeroDivisionError: division by zero), 1.0]"
    live.run("old = 1")
    told = live.run("%%component plain --on-failure continue\nold = 2\nraise ValueError('so')")
    assert told == "plain failed: ValueError: so; the rest goes on\n"
    assert live.run("%%component needs\nprint(old)") == "needs is skipped: it needs `old` of plain, which failed\n"
    assert "isinstance(x, kfnb.Failed)" in live.run("sum(half)")
