"""Runs shell steps and container steps: inputs are environment variables, outputs are text files."""

from __future__ import annotations

import os
import subprocess
import sys

from kfnb.runtime.light_json import NOT_JSON, dumps, to_json
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

#: A script fails when any part of its last pipe fails, as far as the shell can do that: dash cannot.
PIPEFAIL = 'if (set -o pipefail) 2>/dev/null; then exec sh -o pipefail -c "$0"; fi; exec sh -c "$0"'
PIPE_CLOSED = 128 + 13  #: the status of `yes | head -1` then: a program whose reader had enough has not failed
LOG = 1  #: the file descriptor that everything a step prints goes to


class CommandFailed(subprocess.CalledProcessError):
    """The command of a component ended with an exit status other than 0."""

    def __init__(self, returncode: int, cmd: Any, name: str) -> None:
        super().__init__(returncode, cmd)
        self.name = name

    def __str__(self) -> str:
        return "component %s ended with %s" % (self.name, exit_description(self.returncode))


class NotStarted(Exception):
    """A command cannot be started, for the reason in the text. ``missing``: this machine lacks its program."""

    missing = False


def run_shell(spec: dict[str, Any], result: dict[str, Any], run: Callable[..., None]) -> None:
    """Run a shell step or a container step and keep its output files.

    ``run`` runs its scripts or its command, with the spec, the texts of the inputs and the paths of the outputs.
    """
    names = _inputs(spec)
    folder = _shell_safe_folder(os.path.join(spec["folder"], "out"))
    try:
        files = output_files(spec.get("shell_outputs", ()), folder)
        run(spec, names, files)
        texts = read_outputs(files, spec)
    finally:
        if not folder.startswith(spec["folder"]):
            _remove(folder)
    if texts:
        from kfnb.runtime.step_outputs import store_outputs

        store_outputs(spec, dict(texts), list(texts), [], result)
        result["exports"].update({n: t for n, t in texts.items() if len(t) <= 100_000})


def run_scripts(
    announce_cell: Callable[..., None], spec: dict[str, Any], names: dict[str, str], files: dict[str, str]
) -> None:
    """Run the scripts of a shell step one after the other. ``announce_cell`` says in the log which cell prints from there on."""
    for cell in spec.get("cells", ()):
        announce_cell(spec, cell)
        raise_status(cell["cell"], run_script(cell["source"], names, files, spec.get("shell_outputs", ())))


def raise_status(cell: int, status: int) -> None:
    """Raise the failure of a script that ended with a status other than 0."""
    if status:
        raise Failure("shell", "exit", "the script of cell %s ended with %s" % (cell, exit_description(status)), cell)


def run_command(spec: dict[str, Any], names: dict[str, str], files: dict[str, str]) -> None:
    """Run the command of a container step on this machine."""
    container, step = spec["command"], spec.get("step")
    words = substituted(
        [*container["command"], *container.get("args", ())], names, files, spec.get("shell_outputs", ())
    )
    try:
        status = run_words(words, dict(os.environ, **names, **files))
    except NotStarted as error:
        raise Failure(
            "shell", "FileNotFoundError" if error.missing else "OSError",
            "the command of step %s: %s" % (step, _with_image_hint(error, container.get("image"))),
        ) from None  # fmt: skip
    if status:
        raise Failure("shell", "exit", "the command of step %s ended with %s" % (step, exit_description(status)))


def run_component(component: dict[str, Any], words: list[str], values: dict[str, Any]) -> Any:
    """Run the command of a component on this machine and return its outputs."""
    from tempfile import TemporaryDirectory

    subject = "component %s" % component["name"]
    names: dict[str, str] = {}
    for name, value in values.items():
        text = as_text(value)
        if text is None:
            raise TypeError(
                "%s: a command gets text, numbers and lists; `%s` is a %s: turn it into text first"
                % (subject, name, type(value).__name__)
            )
        names[name] = text
    outputs = [{"name": n, "path": p} for n, p in component["outputs"].items()]
    with TemporaryDirectory(prefix="kfnb-") as folder:
        files = output_files(outputs, folder)
        words = substituted(words, names, files, outputs)
        try:
            status = run_words(words, dict(os.environ, **names, **files))
        except NotStarted as error:
            kind = FileNotFoundError if error.missing else OSError
            raise kind("%s: %s" % (subject, _with_image_hint(error, component["image"]))) from None
        if status:
            raise CommandFailed(status, words, component["name"])
        try:
            texts = read_outputs(files, {"shell_outputs": outputs}, subject)
        except Failure as failure:
            raise FileNotFoundError(failure.message) from None
    if len(texts) < 2:
        return next(iter(texts.values()), None)
    from kfnb.runtime.components import component_signatures

    return component_signatures.outputs(
        component_signatures.outputs_name(component["name"]), tuple(texts), tuple(texts.values())
    )


