"""The text of a secret stands in nothing that kfnb writes: documents, logs, displays, errors, reports and the record of runs."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.reports import write
from tests.notebooks import cell
from tests.running import Here, pipeline_of, states

TOKEN = "correct-horse-battery/7&staple"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----"
SECRETS = ("secret:db:token:DB_TOKEN", "secret:db:key:DB_KEY")
SHOWS = """
import base64, os, subprocess, sys
token, key = os.environ["DB_TOKEN"], os.environ["DB_KEY"]
print("plain", token, "repr", repr(key))
print(key)
sys.stdout.write(token[:9]); sys.stdout.flush(); print(token[9:])
sys.stderr.write("stderr " + token + "\\n")
print(base64.b64encode(("user:" + token).encode()).decode())
subprocess.run(["sh", "-c", "printf %s/end $DB_TOKEN"])
!echo command $DB_TOKEN
from IPython.display import HTML, display
display(HTML("<b>" + token.replace("&", "&amp;") + "</b>"))
display({"token": token, "length": len(token)})
size = len(token)
settings = {"password": token}
"""
FAILS = """
import os
assert size == 30
raise ValueError("refused: " + os.environ["DB_TOKEN"])
"""
NEEDLES = [TOKEN.encode(), *(line.encode() for line in KEY.splitlines()[1:-1])]
CODED = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")


def layers(data: bytes, depth: int = 3) -> Iterator[bytes]:
    """The data, and what it holds in base64, compressed, or both."""
    yield data
    if not depth:
        return
    for match in CODED.finditer(data):
        text = match[0].replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        for start in range(4):
            part = text[start:]
            part = part[:-1] if len(part) % 4 == 1 else part
            yield from layers(base64.b64decode(part + b"=" * (-len(part) % 4)), 0 if start else depth - 1)
    for magic, unpack in ((b"\x1f\x8b", gzip.decompress), (b"\x78", _inflated)):
        at = data.find(magic)
        while 0 <= at < 4096:
            try:
                yield from layers(unpack(data[at:]), depth - 1)
                break
            except (OSError, EOFError, zlib.error):
                at = data.find(magic, at + 1)


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data)


def found_in(data: bytes) -> list[bytes]:
    return [needle for needle in NEEDLES if any(needle in layer for layer in layers(data))]


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_TOKEN", TOKEN)
    monkeypatch.setenv("DB_KEY", KEY)


def test_the_scan_finds_a_secret_however_it_is_packed() -> None:
    data = b'{"x": "' + TOKEN.encode() + b'"}'
    packed = [
        data,
        base64.b64encode(data),
        zlib.compress(data),
        gzip.compress(data),
        base64.b64encode(zlib.compress(data)),
    ]
    packed.append(json.dumps({"a": base64.b64encode(b"user:" + TOKEN.encode()).decode()}).encode())
    assert all(found_in(b"before " + p) for p in packed)
    assert not found_in(b"nothing of it")


@pytest.mark.parametrize("engine", ["argo", "kfp"])
def test_the_documents_of_a_cluster_name_a_secret_and_do_not_hold_it(secrets: None, engine: str) -> None:
    pipeline = pipeline_of(
        cell(SHOWS, "step:show", *SECRETS), cell("echo $DB_TOKEN", "step:script", "shell", "image:alpine", *SECRETS)
    )
    documents, problems = compile_documents(pipeline, engine, ClusterOptions(), Path("."), {})
    text = json.dumps(documents)
    assert "DB_TOKEN" in text and found_in(text.encode()) == []


def test_nothing_on_this_machine_holds_a_secret(secrets: None, here: Here) -> None:
    run = here.run(
        cell(SHOWS, "step:show", *SECRETS),
        cell("echo script $DB_TOKEN", "step:script", "shell", *SECRETS),
        cell(FAILS, "step:fail", *SECRETS),
    )
    assert states(run) == {"show": "succeeded", "script": "succeeded", "fail": "failed"}
    log = here.log(run, "show")
    for line in ("plain *** repr", "\n***\n", "stderr ***", "***/end", "command ***"):
        assert line in log, log
    assert here.log(run, "script") == "script ***"
    assert "ValueError: refused: ***" in here.log(run, "fail") and run["error"]["message"] == "refused: ***"
    outputs = run["steps"]["show"]["outputs"]
    assert outputs["size"] == 30
    here.let_go(run["run"])
    for suffix in (".html", ".ipynb"):
        write(run["run"], here.tmp_path / f"report{suffix}", here.tmp_path / "home")
    files = [p for p in here.tmp_path.rglob("*") if p.is_file()]
    assert len(files) > 10
    assert {str(p): found for p in files if (found := found_in(p.read_bytes()))} == {}


def test_a_secret_that_travels_is_told(secrets: None, here: Here) -> None:
    run = here.run(
        cell("import os\nsettings = {'password': os.environ['DB_TOKEN']}", "step:read", *SECRETS),
        cell("print(len(settings['password']))", "step:use"),
    )
    assert here.log(run, "use") == "30"
    (row,) = (s for s in here.store.steps(run["run"]) if s["path"] == "read")
    (warning,) = row["result"]["warnings"]
    assert warning.startswith("`settings` has the value of a secret in it")
    assert TOKEN not in json.dumps(row["result"])


LARGE = """
import os
import numpy as np
import pandas as pd
import pyarrow
token, n = os.environ["DB_TOKEN"], 200_000
rows = pd.DataFrame({"n": np.arange(n, dtype="f8"), "text": [token if i == 70_000 else f"row {i % 10}" for i in range(n)]})
kinds = pd.DataFrame({"n": np.arange(n, dtype="f8"), "kind": pd.Categorical(["a", token] * (n // 2))})
words = np.array(["x", token] * 10_000)
data = np.frombuffer(b"x" * (4 * 1024 * 1024 - 9) + token.encode() + b"x" * 99, "u1").copy()
kept_rows = rows.copy()
del token
"""


def test_a_secret_in_a_large_value_is_told_too(secrets: None, here: Here) -> None:
    """A file of Parquet has its texts compressed, an array of texts has them in UTF-32, and one value is on a border of the search."""
    count = cell("import numpy as np\nnumbers = np.zeros(100_000)", "step:count", *SECRETS)
    use = cell("print(len(rows), len(kinds), len(words), len(data), len(numbers))", "step:use")
    run = here.run(cell(LARGE, "step:read", *SECRETS), count, use)
    (row,) = (s for s in here.store.steps(run["run"]) if s["path"] == "read")
    assert row["state"] == "succeeded"
    warned = {w.split("`")[1] for w in row["result"]["warnings"] if "has the value of a secret" in w}
    assert warned == {"rows", "kinds", "words", "data"}
    (other,) = (s for s in here.store.steps(run["run"]) if s["path"] == "count")
    assert other["result"]["warnings"] == []
    assert row["result"]["results"]["kept_rows"]["skipped"] == "the value of a secret is in it"


def test_the_key_of_a_cached_result_does_not_depend_on_a_secret(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = (cell("import os\nprint(os.environ['DB_TOKEN'])\nx = 1", "step:one", "cache:on", *SECRETS),)
    seen: list[Any] = []
    for value in ("first-secret", "second-secret"):
        monkeypatch.setenv("DB_TOKEN", value)
        seen.append(states(here.run(*cells)))
    assert seen == [{"one": "succeeded"}, {"one": "cached"}]
