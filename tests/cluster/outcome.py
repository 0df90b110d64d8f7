"""What came of a pipeline: on the local engine, and in the interpreter of Argo's Workflows."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.engines.argo.following.workflow_nodes import observe_steps
from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.following.logs.log_markers import StepReport
from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog
from kfnb.engines.cluster.following.logs.shared_pods import SharedPodLog
from kfnb.engines.cluster.following.observed_steps import ObservedStep
from kfnb.engines.cluster.lowering.literal_texts import kfp_value, parameter_text
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.kfp.ir import pipeline_ir
from kfnb.engines.kfp.runtime_delivery import RUNTIME
from kfnb.engines.local import LocalEngine
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Condition, Node, Pipeline, Step, steps_of
from kfnb.runs.attempt_logs import LOG, read_log
from kfnb.runs.record.run_store import RunStore
from kfnb.runtime.pods.archived_lines import without_keeper
from tests.cluster.argo import Interpreter, Pods
from tests.cluster.kfp_backend import as_kept
from tests.warm_launch import warm_launch

KFP = Path(__file__).parents[2] / ".venv-kfp" / "bin" / "python"


@dataclass
class Outcome:
    """States, printed texts and small values by path; ``state`` of the run."""

    state: str
    states: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    detail: str = ""
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)  #: what failed steps told
    handed_on: dict[str, dict[str, str]] = field(default_factory=dict)  #: what steps told of what they left


def locally(pipeline: Pipeline, folder: Path, parameters: dict[str, Any], **options: Any) -> Outcome:
    """The outcome on the local engine, with further ``options`` of the run."""
    store = RunStore(folder / "home")
    engine = LocalEngine(store, warm_launch)
    run_id = engine.submit(
        pipeline, RunOptions(**{"parameters": parameters, "isolated": True, "folder": str(folder), **options})
    )
    for _ in engine.events(run_id):
        pass
    summary = store.summary(run_id)
    outcome = Outcome(summary["state"], {}, detail=json.dumps(summary["error"]))
    for step in store.steps(run_id):
        outcome.states[step["path"]] = step["state"]
        if step["state"] == "succeeded":
            outcome.texts[step["path"]] = "\n".join(line.text for line in store.logs(run_id, step["path"]))
            outcome.values.update({f"{step['path']}.{n}": v for n, v in values_of(step["result"]).items()})
    store.close()
    return outcome


def values_of(result: dict[str, Any]) -> dict[str, Any]:
    reused = {**result.get("results", {}), **result.get("outputs", {})}
    return {n: e.get("preview") for n, e in reused.items() if not n.startswith("@")} | result.get("exports", {})


def on_argo(
    pipeline: Pipeline,
    pods: Pods,
    parameters: dict[str, Any],
    values: str = "parameters",
    travels: StepRequirements | None = None,
    fuse: bool = False,
) -> Outcome:
    """The manifest's outcome in the interpreter."""
    options = ClusterOptions(values=values, fuse=fuse)
    compiled = compile_workflow(pipeline, options, travels or StepRequirements())
    types = {p.name: p.type for p in pipeline.parameters}
    with tempfile.TemporaryDirectory() as folder:
        run = Interpreter(compiled.workflow, pods, Path(folder))
        status = run.run(**{n: parameter_text(v, types[n]) for n, v in parameters.items()})
    failed = status["phase"] != "Succeeded"
    outcome = Outcome("failed" if failed else "succeeded", {}, detail=_detail(status, run.logs))
    steps = observe_steps(status["nodes"], compiled.task_jobs)
    for step in steps:
        state = step.state
        if step.attempts:
            log = run.logs[status["nodes"][step.attempts[-1].node]["name"]]
            lines, report = told_by(step.path, step.pod, log) if step.pod else told_alone(log)
            if step.pod and report is None:
                outcome.states[step.path] = "omitted"  # a step before it in its pod has failed
                continue
            assert report is not None
            if step.pod and report.state is not None:
                state = "succeeded" if report.state != "failed" else "failed"
            state = report.state if report.state is not None and state == "succeeded" else state
            if report.error is not None:
                outcome.errors[step.path] = report.error
            if state == "succeeded":
                outcome.texts[step.path] = "\n".join(lines).rstrip("\n")
                values = values_of(report.result()) if report.state else step.outputs
                outcome.values.update({f"{step.path}.{n}": v for n, v in values.items()})
        outcome.states[step.path] = state
    outcome = settled(outcome, pipeline)
    broken = [] if any(s.pod for s in steps) else against_the_rule(pipeline, steps, outcome)
    assert not broken, f"{broken}\n{outcome.detail}"
    return outcome


