"""Where a step's packages come from: an index of one's own with a password by name, and archives beside the notebook."""

from __future__ import annotations

import base64
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.fill_for_target import fit_to_target
from kfnb.engines.cluster.targets.target_settings import settings_error
from kfnb.images.needs.step_requirements import find_requirements
from tests.cluster.argo import Interpreter, Pods
from tests.cluster.outcome import on_argo
from tests.notebooks import cell
from tests.running import pipeline_of

WHEEL = "kfnb_sample-1.0-py3-none-any.whl"
TOKEN = "s3cret/word"
SAMPLE = """
word = 'from the wheel'

def comparable(cls):
    def equal(self, other):
        return self.__class__ is other.__class__ and vars(self) == vars(other)
    cls.__eq__ = equal
    return cls
"""


def wheel(folder: Path) -> Path:
    """A package as small as one can be."""
    path = folder / WHEEL
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("kfnb_sample.py", SAMPLE)
        file.writestr("kfnb_sample-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: kfnb-sample\nVersion: 1.0\n")
        file.writestr(
            "kfnb_sample-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr("kfnb_sample-1.0.dist-info/RECORD", "")
    return path


class Index(BaseHTTPRequestHandler):
    """A package index that wants a password."""

    content = b""

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(f"reader:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        body = self.content if self.path.endswith(".whl") else f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if self.path.endswith(".whl") else "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    Index.content = wheel(tmp_path / "index").read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


SAYS = "import kfnb_sample\nword = kfnb_sample.word\nprint(word)"


def test_a_package_comes_from_an_index_with_a_password_that_stands_nowhere(
    index: str, cluster: Pods, tmp_path: Path
) -> None:
    options = ClusterOptions(
        index_url=f"http://reader:${{TOKEN}}@{index}/simple", package_secrets=("index:token:TOKEN",)
    )
    pipeline = fit_to_target(pipeline_of(cell(SAYS, "step:says", "package:kfnb-sample==1.0")), options, {})
    travels = find_requirements(pipeline, tmp_path, "none", options.sources)
    workflow = compile_workflow(pipeline, options, travels).workflow
    (python,) = (t for t in workflow["spec"]["templates"] if "container" in t)
    (secret,) = python["container"].pop("env")
    assert secret == {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "index", "key": "token"}}}
    for password, phase in ((TOKEN, "Succeeded"), ("wrong/one", "Failed")):
        python["container"]["env"] = [{"name": "TOKEN", "value": password}]  # as kubelet gives it
        run = Interpreter(workflow, cluster, tmp_path)
        assert run.run()["phase"] == phase
        log = "".join(run.logs.values())
        assert ("from the wheel" in log) == (phase == "Succeeded")
        assert password not in log and password.replace("/", "%2F") not in log


def test_an_archive_beside_the_notebook_travels(cluster: Pods, tmp_path: Path) -> None:
    wheel(tmp_path / "dist")
    pipeline = pipeline_of(cell(SAYS, "step:says", f"package:dist/{WHEEL}"))
    done = on_argo(pipeline, cluster, {}, travels=find_requirements(pipeline, tmp_path, "none"))
    assert (done.state, done.values["says.word"]) == ("succeeded", "from the wheel"), done.detail
    (reason,) = find_requirements(pipeline, tmp_path / "dist", "none").invalid_archives["says"]
    assert reason == f"`./dist/{WHEEL}` is no file beside the notebook"


def test_a_class_that_a_package_has_filled_is_one_class_in_every_pod(cluster: Pods, tmp_path: Path) -> None:
    """Each pod installs the package into a folder of its own, so the code of the methods names another file in each."""
    wheel(tmp_path / "dist")
    defined = "import kfnb_sample\n@kfnb_sample.comparable\nclass Point:\n    x = 1"
    package = f"package:dist/{WHEEL}"
    pipeline = pipeline_of(
        cell(defined), cell("p = Point()", "step:a", package), cell("same = p == Point()", "step:b", package)
    )
    done = on_argo(pipeline, cluster, {}, travels=find_requirements(pipeline, tmp_path, "none"))
    assert (done.state, done.values["b.same"]) == ("succeeded", True), done.detail


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("index_url", "https://me:word@host/simple", "contains a user name or password"), ("index_url", "host/simple", "should be an address"),
        ("index_url", "https://${USER}:${TOKEN}@host/simple", ""), ("extra_index_url", "https://host/simple", "a list of texts"),
        ("package_secrets", ["name:key"], "SECRET:KEY:VARIABLE"), ("package_secrets", ["name:key:TOKEN"], ""),
    ],
)  # fmt: skip
def test_a_target_names_credentials_and_has_none(key: str, value: object, expected: str) -> None:
    error = settings_error("prod", {"engine": "argo", key: value})
    assert (expected in error) if expected else error == ""
