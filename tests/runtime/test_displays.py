"""What the cells of a step display, beside what one kernel displays for them: the same outputs, in the same order."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from kfnb.reports.attempt_outputs import outputs_of
from kfnb.runs.attempt_logs import LogWriter
from tests.notebooks import cell, notebook
from tests.runtime.chain import Chain

PLT = "import matplotlib.pyplot as plt\n"
#: In a row, in one step. Each begins with no figure open.
CELLS = {
    "shown in a loop": f"{PLT}fig, ax = plt.subplots()\nax.plot([1, 2])\nfor n in range(3):\n    print('n', n)\n    plt.show()\n    plt.plot([n, 2])",
    "a figure in each turn": f"{PLT}for n in range(2):\n    plt.figure()\n    plt.plot([n])\n    print('made', n)\nprint('end')",
    "shown, then drawn on": f"{PLT}plt.plot([1]); plt.show(); plt.plot([2]); print('two')",
    "subplots without show": f"{PLT}fig, axes = plt.subplots(2)\naxes[0].plot([1])\nprint('under')",
    "fig.show": f"{PLT}fig, ax = plt.subplots()\nax.plot([1])\nfig.show()\nprint('after')",
    "displayed by hand": f"{PLT}fig, ax = plt.subplots()\nax.plot([1])\ndisplay(fig)\nprint('after')",
    "the last expression": f"{PLT}fig, ax = plt.subplots()\nax.plot([1])\nfig",
    "closed": f"{PLT}fig, ax = plt.subplots()\nax.plot([1])\nplt.close(fig)\nprint('nothing')",
    "displayed and closed": f"{PLT}fig, ax = plt.subplots()\nprint('first')\ndisplay(fig)\nplt.close()",
    "an empty one": f"{PLT}plt.figure()\nprint('empty')",
    "the axes at hand": f"{PLT}def draw(ax=None):\n    ax = ax or plt.gca()\n    ax.bar([1], [2])\ndraw()\nplt.show()\ndraw()",
    "the older one again": f"{PLT}a = plt.figure()\nplt.plot([1])\nplt.figure()\nplt.figure(a.number)\nplt.show()",
    "tables among prints": "import pandas as pd\nt = pd.DataFrame({'a': [1]})\nprint('one')\ndisplay(t)\nprint('two')\ndisplay(t)\nt",
    "pandas draws": f"{PLT}import pandas as pd\nfor n in range(2):\n    pd.Series([1, n]).plot()\n    plt.show()",
    "cleared for the next": f"{PLT}from IPython.display import clear_output\nfor n in range(3):\n    clear_output(wait=True)\n    plt.plot([n])\n    plt.show()",
    "cleared for good": "from IPython.display import clear_output, HTML\ndisplay(HTML('<b>1</b>'))\nclear_output()\ndisplay(HTML('<b>2</b>'))",
    "cleared for nothing": "from IPython.display import clear_output, HTML\ndisplay(HTML('<b>1</b>'))\nclear_output(wait=True)",
    "updated": "from IPython.display import HTML, display, update_display\nh = display(HTML('one'), display_id='bar')\nprint('between')\ndisplay(HTML('other'))\nfor n in range(3):\n    h.update(HTML(f'{n}'))\nupdate_display(HTML('last'), display_id='bar')\nprint('end')",
    "a text updated": "h = display('0 %', display_id=True)\nprint('between')\nh.update('100 %')",
    "tqdm": "import sys\nfrom tqdm import tqdm\nfor n in tqdm(range(2), file=open('/dev/null', 'w')):\n    print('n', n)",
    "a magic that is not there": f"%matplotlib inline\n{PLT}plt.plot([1])\nplt.show()\nprint('after')",
}  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[Any], list[Any]]]:
    """Of each cell, what a kernel displays and what the step displays."""
    folder = tmp_path_factory.mktemp("displays")
    book: Any = nbformat.from_dict(notebook(*(cell(source) for source in CELLS.values())))
    NotebookClient(book, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    done = Chain(folder).step(*CELLS.values(), mark="m")
    assert done.status == 0, done.log
    writer = LogWriter(done.folder / "log", "m")
    writer.feed(done.log.encode())
    writer.close()
    numbers = [10 + n for n in range(len(CELLS))]
    mine = outputs_of(done.folder, numbers, None)
    return {
        name: ([seen(o) for o in theirs.outputs], [seen(o) for o in mine.get(number, [])])
        for name, theirs, number in zip(CELLS, book.cells, numbers, strict=True)
    }


def seen(output: Any) -> Any:
    """A printed text, or the forms of a display with its text; a result is a display, and a plain one is printed."""
    if output["output_type"] == "stream":
        return output["text"]
    kinds = sorted(output["data"])
    if kinds == ["text/plain"]:
        return output["data"]["text/plain"] + "\n"
    return kinds, output["data"].get("text/html"), output["data"]["text/plain"]


def joined(outputs: list[Any]) -> list[Any]:
    """The outputs, with texts that follow one another as one."""
    found: list[Any] = []
    for one in outputs:
        if isinstance(one, str) and found and isinstance(found[-1], str):
            found[-1] += one
        else:
            found.append(one)
    return found


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_displays_what_it_displays_in_a_kernel(both: dict[str, tuple[list[Any], list[Any]]], name: str) -> None:
    theirs, mine = both[name]
    assert joined(mine) == joined(theirs)
