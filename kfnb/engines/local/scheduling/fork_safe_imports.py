"""Which libraries of a pipeline are imported before its steps are forked, and which steps profit from that."""

from __future__ import annotations

import re
from pathlib import Path

from kfnb.engines.local.processes.fork_server import FORK_SAFE
from kfnb.engines.local.scheduling.run_state import ReadyStep
from kfnb.pipeline.model import Pipeline, Replay

IMPORT = re.compile(r"^\s*(?:import|from)\s+([A-Za-z_][\w.]*)", re.MULTILINE)


def libraries_to_preload(pipeline: Pipeline, folder: Path) -> list[str]:
    """The modules of fork-safe libraries that the pipeline's code imports.

    A library is left out when a module of the same name in the notebook's ``folder`` takes its place.
    """
    modules: dict[str, None] = {}
    for step in pipeline.steps():
        sources = [c.source for c in step.cells] + [p.code.source for p in step.prepare if isinstance(p, Replay)]
        for source in sources:
            for name in IMPORT.findall(source):
                if name.split(".")[0] in FORK_SAFE:
                    modules[name] = None
    return [n for n in modules if not any((folder / f"{n.split('.')[0]}{e}").exists() for e in ("", ".py"))]


def needs_libraries(ready: ReadyStep) -> bool:
    """Whether a step imports a fork-safe library, or loads a value that may belong to one."""
    sources = [c.source for c in ready.step.cells] + [i["run"]["source"] for i in ready.prepare if "run" in i]
    return any(n.split(".")[0] in FORK_SAFE for s in sources for n in IMPORT.findall(s)) or any(
        "load" in i for i in ready.prepare
    )
