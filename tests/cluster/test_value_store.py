"""Values of any size pass through a store at a URL: on a shared volume, and in moto's S3 server. The notebook reads them from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from kfnb.client.run_object import Run
from kfnb.engines.cluster.targets.target_settings import settings_error
from kfnb.engines.cluster.trust.requested_access import access_of_target
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.retention.prune_runs import delete_runs
from kfnb.runtime.pods.handover import url_files
from kfnb.runtime.pods.handover.url_client import value_store
from kfnb.runtime.pods.kfp_pod import place_of
from kfnb.server.step_values import value_file, value_page
from tests.cluster import test_kfp_engine
from tests.cluster.argo import Pods
from tests.cluster.controller import Controller
from tests.cluster.kfp_api import Server
from tests.cluster.kfp_backend import END, as_kept
from tests.cluster.kube_api import Cluster
from tests.cluster.outcome import Oracle
from tests.cluster.test_argo_engine import engine_at, finished, options, printed
from tests.notebooks import cell
from tests.ports import free_port
from tests.running import pipeline_of, states

KEYS = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-store"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of moto's S3 server, with the bucket `values`."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while True:
            try:
                requests.put(f"{address}/values", timeout=5).raise_for_status()
                break
            except requests.ConnectionError:
                assert process.poll() is None and time.monotonic() < until
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings of a target whose values pass by URL."""
    if request.param == "file":
        return {"values": f"file://{tmp_path}/shared"}
    return s3_settings(request.getfixturevalue("s3"), f"s3://values/{tmp_path.name}", monkeypatch)


def s3_settings(address: str, url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)  # of the user, on this machine
    return {
        "values": url,
        "value_options": {"endpoint_url": address},
        "value_secrets": [f"store:{name}:{name}" for name in KEYS],
    }


def files_of(store: dict[str, Any]) -> dict[str, int]:
    """The sizes of the files in a store, by their names."""
    from fsspec.core import url_to_fs

    files, root = url_to_fs(store["values"], **store.get("value_options", {}))
    files.invalidate_cache()
    return {path[len(root) + 1 :]: files.size(path) for path in files.find(root)}


SHOWN = """from PIL import Image
picture, tree = Image.new('RGB', (20, 10)), {'a': [1]}
class Page:
    def _repr_html_(self): return '<b>bold</b>'
page = Page()"""
SHOWN_CELLS = (cell(SHOWN, "step:make"), cell("print(tree)", "step:use"))

PIPELINE = (
    *SHOWN_CELLS,
    cell("import os\na = os.urandom(3_000_000)\nitems = [1, 2]\nimport array\nbig = array.array('d', range(200_000))", "step:one"),
    cell("%%component each --foreach 'i in items'\nb = a * i"),
    cell("c = [len(x) for x in b]\nprint(len(a), c, big[-1])\nunread = bytes(2_000_000)", "step:two"),
    cell("%%component never --when 'c[0] < 0'\nd = 1"),
    cell("e = d", "step:after"),
)  # fmt: skip

KFP_PIPELINE = (
    *SHOWN_CELLS,
    cell("a = b'a' * 3_000_000\nimport array\nbig = array.array('d', range(200_000))", "step:one"),
    cell("print(len(a), big[-1])\nunread = bytes(2_000_000)", "step:two"),
)
RUN, EXECUTION = "5a0e1dbd-3e1c-4a21-a3b1-8a3e3b1fdb9f", "0e8b1e49-3e58-4c6c-8e0b-64c6ce3d3a8b"


def are_shown_saved_and_read_as_inputs(home: RunStore, run_id: str, folder: Path) -> None:
    """Assert it of the values of `SHOWN_CELLS`."""
    assert value_page(home, run_id, "use", "tree", "inputs", 0)["value"] == {"a": [1]}
    picture, page = (value_file(home, run_id, "make", name, "outputs", None, folder) for name in ("picture", "page"))
    assert picture.name == "picture.png" and picture.read_bytes().startswith(b"\x89PNG")
    assert page.name == "page.html", "its class is the notebook's own, and pickle cannot write it"
    inputs = Run(run_id, home.home)["use"].inputs
    assert inputs == {"tree": {"a": [1]}}
    with pytest.raises(UnknownRun, match="has no `tabel` among its inputs"):
        inputs["tabel"]


