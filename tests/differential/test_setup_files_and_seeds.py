"""Set-up cells, files and seeds of one notebook each: printed text equals one kernel's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.differential.compare import Reference, run_pipeline, same
from tests.notebooks import cell, notebook


def alike(kernel: Reference, tmp_path: Path, cells: list[Any], **options: Any) -> None:
    folders = [tmp_path / "kernel", tmp_path / "pipeline"]
    for folder in folders:
        folder.mkdir()
    theirs = kernel.run([c["source"] for c in cells], folders[0])
    assert theirs.error is None
    mine = run_pipeline(notebook(*cells), folders[1], tmp_path / "home", **options)
    assert same(mine, theirs) == []


def test_set_up_cells_without_a_mark_are_in_every_step_that_reads_them(kernel: Reference, tmp_path: Path) -> None:
    setup = """\
import os, re, logging, argparse
from collections import namedtuple, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
import numpy as np
try:
    import no_such_module
    HAVE = True
except ImportError:
    HAVE = False
logger = logging.getLogger(__name__)
PATTERN = re.compile("a+")
START = datetime(2024, 1, 1) - timedelta(days=3)
Point = namedtuple("Point", "x y")
@dataclass
class Config:
    lr: float = 0.1
def scaled(n):
    return [i * 2 for i in range(n)]
cfg = Config(lr=0.2)
OUT = Path("out")
OUT.mkdir(exist_ok=True)
if HAVE:
    MODE = "fast"
else:
    MODE = "slow"
SETTINGS = {"base": 1}
SETTINGS.update(more=sorted(["b", "a"]))
for key in ["k1", "k2"]:
    SETTINGS[key] = key.upper()
GRID = np.linspace(0, 1, 5)
items = scaled(3)
items += [9]
args = argparse.Namespace(n=3)"""
    cells = [
        cell(setup),
        cell("p = Point(PATTERN.pattern, START.year)\nitems.append(cfg.lr)\nprint(p, MODE, HAVE)", "step:a"),
        cell("cfg.lr = 5\n(OUT / 'x.txt').write_text(str(args.n))\nprint(SETTINGS, GRID.sum())", "step:b"),
        cell("print(items, cfg, (OUT / 'x.txt').read_text(), p.x)", "step:c"),
    ]
    alike(kernel, tmp_path, cells)


def test_files_are_there_whoever_writes_them(kernel: Reference, tmp_path: Path) -> None:
    slow = "import time\ntime.sleep(0.3)\n"
    cells = [
        cell("out: str = 'res.json'", "parameters"),
        cell("import os, json, sqlite3, zipfile, subprocess\nfrom pathlib import Path\ndef save(text, path='kept.txt'):\n    Path(path).write_text(text)"),
        cell(slow + "with open(out, 'w') as f:\n    json.dump(1, f)", "step:w1"),
        cell("with open(out) as f:\n    print(json.load(f))", "step:r1"),
        cell(slow + "con = sqlite3.connect('x.db')\n_ = con.execute('create table t(a)')\n_ = con.execute('insert into t values (4)')\ncon.commit()\ncon.close()", "step:w2"),
        cell("con = sqlite3.connect(os.path.join('.', 'x.db'))\nprint(con.execute('select * from t').fetchall())\ncon.close()", "step:r2"),
        cell(slow + "zipfile.ZipFile('f6.zip', 'w').writestr('a', 'b')", "step:w3"),
        cell("print(zipfile.ZipFile('f6.zip').namelist())", "step:r3"),
        cell("%%writefile made_by_a_step.py\nq = 3", "step:w4"),
        cell("import made_by_a_step\nprint(made_by_a_step.q)", "step:r4"),
        cell(slow + "save('first')", "step:w5"),
        cell("!cp kept.txt copied.txt", "step:w6"),
        cell("print(Path('copied.txt').read_text())\nsave('second')", "step:r6"),
        cell("print(sorted(p.name for p in Path('.').glob('*.txt')), Path('kept.txt').read_text())", "step:r7"),
    ]  # fmt: skip
    alike(kernel, tmp_path, cells)


def test_estimators_without_a_name_give_the_notebooks_numbers(kernel: Reference, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    cells = [
        cell("import numpy as np\nfrom sklearn.ensemble import RandomForestClassifier\nfrom sklearn.cluster import KMeans\nfrom sklearn.naive_bayes import GaussianNB\nfrom sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\nfrom sklearn.model_selection import cross_val_score, train_test_split\nnp.random.seed(0)"),
        cell("X = np.random.rand(40, 3)\ny = (np.random.rand(40) > .5).astype(int)", "step:data"),
        cell("m = RandomForestClassifier(3).fit(X, y)\nprint(m.predict_proba(X)[:4, 0].tolist())", "step:fit"),
        cell("print(KMeans(3, n_init=1).fit_predict(X)[:9].tolist())", "step:cluster"),
        cell("models = {'a': GaussianNB(), 'b': make_pipeline(StandardScaler(), RandomForestClassifier(2))}", "step:models"),
        cell("for name, model in models.items():\n    model.fit(X, y)\n    print(name, model.score(X, y))", "step:each"),
        cell("print(cross_val_score(RandomForestClassifier(2), X, y, cv=2).tolist())", "step:cross"),
        cell("print(train_test_split(list(range(9)))[0])", "step:split"),
        cell("print(np.random.rand())", "step:end"),
    ]  # fmt: skip
    alike(kernel, tmp_path, cells)


def test_torchs_generator_goes_on_from_step_to_step(kernel: Reference, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    cells = [
        cell("import torch\nfrom torch import nn\nfrom torch.utils.data import DataLoader, TensorDataset\ntorch.manual_seed(0)"),
        cell("x = torch.rand(8, 3)\nprint(x[0].tolist())", "step:data"),
        cell("net = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))", "step:net"),
        cell("print(net(x)[0].tolist(), torch.zeros(2).normal_().tolist())", "step:use"),
        cell("print([b[0][0, 0].item() for b in DataLoader(TensorDataset(x), 4, shuffle=True)])", "step:order"),
        cell("print(torch.rand(2).tolist())", "step:end"),
    ]  # fmt: skip
    alike(kernel, tmp_path, cells)


def test_tensorflows_and_keras_generators_go_on_from_step_to_step(kernel: Reference, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    cells = [
        cell("import os\nos.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\nimport keras\nimport tensorflow as tf\nkeras.utils.set_random_seed(7)"),
        cell("print(tf.random.normal((2,)).numpy().tolist())", "step:a"),
        cell("print(keras.layers.Dense(2)(tf.ones((1, 2))).numpy().tolist())", "step:b"),
        cell("print(tf.random.uniform((2,)).numpy().tolist(), keras.random.normal((1,)).numpy().tolist())", "step:c"),
        cell("print(keras.random.normal((1,)).numpy().tolist())", "step:d"),
    ]  # fmt: skip
    alike(kernel, tmp_path, cells)
