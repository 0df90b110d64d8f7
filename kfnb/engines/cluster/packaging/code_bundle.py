"""The code that travels with a step: the modules of the runtime, without comments, compressed and encoded with base64."""

from __future__ import annotations

import ast
import base64
import json
import re
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from kfnb.runtime.cells.ipython_syntax import translate
from kfnb.runtime.cells.run_cells import is_plain
from kfnb.thread_safe_parser import parse

ROOT = Path(__file__).parents[3]  #: of the package
ARGUMENT = 100_000  #: bytes of one argument: the kernel takes less than 131,072
#: The modules that every step needs. Other modules are added when the code of a step uses them.
CORE = (
    "run_step", "step_exit", "light_json", "step_failures", "cells/run_cells", "values/value_store", "step_outputs", "values/value_previews", "cells/cell_sources", "values/pickling", "values/plain_values", "values/array_files", "values/table_files", "values/tensor_files", "values/registered_formats", "values/function_pickling", "values/class_pickling", "values/enum_pickling", "values/instance_pickling", "values/library_reducers", "values/unpicklable_values", "pods/pod_step", "pods/write_outputs", "pods/report_lines", "pods/handover/handover_pack", "pods/handover/light_zip", "pods/handover/resolve_references", "pods/handover/engine_inputs", "pods/handover/coded_text", "module_lookup", "import_watch", "magics/patch_ipython",
)  # fmt: skip
AMBIENT_PARTS = {
    "ambient/module_state": '"@module:',
    "ambient/logger_state": '"@logging"',
}  #: the text in a spec that shows that the module is needed
#: The modules that cells need which display values, and code that may ask for IPython's shell.
IPYTHON = (
    "cells/display",
    "cells/ipython_syntax",
    "cells/mime_formatters",
    "cells/pretty_printer",
    "magics/ipython_shell",
    "magics/variable_expansion",
)
#: The modules that cells with IPython's magics and commands need.
MAGICS = (
    "magics/cell_magics",
    "magics/ipython_types",
    "cells/output_history",
    "magics/line_magics",
    "magics/magic_table",
    "magics/magic_options",
    "magics/run_magic",
    "magics/shell_commands",
    "magics/timing_magics",
)
USES_IPYTHON = re.compile(r"display|get_ipython|import(?<!^from kfnb import)", re.MULTILINE)
ASYNC = ("await", "async ", "create_task", "ensure_future", "asyncio")  #: text in code that may need an event loop


def runtime_bundle(engine: str, specs: Iterable[dict[str, Any]]) -> str:
    """The modules of the runtime that the steps need. The container's first command unpacks them."""
    pods = list(specs)
    specs = [s for pod in pods for s in pod.get("members", (pod,))]
    text = json.dumps(specs)
    names = {*CORE, f"pods/{engine}_pod"}
    if any("members" in pod for pod in pods):
        names.add("pods/pod_members")
    if '"raises"' in text or any(map(_may_use_ipython, _sources(specs))):
        names.update(IPYTHON)
    if any(map(_has_magics, _sources(specs))):
        names.update(MAGICS)
    if any(word in text for word in ASYNC):
        names.add("cells/asyncio_loop")
    if '"secrets"' in text:
        names |= {"pods/hidden_output", "secret_mask", "values/secret_search"}
    if '"history"' in text:
        names.add("cells/output_history")
    if '"@' in text:
        names |= {"ambient/ambient_state"} | {m for m, mark in AMBIENT_PARTS.items() if mark in text}
    if any({"shell", "command"} & set(t["spec"]) or "texts" in t for t in specs) or "component_from_command" in text:
        names |= {"components/shell_steps", "components/container_commands"}
    if "components/shell_steps" in names or "kfnb import" in text or "import kfnb" in text:
        names |= {"components/component_signatures", "components/component_decorators"}
    if '"collected"' in text or "Failed" in text:
        names.add("values/failed_iteration")
    if "Path" in text:
        names.add("components/file_components")
    if engine == "argo":
        names.add("pods/handover/pack_text")
    if engine == "kfp":
        names |= {"pods/display_page", "pods/archived_lines", "pods/typed_artifacts"}
    if any("timeout" in t for t in specs):
        names.add("pods/limited_time")
    if any(t.get("packages") or t.get("pins") or t.get("optional") for t in specs):
        names.add("pods/install_packages")
    if any(t.get("code") for t in specs):
        names.add("pods/image_code")
    if any("url" in t.get("values", {}) for t in specs):
        names |= {
            "pods/handover/url_client",
            "pods/handover/url_files",
            "pods/handover/url_pack",
            "pods/install_packages",
        }
    return bundle_of(
        {f"kfnb/runtime/{n}.py": minified(f"runtime/{n}.py") for n in sorted({*names, *_packages(names)})}
        | {"kfnb/__init__.py": minified("__init__.py")}
    )


