"""Steps that use one file keep the notebook's order, however the path is written; steps that do not, run side by side."""

from __future__ import annotations

import pytest

from kfnb.analysis.files.shell_command_files import uses_of_line
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local import LocalEngine
from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import Built, build
from kfnb.pipeline.checks.isolated_files import apart
from kfnb.pipeline.drawing.explain_pipeline import describe
from kfnb.runs.record.run_store import RunStore
from tests.notebooks import cell, notebook

Case = tuple[str, tuple[str, ...], str | None, str | None]


def built(steps: tuple[str, ...], parameters: str | None = None, shared: str | None = None) -> Built:
    cells = [cell(parameters, "parameters")] if parameters else []
    cells += [cell(shared)] if shared else []
    cells += [cell(source, f"step:s{n}") for n, source in enumerate(steps)]
    return build(notebook_from_json(notebook(*cells)))


def edges(made: Built) -> set[tuple[str, str]]:
    assert made.pipeline is not None, made.problems
    return {(e["from"], e["to"]) for e in describe(made)["edges"]}


#: What it is, the steps, the parameters cell, the shared cell: each step waits for the one before it.
IN_ORDER: list[Case] = [("param", ("import json\nwith open(out,'w') as f: json.dump(1,f)","import json\nwith open(out) as f: print(json.load(f))"), "out: str='r.json'", None),
 ("param vs literal default", ("open(out,'w').write('a')","print(open('r.json').read())"), "out: str='r.json'", None),
 ("path arith", ("(ROOT/'x.csv').write_text('a')","print((ROOT/'x.csv').read_text())"), None, "from pathlib import Path\nROOT=Path('d')"),
 ("path arith param", ("(Path(out)/'x.csv').write_text('a')","import os\nprint(open(os.path.join(out,'x.csv')).read())"), "out: str='d'", "from pathlib import Path"),
 ("fstring", ("df=1\nopen(f'{out}/a.csv','w')","open(out+'/a.csv')"), "out: str='d'", None),
 ("loop literal", ("for n in ['a','b']: open(f'd/{n}.csv','w').write(n)","open('d/a.csv')"), None, None),
 ("function", ("def save(x,path='o.csv'):\n    with open(path,'w') as f: f.write(x)\nsave('1')","open('o.csv')"), None, None),
 ("shared function", ("save('1', 'q.txt')","print(load('q.txt'))"), None, "def save(x,path='o.csv'):\n    with open(path,'w') as f: f.write(x)\ndef load(p):\n    return open(p).read()"),
 ("shared function folder", ("save('1', 'q')","print(load('q'))"), "out: str='d'", "import os\ndef save(x,name):\n    p=os.path.join(out, name+'.csv')\n    with open(p,'w') as f: f.write(x)\ndef load(n):\n    return open(f'{out}/{n}.csv').read()"),
 ("with_suffix", ("p.with_suffix('.txt').write_text('a')","open('d/x.txt')"), None, "from pathlib import Path\np=Path('d/x.csv')"),
 ("cfg item", ("open(cfg['out'],'w')","open(cfg['out'])"), None, "cfg={'out':'x.csv'}"),
 ("read before write", ("print(open('a.txt').read())","open('a.txt','w').write('n')"), None, None),
 ("ww", ("open('a.txt','w').write('1')","open('a.txt','a').write('n')"), None, None),
 ("sqlite", ("import sqlite3\nd=sqlite3.connect('x.db')\nd.execute('i')","import sqlite3\ne=sqlite3.connect('x.db')\nprint(e.execute('s').fetchall())"), None, None),
 ("zip", ("import zipfile\nzipfile.ZipFile('f6.zip','w').writestr('a','b')","import zipfile\nprint(zipfile.ZipFile('f6.zip').namelist())"), None, None),
 ("unzip shell", ("!unzip a.zip -d data","import pandas as pd\ndf=pd.read_csv('data/x.csv')"), None, None),
 ("unzip shell here", ("!unzip a.zip","import pandas as pd\ndf=pd.read_csv('x.csv')"), None, None),
 ("wget", ("!wget -O d.csv http://x/y.csv","open('d.csv')"), None, None),
 ("wget plain", ("!wget http://x/y.csv","open('y.csv')"), None, None),
 ("wget -qO", ("!wget -q http://x/y.csv -O d.csv","open('d.csv')"), None, None),
 ("curl", ("!curl -sL -o d.csv http://x/y.csv","open('d.csv')"), None, None),
 ("cp", ("open('a','w')","!cp a b","print(open('b').read())"), None, None),
 ("mv", ("!mv a.txt b.txt","open('b.txt')"), None, None),
 ("rm", ("open('a.txt')","!rm a.txt"), None, None),
 ("redir", ("!echo 1 > f.txt","o = !cat f.txt\nprint(o)"), None, None),
 ("redir var", ("!echo 1 > $out","o = !cat {out}\nprint(o)"), "out: str='f.txt'", None),
 ("writefile", ("%%writefile h2.py\nq=3","import h2\nprint(h2.q)"), None, None),
 ("file", ("%%file h2.py\nq=3","import h2\nprint(h2.q)"), None, None),
 ("bash", ("%%bash\nmkdir -p d\necho hi > d/a.txt","open('d/a.txt')"), None, None),
 ("subprocess", ("import subprocess\nsubprocess.run(['cp','a.txt','b.txt'])","open('b.txt')"), None, None),
 ("os.system", ("import os\nos.system('echo 1 > b.txt')","open('b.txt')"), None, None),
 ("os.system f", ("import os\nos.system(f'cp a.txt {out}')","open(out)"), "out: str='b.txt'", None),
 ("glob", ("open('d/a.csv','w')","import glob\nprint(glob.glob('d/*.csv'))"), None, None),
 ("path glob", ("open('d/a.csv','w')","from pathlib import Path\nprint(list(Path('d').glob('*.csv')))"), None, None),
 ("listdir", ("open('a.csv','w')","import os\nprint(os.listdir())"), None, None),
 ("listdir .", ("open('a.csv','w')","import os\nprint(os.listdir('.'))"), None, None),
 ("!ls", ("open('a.csv','w')","!ls"), None, None),
 ("parquet", ("import pyarrow.parquet as pq\npq.write_table(t, 'x.parquet')","import pandas as pd\npd.read_parquet('x.parquet')"), "t: int=1", None),
 ("polars", ("df.write_csv('x.csv')","import polars as pl\npl.scan_csv('x.csv')"), "df: int=1", None),
 ("torch", ("import torch\ntorch.save(m, P)","import torch\nprint(torch.load(P))"), "m: int=1", "P='m.pt'"),
 ("joblib", ("import joblib\njoblib.dump(m, p)","import joblib\nprint(joblib.load(p))"), "m: int=1\np: str='m.joblib'", None),
 ("pickle", ("import pickle\npickle.dump(m, open(p,'wb'))","import pickle\nprint(pickle.load(open(p,'rb')))"), "m: int=1\np: str='m.joblib'", None),
 ("h5py", ("import h5py\nwith h5py.File(p,'w') as f: f['a']=1","import h5py\nprint(h5py.File(p)['a'])"), "p: str='m.h5'", None),
 ("xarray", ("ds.to_netcdf(p)","import xarray as xr\nxr.open_dataset(p)"), "p: str='m.nc'\nds: int=1", None),
 ("memmap", ("import numpy as np\nm=np.memmap('x.bin',mode='w+',shape=3)\nm[:]=1\nm.flush()\ndel m","import numpy as np\nprint(np.memmap('x.bin'))"), None, None),
 ("shelve", ("import shelve\nwith shelve.open('s') as d: d['a']=1","import shelve\nprint(dict(shelve.open('s')))"), None, None),
 ("gzip", ("import gzip\nwith gzip.open('s.gz','wt') as d: d.write('a')","import gzip\nprint(gzip.open('s.gz').read())"), None, None),
 ("tarfile", ("import tarfile\nwith tarfile.open('s.tgz','w:gz') as d: d.add('a')","import tarfile\nprint(tarfile.open('s.tgz').getnames())"), None, None),
 ("shutil", ("import shutil\nshutil.copy('a','b')","open('b')"), None, None),
 ("shutil kw", ("import shutil\nshutil.copyfile(src='a',dst='b')","open('b')"), None, None),
 ("make_archive", ("import shutil\nshutil.make_archive('b','zip','d')","open('b.zip')"), None, None),
 ("datasets", ("ds.save_to_disk('d')","import datasets\ndatasets.load_from_disk('d')"), "ds: int=1", None),
 ("engine", ("df.to_sql('t', eng)","import pandas as pd\npd.read_sql('select 1', eng)"), "df: int=1", "from sqlalchemy import create_engine\neng=create_engine('sqlite:///x.db')"),
 ("exists", ("import os\nprint(os.path.exists('a.txt'))","open('a.txt','w')"), None, None),
 ("unlink", ("from pathlib import Path\nprint(Path('a.txt').read_text())","from pathlib import Path\nPath('a.txt').unlink()"), None, None),
 ("self path", ("r.save()","print(r.load())"), None, "class R:\n    def __init__(self,p): self.p=p\n    def save(self): open(self.p,'w').write('x')\n    def load(self): return open(self.p).read()\nr=R('x.txt')"),
 ("savez", ("import numpy as np\nnp.savez('x',a=1)","import numpy as np\nprint(np.load('x.npz'))"), None, None),
 ("percent", ("open('d/%s.csv' % n,'w')","open('d/a.csv')"), "n: str='a'", None),
 ("format", ("open('d/{}.csv'.format(n),'w')","open('d/a.csv')"), "n: str='a'", None),
 ("int in fstring", ("open(f'd/run{n}.csv','w')","open(f'd/run{n}.csv')"), "n: int=1", None),
 ("mkdir then write", ("import os\nos.makedirs('out',exist_ok=True)","open('out/a','w')"), None, None),
 ("excel writer", ("import pandas as pd\nwith pd.ExcelWriter('x.xlsx') as w: df.to_excel(w)","import pandas as pd\npd.read_excel('x.xlsx')"), "df: int=1", None),
 ("pathlib open", ("from pathlib import Path\nwith Path(p).open('w') as f: f.write('a')","from pathlib import Path\nprint(Path(p).open().read())"), "p: str='a'", None),
 ("csv", ("import csv\nwith open(p,'w') as f: csv.writer(f).writerow([1])","import csv\nprint(list(csv.reader(open(p))))"), "p: str='a'", None),
 ("python script", ("%%writefile t.py\nprint(1)","!python t.py --out m.bin","open('m.bin')"), None, None),
 ("comprehension", ("[open(f'd/{i}.txt','w').write('a') for i in range(3)]","open('d/1.txt')"), None, None),
 ("fig", ("import matplotlib.pyplot as plt\nplt.savefig(p)","from PIL import Image\nImage.open(p)"), "p: str='a.png'", None),
 ("environ", ("import os\nopen(os.environ['O'],'w')","import os\nopen(os.environ['O'])"), None, None),
 ("argparse ns", ("open(args.out,'w')","open(args.out)"), None, "from types import SimpleNamespace\nargs=SimpleNamespace(out='x')"),
]  # fmt: skip

