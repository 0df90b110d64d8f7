"""Writes the reference pages of the site from the code: an MkDocs hook, and the functions that the tests call."""

from __future__ import annotations

import inspect
import os
import re
import secrets
import sys
from contextlib import nullcontext
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import click
import yaml
from click.testing import CliRunner

HERE = Path(__file__).parent
EXAMPLES = HERE / "problems.yaml"


def _load(text: str) -> Any:
    """The content of a YAML text, without Python objects. The loader in C, where there is one, takes a tenth of the time."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages; MkDocs calls this."""
    from mkdocs.structure.files import File

    for path, text in pages(run=True).items():
        files.append(File.generated(config, path, content=text))
    return files


def pages(*, run: bool = False) -> dict[str, str]:
    """Every generated page: its path within the site, and its Markdown. With ``run``, the examples of problems are run."""
    return {
        "reference/commands.md": commands_page(),
        "reference/python.md": python_page(),
        "reference/marks.md": marks_page(),
        "reference/configuration.md": configuration_page(),
        "reference/magics.md": magics_page(),
        "reference/rest.md": rest_page(),
        **problem_pages(run=run),
    }


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    cells = [[c.replace("|", "\\|").replace("\n", " ") for c in row] for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"


# -------------------------------------------------------------------- commands
def commands_page() -> str:
    """The command line, from click."""
    from kfnb.cli import cli

    context = click.Context(cli, info_name="kfnb")
    sections = [_command_section(name, cli.get_command(context, name), context) for name in cli.list_commands(context)]
    head = "# Commands\n\nEvery command has `--help`. The exit status is 0 when the run succeeded, 1 when it failed or the notebook has errors, 2 when the command line is wrong, and 130 when the run was cancelled.\n"
    return "\n".join([head, *sections])


def _command_section(name: str, command: Any, parent: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(["kfnb", name, *command.collect_usage_pieces(context)])
    help_text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    if isinstance(command, click.Group):
        sections = [_command_section(f"{name} {n}", c, context.parent) for n, c in command.commands.items()]
        return "\n".join([f"## kfnb {name}\n\n{_escaped(help_text)}\n", *sections])
    options = [record for p in command.params if (record := p.get_help_record(context))]
    rows = [[f"`{option}`", text] for option, text in options]
    return f"## kfnb {name}\n\n```text\n{usage}\n```\n\n{_escaped(help_text)}\n\n{table(['option', 'meaning'], rows) if rows else ''}"


def _escaped(text: str) -> str:
    return text.replace("[", "\\[").replace("<", "&lt;")


# -------------------------------------------------------------------- the Python API
def python_page() -> str:
    """What `kfnb` exports, from signatures and docstrings."""
    import kfnb

    parts = ["# Python API\n\nEverything here is imported from `kfnb`.\n"]
    for name in kfnb.__all__:
        value = getattr(kfnb, name)
        parts.append(_member(name, value, "##"))
        if inspect.isclass(value):
            parts += [_member(f"{name}.{n}", m, "###") for n, m in _public_members(value)]
    return "\n".join(parts)


def _public_members(value: type) -> list[tuple[str, Any]]:
    found = [(n, m) for n, m in vars(value).items() if not n.startswith("_")]
    return [(n, m) for n, m in found if isinstance(m, property) or inspect.isfunction(m)]


def _member(name: str, value: Any, level: str) -> str:
    if isinstance(value, property):
        return f"{level} {name}\n\n{_docstring(value)}\n"
    if inspect.ismodule(value):  # `kfnb.runs` is a package that can be called
        from kfnb.client.runs_table import runs as value
    return f"{level} {name}\n\n{_signature(value, name)}{_docstring(value)}\n"


def _signature(function: Any, name: str) -> str:
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    shown = [p for p in found.parameters.values() if p.name != "self"]
    text = str(found.replace(parameters=shown)).replace("'", "")
    return f"```text\n{name}{text}\n```\n\n"


def _docstring(value: Any) -> str:
    """A numpy docstring as Markdown: sections become bold words, parameters become a list."""
    text = (inspect.getdoc(value) or "").replace("``", "`")
    lines, out, index = text.split("\n"), [], 0
    in_section = False
    while index < len(lines):
        line = lines[index]
        if index + 1 < len(lines) and lines[index + 1] and set(lines[index + 1]) == {"-"}:
            in_section = True
            out.append(f"\n**{line}**\n")
            index += 2
            continue
        if in_section and line and not line.startswith(" "):
            out.append(f"\n`{line}`")
        elif in_section and line:
            out.append(f":   {line.strip()}" if out and out[-1].startswith("\n`") else f"    {line.strip()}")
        else:
            out.append(line)
        index += 1
    return "\n".join(out) + "\n"


# -------------------------------------------------------------------- marks
def marks_page() -> str:
    """The marks, from the table that the notebook's reader uses."""
    from kfnb.notebook.marks.mark_table import MARKS

    meanings = _load((HERE / "marks.yaml").read_text("utf-8"))
    rows = []
    for word, mark in MARKS.items():
        tag = f"`{word}:{mark.shown}`" if mark.shown else f"`{word}`"
        option = f"`--{word} {mark.shown}`" if mark.shown else f"`--{word}`"
        option = "the first word" if word == "step" else option
        rows.append([meanings["marks"][word], tag, option, "yes" if mark.many else "no"])
    roles = [[text, f"`{role}`", f"`%%{role}`"] for role, text in meanings["roles"].items()]
    return f"""# Marks

A mark says what a cell is. A mark `word:value` can stand as a tag of the cell, as the option `--word value` in the first line
`%%component NAME`, or as `{{"word": "value"}}` in the cell's metadata under `kfnb`. All three mean the same.

## Marks of a step

{table(["meaning", "tag", "`%%component`", "several times"], rows)}
## Roles of a cell

{table(["meaning", "tag", "magic"], roles)}"""


# -------------------------------------------------------------------- configuration
def configuration_page() -> str:
    """The settings of `kfnb.toml`, from the dataclasses that read it, and those of Jupyter Server."""
    from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
    from kfnb.engines.cluster.targets import target_settings
    from kfnb.engines.cluster.targets.connection import Connection
    from kfnb.server import extension_app

    known = set(target_settings.KNOWN)
    meanings: dict[str, str] = _load((HERE / "settings.yaml").read_text("utf-8"))
    defaults = {
        f.name: f.default for owner in (Connection, ClusterOptions) for f in fields(owner) if f.default is not MISSING
    }
    rows = [[f"`{name}`", meanings[name], _default(name, defaults)] for name in meanings if name in known]
    app = next(
        c for _, c in inspect.getmembers(extension_app, inspect.isclass) if c.__module__ == extension_app.__name__
    )
    traits = app.class_own_traits(config=True)
    server = [
        [f"`{app.__name__}.{n}`", t.help or "", f"`{t.default_value}`"] for n, t in sorted(traits.items()) if t.help
    ]
    return f"""# Configuration

## Targets in `kfnb.toml`

A target is a table `[targets.NAME]` in a `kfnb.toml`. kfnb looks for the file beside the notebook, in the folders above it, and in
your configuration folder (`~/.config/kfnb/kfnb.toml`). A file that lies beside a notebook counts only once you have
[trusted it](../howto/trust.md).

{table(["setting", "meaning", "default"], rows)}
## Retention in `kfnb.toml`

The table `[record]` in the file in your own configuration folder says how many runs are kept. See [prune the record](../howto/prune.md).

## Jupyter Server

{table(["setting", "meaning", "default"], server)}"""


def _default(name: str, defaults: dict[str, Any]) -> str:
    value = defaults.get(name)
    if name == "image":
        return "`python:X.Y-slim`, of your Python"
    return "" if value in (None, "", ()) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


# -------------------------------------------------------------------- magics
def magics_page() -> str:
    """What becomes of IPython's magics in a step, from the table that the checks use."""
    from kfnb.runtime.magics.magic_table import CELL, LINE, MEANING, NOTES

    names = [(sign + name, kind) for sign, kinds in (("%", LINE), ("%%", CELL)) for name, kind in kinds.items()]
    rows = []
    for kind, meaning in MEANING.items():
        mine = sorted((n for n, k in names if k == kind), key=lambda n: (n.startswith("%%"), n))
        rows.append([meaning, " ".join(f"`{n}`" for n in mine)])
    notes = [[f"`{name}`", note] for name, note in sorted(NOTES.items())]
    return f"""# IPython's magics

What a step does with each magic. [The explanation](../explanation/magics.md) says why.

{table(["in a step", "magics"], rows)}
## Notes

{table(["magic", "note"], notes)}"""


# -------------------------------------------------------------------- REST
def rest_page() -> str:
    """The server extension's endpoints, from `openapi.yaml`."""
    import kfnb

    spec = _load((Path(kfnb.__file__).parent / "server" / "openapi.yaml").read_text("utf-8"))
    parts = [f"# REST API\n\n{spec['info']['description']}\n"]
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            if method == "parameters":
                continue
            parts.append(
                f"## {method.upper()} `{path}`\n\n{operation.get('summary', '')}\n\n{operation.get('description', '')}\n"
            )
            rows = [
                [f"`{code}`", _escaped(answer.get("description", ""))]
                for code, answer in operation.get("responses", {}).items()
            ]
            parts.append(table(["status", "answer"], rows))
    return "\n".join(parts)


# -------------------------------------------------------------------- problems
GROUPS = {
    "1": "The file and its cells", "2": "Marks", "3": "Names and values between steps", "4": "The graph",
    "5": "Parameters and requests", "6": "Pipeline cells", "7": "Clusters",
}  # fmt: skip


def problem_examples() -> dict[str, dict[str, Any]]:
    """For every code a notebook that has the problem, and the mended one."""
    found: dict[str, dict[str, Any]] = _load(EXAMPLES.read_text("utf-8"))
    return found


@dataclass(frozen=True)
class Printed:
    """What a command of kfnb printed, and its exit status."""

    status: int
    output: str


def problem_pages(*, run: bool = False) -> dict[str, str]:
    """One page for each code, and an index. With ``run``, every example is run, and its page shows what kfnb printed."""
    from kfnb.problems import KINDS

    examples = problem_examples()
    index = ["# Problems\n\nEvery problem that kfnb reports has a code. A code never changes its meaning.\n"]
    for digit, title in GROUPS.items():
        codes = sorted(c for c in KINDS if c[2] == digit)
        rows = [[f"[{c}]({c}.md)", KINDS[c].slug, KINDS[c].severity, KINDS[c].doc] for c in codes]
        index.append(f"## {title}\n\n{table(['code', 'name', 'severity', 'meaning'], rows)}")
    pages = {f"reference/problems/{code}.md": problem_page(code, examples.get(code, {}), run=run) for code in KINDS}
    return {"reference/problems/index.md": "\n".join(index), **pages}


def problem_page(code: str, example: dict[str, Any], *, run: bool = False) -> str:
    """The page of a code: its meaning, an example with its message, and the mended example."""
    from kfnb.problems import KINDS

    kind = KINDS[code]
    parts = [f"---\nsearch:\n  boost: 2\n---\n# {code}: {kind.slug}\n\n**{kind.severity.capitalize()}.** {kind.doc}\n"]
    if "why" in example:
        parts.append(example["why"])
    for title, key in (("Example", "example"), ("Mended", "mended")):
        if key not in example:
            continue
        parts.append(f"## {title}\n")
        parts += [_fenced(text, path) for path, text in _example_files(example, key).items()]
        parts += [_fenced(text, f"~/.config/kfnb/{path}") for path, text in example.get("home_files", {}).items()]
        lines = _example_commands(example, key)
        if lines != [""]:
            printed = _printed_alone(code, key, example) if run else ""
            parts.append("```console\n" + "\n".join(f"$ kfnb {line}" for line in lines) + f"\n{printed}```\n")
    return "\n".join(parts)


def _example_files(example: dict[str, Any], key: str) -> dict[str, str]:
    """The files of the notebook as it is, or as it is mended."""
    name = example.get("file", "notebook.py")
    return {name: example[key], **example.get("files", {}), **example.get(f"{key}_files", {})}


def _example_commands(example: dict[str, Any], key: str) -> list[str]:
    """The commands of an example; the last one has the problem."""
    first = [example["first"]] if "first" in example else []
    lines = [*first, example.get(f"{key}_command", example.get("command", "check NB"))]
    return [line.replace("NB", example.get("file", "notebook.py")) for line in lines]


def run_example(example: dict[str, Any], key: str, folder: Path) -> Printed:
    """Run an example in a folder, with the record of runs and the configuration that the environment names."""
    from kfnb.cli import cli

    home = Path(os.environ["XDG_CONFIG_HOME"]) / "kfnb"
    home.mkdir(parents=True, exist_ok=True)
    for path, text in example.get("home_files", {}).items():
        (home / path).write_text(text, encoding="utf-8")
    for path, text in _example_files(example, key).items():
        filler = secrets.token_hex(example["noise"] // 2) if "noise" in example else "…"
        (folder / path).write_text(text.replace("…", filler), encoding="utf-8")
    is_without = "without" in example and key == "example"
    # what is patched is put back whole: modules that an example is the first to import would be imported anew by the next
    with patch.dict(sys.modules, {example["without"]: None}) if is_without else nullcontext():
        for line in _example_commands(example, key):
            done = CliRunner().invoke(cli, line.split())
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return Printed(1, str(done.exception))
    return Printed(done.exit_code, done.output)


def _printed_alone(code: str, key: str, example: dict[str, Any]) -> str:
    """What an example prints in a folder of its own; nothing if this environment lacks what the problem is about."""
    here = Path.cwd()
    with TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        own = {"KFNB_HOME": f"{folder}/record", "XDG_CONFIG_HOME": f"{folder}/config"}
        with patch.dict(os.environ, own), patch.object(sys, "path", [str(work), *sys.path]):
            os.chdir(work)
            try:
                printed = run_example(example, key, work)
            finally:
                os.chdir(here)
    as_described = code in printed.output if key == "example" else printed.status == 0
    return printed.output.replace(f"{work}/", "").replace(f"{HERE.parent}/", "…/") if as_described else ""


def _fenced(text: str, path: str) -> str:
    language = {"py": "python", "toml": "toml", "ipynb": "json"}.get(path.rpartition(".")[2], "text")
    fence = "`" * (max((len(m) for m in re.findall(r"`{3,}", text)), default=2) + 1)
    return f'{fence}{language} title="{path}"\n{text.rstrip()}\n{fence}\n'
