"""Notebooks of `%%component` cells: run from top to bottom in one kernel they leave what they leave as a pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential.compare import Reference, run_pipeline, same
from tests.notebooks import cell, notebook

CASES: dict[str, list[str]] = {
    "loops": [
        "%%parameters\nk: float = 2\nwords = ['a', 'b']",
        "%%component make\ny = 'old'\nrows = [{'a': 1}, {'a': 2}]\nsize = len(rows)",
        "%%component sometimes --foreach 'v in [1, 2, 3]'\nif v != 2:\n    y = v * k",
        "%%component never_before --foreach 'v in [1, 2, 3]'\nif v != 2:\n    fresh = v",
        "%%component same_object --foreach 'w in words'\nalias = words\nw = w * 2",
        "%%component own_item --foreach 'row in rows'\nrow['b'] = row['a']\nkept = row\nimport math\nroot = math.floor(row['a'])",
        "%%component defines --foreach 'n in range(size)'\ndef f():\n    global made\n    made = n\nf()\ntaken = made",
        "%%component some_items --foreach 'v in [1, 2, 3]' --when 'v > 1'\nlate = v",
        "%%component no_items --foreach 'v in []'\nnone = v",
        "%%component pairs --foreach \"p in {'a': 1}.items()\"\nkey, value = p",
        "%%component all\nprint(y, fresh, alias, w, rows, kept, root, math.pi, taken, made, late, none, key, value)",
    ],
    "skipped": [
        "%%functions\ndef show():\n    return made",
        "%%component start\nx = 1\nold = 0",
        "%%component no --when 'x > 1'\nmade = 1\nold = 5\nimport math",
        "%%component reads\nprint(made)\nalso = 1",
        "%%component through --when 'x == 1'\nshow()",
        "%%component after\nprint(also)",
        "%%component asks --when 'made > 0 or x == 1'\n1",
        "%%component short --when 'x == 1 or made > 0'\nprint('short')",
        "%%component items --foreach 'v in also'\n1",
        "%%component inside --foreach 'v in [1, 2]'\nz = made + v",
        "%%component script --shell --output text\necho $made > $text",
        "%%component tries\ntry:\n    made\nexcept NameError:\n    x = 9",
        "%%component other --when 'x < 5'\nmade = 'other'",
        "%%component end\nprint(x, old, z, made, math.pi)",
    ],
    "scripts and environment": [
        "%%component make\na, b, c, d = [1, 2], 'two words', 1.0, True",
        "%%component script --shell --output out=/tmp/kfnb.txt --env MORE=5\necho \"$a $b $c $d $MORE\" | tee /tmp/kfnb.txt",
        "%%component each --shell --output got --foreach 'n in [1, 2]'\nprintf \"<$n>\" > $got",
        "%%component env --env MORE=6\nimport os\nmore = os.environ['MORE']",
        "%%component end\nprint(repr(out), got, more, os.environ.get('MORE'))",
        "%%component leave\nimport sys\nleft = 1\nsys.exit(0)\nleft = 2",
        "%%component last --exit\nprint(kfnb_status['state'], kfnb_status['steps'])",
    ],
    "parameters of every kind": [
        "%%functions\nfrom datetime import date, timedelta\nfrom enum import Enum\nfrom pathlib import Path\nclass Mode(Enum):\n    A = 1\n    B = 2",
        "%%parameters\nrate: float = 1\nmode: Mode = Mode.B\nday = date(2024, 1, 2)\ngap = timedelta(hours=2)\nplace: Path = Path('a') / 'b'\nshape: tuple[int, int] = (1, 2)\nnone: int = None",
        "%%component a\nkinds = [type(v).__name__ for v in (rate, mode, day, gap, place, shape, none)]\nshown = f'{rate} {mode} {day + gap} {place} {shape}'",
        "%%component b --when \"mode is Mode.B and day > date(2024, 1, 1)\" --env 'RATE={rate}'\nimport os\nsaid = os.environ['RATE'], str(place / 'c')\nprint(kinds, said)",
    ],
    "a failed condition": ["%%component a\nx = 'k'", "%%component b --when 'x > 2'\nprint(x)"],
    "a failed step": ["%%component a\nx = 1", "%%component b\nprint(x, kfnb_status)", "%%component c\nx = 2"],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_what_the_pipeline_gives(name: str, kernel: Reference, tmp_path: Path) -> None:
    theirs = kernel.run(CASES[name], tmp_path, kfnb=True)
    mine = run_pipeline(notebook(*map(cell, CASES[name])), tmp_path, tmp_path / "home")
    assert same(mine, theirs) == []
    assert mine.error is not None or len(mine.values) > 2


def test_a_retried_step_leaves_the_same(kernel: Reference, tmp_path: Path) -> None:
    body = "rows.append(2)\nn += 1\ndrawn = random.random()\nif not os.path.exists('f'):\n    os.mkdir('f')\n    raise OSError('first')"
    cells = [
        "%%imports\nimport os, random",
        "random.seed(1)",
        "%%component make\nrows = shared = [1]\nn = 0",
        f"%%component again --retry 2\n{body}",
        "%%component end\nprint(rows, shared, rows is shared, n, drawn, random.random())",
    ]
    theirs = kernel.run(cells, tmp_path, kfnb=True)
    (tmp_path / "f").rmdir()
    mine = run_pipeline(notebook(*map(cell, cells)), tmp_path, tmp_path / "home")
    assert theirs.texts[(4,)] == "again: attempt 1 of 3 failed: OSError: first; it is tried again\n"
    assert mine.texts.pop((4,)) == ""
    assert mine.summary["steps"]["again"]["attempts"] == 2
    assert same(mine, theirs) == []