def told_alone(log: str) -> tuple[list[str], StepReport]:
    report = StepReport()
    return [without_keeper(t) for t in log.split("\n") if not report.read_line(t)], report


def told_by(path: str, pod: tuple[str, ...], log: str) -> tuple[list[str], StepReport | None]:
    """What a step of a shared pod printed and reported, as the recorder of a run takes it from the pod's log."""
    with tempfile.TemporaryDirectory() as folder:
        shared = SharedPodLog(pod, lambda p, number: RecordedLog(Path(folder) / p / str(number)), lambda _: None)
        shared.append_untimed(log, 0.0)
        attempt = shared.attempts.get(path)
        if attempt is None:
            return [], None
        lines = [line.text for line, _ in read_log(Path(folder) / path / str(attempt.number) / LOG)]
        return lines, attempt.report


def _told_by_steps(log: str, pods: dict[str, tuple[str, ...]]) -> list[tuple[list[str], StepReport]]:
    """What the steps of a shared pod printed and reported; empty for a pod with one step."""
    first, begun = StepReport(), None
    for line in log.split("\n"):
        if begun is None and first.read_line(line):
            begun = first.begun
    if begun is None:
        return []
    pod = pods[begun[0]]
    found = [told_by(path, pod, log) for path in pod]
    return [(lines, report) for lines, report in found if report is not None]


def settled(outcome: Outcome, pipeline: Pipeline) -> Outcome:
    """Steps that an engine never came to; a loop without items is one skipped step, not one skipped iteration."""
    for step in steps_of(pipeline.body):
        paths = [p for p in outcome.states if p == step.name or p.startswith(f"{step.name}[")]
        if not paths:
            outcome.states[step.name] = "omitted" if outcome.state == "failed" else "skipped"
    return outcome


def _detail(status: dict[str, Any], logs: dict[str, str]) -> str:
    bad = [n for n in status["nodes"].values() if n["phase"] in ("Failed", "Error")]
    return "\n".join(f"{n['name']}: {n.get('message', '')}\n{logs.get(n['name'], '')[-1500:]}" for n in bad)


def differences(actual: Outcome, expected: Outcome) -> list[str]:
    """Where an engine's outcome is not the local engine's.

    After a failure the local engine begins nothing more, so what still ran beside it depends on time there. A cluster runs all that does not
    come after the failure (see `against_the_rule`), and more steps may fail.
    """
    differing = []
    if actual.state != expected.state:
        differing.append(f"the run {actual.state} instead of {expected.state}\n{actual.detail}\n{expected.detail}")
    free = {"succeeded", "failed", "omitted", "cancelled"} if expected.state == "failed" else set()
    for path in sorted({*actual.states, *expected.states}):
        a, b = actual.states.get(path), expected.states.get(path)
        base = path.split("[")[0]
        if a == b or a in free | {"skipped", None} and b in free | {"skipped", None} and expected.state == "failed":
            continue
        if "skipped" in (a, b) and {
            actual.states.get(base),
            actual.states.get(f"{base}[0]"),
            expected.states.get(base),
        } <= {
            "skipped",
            None,
        }:
            continue  # a loop that was skipped or has no items: one entry or several
        differing.append(f"{path} {a} instead of {b}")
    for path, text in actual.texts.items():
        if expected.state == "failed" and "[" in path:
            continue  # which iterations still ran
        if path in expected.texts and _comparable_text(text, expected) != _comparable_text(
            expected.texts[path], expected
        ):
            differing.append(f"{path} printed {text!r} instead of {expected.texts[path]!r}")
    for name, value in actual.values.items():
        if name in expected.values and value != expected.values[name]:
            differing.append(f"{name} is {value!r} instead of {expected.values[name]!r}")
    return differing


def against_the_rule(pipeline: Pipeline, steps: list[ObservedStep], outcome: Outcome) -> list[str]:
    """The steps on Argo that ran although they come after a failure, and those that were left out without one.

    The second is judged only where no loop and no handler stands around steps, since those fail as a whole.
    """
    jobs = {s.job.name: s.job for s in steps if not s.job.loops}
    flat = all(isinstance(n, (Step, Condition)) for n in nodes_of(pipeline.body))
    found = []
    for name, job in jobs.items():
        if job.in_handler or name not in outcome.states:
            continue
        before, pending = set(), [job]
        while pending:
            names = {n for n, _ in pending.pop().depends if n in jobs} - before
            before |= names
            pending += [jobs[n] for n in names]
        failed = [n for n in before if outcome.states.get(n) == "failed" and not jobs[n].step.settings.may_fail]
        state = outcome.states[name]
        if failed and state not in ("omitted", "skipped"):
            found.append(f"{name} {state} after {failed[0]} failed")
        if flat and not failed and state == "omitted":
            found.append(f"{name} was left out, and nothing before it failed")
    return found


