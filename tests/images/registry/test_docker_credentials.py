"""Credentials of registries: Docker's and podman's files, credential helpers, and pull secrets."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from kfnb.images.registry.client.docker_credentials import RegistryCredentials, credentials_of
from kfnb.images.registry.client.registry_tokens import challenges
from kfnb.images.registry.image_repository import RegistryError
from kfnb.images.registry.references import registry_path

APP = registry_path("registry.example.org/team/app")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def helper(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "bin" / f"docker-credential-{name}"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_without_files_there_are_none() -> None:
    assert credentials_of(APP) == RegistryCredentials()


@pytest.mark.parametrize("key", ["registry.example.org", "https://registry.example.org", "https://registry.example.org/v1/", "registry.example.org/team"])  # fmt: skip
def test_docker_has_logged_in(home: Path, key: str) -> None:
    file = write(
        home / ".docker" / "config.json", {"auths": {"other.example.org": auth("x", "y"), key: auth("ada", "w:o")}}
    )
    assert credentials_of(APP) == RegistryCredentials("ada", "w:o", source=str(file))


def test_docker_hub_has_an_old_key(home: Path) -> None:
    write(home / ".docker" / "config.json", {"auths": {"https://index.docker.io/v1/": auth("ada", "word")}})
    assert credentials_of(registry_path("python")).user == "ada"


def test_the_closest_entry_and_the_first_file_count(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".docker" / "config.json", {"auths": {"registry.example.org": auth("docker", "w")}})
    podman = {"registry.example.org": auth("all", "w"), "registry.example.org/team/app": auth("app", "w")}
    write(home / ".config" / "containers" / "auth.json", {"auths": podman})
    assert credentials_of(APP).user == "app"
    assert credentials_of(registry_path("registry.example.org/other")).user == "all"
    write(home / "run" / "containers" / "auth.json", {"auths": {"registry.example.org": auth("login", "w")}})
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    assert credentials_of(APP).user == "login"
    monkeypatch.setenv(
        "REGISTRY_AUTH_FILE", str(write(home / "own.json", {"auths": {"registry.example.org": auth("variable", "w")}}))
    )
    assert credentials_of(APP).user == "variable"
    setting = write(home / "setting.json", {"auths": {"registry.example.org": auth("setting", "w")}})
    assert credentials_of(APP, str(setting)).user == "setting"


def test_a_mounted_pull_secret_is_a_folder(home: Path) -> None:
    file = write(
        home / "secret" / ".dockerconfigjson",
        {"auths": {"registry.example.org": {"username": "robot", "password": "word"}}},
    )
    assert credentials_of(APP, str(home / "secret")) == RegistryCredentials("robot", "word", source=str(file))
    with pytest.raises(RegistryError, match="is not there"):
        credentials_of(APP, str(home / "nowhere"))


def test_a_variable_may_hold_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {"registry.example.org": auth("ci", "word")}}))
    assert credentials_of(APP).user == "ci"


def test_an_identity_token_takes_the_place_of_a_password(home: Path) -> None:
    write(
        home / ".docker" / "config.json", {"auths": {"registry.example.org": {**auth("ada", ""), "identitytoken": "t"}}}
    )
    found = credentials_of(APP)
    assert (found.identity_token, found.basic) == ("t", "")


def test_a_credential_helper_is_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'read server; echo "{\\"ServerURL\\": \\"$server\\", \\"Username\\": \\"$1\\", \\"Secret\\": \\"for $server\\"}"'
    helper(home, "vault", script, monkeypatch)
    write(home / ".docker" / "config.json", {"credHelpers": {"registry.example.org": "vault"}})
    assert credentials_of(APP) == RegistryCredentials(
        "get", "for registry.example.org", source="docker-credential-vault"
    )
    write(home / ".docker" / "config.json", {"credsStore": "vault", "auths": {"https://index.docker.io/v1/": {}}})
    assert credentials_of(registry_path("python")).password == "for https://index.docker.io/v1/"


def test_a_helper_gives_an_identity_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, "vault", 'echo \'{"Username": "<token>", "Secret": "t"}\'', monkeypatch)
    write(home / ".docker" / "config.json", {"credsStore": "vault"})
    assert credentials_of(APP).identity_token == "t"


def test_a_store_that_does_not_know_the_registry_is_passed_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, "vault", "echo credentials not found in native keychain; exit 1", monkeypatch)
    write(
        home / ".docker" / "config.json",
        {"credsStore": "vault", "auths": {"registry.example.org": auth("ada", "word")}},
    )
    assert credentials_of(APP).user == "ada"


def test_what_is_wrong_with_a_helper_or_a_file_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / ".docker" / "config.json"
    write(file, {"credHelpers": {"registry.example.org": "absent"}})
    with pytest.raises(RegistryError, match="docker-credential-absent for credentials, which is not there: install it"):
        credentials_of(APP)
    helper(home, "locked", "echo the vault is locked >&2; exit 2", monkeypatch)
    write(file, {"credHelpers": {"registry.example.org": "locked"}})
    with pytest.raises(RegistryError, match="the vault is locked"):
        credentials_of(APP)
    write(file, {"credHelpers": {"registry.example.org": "../evil"}})
    with pytest.raises(RegistryError, match="not the name of a program"):
        credentials_of(APP)
    write(file, {"auths": {"registry.example.org": {"auth": "%%%"}}})
    with pytest.raises(RegistryError, match="log in again|cannot be read"):
        credentials_of(registry_path("registry.example.org/team/app"))
    file.write_text("{")
    with pytest.raises(
        RegistryError, match="config.json, which may hold credentials of registries, is not a JSON object"
    ):
        credentials_of(APP)


def test_no_secret_is_shown() -> None:
    assert "word" not in repr(RegistryCredentials("ada", "word", "word", "word"))


def test_challenges_are_read() -> None:
    bearer, basic = challenges(
        'Bearer realm="https://a.example.org/t",service="a, b",scope="repository:x:pull,push", Basic realm="b"'
    )
    assert bearer.parameters == {
        "realm": "https://a.example.org/t",
        "service": "a, b",
        "scope": "repository:x:pull,push",
    }
    assert (basic.scheme, basic.parameters) == ("basic", {"realm": "b"})
    assert challenges("Negotiate") == []
