"""The graph that a notebook becomes: edges from data, files and marks; the smallest right inputs; reasons in the user's words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import Built, build
from kfnb.pipeline.drawing.explain_pipeline import describe, text, why
from kfnb.pipeline.drawing.graph_elements import graph_of
from kfnb.pipeline.drawing.graph_layout import lay_out
from kfnb.pipeline.drawing.graph_svg import draw, draw_run
from kfnb.pipeline.model import Constant, Loop, Step
from tests.notebooks import cell, notebook


def built(*cells: Any) -> Built:
    return build(notebook_from_json(notebook(*cells)))


def edges(*cells: Any) -> set[tuple[str, str]]:
    return {(e["from"], e["to"]) for e in describe(built(*cells))["edges"]}


def inputs(step: str, *cells: Any) -> set[str]:
    return {n for s in describe(built(*cells))["steps"] if s["name"] == step for n in s["inputs"]}


def codes(*cells: Any) -> list[str]:
    return [p.code for p in built(*cells).problems]


def test_reading_what_another_step_wrote_makes_the_only_edges() -> None:
    cells = [
        cell("x = 1", "step:a"),
        cell("y = 2", "step:b"),
        cell("print(x)", "step:c"),
        cell("x = 3", "step:d"),
        cell("print(x, y)", "step:e"),
    ]
    assert edges(*cells) == {("a", "c"), ("d", "e"), ("b", "e")}


def test_two_steps_that_change_one_object_run_in_a_row_and_check_says_how_to_free_them() -> None:
    cells = [
        cell("d = {}", "step:a"),
        cell("d['x'] = 1", "step:b"),
        cell("d['y'] = 2", "step:c"),
        cell("print(d)", "step:e"),
    ]
    assert edges(*cells) == {("a", "b"), ("b", "c"), ("c", "e")}
    (said,) = [p for p in built(*cells).problems if p.code == "KF306"]
    assert "b, c run one after the other: each changes `d`" in str(said) and "copy" in str(said)


def test_models_that_share_their_data_train_side_by_side() -> None:
    cells = [
        cell("from sklearn.svm import SVC\nfrom sklearn.tree import DecisionTreeClassifier"),
        cell("X, y = [[0], [1]], [0, 1]", "step:data"),
    ]
    cells += [
        cell("a = SVC()\na.fit(X, y)", "step:a"),
        cell("b = DecisionTreeClassifier(random_state=0)\nb.fit(X, y)", "step:b"),
        cell("print(a.score(X, y), b.score(X, y))", "step:end"),
    ]
    assert edges(*cells) == {("data", "a"), ("data", "b"), ("data", "end"), ("a", "end"), ("b", "end")}


def test_a_function_that_only_reads_its_argument_makes_no_new_version() -> None:
    cells = [
        cell("def show(frame):\n    return frame.head()"),
        cell("df = [1]", "step:a"),
        cell("show(df)", "step:b"),
        cell("show(df)", "step:c"),
    ]
    assert edges(*cells) == {("a", "b"), ("a", "c")}


def test_only_what_a_function_reads_comes_along() -> None:
    cells = [cell("k = 1\nunused = 2", "step:a"), cell("def f():\n    return k", "step:b"), cell("f()", "step:c")]
    assert inputs("b", *cells) == set()
    assert inputs("c", *cells) == {"f", "k"}


def test_an_unseeded_generator_makes_no_edges_and_a_seeded_one_does() -> None:
    draw_ = "x{0} = random.random()"
    plain = [cell("import random"), cell(draw_.format(1), "step:a"), cell(draw_.format(2), "step:b")]
    assert edges(*plain) == set()
    seeded = [plain[0], cell("random.seed(1)", "step:s"), *plain[1:]]
    assert edges(*seeded) == {("s", "a"), ("a", "b")}
    assert "seeded generator" in str([p for p in built(*seeded).problems if p.code == "KF306"])


def test_an_order_mark_is_an_edge_with_its_reason() -> None:
    found = describe(built(cell("1", "step:a"), cell("2", "step:b", "after:a")))
    assert found["edges"] == [{"from": "a", "to": "b", "names": [], "why": "the mark `after:a` says so"}]


def test_why_names_the_lines_the_function_and_the_shared_code() -> None:
    cells = [
        cell("import math"),
        cell("rate = 2", "step:load"),
        cell("def price(v):\n    return math.floor(v * rate)"),
        cell("p = price(3)\nprint(p)", "step:use"),
    ]
    said = why(built(*cells), "use")
    assert "load: `rate` is made in cell 2, line 1, read in cell 4, line 1 through `price`" in said
    assert "cell 1, line 1: import math" in said and "cell 3, line 1: def price(v):" in said


def test_the_text_shows_conditions_loops_and_the_handler() -> None:
    shown = text(
        built(
            cell("n = 1", "parameters"),
            cell("x = n", "step:a"),
            cell("y = x", "step:b", "when:x > 1 and n == 2"),
            cell("z = v", "step:c", "foreach:v in [1, 2]"),
            cell("kfnb_status", "step:d", "exit"),
        ).pipeline
    )  # type: ignore[arg-type]
    assert (
        "if x > 1 and n == 2\n  b" in shown and "for each item of [1, 2]\n  c" in shown and "at the end\n  d" in shown
    )


def test_a_condition_over_one_steps_names_adds_no_step() -> None:
    cells = [cell("x = 1\nrows = [1]", "step:a"), cell("1", "step:b", "when:x > 0 and len(rows) == x")]
    assert [s["name"] for s in describe(built(*cells))["steps"]] == ["a", "b"]


def test_a_syntax_error_is_named_and_the_other_cells_are_still_checked() -> None:
    problems = built(cell("x = (1,\ny = 2", "step:a"), cell("print(nowhere)", "step:b")).problems
    assert [(p.code, p.cell, p.line) for p in problems] == [("KF104", 1, 1), ("KF301", 2, 1)]


def test_what_a_loop_or_a_branch_of_the_cell_itself_binds_is_known_after_it() -> None:
    for source in ("for n in range(1, 9):\n    print(n)\nlast = n", "items = [1]\nfor m in items:\n    last = m", "if len('a') > 0:\n    n = 1\nlast = n"):  # fmt: skip
        assert codes(cell(source, "step:a"), cell("print(last)", "step:b")) == [], source


def test_opaque_code_is_warned_of_and_the_display_of_an_earlier_cell_too() -> None:
    assert "KF305" in codes(cell("x = 1", "step:a"), cell("exec(open('f').read())", "step:b"))
    assert "KF308" in codes(cell("1", "step:a"), cell("print(_)", "step:b"))


def test_the_picture_has_every_step_and_is_well_formed() -> None:
    import xml.etree.ElementTree as tree

    found = built(
        cell("x = '<&>'", "step:a"),
        cell("y = x", "step:b", "when:x == '<&>'"),
        cell("print(y)", "step:c"),
        cell("1", "step:d", "exit"),
    )
    picture = draw(found.pipeline)  # type: ignore[arg-type]
    texts = [e.text for e in tree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert {"a", "b", "c", "d"} <= set(texts) and "if x == '<&>'" in texts


def test_the_picture_of_a_run_tells_states_in_words_and_counts_the_iterations_of_a_loop() -> None:
    import xml.etree.ElementTree as tree

    found = built(
        cell("xs = [1, 2, 3]", "step:load"),
        cell("y = x", "step:train", "foreach:x in xs"),
        cell("print(xs)", "step:quick", "when:xs == [1]"),
        cell("print(xs)", "step:other"),
    )
    assert found.pipeline is not None
    states = {
        "load": "cached",
        "train[0]": "succeeded",
        "train[1]": "failed",
        "train[2]": "succeeded",
        "quick": "skipped",
    }
    picture = tree.fromstring(draw_run(found.pipeline, states))
    space = "{http://www.w3.org/2000/svg}"
    boxes = {g.get("data-step"): [t.text for t in g.iter(f"{space}text")] for g in picture.iter(f"{space}g")}
    assert boxes["load"] == ["load", "⟲ cached"]
    assert boxes["train"] == ["train", "for each of xs", "✗ failed 2/3"]
    assert boxes["quick"] == ["quick", "if xs == [1]", "– skipped"]
    assert boxes[None] == ["other", "cell 4"], "a step that the run does not know is drawn without a state"


def test_a_magic_that_no_extension_brings_is_warned_of() -> None:
    (found,) = [
        p for p in built(cell("x = 1\n%lprun -f f f(x)", "step:a"), cell("%matplotlib inline\n!ls", "step:b")).problems
    ]
    assert (found.code, found.cell, found.line, "`%lprun`" in found.message) == ("KF105", 1, 2, True)


ORDER = """
import json, sys
from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.drawing.explain_pipeline import describe
from kfnb.pipeline.serialize import to_json
built = build(notebook_from_json(json.load(sys.stdin)))
print(json.dumps([describe(built), to_json(built.pipeline)]))
"""


def test_two_processes_give_the_same_pipeline_and_the_same_messages_in_the_same_order() -> None:
    names = ["zebra", "yak", "ant", "bear", "cow"]
    change = "\n".join(f"{n}.append(len({n}))" for n in names)
    shared = "\n".join([*(f"{n} = []" for n in names), f"alias = [{', '.join(names)}]"])
    changing = (
        f"def grow():\n    global total, rest\n    total = rest = 1\n    for row in alias: row.append({names[0]})"
    )
    cells = [cell(shared, "step:first"), cell(changing), cell(f"grow()\n{change}", "step:second")]
    cells += [cell(f"grow()\nalias[0].append(1)\n{change}", f"step:later{n}") for n in range(2)]
    data = json.dumps(notebook(*cells))
    outputs = [
        subprocess.run(
            [sys.executable, "-c", ORDER], input=data, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]  # fmt: skip
    assert "KF306" in outputs[0]
    assert outputs[0] == outputs[1] == outputs[2]


def test_steps_that_kfnb_adds_are_shown_by_the_users_own_expressions() -> None:
    cells = [
        cell("a = 1", "step:a"),
        cell("b = 2", "step:b"),
        cell("print(a)", "step:c", "when:a + b > 9"),
        cell("print(v)", "step:d", "foreach:v in range(a + b)"),
    ]
    pipeline = built(*cells).pipeline
    shown = text(pipeline) + draw(pipeline) + why(built(*cells), "c") + why(built(*cells), "when-c")
    assert "if a + b &gt; 9" in shown and "for each of range(a + b)" in shown and "after if a + b > 9" in shown
    assert "when-c" not in shown and "foreach-d" not in shown


def test_a_folded_loop_is_one_box_with_the_lines_of_its_steps() -> None:
    cells = [cell("a = 1", "step:a"), cell("b = v", "step:b", "foreach:v in [1, 2]"), cell("print(b)", "step:c")]
    loop = Loop("l", Constant([1, 2]), (Step("x", ()), Step("y", (), after=("x",))))
    pipeline = replace(built(*cells).pipeline, body=(Step("first", ()), loop, Step("last", (), after=("y",))))
    assert [f.id for f in graph_of(pipeline).frames] == ["l/loop"]
    graph = graph_of(pipeline, ["l/loop"])
    assert graph.frames == () and graph.height < graph_of(pipeline).height
    assert [(b.step, b.steps) for b in graph.boxes if b.steps] == [("l/loop", ("x", "y"))]
    assert [(n.source, n.to) for n in graph.lines] == [(("x", "y"), ("last",))]


def test_a_wide_graph_is_folded_into_rows_and_a_tangled_one_is_laid_out_in_a_second() -> None:
    names = [f"s{n}" for n in range(1000)]
    sizes = dict.fromkeys(names, (100.0, 46.0))
    wide = lay_out(sizes, [(names[0], name) for name in names[1:]])
    assert wide.width < 3000
    tangled = [(names[n // 3], names[n]) for n in range(1, 1000)] + list(zip(names, names[1:], strict=False))
    began = time.process_time()
    assert len(lay_out(sizes, tangled).centres) == 1000
    assert time.process_time() - began < 3  # seconds, on a busy machine
