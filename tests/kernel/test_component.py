"""`%%component` in a live kernel means what it means in the pipeline."""

from __future__ import annotations

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import v4


def kernel(*cells: str) -> str:
    """What the cells print, one after the other in a real kernel."""
    notebook = v4.new_notebook(cells=[v4.new_code_cell(s) for s in ("%load_ext kfnb", *cells)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = [o for c in notebook.cells for o in c.outputs]
    return "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") + "\n" for o in outputs)


def test_conditions_loops_shell_steps_and_the_exit_handler() -> None:
    text = kernel(
        "%%component a\nx = 2\nx + 1",
        '%%component b --when "x > 5"\nx = 9',
        '%%component c --foreach "v in [1, 2, 3]" --when "v != 2"\ny = v * x\nlast = v',
        "print(x, y, last, 'v' in globals())",
        '%%component d --foreach "v in []"\nz = v',
        "print(z)",
        '%%component e --shell --output out=/tmp/kfnb-kernel.txt\necho "$x $y" > /tmp/kfnb-kernel.txt\necho printed',
        "print(out)",
        "%%component f --exit\nprint(kfnb_status['state'])",
        "%%component g\nimport asyncio\nawait asyncio.sleep(0)\nprint('awaited')",
    )
    assert (
        text == "3\nb is skipped: `x > 5` is false\n2 [2, 6] [1, 3] False\n[]\nprinted\n2 [2, 6]\nsucceeded\nawaited\n"
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [("%%component\n1", "needs the step's name"), ("%%component a --retyr 1\n1", "did you mean `--retry`"), ("%%component a --shell\nexit 3", "CalledProcessError"), ("%%component a\n1 / 0", "ZeroDivisionError")],
)  # fmt: skip
def test_what_is_wrong_fails_the_cell(source: str, words: str) -> None:
    with pytest.raises(CellExecutionError) as caught:
        kernel(source)
    assert words in str(caught.value)
