"""The commands of plain containers, which run scripts and commands in their image unchanged, with an engine's placeholders."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kfnb.engines.cluster.lowering.jobs_and_blocks import Gate, Job, condition_text
from kfnb.engines.cluster.lowering.text_steps import NOTHING_GIVEN
from kfnb.engines.cluster.submission.cluster_options import BARE_ALLOWANCE, START_ALLOWANCE
from kfnb.pipeline.model import Step
from kfnb.runtime.pods.handover.coded_text import NOTHING
from kfnb.runtime.pods.limited_time import timeout_error
from kfnb.runtime.pods.report_lines import MARK

OUT = "_kfnb_out_"
#: Runs the script with bash when the image has it, else with sh, as the local engine does.
PREFER_BASH = 'if command -v bash >/dev/null 2>&1; then exec bash -c "$0" "$@"; fi; exec sh -c "$0" "$@"'
#: The same for a script that names no shell with `#!`: it fails when any part of its last pipe fails, as far as the shell can do that: dash cannot.
PIPEFAIL = (
    'if command -v bash >/dev/null 2>&1; then exec bash -o pipefail -c "$0" "$@"; fi; '
    'if (set -o pipefail) 2>/dev/null; then exec sh -o pipefail -c "$0" "$@"; fi; exec sh -c "$0" "$@"'
)
#: A program that ends with status 141 because its reader had enough, as in `yes | head -1`, has not failed.
CHECKED = "(\n{}\n)\n_s=$?; case $_s in 0 | 141) ;; *) exit $_s ;; esac"

#: Runs a command as it is.
COMMAND = 'exec "$0" "$@"'
#: Programs that are shells: an image with such a command has a POSIX shell.
SHELLS = frozenset({"sh", "bash", "ash", "dash", "ksh", "zsh"})
#: Repositories of Docker Hub, by their names without `library/`, of which all Linux images have a POSIX shell.
SHELL_IMAGES = frozenset(
    "almalinux alpine amazonlinux bash buildpack-deps busybox debian eclipse-temurin fedora gcc golang google/cloud-sdk httpd julia mariadb "
    "maven mysql nginx node openjdk oraclelinux perl php postgres pypy python r-base redis rockylinux ruby rust ubuntu".split()
)

#: Around one of these, for a script or command with a timeout. Who asks the container to end means it. When the time is over, the second process
#: ends it and all that it started, and no longer lets itself be ended, which is how the first one knows. Nothing that is left may keep the
#: container's output open. The first one traps after it has started both: until a process has put its parent's trap off, it loses what is sent.
LIMITED = """\
tree() {
  for f in /proc/[0-9]*/stat; do
    { read -r l < "$f"; } 2>/dev/null || continue
    n=${l%%%% *} r=${l##*) }; r=${r#* }
    [ "${r%%%% *}" = "$1" ] && { echo "$n"; tree "$n"; }
  done
}
sh -c %(runner)s "$0" "$@" & p=$!
(sleep %(seconds)d || exit 1; trap '' TERM; t="$p $(tree $p)"; kill -TERM $t; sleep 3; kill -KILL $t; exit 0) >/dev/null 2>&1 & w=$!
trap 'kill -TERM $p' TERM
{ wait $p; } 2>/dev/null; s=$?
kill -0 $p 2>/dev/null && { { wait $p; } 2>/dev/null; s=$?; }
kill $w 2>/dev/null
{ wait $w; } 2>/dev/null && printf '\\n%%s\\n%%s\\n' %(report)s %(message)s
exit $s"""


@dataclass(frozen=True)
class ContainerCommand:
    """The command and the arguments of a container."""

    command: tuple[str, ...]
    args: tuple[str, ...]


@dataclass(frozen=True)
class Placeholders:
    """How an engine writes the text of an input and the path of an output, and how it escapes the user's own text."""

    text: Callable[[str], str]
    path: Callable[[str], str]
    literal: Callable[[str], str]
    written: Callable[[list[str]], list[str]] = (
        lambda names: []
    )  #: more lines for a script, after it has written these outputs
    gates: tuple[
        tuple[Gate, str], ...
    ] = ()  #: the branches that a script enters itself, and the text of the choice of each


def container_command(job: Job, placeholders: Placeholders) -> ContainerCommand:
    """The command that the plain container of a job runs."""
    return _script(job, placeholders) if job.step.shell else _command(job, placeholders)


def pod_deadline(job: Job) -> int | None:
    """The `activeDeadlineSeconds` of the pod of a job, which has a timeout. They also count the time until the step's code starts."""
    timeout = job.step.settings.timeout
    return round(timeout) + (START_ALLOWANCE if ends_itself(job) else BARE_ALLOWANCE) if timeout else None


def ends_itself(job: Job) -> bool:
    """Whether the pod of a job ends its step at the timeout. A command in an image that may have no shell leaves that to Kubernetes."""
    return not job.plain_container or has_shell(job.step)


def has_shell(step: Step) -> bool:
    """Whether the image of a script or command surely has a POSIX shell: its command is one, or it is a known image of Docker Hub."""
    if step.command is None:
        return True
    image, program = step.settings.image or "", step.command.words[0]
    repository = re.sub(r"(:[^/:]*)?(@.*)?$", "", image).removeprefix("docker.io/").removeprefix("library/")
    return program.rpartition("/")[2] in SHELLS or repository in SHELL_IMAGES


def exporting(command: ContainerCommand, variables: Mapping[str, str]) -> ContainerCommand:
    """A command with environment variables that a shell sets, for an engine whose own take no placeholders."""
    if not variables:
        return command
    sets = [f'{n}="${{{at}}}"' for at, n in enumerate(variables, 1)]
    script = f'export {" ".join(sets)}; shift {len(variables)}; exec "$@"'
    return ContainerCommand(("sh", "-c", script), ("kfnb", *variables.values(), *command.command, *command.args))


def only_in_environment(step: Step) -> list[str]:
    """The inputs and outputs of a command that it can find in its environment alone, because its words do not name them."""
    assert step.command is not None
    names = [i.name for i in step.inputs] + [o.name for o in step.shell_outputs if not o.path]
    return [n for n in names if not any(f"{{{n}}}" in w for w in step.command.words)]


def _script(job: Job, placeholders: Placeholders) -> ContainerCommand:
    """A shell script. Its inputs and the paths of its outputs are positional arguments, which it finds as exported variables."""
    step = job.step
    inputs = [i.name for i in step.inputs]
    outputs = [o.name for o in step.shell_outputs]
    head = [f'{n}="${{{at}}}"' for at, n in enumerate(inputs, 1)]
    head += [f'{OUT}{n}="${{{at}}}"' for at, n in enumerate(outputs, len(inputs) + 1)]
    head += [f'{o.name}="{o.path or f"${OUT}{o.name}"}"' for o in step.shell_outputs]
    head += [f'mkdir -p "$(dirname "${OUT}{n}")"' for n in outputs]
    head += [
        line
        for at, (g, _) in enumerate(placeholders.gates, len(inputs) + len(outputs) + 1)
        for line in _enter(job, g, at)
    ]
    head += [f"export {' '.join([*inputs, *outputs])}"] if inputs or outputs else []
    body = [CHECKED.replace("{}", c.source) for c in step.cells]
    tail = [f'[ "${o.name}" = "${OUT}{o.name}" ] || cp "${o.name}" "${OUT}{o.name}"' for o in step.shell_outputs]
    tail += placeholders.written(outputs)
    script = "\n".join([*head, *body, *tail])
    arguments = [placeholders.text(n) for n in inputs] + [placeholders.path(n) for n in outputs]
    arguments += [choice for _, choice in placeholders.gates]
    names_shell = any(c.source.lstrip().startswith("#!") for c in step.cells)
    runner = PREFER_BASH if names_shell else PIPEFAIL
    runner = _limited(step, runner) if step.settings.timeout else runner
    return ContainerCommand(("sh", "-c", runner), (placeholders.literal(script), "kfnb", *arguments))


def _enter(job: Job, gate: Gate, at: int) -> list[str]:
    """The lines of a script that end it where another branch was taken. Whoever reads its outputs finds that it was skipped."""
    text = condition_text(job, gate.condition)
    reason = text if text in NOTHING_GIVEN else f"`{text}` was false"
    left = [f'printf %s {shlex.quote(NOTHING)} > "${OUT}{o.name}"' for o in job.step.shell_outputs]

    def leave(why: str) -> str:
        report = MARK + json.dumps({"step": job.name, "state": "skipped", "reason": why}, ensure_ascii=False)
        return "; ".join([*left, f"printf '\\n%s\\n' {shlex.quote(report)}", "exit 0"])

    error = f"the condition `{text}` cannot be evaluated"
    failed = {
        "step": job.name,
        "state": "failed",
        "error": {"kind": "condition", "type": "TypeError", "message": error},
    }
    report = shlex.quote(MARK + json.dumps(failed, ensure_ascii=False))
    return [
        f'case "${{{at}}}" in',
        f"  {gate.branch}) ;;",
        f"  none) {leave(reason)} ;;",
        f"  *error*) printf '%s\\n%s\\n' {shlex.quote(error)} {report}; exit 1 ;;",
        f"  *) {leave('another branch was taken')} ;;",
        "esac",
    ]


def _limited(step: Step, runner: str) -> str:
    """A runner that ends the script or command of a step at its timeout, and reports that as the runtime would."""
    error = timeout_error(step.settings.timeout or 0)
    report = MARK + json.dumps({"step": step.name, "state": "failed", "error": error}, ensure_ascii=False)
    words = {"runner": runner, "message": f"{error['type']}: {error['message']}", "report": report}
    return LIMITED % {
        "seconds": math.ceil(step.settings.timeout or 0), **{k: shlex.quote(v) for k, v in words.items()}
    }  # fmt: skip


def _command(job: Job, placeholders: Placeholders) -> ContainerCommand:
    step = job.step
    assert step.command is not None
    names = {i.name: placeholders.text for i in step.inputs} | {o.name: placeholders.path for o in step.shell_outputs}
    paths = {o.path: o.name for o in step.shell_outputs if o.path}
    # A longer path that only begins with the path of an output is another file.
    marks = [re.escape(p) + r"(?![\w/-]|\.\w)" for p in sorted(paths, key=len, reverse=True)]
    marks += [r"(?<!\$)\{(?:%s)\}" % "|".join(map(re.escape, names))] if names else []
    pattern = re.compile(f"({'|'.join(marks)})") if marks else None

    def substitute(argument: str) -> str:
        text = ""
        for index, part in enumerate(pattern.split(argument) if pattern is not None else [argument]):
            if index % 2 == 0:
                text += placeholders.literal(part)
            elif part in paths:
                text += placeholders.path(paths[part])
            else:
                text += names[part[1:-1]](part[1:-1])
        return text

    command, args = (tuple(map(substitute, words)) for words in (step.command.command, step.command.args))
    if step.settings.timeout and ends_itself(job):
        return ContainerCommand(("sh", "-c", _limited(step, COMMAND)), (*command, *args))
    return ContainerCommand(command, args)


def escape_dollars(text: str) -> str:
    """Escape a text of the user, so that kubelet passes it on unchanged: it reads ``$$`` as ``$``, and replaces ``$(NAME)``.

    Source: kubernetes `third_party/forked/golang/expansion`.
    """
    return text.replace("$", "$$")
