"""``python kfnb/runtime/__main__.py SPEC.json``: run one step."""

from __future__ import annotations

import os
import sys


def main(path: str) -> None:
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        sys.path[0] = here  # Python puts the folder of a program first, and every file in it would be a module
    from kfnb.runtime import run
    from kfnb.runtime.light_json import loads
    from kfnb.runtime.step_exit import leave

    with open(path, encoding="utf-8") as file:
        spec = loads(file.read())
    if sys.path and sys.path[0] == here:
        del sys.path[0]
    leave(run(spec), spec["folder"])


if __name__ == "__main__":
    main(sys.argv[1])
