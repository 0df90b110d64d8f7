"""Compiled pipelines: every validator takes them, they stay small, and what a user wrote arrives as it was written."""

from __future__ import annotations

import json
import pickle
import tarfile
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from kfnb.cli import cli
from kfnb.engines.argo import workflow_kinds, workflow_manifest
from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.kfp.ir import pipeline_ir
from kfnb.images.needs.step_requirements import StepRequirements, find_requirements
from kfnb.notebook import read_notebook
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.model import Pipeline
from tests.cluster.argo import Interpreter, Pods
from tests.cluster.lint import problems, round_trip
from tests.cluster.outcome import Oracle, on_argo, on_kfp
from tests.notebooks import cell, notebook, write
from tests.program.cells import read
from tests.program.programs import COMPONENTS
from tests.program.programs import program as cell_program
from tests.running import pipeline_of

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/**/*.ipynb"))
NASTY = "{{workflow.name}} $(date) $$ $$$ {{=1+1}} \"quotes' \\ \n\ttab `x` ${HOME} émoji 🎈 {{$.inputs}} }} %s"


def pipeline_at(path: Path) -> Pipeline:
    pipeline = build(read_notebook(path)).pipeline
    assert pipeline is not None
    return pipeline


def sound(pipeline: Pipeline) -> None:
    workflow = workflow_manifest.compile_workflow(pipeline, ClusterOptions(), StepRequirements()).workflow
    assert not round_trip(workflow) and not problems(workflow)
    compiled = pipeline_ir.compile_ir(pipeline, ClusterOptions(), StepRequirements())
    json_format.ParseDict(compiled.ir, pipeline_spec_pb2.PipelineSpec())


def test_a_target_limits_how_many_pods_of_a_run_run_at_once() -> None:
    pipeline = pipeline_at(NOTEBOOKS[2])
    limited, free = (
        workflow_manifest.compile_workflow(pipeline, ClusterOptions(parallelism=n), StepRequirements()).workflow
        for n in (7, 0)
    )
    assert limited["spec"]["parallelism"] == 7 and "parallelism" not in free["spec"]
    assert not round_trip(limited) and not problems(limited)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_notebook_passes_strict_validation(path: Path) -> None:
    sound(pipeline_at(path))


def test_generated_pipelines_pass_strict_validation() -> None:
    for number in range(60):
        pipeline = read(cell_program(Random(number), fails=number % 2 == 1), before=COMPONENTS).pipeline
        assert pipeline is not None
        sound(pipeline)


def test_settings_of_pods_pass_strict_validation() -> None:
    tags = (
        "step:one", "image:python:3.11", "package:numpy>=1", "cpu:2", "memory:4Gi", "gpu:1", "retry:3", "timeout:30m", "cache:on",
        "env:A=b", "secret:s:k:TOKEN", "volume:data:/data", "label:team:a", "annotation:note:x", "node:disk=ssd", "toleration:gpu=yes:NoSchedule",
    )  # fmt: skip
    pipeline = pipeline_of(cell("a = 1", *tags), cell("print(a)", "step:two"))
    sound(pipeline)
    template = next(
        t
        for t in workflow_manifest.compile_workflow(pipeline, ClusterOptions(), StepRequirements()).workflow["spec"][
            "templates"
        ]
        if "retryStrategy" in t
    )
    assert template["container"]["resources"]["limits"] == {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "1"}
    assert (
        template["activeDeadlineSeconds"] == 1800 + 900
        and template["memoize"]["cache"]["configMap"]["name"] == "kfnb-cache"
    )
    platform = pipeline_ir.compile_ir(pipeline, ClusterOptions(), StepRequirements()).platform
    executor = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-one"]
    assert executor["pvcMount"][0]["mountPath"] == "/data" and executor["podMetadata"]["labels"] == {"team": "a"}