#: Nothing in common.
APART: list[Case] = [
 ("two literals",("open('a.csv','w')","open('b.csv')"),None,None),
 ("two params",("open(a,'w')","open(b)"),"a: str='a.csv'\nb: str='b.csv'",None),
 ("param folder",("open(f'{o}/a.csv','w')","open(f'{o}/b.csv')"),"o: str='a'",None),
 ("consts",("open(OUT/'a.csv','w')","open(DATA/'a.csv')"),None,"from pathlib import Path\nOUT=Path('out')\nDATA=Path('data')"),
 ("pandas",("import pandas as pd\ndf=pd.DataFrame()\ndf.rename(columns=m)\ndf.replace(1,2)","import pandas as pd\nx=pd.read_csv('a.csv')"),"m: dict={}",None),
 ("list remove",("l=[1]\nx=1\nl.remove(x)","import pandas as pd\nx2=pd.read_csv('a.csv')"),None,None),
 ("stringio",("import io\nb=io.StringIO()\nb.write('x')\nprint(b.getvalue())","open('a.csv')"),None,None),
 ("to_csv none",("print(df.to_csv())","open('a.csv')"),"df: int=1",None),
 ("json dumps",("import json\nprint(json.dumps(d))","open('a.csv')"),"d: int=1",None),
 ("two figures",("import matplotlib.pyplot as plt\nplt.savefig('a.png')","import matplotlib.pyplot as plt\nplt.savefig('b.png')"),None,None),
 ("pip",("!pip install x","!nvidia-smi","open('a','w')"),None,None),
 ("joblib same model",("import joblib\njoblib.dump(m,'a')","import joblib\njoblib.dump(m,'b')"),"m: int=1",None),
 ("tmp",("import tempfile\nd=tempfile.mkdtemp()\nopen(d+'/x','w')","open('a')"),None,None),
]  # fmt: skip


