"""Finds the steps of a branch that may share a pod, and makes one job of them.

A pod costs seconds, and a chain of short steps costs as many pods as it has steps. Steps that a mark puts into one pod, and with
``fuse`` all chains of steps that ask for no resources, become one job with `members`. A group never makes a step wait for something
that it did not wait for before, except for the members themselves: those run one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from kfnb.engines.cluster.fusing.pod_settings import differences, joined_settings, settings_of_pod
from kfnb.engines.cluster.lowering.jobs_and_blocks import BESIDE, Block, Job, blocks_in, jobs_in
from kfnb.engines.cluster.lowering.lower_pipeline import lower
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.pipeline.model import Pipeline, Step
from kfnb.problems import Problem


def fuse(root: Block, options: ClusterOptions, alone: Collection[str] = ()) -> Block:
    """The same blocks, in which one job stands for all steps of a pod. The steps of ``alone`` keep a pod of their own."""
    blocked = {j.name for j in jobs_in(root) if _needs_own_pod(j, options)} | set(alone)
    groups = [g for b in blocks_in(root) for g in _groups(b, options, blocked)]
    if not groups:
        return root
    pods = {m.name: _fused(members, options) for members in groups for m in members}
    return _replaced(root, pods)


def check_pods(pipeline: Pipeline, options: ClusterOptions) -> Iterator[Problem]:
    """Find marks ``pod`` whose steps cannot share a pod."""
    if all(s.settings.pod is None for s in pipeline.steps()):
        return
    root = lower(pipeline)
    blocked = {j.name for j in jobs_in(root) if _needs_own_pod(j, options)}
    fused = {m.name for b in blocks_in(root) for g in _groups(b, options, blocked) for m in g}
    named: dict[str, list[Job]] = {}
    for job in jobs_in(root):
        if job.step.settings.pod is not None:
            named.setdefault(job.step.settings.pod, []).append(job)
    for pod, jobs in named.items():
        apart = sorted((j for j in jobs if j.name not in fused), key=lambda j: j.name not in blocked)
        if len(jobs) > 1 and apart:
            reason = _reason(apart[0], next(j for j in jobs if j is not apart[0]), options, blocked)
            code = apart[0].step.cells[0] if apart[0].step.cells else None
            yield Problem(
                "KF718", f"step `{apart[0].name}` cannot run in the pod `{pod}` with the others: {reason}",
                f"take the mark `pod:{pod}` from it, or let it have what the others have",
                code.cell if code is not None else None, (code.cell_id or None) if code is not None else None, name=apart[0].name,
            )  # fmt: skip


def _needs_own_pod(job: Job, options: ClusterOptions) -> bool:
    """Whether a step cannot share its pod: an image without the runtime runs in it, or Argo may take its result from a cache."""
    return job.plain_container or (not job.in_handler and options.caches(job.step.settings))


def _reason(job: Job, other: Job, options: ClusterOptions, blocked: Collection[str]) -> str:
    if job.plain_container:
        return "it runs in an image of its own, without Python"
    if job.name in blocked:
        return "its result may come from a cache"
    found = differences(settings_of_pod(job, options), settings_of_pod(other, options))
    if found:
        return f"it has another {found[0]} than `{other.name}`"
    return "the steps between them need one of them and are needed by another, or they stand in different branches or loops"


# -------------------------------------------------------------------- groups
@dataclass(frozen=True)
class _Graph:
    """What the nodes of one block wait for, directly and through others, by the names of the nodes."""

    direct: dict[str, set[str]]
    all: dict[str, set[str]]


def _groups(block: Block, options: ClusterOptions, blocked: Collection[str]) -> list[tuple[Job, ...]]:
    """The groups of jobs of one block that share a pod. Blocks inside it have groups of their own."""
    graph = _graph(block)
    jobs = [n for n in block.nodes if isinstance(n, Job) and n.name not in blocked]
    named: dict[str, list[Job]] = {}
    for job in jobs:
        if job.step.settings.pod is not None:
            named.setdefault(job.step.settings.pod, []).append(job)
    groups = [g for members in named.values() if len(g := _sound(members, graph, options)) > 1]
    return groups + (_chains(jobs, graph, options) if options.fuse else [])


def _graph(block: Block) -> _Graph:
    place = {j.name: n.name for n in block.nodes for j in ((n,) if isinstance(n, Job) else jobs_in(n))}
    direct = {
        n.name: {
            place[d]
            for j in ((n,) if isinstance(n, Job) else jobs_in(n))
            for d, _ in j.depends
            if place.get(d, n.name) != n.name
        }
        for n in block.nodes
    }
    everything: dict[str, set[str]] = {}
    for name in direct:
        _ancestors(name, direct, everything)
    return _Graph(direct, everything)


def _ancestors(name: str, direct: dict[str, set[str]], found: dict[str, set[str]]) -> set[str]:
    if name not in found:
        found[name] = set()
        found[name] = direct[name].union(*(_ancestors(n, direct, found) for n in direct[name]))
    return found[name]


def _sound(members: Iterable[Job], graph: _Graph, options: ClusterOptions) -> tuple[Job, ...]:
    """The members that can share the pod of the first one. A step between two of them, which needs one and which another needs, forbids it."""
    group: list[Job] = []
    for job in members:
        names = {m.name for m in group}
        between = {n for n in graph.all[job.name] - names if graph.all[n] & names}
        same = all(not differences(settings_of_pod(job, options), settings_of_pod(m, options)) for m in group)
        if not between and same:
            group.append(job)
    return tuple(group)


def _chains(jobs: list[Job], graph: _Graph, options: ClusterOptions) -> list[tuple[Job, ...]]:
    """Chains of light steps. No step outside of a chain waits longer than before."""
    light = [j for j in jobs if j.step.settings.pod is None and not _asks_for_resources(j)]
    chains: list[list[Job]] = []
    for job in light:
        chain = next((c for c in chains if _continues(job, c, graph, options)), None)
        if chain is not None:
            chain.append(job)
        else:
            chains.append([job])
    return [tuple(c) for c in chains if len(c) > 1]


def _continues(job: Job, chain: list[Job], graph: _Graph, options: ClusterOptions) -> bool:
    last, names = chain[-1], {j.name for j in chain}
    before = names | graph.all[chain[0].name]
    followers = {n for n, needs in graph.direct.items() if last.name in needs}
    return (
        last.name in graph.direct[job.name]
        and graph.direct[job.name] <= before
        and all(n == job.name or job.name in graph.all[n] for n in followers)
        and settings_of_pod(job, options) == settings_of_pod(last, options)
    )


def _asks_for_resources(job: Job) -> bool:
    settings = job.step.settings
    memory = settings.memory or settings.shared_memory
    return bool(settings.cpu or memory or settings.gpu or settings.limits or settings.ephemeral_storage)


# -------------------------------------------------------------------- one job for a pod
def _fused(members: tuple[Job, ...], options: ClusterOptions) -> Job:
    first, names = members[0], {m.name for m in members}
    produced = {c for m in members for c in m.outputs}
    inputs = dict.fromkeys(c for m in members for c in m.inputs if c not in produced)
    depends: dict[str, bool] = {}
    for name, strict in (d for m in members for d in m.depends):
        if name not in names:
            depends[name] = depends.get(name, False) or (strict and _all_follow(members))
    return replace(
        first,
        step=Step(BESIDE.join(m.name for m in members), (), settings=joined_settings(members, options)),
        inputs=tuple(inputs),
        outputs=tuple(c for m in members for c in m.outputs),
        depends=tuple(depends.items()),
        runtime_spec={},
        members=members,
        helps="",
    )


def _all_follow(members: tuple[Job, ...]) -> bool:
    """Whether every later member is skipped when the one before it is. Then the whole pod can be skipped with the first."""
    return all(dict(b.depends).get(a.name, False) for a, b in zip(members, members[1:], strict=False))


def _replaced(block: Block, pods: dict[str, Job]) -> Block:
    nodes: list[Job | Block] = []
    for node in block.nodes:
        if not isinstance(node, Job):
            nodes.append(_replaced(node, pods))
        elif node.name not in pods:
            nodes.append(_renamed(node, pods))
        elif pods[node.name].members[-1].name == node.name:
            # It stands where its last member stood, after everything that the members need.
            nodes.append(_renamed(pods[node.name], pods))
    handler = None if block.handler is None else _replaced(block.handler, pods)
    return replace(block, nodes=tuple(nodes), handler=handler)


def _renamed(job: Job, pods: dict[str, Job]) -> Job:
    """A job that waits for the pods of the steps that it waited for."""
    depends: dict[str, bool] = {}
    for name, strict in job.depends:
        pod = pods[name] if name in pods else None
        # A pod succeeds although one of its steps was skipped, so only the step itself can tell.
        key, sure = (
            (name, strict)
            if pod is None
            else (pod.name, strict and name == pod.members[0].name and _all_follow(pod.members))
        )
        depends[key] = depends.get(key, False) or sure
    return replace(job, depends=tuple(depends.items()))
