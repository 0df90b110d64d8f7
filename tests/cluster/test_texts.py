"""Every text arrives as it was sent: between all kinds of steps, in loops, parameters and messages."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kfnb.engines.cluster.following.words.condition_words import ON_ARGO
from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.runtime.pods.handover.coded_text import PREFIX, always_coded, coded, coded_for_database, decoded, has_syntax
from tests.cluster.argo import Interpreter, Pods
from tests.cluster.outcome import Oracle, on_argo, on_kfp
from tests.cluster.templates import kubelet
from tests.notebooks import cell
from tests.program.cells import read
from tests.running import pipeline_of

DATA = Path(__file__).parents[1] / "data" / "recordings" / "argo"
#: Pieces of texts that something on the way reads as its own syntax.
PIECES = [
    "{{workflow.name}}", "{{=1+1}}", "{{=1+}}", "{{", "}}", "{", "}", "{{inputs.parameters.given}}", "{{item}}", "{{=", "{{tasks.a.status}}",
    "$", "$$", "$(ARGO_CONTAINER_NAME)", "$(KFNB_OPEN_BRACE)", "${HOME}", "`id`", "$(id)", "%", "%7B", "%24", "kfnb+text:", "kfnb+json:", '"',
    "'", "\\", "\\n", "\\u007b", "\n", "\r", "\t", "\x01", "\x1b[31m", "\x7f", "\u00a0", "\u200b", "\U000e0001", "é", "漢字", "🎈", " ", "a", "",
    "[1]", '{"a": 1}', "1.0", "true", "null", "<a>&amp;", "-n", "*", "~", "#", "%s", "f:", "v:",
]  # fmt: skip
TEXTS = st.lists(
    st.sampled_from(PIECES) | st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8
).map("".join)


# -------------------------------------------------------------------- the code
@given(st.text())
def test_a_coded_text_is_decoded_to_itself(text: str) -> None:
    assert decoded(coded(text)) == decoded(always_coded(text)) == decoded(coded_for_database(text)) == text
    assert all(c <= "\uffff" and (c.isprintable() or c in "\n\r\t") for c in coded_for_database(text))


@given(TEXTS)
@example("{{x}}")
@example(f"{PREFIX}%7B")
@example("a\n")
def test_nothing_on_the_way_reads_a_coded_text(text: str) -> None:
    for form in (coded(text), always_coded(text), coded_for_database(text)):
        assert not has_syntax(form) and not form.endswith("\n")
        assert kubelet(form, {"ARGO_CONTAINER_NAME": "main"}) == form


def test_a_text_without_syntax_stays_readable() -> None:
    for text in ("", "plain", "100 %", "a $x {y}", "line 1\nline 2", "é 🎈"):
        assert coded(text) == text


# -------------------------------------------------------------------- the interpreter does what the controller did
class Replayed(Interpreter):
    """The interpreter with pods that leave what the recorded ones left."""

    recorded: dict[str, Any]

    def pod(
        self, name: str, body: dict[str, Any], env: dict[str, Any], boundary: str | None, **more: Any
    ) -> tuple[str, dict[str, str]]:
        node = self.node(name, "Pod", "Running", boundary, inputs=body.get("inputs", {}), **more)
        recorded = next(n for n in self.recorded.values() if n["name"] == name)
        outputs = {p["name"]: p["value"] for p in recorded.get("outputs", {}).get("parameters", [])}
        return self.finish(node, recorded["phase"], outputs)


@pytest.mark.parametrize("name", ["wf-text", "wf-text-dollar", "wf-text-evaluated-error"])
def test_texts_change_on_their_way_as_they_did_on_the_real_cluster(name: str, cluster: Pods, tmp_path: Path) -> None:
    """The manifests are those of a kfnb that did not code its texts."""
    text = (DATA / f"{name}.json").read_text("utf-8")
    text = text.replace(json.loads(text)["metadata"]["name"], "wf")
    recorded = json.loads(text)
    run = Replayed(recorded, cluster, tmp_path)
    run.recorded = recorded["status"]["nodes"]
    assert run.run()["phase"] in (recorded["status"]["phase"], "Error")
    mine = {n["name"]: n for n in run.nodes.values()}
    for node in recorded["status"]["nodes"].values():
        if node["type"] == "Pod" and "inputs" in node:
            assert mine[node["name"]]["inputs"]["parameters"] == node["inputs"]["parameters"]
        if "message" in node and node["phase"] == "Error":
            assert mine[node["name"]]["phase"] == "Error"
            assert mine[node["name"]]["message"].startswith(node["message"].split(" (")[0])


def test_kubelet_reads_variables_and_dollars() -> None:
    env = {"ARGO_CONTAINER_NAME": "main"}
    assert kubelet("pay $$5 $(ARGO_CONTAINER_NAME) $(date) $x $$(HOME)", env) == "pay $5 main $(date) $x $(HOME)"


# -------------------------------------------------------------------- between all kinds of steps
SHELL = "%%component {0} --shell --image library/bash:4.4.23 --output {0}_text=/tmp/{0}.txt\nprintf '%s\\n' \"${1}\" > /tmp/{0}.txt"
OWN_SHELL = '%%component {0} --shell --output {0}_text\nprintf \'%s\\n\' "${1}" > "${0}_text"'
COMMANDS = """from kfnb import component, component_from_command

