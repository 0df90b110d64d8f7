"""A target with a repository: images are built before a run, its steps are pinned to them, and nothing is installed at their start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from kfnb.cli import cli
from kfnb.engines.argo.argo_engine import ArgoEngine
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.submission import unbuilt_run
from kfnb.engines.cluster.submission.delivery import DeliveryProgress
from kfnb.engines.cluster.submission.unbuilt_run import BuildTeller, building_images, release_build
from kfnb.engines.cluster.targets.diagnosis import diagnose
from kfnb.engines.cluster.targets.targets import Target, options_of
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.kfp.kfp_engine import KfpEngine
from kfnb.images.build_watch import watch_nothing
from kfnb.images.registry.open_repository import open_repository
from kfnb.images.registry.references import image_reference
from kfnb.notebook.notebook_source import source_of
from kfnb.pipeline.build.build_from_source import build_source
from kfnb.pipeline.model import Pipeline
from kfnb.problems import errors
from kfnb.runs.record.run_store import RunStore
from tests.cluster.argo import Pods
from tests.cluster.controller import Controller
from tests.cluster.kube_api import Cluster
from tests.cluster.test_argo_engine import engine_at, finished, options
from tests.images.registry.registry_server import Proxy, Trouble, htpasswd, proxy, registry
from tests.images.small_base import make_base
from tests.images.wheels import make_wheel
from tests.notebooks import cell
from tests.running import pipeline_of, states, wait_for


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry with a base image, ``base:latest``."""
    folder = tmp_path_factory.mktemp("registry")
    with registry(folder) as address:
        made = image_reference(make_base(folder / "base"))
        source, base = open_repository(made.repository), open_repository(f"{address}/base")
        manifest = source.manifest(made.reference)
        assert manifest is not None
        for blob in manifest.blobs():
            base.copy_blob(blob, source)
        base.put_manifest(manifest.content, manifest.media_type, "latest")
        yield address


@pytest.fixture
def between(upstream: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with proxy(upstream) as state:
        yield state


def settings(between: Proxy, path: str) -> dict[str, Any]:
    return {"repository": f"{between.address}/{path}", "image": f"{between.address}/base:latest", "packages": "none"}


def two_steps(folder: Path) -> Pipeline:
    """Steps with different packages, which neither of them imports: the pods of the test are not run in images."""
    for name in ("one_package", "other_package"):
        make_wheel(folder, name)
    return pipeline_of(
        cell("a = 1", "step:one", "package:./one_package-1.0-py3-none-any.whl"),
        cell("print(a)", "step:two", "package:./other_package-1.0-py3-none-any.whl"),
    )


def pinned(engine: ArgoEngine, run_id: str) -> dict[str, str]:
    return engine.record.images(run_id)


def workflows(kube: Cluster) -> list[dict[str, Any]]:
    return [body for (plural, _, _), body in kube.objects.items() if plural == "workflows"]


def uploads(between: Proxy) -> int:
    return sum(method in ("POST", "PUT", "PATCH") for method, _, _ in between.seen)


def test_steps_are_pinned_to_images_with_their_packages(tmp_path: Path, cluster: Pods, between: Proxy) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube, **settings(between, "team/app")) as engine, Controller(kube, cluster).at_work():
        pipeline = two_steps(tmp_path)
        told: list[tuple[str, str]] = []
        engine.watch = lambda title, doing, done, size: told.append((doing, title))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        assert set(states(finished(engine, run_id)).values()) == {"succeeded"}
        images = pinned(engine, run_id)
        assert images.keys() == {"one", "two"} and images["one"] != images["two"]
        (workflow,) = workflows(kube)
        used = {t["container"]["image"] for t in workflow["spec"]["templates"] if "container" in t}
        assert used == set(images.values()) and all("/team/app@sha256:" in image for image in used)
        requirements = engine.recompile(run_id).requirements
        assert all("packages" not in requirements.of(step) for step in pipeline.steps())
        assert ("upload", "config") in told

        between.seen.clear()
        again = engine.submit(pipeline, options(pipeline, tmp_path))
        assert pinned(engine, again) == images and uploads(between) == 0
        assert finished(engine, again)["state"] == "succeeded"