@pytest.mark.parametrize("form", ["cron", "template"])
def test_schedules_and_templates_pass_strict_validation(form: str) -> None:
    workflow = workflow_manifest.compile_workflow(
        pipeline_at(NOTEBOOKS[2]), ClusterOptions(), StepRequirements()
    ).workflow
    found = (
        workflow_kinds.as_cron(workflow, "0 6 * * *", "Asia/Seoul")
        if form == "cron"
        else workflow_kinds.as_template(workflow)
    )
    assert not round_trip(found) and len(found["metadata"]["name"]) <= 52


# -------------------------------------------------------------------- sizes
def test_sixty_steps_stay_below_300_kB() -> None:
    cells = [cell("a0 = 1", "step:s0")]
    for n in range(1, 60):
        code = (
            f"a{n} = a{n - 1} + 1\nprint('step {n}', a{n})\nvalues = [a{n} * k for k in range(10)]\nprint(sum(values))"
        )
        cells.append(cell(code, f"step:s{n}"))
    pipeline = pipeline_of(*cells)
    for engine in ("kfp", "argo"):
        (document, *_), found = compile_documents(pipeline, engine, ClusterOptions(), Path("."), {})
        assert not found and len(json.dumps(document)) < 300_000


def test_sixty_independent_steps_stay_below_300_kB() -> None:
    pipeline = pipeline_of(*(cell(f"a{n} = {n}\nprint(a{n})", f"step:s{n}") for n in range(60)))
    for engine in ("kfp", "argo"):
        (document, *_), _ = compile_documents(pipeline, engine, ClusterOptions(), Path("."), {})
        assert len(json.dumps(document)) < 300_000


def test_what_is_too_large_is_refused_before_it_is_sent() -> None:
    import random

    text = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=1_500_000))
    pipeline = pipeline_of(cell(f"a = {text!r}", "step:one"))
    for engine in ("kfp", "argo"):
        _, found = compile_documents(pipeline, engine, ClusterOptions(), Path("."), {})
        assert [p.code for p in found] == ["KF702"]


def test_argo_runs_one_pod_a_step(cluster: Pods) -> None:
    workflow = workflow_manifest.compile_workflow(
        pipeline_at(NOTEBOOKS[2]), ClusterOptions(), StepRequirements()
    ).workflow
    tasks = [t for template in workflow["spec"]["templates"] for t in template.get("dag", {}).get("tasks", [])]
    containers = {t["name"] for t in workflow["spec"]["templates"] if "container" in t}
    assert sum(t["template"] in containers for t in tasks) == 3


# -------------------------------------------------------------------- texts
def with_nasty_texts(long: str) -> Pipeline:
    return pipeline_of(
        cell(f"given: str = {NASTY!r}\nwords: list = [{NASTY.replace('{{', '')!r}]", "parameters"),
        cell(
            f"import hashlib\nhere = {NASTY!r}\nprint(hashlib.sha256((here + given + words[0]).encode()).hexdigest())",
            "step:short",
        ),
        cell(f"long = {long!r}\nprint(hashlib.sha256(long.encode()).hexdigest())", "step:long"),
        cell("print(hashlib.sha256(here.encode()).hexdigest())", "step:passed"),
        cell("%%component each --foreach 'w in words'\nprint(hashlib.sha256(w.encode()).hexdigest())"),
    )


@pytest.mark.parametrize(("engine", "length"), [("argo", 60_000), ("kfp", 200_000)])
def test_texts_arrive_byte_for_byte(engine: str, length: int, cluster: Pods, oracle: Oracle, tmp_path: Path) -> None:
    import hashlib
    import random

    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    long = "".join(random.Random(2).choices("abcdefghij{}$()'\"\\ é🎈", k=length))
    pipeline, item = with_nasty_texts(long), NASTY.replace("{{", "")
    wanted = {"short": digest(NASTY * 2 + item), "long": digest(long), "passed": digest(NASTY), "each[0]": digest(item)}
    given = {p.name: p.default for p in pipeline.parameters}
    found = on_argo(pipeline, cluster, given) if engine == "argo" else on_kfp(pipeline, oracle, given, tmp_path)
    assert found.texts == wanted, found.detail