# -------------------------------------------------------------------- inputs
def as_text(value: Any) -> str | None:
    """A value as the text that a command gets: text unchanged, other values as JSON, ``None`` when neither is possible."""
    plain = to_json(value)
    if plain is NOT_JSON:
        return None
    text = plain if isinstance(plain, str) else dumps(plain)
    try:
        os.fsencode(text)
    except UnicodeEncodeError:  # half of a character, which a command cannot get: its escape sequence
        text = text.encode("utf-8", "backslashreplace").decode()
    return text


def _inputs(spec: dict[str, Any]) -> dict[str, str]:
    from kfnb.runtime.values.value_store import Store

    found: dict[str, str] = {}
    values: dict[str, Any] = {}
    store = Store(spec["store"])
    for item in spec.get("prepare", ()):
        if "value" in item:
            name, value = item["value"], item["json"]
        elif "load" in item and not item["load"].startswith("@"):
            name, value = item["load"], store.load(item["bundle"], item.get("name", item["load"]))
        elif "collect" in item:
            from kfnb.runtime.values.failed_iteration import collected

            name = item["collect"]
            value = collected(item, store)
        else:
            if "run" in item:
                _run_shared_code(item["run"], spec, values, found)
            continue
        values[name] = value
        text = as_text(value)
        if text is None and any("run" in i for i in spec["prepare"]):
            continue  # shared code makes texts of it
        if text is None:
            raise Failure(
                "load", type(value).__name__,
                "a %s gets text, numbers and lists; `%s` is a %s: turn it into text in an earlier step"
                % ("command" if spec.get("command") else "shell step", name, type(value).__name__),
            )  # fmt: skip
        found[name] = text
    return found


def _run_shared_code(code: dict[str, Any], spec: dict[str, Any], values: dict[str, Any], found: dict[str, str]) -> None:
    """Run shared code with the values before it, and take over its values and those of their texts that there are."""
    from kfnb.runtime.cells.run_cells import Session

    session = Session(spec)
    session.namespace.update(values)
    session.replay(code)
    for name, value in session.namespace.items():
        if name.startswith("__"):
            continue
        values[name] = value
        text = as_text(value)
        if text is not None:
            found[name] = text


# -------------------------------------------------------------------- commands
def run_script(source: str, names: dict[str, str], files: dict[str, str], outputs: Any) -> int:
    """Run one script and return its exit status."""
    try:
        status = run_words(command(source, files, outputs), dict(os.environ, **names, **files))
    except NotStarted as error:
        raise Failure("shell", "OSError", "the script cannot be started: %s" % error) from None
    return 0 if status == PIPE_CLOSED and not _names_program(source) else status


def command(source: str, files: dict[str, str], outputs: Any) -> list[str]:
    """The command that runs a script. A fixed path of an output in the script becomes the private path."""
    return [*interpreter(source), *substituted([source], {}, files, outputs, placeholders=False)]


def substituted(
    words: list[str], texts: dict[str, str], files: dict[str, str], outputs: Any, placeholders: bool = True
) -> list[str]:
    """A command with ``{NAME}`` replaced by the text or file of that name, and fixed paths of outputs by private paths.

    Inserted text is not searched again.
    """
    import re

    places = dict(texts, **files) if placeholders else {}
    paths = {o["path"]: files[o["name"]] for o in outputs if o.get("path")}
    # a longer path that only begins with an output's is another file
    marks = [re.escape(p) + r"(?![\w/-]|\.\w)" for p in sorted(paths, key=len, reverse=True)]
    if places:
        marks.append(r"(?<!\$)\{(?:%s)\}" % "|".join(map(re.escape, places)))
    if not marks:
        return list(words)
    pattern = re.compile("|".join(marks))

    def substitution(match: Any) -> str:
        found: str = match.group()
        return paths[found] if found in paths else places[found[1:-1]]

    return [pattern.sub(substitution, word) for word in words]