def test_a_retry_builds_what_has_changed_and_repeats_only_that(tmp_path: Path, cluster: Pods, between: Proxy) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube, **settings(between, "retried")) as engine, Controller(kube, cluster).at_work():
        pipeline = two_steps(tmp_path)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        finished(engine, run_id)
        before = pinned(engine, run_id)
        make_wheel(tmp_path, "third_package")
        changed = pipeline_of(
            cell("a = 1", "step:one", "package:./one_package-1.0-py3-none-any.whl"),
            cell("print(a)", "step:two", "package:./third_package-1.0-py3-none-any.whl"),
        )
        engine.retry(run_id, pipeline=changed)
        assert finished(engine, run_id)["state"] == "succeeded"
        after = pinned(engine, run_id)
        assert after["one"] == before["one"] and after["two"] != before["two"]
        counts = engine.record.attempt_counts(run_id)
        assert (counts["one"], counts["two"]) == (1, 2)

        was = engine.store.steps(run_id)
        again = engine.begin_retry(run_id, "two", changed)
        assert again is not None and states(engine.store.summary(run_id)) == {"one": "succeeded", "two": "pending"}
        assert engine.cancel(run_id)
        engine.deliver_retry(run_id, again)
        assert (engine.store.state(run_id), engine.store.steps(run_id)) == ("cancelled", was)
        again = engine.begin_retry(run_id, "two", changed)
        between.troubles["GET"] = [Trouble(403)] * 9
        with pytest.raises(ClusterError):
            engine.deliver_retry(run_id, again)
        between.troubles.clear()
        assert (engine.store.state(run_id), engine.store.steps(run_id)) == ("failed", was), "nothing was lost"
        again = engine.begin_retry(run_id, "two", changed)
        engine.deliver_retry(run_id, again)
        assert finished(engine, run_id)["state"] == "succeeded"
        counts = engine.record.attempt_counts(run_id)
        assert (counts["one"], counts["two"]) == (1, 3)


def test_steps_that_share_a_pod_still_do(tmp_path: Path, between: Proxy) -> None:
    with engine_at(tmp_path, Cluster(), **settings(between, "shared")) as engine:
        for name in ("one_package", "other_package"):
            make_wheel(tmp_path, name)
        marked = [
            cell(f"v{n} = {n}", f"step:s{n}", f"package:./{name}_package-1.0-py3-none-any.whl", *pods)
            for n, (name, pods) in enumerate(
                (("one", ["pod:a"]), ("other", ["pod:a"]), ("one", ["pod:b"]), ("one", ["pod:b"]))
            )
        ]
        pipeline = pipeline_of(*marked)
        run_options = options(pipeline, tmp_path)
        images = engine.build_images(pipeline, run_options, engine.watch)
        assert images.keys() == {"s2", "s3"} and images["s2"] == images["s3"]
        compiled = engine.compile_run(pipeline, run_options, images=images)
        assert sorted(len(jobs) for jobs in compiled.task_jobs.values()) == [2, 2]


def test_kubeflow_pipelines_gets_the_same_images(tmp_path: Path, between: Proxy) -> None:
    store = RunStore(tmp_path / "home")
    engine = KfpEngine(store, Target("prod", "kfp", {"engine": "kfp", **settings(between, "kfp")}))
    pipeline = two_steps(tmp_path)
    run_options = options(pipeline, tmp_path)
    images = engine.build_images(pipeline, run_options, engine.watch)
    compiled = engine.compile_run(pipeline, run_options, images=images)
    executors = compiled.ir["deploymentSpec"]["executors"].values()
    assert {e["container"]["image"] for e in executors} == set(images.values())


def test_a_build_that_fails_fails_the_run_and_says_why(tmp_path: Path, between: Proxy) -> None:
    wanted = {**settings(between, "failed"), "image": f"{between.address}/no-base:latest"}
    with engine_at(tmp_path, Cluster(), **wanted) as engine:
        pipeline = two_steps(tmp_path)
        with pytest.raises(ClusterError, match="images of the steps cannot be built: there is no image .*no-base"):
            engine.submit(pipeline, options(pipeline, tmp_path))
        (head,) = engine.store.runs(10)
        assert head["state"] == "failed"
        summary = engine.store.summary(head["run"])
        assert set(states(summary).values()) == {"omitted"} and "no-base" in summary["error"]["message"]


