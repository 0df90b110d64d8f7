"""The timeout of a step counts from where its code starts, ends all that it started, and is told as on this machine."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import BARE_ALLOWANCE, START_ALLOWANCE, ClusterOptions
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from tests.cluster.argo import Pods
from tests.cluster.outcome import locally, on_argo
from tests.cluster.templates import kubelet
from tests.notebooks import cell
from tests.running import pipeline_of

MESSAGE = "it took longer than its timeout of 0.5 s"
PYTHON = "import time\ntime.sleep(60)"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"
CHILDREN = "import subprocess, os\np = subprocess.Popen(['sleep', '61.5'], start_new_session=True)\nopen({path!r}, 'w').write(str(p.pid))\np.wait()"


@pytest.mark.parametrize(
    "step",
    [
        cell(PYTHON, "step:slow", "timeout:0.5s"),
        cell(STUBBORN, "step:slow", "timeout:0.5s"),
        cell("%%component slow --shell --timeout 0.5s\nsleep 60"),
        cell("%%component slow --shell --timeout 0.5s --image library/bash:4.4.23\nsleep 60"),
    ],
    ids=["python", "stubborn", "script", "script-in-an-image"],
)
def test_a_step_ends_at_its_timeout_with_the_message_of_this_machine(
    step: dict[str, object], cluster: Pods, tmp_path: Path
) -> None:
    pipeline = pipeline_of(step, cell("print(1)", "step:rest", "after:slow"))
    began = time.monotonic()
    there = on_argo(pipeline, cluster, {})
    assert time.monotonic() - began < 30
    assert there.state == "failed" and there.states == {"slow": "failed", "rest": "omitted"}
    seconds = "0.5"
    assert there.errors["slow"]["kind"] == "timeout"
    assert there.errors["slow"]["message"] == f"it took longer than its timeout of {seconds} s"
    here = locally(pipeline, tmp_path, {})
    assert here.state == "failed" and MESSAGE in here.detail
    assert (tmp_path / "home").exists() and any(MESSAGE in f.read_text() for f in (tmp_path / "home").rglob("log"))


def test_what_the_step_started_ends_with_it(cluster: Pods, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    on_argo(pipeline_of(cell(CHILDREN.format(path=str(path)), "step:slow", "timeout:0.5s")), cluster, {})
    assert not Path(f"/proc/{path.read_text()}/cmdline").exists()


def test_what_a_script_in_an_image_started_ends_with_it(cluster: Pods, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    script = f"%%component slow --shell --timeout 0.5s --image library/bash:4.4.23\n(trap '' TERM; sh -c 'echo $PPID > {path}; sleep 61') | cat"
    assert on_argo(pipeline_of(cell(script)), cluster, {}).errors["slow"]["kind"] == "timeout"
    assert not Path(f"/proc/{path.read_text().strip()}/cmdline").exists()


def test_a_script_that_is_quick_or_killed_did_not_take_too_long(cluster: Pods) -> None:
    mark = "%%component slow --shell --timeout 1m --image library/bash:4.4.23\n"
    began = time.monotonic()
    assert on_argo(pipeline_of(cell(f"{mark}echo done")), cluster, {}).texts == {"slow": "done"}
    found = on_argo(pipeline_of(cell(f"{mark}kill -KILL $PPID; kill -KILL $$")), cluster, {})
    assert found.state == "failed" and found.errors == {} and time.monotonic() - began < 30


def test_many_quick_scripts_at_once_do_not_wait_for_their_timeout(tmp_path: Path) -> None:
    """On a busy machine a script may end before the process that watches its time has begun."""
    pipeline = pipeline_of(cell("%%component slow --shell --timeout 1m --image library/bash:4.4.23\necho done"))
    templates = compile_workflow(pipeline, ClusterOptions(), StepRequirements()).workflow["spec"]["templates"]
    (container,) = [t["container"] for t in templates if "container" in t]
    words = [kubelet(word, {}) for word in (*container["command"], *container["args"])]
    began = time.monotonic()
    running = [subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(64)]
    assert {one.communicate() for one in running} == {("done\n", None)}
    assert time.monotonic() - began < 30


def test_a_step_within_its_timeout_is_as_any_other(cluster: Pods) -> None:
    pipeline = pipeline_of(cell("a = 1\nprint('done')", "step:quick", "timeout:30s"), cell("print(a)", "step:rest"))
    found = on_argo(pipeline, cluster, {})
    assert found.texts == {"quick": "done", "rest": "1"}, found.detail


def test_a_step_that_kills_itself_says_so(cluster: Pods) -> None:
    pipeline = pipeline_of(cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "step:dies", "timeout:30s"))
    found = on_argo(pipeline, cluster, {})
    assert "out of memory" in found.errors["dies"]["message"]


def test_a_step_that_may_fail_may_take_too_long(cluster: Pods, tmp_path: Path) -> None:
    pipeline = pipeline_of(
        cell(PYTHON, "step:slow", "timeout:0.5s", "on-failure:continue"), cell("print(1)", "step:rest", "after:slow")
    )
    for found in (on_argo(pipeline, cluster, {}), locally(pipeline, tmp_path, {})):
        assert (found.state, found.states) == ("succeeded", {"slow": "failed", "rest": "succeeded"}), found.detail


def test_the_pods_deadline_leaves_time_for_its_start() -> None:
    pipeline = pipeline_of(cell("1", "step:one", "timeout:10s"))
    workflow = compile_workflow(pipeline, ClusterOptions(), StepRequirements()).workflow
    deadlines = [t["activeDeadlineSeconds"] for t in workflow["spec"]["templates"] if "container" in t]
    assert deadlines == [10 + START_ALLOWANCE]


# -------------------------------------------------------------------- commands of images
def command_pipeline(image: str, command: str, timeout: str) -> Pipeline:
    """One command that reads a text, prints it and writes it into an output."""
    made = f"slow = component_from_command(name='slow', image={image!r}, command={command}, inputs=['text'], outputs=['out'], timeout={timeout!r})"
    return pipeline_of(
        cell(f"from kfnb import component_from_command\n{made}"), cell("%%pipeline timed\nslow('a $$ \\'b\\' {{x}}')")
    )


SLEEPS = """['sh', '-c', 'echo "[$0]"; sleep 60', '{text}']"""
COPIES = """['python3', '-c', 'import os, sys; print(sys.argv[1]); open(sys.argv[2], "w").write(os.environ["text"])', '{text}', '{out}']"""


def test_a_command_ends_at_its_timeout_too(cluster: Pods, tmp_path: Path) -> None:
    pipeline = command_pipeline("some/image", SLEEPS, "0.5s")
    began = time.monotonic()
    there = on_argo(pipeline, cluster, {})
    assert (there.state, there.errors["slow"]["message"]) == ("failed", MESSAGE)
    here = locally(pipeline, tmp_path, {})
    assert here.state == "failed" and MESSAGE in here.detail and time.monotonic() - began < 40


def test_a_command_within_its_timeout_gets_and_gives_its_texts_as_without_one(cluster: Pods, tmp_path: Path) -> None:
    pipeline = command_pipeline("python:3.12-slim", COPIES, "1m")
    here, there = locally(pipeline, tmp_path, {}), on_argo(pipeline, cluster, {})
    assert here.texts == there.texts == {"slow": "a $$ 'b' {{x}}"}, there.detail


def test_the_deadline_of_a_command_without_a_shell_is_near_its_timeout_and_a_warning_says_so(tmp_path: Path) -> None:
    for image, deadline, codes in (
        ("registry.example.org/python:3.12", 10 + BARE_ALLOWANCE, ["KF713"]),
        ("docker.io/library/python:3.12", 10 + START_ALLOWANCE, []),
    ):
        pipeline = command_pipeline(image, "['/sender', '{text}', '{out}']", "10s")
        (workflow,), problems = compile_documents(pipeline, "argo", ClusterOptions(), tmp_path, {})
        assert [t["activeDeadlineSeconds"] for t in workflow["spec"]["templates"] if "container" in t] == [deadline]
        assert [p.code for p in problems] == codes
    bare = command_pipeline("registry.example.org/sender", "['/sender', '{text}', '{out}']", "10s")
    _, problems = compile_documents(bare, "kfp", ClusterOptions(), tmp_path, {})
    warning = next(p for p in problems if p.code == "KF713")
    assert (
        warning.severity == "warning"
        and "`slow`" in warning.message
        and "registry.example.org/sender" in warning.message
    )
