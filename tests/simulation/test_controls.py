"""Controls change one part of an experiment."""

from __future__ import annotations

from evosim.simulation.controls import CONTROLS, controls_of
from tests.support.settings import setting


def test_controls_change_the_genome_and_nothing_else() -> None:
    """The search ledger is off too: no account reads that of a control."""
    experiment = setting("coarse-drive").experiment
    controls = controls_of(experiment)
    assert set(controls) == set(CONTROLS) - {"all_cases"}
    for name, control in controls.items():
        tree, own = control.model_dump(mode="json"), experiment.model_dump(mode="json")
        drivers = tree["genome"].pop("drivers")
        original = own["genome"].pop("drivers")
        assert tree == own | {"search_ledger": False}
        if name == "absent":
            assert drivers == []
        else:
            assert drivers == [original[0] | {"ratio": 0.5}]
    assert controls_of(setting("coarse-savanna").experiment) == {}
    assert controls_of(setting("coarse-drive", "controls=false").experiment) == {}
