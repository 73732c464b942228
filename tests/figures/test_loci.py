"""The figure of loci: panels come from the genome, colours from names."""

from __future__ import annotations

from typing import Any

import polars as pl

from evosim.figures import Source
from evosim.figures.loci import in_panels, varying
from evosim.genomes import GENOMES, LocusPanel

LOCUS = {"alleles": [0.0, 1.0]}


def test_fixed_loci_are_left_out() -> None:
    weights = {"a": LOCUS, "b": {"alleles": [1.0]}}
    assert varying(LocusPanel("weights", "weight"), {"weights": weights}) == ["a"]
    assert varying(LocusPanel("horizon", "steps"), {"horizon": {"alleles": [3]}}) == []
    assert varying(LocusPanel("second", "weight"), {}) == []


def test_panels_of_one_legend_share_colours() -> None:
    loci = pl.DataFrame(
        {
            "seed": [0] * 4,
            "generation": [0, 1, 0, 1],
            "locus": ["x", "x", "second.y", "second.y"],
            "mean": [0.0, 1.0, 0.5, 0.5],
        }
    )
    first, second = (
        LocusPanel("weights", "first", "desire for"),
        LocusPanel("second", "second", "desire for", prefix="second."),
    )
    spec = in_panels(loci, loci, {first: ["x"], second: ["y"]}, 1).to_dict()
    domains = [
        panel["layer"][1]["encoding"]["color"]["scale"]["domain"] for panel in spec["hconcat"]
    ]
    assert domains == [["x", "y"], ["x", "y"]]


def test_the_title_is_the_genomes(micro: Source, specs: dict[str, dict[str, Any]]) -> None:
    name = micro.run.experiment.genome["name"]
    assert specs["loci"]["title"]["text"] == GENOMES[name].figure.title
