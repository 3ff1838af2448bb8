"""No module reaches itself through its imports; those inside functions count too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import grimp

from tests.architecture.tracked import PACKAGES


def test_no_module_imports_in_a_cycle() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None, exclude_type_checking_imports=True)
    edges = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    cycles = [sorted(group) for group in components(edges) if len(group) > 1]
    assert not cycles, f"break these: {cycles}"


def test_a_cycle_is_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert sorted(map(len, components(edges))) == [1, 3]


def components(edges: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Strongly connected components, by Kosaraju's two passes without recursion."""
    order: list[str] = []
    seen: set[str] = set()
    for start in edges:
        _visit(start, edges, seen, order)
    backwards: dict[str, set[str]] = {name: set() for name in edges}
    for name, targets in edges.items():
        for target in targets:
            backwards.setdefault(target, set()).add(name)
    seen = set()
    found: list[set[str]] = []
    for name in reversed(order):
        if name not in seen:
            group: list[str] = []
            _visit(name, backwards, seen, group)
            found.append(set(group))
    return found


def _visit(start: str, edges: Mapping[str, Iterable[str]], seen: set[str], order: list[str]) -> None:
    """Depth first from `start`; names go to `order` when they are done."""
    if start in seen:
        return
    seen.add(start)
    stack = [(start, iter(sorted(edges.get(start, ()))))]
    while stack:
        name, targets = stack[-1]
        following = next((target for target in targets if target not in seen), None)
        if following is None:
            order.append(name)
            stack.pop()
        else:
            seen.add(following)
            stack.append((following, iter(sorted(edges.get(following, ())))))