def test_a_run_is_cancelled_while_its_images_are_built(tmp_path: Path, between: Proxy) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube, **settings(between, "cancelled")) as engine:
        pipeline = two_steps(tmp_path)
        run_id = engine.begin(pipeline, options(pipeline, tmp_path))
        assert engine.cancel(run_id)
        assert finished(engine, run_id)["state"] == "cancelled"
        engine.deliver(run_id)
        assert not workflows(kube)


def test_a_run_whose_builder_is_gone_has_failed_and_is_taken_up_again(
    tmp_path: Path, cluster: Pods, between: Proxy
) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube, **settings(between, "gone")) as engine, Controller(kube, cluster).at_work():
        pipeline = two_steps(tmp_path)
        run_id = engine.begin(pipeline, options(pipeline, tmp_path))
        engine.refresh(run_id)
        assert engine.store.state(run_id) == "pending"
        release_build(engine.store, run_id)  # as when the process ends
        summary = finished(engine, run_id)
        assert summary["state"] == "failed" and "retry the run" in summary["error"]["message"]
        engine.retry(run_id)
        assert finished(engine, run_id)["state"] == "succeeded"


def test_the_record_says_what_is_built(tmp_path: Path, between: Proxy) -> None:
    kube, seen = Cluster(), threading.Event()
    with engine_at(tmp_path, kube, **settings(between, "told")) as engine:
        pipeline = two_steps(tmp_path)
        run_id = engine.begin(pipeline, options(pipeline, tmp_path))
        events = engine.store.events

        def wait(title: str, doing: str, done: int, size: int) -> None:
            store = RunStore(engine.store.home)
            while not seen.is_set():
                told = [e.data.get("reason") or "" for e in store.events(run_id)]
                if any("its image is built: kfnb" in text for text in told):
                    seen.set()
                seen.wait(0.05)
            store.close()

        engine.watch = wait
        engine.deliver(run_id)
        assert seen.is_set()
        assert all(step["reason"] is None for step in engine.store.steps(run_id))
        assert events(run_id)


def test_a_build_ends_when_its_run_is_cancelled(
    tmp_path: Path, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unbuilt_run, "EVERY", 0.05)
    with engine_at(tmp_path, Cluster(), **settings(between, "stopped")) as engine:
        pipeline = two_steps(tmp_path)
        run_id = engine.begin(pipeline, options(pipeline, tmp_path))
        told = engine.store.head(run_id)["delivery"]
        assert (told["phase"], told["share"]) == ("package", 0)
        with building_images(engine.store, run_id), BuildTeller(engine.store.home, run_id, watch_nothing) as teller:
            teller("numpy", "download", 10, 20)
            wait_for(lambda: engine.store.head(run_id)["delivery"]["title"] == "numpy")
            assert engine.cancel(run_id)
            wait_for(lambda: teller("numpy", "download", 20, 20))
        head = engine.store.head(run_id)
        assert (head["state"], head["delivery"]) == ("cancelled", None)


def test_the_bar_of_a_delivery_never_goes_back_nor_is_full_before_its_end() -> None:
    bar = DeliveryProgress()
    calls = [("a", "download", 5, 10), ("a", "download", 10, 10), ("b", "download", 0, 90), ("tool", "build", 0, 0)]
    calls += [("a", "upload", 10, 10), ("b", "upload", 1, 90), ("b", "upload", 90, 90)]
    shares = [bar.told(*call).share for call in calls]
    assert shares == sorted(shares) and 0 < shares[0] < 0.5 < shares[-1] < 0.95
    assert str(bar.told("b", "upload", 45_000_000, 90_000_000)) == "sends b, 45.0 of 90.0 MB"


def test_what_is_wrong_with_the_settings_is_said() -> None:
    from kfnb.engines.cluster.targets.target_settings import settings_error

    assert settings_error("prod", {"engine": "argo", "repository": "registry.example.org/team/app"}) == ""
    for wrong in ("oci:folder", "registry.example.org/team/app:1", "Registry.example.org/Team", 3):
        assert "a repository in a registry" in settings_error("prod", {"engine": "argo", "repository": wrong})
    assert "linux/amd64" in settings_error("prod", {"engine": "argo", "platforms": ["windows"]})
    assert "has no setting `images`" in settings_error("prod", {"engine": "argo", "images": {}})
    given = options_of(Target("prod", "argo", {"engine": "argo", "platforms": ["linux/arm64"]}))
    assert given.platforms == ("linux/arm64",) and isinstance(RunOptions(), RunOptions)