def test_a_script_in_its_own_image_keeps_its_dollars(cluster: Pods) -> None:
    script = "%%component say --shell --image library/bash:4.4.23\nfor n in 1 2; do echo \"$n $(echo inner) $$-$((n + 1))\" | sed 's/ [0-9]*-/ pid-/'; done"
    found = on_argo(pipeline_of(cell(script)), cluster, {})
    assert found.texts == {"say": "1 inner pid-2\n2 inner pid-3"}, found.detail


def test_braces_in_a_script_or_command_are_the_users(cluster: Pods) -> None:
    script = "%%component say --shell --image library/bash:4.4.23 --env 'A={{workflow.name}}'\necho '{{x}} {{=1+1}} {{' \"$A\""
    found = on_argo(pipeline_of(cell(script)), cluster, {})
    assert found.texts == {"say": "{{x}} {{=1+1}} {{ {{workflow.name}}"}, found.detail


def test_a_value_too_large_for_a_parameter_fails_with_the_way_out(cluster: Pods) -> None:
    pipeline = pipeline_of(cell("import os\na = os.urandom(200_000)", "step:one"), cell("print(len(a))", "step:two"))
    found = on_argo(pipeline, cluster, {})
    assert found.state == "failed" and 'values = "volume:CLAIM"' in found.detail


@pytest.mark.parametrize("values", ["volume:shared", "s3"])
def test_large_values_pass_by_volume_or_artifact_repository(cluster: Pods, values: str) -> None:
    pipeline = pipeline_of(
        cell("import os\na = os.urandom(200_000)\nitems = [1, 2, 3]", "step:one"),
        cell("%%component each --foreach 'i in items'\nb = a * i"),
        cell("c = [len(x) for x in b]\nprint(len(a), c)", "step:two"),
        cell("%%component never --when 'c[0] < 0'\nd = 1"),
        cell("print(sum(c))", "step:three"),
    )
    options = ClusterOptions(values=values)
    workflow = workflow_manifest.compile_workflow(pipeline, options, StepRequirements()).workflow
    assert not round_trip(workflow) and not problems(workflow)
    found = on_argo(pipeline, cluster, {}, values)
    assert found.texts["two"] == "200000 [200000, 400000, 600000]", found.detail
    assert found.texts["three"] == "1200000" and found.states["never"] == "skipped"


# -------------------------------------------------------------------- code and packages
def test_steps_install_what_they_import_and_nothing_else(tmp_path: Path) -> None:
    from importlib.metadata import version

    (tmp_path / "helpers.py").write_text("import pandas\n\ndef double(x):\n    return 2 * x\n")
    (tmp_path / "data.csv").write_text("1,2\n")
    (tmp_path / "big.bin").write_bytes(bytes(100_000))
    pipeline = pipeline_of(
        cell("import numpy as np\nimport helpers\nimport json"),
        cell("a = np.zeros(3)\nopen('data.csv').read()\nopen('big.bin')", "step:numbers"),
        cell("print(helpers.double(2))", "step:local"),
        cell("print(json.dumps(a.tolist()))", "step:plain"),
    )
    found = find_requirements(pipeline, tmp_path)
    assert found.packages == {"numbers": (f"numpy=={version('numpy')}",), "local": (f"pandas=={version('pandas')}",)}
    assert (
        found.modules["local"] == ("helpers.py",)
        and list(found.files["numbers"]) == ["data.csv"]
        and found.too_large == {"numbers": ("big.bin",)}
    )
    assert found.details["plain"].pins["numpy"] == (f"numpy=={version('numpy')}",)
    assert find_requirements(pipeline, tmp_path, "none").packages == {}


