"""A target is written into the user's own file, and what else the file holds stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfnb.engines.cluster.clients.cluster_errors import BadTarget
from kfnb.engines.cluster.targets.write_target import TargetExists, add_target, replace_target

NEW = {"engine": "argo", "namespace": "team"}
WRITTEN = '[targets.mine]\nengine = "argo"\nnamespace = "team"\n'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file of targets; an administrator's is at ``tmp_path / "site" / "kfnb.toml"``."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "site"))
    for folder in ("kfnb", "site"):
        (tmp_path / folder).mkdir()
    return tmp_path / "kfnb" / "kfnb.toml"


@pytest.mark.parametrize(
    "before, after",
    [
        ("", ""),
        ("# the first\n[targets.a]\nengine = 'kfp'\n\n", "\n# the last\n[targets.z]\nengine = 'kfp'  # z\n"),
        ("", "\n\n  # about the next\n  [targets.z]\nengine = 'kfp'"),
        ("title = 'x'\n", "[other]\nkey = 1\n"),
    ],
)
@pytest.mark.parametrize(
    "old",
    [
        "[targets.mine]\nengine = 'kfp'\n",
        "[ targets . \"mine\" ]  # old\nengine = 'argo'\n# why\npull_secrets = [\n  'a',\n\n  'b',\n]\n",
    ],
)
def test_a_target_is_replaced_and_all_else_stays(file: Path, before: str, old: str, after: str) -> None:
    file.write_text(before + old + after)
    assert replace_target("mine", NEW) == file
    assert file.read_text() == before + WRITTEN + after


@pytest.mark.parametrize(
    "content",
    [
        "targets.mine.engine = 'kfp'\n",
        "[targets]\nmine = {engine = 'kfp'}\n",
        "text = '''\n[targets.mine]\n'''\n[targets.mine]\nengine = 'kfp'\n",
        "[targets.mine]\nengine = 'kfp'\nvalues = '''\n[targets.x]\n'''\n",
        "[targets.other]\nengine = 'kfp'\n",
    ],
)
def test_what_cannot_be_replaced_alone_is_left(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(BadTarget, match="cannot be replaced: change it there"):
        replace_target("mine", NEW)
    assert file.read_text() == content


def test_a_target_that_is_there_is_not_overwritten(file: Path) -> None:
    file.write_text("[targets.mine]\nengine = 'kfp'")
    with pytest.raises(TargetExists, match="already") as there:
        add_target("mine", NEW)
    assert there.value.replaceable
    assert add_target("other", NEW) == file
    assert file.read_text() == f"[targets.mine]\nengine = 'kfp'\n\n{WRITTEN.replace('mine', 'other')}"


@pytest.mark.parametrize("name", ["mine", "local"])
def test_a_target_of_the_administrator_is_not_hidden_by_one_of_the_user(file: Path, tmp_path: Path, name: str) -> None:
    site = tmp_path / "site" / "kfnb.toml"
    site.write_text("[targets.mine]\nengine = 'kfp'\n")
    with pytest.raises(TargetExists, match="name another$") as there:
        add_target(name, NEW)
    assert not there.value.replaceable and not file.exists()
    assert site.read_text() == "[targets.mine]\nengine = 'kfp'\n"
