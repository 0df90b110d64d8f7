"""Steps in containers have the outcome that they have without, and what goes wrong is said."""

from __future__ import annotations

from tests.engines.containers.conftest import InContainers
from tests.notebooks import cell
from tests.running import states


def test_values_pass_between_containers(there: InContainers) -> None:
    run = there.run(
        cell("import os\nx = [1, 2]", "step:a"),
        cell("y = sum(x)\nprint(os.path.exists('/etc/debian_version'), y)", "step:b"),
    )
    assert states(run) == {"a": "succeeded", "b": "succeeded"}, there.log(run, "a")
    assert there.log(run, "b") == "True 3"
