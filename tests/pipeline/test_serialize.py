"""A pipeline survives the way into JSON and back."""

import json

import pytest

from kfnb.pipeline import serialize
from kfnb.pipeline.model import (
    Branch,
    Code,
    Collected,
    Command,
    Compare,
    Condition,
    Constant,
    Guard,
    Input,
    ItemRef,
    Loop,
    Merge,
    OutputRef,
    Parameter,
    ParameterRef,
    Pipeline,
    Replay,
    Step,
)
from kfnb.step_settings import Affinity, Secret, SecretFiles, Settings, Volume


def sample() -> Pipeline:
    read = Input("x", Merge((OutputRef("b", "x"), ParameterRef("a"))), required=False)
    inner = Step("s", (Code(2, "x"),), prepare=(read, Replay(Code(1, "import math"))), settings=Settings(retry=2))
    test = Compare(ParameterRef("a"), "==", Constant([1, [2]]))
    looped = Step("b", (Code(3, "y"),), prepare=(Input("i", ItemRef("each")),))
    last = Step("c", (), prepare=(Input("y", Collected(OutputRef("b", "y"))),))
    settings = Settings(
        secrets=(Secret("n", "k", "E"),), env=(("A", "b"),), volumes=(Volume("c", "/p", "f", True), Volume("c", "/q")),
        secret_files=(SecretFiles("n", "/s"),), affinity=(Affinity("node", "a=b"),), pull_secrets=("x",), security_context=(("fsGroup", "7"),),
    )  # fmt: skip
    bye = Step("bye", (), settings=settings, setting_places=(("env", 1, None), ("secret", 2, 3)))
    body = (
        Condition("if", (Branch(test, (inner,), "a is so"), Branch(None, ()))),
        Loop("each", Constant([]), (looped,)),
        last,
        Step("echo", (), command=Command(("echo",), ("{x}",)), component="echo"),
    )
    return Pipeline(
        "p",
        parameters=(Parameter("a", "list", [1, [2]]), Parameter("z", "int", False)),
        body=(Guard("exit", body, (bye,)),),
        sources=((1, "import math"),),
    )


def test_a_pipeline_comes_back_equal_from_json() -> None:
    text = json.dumps(serialize.to_json(sample()))
    assert serialize.from_json(json.loads(text)) == sample()


def test_json_lists_of_the_users_stay_lists() -> None:
    back = serialize.from_json(json.loads(json.dumps(serialize.to_json(sample()))))
    assert back.parameters[0].default == [1, [2]]


@pytest.mark.parametrize("data", [None, [], {}, {"schema": 99}, {"schema": 2, "kind": "nonsense"}])
def test_what_is_not_a_pipeline_is_refused(data: object) -> None:
    with pytest.raises(serialize.SchemaError):
        serialize.from_json(data)  # type: ignore[arg-type]
