"""Writes a pipeline as a Python package, in the way that a person would write it."""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from kfnb.analysis.syntax.ast_queries import names_in
from kfnb.notebook.parsed_notebook import Notebook, PipelineCell
from kfnb.pipeline.build.build_pipeline import Built
from kfnb.pipeline.export.python_functions import composed
from kfnb.pipeline.model import Parameter, Pipeline, Replay
from kfnb.pipeline.parameters.bind_values import schema_of
from kfnb.pipeline.parameters.value_schema import choices
from kfnb.pipeline.program.run_as_plain_python import PlainPython, head_and_rest
from kfnb.thread_safe_parser import parse

WIDTH = 120
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Package:
    """Files by their path in the package's folder, and what the code needs installed."""

    files: Mapping[str, str]
    requirements: tuple[str, ...]


def package_of(notebook: Notebook, built: Built, folder: Path) -> Package:
    """Write the package of a pipeline without errors. ``folder``: where the notebook stands, for modules of its own.

    Raises
    ------
    NotConvertible
        A marked step does what a function of its inputs cannot.
    """
    pipeline = built.pipeline
    assert pipeline is not None
    name = pipeline.name.replace("-", "_").lower()
    cell = next((p for p in notebook.pipelines if p.name == pipeline.name), None)
    if cell is not None:
        shared, body = _shared(pipeline, cell), _body(cell, pipeline)
    else:
        composition = composed(built)
        shared, body = _with_import(composition.components), composition.body
    conversions = [p.conversion for p in pipeline.parameters if p.conversion]
    shared, body = [s for s in shared if s not in conversions], "\n".join([*conversions, body])
    imported = sorted(_defined(shared) & names_in(parse(body)) - {p.name for p in pipeline.parameters})
    modules = _modules(shared)
    local = {m: folder / f"{m}.py" for m in sorted(modules) if (folder / f"{m}.py").is_file()}
    packages = {r for s in pipeline.steps() for r in s.settings.packages}
    requirements = tuple(sorted({*packages, *_requirements(modules - local.keys())}))
    files = {
        "pyproject.toml": _pyproject(name, pipeline, requirements, sorted(local)),
        "README.md": _readme(name, pipeline),
        f"{name}/__init__.py": f'"""{pipeline.description or pipeline.name}"""\n',
        f"{name}/components.py": f'"""The components of {pipeline.name}, and what they share."""\n\n'
        + _laid_out(shared),
        f"{name}/pipeline.py": _module(name, pipeline, imported, body),
        f"{name}/__main__.py": _main(name, pipeline),
    }
    files.update({f"{m}.py": path.read_text("utf-8") for m, path in local.items()})
    return Package(files, requirements)


def _with_import(components: tuple[str, ...]) -> list[str]:
    names = ["component"] if any(c.startswith("@component") for c in components) else []
    names += ["component_from_command"] if any("component_from_command(" in c for c in components) else []
    return [f"from kfnb import {', '.join(names)}", *components]


def _shared(pipeline: Pipeline, cell: PipelineCell) -> list[str]:
    """The statements of earlier cells that some step needs, in order."""
    found: dict[tuple[int, int], str] = {}
    for step in pipeline.steps():
        for item in step.prepare:
            if isinstance(item, Replay) and item.code.cell != cell.cell.number:
                found[item.code.cell, item.code.line] = item.code.source
    return [source for _, source in sorted(found.items())]


def _defined(sources: list[str]) -> set[str]:
    found: set[str] = set()
    for source in sources:
        for node in parse(source).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                found.update((a.asname or a.name).split(".")[0] for a in node.names)
            else:
                found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return found


def _body(cell: PipelineCell, pipeline: Pipeline) -> str:
    """The cell's own lines after its docstring and parameters; rewritten only where plain Python needs other words."""
    source = cell.cell.source
    rewritten = PlainPython.of(source, tuple(p.name for p in pipeline.parameters))
    _, rest = head_and_rest(rewritten or parse(source))
    if rewritten is not None:
        return ast.unparse(ast.fix_missing_locations(ast.Module(rest, [])))
    lines = source.split("\n")
    return textwrap.dedent("\n".join(lines[rest[0].lineno - 1 :])).rstrip() if rest else "pass"