@pytest.mark.parametrize("case", IN_ORDER, ids=lambda c: c[0])
def test_steps_that_use_one_file_wait_for_each_other(case: Case) -> None:
    _, steps, parameters, shared = case
    made = built(steps, parameters, shared)
    assert {(f"s{n}", f"s{n + 1}") for n in range(len(steps) - 1)} <= edges(made)
    assert "KF315" not in {p.code for p in made.problems}


@pytest.mark.parametrize("case", APART, ids=lambda c: c[0])
def test_steps_that_use_other_files_run_side_by_side(case: Case) -> None:
    _, steps, parameters, shared = case
    made = built(steps, parameters, shared)
    assert edges(made) == set() and "KF315" not in {p.code for p in made.problems}


@pytest.mark.parametrize(
    "first",
    [
        "open(ask(), 'w').write('a')",
        "import subprocess\nsubprocess.run(command)",
        "!make",
        "!python prepare.py",
        "import os\nos.remove(ask())",
    ],
)
def test_two_steps_that_may_use_one_file_are_named_with_the_mark_that_orders_them(first: str) -> None:
    shared = "import os\ndef ask():\n    return input()"
    (said,) = [p for p in built((first, "open('x.csv')"), "command: list = []", shared).problems if p.code == "KF315"]
    assert "`s0` and `s1`" in said.message and "after:s0" in said.hint and said.severity == "warning"
    ordered = built((first + "\nv = 1", "open('x.csv')\nprint(v)"), "command: list = []", shared)
    assert "KF315" not in {p.code for p in ordered.problems}