def run_words(words: list[str], env: dict[str, str]) -> int:
    """Run a command with its output among this process's, and return its exit status. Raises `NotStarted`."""
    sys.stdout.flush()
    pipe = None if _prints_to_log() else subprocess.PIPE
    try:
        process = subprocess.Popen(
            words, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT,
            start_new_session=bool(pipe), **({"encoding": "utf-8", "errors": "backslashreplace"} if pipe else {}),
        )  # type: ignore[call-overload]  # fmt: skip
    except (OSError, ValueError) as error:
        raise _not_started(error, words[0]) from None
    with process:
        try:
            for line in process.stdout or ():
                print(line, end="")
            status: int = process.wait()
        except BaseException:
            if pipe:  # a kernel would not end what the command has started
                _kill_group(process.pid)
            process.kill()
            raise
    return status


def _kill_group(pid: int) -> None:
    import contextlib
    import signal

    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _prints_to_log() -> bool:
    try:
        return sys.stdout.fileno() == LOG
    except (AttributeError, OSError, ValueError):
        return False  # the stream of a kernel or a test


def _not_started(error: Exception, program: str) -> NotStarted:
    if isinstance(error, OSError) and error.errno == 7:
        return NotStarted(
            "its inputs are too long for a command: 128 kB each, less than 2 MB together; pass the path of a file"
        )
    if not isinstance(error, OSError):
        return NotStarted("an input cannot stand in a command: %s" % error)
    if isinstance(error, FileNotFoundError):
        found = NotStarted("the command `%s` is not on this machine" % program)
        found.missing = True
        return found
    return NotStarted("the command `%s` cannot be started here: %s" % (program, error.strerror))


def _with_image_hint(error: NotStarted, image: str | None) -> str:
    return "%s; the image %s has it" % (error, image) if error.missing and image else str(error)


def exit_description(status: int) -> str:
    """How a process ended, in words for a message."""
    return "signal %d" % -status if status < 0 else "exit status %d" % status


def interpreter(source: str) -> list[str]:
    """The program that runs a script: the one after ``#!``, else bash, else sh."""
    if _names_program(source):
        words = source.lstrip("\n").split("\n", 1)[0][2:].split()
        return [*words, "-c"] if words and not words[-1].startswith("-") else words
    for name, options in (("bash", ["-o", "pipefail", "-c"]), ("sh", ["-c", PIPEFAIL])):
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
            if os.access(os.path.join(folder, name), os.X_OK):
                return [os.path.join(folder, name), *options]
    raise Failure("shell", "FileNotFoundError", "this machine has neither bash nor sh")


def _names_program(source: str) -> bool:
    return source.lstrip("\n").startswith("#!")


# -------------------------------------------------------------------- outputs
def output_files(outputs: Any, folder: str) -> dict[str, str]:
    """A private path for each output, so that parallel steps do not write the same file in ``/tmp``."""
    os.makedirs(folder, 0o700, exist_ok=True)
    return {o["name"]: os.path.join(folder, o["name"]) for o in outputs}


def read_outputs(files: dict[str, str], spec: dict[str, Any], subject: str = "the step") -> dict[str, str]:
    """The texts of the outputs, each without one trailing newline, as with ``$(…)`` in a shell."""
    found: dict[str, str] = {}
    paths = {o["name"]: o.get("path") for o in spec.get("shell_outputs", ())}
    for name, path in files.items():
        if not os.path.isfile(path):
            where = paths.get(name) or "$" + name
            raise Failure(
                "shell",
                "FileNotFoundError",
                "%s wrote no output `%s`: it must write the file %s" % (subject, name, where),
            )
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            text = file.read()
        found[name] = text[:-1] if text.endswith("\n") else text
    return found


def _shell_safe_folder(folder: str) -> str:
    """``folder``, or a temporary one when its path needs quotes: scripts often write paths without, and it may be ``train[2]``."""
    if all(c.isalnum() or c in "/._-" for c in folder):
        return folder
    from tempfile import mkdtemp

    return mkdtemp(prefix="kfnb-")


def _remove(folder: str) -> None:
    from shutil import rmtree

    rmtree(folder, ignore_errors=True)
