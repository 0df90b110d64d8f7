"""What a step prints in a pod does not hold the values of its secrets."""

from __future__ import annotations

import os
from pathlib import Path

from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.needs.step_requirements import StepRequirements
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
