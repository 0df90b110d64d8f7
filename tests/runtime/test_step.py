"""A step as its user sees it: what is printed and shown, where errors point, shell scripts, magics."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.chain import MAIN, Chain

OLD = [p for p in Path.home().glob(".pyenv/versions/3.8*/bin/python")]


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def test_the_last_expression_of_each_cell_is_displayed(chain: Chain) -> None:
    assert chain.step("1 + 1", "'a'", "None", "3;", "x = 4").log == "2\n'a'\n"


def test_cells_run_as_main_and_share_their_names(chain: Chain) -> None:
    done = chain.step(
        "import sys\nx = 1\ndef f():\n    return x", "print(__name__, f(), sys.modules['__main__'].x, f.__module__)"
    )
    assert done.log == "__main__ 1 1 __main__\n"


def test_rich_displays_and_figures_are_kept_beside_the_log(chain: Chain) -> None:
    done = chain.step(
        "import matplotlib.pyplot as plt\nimport pandas as pd\nplt.plot([1, 2]);", "pd.DataFrame({'a': [1]})"
    )
    assert done.log == "<Figure size 640x480 with 1 Axes>\n   a\n0  1\n"
    figure, frame = done.displays
    assert (figure["cell"], list(figure["data"])) == (10, ["text/plain", "image/png"])
    assert "<table" in frame["data"]["text/html"]


def test_an_error_shows_the_notebooks_own_lines_and_nothing_of_the_runtime(chain: Chain) -> None:
    done = chain.step("def f(x):\n    y = 1\n    return y / x", "a = 1\nf(0)\nprint('never')")
    assert done.status == 1
    assert (done.error["type"], done.error["cell"], done.error["line"]) == ("ZeroDivisionError", 10, 3)
    assert 'File "<cell 11>", line 2' in done.log and "return y / x" in done.log
    assert "runtime" not in done.log and "never" not in done.log


def test_a_syntax_error_and_an_odd_exception_are_told(chain: Chain) -> None:
    assert chain.step("x = (").error["type"] == "SyntaxError"
    done = chain.step("class Odd(Exception):\n    def __str__(self):\n        raise RuntimeError\nraise Odd()")
    assert done.error["type"] == "Odd"


def test_leaving_with_a_status(chain: Chain) -> None:
    assert chain.step("import sys\nsys.exit(3)").error["type"] == "SystemExit"
    done = chain.step("import sys\nprint('a')\nsys.exit()", "print('b')")
    assert (done.status, done.log) == (0, "a\n")


def test_top_level_await_runs_on_one_loop(chain: Chain) -> None:
    done = chain.step("import asyncio\nlock = asyncio.Event()\nawait asyncio.sleep(0)", "lock.set()\nawait lock.wait()")
    assert done.log.strip() == "True"


def test_shared_code_runs_quietly_and_its_failure_names_its_cell(chain: Chain) -> None:
    assert chain.step("print(k)", run=("print('loud')", "k = 2")).log == "2\n"
    done = chain.step("print(1)", run=("import nowhere_to_be_found",))
    assert "shared code of cell 100 failed" in done.log


# -------------------------------------------------------------------- IPython's language
def test_commands_and_magics_without_ipython(chain: Chain) -> None:
    source = "name = 'kfnb'\n!echo {name} $name $$ | cut -c1-9\nout = !printf 'a\\nb'\nprint(out, out.n, out.s)\n%env KF=1\nimport os\nprint(os.environ['KF'])\n%matplotlib inline\n%load_ext autoreload"
    assert chain.step(source).log == "kfnb kfnb\n['a', 'b'] a\nb a b\nenv: KF=1\n1\n"


def test_cell_magics(chain: Chain) -> None:
    done = chain.step(
        "%%bash\necho from bash",
        "%%writefile made.txt\nhello",
        "print(open('made.txt').read())",
        "%%capture out\nprint('hidden')",
        "print(out.stdout)",
        "%%time\nx = 3",
        "print(x)",
    )
    assert [line for line in done.log.split("\n") if line and "time" not in line.lower()] == [
        "from bash",
        "Writing made.txt",
        "hello",
        "hidden",
        "3",
    ]


def test_a_failing_bash_cell_fails_the_step(chain: Chain) -> None:
    assert chain.step("%%bash\nexit 3").error["type"] == "CalledProcessError"


def test_a_magic_that_no_extension_has_brought_says_what_is_missing(chain: Chain) -> None:
    done = chain.step("x = 1", "%sql SELECT 1")
    assert "`%sql` is not known in this step" in done.error["message"] and done.error["cell"] == 11


# -------------------------------------------------------------------- shell steps
def test_a_shell_step_gets_names_and_leaves_texts(chain: Chain) -> None:
    outputs = [{"name": "one"}, {"name": "two", "path": "/tmp/kfnb-fixed.txt"}]
    script = 'echo "$word $number $items" > "$one"\nprintf "a\\n\\n" | tee /tmp/kfnb-fixed.txt'
    done = chain.step(script, shell=True, shell_outputs=outputs, values={"word": "hi", "number": 3, "items": [1, "x"]})
    assert done.result["exports"] == {"one": 'hi 3 [1, "x"]', "two": "a\n"}
    assert not Path("/tmp/kfnb-fixed.txt").exists()
    assert chain.step("print(repr(two))", reads="two").log == "'a\\n'\n"


def test_a_shell_step_that_fails_or_forgets_its_output(chain: Chain) -> None:
    assert "exit status 4" in chain.step("exit 4", shell=True).error["message"]
    done = chain.step("true", shell=True, shell_outputs=[{"name": "data"}])
    assert "wrote no output `data`" in done.error["message"]


def test_a_shell_step_cannot_take_any_object(chain: Chain) -> None:
    chain.step("df = object()\nx = 1", outputs="df")
    done = chain.step("echo $df", shell=True, reads="df")
    assert "`df` is a object" in done.error["message"]


# -------------------------------------------------------------------- exports
def test_exports_are_plain_json_and_metrics_only_numbers_and_texts(chain: Chain) -> None:
    exports = [
        {"name": "a", "expression": "np.float32(0.5)"},
        {"name": "b", "expression": "(1, [2])"},
        {"name": "m", "expression": "m", "metric": True},
        {"name": "o", "expression": "o", "metric": True},
    ]
    done = chain.step("import numpy as np\nm = np.int64(3)\no = object()", exports=exports)
    assert (done.result["exports"], done.result["metrics"]) == ({"a": 0.5, "b": [1, [2]]}, {"m": 3})


def test_an_export_that_is_not_json_says_so(chain: Chain) -> None:
    done = chain.step("x = object()", exports=[{"name": "x", "expression": "x"}])
    assert done.error["kind"] == "export" and "`x` is a object" in done.error["message"]


# -------------------------------------------------------------------- ambient state
def test_generators_go_on_where_they_were(chain: Chain) -> None:
    chain.step(
        "import random\nimport numpy as np\nrandom.seed(1)\nnp.random.seed(1)\nrandom.random()",
        outputs="@random @numpy.random",
    )
    plain = "import random, numpy as np; random.seed(1); np.random.seed(1); random.random(); print(random.random(), np.random.rand())"
    expected = subprocess.run([sys.executable, "-c", plain], capture_output=True, text=True, check=True).stdout
    assert (
        chain.step(
            "import random, numpy as np\nprint(random.random(), np.random.rand())", reads="@random @numpy.random"
        ).log
        == expected
    )


def test_environment_options_and_filters_travel(chain: Chain) -> None:
    kinds = "@environ @pandas @numpy @matplotlib @warnings @decimal @path"
    chain.step(
        "import os, sys, warnings, decimal\nimport numpy as np, pandas as pd, matplotlib.pyplot as plt\n"
        "os.environ['A1'] = 'x'\npd.set_option('display.precision', 2)\nnp.set_printoptions(precision=1)\nplt.rcParams['lines.linewidth'] = 7\n"
        "warnings.simplefilter('ignore')\ndecimal.getcontext().prec = 3\nsys.path.insert(0, '/somewhere')",
        outputs=kinds,
    )
    done = chain.step(
        "import os, sys, warnings, decimal\nimport numpy as np, pandas as pd, matplotlib.pyplot as plt\nwarnings.warn('loud')\n"
        "print(os.environ['A1'], pd.get_option('display.precision'), np.array([1.26]), plt.rcParams['lines.linewidth'], decimal.Decimal(1) / 3, '/somewhere' in sys.path)",
        reads=kinds,
    )
    assert done.log == "x 2 [1.3] 7.0 0.333 True\n"


@pytest.mark.skipif(not OLD, reason="no Python 3.8 here")
def test_the_runtime_runs_on_python_3_8(tmp_path: Path) -> None:
    chain = Chain(tmp_path, python=str(OLD[0]))
    chain.step(
        "class A:\n    def f(self, k=1):\n        return lambda: k + g\ng = 2\na = A()\nh = a.f()", outputs="A a h g"
    )
    assert chain.step("print(h(), isinstance(a, A))", reads="A a h g").log == "3 True\n"


def test_a_function_of_another_python_is_refused(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    chain.step(
        "import sys\nimport kfnb.runtime.values.function_pickling as k\nk.VERSION = (3, 0)\ndef f(): pass", outputs="f"
    )
    assert "stored by Python 3.0" in chain.step("f()", reads="f").error["message"]


def test_a_spec_that_is_missing_is_told(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, MAIN, str(tmp_path / "nowhere.json")], capture_output=True, text=True)
    assert done.returncode != 0
