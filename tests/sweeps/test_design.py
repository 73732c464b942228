"""The cells of a sweep file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evosim.errors import UserError
from evosim.sweeps import design
from evosim.sweeps.design import base_tree, settings_of, to_be_built
from evosim.sweeps.schema import read_sweep
from tests.support.sweeps import HEAD, POPULATION, plan_of, settings_in


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")


def test_grid_zip_and_design_are_crossed_in_order() -> None:
    cells = settings_in(
        "[grid]\noptimizer.population = [10, 20]\n[[zip]]\ngenome.discount = [0.5,"
        ' 0.6]\ngenome.planning_cost = [0.0, 0.1]\n[design]\nkind = "random"\nsize ='
        " 3\n[design.ranges]\nworld.ancestral.find = {low = 0.2, high = 0.4}\n"
    )
    assert len(cells) == 2 * 2 * 3
    assert [cell["optimizer.population"] for cell in cells] == [10] * 6 + [20] * 6
    assert {(cell["genome.discount"], cell["genome.planning_cost"]) for cell in cells} == {
        (0.5, 0.0),
        (0.6, 0.1),
    }
    assert cells[0]["world.ancestral.find"] == cells[3]["world.ancestral.find"]


@pytest.mark.parametrize("kind", ["random", "latin-hypercube", "sobol"])
def test_designs_fill_their_box(kind: str) -> None:
    text = (
        f'[design]\nkind = "{kind}"\nsize = 50\n[design.ranges]\ngenome.discount = {{low = 0.1,'
        " high = 0.9}\nworld.ancestral.find = {low = 1e-3, high = 0.1, scale ="
        ' "log"}\noptimizer.population = {low = 3, high = 5, integer = true}\ngenome.ploidy ='
        " {choices = [1, 2]}\n"
    )
    cells = settings_in(text)
    assert cells == settings_in(text)
    assert cells != settings_in(text.replace("size = 50", "size = 50\nseed = 1"))
    columns = {key: [cell[key] for cell in cells] for key in cells[0]}
    assert set(columns["optimizer.population"]) == {3, 4, 5}
    assert all(isinstance(value, int) for value in columns["optimizer.population"])
    assert set(columns["genome.ploidy"]) == {1, 2}
    floats = {
        key: [float(str(v)) for v in columns[key]]
        for key in ("genome.discount", "world.ancestral.find")
    }
    assert all(0.1 <= v <= 0.9 for v in floats["genome.discount"])
    assert all(0.001 <= v <= 0.1 for v in floats["world.ancestral.find"])
    assert 15 <= sum(v < 0.01 for v in floats["world.ancestral.find"]) <= 35  # half of a log scale


def test_a_latin_hypercube_has_one_point_in_each_slice() -> None:
    cells = settings_in(
        '[design]\nkind = "latin-hypercube"\nsize = 10\n[design.ranges]\ngenome.discount = {low ='
        " 0.0, high = 0.5}\n"
    )
    assert sorted(int(float(str(cell["genome.discount"])) * 20) for cell in cells) == list(
        range(10)
    )


def test_the_extremes_of_many_cells_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "BUILT", 10)
    made = plan_of(
        "[design]\nkind = 'random'\nsize = 300\n[design.ranges]\ngenome.discount = {low = 0.1, high"
        " = 0.9}\n"
    )
    cells = [design.Cell(i, s, str(i), "") for i, s in enumerate(settings_of(made.sweep))]
    values = [cell.settings["genome.discount"] for cell in cells]
    chosen = to_be_built(cells)
    assert {0, 299, values.index(min(values)), values.index(max(values))} <= set(chosen)
    assert len(chosen) < 150
    with pytest.raises(UserError, match=r"cell 2 .*must lie in"):
        plan_of("[grid]\nworld.modern.breed_danger = [0.1, 0.2, 1.5]\n")


SMALL = (
    HEAD
    + "replicates = 2\nchunk = 2\n[set]\nphases.0.generations = 4\nphases.1.generations = 3\n"
    + POPULATION
)


def test_the_base_tree_is_not_changed_by_reading(tmp_path: Path) -> None:
    Path("x.toml").write_text(SMALL)
    written = read_sweep(Path("x.toml"))
    before = json.dumps(written.tree)
    base_tree(written)
    assert json.dumps(written.tree) == before