def test_whether_the_repository_can_be_written_to_is_told_with_the_target(tmp_path: Path, between: Proxy) -> None:
    kube = Cluster(accounts={"default": ("create workflowtaskresults", "patch workflowtaskresults")})
    with engine_at(tmp_path, kube, **settings(between, "team/app")) as engine:
        found = diagnose(engine.target)
        assert (
            found.state == "ready" and f"built to {between.address}/team/app, which you can write to" in found.lines[-1]
        )
        between.troubles["POST"] = [Trouble(403)]
        found = diagnose(engine.target)
        assert found.state == "forbidden" and "does not let us write to" in found.lines[1]
    (tmp_path / "locked").mkdir()
    with registry(tmp_path / "locked", htpasswd(tmp_path / "locked")) as address:
        with engine_at(tmp_path, kube, packages="none", repository=f"{address}/team/app") as engine:
            found = diagnose(engine.target)
    assert found.state == "forbidden" and "log in with `docker login" in found.lines[1]


MODULE = "import json\n\nFACTOR = {factor}\n"


def test_a_run_uses_what_the_command_has_built(tmp_path: Path, between: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base image of one step stands in its mark without a registry, that of the other in the defaults of the target."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scales.py").write_text(MODULE.format(factor=2))
    code = 'import scales\na = scales.FACTOR\n\n# %% tags=["step:two", "image:base:{base}"]\nprint(a)\n'
    (tmp_path / "train.py").write_text(f'# %% tags=["parameters"]\nbase = "latest"\n\n# %% tags=["step:one"]\n{code}')
    named = {
        "engine": "argo", "platforms": ["linux/amd64"], "registry": between.address, "image": "nothing:latest", "packages": "none",
        "repository": f"{between.address}/by/command", "defaults": {"image": "base:latest"},
    }  # fmt: skip
    configure(tmp_path, named)

    def kfnb(*words: str) -> dict[str, Any]:
        done = CliRunner().invoke(cli, [*words, "train.py", "--target", "prod", "--json"])
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    unbuilt = CliRunner().invoke(cli, ["compile", "train.py", "--target", "prod"])
    assert "by/command has no image for steps one, two as the notebook is now" in unbuilt.stderr and not uploads(
        between
    )
    assert "@sha256" not in unbuilt.stdout
    built = {step: i["reference"] for i in kfnb("build")["images"] for step in i["steps"]}
    assert built.keys() == {"one", "two"} and between.address in built["one"]

    between.seen.clear()
    assert kfnb("compile", "-o", "workflow.yaml")["images"] == built
    with engine_at(tmp_path, Cluster(), **named) as engine:
        graph = build_source(source_of("train.py")).pipeline
        assert graph is not None
        run_id = engine.submit(graph, options(graph, tmp_path))
        assert pinned(engine, run_id) == built and uploads(between) == 0
        job = engine.recompile(run_id).requirements.of(next(iter(graph.steps())))
        assert job["code"].keys() == {"scales.py"} and "files" not in job  # the image has them

    (tmp_path / "scales.py").write_text(MODULE.format(factor=3))
    before = [layers(built["one"]), layers(built["two"])]
    between.seen.clear()
    changed = kfnb("compile", "-o", "workflow.yaml", "--build")["images"]
    after = [layers(changed["one"]), layers(changed["two"])]
    assert [one[:-1] for one in after] == [one[:-1] for one in before] and after[0][-1] != before[0][-1]
    assert after[0][-1]["size"] < 1000 and after[0][-1] == after[1][-1]
    sent = {path.partition("digest=")[2] for method, path, _ in between.seen if method == "PUT" and "digest=" in path}
    assert len(sent) == 3  # the layer of the code, the image's config, and the list of its packages


