"""What a step prints in a pod does not hold the values of its secrets."""

from __future__ import annotations

import os
import time
from pathlib import Path

from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.runs.attempt_logs import read_log
from kfnb.runtime.pods.archived_lines import KEEPER, ArchivedStream
from kfnb.runtime.secret_mask import SecretMask
from tests.cluster.argo import Interpreter, Pods
from tests.engines.test_secrets import TOKEN, found_in
from tests.notebooks import cell
from tests.running import pipeline_of

SHOWS = """
import os, sys
token = os.environ["DB_TOKEN"]
print("token", token)
sys.stdout.write("half " + token[:7]); sys.stdout.write(token[7:] + "\\n")
print({"token": token})
size = len(token)
raise ValueError("refused: " + token)
"""
READS = "import os\nurl = 'db://x:' + os.environ['DB_TOKEN']\nn = 7\nkept = url"


def test_a_pod_hides_what_python_prints_and_tells(cluster: Pods, tmp_path: Path) -> None:
    pipeline = pipeline_of(cell(SHOWS, "step:show", "secret:db:token:DB_TOKEN"))
    workflow = compile_workflow(pipeline, ClusterOptions(), StepRequirements()).workflow
    run = Interpreter(workflow, cluster, tmp_path, secrets={"token": TOKEN})
    assert run.run()["phase"] == "Failed"
    log = "".join(run.logs.values())
    for line in ("token ***\n", "half ***\n", "{'token': '***'}\n", "ValueError: refused: ***"):
        assert line in log, log
    assert '"message":"refused: ***"' in log.replace('": "', '":"')
    assert found_in(log.encode()) == []


OTHERS = """
import os, subprocess, sys
subprocess.run(["sh", "-c", "echo \\"shell $DB_TOKEN\\"; echo \\"error $DB_TOKEN\\" >&2; printf 'half %.7s' \\"$DB_TOKEN\\""])
os.write(1, os.environ["DB_TOKEN"][7:].encode() + b"\\n")
!echo "line $DB_TOKEN"
subprocess.Popen(["sleep", "30"])  # holds the pod's standard output open
os.environ["DB_TOKEN"] = "another"
sys.exit(7)
"""


def test_a_pod_hides_what_other_programs_print(cluster: Pods, tmp_path: Path) -> None:
    cells = (
        cell("print('first')", "step:first", "pod:p"),
        cell(OTHERS, "step:show", "pod:p", "secret:db:token:DB_TOKEN"),
    )
    workflow = compile_workflow(pipeline_of(*cells), ClusterOptions(), StepRequirements()).workflow
    run = Interpreter(workflow, cluster, tmp_path, secrets={"token": TOKEN})
    started = time.monotonic()
    assert run.run()["phase"] == "Failed" and time.monotonic() - started < 20
    log = "".join(run.logs.values())
    for line in ("first\n", "shell ***\n", "error ***\n", "half ***\n", "line ***\n"):
        assert line in log, log
    assert found_in(log.encode()) == []


def test_the_record_of_a_pods_log_hides_what_other_programs_print(tmp_path: Path) -> None:
    lines = ["2026-11-29T12:00:00.1Z token " + TOKEN + "\n", "2026-11-29T12:00:00.2Z done\n"]
    for _ in range(2):  # each time it is read from its beginning
        RecordedLog(tmp_path, SecretMask([TOKEN])).append(lines)
    assert [line.text for line, _ in read_log(tmp_path / "log")] == ["token ***", "done"]


def test_a_value_with_a_secret_is_not_in_the_log_that_carries_small_values(cluster: Pods, tmp_path: Path) -> None:
    cells = cell(READS, "step:read", "secret:db:token:DB_TOKEN"), cell("print(len(url), n)", "step:use")
    workflow = compile_workflow(pipeline_of(*cells), ClusterOptions(), StepRequirements()).workflow
    run = Interpreter(workflow, cluster, tmp_path, secrets={"token": TOKEN})
    assert run.run()["phase"] == "Succeeded"
    log = "".join(run.logs.values())
    assert "37 7" in log and "`url` has the value of a secret in it" in log and found_in(log.encode()) == []


def test_a_stream_whose_archive_changes_lines_hides_values_too() -> None:
    reading, writing = os.pipe()
    stream = ArchivedStream(writing)
    SecretMask([TOKEN]).hide_in(stream)
    stream.write("\n{" + TOKEN[:5])
    stream.write(TOKEN[5:] + "}\n")
    stream.flush()
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        assert file.read() == f"{KEEPER}\n{{***}}{KEEPER}\n"
