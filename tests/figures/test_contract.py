"""Every figure is drawn for every genome, and the default figures for every world.

Worlds and genomes that `evosim new` creates count, too. Figures know none of them by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evosim.config.resolve import resolve
from evosim.figures import FIGURES, Source, charts_of, spec_of, to_svg
from evosim.figures.theme import LOCUS_COLOURS
from evosim.genomes import GENOMES
from evosim.runs import execute
from evosim.runs.figures import source_of
from evosim.worlds import WORLDS
from tests.support.new_packages import install

ROOT = Path(__file__).resolve().parents[2]
NEW_WORLD, NEW_GENOME = "brand_new_world", "brand_new_genome"
PLANNED = ("causes", "desires")  # figures that only genomes with an inner planner have
WEIGHT = {"alleles": [0.0, 1.0]}
DRIVER = {  # a driver at a marker, so that the figure `drive` has something to show
    "markers": {"t": {"alleles": ["wild", "driver"], "initial": ["wild"]}},
    "drivers": [{"locus": "t", "allele": "driver", "ratio": 0.9}],
}
PARAMETERS: dict[str, dict[str, Any]] = {  # of genomes whose defaults have nothing to show
    "planner": {"weights": {"pleasure": WEIGHT}, "horizon": {"alleles": [1, 2]}},
    "gated": {
        "weights": {"pleasure": WEIGHT},
        "second": {"vanity": WEIGHT},
        "horizon": {"alleles": [2]},
    },
    NEW_GENOME: {"horizon": {"alleles": [1, 2]}},
}


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("site")
    install("world", NEW_WORLD, folder)
    install("genome", NEW_GENOME, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


def source(folder: Path, world: dict[str, Any], genome: dict[str, Any], **more: Any) -> Source:
    """A tiny run of a genome in a world."""
    tree = {
        "name": "tiny",
        "world": world,
        "genome": genome,
        "optimizer": {"name": "sexual", "population": 12, **more},
        "phases": [{"world": "ancestral", "generations": 4}, {"world": "modern", "generations": 2}],
        "replicates": 2,
        "analysis": {"restarts": 1, "bootstrap": 100},
    }
    return source_of(execute.run(resolve(tree), out=folder / "run")[0])


def drawn_figures(source: Source, names: list[str] | None = None) -> set[str]:
    """Names of the figures that were drawn. None may fail."""
    failures: list[str] = []
    out = {}
    for name, chart in charts_of(source, names, failures.append):
        out[name] = to_svg(spec_of(chart))
    assert failures == []
    assert all("<path" in svg or "<text" in svg for svg in out.values())
    return set(out)


@pytest.mark.slow
@pytest.mark.parametrize("genome", [*GENOMES, NEW_GENOME])
def test_every_figure_for_every_genome(genome: str, tmp_path: Path) -> None:
    world = {"name": "micro", "modern": dict(WORLDS["micro"].example_swap), "cue": {}}
    introduced = [{"generation": 0, "copies": 4, "alleles": {"t": "driver"}}]
    parameters = {"name": genome} | PARAMETERS.get(genome, {}) | DRIVER
    made = source(tmp_path, world, parameters, introductions=introduced)
    empty = {name for name in PLANNED if made.analysis[name].is_empty()}
    assert drawn_figures(made, list(FIGURES)) == set(FIGURES) - empty
    assert genome not in ("planner", "gated") or not empty


@pytest.mark.slow
@pytest.mark.parametrize("world", [*WORLDS, NEW_WORLD])
def test_default_figures_for_every_world(world: str, tmp_path: Path) -> None:
    swap = dict(WORLDS[world].example_swap) if world in WORLDS else {"bright_feeds": 0.05}
    feature = next(iter(WORLDS[world].feature_colours)) if world in WORLDS else "colour"
    genome = {
        "name": "planner",
        "ploidy": 1,
        "weights": {feature: WEIGHT},
        "horizon": {"alleles": [1, 2]},
    }
    made = source(tmp_path, {"name": world, "modern": swap}, genome)
    usual = {name for name, figure in FIGURES.items() if figure.usual}
    assert drawn_figures(made) == usual - {"drive"}
    assert drawn_figures(made, ["policies", "life"]) == {"policies", "life"}


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_places_all_features(world: str) -> None:
    entry = WORLDS[world]
    pair = entry.build(entry.params(), {})
    assert set(entry.feature_colours) == set(pair.ancestral.features)
    assert set(entry.feature_colours.values()) <= set(range(len(LOCUS_COLOURS)))


def test_figures_and_reports_name_no_world_or_genome() -> None:
    features = {
        name for entry in WORLDS.values() for name in entry.feature_colours if len(name) > 4
    }
    # words of the analysis that are also names of features or genomes
    words = features - {"steps", "offspring", "quiet", "strength"} | set(WORLDS) | set(GENOMES)
    words -= {"planner", "reflex"}
    pattern = re.compile(rf"[\"']({'|'.join(words)})[\"']")
    for room in ("figures", "report"):
        for path in sorted((ROOT / "evosim" / room).glob("*.py")):
            assert pattern.findall(path.read_text(encoding="utf-8")) == [], path.name
