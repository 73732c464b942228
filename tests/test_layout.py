"""The tests mirror the packages, and the name of a test says what it checks."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
MAX_NAME = 60
MAX_PARAMETERS = 8
MIN_SHARE_WITH_TESTS = 0.9


def modules() -> list[Path]:
    """Modules of evosim, worlds and genomes, except `__init__` and `__main__`."""
    found = [path for top in ("worlds", "genomes") for path in (ROOT / top).glob("*.py")]
    found += [
        path
        for path in (ROOT / "evosim").rglob("*.py")
        if not any((ROOT / "evosim" / top) in path.parents for top in ("worlds", "genomes"))
    ]
    return sorted(path for path in found if not path.stem.startswith("__"))


def test_file_of(module: Path) -> Path:
    """The file that must contain the tests of a module."""
    inside = module.relative_to(ROOT).parent.parts
    room = inside[1:] if inside[0] == "evosim" else inside
    return ROOT.joinpath("tests", *room, f"test_{module.stem}.py")


test_file_of.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_of_tests_are_short(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [n for n in names if n.startswith("test_") and len(n) > MAX_NAME] == []


def test_most_modules_have_a_test_file_of_the_same_name() -> None:
    without = [module for module in modules() if not test_file_of(module).is_file()]
    share = 1.0 - len(without) / len(modules())
    names = "\n".join(str(test_file_of(module).relative_to(ROOT)) for module in without)
    assert share >= MIN_SHARE_WITH_TESTS, f"{share:.0%} have tests; missing:\n{names}"


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Names of the parameters of a function, without `self` and `cls`."""
    a = function.args
    every = [*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg]
    return [one.arg for one in every if one is not None and one.arg not in ("self", "cls")]


def wide_functions(source: str) -> list[str]:
    """Functions of a module with more than `MAX_PARAMETERS` parameters."""
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [node.name for node in functions if len(parameters(node)) > MAX_PARAMETERS]


def test_no_function_has_more_than_eight_parameters() -> None:
    wide = {
        str(path.relative_to(ROOT)): names
        for path in modules()
        if (names := wide_functions(path.read_text(encoding="utf-8")))
    }
    assert wide == {}


def test_a_planted_wide_function_is_seen() -> None:
    assert wide_functions("def f(a, b, c, *, d, e, g, h, i=1, **j): ...") == ["f"]
    assert wide_functions("class A:\n    def f(self, a, b, c, d, e, g, *h, i=1): ...") == []


def name_of(path: Path) -> str:
    """The name by which a module is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "evosim" else ("evosim", *parts))


def imports_at_top(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Modules and names that a module imports outside functions, also for types alone."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports_at_top(ast.iter_child_nodes(node))


def import_circle(sources: dict[str, str]) -> list[str]:
    """The names of modules that import each other in a circle; empty if there is none."""
    graph = {
        name: set(imports_at_top([ast.parse(source)])) & (sources.keys() - {name})
        for name, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports of types count, because a reader follows them too."""
    sources = {name_of(path): path.read_text(encoding="utf-8") for path in modules()}
    assert import_circle(sources) == []


def test_a_planted_circle_is_seen() -> None:
    types = "if TYPE_CHECKING:\n    from a import A"
    assert import_circle({"a": "from b import B", "b": types}) == ["a", "b", "a"]
    assert import_circle({"a": "from b import B", "b": "def f():\n    import a"}) == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_module_imports_another(path: Path) -> None:
    """Shared helpers are in tests/support/."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert [name for name in imported if name and ".test_" in f".{name}"] == []