def _module(name: str, pipeline: Pipeline, imported: list[str], body: str) -> str:
    lines = [f'"""{pipeline.description or pipeline.name}"""', ""]
    lines += [_import(f"{name}.components", imported), "", ""] if imported else [""]
    lines.append(f"def pipeline({', '.join(_argument(p) for p in pipeline.parameters)}) -> None:")
    lines += [f'    """{pipeline.description}"""'] if pipeline.description else []
    return "\n".join([*lines, textwrap.indent(body, "    "), ""])


def _import(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    return line if len(line) <= WIDTH else f"from {module} import (\n" + "".join(f"    {n},\n" for n in names) + ")"


def _laid_out(sources: list[str]) -> str:
    """Statements as a module lays them out: definitions stand two lines apart."""
    nodes = [(parse(source).body[0], source) for source in sources]
    text = ""
    for (before, _), (node, source) in zip([(ast.Pass(), ""), *nodes], nodes, strict=False):
        apart = isinstance(node, DEFINITIONS) or isinstance(before, DEFINITIONS)
        text += ("\n\n" if apart and text else "") + source + "\n"
    return text


def _argument(parameter: Parameter) -> str:
    kind = "" if parameter.type == "any" else f": {parameter.type}"
    return f"{parameter.name}{kind} = {parameter.default!r}" if kind else f"{parameter.name}={parameter.default!r}"


def _main(name: str, pipeline: Pipeline) -> str:
    lines = [f'"""python -m {name}"""', "", "import argparse", "", f"from {name}.pipeline import pipeline", ""]
    lines.append(f"parser = argparse.ArgumentParser({name!r}, description={pipeline.description!r})")
    for parameter in pipeline.parameters:
        kind = parameter.type if parameter.type in ("str", "int", "float") else "json.loads"
        option = "--" + parameter.name.replace("_", "-")
        options = choices(schema_of(parameter)) if parameter.type in ("str", "int", "float") else None
        limited = f", choices={options!r}" if options else ""
        lines.append(
            f"parser.add_argument({option!r}, dest={parameter.name!r}, type={kind}, default={parameter.default!r}{limited})"
        )
    if any("json.loads" in line for line in lines):
        lines[2:3] = ["import argparse", "import json"]
    return "\n".join([*lines, "pipeline(**vars(parser.parse_args()))", ""])


# -------------------------------------------------------------------- what it needs
def _modules(sources: list[str]) -> set[str]:
    """The top-level names of the modules that the code imports anywhere."""
    modules: set[str] = set()
    for source in sources:
        for node in ast.walk(parse(source)):
            if isinstance(node, ast.Import):
                modules.update(a.name.split(".")[0] for a in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
    return modules - sys.stdlib_module_names


def _requirements(modules: set[str]) -> set[str]:
    """The distributions that hold the modules, at the versions installed here; a module that is not installed gives its own name."""
    known = metadata.packages_distributions()
    requirements = set()
    for module in modules:
        name = known.get(module, [module])[0]
        try:
            requirements.add(f"{name}=={metadata.version(name)}" if name != "kfnb" else "kfnb")
        except metadata.PackageNotFoundError:
            requirements.add(name)
    return requirements


def _pyproject(name: str, pipeline: Pipeline, requirements: tuple[str, ...], modules: list[str]) -> str:
    needed = "".join(f'  "{r}",\n' for r in requirements)
    modules_line = f"py-modules = {modules!r}\n".replace("'", '"') if modules else ""
    return (
        '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n\n'
        f'[project]\nname = "{name.replace("_", "-")}"\nversion = "0.1.0"\ndescription = "{pipeline.description}"\n'
        f'requires-python = ">=3.10"\ndependencies = [\n{needed}]\n\n[tool.setuptools]\npackages = ["{name}"]\n{modules_line}'
    )


def _readme(name: str, pipeline: Pipeline) -> str:
    options = "".join(
        f" --{p.name.replace('_', '-')} {p.default}" for p in pipeline.parameters if p.default not in ("", None)
    )
    return (
        f"# {pipeline.name}\n\n{pipeline.description}\n\n```\npip install .\npython -m {name}{options}\n```\n\n"
        f"`{name}/pipeline.py` composes the components of `{name}/components.py` in plain Python.\n"
    )