def test_an_import_that_only_other_steps_read_is_not_installed_for_this_one(cluster: Pods, tmp_path: Path) -> None:
    """An unknown package may do something when it is imported, so it is imported again; but only where it is there."""
    from importlib.metadata import version

    pipeline = pipeline_of(
        cell("import json, six\nimport only_for_its_effect\ntext = six.text_type('a')", "step:one"),
        cell("print(text)", "step:two"),
    )
    found = find_requirements(pipeline, tmp_path)
    assert found.packages == {"one": (f"six=={version('six')}",)}
    assert found.details["two"].optional == {"import json, six": ["six"]}
    made_up = "open('made_up.py', 'w').close()\nimport made_up\ntext = made_up.__name__"
    pipeline = pipeline_of(cell(made_up, "step:one"), cell("print(text)", "step:two"))
    for told, state in ((find_requirements(pipeline, tmp_path), "Succeeded"), (StepRequirements(), "Failed")):
        compiled = workflow_manifest.compile_workflow(pipeline, ClusterOptions(), told)
        (tmp_path / state).mkdir()
        assert Interpreter(compiled.workflow, cluster, tmp_path / state).run()["phase"] == state


def test_local_modules_and_files_travel(cluster: Pods, tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "data.csv").write_text("1,2\n")
    pipeline = pipeline_of(
        cell("import helpers"), cell("print(helpers.double(21), open('data.csv').read().strip())", "step:one")
    )
    compiled = workflow_manifest.compile_workflow(pipeline, ClusterOptions(), find_requirements(pipeline, tmp_path))
    run = Interpreter(compiled.workflow, cluster, tmp_path)
    assert run.run()["phase"] == "Succeeded", run.logs
    assert any("42 1,2" in text for text in run.logs.values())


# -------------------------------------------------------------------- many values in one pod
def test_a_step_collects_the_results_of_many_iterations(cluster: Pods) -> None:
    """The controller refuses a pod whose template is longer than 128 KiB, and the runtime takes half of that."""
    pipeline = pipeline_of(
        cell("items = list(range(110))", "step:made"),
        cell("squares = item * item", "step:square", "foreach:item in items"),
        cell("print(len(squares), sum(squares))", "step:total"),
    )
    assert on_argo(pipeline, cluster, {}).texts["total"] == "110 437635"
    pipeline = pipeline_of(
        cell("import os\nitems = list(range(4))", "step:made"),
        cell("texts = os.urandom(20_000).hex()", "step:text", "foreach:item in items"),
        cell("print(len(texts))", "step:total"),
    )
    refused = on_argo(pipeline, cluster, {})
    assert refused.states["total"] == "failed" and 'cannot create resource "configmaps"' in refused.detail


# -------------------------------------------------------------------- the command line
@pytest.mark.parametrize("engine", ["kfp", "argo"])
@pytest.mark.parametrize("suffix", ["yaml", "json", "zip", "tar.gz"])
def test_compile_writes_every_kind_of_file(tmp_path: Path, engine: str, suffix: str) -> None:
    path = write(tmp_path, notebook(cell("a: int = 1", "parameters"), cell("print(a)", "step:one")))
    output = tmp_path / f"out.{suffix}"
    done = CliRunner().invoke(cli, ["compile", str(path), "--engine", engine, "-o", str(output), "-p", "a=7"])
    assert done.exit_code == 0, done.output
    document: Any
    if suffix == "zip":
        document = next(yaml.safe_load_all(zipfile.ZipFile(output).read("pipeline.yaml")))
    elif suffix == "tar.gz":
        file = tarfile.open(output).extractfile("pipeline.yaml")
        assert file is not None
        document = next(yaml.safe_load_all(file.read()))
    else:
        document = next(yaml.safe_load_all(output.read_text()))
        document = document.get("pipeline_spec", document)
    if engine == "argo":
        assert document["spec"]["arguments"]["parameters"] == [{"name": "a", "value": "7"}]
    else:
        assert document["root"]["inputDefinitions"]["parameters"]["a"]["defaultValue"] == 7


