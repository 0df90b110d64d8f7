"""The kfp SDK's way to the IR of ``argv[1]`` chained steps of one component; prints the seconds and the bytes of its JSON."""

import json
import sys
import tempfile
import time

import yaml
from kfp import compiler, dsl


@dsl.component(install_kfp_package=False)
def add(a: float, b: float) -> float:
    return a + b


def measured(count: int) -> tuple[float, float, int]:
    start = time.perf_counter()

    @dsl.pipeline(name="chain")
    def chain() -> None:
        task = add(a=0.0, b=1.0)
        for _ in range(count - 1):
            task = add(a=task.output, b=1.0)

    traced = time.perf_counter()
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        compiler.Compiler().compile(chain, file.name)
        written = time.perf_counter()
        size = len(json.dumps(yaml.safe_load(file), separators=(",", ":")))
    return traced - start, written - traced, size


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
