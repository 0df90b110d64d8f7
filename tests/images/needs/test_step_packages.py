"""What a step installs: what its code imports, and what its libraries import when it uses them; in the notebook's versions."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.needs.implied_modules import implied_needs
from kfnb.images.needs.installed_packages import InstalledPackages, installed_packages
from kfnb.images.needs.step_packages import StepPackages, packages_of
from tests.notebooks import cell
from tests.running import pipeline_of


def package(folder: Path, name: str, number: str = "1.0", requires: str = "", modules: tuple[str, ...] = (), origin: object = None) -> None:  # fmt: skip
    """Install a package as small as one can be into a folder."""
    info = folder / f"{name.replace('-', '_')}-{number}.dist-info"
    info.mkdir(parents=True)
    files = modules or (f"{name.replace('-', '_')}.py",)
    (info / "RECORD").write_text("".join(f"{f},,\n" for f in files))
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"
        + "".join(f"Requires-Dist: {r}\n" for r in requires.split())
    )
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))


DISTRIBUTIONS = (
    "bs4 fastparquet html5lib IPython ipywidgets jinja2 kaleido lxml matplotlib numpy openpyxl pandas plotly polars psycopg psycopg2 "
    "pyarrow requests s3fs scipy seaborn sklearn sqlalchemy statsmodels tabulate torch transformers xgboost xlrd xarray netCDF4 zarr"
).split()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> InstalledPackages:
    """An environment with many libraries, as far as their metadata says."""
    site = tmp_path_factory.mktemp("site")
    for name in DISTRIBUTIONS:
        package(site, name)
    return InstalledPackages([str(site)])


def installed_by(code: str, environment: InstalledPackages, folder: Path, shared: str = "") -> set[str]:
    cells = [*([cell(shared, "imports")] if shared else []), cell(code, "step:one")]
    return set(packages_of(pipeline_of(*cells), folder, environment)["one"].requirements)


NEEDS = [
    ("from sklearn.datasets import load_wine\nwine = load_wine(as_frame=True)", "sklearn pandas"),
    ("from sklearn.datasets import load_wine\nwine = load_wine()", "sklearn"),
    ("from sklearn.datasets import load_wine\nwine = load_wine(as_frame=False)", "sklearn"),
    ("import sklearn.datasets as d\nwine = d.fetch_openml('wine')", "sklearn pandas"),
    ("from sklearn import set_config\nset_config(transform_output='pandas')", "sklearn pandas"),
    ("from sklearn.metrics import ConfusionMatrixDisplay as C\nC.from_predictions([1], [1])", "sklearn matplotlib"),
    ("import pandas as pd\ndf = pd.read_parquet('a.parquet')", "pandas pyarrow"),
    ("import pandas as pd\ndf = pd.read_parquet('a', engine='fastparquet')", "pandas pyarrow fastparquet"),
    ("import pandas as pd\ndf = pd.read_csv('a.csv')", "pandas"),
    ("import pandas as pd\ndf = pd.read_csv('s3://bucket/a.csv')", "pandas s3fs"),
    ("import pandas as pd\ndf = pd.read_excel('old.xls')", "pandas openpyxl xlrd"),
    ("import pandas as pd\npd.DataFrame({'a': [1]}).to_excel('a.xlsx')", "pandas openpyxl"),
    ("import pandas as pd\npd.DataFrame({'a': [1]}).plot.bar()", "pandas matplotlib"),
    ("import pandas as pd\ntables = pd.read_html('<table>')", "pandas lxml"),
    ("import pandas as pd\nprint(pd.DataFrame().to_markdown())", "pandas tabulate"),
    ("import pandas as pd\npd.DataFrame({'a': [1]}).style.format('{}')", "pandas jinja2"),
    ("import pandas as pd\nprint(pd.DataFrame().corr(method='spearman'))", "pandas scipy"),
    ("import sqlalchemy\ne = sqlalchemy.create_engine('sqlite:///a.db')", "sqlalchemy"),
    ("import sqlalchemy\ne = sqlalchemy.create_engine('postgresql://host/a')", "sqlalchemy psycopg2"),
    ("import sqlalchemy\nname = 'a'\ne = sqlalchemy.create_engine(f'postgresql+psycopg://host/{name}')", "sqlalchemy psycopg"),
    ("import plotly.express as px\nfig = px.scatter(x=[1], y=[1], trendline='ols')", "plotly numpy pandas statsmodels"),
    ("import plotly.graph_objects as go\ngo.Figure().write_image('a.png')", "plotly kaleido"),
    ("import xarray as xr\nds = xr.open_dataset('a.nc')", "xarray netCDF4"),
    ("from bs4 import BeautifulSoup\nsoup = BeautifulSoup('<p>', 'lxml')", "bs4 lxml"),
    ("from xgboost import XGBClassifier\nmodel = XGBClassifier()", "xgboost sklearn"),
    ("import importlib\nlib = importlib.import_module('requests')", "requests"),
    ("import numpy as np\nbins = np.histogram([1])", "numpy"),
    ("from transformers import AutoModel\nm = AutoModel.from_pretrained('a')", "transformers torch"),
    ("import polars as pl\ndf = pl.DataFrame().to_pandas()", "polars pandas pyarrow"),
    ("def plot():\n    import seaborn\n    return seaborn.clustermap([[1]])\nplot()", "seaborn scipy"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), NEEDS, ids=[c for c, _ in NEEDS])
def test_a_step_installs_what_its_libraries_need_for_its_calls(
    code: str, expected: str, environment: InstalledPackages, tmp_path: Path
) -> None:
    assert installed_by(code, environment, tmp_path) == set(expected.split())


def test_an_imports_cell_counts_where_its_names_are_read(environment: InstalledPackages, tmp_path: Path) -> None:
    pipeline = pipeline_of(
        cell("import pandas as pd\nimport matplotlib.pyplot as plt\nfrom sklearn.datasets import load_wine", "imports"),
        cell("df = load_wine(as_frame=True).frame", "step:load"),
        cell("plt.scatter(df['alcohol'], df['hue'])\nplt.show()", "step:draw"),
        cell("table = pd.DataFrame(df)", "step:table"),
        cell("print('plain')", "step:plain"),
    )
    found = packages_of(pipeline, tmp_path, environment)
    assert {n: set(p.requirements) for n, p in found.items()} == {
        "load": {"sklearn", "pandas"}, "draw": {"matplotlib"}, "table": {"pandas"}, "plain": set(),
    }  # fmt: skip
    assert found["load"].reasons == {"pandas": "load_wine(as_frame=…)"}
    assert found["draw"].pins == {"pandas": ("pandas==1.0",), "sklearn": ("sklearn==1.0",)}, "a value may need them"
    assert found["plain"].pins == {}


def test_where_one_step_makes_arrow_columns_every_step_with_pandas_can_read_them(
    environment: InstalledPackages, tmp_path: Path
) -> None:
    pipeline = pipeline_of(
        cell("import pandas as pd\ndf = pd.read_parquet('a.parquet')", "step:one"),
        cell("other = pd.DataFrame({'a': [1]})", "step:two"),
        cell("total = df['a'].sum()", "step:three"),
    )
    found = packages_of(pipeline, tmp_path, environment)
    assert set(found["two"].requirements) == {"pandas", "pyarrow"}
    assert found["three"].pins["pandas"] == ("pandas==1.0", "pyarrow==1.0")


def test_a_value_may_be_of_a_package_that_another_one_requires(tmp_path: Path) -> None:
    """The mean of a column is a number of numpy's, which no import names."""
    site = tmp_path / "site"
    package(site, "pandas", requires="numpy>=1 python-dateutil")
    package(site, "numpy", "2.1")
    package(site, "python-dateutil", modules=("dateutil/__init__.py",))
    pipeline = pipeline_of(
        cell("import pandas as pd\nmean = pd.DataFrame({'a': [1]})['a'].mean()", "step:one"),
        cell("print(mean)", "step:two"),
    )
    found = packages_of(pipeline, tmp_path, InstalledPackages([str(site)]))
    assert found["one"].pins == {} and found["two"].requirements == {}
    assert found["two"].pins == {
        "dateutil": ("python-dateutil==1.0",),
        "numpy": ("numpy==2.1",),
        "pandas": ("pandas==1.0",),
    }
    assert set(found["one"].constraints) == {"numpy==2.1", "pandas==1.0", "python-dateutil==1.0"}


