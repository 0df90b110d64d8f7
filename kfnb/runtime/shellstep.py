"""Shell steps: inputs are environment variables, outputs are text files."""

from __future__ import annotations

import os
import sys

from kfnb.runtime.failures import Failure
from kfnb.runtime.wire import dumps

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def run_shell(spec: dict[str, Any], result: dict[str, Any]) -> None:
    """Run the scripts of a shell step one after the other and keep their output files."""
    names = _inputs(spec)
    folder = os.path.join(spec["folder"], "out")
    files = output_files(spec.get("shell_outputs", ()), folder)
    for cell in spec.get("cells", ()):
        status = run_script(cell["source"], names, files, spec.get("shell_outputs", ()))
        if status:
            what = "signal %d" % -status if status < 0 else "exit status %d" % status
            raise Failure("shell", "exit", "the script of cell %s ended with %s" % (cell["cell"], what), cell["cell"])
    texts = read_outputs(files, spec)
    if texts:
        from kfnb.runtime.outputs import store_outputs

        store_outputs(spec, dict(texts), list(texts), [], result)
        result["exports"].update({n: t for n, t in texts.items() if len(t) <= 100_000})


def _inputs(spec: dict[str, Any]) -> dict[str, str]:
    from kfnb.runtime.step import NOT_JSON, to_json
    from kfnb.runtime.store import Store

    found: dict[str, str] = {}
    store = Store(spec["store"])
    for item in spec.get("prepare", ()):
        if "value" in item:
            name, value = item["value"], item["json"]
        elif "load" in item and not item["load"].startswith("@"):
            name, value = item["load"], store.load(item["bundle"], item["load"])
        elif "collect" in item:
            name = item["collect"]
            value = [store.load(b, item["name"]) for b in item["bundles"]]
        else:
            if "run" in item:
                _from_shared(item["run"], spec, found)
            continue
        plain = to_json(value)
        if plain is NOT_JSON:
            raise Failure(
                "load", type(value).__name__,
                "a shell step gets text, numbers and lists; `%s` is a %s: turn it into text in an earlier step" % (name, type(value).__name__),
            )  # fmt: skip
        found[name] = plain if isinstance(plain, str) else dumps(plain)
    return found


def _from_shared(code: dict[str, Any], spec: dict[str, Any], found: dict[str, str]) -> None:
    """A literal of shared code that the script mentions."""
    from kfnb.runtime.cells import Session
    from kfnb.runtime.step import NOT_JSON, to_json

    session = Session(spec)
    session.replay(code)
    for name, value in session.namespace.items():
        plain = to_json(value)
        if not name.startswith("__") and plain is not NOT_JSON:
            found[name] = plain if isinstance(plain, str) else dumps(plain)


def output_files(outputs: Any, folder: str) -> dict[str, str]:
    """A private path for each output, so that steps side by side do not meet in ``/tmp``."""
    os.makedirs(folder, exist_ok=True)
    return {o["name"]: os.path.join(folder, o["name"]) for o in outputs}


def run_script(source: str, names: dict[str, str], files: dict[str, str], outputs: Any) -> int:
    """Run one script and give its exit status."""
    import subprocess

    sys.stdout.flush()
    return subprocess.call(
        command(source, files, outputs), env=dict(os.environ, **names, **files), stderr=subprocess.STDOUT
    )


def command(source: str, files: dict[str, str], outputs: Any) -> list[str]:
    """The command for a script. A path that the script names itself becomes the private one."""
    for output in outputs:
        if output.get("path"):
            source = source.replace(output["path"], files[output["name"]])
    return [*interpreter(source), source]


def interpreter(source: str) -> list[str]:
    """``#!`` decides; else bash where there is one, else sh."""
    first = source.lstrip("\n").split("\n", 1)[0]
    if first.startswith("#!"):
        words = first[2:].split()
        return [*words, "-c"] if words and not words[-1].startswith("-") else words
    for name in ("bash", "sh"):
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
            if os.access(os.path.join(folder, name), os.X_OK):
                return [os.path.join(folder, name), "-c"]
    raise Failure("shell", "FileNotFoundError", "this machine has neither bash nor sh")


def read_outputs(files: dict[str, str], spec: dict[str, Any]) -> dict[str, str]:
    """The outputs' texts, each without one trailing newline, as ``$(…)`` in a shell would give it."""
    found: dict[str, str] = {}
    paths = {o["name"]: o.get("path") for o in spec.get("shell_outputs", ())}
    for name, path in files.items():
        if not os.path.exists(path):
            where = paths.get(name) or "$" + name
            raise Failure(
                "shell", "FileNotFoundError", "the step wrote no output `%s`: it must write the file %s" % (name, where)
            )
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        found[name] = text[:-1] if text.endswith("\n") else text
    return found