copy = component_from_command(image="some/image", command=["python3", "-c", "import os, sys; open(sys.argv[2], 'w', newline='').write(sys.argv[1] + chr(10)); sys.exit(os.environ['text'] != sys.argv[1])"],
    args=["{text}", "{out}"], inputs=["text"], outputs=["out"])

@component
def same(text: str) -> str:
    return text

@component
def tell(one: str, two: str, three: str, four: str):
    import json
    print(json.dumps([one, two, three, four]))
"""


def shell_pipeline(text: str) -> Any:
    """Python, a script in an image of its own, a script beside the runtime, and back to Python, and each after each."""
    return pipeline_of(
        cell(f"given: str = {text!r}", "parameters"),
        cell("python_text = given", "step:python"),
        cell(SHELL.format("plain", "python_text")),
        cell(SHELL.format("plain_again", "plain_text")),
        cell(SHELL.format("plain_given", "given")),
        cell(OWN_SHELL.format("own", "plain_again_text")),
        cell(SHELL.format("plain_last", "own_text")),
        cell(
            "import json\nprint(json.dumps([given, python_text, plain_text, plain_again_text, plain_given_text, own_text, plain_last_text]))",
            "step:told",
        ),
    )


def command_pipeline(text: str) -> Any:
    built = read(
        f"a = copy(given)\nb = copy(a)\nc = same(b)\nd = copy(c)\ntell(a, b, d, copy({text!r}))",
        f"p(given: str = {text!r})",
        COMMANDS,
    )
    assert built.pipeline is not None, built.problems
    return built.pipeline


def told_on_argo(pipeline: Any, cluster: Pods, step: str, parameters: dict[str, Any]) -> Any:
    found = on_argo(pipeline, cluster, parameters)
    assert found.state == "succeeded", found.detail
    return json.loads(found.texts[step])


TRICKY = [
    "{{workflow.name}} {{=1+1}}",
    "{{=1+}} $$ $(ARGO_CONTAINER_NAME)",
    "{",
    "a\n\n",
    "\x1b[31m\x7f\U000e0001",
    "kfnb+text:%7B",
    "",
]


@pytest.mark.parametrize("text", [*TRICKY, *("".join(Random(n).choices(PIECES, k=9)) for n in range(6))])
def test_a_text_passes_scripts_of_all_kinds(text: str, cluster: Pods) -> None:
    assert told_on_argo(shell_pipeline(text), cluster, "told", {"given": text}) == [text] * 7


@pytest.mark.parametrize(
    "text",
    [
        "{{workflow.name}} {{=1+1}} $$ $(KFP_POD_NAME) %7B }}",
        "a\n\n",
        "kfnb+text:%7B",
        "{ plain $x }",
        "é 漢 🎈 \x1b[0m\x7f\U000e0001",
        "",
    ],
)
def test_a_text_passes_scripts_on_kubeflow_pipelines(text: str, oracle: Oracle, tmp_path: Path) -> None:
    pipeline = pipeline_of(
        cell(f"given: str = {text!r}", "parameters"),
        cell("python_text = given", "step:python"),
        cell(SHELL.format("plain", "python_text")),
        cell(SHELL.format("plain_again", "plain_text")),
        cell(SHELL.format("plain_given", "given")),
        cell(
            "import json\nprint(json.dumps([given, python_text, plain_text, plain_again_text, plain_given_text]))",
            "step:told",
        ),
    )
    found = on_kfp(pipeline, oracle, {"given": text}, tmp_path)
    assert found.state == "succeeded", found.detail
    assert json.loads(found.texts["told"]) == [text] * 5
    assert {found.values[f"{n}.{n}_text"] for n in ("plain", "plain_again", "plain_given")} == {text}


def test_a_script_of_another_image_reports_its_short_texts(oracle: Oracle, tmp_path: Path) -> None:
    bash = "--shell --image library/bash:4.4.23 --output"
    pipeline = pipeline_of(
        cell(f"%%component short {bash} a --output b\nprintf 'no end' | tee \"$a\"\nprintf '\\377' > \"$b\""),
        cell(f"%%component long {bash} c\nprintf '%5000d' 0 > \"$c\""),
    )
    found = on_kfp(pipeline, oracle, {}, tmp_path)
    assert found.state == "succeeded", found.detail
    assert found.values == {"short.a": "no end"} and found.texts == {"short": "no end", "long": ""}


def test_a_script_with_braces_runs_on_kubeflow_pipelines(oracle: Oracle, tmp_path: Path) -> None:
    script = "%%component say --shell --image library/bash:4.4.23 --timeout 1m\necho '{{workflow.name}} $$ $(x) {{'"
    found = on_kfp(pipeline_of(cell(script)), oracle, {}, tmp_path)
    assert found.texts == {"say": "{{workflow.name}} $$ $(x) {{"}, found.detail


def test_a_text_that_kubeflow_pipelines_would_change_for_a_command_is_refused() -> None:
    for body, line in (("copy('{{x}}')", "p"), ("copy(given)", "p(given: str = 'a $$')")):
        made = read(body, line, COMMANDS).pipeline
        assert made is not None
        _, found = compile_documents(made, "kfp", ClusterOptions(), Path("."), {})
        assert [p.code for p in found if p.code == "KF703"] == ["KF703"]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
@example("{{workflow.name}} {{=1+1}} $$ $(ARGO_CONTAINER_NAME)")
def test_a_text_passes_commands_of_images(cluster: Pods, text: str) -> None:
    assert told_on_argo(command_pipeline(text), cluster, "tell", {}) == [text] * 4


LOOPS = """%%component shelled --shell --image library/bash:4.4.23 --foreach 'w in words' --output made=/tmp/made.txt
printf '%s\\n' "$python_text" > /tmp/made.txt"""


@pytest.mark.parametrize("text", [*TRICKY, '{"a": {"b": 1}}', "1.0", "[1]"])
def test_a_text_passes_loops_and_handlers(text: str, cluster: Pods) -> None:
    """As an item of a parameter and of a step's list, as an argument of a loop's and a handler's template, and collected from a loop."""
    pipeline = pipeline_of(
        cell(
            f"given: str = {text!r}\nwords: list = [{text!r}, 'plain']\nextra: dict = {{{text!r}: {text!r}}}",
            "parameters",
        ),
        cell("python_text, items = words[0], words[::-1]", "step:python"),
        cell("%%component each --foreach 'w in words'\nitem = w"),
        cell("%%component turned --foreach 'v in items'\nother = v"),
        cell(LOOPS),
        cell("import json\nprint(json.dumps([item, other, made, extra]))", "step:told"),
        cell('%%component last --shell --image library/bash:4.4.23 --exit\nprintf "%s.\\n" "$given"'),
    )
    found = on_argo(pipeline, cluster, {"given": text, "words": [text, "plain"], "extra": {text: text}})
    assert found.state == "succeeded", found.detail
    assert json.loads(found.texts["told"]) == [[text, "plain"], ["plain", text], [text, text], {text: text}]
    assert found.texts["last"] == f"{text}."


def test_a_condition_that_cannot_be_evaluated_says_so_in_the_users_words(cluster: Pods) -> None:
    pipeline = pipeline_of(
        cell("name, limit = '{{workflow.name}} $$', 3", "step:one"), cell("print(1)", "step:two", "when:name > limit")
    )
    found = on_argo(pipeline, cluster, {})
    said = ON_ARGO.search(found.detail)
    assert found.states["two"] == "failed" and said is not None, found.detail
    assert decoded(said["choice"]).endswith("('{{workflow.name}} $$' > 3)")