def _packages(names: Iterable[str]) -> set[str]:
    """The ``__init__`` modules of the packages that contain the modules."""
    return {str(folder / "__init__") for name in names for folder in PurePosixPath(name).parents}


def _sources(specs: Iterable[dict[str, Any]]) -> Iterable[str]:
    for job_spec in specs:
        spec = job_spec["spec"]
        yield from (c["source"] for c in spec.get("cells", ()) if not spec.get("shell"))
        yield from (item["run"]["source"] for item in job_spec.get("prepare", ()) if "run" in item)


def _may_use_ipython(source: str) -> bool:
    """Whether code may display a value or ask for IPython's shell, as any library may that it imports."""
    if not is_plain(source) or USES_IPYTHON.search(source):
        return True
    return any(isinstance(statement, ast.Expr) for statement in parse(source).body)


def _has_magics(source: str) -> bool:
    return "get_ipython" in source or translate(source, lambda name: False).code != source


def bundle_of(files: dict[str, str]) -> str:
    """Files as one compressed text: names and contents by turns, with a zero character between them."""
    return compress("\0".join(text for file in files.items() for text in file))


def compress(text: str, dictionary: str = "") -> str:
    """Compress a text with zlib and encode it with base64.

    With a ``dictionary``, the result is a raw deflate stream, and whoever decompresses it needs the same dictionary.
    """
    if not dictionary:
        return base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    press = zlib.compressobj(9, wbits=-15, zdict=dictionary.encode()[-32768:])
    return base64.b64encode(press.compress(text.encode()) + press.flush()).decode()


def compact_json(job_spec: dict[str, Any]) -> str:
    return json.dumps(job_spec, separators=(",", ":"), sort_keys=True)


def arguments(text: str) -> list[str]:
    """Split a long text into pieces that fit into one argument."""
    return [text[i : i + ARGUMENT] for i in range(0, len(text), ARGUMENT)] or [""]


# -------------------------------------------------------------------- Python without comments and annotations
@cache
def minified(name: str) -> str:
    """The source of one of kfnb's modules without docstrings, comments and annotations."""
    tree = parse((ROOT / name).read_text("utf-8"))
    tree.body = _stripped(tree.body, has_docstring=True)
    lines = ast.unparse(tree).split("\n")  # `unparse` never writes a string over several lines
    return "\n".join(" " * ((len(line) - len(line.lstrip())) // 4) + line.lstrip() for line in lines)


def _stripped(body: list[ast.stmt], has_docstring: bool = False) -> list[ast.stmt]:
    """The statements without docstrings and annotations. Expressions, which have neither, are not visited: that takes most of the time."""
    first = body[0] if body else None
    if has_docstring and isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        body = (body[1:] if isinstance(first.value.value, str) else body) or [ast.Pass()]
    return [_strip(statement) for statement in body if not _is_for_type_checkers(statement)]


def _strip(node: Any) -> Any:
    if isinstance(node, ast.AnnAssign):
        return ast.copy_location(ast.Assign([node.target], node.value) if node.value is not None else ast.Pass(), node)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        node.returns = None
        signature = node.args
        for argument in (
            *signature.posonlyargs,
            *signature.args,
            *signature.kwonlyargs,
            signature.vararg,
            signature.kwarg,
        ):
            if argument is not None:
                argument.annotation = None
    is_scope = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    for part in ("body", "orelse", "finalbody"):
        if getattr(node, part, None):
            setattr(node, part, _stripped(getattr(node, part), is_scope))
    for part in ("handlers", "cases"):
        for inner in getattr(node, part, ()):
            inner.body = _stripped(inner.body)
    return node


def _is_for_type_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