def test_a_step_that_would_go_on_without_a_file_is_refused_where_steps_have_folders_of_their_own(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for first, then in [
        ("!echo 1 > f.txt", "o = !cat f.txt\nprint(o)"),
        ("import sqlite3\nc = sqlite3.connect('f.db')", "import sqlite3\nc = sqlite3.connect('f.db')"),
        ("open('d/a.csv', 'w')", "import glob\nprint(glob.glob('d/*.csv'))"),
        ("open('f.txt', 'w')", "import os\nprint(os.path.exists('f.txt'))"),
        ("open('f.txt', 'w')", "%%bash\nwc -l f.txt"),
    ]:
        pipeline = built((first, then)).pipeline
        assert pipeline is not None
        engine = LocalEngine(RunStore(tmp_path))
        (said,) = engine.check(pipeline, RunOptions(isolated=True))
        assert said.code == "KF316" and "`s1`" in said.message and "--isolated" in said.message
        assert engine.check(pipeline, RunOptions()) == []
    loud = built(("open('f.txt', 'w')", "print(open('f.txt').read())")).pipeline
    assert loud is not None and not list(apart(loud))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cat a.txt | sort > b.txt", {("a.txt", "look"), ("b.txt", "write")}),
        ("cp -r data/ copy", {("data/", "look"), ("copy", "write")}),
        ("mv a b && rm c", {("a", "update"), ("b", "write"), ("c", "write")}),
        ("wget -q https://h/x/y.zip -P data", {("data/y.zip", "write")}),
        ("curl -sLO https://h/y.csv", {("y.csv", "write")}),
        ("tar xzf a.tgz -C out", {("a.tgz", "read"), ("out", "write")}),
        ("tar czf a.tgz data", {("a.tgz", "write"), ("data", "look")}),
        ("git clone https://h/o/repo.git", {("repo", "write")}),
        ("gzip a.csv", {("a.csv", "update"), ("a.csv.gz", "write")}),
        ("sed -i s/a/b/ a.txt", {("a.txt", "update")}),
        ("python --version", set()),
        ("pip install numpy 2>/dev/null", set()),
        ("echo hi >> log.txt 2>&1", {("log.txt", "update")}),
    ],
)
def test_the_files_of_a_command_line_are_known(line: str, expected: set[tuple[str, str]]) -> None:
    assert set(uses_of_line(line)) == expected
