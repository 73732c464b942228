"""Laws of population genetics that reproduction must obey, checked in seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from evosim.verify import balance, drift, drive, modifiers, one_generation, price_equation
from evosim.verify.engine import FAULTS, SOUND, Engine
from evosim.verify.law import FALSE_ALARM, Check, Law, identity

LAWS: dict[str, Law] = {
    law.name: law
    for module in (one_generation, drive, drift, balance, modifiers, price_equation)
    for law in module.LAWS
}
POOLED = 30


@dataclass(frozen=True)
class Verdict:
    """Result of the check of one law.

    Attributes
    ----------
    law : Law
        The law.
    checks : list of Check
        Its comparisons.
    seconds : float
        Duration of the check.
    fault : str
        The planted fault; empty for the sound engine.
    """

    law: Law
    checks: list[Check]
    seconds: float
    fault: str = ""

    @property
    def holds(self) -> bool:
        """Whether every comparison holds."""
        return all(check.holds for check in self.checks)

    @property
    def worst(self) -> Check:
        """The comparison that is closest to failure, or that fails most."""
        return min(
            self.checks,
            key=lambda c: (c.holds, c.chance if c.chance is not None else 1.0 - (not c.holds)),
        )


def check_law(law: Law, *, slow: bool = False, fault: str = "") -> Verdict:
    """Check one law, with the sound engine or with a planted fault.

    Parameters
    ----------
    law : Law
        The law.
    slow : bool
        Whether to use all replicates of the slow check.
    fault : str
        Name of a planted fault in `FAULTS`; empty: none.

    Returns
    -------
    Verdict
        The comparisons.
    """
    engine: Engine = FAULTS[fault] if fault else SOUND
    start = time.perf_counter()
    checks = law.check(engine, slow)
    return Verdict(law, checks, time.perf_counter() - start, fault)


def check_laws(
    laws: Iterable[Law],
    *,
    slow: bool = False,
    faults: bool = False,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Check laws, and pool the deviations of all of them.

    Parameters
    ----------
    laws : iterable of Law
        The laws.
    slow : bool
        Whether to use all replicates of the slow check.
    faults : bool
        Whether to check each law also with each of its planted faults.
    on_verdict : callable
        Called with each verdict.

    Returns
    -------
    list of Verdict
        One for each law and fault. The last one is the pool, if there are enough deviations.
    """
    out = []
    for law in laws:
        for fault in ("", *(law.faults if faults else ())):
            out.append(check_law(law, slow=slow, fault=fault))
            on_verdict(out[-1])
    z = [
        check.z
        for verdict in out
        if not verdict.fault
        for check in verdict.checks
        if check.z is not None
    ]
    if len(z) >= POOLED:
        out.append(Verdict(_POOL, pooled(z), 0.0))
        on_verdict(out[-1])
    return out


def pooled(z: list[float]) -> list[Check]:
    """Check that all deviations together have mean 0 and a standard deviation near 1.

    Shared random numbers would make the deviations too narrow. Several comparisons use the same
    population, so they are not independent. Therefore the bounds are wide: the mean within
    5 / sqrt(n), the standard deviation in .6 to 1.4. There is no stated false-alarm rate.

    Parameters
    ----------
    z : list of float
        Deviations in standard errors.

    Returns
    -------
    list of Check
        Two comparisons.
    """
    x = np.array(z)
    return [
        identity(
            f"mean of {x.size} deviations in standard errors",
            float(x.mean()),
            0.0,
            5.0 / np.sqrt(x.size),
        ),
        identity("their spread", float(x.std()), 1.0, 0.4),
    ]


_POOL = Law(
    "all deviations together", "centred on 0 with a spread near 1", "", (), lambda engine, slow: []
)

__all__ = [
    "FALSE_ALARM",
    "FAULTS",
    "LAWS",
    "Check",
    "Law",
    "Verdict",
    "check_law",
    "check_laws",
    "pooled",
]
