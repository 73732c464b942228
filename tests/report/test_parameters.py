"""Parameters that differ from the defaults."""

from __future__ import annotations

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.report.parameters import set_here


def test_parameters_that_differ_from_the_defaults() -> None:
    experiment = resolve(
        apply_settings(
            read_experiment("coarse-savanna"),
            ["optimizer.population=77", "genome.weights.solo.mutation=0.125"],
        )
    )
    rows = {row[0].text: [cell.text for cell in row[1:3]] for row in set_here(experiment).rows}
    assert rows["optimizer.population"] == ["77", "500"]
    assert rows["genome.weights.solo.mutation"] == ["0.125", "0.002"]
    assert rows["world.modern.contraception"] == ["true", "false"]
    assert rows["world.modern.death"][1] == str(experiment.world.ancestral["death"])
    assert not [
        key
        for key in rows
        if key.startswith(("genome.weights.ease.mutation", "world.ancestral.death", "analysis."))
    ]