def test_code_beside_the_notebook_counts(environment: InstalledPackages, tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text(
        "import pandas\n\ndef write(rows):\n    pandas.DataFrame(rows).to_excel('a.xlsx')\n"
    )
    assert installed_by("import helpers\nhelpers.write([1])", environment, tmp_path) == {"pandas", "openpyxl"}


# -------------------------------------------------------------------- versions
def test_the_package_of_a_namespace_is_the_one_with_the_module(tmp_path: Path) -> None:
    package(tmp_path, "google-cloud-storage", modules=("google/cloud/storage/__init__.py",))
    package(tmp_path, "google-cloud-bigquery", modules=("google/cloud/bigquery/__init__.py",))
    found = installed_by(
        "from google.cloud import bigquery\nprint(bigquery)", InstalledPackages([str(tmp_path)]), tmp_path
    )
    both = installed_by("import google.cloud.storage\nprint(google)", InstalledPackages([str(tmp_path)]), tmp_path)
    assert found == both == {"google"}
    pipeline = pipeline_of(cell("from google.cloud import bigquery\nprint(bigquery)", "step:one"))
    one = packages_of(pipeline, tmp_path, InstalledPackages([str(tmp_path)]))["one"]
    assert one.requirements == {"google": ("google-cloud-bigquery==1.0",)}


def left_out(folder: Path, code: str, *marks: str) -> StepPackages:
    return packages_of(pipeline_of(cell(code, "step:one", *marks)), folder, InstalledPackages([str(folder)]))["one"]


def test_a_package_from_a_repository_or_with_a_local_version_is_the_same_one_there(tmp_path: Path) -> None:
    package(tmp_path, "ours", origin={"url": "https://host/it.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}})
    package(tmp_path, "torch", "2.3.0+cu121")
    found = left_out(tmp_path, "import ours, torch\nprint(ours, torch)")
    assert found.requirements == {"ours": ("ours @ git+https://host/it.git@abc123",), "torch": ("torch==2.3.0",)}


def test_what_a_cluster_cannot_get_is_said(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "src" / "ours").mkdir(parents=True)
    origin = {"url": project.as_uri(), "dir_info": {"editable": True}}
    package(tmp_path, "ours", modules=("__editable__.ours-1.0.pth",), origin=origin)
    found = left_out(tmp_path, "import ours, nowhere\nprint(ours, nowhere)")
    assert found.left_out == {
        "nowhere": "no package of this environment provides it",
        "ours": f"it is installed from {project}, where its code is not found",
    }
    assert left_out(tmp_path, "import nowhere\nprint(nowhere)", "package:nowhere>=1").left_out == {}
    assert left_out(tmp_path, "import nowhere\nprint(nowhere)", "image:ours:1").left_out == {}
    assert left_out(tmp_path, "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None").left_out == {}


@pytest.mark.parametrize("layout", ["src/ours", "ours", "ours.py"])
def test_the_code_of_an_editable_package_travels_with_what_it_requires(tmp_path: Path, layout: str) -> None:
    project, site = tmp_path / "project", tmp_path / "site"
    code = project / (layout if layout.endswith(".py") else f"{layout}/__init__.py")
    code.parent.mkdir(parents=True)
    code.write_text("import frames\n")
    (code.parent / ".secret.py").write_text("word = 1\n")
    origin = {"url": project.as_uri(), "dir_info": {"editable": True}}
    package(site, "ours", requires="declared", modules=("__editable__.ours-1.0.pth",), origin=origin)
    package(site, "frames", "2.0")
    package(site, "declared", "3.0")
    pipeline = pipeline_of(cell("import ours\nprint(ours)", "step:one"))
    found = packages_of(pipeline, tmp_path, InstalledPackages([str(site)]))["one"]
    name = "ours.py" if layout.endswith(".py") else "ours/__init__.py"
    assert found.local == {name: "import frames\n"} and found.left_out == {}
    assert found.requirements == {"declared": ("declared==3.0",), "frames": ("frames==2.0",)}


def test_a_package_that_is_installed_from_an_archive_of_this_machine_travels(tmp_path: Path) -> None:
    site = tmp_path / "site"
    package(
        site, "ours", modules=("ours/__init__.py",), origin={"url": "file:///dist/ours-1.0.whl", "archive_info": {}}
    )
    (site / "ours").mkdir()
    (site / "ours" / "__init__.py").write_text("x = 1\n")
    (site / "ours" / "words.json").write_text("[]")
    pipeline = pipeline_of(cell("import ours\nprint(ours)", "step:one"))
    found = packages_of(pipeline, tmp_path, InstalledPackages([str(site)]))["one"]
    assert found.local == {"ours/__init__.py": "x = 1\n", "ours/words.json": "[]"}


@pytest.mark.parametrize(
    ("file", "size", "words"),
    [
        ("fast.cpython-311.so", 1, "has compiled code (fast.cpython-311.so)"),
        ("big.py", 300_000, "256 KiB travel with a step"),
    ],
)
def test_code_that_cannot_travel_is_said(tmp_path: Path, file: str, size: int, words: str) -> None:
    project = tmp_path / "project"
    (project / "ours").mkdir(parents=True)
    (project / "ours" / "__init__.py").write_text("")
    (project / "ours" / file).write_text("#" * size)
    package(tmp_path, "ours", modules=("x.pth",), origin={"url": project.as_uri(), "dir_info": {"editable": True}})
    assert words in left_out(tmp_path, "import ours\nprint(ours)").left_out["ours"]


def test_a_module_in_a_folder_without_init_travels(environment: InstalledPackages, tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "text.py").write_text("import lxml\nwords = 1\n")
    pipeline = pipeline_of(cell("from tools.text import words\nprint(words)", "step:one"))
    found = packages_of(pipeline, tmp_path, environment)["one"]
    assert found.local == {"tools/text.py": "import lxml\nwords = 1\n"} and set(found.requirements) == {"lxml"}


def test_an_extra_in_a_name_is_not_an_extra_of_a_package(tmp_path: Path) -> None:
    package(tmp_path, "pages", requires="extra-pages more;extra=='x'")
    package(tmp_path, "extra-pages")
    package(tmp_path, "more")
    assert InstalledPackages([str(tmp_path)]).constraints(["pages"]) == ["extra-pages==1.0", "pages==1.0"]


def test_the_problem_has_its_code(tmp_path: Path) -> None:
    pipeline = pipeline_of(cell("import nowhere\nprint(nowhere)", "step:one"))
    for packages, codes in (("auto", ["KF730"]), ("none", [])):
        _, problems = compile_documents(pipeline, "argo", ClusterOptions(packages=packages), tmp_path, {})
        assert [p.code for p in problems] == codes


def test_the_packages_of_another_interpreter_are_its_own(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    other = installed_packages(str(tmp_path / "env" / "bin" / "python"))
    assert other.provider("numpy") is None
    own = installed_packages().provider("numpy")
    assert own is not None and own.requirement == f"numpy=={version('numpy')}"


def test_a_package_that_comes_while_a_process_lives_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_packages().provider("late") is None
    info = tmp_path / "late-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("late.py,,\n")
    found = installed_packages().provider("late")
    assert found is not None and found.requirement == "late==1.0"
    info.rename(tmp_path / "late-2.0.dist-info")
    assert installed_packages().distributions["late"].version == "2.0"


def wheel(folder: Path, name: str, number: str, requires: str = "") -> None:
    stem = f"{name}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", f"number = {number!r}\n")
        file.writestr(f"{stem}.dist-info/METADATA", head + (f"Requires-Dist: {requires}\n" if requires else ""))
        file.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{stem}.dist-info/RECORD", "")


INSTALLS = """
import json, sys
from kfnb.runtime.pods.install_packages import install
print(install(["kfnb-upper==1.0"], {"links": sys.argv[1]}, json.loads(sys.argv[2])))
import kfnb_lower
print(kfnb_lower.number)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("constraints", "number"),
    [(["kfnb-lower==1.0", "kfnb-upper==1.0"], "1.0"), ([], "2.0"), (["kfnb-lower==9.0"], "2.0")],
)
def test_what_a_package_requires_has_the_version_of_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, constraints: list[str], number: str
) -> None:
    """Where that version cannot be had, any version that fits is installed, and the log says so."""
    wheel(tmp_path, "kfnb_upper", "1.0", "kfnb-lower")
    wheel(tmp_path, "kfnb_lower", "1.0")
    wheel(tmp_path, "kfnb_lower", "2.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    done = subprocess.run(
        [sys.executable, "-c", INSTALLS, str(tmp_path), json.dumps(constraints)], capture_output=True, text=True
    )
    assert done.stdout.strip().splitlines()[-2:] == ["None", number], done.stdout + done.stderr
    assert ("not with the notebook's versions" in done.stdout) == ("kfnb-lower==9.0" in constraints)


def test_every_need_is_a_text_of_modules() -> None:
    """Each entry of the tables can be read."""
    from kfnb.images.needs import library_needs as table

    by_library = [*table.CALLS.values(), *table.METHODS.values(), *table.KEYWORDS.values()]
    needs = [
        *table.IMPORTS.values(),
        *table.SCHEMES.values(),
        *table.SUFFIXES.values(),
        *(n for t in by_library for n in t.values()),
    ]
    assert all(m.replace(".", "_").isidentifier() for n in needs for part in n.split() for m in part.split("|"))
    assert implied_needs(["def broken("], {"pandas"}) == set()
