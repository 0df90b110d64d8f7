"""Starts containers' commands as forks of a warm Python: reads ``{"argv", "env", "cwd", "log"}`` lines, answers exit statuses.

The fork has none of kfnb's modules loaded, so it runs the code that travelled.
"""

from __future__ import annotations

import base64  # noqa: F401  # warm
import json
import os
import subprocess
import sys
import tempfile  # noqa: F401  # warm
import zipfile  # noqa: F401  # warm
import zlib  # noqa: F401  # warm
from typing import Any


def run(request: dict[str, Any]) -> None:
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(request["cwd"])
    argv = request["argv"]
    if argv[:3] == ["python3", "-u", "-c"]:
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv = ["-c", *argv[4:]]
        sys.path = ["", *[p for p in sys.path if p and "main" not in p.split("/")[-1:]]]
        exec(compile(argv[3], "<boot>", "exec"), {"__name__": "__main__"})
        os._exit(0)
    os._exit(subprocess.call(argv, env=request["env"]) % 256)


def main() -> None:
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


if __name__ == "__main__":
    sys.path = [p for p in sys.path if "cluster" not in p]
    main()
