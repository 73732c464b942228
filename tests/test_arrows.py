"""Imports point one way. The rooms and what each may import are the house's plan (docs/house.md)."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# room: the rooms it may import from (its own is always allowed)
ARROWS: dict[str, set[str]] = {
    "worlds": set(),
    "genomes": set(),
    "evosim": {"evosim.whole", "evosim.installed", "evosim.forks", "evosim.api", "evosim.comparison", "evosim.errors", "evosim.report", "evosim.version"},
    "evosim.version": set(),
    "evosim.errors": set(),
    "evosim.clock": set(),
    "evosim.layout": {"evosim.names"},
    "evosim.files": {"evosim.errors", "evosim.progress"},
    "evosim.watch": {"evosim.errors"},
    "evosim.machine": {"evosim.errors"},
    "evosim.blocks": {"evosim.files", "evosim.errors"},
    "evosim.names": {"evosim.errors"},
    "evosim.places": {"evosim.errors", "evosim.files"},
    "evosim.terminal": {"evosim.names"},
    "evosim.whole": {"evosim.errors"},
    "evosim.forged": {"evosim.blocks", "evosim.controls", "evosim.intact", "evosim.params", "evosim.schemas"},
    "evosim.intact": {"evosim.files", "evosim.parquet"},
    "evosim.output": set(),
    "evosim.parquet": set(),
    "evosim.schemas": {"evosim.compose", "evosim.intact", "evosim.params", "genomes"},
    "evosim.control_runs": {"evosim.checkpoint", "evosim.compose", "evosim.controls", "evosim.landscape", "evosim.params", "evosim.progress", "evosim.simulate"},
    "evosim.forks": {"evosim.errors"},
    "evosim.checkpoint": {"evosim.intact", "evosim.forged", "evosim.blocks", "evosim.version", "evosim.clock", "evosim.errors", "evosim.files", "evosim.params", "evosim.record"},
    "evosim.streams": set(),
    "evosim.experiments": set(),
    "evosim.params": {"evosim.names", "evosim.errors"},
    "evosim.progress": {"evosim.layout"},
    "evosim.kernels": {"evosim.files", "evosim.machine", "evosim.streams"},
    "evosim.reference": {"evosim.streams", "worlds", "genomes"},
    "evosim.census": {"evosim.kernels", "genomes"},
    "evosim.optimizers": {"evosim.census", "evosim.kernels", "evosim.streams", "genomes"},
    "evosim.slopes": {"evosim.kernels", "evosim.optimizers", "worlds"},
    "evosim.measures": set(),
    "evosim.tables": {"evosim.kernels", "worlds"},
    "evosim.score": {"evosim.errors", "evosim.kernels", "evosim.reference", "evosim.tables", "worlds", "genomes"},
    "evosim.worth": {"evosim.errors", "evosim.score", "genomes"},
    "evosim.selection": {"evosim.params", "evosim.streams"},
    "evosim.survey": {"evosim.measures", "evosim.reference", "evosim.score", "evosim.worth", "genomes", "worlds"},
    "evosim.installed": {"evosim.whole", "evosim.names", "evosim.errors", "worlds", "genomes"},
    "evosim.compose": {"evosim.names", "evosim.installed", "evosim.params", "evosim.errors", "evosim.optimizers", "worlds", "genomes"},
    "evosim.landscape": {
        "evosim.score", "evosim.compose", "evosim.errors", "evosim.measures", "evosim.reference", "evosim.streams", "evosim.survey", "evosim.worth", "genomes",
    },
    "evosim.simulate": {
        "evosim.blocks",
        "evosim.census", "evosim.checkpoint", "evosim.landscape", "evosim.compose", "evosim.errors", "evosim.optimizers",
        "evosim.params", "evosim.price", "evosim.progress", "evosim.selection", "genomes",
    },
    "evosim.price": {"evosim.census", "evosim.kernels", "evosim.optimizers", "genomes"},
    "evosim.controls": {"evosim.compose", "evosim.params", "genomes"},
    "evosim.theory": set(),
    "evosim.verify": {"evosim.kernels", "evosim.layout", "evosim.optimizers", "evosim.price", "evosim.streams", "evosim.theory", "genomes"},
    "evosim.replicate": {
        "evosim.control_runs",
        "evosim.analysis", "evosim.checkpoint", "evosim.compose", "evosim.controls", "evosim.landscape", "evosim.measures", "evosim.progress",
    },
    "evosim.sweeps": {
        "evosim.intact",
        "evosim.terminal",
        "evosim.places",
        "evosim.names",
        "evosim.installed",
        "evosim.forks",
        "evosim.version", "evosim.analysis", "evosim.checkpoint", "evosim.compose", "evosim.controls", "evosim.cost", "evosim.errors",
        "evosim.figures", "evosim.files", "evosim.landscape", "evosim.layout", "evosim.machine", "evosim.params", "evosim.press", "evosim.progress",
        "evosim.record", "evosim.replicate", "evosim.screen", "evosim.streams", "evosim.watch",
    },
    "evosim.record": {"evosim.schemas", "evosim.intact", "evosim.controls", "evosim.places", "evosim.blocks", "evosim.forks", "evosim.version", "evosim.compose", "evosim.errors", "evosim.files", "evosim.installed", "evosim.params", "evosim.streams"},
    "evosim.analysis": {
        "evosim.blocks",
        "evosim.compose", "evosim.errors", "evosim.measures", "evosim.params", "evosim.reference", "evosim.record", "evosim.selection", "evosim.theory", "worlds", "genomes",
    },
    "evosim.figures": {"evosim.places", "evosim.names", "evosim.files", "evosim.blocks", "genomes", "evosim.pen", "evosim.press", "evosim.params", "evosim.record", "evosim.errors", "evosim.analysis"},
    "evosim.screen": {"evosim.reference", "evosim.analysis", "evosim.layout"},
    "evosim.workflow": {
        "evosim.control_runs",
        "evosim.intact",
        "evosim.places",
        "evosim.forks",
        "evosim.version", "evosim.analysis", "evosim.checkpoint", "evosim.clock", "evosim.compose", "evosim.controls", "evosim.cost",
        "evosim.errors", "evosim.figures", "evosim.files", "evosim.landscape", "evosim.machine", "evosim.measures", "evosim.params",
        "evosim.press", "evosim.progress", "evosim.record", "evosim.simulate",
    },
    "evosim.comparison": {
        "evosim.forks",
        "evosim.analysis", "evosim.compose", "evosim.errors", "evosim.figures", "evosim.files", "evosim.layout", "evosim.params", "evosim.press", "evosim.record", "evosim.screen", "evosim.workflow",
    },
    "evosim.export": {"evosim.intact", "evosim.explore", "evosim.places", "evosim.errors", "evosim.files", "evosim.params", "evosim.record", "evosim.sweeps", "evosim.workflow"},
    "evosim.api": {
        "evosim.layout",
        "evosim.blocks",
        "evosim.forks",
        "evosim.analysis", "evosim.clock", "evosim.comparison", "evosim.compose", "evosim.errors", "evosim.explore", "evosim.export", "evosim.figures", "evosim.params",
        "evosim.press", "evosim.progress", "evosim.record", "evosim.screen", "evosim.sweeps", "evosim.workflow", "genomes",
    },
    "evosim.report": {
        "evosim.places",
        "evosim.terminal",
        "evosim.progress",
        "evosim.names",
        "evosim.forks",
        "evosim.version", "evosim.analysis", "evosim.api", "evosim.compose", "evosim.errors", "evosim.explore", "evosim.figures", "evosim.files", "evosim.installed",
        "evosim.optimizers", "evosim.params", "evosim.press", "evosim.record", "evosim.screen", "evosim.sweeps", "evosim.workflow", "worlds", "genomes",
    },
    "evosim.cost": {
        "evosim.blocks",
        "evosim.analysis", "evosim.compose", "evosim.controls", "evosim.errors", "evosim.landscape", "evosim.measures", "evosim.params", "evosim.progress",
        "evosim.record", "evosim.simulate", "evosim.worth",
    },
    "evosim.testing": {"evosim.analysis", "evosim.reference", "evosim.score", "worlds", "genomes"},
    "evosim.new": {"evosim.terminal", "evosim.version", "evosim.errors", "evosim.installed"},
    "evosim.press": {"evosim.files"},
    "evosim.pen": {"evosim.errors", "evosim.forks"},
    "evosim.gallery": {
        "evosim.compose", "evosim.errors", "evosim.explore", "evosim.export", "evosim.figures", "evosim.params", "evosim.press", "evosim.record",
        "evosim.sweeps", "evosim.workflow",
    },
    "evosim.claims": {
        "evosim.control_runs",
        "evosim.intact",
        "evosim.terminal",
        "evosim.places",
        "evosim.analysis", "evosim.compose", "evosim.controls", "evosim.errors", "evosim.figures", "evosim.files", "evosim.landscape", "evosim.layout",
        "evosim.machine",
        "evosim.optimizers", "evosim.params", "evosim.press", "evosim.record", "evosim.reference", "evosim.replicate", "evosim.score", "evosim.screen", "evosim.selection", "evosim.slopes",
        "evosim.simulate", "evosim.streams", "evosim.theory", "evosim.watch", "worlds", "genomes",
    },
    "evosim.explore": {
        "evosim.intact",
        "evosim.workflow",
        "evosim.analysis", "evosim.clock", "evosim.compose", "evosim.errors", "evosim.figures", "evosim.params", "evosim.press", "evosim.record",
        "evosim.slopes",
    },
    "evosim.easel": {"evosim.forks", "evosim.version", "evosim.errors", "evosim.machine", "evosim.press", "evosim.record", "evosim.workflow"},
    "evosim.cli": {
        "evosim.output",
        "evosim.whole",
        "evosim.terminal",
        "evosim.places",
        "evosim.version", "evosim.claims", "evosim.clock", "evosim.comparison", "evosim.compose", "evosim.cost", "evosim.easel", "evosim.errors", "evosim.explore", "evosim.export", "evosim.files", "evosim.gallery", "evosim.installed", "evosim.layout", "evosim.machine", "evosim.new", "evosim.optimizers", "evosim.params", "evosim.pen", "evosim.progress",
        "evosim.record", "evosim.report", "evosim.screen", "evosim.sweeps", "evosim.verify", "evosim.watch", "evosim.workflow", "worlds", "genomes",
    },
}  # fmt: skip

NUMPY_ONLY = {"worlds", "genomes", "evosim.reference", "evosim.streams", "evosim.theory"}


def modules() -> dict[str, Path]:
    out = {}
    for top in ("evosim", "worlds", "genomes"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            out[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return out


def room(module: str) -> str:
    parts = module.split(".")
    return module if len(parts) == 1 else ".".join(parts[:2]) if parts[0] == "evosim" else parts[0]


def imported(path: Path) -> set[str]:
    out = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            out |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            out |= {f"{node.module}.{alias.name}" for alias in node.names}
    return out


def violations(sources: dict[str, Path], arrows: dict[str, set[str]]) -> list[str]:
    known = set(sources)
    bad = []
    for module, path in sources.items():
        here = room(module)
        for name in imported(path):
            target = name if name in known else name.rpartition(".")[0]
            if target.split(".")[0] not in ("evosim", "worlds", "genomes"):
                continue
            there = room(target)
            if there != here and there not in arrows[here]:
                bad.append(f"{module} imports {name}")
    return bad


def test_every_module_has_a_room() -> None:
    assert {room(m) for m in modules()} == set(ARROWS)


def test_arrows_point_down() -> None:
    assert violations(modules(), ARROWS) == []


def test_a_forbidden_arrow_is_seen() -> None:
    stricter = ARROWS | {"evosim.analysis": ARROWS["evosim.analysis"] - {"worlds"}}
    assert any("analysis" in v and "worlds" in v for v in violations(modules(), stricter))


def test_there_is_no_cycle_between_rooms() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for target in ARROWS[name] - {name}:
                visit(target, (*path, name))
            done.add(name)

    for name in ARROWS:
        visit(name, ())


@pytest.mark.parametrize("name", sorted(NUMPY_ONLY))
def test_numpy_only_rooms(name: str) -> None:
    allowed = {"numpy", "evosim", "worlds", "genomes", *sys.stdlib_module_names}
    for module, path in modules().items():
        if room(module) == name:
            assert {i.split(".")[0] for i in imported(path)} <= allowed, module
