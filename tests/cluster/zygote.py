"""Starts containers' commands as forks of a warm Python: reads ``{"argv", "env", "cwd", "log"}`` lines, answers exit statuses.

The fork has none of kfnb's modules loaded, so it runs the code that travelled. What travelled is nearly the same for each
step: a fork that has compiled a module leaves the bytecode for those that come after it, as `__pycache__` would if steps shared a folder. The arguments are
modules that the forks have loaded, for libraries that take seconds to import. They have read the environment before the pod's is set, and the forks share
the state of numpy's global generator: they are for notebooks that give seeds.
"""

from __future__ import annotations

import _imp
import base64  # noqa: F401  # warm
import ctypes  # noqa: F401  # warm
import gc
import hashlib
import importlib
import importlib.machinery
import json
import marshal
import os
import pickle  # noqa: F401  # warm
import shutil
import subprocess
import sys
import tempfile
import zipfile  # noqa: F401  # warm
import zlib  # noqa: F401  # warm
from types import CodeType
from typing import Any


def compile_once(folder: str) -> None:
    """Let kfnb's modules, as they travelled, be compiled once for all forks."""
    loader = importlib.machinery.SourceFileLoader
    load = loader.get_code

    def get_code(self: Any, fullname: str) -> CodeType | None:
        if fullname.partition(".")[0] != "kfnb":
            return load(self, fullname)
        source = self.get_data(self.path)
        cached = os.path.join(folder, hashlib.blake2b(source).hexdigest())
        if os.path.exists(cached):
            with open(cached, "rb") as file:
                code: CodeType = marshal.load(file)
            _imp._fix_co_filename(code, self.path)
            return code
        code = compile(source, self.path, "exec", dont_inherit=True)
        with open(f"{cached}.{os.getpid()}", "wb") as file:
            marshal.dump(code, file)
        os.replace(f"{cached}.{os.getpid()}", cached)
        return code

    loader.get_code = get_code  # type: ignore[method-assign]


def run(request: dict[str, Any]) -> None:
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(request["cwd"])
    argv = request["argv"]
    if argv[:3] == ["python3", "-u", "-c"]:
        os.environ.clear()
        os.environ.update(request["env"])
        tempfile.tempdir = None  # the pod has its own
        sys.argv = ["-c", *argv[4:]]
        sys.path = ["", *[p for p in sys.path if p and "main" not in p.split("/")[-1:]]]
        exec(compile(argv[3], "<boot>", "exec"), {"__name__": "__main__"})
        os._exit(0)
    os._exit(subprocess.call(argv, env=request["env"]) % 256)


def main() -> None:
    for module in sys.argv[1:]:
        importlib.import_module(module)
    folder = tempfile.mkdtemp(prefix="kfnb-compiled-")
    compile_once(folder)
    gc.collect()
    gc.freeze()  # a collection in a fork would copy what it only looks at
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                run(json.loads(line))
            except SystemExit as error:
                os._exit(error.code if isinstance(error.code, int) else 1)
            except BaseException as error:
                os.write(2, repr(error).encode())
                os._exit(99)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.path = [p for p in sys.path if "cluster" not in p]
    main()
