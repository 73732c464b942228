"""Verify: population genetics as a gate.

The laws that reproduction must obey, checked by machine, in seconds.
"""

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
    """What became of one law.

    Attributes:
        law: which.
        checks: its comparisons.
        seconds: how long they took.
        fault: the planted fault it was checked under; empty for the sound engine.
    """

    law: Law
    checks: list[Check]
    seconds: float
    fault: str = ""

    @property
    def holds(self) -> bool:
        """Whether every comparison held."""
        return all(check.holds for check in self.checks)

    @property
    def worst(self) -> Check:
        """The comparison that was closest to failing, or failed most."""
        return min(
            self.checks,
            key=lambda c: (c.holds, c.chance if c.chance is not None else 1.0 - (not c.holds)),
        )


def check_law(law: Law, *, slow: bool = False, fault: str = "") -> Verdict:
    """Check one law, on the sound engine or under a planted fault."""
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
    """Check laws, and if asked each of them under each of its faults; the last verdict pools all
    deviations.
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
    """All deviations together: centred, and neither too wide nor too narrow (shared random numbers
    are too narrow).

    Every question has random numbers of its own, but several are asked of one population: the
    bounds are wide for that (mean within 5 / sqrt(n), spread in .6 to 1.4), and no false-alarm rate
    is claimed for them.
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
