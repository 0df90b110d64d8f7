"""Steps in containers have the outcome that they have without, and what goes wrong is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kfnb.cli import cli
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local.containers.container_tool import has_gpus
from kfnb.images.locks.lock_file import lock_path, write_lock
from kfnb.images.locks.lock_pipeline import lock_pipeline
from kfnb.runs.run_environment import recorded_environment
from tests.engines.containers.conftest import InContainers
from tests.images.base_image import BaseImage
from tests.images.package_index import package_index
from tests.notebooks import cell, notebook
from tests.running import pipeline_of, states, wait_for


def error_of(run: dict[str, Any]) -> str:
    return f"{run['error']['type']}: {run['error']['message']}"


def test_values_and_files_pass_between_containers(there: InContainers) -> None:
    """The notebook's folder is the same folder inside, and what a step writes there belongs to the user."""
    run = there.run(
        cell("import os\nx = [1, 2]\nopen('rows.csv', 'w').write('1')", "step:a"),
        cell("y = sum(x)\nprint(os.path.exists('/etc/debian_version'), y, open('rows.csv').read())", "step:b"),
    )
    assert states(run) == {"a": "succeeded", "b": "succeeded"}, there.log(run, "a")
    assert there.log(run, "b") == "True 3 1"
    assert (there.tmp_path / "rows.csv").stat().st_uid == os.getuid()
    assert there.store.value(run["run"], "b", "y") == 3


def test_loops_conditions_and_retries_are_as_without_containers(there: InContainers) -> None:
    cells = [
        cell("items = [3, 1]", "step:make"),
        cell("double = item * 2", "step:each", "foreach:item in items"),
        cell("total = sum(double)\nprint(total)", "step:sum", "when:len(items) == 2"),
        cell(
            "import os\nfirst = not os.path.exists('tried')\nopen('tried', 'w')\nassert not first",
            "step:tries",
            "retry:1",
        ),
    ]
    run = there.run(*cells)
    assert run["state"] == "succeeded", run["error"]
    assert (there.log(run, "sum"), run["steps"]["tries"]["attempts"]) == ("8", 2)


