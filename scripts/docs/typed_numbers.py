"""Finds digits that are typed in a source of documents instead of taken from a table."""

from __future__ import annotations

import re

from documents import environment
from jinja2 import nodes
from result_tables import ROOT, StoredResults

# A digit within a word belongs to a name: R3, float64, x_0
TYPED = re.compile(r"(?<![A-Za-z_\d])\d")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\]\([^)]*\)")
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
HEADING = re.compile(r"^#+ .*$", re.MULTILINE)


def typed(text: str) -> list[str]:
    """Digits in a source that are in no expression, code span, link target or heading: `line: what
    stands there`.
    """
    for what in (EXPRESSION, CODE, LINK, HEADING):
        text = what.sub(lambda match: "".join(c for c in match[0] if c == "\n"), text)
    return [
        f"{i}: {line.strip()}" for i, line in enumerate(text.splitlines(), 1) if TYPED.search(line)
    ]


def typed_in_expressions(text: str) -> list[str]:
    """Digits that expressions print as they are written.

    Examples are `{{ 3 }}`, `{{ "3 of" }}` and `checked("3 of", ...)`. `literal` is allowed.
    """
    out, parsed = [], environment(StoredResults(ROOT / "results")).parse(text)
    shown = [node for printed in parsed.find_all(nodes.Output) for node in printed.nodes]
    lists = [loop.iter for loop in parsed.find_all(nodes.For) if isinstance(loop.iter, nodes.List)]
    # Titles of a table's rows
    shown += [row.items[0] for rows in lists for row in rows.items if isinstance(row, nodes.Tuple)]
    for node in shown:
        out += [
            f"{constant.lineno}: {constant.value!r}"
            for constant in _printed(node)
            if TYPED.search(str(constant.value))
        ]
    return out


def _printed(node: nodes.Node) -> list[nodes.Const]:
    """Constants that an expression may print as they are."""
    if isinstance(node, nodes.Const):
        return [node]
    if (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Name)
        and node.node.name == "checked"
    ):
        return _printed(node.args[0])
    if isinstance(node, nodes.CondExpr):
        return [x for part in (node.expr1, node.expr2) if part is not None for x in _printed(part)]
    if isinstance(node, nodes.Concat):
        return [x for part in node.nodes for x in _printed(part)]
    if isinstance(node, nodes.Filter) and node.node is not None:
        return _printed(node.node)
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Dict):
        return [x for pair in node.node.items for x in _printed(pair.value)]
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.List):
        return [x for part in node.node.items for x in _printed(part)]
    # Sums of constants and the like
    return [] if node.find(nodes.Name) else list(node.find_all(nodes.Const))
