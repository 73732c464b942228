"""All laws of population genetics with all replicates, and every planted fault.

Run: python scripts/studies/population_genetics.py
"""

from __future__ import annotations

import polars as pl
from scipy import stats

from evosim.claims.experiments import build_packaged
from evosim.claims.study import Study
from evosim.verify import LAWS, check_laws
from evosim.verify.tables import verdicts_as_rows

SIX = 2.0 * float(stats.norm.sf(6.0))


def main() -> None:
    """Make the tables. Raises an error if a law does not hold or a fault is not detected."""
    study = Study("population-genetics", build_packaged("drive-equilibrium"))
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"chance": pl.Float64, "z": pl.Float64}
    sound = check_laws(
        LAWS.values(),
        slow=True,
        on_verdict=lambda v: print(v.law.name, v.holds, round(v.seconds, 1), flush=True),
    )
    planted = [v for v in check_laws(LAWS.values(), faults=True) if v.fault]
    laws = pl.DataFrame(verdicts_as_rows(sound), schema_overrides=schema).drop("fault")
    faults = pl.DataFrame(
        [
            {
                "law": v.law.name,
                "fault": v.fault,
                "red": sum(not c.holds for c in v.checks),
                "checks": len(v.checks),
                "worst": v.worst.what,
                "measured": v.worst.measured,
                "expected": v.worst.expected,
                "chance": v.worst.chance,
            }
            for v in planted
        ],
        schema_overrides={"chance": pl.Float64},
    )
    study.store({"laws": laws, "faults": faults}, comparisons=laws.height, faults=faults.height)
    assert laws["green"].all(), "a law does not hold"
    assert (faults["red"] > 0).all(), "a planted fault was not seen"
    assert (faults["chance"].drop_nulls() <= SIX).all(), (
        "a planted fault is less than six standard errors away"
    )


if __name__ == "__main__":
    main()