def test_targets_are_found_upwards_and_mistakes_are_said(tmp_path: Path) -> None:
    (tmp_path / "kfnb.toml").write_text(
        '[targets.prod]\nengine = "argo"\nnamespace = "team-a"\nimage = "python:3.12"\n'
    )
    path = write(tmp_path, notebook(cell("print(1)", "step:one")), "n.ipynb")
    done = CliRunner().invoke(cli, ["compile", str(path), "--target", "prod"])
    compiled = yaml.safe_load(done.output)
    assert compiled["metadata"]["namespace"] == "team-a"
    assert [t["container"]["image"] for t in compiled["spec"]["templates"] if "container" in t] == ["python:3.12"]
    done = CliRunner().invoke(cli, ["compile", str(path), "--target", "prd"])
    assert done.exit_code == 2 and "did you mean `prod`?" in done.output
    (tmp_path / "kfnb.toml").write_text('[targets.prod]\nengine = "argo"\nnamspace = "team-a"\n')
    done = CliRunner().invoke(cli, ["compile", str(path), "--target", "prod"])
    assert done.exit_code == 2 and "did you mean `namespace`?" in done.output


# -------------------------------------------------------------------- what Kubeflow Pipelines' own pages show
def test_metrics_and_figures_are_artifacts_that_the_pages_show(oracle: Oracle, tmp_path: Path) -> None:
    pipeline = pipeline_of(
        cell("accuracy = 0.75", "step:one"),
        cell("import pandas as pd\npd.DataFrame({'a': [1, 2]})", "step:table"),
        cell("score = accuracy * 2", "metrics"),
        cell("fig = type('Figure', (), {'_repr_html_': lambda self: '<svg>'})()\nfig", "step:figure"),
    )
    compiled = pipeline_ir.compile_ir(pipeline, ClusterOptions(), StepRequirements())
    shown = {
        k: {n: a["artifactType"]["schemaTitle"] for n, a in c.get("outputDefinitions", {}).get("artifacts", {}).items()}
        for k, c in compiled.ir["components"].items()
    }
    assert shown["comp-table"] == shown["comp-figure"] == {"report": "system.HTML"} and "system.Metrics" in str(shown)
    assert on_kfp(pipeline, oracle, {}, tmp_path).state == "succeeded"
    pages = "".join(p.read_text() for p in tmp_path.glob("**/report"))
    assert "<table" in pages and "<svg>" in pages
    outputs = [json.loads(p.read_text()) for p in tmp_path.glob("**/executor_output.json")]
    metrics = [o["artifacts"]["metrics"]["artifacts"][0]["metadata"] for o in outputs if "metrics" in o["artifacts"]]
    assert metrics == [{"score": 1.5}]


