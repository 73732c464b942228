"""A population of one's own has the account that an evolved one has."""

from __future__ import annotations

import polars as pl
import pytest

import evosim
from tests.support.api import settings


def test_a_given_population_has_the_account_of_an_evolved_one(micro: evosim.Run) -> None:
    swap = micro.tables["populations"].filter(pl.col("moment") == "swap")
    found = micro.population(swap.select("seed", "class", "count"))
    for world in ("ancestral", "modern"):
        mine, theirs = found.summary["ladder"][world], micro.summary["ladder"][world]
        assert mine["rungs"] == theirs["rungs"]
        assert mine["steps"] == theirs["steps"]
        assert mine["intervals"] == theirs["intervals"]
    assert found.summary["behaviour"] == micro.summary["behaviour"]
    assert found.losses()["mean"].to_list() == micro.losses()["mean"].to_list()
    # without a run, and by what is expressed instead of by numbers
    loci = swap.select(
        "seed",
        "count",
        *(
            pl.col(name).alias(name.removeprefix("locus:"))
            for name in swap.columns
            if name.startswith("locus:")
        ),
    )
    loci = loci.with_columns(_named(micro, loci))
    again = evosim.account(loci, "micro", settings("micro"))
    assert again.losses().equals(found.losses())
    assert "the population given" in repr(again)
    assert "recovery" not in again.tables


def _named(run: evosim.Run, loci: pl.DataFrame) -> list[pl.Series]:
    """Columns of named alleles by name instead of by index."""
    genome = run.experiment.genome
    named = {
        name: locus["alleles"]
        for name, locus in genome.items()
        if isinstance(locus, dict) and locus.get("alleles") and isinstance(locus["alleles"][0], str)
    }
    return [
        pl.Series(name, [alleles[int(value)] for value in loci[name]])
        for name, alleles in named.items()
        if name in loci.columns
    ]


def test_genotypes_express_what_their_alleles_do() -> None:
    """A heterozygote of an additive locus lies between.

    One column of lists of two alleles is one locus of a diploid.
    """
    experiment = evosim.resolve("coarse-savanna", {"optimizer.population": 10})
    varying = {
        name: locus["alleles"]
        for name, locus in experiment.genome["weights"].items()
        if len(locus["alleles"]) > 1
    }
    pair = {
        name: [[alleles[0], alleles[1]], [alleles[1], alleles[1]]]
        for name, alleles in varying.items()
    }
    horizon = experiment.genome["horizon"]["alleles"]
    frame = pl.DataFrame({**pair, "horizon": [[horizon[0], horizon[0]]] * 2})
    from evosim.api.population import counted
    from evosim.config.resolve import build

    setting = build(experiment)
    census = counted(frame, setting)
    values = setting.genome.grid.values(census["class"].to_numpy())
    names = [locus.name for locus in setting.genome.grid.loci]
    for name, alleles in varying.items():
        dominance = experiment.genome["weights"][name]["dominance"]
        expected = [alleles[0] + dominance * (alleles[1] - alleles[0]), alleles[1]]
        assert values[:, names.index(name)].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"class": [0], "vanity": [1.0]}, "by 'class' or by loci, but has both"),
        ({"class": [10**9]}, "column 'class' must lie in 0.."),
        ({"class": [-1]}, "must be at least 0"),
        ({"class": [0.5]}, "must hold whole numbers"),
        ({"class": []}, "must have at least one row"),
        ({"class": [1, None]}, "has 1 nulls"),
        ({"clas": [1]}, "Did you mean 'class'"),
        ({"class": [1], "count": [0]}, "column 'count' of a population must be at least 1"),
        ({"class": [1], "kept": [1.5]}, "must lie in"),
        ({"count": [1]}, "must have a column for every locus that varies"),
    ],
)
def test_mistakes_in_a_population_are_one_line(
    micro: evosim.Run, frame: dict[str, list[object]], words: str
) -> None:
    with pytest.raises(evosim.UserError, match=words) as error:
        micro.population(
            pl.DataFrame(
                frame, schema_overrides={"class": pl.Int64} if frame.get("class") == [] else None
            )
        )
    assert "\n" not in str(error.value)
