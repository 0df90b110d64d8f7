"""What came with a notebook contacts nobody, reads nothing and runs nothing before the user has trusted it."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from kfnb.cli import cli
from kfnb.cli.completion_words import target_names
from kfnb.notebook.notebook_source import source_of
from tests.cluster.hearing import Ear, listening
from tests.cluster.kube_api import kubeconfig
from tests.notebooks import cell, notebook, write


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as found:
        yield found


@dataclass
class Place:
    """A downloaded folder, the user's own configuration, and what must not be touched."""

    folder: Path
    own: Path
    touched: Path
    home: Path

    def says(self, text: str, name: str = "kfnb.toml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def kfnb(self, *words: str) -> Result:
        return CliRunner().invoke(cli, list(words))

    def run(self, target: str = "prod") -> Result:
        return self.kfnb("run", str(self.folder / "n.ipynb"), "--target", target, "--detach")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    folder, own, home = tmp_path / "downloaded", tmp_path / "config" / "kfnb", tmp_path / "home"
    for path in (folder, own):
        path.mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own.parent))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("KFNB_HOME", str(home))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.setenv("MY_SECRET", "secret-of-the-environment")
    monkeypatch.chdir(folder)
    data = notebook(cell("print(1)", "step:one"))
    data["metadata"]["kfnb"] = {"target": "prod", "host": "http://127.0.0.1:9", "token_env": "MY_SECRET"}
    write(folder, data, "n.ipynb")
    return Place(folder, own, tmp_path / "touched", home)


def runs_a_command(place: Place, ear: Ear) -> Path:
    """A kubeconfig whose user's credentials come from a program beside it."""
    program = place.folder / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {place.touched}\n")
    program.chmod(0o755)
    path = kubeconfig(place.folder, ear.url)
    config = json.loads(path.read_text())
    execute = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./program.sh", "interactiveMode": "Never"}
    config["users"][0]["user"] = {"exec": execute}
    path.write_text(json.dumps(config))
    return path


