"""Places the steps of a graph in layers by longest path, with few crossings and straight lines.

The method of Sugiyama, Tagawa and Toda (1981): long edges pass through invisible places, rows are sorted by the middle of
their neighbours, then moved towards them as far as the row allows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GAP, RANK, SWEEPS = 24.0, 44.0, 8
ROW = 10  #: boxes that stand side by side; others wait in the rows below
MOST_BENDS = 4_000  #: of all edges together; the longest go without, when a graph has more than anybody can follow
Place = str | tuple[str, str, int]  #: a step, or in a layer the bend of the long edges from one step or to another


@dataclass(frozen=True)
class Layout:
    """Centres of steps, the points of every edge, and the size of the whole, in pixels."""

    centres: dict[str, tuple[float, float]]
    edges: dict[tuple[str, str], list[tuple[float, float]]]
    width: float
    height: float


def lay_out(sizes: Mapping[str, tuple[float, float]], edges: Iterable[tuple[str, str]]) -> Layout:
    """Place boxes of the given widths and heights, from top to bottom. Edges must make no circle."""
    widths = {n: width for n, (width, _) in sizes.items()}
    following: dict[str, list[str]] = {n: [] for n in widths}
    for source, to in edges:
        if source in following and to in widths and source != to and to not in following[source]:
            following[source].append(to)
    layer = _layers(following)
    rows: list[list[Place]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for name in widths:
        rows[layer[name]].append(name)
    chains = _chains(following, layer)
    for place in dict.fromkeys(place for chain in chains.values() for place in chain[1:-1]):
        row = rows[place[2]]  # type: ignore[index]
        row.insert(len(row) // 2, place)  # what an edge passes stands on both of its sides
    up: dict[Place, list[Place]] = {}
    down: dict[Place, list[Place]] = {}
    for (source, to), chain in chains.items():
        if len(chain) == 2 and layer[to] - layer[source] > 1:
            continue  # it is drawn straight, behind everything, and moves nothing
        for one, other in zip(chain, chain[1:], strict=False):
            if other not in down.setdefault(one, []):
                down[one].append(other)
                up.setdefault(other, []).append(one)
    _sort(rows, up, down)
    x = _positions(rows, up, down, widths)
    return _layout(rows, x, chains, sizes)


def _chains(following: Mapping[str, list[str]], layer: Mapping[str, int]) -> dict[tuple[str, str], list[Place]]:
    """What every edge passes: its two steps, and a bend in each row between them. The shortest edges come first."""
    entering = Counter(to for targets in following.values() for to in targets)
    pairs = [(source, to) for source, targets in following.items() for to in targets]
    chains: dict[tuple[str, str], list[Place]] = {}
    left = MOST_BENDS
    for source, to in sorted(pairs, key=lambda pair: layer[pair[1]] - layer[pair[0]]):
        between = range(layer[source] + 1, layer[to])
        left -= len(between)
        # the edges of the busier end run together as far as they can
        first, last = (source, "") if len(following[source]) >= entering[to] else ("", to)
        chains[source, to] = [source, *((first, last, at) for at in between if left >= 0), to]
    return chains


def _layers(following: Mapping[str, list[str]]) -> dict[str, int]:
    """The row of every box: below all that it waits for, and where there is room for it."""
    open_edges = {n: 0 for n in following}
    for targets in following.values():
        for to in targets:
            open_edges[to] += 1
    ready = [n for n, count in open_edges.items() if not count]
    layer = dict.fromkeys(ready, 0)
    taken: dict[int, int] = {}
    for name in ready:
        at = layer[name]
        while taken.get(at, 0) >= ROW:
            at += 1
        taken[at] = taken.get(at, 0) + 1
        layer[name] = at
        for to in following[name]:
            layer[to] = max(layer.get(to, 0), layer[name] + 1)
            open_edges[to] -= 1
            if not open_edges[to]:
                ready.append(to)
    return layer


def _sort(rows: list[list[Place]], up: Mapping[Place, list[Place]], down: Mapping[Place, list[Place]]) -> None:
    """Sort each row by the mean position of its neighbours, downwards and upwards in turn."""
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        order = range(1, len(rows)) if forward else range(len(rows) - 2, -1, -1)
        near = up if forward else down
        for at in order:
            place = {n: i for i, n in enumerate(rows[at - 1 if forward else at + 1])}
            keys: dict[Place, float] = {}
            for index, node in enumerate(rows[at]):
                found = [place[m] for m in near.get(node, ()) if m in place]
                keys[node] = sum(found) / len(found) if found else float(index)
            rows[at].sort(key=lambda n, keys=keys: keys[n])  # type: ignore[misc]


def _positions(
    rows: list[list[Place]],
    up: Mapping[Place, list[Place]],
    down: Mapping[Place, list[Place]],
    widths: Mapping[str, float],
) -> dict[Place, float]:
    size = {n: widths[n] if isinstance(n, str) else 4.0 for row in rows for n in row}
    x: dict[Place, float] = {}
    for row in rows:
        at = 0.0
        for node in row:
            x[node] = at + size[node] / 2
            at += size[node] + GAP
    for sweep in range(SWEEPS * 2):
        forward = sweep % 2 == 0
        near = up if forward else down
        for row in rows if forward else reversed(rows):
            wanted = {}
            for node in row:
                found = sorted(x[m] for m in near.get(node, ()))
                middle = len(found) // 2
                wanted[node] = (found[middle] + found[-middle - 1]) / 2 if found else x[node]
            _settle(row, wanted, size, x)
    return x


def _settle(
    row: list[Place], wanted: Mapping[Place, float], size: Mapping[Place, float], x: dict[Place, float]
) -> None:
    """Find the positions nearest to the desired ones that keep the row's order and gaps. Blocks that touch move as one."""
    offset, offsets = 0.0, []
    for index, node in enumerate(row):
        if index:
            offset += (size[row[index - 1]] + size[node]) / 2 + GAP
        offsets.append(offset)
    blocks: list[list[float]] = []
    for node, own in zip(row, offsets, strict=True):
        blocks.append([wanted[node] - own, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + count]
    at = 0
    for total, count in blocks:
        for _ in range(int(count)):
            x[row[at]] = total / count + offsets[at]
            at += 1


def _layout(
    rows: list[list[Place]],
    x: dict[Place, float],
    chains: Mapping[tuple[str, str], list[Place]],
    sizes: Mapping[str, tuple[float, float]],
) -> Layout:
    min_x = min([*(x[n] - width / 2 for n, (width, _) in sizes.items()), *x.values()], default=0.0)
    tops: dict[Place, tuple[float, float]] = {}  #: of a place, the top and the height of its row
    bottom = -RANK
    for row in rows:
        height = max((sizes[n][1] for n in row if isinstance(n, str)), default=0.0)
        tops.update(dict.fromkeys(row, (bottom + RANK, height)))
        bottom += RANK + height
    centres = {n: (x[n] - min_x, tops[n][0] + height / 2) for n, (_, height) in sizes.items()}
    edges: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for (source, to), chain in chains.items():
        points = [(x[source] - min_x, tops[source][0] + sizes[source][1])]
        if sizes[source][1] < tops[source][1]:  # past what stands beside it
            points.append((x[source] - min_x, sum(tops[source])))
        for bend in chain[1:-1]:
            top, height = tops[bend]
            points += [(x[bend] - min_x, top), (x[bend] - min_x, top + height)]
        edges[source, to] = [*points, (x[to] - min_x, tops[to][0])]
    max_x = max([*(x[n] + width / 2 for n, (width, _) in sizes.items()), *x.values(), min_x])
    return Layout(centres, edges, max_x - min_x, max(bottom, 0.0))