def test_keys_of_secrets_and_config_maps_are_variables_of_this_machine(
    there: InContainers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEVEL", "low")
    monkeypatch.setenv("DB_PASSWORD", "a-password")
    source = "import os\nprint(os.environ.get('LEVEL'), len(os.environ.get('DB_PASSWORD', '')))"
    run = there.run(cell(source, "step:a", "config-map:training:level:LEVEL", "secret:db:password:DB_PASSWORD"))
    assert there.log(run, "a") == "low 10"


def test_a_shell_step_runs_in_an_image_without_python(there: InContainers) -> None:
    """Its cells share one container, and its inputs and outputs pass as without."""
    run = there.run(
        cell("word = 'a b'", "step:make"),
        cell('echo "$word" > /tmp/kept\nwhich() { :; }', "step:write", "shell"),
        cell('cat /tmp/kept\ncat /tmp/kept > "$said"\necho second >&2', "step:write", "shell", "output:said"),
        cell("print(said.upper())", "step:show"),
    )
    assert run["state"] == "succeeded", there.log(run, "write")
    assert (there.log(run, "write"), there.log(run, "show")) == ("a b\nsecond", "A B")


def test_a_script_that_fails_is_told_with_its_cell(there: InContainers) -> None:
    run = there.run(cell("echo first", "step:write", "shell"), cell("exit 1", "step:write", "shell"))
    assert error_of(run) == "exit: the script of cell 2 ended with exit status 1"
    assert there.log(run, "write").splitlines()[0] == "first"


@pytest.mark.parametrize("network", ["none", "host"])
def test_the_mark_network_gives_a_step_its_network(there: InContainers, network: str) -> None:
    run = there.run(
        cell("import os\nprint(sorted(os.listdir('/sys/class/net')) == ['lo'])", "step:a", f"network:{network}")
    )
    assert there.log(run, "a") == str(network == "none" or sorted(os.listdir("/sys/class/net")) == ["lo"])


# -------------------------------------------------------------------- what goes wrong
def test_a_step_over_its_memory_limit_says_so(there: InContainers) -> None:
    run = there.run(cell("x = bytearray(300_000_000)", "step:a", "memory:64Mi"), cell("print(x)", "step:b"))
    assert error_of(run).startswith(
        "OutOfMemory: the step used more memory than its mark `memory:64Mi` allows, and was killed"
    )
    assert run["error"]["step"] == "a"


def test_a_script_over_its_memory_limit_says_so(there: InContainers) -> None:
    run = there.run(cell("python3 -c 'bytearray(300_000_000)'", "step:a", "shell", "memory:64Mi"))
    assert error_of(run).startswith("OutOfMemory: the step used more memory than its mark `memory:64Mi` allows")


def test_a_step_over_its_timeout_is_ended(there: InContainers) -> None:
    run = there.run(cell("import time\nprint('begun', flush=True)\ntime.sleep(600)", "step:a", "timeout:2s"))
    assert error_of(run) == "TimeoutError: it took longer than its timeout of 2 s"
    assert there.log(run, "a").startswith("begun\n")


@pytest.mark.parametrize("tags", [[], ["shell"]], ids=["python", "shell"])
def test_a_cancelled_run_ends_its_containers(there: InContainers, tags: list[str]) -> None:
    source = "echo begun > begun\nsleep 600" if tags else "import time\nopen('begun', 'w')\ntime.sleep(600)"
    run_id = there.start(cell(source, "step:a", *tags))
    wait_for(lambda: (there.tmp_path / "begun").exists(), 60.0)
    there.engine.cancel(run_id)
    run = there.finish(run_id)
    assert (run["state"], states(run)) == ("cancelled", {"a": "cancelled"})


def test_a_step_that_ignores_the_request_to_end_is_killed(there: InContainers) -> None:
    source = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen('begun', 'w')\ntime.sleep(600)"
    run_id = there.start(cell(source, "step:a"))
    wait_for(lambda: (there.tmp_path / "begun").exists(), 60.0)
    there.engine.cancel(run_id)
    assert there.finish(run_id)["state"] == "cancelled"


def test_a_missing_image_says_so(there: InContainers) -> None:
    run = there.run(cell("x = 1", "step:a", "image:registry.invalid/team/app:1"))
    message = error_of(run)
    assert message.startswith(
        "MissingImage: the image registry.invalid/team/app:1 is not on this machine, and its registry cannot be reached"
    )
    assert "pulling registry.invalid/team/app:1" in there.log(run, "a")


def test_an_image_without_python_says_so(there: InContainers, image_without_python: str) -> None:
    run = there.run(cell("x = 1", "step:a", f"image:{image_without_python}"))
    assert error_of(run).startswith(f"NoPython: the image {image_without_python} has no `python3`")


def command_cells(*words: str) -> list[dict[str, Any]]:
    made = f"component_from_command(name='use', command={list(words)}, image={BaseImage.name!r}, outputs=['said'])"
    return [cell(f"from kfnb import component_from_command\nuse = {made}"), cell("%%pipeline used\nsaid = use()")]


def test_a_command_runs_in_its_image(there: InContainers) -> None:
    run = there.run(*command_cells("bash", "-c", "cat /etc/debian_version > {said}; echo $said"))
    assert run["state"] == "succeeded", run["error"]
    assert run["steps"]["use"]["outputs"]["said"].startswith("12")


def test_a_command_that_the_image_lacks_says_so(there: InContainers) -> None:
    run = there.run(*command_cells("no-such-program", "-x"))
    assert (
        error_of(run)
        == f"MissingProgram: the image {BaseImage.name} has no program `no-such-program` that can be started"
    )


def test_writing_outside_says_where_a_step_can_write(there: InContainers) -> None:
    run = there.run(cell("open('/etc/motd', 'w')", "step:a"))
    assert error_of(run) == (
        "OSError: [Errno 30] Read-only file system: '/etc/motd'; in a container, a step can write to the notebook's folder and to /tmp"
    )


def test_values_cannot_be_changed(there: InContainers) -> None:
    """The store of values is there to read, and nothing else."""
    store = str(there.store.values)
    run = there.run(cell("x = list(range(9))", "step:a"), cell(f"print(x)\nopen('{store}/new', 'w')", "step:b"))
    assert states(run) == {"a": "succeeded", "b": "failed"}
    assert "Read-only file system" in error_of(run)


def test_a_package_is_installed_once_for_the_step_that_names_it(there: InContainers) -> None:
    cells = [
        cell("import six\nprint(six.__version__)", "step:a", "package:six==1.16.0", "network:none"),
        cell("import importlib.util\nprint(importlib.util.find_spec('six'))", "step:b"),
    ]
    first, second = there.run(*cells), there.run(*cells)
    assert there.log(first, "a").splitlines()[-1] == "1.16.0", first["error"]
    assert there.log(first, "a").startswith("installing six==1.16.0")
    assert "`kfnb build NOTEBOOK --repository oci:FOLDER` makes an image that has them" in there.log(first, "a")
    assert (there.log(second, "a"), there.log(second, "b")) == ("1.16.0", "None")
    met = recorded_environment(there.store.folder(first["run"]))
    assert met is not None and met.packages["six"] == "1.16.0", "a comparison of runs tells their packages"


def test_a_program_that_a_step_starts_finds_the_packages_of_the_step(there: InContainers) -> None:
    source = "import subprocess\ndone = subprocess.run(['python3', '-c', 'import six; print(six.__version__)'])"
    run = there.run(cell(source, "step:a", "package:six==1.16.0"))
    assert there.log(run, "a").splitlines()[-1] == "1.16.0"


def test_a_package_that_cannot_be_had_says_so(there: InContainers) -> None:
    run = there.run(cell("x = 1", "step:a", "package:six==99.0"))
    assert error_of(run).startswith("InstallError: six==99.0 cannot be installed for Python 3.11 of the image")


def test_a_step_gets_the_files_of_the_lock_and_a_lock_that_does_not_fit_is_said(
    there: InContainers, tmp_path: Path
) -> None:
    says = "import kfnb_sample, kfnb_more\nprint(kfnb_sample.version, kfnb_more.version)"
    with package_index(tmp_path / "index") as index:
        cells = [cell(says, "step:says", "package:kfnb-sample", f"index-url:{index.url}")]
        for version in ("1.0", "2.0"):  # the second comes when the first is locked
            index.add("kfnb-sample", version, ["kfnb-more"])
            index.add("kfnb-more", version)
            if version == "1.0":
                pipeline = pipeline_of(*cells)
                write_lock(lock_pipeline(pipeline, tmp_path).lock, lock_path(pipeline, tmp_path))
        run = there.run(*cells)
        assert there.log(run, "says").splitlines()[-1] == "1.0 1.0", there.log(run, "says")
        options = RunOptions(containers="podman", folder=str(tmp_path))
        assert there.engine.check(pipeline, options) == []
        (problem,) = there.engine.check(pipeline_of(*cells, cell("x = 1", "step:new", "package:six")), options)
        assert problem.code == "KF731" and "step `new` runs without the lock" in problem.message


def test_an_image_that_was_built_for_exactly_these_packages_is_found_by_itself(
    there: InContainers, podman: BaseImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KFNB_HOME", str(there.store.home))
    base, path = f"oci:{podman.layout}:latest", tmp_path / "here.ipynb"
    with package_index(tmp_path / "index") as index:
        index.add("kfnb-sample", "1.0")
        says = "import kfnb_sample\nprint(kfnb_sample.version, kfnb_sample.__file__)"
        cells = [cell(says, "step:says", "package:kfnb-sample==1.0", f"index-url:{index.url}")]
        path.write_text(json.dumps(notebook(*cells)))
        words = ["build", str(path), "--repository", f"oci:{tmp_path / 'images'}", "--base", base]
        built = CliRunner().invoke(cli, words, catch_exceptions=False)
        assert built.exit_code == 0, built.output
    run = there.run(*cells, image=base)
    told, said = there.log(run, "says").splitlines()
    assert told.startswith(f"in the image oci:{tmp_path / 'images'}:here-") and told.endswith("`kfnb build` has made")
    assert said == "1.0 /opt/kfnb/packages/kfnb_sample.py"


# -------------------------------------------------------------------- before the run
def test_what_stands_in_the_way_is_said_before_the_run(
    there: InContainers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipeline = pipeline_of(cell("x = 1", "step:a", "image:Team/App"))
    monkeypatch.setenv("PATH", str(tmp_path))
    tool, folder, image = there.engine.check(pipeline, RunOptions(containers="auto", folder="/"))
    assert "neither podman nor docker is on this machine" in str(tool)
    assert "would hide the whole file system" in str(folder)
    assert "`Team/App` is not the name of an image" in str(image)


@pytest.mark.skipif(has_gpus(), reason="this machine has GPUs for containers")
def test_a_step_without_the_gpu_that_it_asks_for_runs_with_a_warning(there: InContainers) -> None:
    cells = [cell("x = 1", "step:a", "gpu:1")]
    (problem,) = there.engine.check(pipeline_of(*cells), RunOptions(containers="podman", folder=str(there.tmp_path)))
    assert (problem.code, problem.severity) == ("KF741", "warning")
    assert there.run(*cells)["state"] == "succeeded"
