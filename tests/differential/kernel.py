"""The reference: cells run in order in one IPython shell. A server that forks a fresh process for each notebook.

Reads a JSON line ``{"cells": [source, …], "cwd": folder}``, answers ``{"cells": [{"text", "error"}, …], "values": {name: print}}``.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.differential.fingerprint import fingerprints


def run(request: dict[str, Any]) -> dict[str, Any]:
    from IPython.core.interactiveshell import InteractiveShell

    os.chdir(request["cwd"])
    sys.path.insert(0, request["cwd"])
    InteractiveShell.color_info = False
    shell = InteractiveShell.instance()
    shell.run_line_magic("colors", "NoColor")
    if request.get("kfnb"):
        shell.run_line_magic("load_ext", "kfnb")
    given = set(shell.user_ns)
    cells = []
    for source in request["cells"]:
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            done = shell.run_cell(source, store_history=True)
        error = done.error_in_exec or done.error_before_exec
        cells.append({"text": out.getvalue(), "error": type(error).__name__ if error else None})
        if error:
            break
    names = {n: v for n, v in shell.user_ns.items() if n not in given and not n.startswith("_")}
    return {"cells": cells, "values": fingerprints(names)}


def main() -> None:
    # once, before the forks
    import IPython.core.interactiveshell  # noqa: F401

    gc.collect()
    gc.freeze()
    os.environ["PYTHONHASHSEED"] = "0"
    os.environ.setdefault("MPLBACKEND", "Agg")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("kfnb"):  # its modules are imported once, before the forks that load the extension
            from kfnb.kernel.magics import component_magic, pipeline_cell_magic, pipeline_line_magic, role_magics  # noqa: F401
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as file:
                file.write(json.dumps(run(request)))
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as file:
            answers.write(file.read() + "\n")
        answers.flush()
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