def test_tables_and_models_are_artifacts_that_the_pages_show(oracle: Oracle, tmp_path: Path) -> None:
    pipeline = pipeline_of(
        cell("import pandas as pd\nprices = pd.DataFrame({'item': ['tea', 'rice'], 'price': [3.5, 2.0]})\ncheap = prices.query('price < 3')", "step:load"),
        cell("from sklearn.linear_model import LinearRegression\nmodel = LinearRegression(positive=True)\nmodel.fit([[0], [1]], prices['price'])\nn = 1", "step:train"),
        cell("print(model.predict([[2]]), n, len(cheap))", "step:use"),
    )  # fmt: skip
    compiled = pipeline_ir.compile_ir(pipeline, ClusterOptions(), StepRequirements())
    outputs = {k: c.get("outputDefinitions", {}).get("artifacts", {}) for k, c in compiled.ir["components"].items()}
    kinds = {n: a["artifactType"]["schemaTitle"] for o in outputs.values() for n, a in o.items() if "-" in n}
    assert kinds == {
        "table-prices": "system.Dataset",
        "table-cheap": "system.Dataset",
        "model-model": "system.Model",
    }
    assert on_kfp(pipeline, oracle, {}, tmp_path).state == "succeeded"
    told = [json.loads(p.read_text())["artifacts"] for p in tmp_path.glob("**/executor_output.json")]
    about = {n: a["artifacts"][0]["metadata"] for t in told for n, a in t.items() if "-" in n}
    assert about["table-prices"] == {
        "display_name": "prices", "class": "pandas.DataFrame", "rows": 2, "columns": 2, "column_names": ["item", "price"],
        "format": "parquet",
    }  # fmt: skip
    assert about["table-cheap"]["rows"] == 1
    assert about["model-model"]["framework"] == "sklearn" and about["model-model"]["parameters"]["positive"] is True
    (table,), (model,) = tmp_path.glob("**/table-prices"), tmp_path.glob("**/model-model")
    assert pd.read_parquet(table)["price"].tolist() == [3.5, 2.0]
    assert pickle.loads(model.read_bytes()).predict([[0]]).round(6).tolist() == [2.75]


@pytest.mark.parametrize(
    ("writes", "reads"),
    [
        ("frame.to_csv('out/table.csv')", "open('out/table.csv').read()"),
        ("with open('notes.txt', 'w') as file:\n    file.write('a')", "text = open('notes.txt').read()"),
        ("from pathlib import Path\nPath('notes.txt').write_text('a')", "text = Path('notes.txt').read_text()"),
        ("import numpy\nnumpy.save('rows.npy', [1])", "rows = numpy.load('rows.npy')"),
        ("json.dump(1, open('one.json', mode='w'))", "json.load(open('one.json'))"),
    ],
)
def test_a_file_that_one_step_writes_and_another_opens_is_said(tmp_path: Path, writes: str, reads: str) -> None:
    for name in ("notes.txt", "rows.npy", "one.json"):
        (tmp_path / name).write_text("from an earlier run")
    pipeline = pipeline_of(cell(f"import json\nframe = None\n{writes}", "step:one"), cell(reads, "step:two"))
    for engine in ("argo", "kfp"):
        _, found = compile_documents(pipeline, engine, ClusterOptions(), tmp_path, {})
        (problem,) = [p for p in found if p.code == "KF706"]
        assert "which step `one` writes" in problem.message and problem.name == "two"
    assert "two" not in find_requirements(pipeline, tmp_path).files


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("text = open('given.txt').read()", "again = open('given.txt').read()"),
        ("open('own.txt', 'w').write('a')", "open('own.txt', 'w').write('b')\ntext = open('own.txt').read()"),
        ("url = 'https://example.org/a.csv'\nsave(url)", "load('https://example.org/a.csv')"),
        ("row = {}\nrow.to_dict('records.csv')", "print('records.csv')"),
    ],
)
def test_files_that_are_no_trouble_are_not_said(tmp_path: Path, first: str, then: str) -> None:
    pipeline = pipeline_of(cell(f"save = load = print\n{first}", "step:one"), cell(then, "step:two"))
    _, found = compile_documents(pipeline, "argo", ClusterOptions(), tmp_path, {})
    assert not [p for p in found if p.code == "KF706"]


@pytest.mark.parametrize(("path", "said"), [("/data/rows.csv", False), ("/database/rows.csv", True)])
def test_a_file_on_a_volume_of_both_steps_is_no_trouble(tmp_path: Path, path: str, said: bool) -> None:
    pipeline = pipeline_of(
        cell(f"open('{path}', 'w').write('a')", "step:one", "volume:claim:/data"),
        cell(f"text = open('{path}').read()", "step:two", "volume:claim:/data"),
    )
    _, found = compile_documents(pipeline, "argo", ClusterOptions(), tmp_path, {})
    assert [p.code for p in found if p.code == "KF706"] == ["KF706"] * said