def test_modules_of_any_size_go_where_images_are_built(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text(f"TEXT = {Random(1).randbytes(700_000).hex()!r}\n")
    pipeline = pipeline_of(cell("import large\nprint(len(large.TEXT))", "step:one"))
    with engine_at(tmp_path, Cluster(), repository="registry.example.org/team/app") as engine:
        assert not errors(engine.check(pipeline, options(pipeline, tmp_path)))
    with engine_at(tmp_path, Cluster()) as engine:
        (problem,) = errors(engine.check(pipeline, options(pipeline, tmp_path)))
        assert "kB" in problem.message


def layers(reference: str) -> list[dict[str, Any]]:
    found = image_reference(reference)
    manifest = open_repository(found.repository).manifest(found.reference)
    assert manifest is not None
    listed: list[dict[str, Any]] = manifest.document()["layers"]
    return listed


def test_a_target_that_nobody_trusts_gets_no_image(
    tmp_path: Path, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    configure(tmp_path, {"engine": "argo", **settings(between, "untrusted")})
    (tmp_path / "config" / "kfnb" / "kfnb.toml").rename(tmp_path / "kfnb.toml")
    (tmp_path / "train.py").write_text('# %% tags=["step:one"]\na = 1\n')
    for command in ("build", "compile", "lock"):
        done = CliRunner().invoke(cli, [command, str(tmp_path / "train.py"), "--target", "prod"])
        assert done.exit_code == 2 and "which you have not trusted" in done.stderr, done.output
    assert not between.seen


def test_the_command_says_what_it_sends(tmp_path: Path, between: Proxy) -> None:
    with engine_at(tmp_path, Cluster(), **settings(between, "commanded")) as engine:
        configure(tmp_path, engine.target.settings)
        make_wheel(tmp_path, "one_package")
        (tmp_path / "train.py").write_text(
            '# %% tags=["step:one", "package:./one_package-1.0-py3-none-any.whl"]\na = 1\n'
        )
        command = [sys.executable, "-m", "kfnb", "run", "train.py", "--target", "prod", "--detach"]
        env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "KFNB_HOME": str(tmp_path / "home")}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0 and "kfnb sends config (" in done.stderr, done.stdout + done.stderr
        assert engine.record.images(done.stdout.strip()).keys() == {"one"}


def configure(folder: Path, target: dict[str, Any]) -> None:
    """Write the user's own file of targets, with the target ``prod``."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in target.items() if name != "defaults"]
    if "defaults" in target:
        lines += ["[targets.prod.defaults]", *(f"{n} = {json.dumps(v)}" for n, v in target["defaults"].items())]
    (folder / "config" / "kfnb").mkdir(parents=True)
    (folder / "config" / "kfnb" / "kfnb.toml").write_text("\n".join(["[targets.prod]", *lines]))


def test_jupyterlab_gets_a_run_and_its_retry_at_once_and_images_are_built_behind_it(
    tmp_path: Path, cluster: Pods, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfnb.server.run_requests import Runs

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    kube, asked, go_on = Cluster(), threading.Event(), threading.Event()

    def wait(method: str) -> None:
        if method == "POST" and not asked.is_set():
            asked.set()
            assert go_on.wait(30)

    between.heard = wait
    with engine_at(tmp_path, kube, **settings(between, "lab")) as engine:
        configure(tmp_path, engine.target.settings)
        pipeline, runs = two_steps(tmp_path), Runs()
        run_id, _ = runs.start(pipeline, {}, "prod", {}, notebook=str(tmp_path / "nb.ipynb"), folder=str(tmp_path))
        assert asked.wait(30) and runs.snapshot(run_id)["run"]["state"] == "pending" and not workflows(kube)
        go_on.set()
        wait_for(lambda: len(workflows(kube)) == 1)
        assert engine.record.images(run_id).keys() == {"one", "two"}
        with Controller(kube, cluster).at_work():
            wait_for(lambda: runs.snapshot(run_id)["run"]["state"] == "succeeded")
            asked.clear()
            go_on.clear()
            make_wheel(tmp_path, "third_package")
            changed = pipeline_of(
                cell("a = 1", "step:one", "package:./one_package-1.0-py3-none-any.whl"),
                cell("print(a)", "step:two", "package:./third_package-1.0-py3-none-any.whl"),
            )
            runs.retry(run_id, None, changed, {}, folder=str(tmp_path))
            assert asked.wait(30) and runs.snapshot(run_id)["run"]["state"] == "pending"
            go_on.set()
            wait_for(lambda: runs.snapshot(run_id)["run"]["state"] == "succeeded")
        assert engine.record.attempt_counts(run_id) == {"one": 1, "two": 2}
        runs.close()