def test_values_of_any_size_pass_and_can_be_read_on_this_machine(
    tmp_path: Path, cluster: Pods, store: dict[str, Any]
) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube, **store) as engine, Controller(kube, cluster, secrets=KEYS).at_work():
        pipeline = pipeline_of(*PIPELINE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        summary = finished(engine, run_id)
        assert summary["state"] == "succeeded", summary["error"]
        assert printed(engine, run_id, "two") == ["3000000 [3000000, 6000000] 199999.0"]
        assert states(summary)["never"] == states(summary)["after"] == "skipped"
        run = Run(run_id, engine.store.home)
        assert run["one"]["big"][-1] == 199999.0 and run["two"]["unread"] == bytes(2_000_000)
        assert [len(b) for b in run["each"]["b"]] == [3_000_000, 6_000_000]
        assert run["two"].inputs["big"][2] == 2.0
        are_shown_saved_and_read_as_inputs(engine.store, run_id, tmp_path)
        log = "\n".join(run.log(step) for step in ("one", "two"))
        assert KEYS["AWS_SECRET_ACCESS_KEY"] not in log
        assert delete_runs(engine.store, [run_id]).stayed == () and files_of(store) == {}


def test_on_kubeflow_pipelines_values_of_any_size_pass_and_can_be_read_on_this_machine(
    tmp_path: Path, oracle: Oracle
) -> None:
    server, store = Server(), {"values": f"file://{tmp_path}/shared"}
    with test_kfp_engine.engine_at(tmp_path, server, **store) as engine:
        pipeline = pipeline_of(*KFP_PIPELINE)
        run_id = engine.submit(pipeline, test_kfp_engine.options(pipeline, tmp_path))
        (sent,) = server.runs.values()
        answer = oracle.ask(as_kept(test_kfp_engine.backend_of(sent, {}).ir), {}, tmp_path / sent["run_id"])
        assert answer["state"] == "succeeded", answer
        logs = {task: text for task, _, text in answer["logs"]}
        backend = test_kfp_engine.backend_of(sent, {})
        test_kfp_engine.tell(server, sent, backend, logs, state="SUCCEEDED", finished_at=END)
        engine.refresh(run_id)
        run = Run(run_id, engine.store.home)
        assert run["two"].log == "3000000 199999.0" and run["one"]["a"] == b"a" * 3_000_000
        assert run["two"]["unread"] == bytes(2_000_000) and run["two"].inputs["big"][2] == 2.0
        are_shown_saved_and_read_as_inputs(engine.store, run_id, tmp_path)
        assert {name.partition("/")[0] for name in files_of(store)} == {sent["run_id"]}
        assert delete_runs(engine.store, [run_id]).stayed == () and files_of(store) == {}


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        (f"minio://mlpipeline/v2/artifacts/p/{RUN}/train/{EXECUTION}/pack", f"{RUN}/train/{EXECUTION}"),
        (f"s3://bucket/{EXECUTION}/p/{RUN}/train/pack-2", f"{RUN}/train"),
        (f"gs://{RUN}/root/p/train/x/pack", ""),
    ],
)
def test_the_place_of_a_step_of_kubeflow_pipelines_is_in_the_folder_of_its_run_alone(uri: str, place: str) -> None:
    found = place_of(uri)
    assert found == place or (not place and "/" not in found and RUN not in found)


#: As much of `fsspec` as a store needs; its filesystem is a folder.
FSSPEC = """
import os

def url_to_fs(url, **options):
    return Folder(), url.partition("://")[2]

class Folder:
    def open(self, path, mode, block_size):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return open(path, mode)
"""


def wheel(folder: Path, name: str, modules: dict[str, str]) -> None:
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        about = f"{name}-1.0.dist-info"
        files = {
            **modules,
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": "",
        }
        for path, text in files.items():
            file.writestr(path, text)


