"""Steps on a cluster install the files of the lock beside the notebook, whatever the index and the environment have by then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.locks.lock_file import lock_path, write_lock
from kfnb.images.locks.lock_pipeline import LockOptions, lock_pipeline
from kfnb.images.locks.locked_requirements import with_lock
from kfnb.images.needs.step_requirements import find_requirements
from kfnb.requirement_checks import PackageSources
from tests.cluster.argo import Interpreter, Pods
from tests.images.package_index import PackageIndex, package_index
from tests.notebooks import cell
from tests.running import pipeline_of

SAYS = "import kfnb_sample, kfnb_more\nprint('has', kfnb_sample.version, kfnb_more.version)"
PIPELINE = pipeline_of(cell(SAYS, "step:says", "package:kfnb-sample"))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    with package_index(tmp_path / "index") as found:
        found.add("kfnb-sample", "1.0", ["kfnb-more"])
        found.add("kfnb-more", "1.0")
        yield found


def locked(folder: Path, index: PackageIndex) -> ClusterOptions:
    """The options of a target with the index, where there is a lock beside the notebook."""
    sources = PackageSources(index.url)
    lock = lock_pipeline(PIPELINE, folder, LockOptions(packages="none", sources=sources)).lock
    write_lock(lock, lock_path(PIPELINE, folder))
    return ClusterOptions(packages="none", index_url=index.url)


def log_of(folder: Path, options: ClusterOptions, pods: Pods) -> tuple[str, str]:
    """How a run ends, and its log."""
    found = find_requirements(PIPELINE, folder, "none", options.sources)
    workflow = compile_workflow(PIPELINE, options, with_lock(found, PIPELINE, folder, "")).workflow
    run = Interpreter(workflow, pods, folder)
    return str(run.run()["phase"]), "".join(run.logs.values())


def test_a_run_of_next_month_gets_the_versions_of_the_lock(index: PackageIndex, cluster: Pods, tmp_path: Path) -> None:
    options = locked(tmp_path, index)
    for name in ("kfnb-sample", "kfnb-more"):
        index.add(name, "2.0")
    phase, log = log_of(tmp_path, options, cluster)
    assert phase == "Succeeded" and "has 1.0 1.0" in log, log
    lock_path(PIPELINE, tmp_path).unlink()
    phase, log = log_of(tmp_path, options, cluster)
    assert "has 2.0" in log or phase == "Failed", log  # without a lock the newest one comes, which requires nothing


def test_a_file_that_is_not_the_one_of_the_lock_is_not_installed(
    index: PackageIndex, cluster: Pods, tmp_path: Path
) -> None:
    options = locked(tmp_path, index)
    index.add("kfnb-more", "1.0", text="version = 'another'\n")
    phase, log = log_of(tmp_path, options, cluster)
    assert phase == "Failed" and "the index has other files than the lock" in log, log


def test_a_lock_that_does_not_fit_is_told_and_the_other_steps_keep_to_it(index: PackageIndex, tmp_path: Path) -> None:
    options = locked(tmp_path, index)
    more = pipeline_of(cell(SAYS, "step:says", "package:kfnb-sample"), cell("x = 1", "step:new", "package:kfnb-more"))
    _, problems = compile_documents(more, "argo", options, tmp_path, {})
    (problem,) = [p for p in problems if p.code == "KF731"]
    assert problem.severity == "warning" and problem.message == (
        "step `new` runs without the lock: pylock.notebook.toml does not fit it: it is not in the lock"
    )
    found = with_lock(find_requirements(more, tmp_path, "none"), more, tmp_path, options.image)
    assert found.packages == {"says": ("kfnb-more==1.0", "kfnb-sample==1.0"), "new": ("kfnb-more",)}
    assert found.hashes.keys() == {"says"} and "constraints" not in found.of(next(more.steps()))
