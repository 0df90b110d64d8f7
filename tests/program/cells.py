"""Pipeline cells for tests: `read("x = add(1, 2)")` is the cell after a cell of small components."""

from __future__ import annotations

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import Built, build
from kfnb.pipeline.model import Pipeline
from tests.notebooks import cell, notebook

COMPONENTS = """from kfnb import component, component_from_command
from typing import NamedTuple

LIMIT = 5

@component
def number(n: int) -> int:
    "Gives its number. And no more."
    print(n)
    return n

@component
def add(a: float, b: float) -> float:
    return a + b

@component
def anything(value):
    return value

@component
def show(*values):
    print(*values)

class Pair(NamedTuple):
    left: int
    right: int

@component
def pair(a, b) -> Pair:
    return Pair(a, b)

@component
def fail(message="no"):
    raise ValueError(message)

@component(name="Train it", description="Trains.", image="python:3.11", packages=["numpy>=1"], cpu="2", memory="4Gi", retry=2,
           timeout="30m", cache=True, env={"A": "b"}, secrets=["s:k:TOKEN"], volumes={"data": "/data"})
def train(x):
    return x

def big(n):
    return n > LIMIT

echo = component_from_command(image="bash", command=["sh", "-c"], args=["echo $0 | tee $1", "{text}", "/tmp/out.txt"],
                              inputs=["text"], outputs={"data": "/tmp/out.txt"})
"""


def read(body: str, line: str = "p", before: str = COMPONENTS) -> Built:
    return build(
        notebook_from_json(notebook(cell(before), cell(f"%%pipeline {line}\n{body}"))), line.split("(")[0].split()[0]
    )


def pipeline(body: str, line: str = "p", before: str = COMPONENTS) -> Pipeline:
    built = read(body, line, before)
    assert built.pipeline is not None, "\n".join(str(p) for p in built.problems)
    return built.pipeline


def names(made: Pipeline) -> list[str]:
    return [s.name for s in made.steps()]
