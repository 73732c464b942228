"""The figure of the three losses: bars are the losses of the summary."""

from __future__ import annotations

from typing import Any

import pytest

from evosim.analysis.loss_summary import nicknames
from evosim.figures import Source
from evosim.figures.losses import LOSS_COLOURS, bars_of, loss_frame, losses_chart


def test_bars_are_the_losses_of_the_summary(
    micro: Source, specs: dict[str, dict[str, Any]]
) -> None:
    rows = {
        (row["loss"], row["world"]): row["mean"]
        for data in specs["losses"]["datasets"].values()
        for row in data
        if "loss" in row
    }
    losses = micro.summary.account.losses
    assert rows == {
        (loss.name, f"{loss.world} world"): pytest.approx(loss.mean)
        for loss in losses.losses
        if loss.mean is not None and (loss.name, loss.world) != ("shift", "ancestral")
    }


def test_colours_are_fixed(micro: Source, specs: dict[str, dict[str, Any]]) -> None:
    text = str(specs["losses"])
    assert all(colour in text for colour in LOSS_COLOURS.values())


def test_what_was_not_measured_has_no_bar(micro: Source) -> None:
    assert "hack" not in loss_frame(micro.summary.account.losses)["loss"].to_list()


def test_waste_has_a_nickname_only_with_desires(micro: Source) -> None:
    frame = loss_frame(micro.summary.account.losses)
    legends = [
        str(losses_chart(frame, "payoff", nicknames(desires=desires)).to_dict())
        for desires in (True, False)
    ]
    assert ["waste (masturbation)" in text for text in legends] == [True, False]
    assert all("shift (birth control)" in text for text in legends)


@pytest.mark.parametrize(
    ("mean", "label"), [(-1e-17, "shift 0.000"), (-0.25, "shift: gain 0.250"), (0.5, "shift 0.500")]
)
def test_only_a_visible_gain_is_called_a_gain(mean: float, label: str) -> None:
    row = {"loss": "shift", "world": "modern", "mean": mean, "low": None, "high": None}
    assert bars_of([row | {"share_of_best": None}])["label"].to_list() == [label]