def nodes_of(body: tuple[Node, ...]) -> Iterator[Node]:
    for node in body:
        yield node
        if isinstance(node, Condition):
            for branch in node.branches:
                yield from nodes_of(branch.body)


def _comparable_text(text: str, run: Outcome) -> str:
    """Beside a failure a guard may have ended well or not: which, depends on time."""
    return text.replace("'failed'", "'succeeded'") if run.state == "failed" else text


class Oracle:
    """`kfp.local` in the environment that `make` gives it; one server for many pipelines. ``loaded``: modules that steps have loaded already."""

    def __init__(self, *loaded: str) -> None:
        assert KFP.exists(), "make .venv-kfp/made"
        script = Path(__file__).with_name("kfp_oracle.py")
        self._process = subprocess.Popen(
            [str(KFP), "-W", "ignore", str(script), sys.executable, *loaded],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, ir: dict[str, Any], parameters: dict[str, Any], folder: Path) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ir": ir, "parameters": parameters, "folder": str(folder)}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def on_kfp(
    pipeline: Pipeline,
    oracle: Oracle,
    parameters: dict[str, Any],
    folder: Path,
    reused: dict[str, dict[str, str]] | None = None,
    fuse: bool = False,
    values: str = "parameters",
) -> Outcome:
    """The IR's outcome in `kfp.local`. It tells no iterations: they are numbered as they come."""
    compiled = pipeline_ir.compile_ir(pipeline, ClusterOptions(fuse=fuse, values=values), StepRequirements(), reused)
    given = {p.name: kfp_value(parameters[p.name], p.type) for p in pipeline.parameters}
    answer = oracle.ask(as_kept(compiled.ir), given, folder)
    outcome = Outcome(
        answer["state"], {}, detail=f"{answer['error']}\n" + "\n".join(t[-1500:] for _, s, t in answer["logs"] if s)
    )
    jobs = compiled.task_jobs
    loops = {j.name: len(j.loops) for pod in jobs.values() for j in pod}
    pods = {j.name: tuple(m.name for m in pod) for pod in jobs.values() if len(pod) > 1 for j in pod}
    told = [
        (task, status, *of_step)
        for task, status, text in answer["logs"]
        for of_step in (_told_by_steps(text, pods) or [told_alone(text)])
    ]
    for task, status, lines, report in told:
        if report.step == RUNTIME:
            continue
        state = report.state or ("failed" if status else "succeeded")
        path = jobs[task][0].name if len(jobs.get(task, ())) == 1 else report.step
        if loops.get(path):
            path += f"[{sum(p.startswith(path + '[') for p in outcome.states)}]"
        outcome.states[path] = state
        if state == "succeeded":
            outcome.handed_on[path] = report.handed_on()
            outcome.texts[path] = "\n".join(lines).rstrip("\n")
            left = values_of(report.result()) if report.state else report.texts()
            outcome.values.update({f"{path}.{n}": v for n, v in left.items()})
    return settled(outcome, pipeline)


def by_step(outcome: Outcome, pipeline: Pipeline) -> Outcome:
    """Iterations in an order of their own, for an engine that does not tell which is which."""
    inside = {s.name for s in pipeline.steps()}
    texts: dict[str, str] = {}
    states: dict[str, str] = {}
    for name in inside:
        paths = [p for p in outcome.states if p == name or p.startswith(f"{name}[")]
        if paths == [name]:
            states[name] = outcome.states[name]
            texts.update({name: outcome.texts[name]} if name in outcome.texts else {})
            continue
        iterations = sorted(
            (outcome.states[p], outcome.texts.get(p, ""))
            for p in paths
            if outcome.states[p] not in ("skipped", "omitted")
        )
        states.update({name: "skipped"} if not iterations else {})
        for number, (state, text) in enumerate(iterations):
            states[f"{name}[{number}]"] = state
            texts.update({f"{name}[{number}]": text} if state == "succeeded" else {})
    values = {n: v for n, v in outcome.values.items() if "[" not in n.rpartition(".")[0]}
    return Outcome(outcome.state, states, texts, values, outcome.detail)
