"""Runs the scripts of a shell step, or the command of a container step, in one container, whose image needs no Python.

The runtime itself stays outside: it gives the container texts as environment variables, and reads the files that it writes.
"""

from __future__ import annotations

import os
import shlex
import sys

from kfnb.runtime.components.shell_steps import NotStarted, exit_description, raise_status, run_words, substituted
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

#: The exit status of podman and docker when the container could not be started, or its program is missing.
NOT_STARTED, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127

#: Runs each script as `kfnb.runtime.components.shell_steps.run_script` does. The shell is the first process of the container, which gets
#: only the signals that it traps, so it passes on the request to end.
HEAD = r"""exec 2>&1
script() {
  if command -v bash >/dev/null 2>&1; then checked bash -o pipefail -c "$1"
  elif (set -o pipefail) 2>/dev/null; then checked sh -o pipefail -c "$1"
  else checked sh -c "$1"; fi
}
checked() { program "$@"; s=$?; [ "$s" = 141 ] && s=0; return "$s"; }
failed() {
  for f in %(events)s; do
    [ -r "$f" ] || continue
    while read -r k n; do [ "$k" = oom_kill ] && [ "$n" != 0 ] && : > %(out_of_memory)s; done < "$f"
  done
  exit "$1"
}
program() {
  "$@" </dev/null & p=$!
  trap 'kill -TERM "$p"' TERM
  wait "$p"; s=$?
  kill -0 "$p" 2>/dev/null && { wait "$p"; s=$?; }
  return "$s"
}
"""


def run_in_container(spec: dict[str, Any], names: dict[str, str], files: dict[str, str]) -> None:
    """Run the step of ``spec``, whose ``container`` has the words that start one, and how it tells that it ran out of memory.

    Parameters
    ----------
    names, files
        The texts of the inputs and the paths of the outputs. The container finds both as environment variables.
    """
    current = os.path.join(spec["folder"], "cell")
    outputs = spec.get("shell_outputs", ())
    if spec.get("command"):
        parts = [*spec["command"]["command"], *spec["command"].get("args", ())]
        words = substituted(parts, names, files, outputs)
    else:
        words = ["sh", "-c", _script_of(spec, files, current)]
    start = [*spec["container"]["start"], *(w for n in (*names, *files) for w in ("--env", n))]
    image = spec["container"]["image"]
    try:
        # an empty entry point: the image's own one would get the words as its arguments
        status = run_words([*start, "--entrypoint", words[0], image, *words[1:]], dict(os.environ, **names, **files))
    except NotStarted as error:
        raise Failure("shell", "OSError", str(error)) from None
    if status in (NOT_EXECUTABLE, NOT_FOUND) and not os.path.exists(current):
        message = "the image %s has no program `%s` that can be started" % (spec["container"]["name"], words[0])
        raise Failure("image", "MissingProgram", message)
    if status == NOT_STARTED and not os.path.exists(current):
        raise Failure("image", "ContainerError", "the container could not be started: its log says why")
    if status and spec.get("command"):
        message = "the command of step %s ended with %s" % (spec.get("step"), exit_description(status))
        raise Failure("shell", "exit", message)
    if status:
        with open(current, encoding="ascii") as file:
            raise_status(int(file.read()), status)


def _script_of(spec: dict[str, Any], files: dict[str, str], current: str) -> str:
    """One script that runs the scripts of all cells, and keeps in the file ``current`` in which cell it is."""
    container = spec["container"]
    mark = shlex.quote(os.path.join(spec["folder"], container["out_of_memory"]))
    lines = [HEAD.replace("%(events)s", " ".join(container["memory_events"])).replace("%(out_of_memory)s", mark)]
    for cell in spec.get("cells", ()):
        source = substituted([cell["source"]], {}, files, spec.get("shell_outputs", ()), placeholders=False)[0]
        lines.append("echo %d > %s" % (cell["cell"], shlex.quote(current)))
        if spec.get("mark"):
            lines.append("printf '\\036%%s %%d\\036' %s %d" % (spec["mark"], cell["cell"]))
        lines.append("%s || failed $?" % " ".join(map(shlex.quote, [*_runner(source), source])))
    sys.stdout.flush()
    return "\n".join(lines)


def _runner(source: str) -> list[str]:
    """The function of `HEAD` that runs a script, with the words of the program that the script names."""
    first = source.lstrip("\n").split("\n", 1)[0]
    if not first.startswith("#!"):
        return ["script"]
    words = first[2:].split()
    return ["program", *words, "-c"] if words and not words[-1].startswith("-") else ["program", *words]