def test_the_steps_of_a_pod_install_the_packages_of_their_store_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    wheel(tmp_path, "fsspec", {"fsspec/__init__.py": "", "fsspec/core.py": FSSPEC})
    wheel(tmp_path, "ossfs", {"ossfs.py": ""})
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.setenv(name, "1")
    job = {"values": {"url": f"oss://{tmp_path}/store", "sources": {"links": [str(tmp_path)]}}}
    (tmp_path / "a").write_bytes(b"content")
    for step in ("one", "two"):
        files = value_store(job, str(tmp_path / "pod"))
        files.put(str(tmp_path / "a"), f"{step}/a")
        files.close()
        assert (tmp_path / "store" / step / "a").read_bytes() == b"content"
    assert capfd.readouterr().out.count("installing fsspec, ossfs") == 1


def written(tmp_path: Path, engine: Any) -> Run:
    pipeline = pipeline_of(cell("import os\na = os.urandom(3_000_000)\nsmall = 'é'", "step:one"))
    run_id = engine.submit(pipeline, options(pipeline, tmp_path))
    assert finished(engine, run_id)["state"] == "succeeded"
    return Run(run_id, engine.store.home)


def test_a_large_value_that_was_damaged_or_removed_is_told(tmp_path: Path, cluster: Pods) -> None:
    kube, folder = Cluster(), tmp_path / "shared"
    with engine_at(tmp_path, kube, values=f"file://{folder}") as engine, Controller(kube, cluster).at_work():
        run = written(tmp_path, engine)
        (file,) = folder.glob("*/*/*/one/a.bundle")
        content = file.read_bytes()
        file.write_bytes(content[:-1] + b"x")
        with pytest.raises(UnknownRun, match=f"damaged in the value store.*kfnb retry {run.id} --from one"):
            run["one"]["a"]
        file.unlink()
        with pytest.raises(UnknownRun, match="gone from the value store"):
            run["one"]["a"]
        file.write_bytes(content)
        assert len(run["one"]["a"]) == 3_000_000 and run["one"]["small"] == "é"
        file.unlink()
        assert len(run["one"]["a"]) == 3_000_000  # this machine has it now


def test_a_store_that_cannot_be_used_fails_the_step_with_its_reason(
    tmp_path: Path, cluster: Pods, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube, settings = Cluster(), s3_settings(s3, "s3://no-such-bucket/x", monkeypatch)
    with engine_at(tmp_path, kube, **settings) as engine, Controller(kube, cluster, secrets=KEYS).at_work():
        pipeline = pipeline_of(cell("a = 1", "step:one"), cell("print(a)", "step:two"))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        error = finished(engine, run_id)["error"]
        assert error["step"] == "one" and "the value store s3://no-such-bucket/x cannot be used" in error["message"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"values": "s3://bucket/prefix"}, ""),
        ({"values": "az://container@account.blob.core.windows.net/prefix"}, ""),
        ({"values": "s3://user:password@bucket"}, "without user and password"),
        ({"values": "s3://bucket/../other"}, "a URL such as"),
        ({"values": "s4"}, "volume:CLAIM or a URL"),
        ({"value_options": {"endpoint_url": "http://minio"}}, ""),
        ({"value_options": {"secret": "x"}}, "by value_secrets"),
        ({"value_options": {"account_key": "x"}}, "by value_secrets"),
        ({"value_options": "x"}, "a table"),
        ({"value_secrets": ["a:b"]}, "SECRET:KEY:VARIABLE"),
    ],
)
def test_the_settings_of_a_store_are_checked(settings: dict[str, Any], words: str) -> None:
    error = settings_error("t", {"engine": "argo", **settings})
    assert words in error and bool(words) == bool(error)


def test_values_go_to_no_store_that_only_an_untrusted_file_names(tmp_path: Path) -> None:
    settings = {
        "engine": "argo",
        "values": "s3://elsewhere/x",
        "value_options": {"endpoint_url": "https://evil.example.org"},
    }
    texts = {a.setting: a.text for a in access_of_target("t", settings, tmp_path)}
    assert texts["values"] == "lets steps keep their values in s3://elsewhere/x"
    assert "https://evil.example.org" in texts["value_options"]
    assert "values" not in {
        a.setting for a in access_of_target("t", {"engine": "argo", "values": "volume:a"}, tmp_path)
    }


