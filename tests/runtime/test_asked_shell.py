"""What libraries ask of `get_ipython()` when they are imported and used, with IPython in the image and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.chain import Chain

BARE = "import sys\nsys.modules['IPython'] = sys.modules['ipykernel'] = sys.modules['ipywidgets'] = None"
#: What pandas, matplotlib, tqdm, rich, plotly and seaborn ask, each in the library's own way.
ASKED = """
shell = get_ipython()
asked = {
    "pandas at import": hasattr(shell, "kernel"),
    "pandas, for the width of a table": getattr(shell, "parent_header", None),
    "plotly, for its renderer": "IPKernelApp" in shell.config,
    "comm and ipywidgets": getattr(getattr(shell, "kernel", None), "comm_manager", None),
    "tqdm": "terminal" in shell.__class__.__name__.lower(),
    "rich": type(shell).__name__ == "ZMQInteractiveShell",
    "anything": hasattr(shell, "no_such_attribute"),
}
for who, answer in asked.items():
    print(who, answer)
try:
    shell.kernel
except AttributeError as error:
    print(error)
"""
ANSWERS = [
    "pandas at import False", "pandas, for the width of a table None", "plotly, for its renderer False", "comm and ipywidgets None",
    "tqdm False", "rich True", "anything False", "'ZMQInteractiveShell' object has no attribute 'kernel'",
]  # fmt: skip


@pytest.mark.parametrize("run", [(), (BARE,)], ids=["with IPython", "without IPython"])
def test_the_shell_has_no_kernel_and_says_so(tmp_path: Path, run: tuple[str, ...]) -> None:
    done = Chain(tmp_path).step(ASKED, run=run)
    assert done.status == 0 and done.log.splitlines() == ANSWERS, done.log


USES = {
    "pandas": "import pandas as pd\npd.DataFrame({'a': [1, 2]})",
    "matplotlib": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "matplotlib inline": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])",
    "tqdm": "from tqdm.auto import tqdm\nsum(tqdm([1, 2]))",
    "rich": "import rich\nfrom rich.table import Table\nrich.print('[b]a[/]')\nTable('a')",
    "scikit-learn": "from sklearn.linear_model import LinearRegression\nLinearRegression()",
}


@pytest.mark.slow
@pytest.mark.parametrize("library", USES)
def test_libraries_work_in_an_image_without_ipython(tmp_path: Path, library: str) -> None:
    done = Chain(tmp_path).step(USES[library], run=(BARE,))
    assert done.status == 0, done.log
    assert done.log.strip(), "a notebook would show something here"


def test_being_asked_does_not_make_it_a_real_shell(tmp_path: Path) -> None:
    code = """
from IPython import get_ipython as asked
from IPython.core.interactiveshell import InteractiveShell
shell = get_ipython()
print(asked() is shell, InteractiveShell.instance() is shell, isinstance(shell, InteractiveShell))
print(hasattr(shell, "kernel"), hasattr(shell, "history_manager"), object.__getattribute__(shell, "__dict__") is vars(shell))
"""
    done = Chain(tmp_path).step(code)
    assert done.status == 0 and done.log.splitlines() == ["True True True", "False False True"], done.log