class Trap:
    """A file that tells whether somebody has opened it to read."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._thread = threading.Thread(target=lambda: os.close(os.open(path, os.O_WRONLY)), daemon=True)
        self._thread.start()

    def read(self) -> bool:
        """Whether it was; it is none afterwards."""
        was = not self._thread.is_alive()
        os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))
        self._thread.join(10)
        return was


def hostile(place: Place, ear: Ear, trap: Path) -> dict[str, str]:
    """What a file of a downloaded folder may try, and the words that tell of it."""
    config = runs_a_command(place, ear)
    return {
        f'engine = "kfp"\nhost = "{ear.url}"\ntoken_file = "{trap}"': f"sends the content of the file {trap} to {ear.url}",
        f'engine = "kfp"\nhost = "{ear.url}"\ntoken_env = "MY_SECRET"': f"sends the variable $MY_SECRET to {ear.url}",
        f'engine = "kfp"\nhost = "{ear.url}"\ncookies_env = "MY_SECRET"': "sends the variable $MY_SECRET as cookies",
        f'engine = "kfp"\nkubeconfig = "{config.name}"': f"uses the kubeconfig {config}",
        f'engine = "argo"\nkubeconfig = "{config.name}"\nserver = "{ear.url}"': f"talks to Argo's own server {ear.url}",
        f'engine = "argo"\nkubeconfig = "./{config.name}"': f"uses the kubeconfig {config}",
        'engine = "argo"\ncontext = "production"': "uses the context production of your kubeconfig",
        'engine = "argo"\nnamespace = "kube-system"\nservice_account = "admin"': "run as the service account admin",
        'engine = "kfp"\npipeline_root = "s3://evil"': "lets steps keep their values in s3://evil",
        f'engine = "kfp"\nhost = "{ear.url}"\nverify = false': "does not check the server's certificate",
    }  # fmt: skip


def test_nothing_of_an_untrusted_file_is_contacted_read_or_run(place: Place, ear: Ear) -> None:
    trap = Trap(place.folder / "trap")
    for settings, words in hostile(place, ear, trap.path).items():
        file = place.says(f"[targets.prod]\n{settings}\n")
        done = place.run()
        assert done.exit_code == 2 and f"KF709: target `prod` is defined in {file}" in done.output, done.output
        assert words in done.output and f"kfnb trust {file}" in done.output
        listed = place.kfnb("targets")
        assert listed.exit_code == 1 and "untrusted" in listed.output and words in listed.output
        assert "prod" in place.kfnb("targets", "--json").output
        compiled = place.kfnb("compile", "n.ipynb", "--target", "prod")
        assert compiled.exit_code == 0, compiled.output
    assert ear.connections == 0 and not place.touched.exists() and not trap.read()


def test_the_target_local_cannot_be_made_another(place: Place, ear: Ear) -> None:
    place.says(f'[targets.local]\nengine = "kfp"\nhost = "{ear.url}"\n')
    done = place.kfnb("run", "n.ipynb")
    assert done.exit_code == 0 and "succeeded" in done.output and ear.connections == 0


def test_a_file_above_the_notebook_and_a_link_to_one_are_no_better(place: Place, ear: Ear) -> None:
    text = f'[targets.prod]\nengine = "kfp"\nhost = "{ear.url}"\n'
    (place.folder.parent / "kfnb.toml").write_text(text)
    assert "KF709" in place.run().output
    (place.folder.parent / "kfnb.toml").unlink()
    place.says(text, "elsewhere.toml")
    (place.folder / "kfnb.toml").symlink_to("elsewhere.toml")
    assert "KF709" in place.run().output and ear.connections == 0


def test_the_users_own_files_need_no_trust(place: Place, ear: Ear) -> None:
    for own in (place.own, place.folder.parent / "jupyter"):
        own.mkdir(exist_ok=True)
        (own / "kfnb.toml").write_text(f'[targets.prod]\nengine = "kfp"\nhost = "{ear.url}"\n')
        before = ear.connections
        assert "ready" in place.kfnb("targets").output and ear.connections > before
        (own / "kfnb.toml").unlink()


def test_an_untrusted_file_sets_what_concerns_steps_for_a_target_that_the_user_has(place: Place, ear: Ear) -> None:
    (place.own / "kfnb.toml").write_text(
        f'[targets.prod]\nengine = "kfp"\nhost = "{ear.url}"\ntoken_env = "MY_SECRET"\nimage = "mine"\n'
    )
    with listening() as evil:
        place.says(
            f'[targets.prod]\nengine = "argo"\nhost = "{evil.url}"\nimage = "theirs"\npackages = "none"\nsurprise = 1\n'
        )
        compiled = place.kfnb("compile", "n.ipynb", "--target", "prod").output
        assert "schemaVersion: 2.1.0" in compiled and "image: theirs" in compiled
        done = place.run()
        assert "KF710" in done.output and "engine, host, surprise" in done.output
        assert evil.connections == 0 and set(ear.secrets()) == {"Bearer secret-of-the-environment"}


def test_trust_shows_everything_first_and_counts_for_this_content_only(place: Place, ear: Ear) -> None:
    config = runs_a_command(place, ear)
    more = f'[targets.more]\nengine = "kfp"\nhost = "{ear.url}"\ntoken_env = "MY_SECRET"\nstrange = "\\u001b[2K\\u202Ehidden"\n'
    file = place.says(f'[targets.prod]\nengine = "argo"\nkubeconfig = "{config.name}"\n{more}')
    done = place.kfnb("trust", "n.ipynb")
    for words in (
        f"uses the kubeconfig {config}", f"{config} talks to {ear.url}", f"{config} runs the command ./program.sh", f"talks to {ear.url}",
        f"sends the variable $MY_SECRET to {ear.url}", "strange", "which kfnb does not know", f"trusted: {file}",
        f"trusted with it, as it is now: {place.folder / 'program.sh'}",
    ):  # fmt: skip
        assert words in done.output
    assert "\x1b" not in done.output and "\u202e" not in done.output and "\\x1b[2K\\u202ehidden" in done.output
    assert not place.touched.exists() and ear.connections == 0
    assert stat.S_IMODE((place.home / "trust" / "files.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((place.home / "trust").stat().st_mode) == 0o700
    assert place.kfnb("trust", "--list").output.startswith("trusted ")
    place.kfnb("targets")
    assert place.touched.exists(), "what was trusted is used"
    place.touched.unlink()
    for changed in (file, config, place.folder / "program.sh"):
        text = changed.read_text()
        changed.write_text(text + "\n")
        assert "KF709" in place.run().output and "changed since" in place.kfnb("trust", "--list").output
        assert not place.touched.exists()
        changed.write_text(text)
    assert "no longer trusted" in place.kfnb("trust", str(file), "--remove").output
    assert "KF709" in place.run().output and not place.touched.exists()


def test_a_copy_of_a_trusted_file_beside_another_kubeconfig_is_not_trusted(place: Place, ear: Ear) -> None:
    file = place.says('[targets.prod]\nengine = "argo"\nkubeconfig = "config"\n')
    (place.folder / "config").write_text(kubeconfig(place.folder, ear.url).read_text())
    assert place.kfnb("trust", str(file)).exit_code == 0
    other = place.folder.parent / "other"
    other.mkdir()
    for name in ("kfnb.toml", "config", "n.ipynb"):
        (other / name).write_text((place.folder / name).read_text())
    assert "KF709" in place.kfnb("run", str(other / "n.ipynb"), "--target", "prod").output and ear.connections == 0


def test_a_file_of_trust_that_others_can_write_says_nothing(place: Place, ear: Ear) -> None:
    place.says(f'[targets.prod]\nengine = "kfp"\nhost = "{ear.url}"\n')
    place.kfnb("trust")
    (place.home / "trust" / "files.json").chmod(0o666)
    done = place.run()
    assert done.exit_code == 2 and "can be written by other users" in done.output and ear.connections == 0


def test_a_name_that_means_something_to_a_shell_or_a_terminal_is_no_targets(place: Place) -> None:
    place.says(
        '[targets."$(touch x)"]\nengine = "argo"\n[targets."a\\u001b[2J"]\nengine = "argo"\n[targets.good]\nengine = "argo"\n'
    )
    source = click.Context(click.Command("run"), obj=source_of(place.folder / "n.ipynb"))
    assert target_names(source, click.Option(["--target"]), "") == ["local", "good"]
    listed = place.kfnb("targets").output
    assert "cannot be the name of a target" in listed and "\x1b" not in listed


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('engine = "kfp"\nhost = "https://good.example.org@evil"', "without user and password"),
        ('engine = "kfp"\nhost = "file:///etc/passwd"', "an address such as"),
        ('engine = "kfp"\nverify = "false"', "true or false"),
        ('engine = "argo"\nkubeconfig = 3', "a text"),
        ('engine = "argo"\nttl = "long"', "a number of seconds"),
        ('engine = "argo"\nparallelism = -1', "a number of pods"),
        ('engine = "argo"\npull_secrets = "one"', "a list of names"),
        ('engine = "kubernetes"', 'engine = "kfp" or engine = "argo"'),
        ('engine = "argo"\nindex_url = "https://["', "index_url"),
        ('engine = "argo"\nserver_token = "mine"', '"kubeconfig" or left out'),
    ],
)
def test_a_mistake_in_the_users_own_file_is_said(place: Place, settings: str, words: str) -> None:
    (place.own / "kfnb.toml").write_text(f"[targets.prod]\n{settings}\n")
    done = place.run()
    assert done.exit_code == 2 and "target `prod`" in done.output and words in done.output
    assert "refused" in place.kfnb("targets").output


def test_a_file_that_is_not_trusted_cannot_loosen_the_policy_of_a_target(place: Place) -> None:
    own = '[targets.prod]\nengine = "argo"\nmax_memory = "8Gi"\nallowed_images = ["python:*"]\n'
    (place.own / "kfnb.toml").write_text(own)
    place.says(
        '[targets.prod]\nengine = "argo"\nmax_memory = "1Ti"\nallowed_images = ["*"]\nimage = "evil.example.org/python:3.11"\n'
    )
    write(place.folder, notebook(cell("%%component train --memory 64Gi\nprint(1)")), "n.ipynb")
    done = place.kfnb("compile", str(place.folder / "n.ipynb"), "--target", "prod", "-o", str(place.folder / "w.yaml"))
    assert done.exit_code == 1 and not (place.folder / "w.yaml").exists()
    assert "cell 1:1: error KF720: step `train` asks for 64Gi of memory, and the target allows 8Gi" in done.output
    assert "would have the image evil.example.org/python:3.11, and the target allows python:*" in done.output