# -------------------------------------------------------------------- memory
ITEMS = 24_000_000  #: numbers of the large array, of which two copies are more than one and the room
SIZE = ITEMS * 8
ROOM = 200 * 2**20  #: bytes that a process may take beside the array
#: Prints the most memory that this process had, at its end. `getrusage` would count what the process was forked from.
PEAK = """\
import atexit, re
import numpy as np
atexit.register(lambda: print('peak', int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) * 1024))
"""


@pytest.mark.slow
def test_a_large_array_goes_through_s3_into_the_notebook_in_little_memory(
    tmp_path: Path, cluster: Pods, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube, settings = Cluster(), s3_settings(s3, f"s3://values/{tmp_path.name}", monkeypatch)
    with engine_at(tmp_path, kube, **settings) as engine, Controller(kube, cluster, secrets=KEYS).at_work():
        pipeline = pipeline_of(
            cell(f"{PEAK}a = np.arange({ITEMS}, dtype='f8')", "step:one"),
            cell(f"{PEAK}print(int(a[-1]), int(a.sum()))", "step:two"),
        )
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        assert finished(engine, run_id)["state"] == "succeeded"
        code = f"from kfnb.client.run_object import Run\n{PEAK}a = Run({run_id!r})['one']['a']\nprint(int(a[-1]), int(a.sum()))"
        home = {**os.environ, "KFNB_HOME": str(engine.store.home)}
        notebook = subprocess.run([sys.executable, "-c", code], env=home, capture_output=True, text=True, check=True)
        logs = {
            "one": printed(engine, run_id, "one"),
            "two": printed(engine, run_id, "two"),
            "notebook": notebook.stdout.split("\n"),
        }
        expected = f"{ITEMS - 1} {ITEMS * (ITEMS - 1) // 2}"
        for name, lines in logs.items():
            (peak,) = (int(line.split()[1]) for line in lines if line.startswith("peak"))
            assert peak < SIZE + ROOM, (name, peak)
            assert name == "one" or expected in lines
        assert files_of(settings)[next(n for n in files_of(settings) if n.endswith("/one/a.npy"))] == SIZE + 128


@pytest.mark.slow
def test_the_process_that_moves_files_takes_little_memory(
    tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = s3_settings(s3, f"s3://values/{tmp_path.name}", monkeypatch)
    (tmp_path / "a").write_bytes(bytes(SIZE))
    command = [sys.executable, url_files.__file__, settings["values"], json.dumps(settings["value_options"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as mover:
        assert mover.stdin is not None and mover.stdout is not None
        for request in (["put", str(tmp_path / "a"), "x/a"], ["get", "x/a", str(tmp_path / "b")]):
            mover.stdin.write(json.dumps(request) + "\n")
            mover.stdin.flush()
            assert json.loads(mover.stdout.readline()) == {}
        (line,) = (n for n in Path(f"/proc/{mover.pid}/status").read_text().splitlines() if n.startswith("VmHWM"))
        assert int(line.split()[1]) * 1024 < ROOM, line
        mover.stdin.close()
    assert (tmp_path / "b").stat().st_size == SIZE


def test_anyone_opens_the_tables_and_arrays_in_the_store(tmp_path: Path, cluster: Pods) -> None:
    kube, folder = Cluster(), tmp_path / "shared"
    with engine_at(tmp_path, kube, values=f"file://{folder}") as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(
            cell("import numpy as np, pandas as pd\ntable = pd.DataFrame({'a': np.random.default_rng(0).random(200_000)})\narray = table['a'].to_numpy()", "step:one"),
            cell("print(table['a'].sum() == array.sum(), table.shape)", "step:two"),
        )  # fmt: skip
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        assert finished(engine, run_id)["state"] == "succeeded"
        assert printed(engine, run_id, "two") == ["True (200000, 1)"]
        (table,), (array,) = folder.glob("**/one/table.parquet"), folder.glob("**/one/array.npy")
        numbers = np.random.default_rng(0).random(200_000)
        assert (pd.read_parquet(table)["a"] == numbers).all() and (np.load(array) == numbers).all()
        assert Run(run_id, engine.store.home)["one"]["table"].equals(pd.read_parquet(table))
