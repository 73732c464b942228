"""The behaviour ledger: which acts lost it, and of what kind each loss is.

Performance-difference lemma, finite horizon (Kakade and Langford 2002, lemma 6.1). `V* - J(pi)` is
the sum over ages, states and acts of occupancy times `gap = V* - Q* >= 0`. So regret is a sum over
acts performed; what is lost outside acts is upkeep. In the modern world the regret of each act is
split, in units of modern intent, into

* misspecified: what the payoff there does not see;
* novel: the act was not available in the ancestral world, or no policy reaches the state there at
  any age;
* missed: a new option not used;
* stale: fine in the ancestral world, costly now;
* amplified: a small ancestral waste that the shift made large;
* inherited: no larger than what the same genome wastes by the same act in the ancestral world.

Novel, missed, stale and amplified are of the shift kind. In the ancestral world there is one kind,
waste.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.class_values import Evaluation
from evosim.reference.dynamic_programming import Floats, Span, extreme_values, spans_of
from evosim.worlds import TabularMdp, WorldPair

KINDS = ("misspecified", "novel", "missed", "stale", "amplified", "inherited")
SHIFT_KINDS = ("novel", "missed", "stale", "amplified")
# A modern ledger reports these kinds only where its lives overlap with the ancestral ones
SPLIT = tuple(kind for kind in KINDS if kind != "misspecified")
LEAST_OVERLAP = 0.05
LEAST_SPAN = 1e-100
NO_OVERLAP = "no overlap"


class NoSpan(Exception):
    """All policies of the ancestral world have nearly the same fitness, so gaps have no scale."""


@dataclass(frozen=True, eq=False)
class Gaps:
    """Regret of one act at one age in one state, `[T, S, A]`, and what it depends on.

    Belongs to the pair alone.

    Attributes
    ----------
    spans : dict of Span
        Worst and best policy at birth, by measure.
    ancestral : ndarray
        Gap in A for payoff, in units of A.
    scale : float
        Units of modern intent per unit of ancestral payoff (the ratio of spans).
    misspecified, novel, missed, stale, exposed : ndarray
        Parts of the modern gap for intent; they sum to it. `exposed` is what each genome's own
        ancestral regret splits into amplified and inherited.
    reach : ndarray
        `[S]` whether the ancestral world can reach a state at any age.
    uncounted_ancestral, uncounted_modern : ndarray
        `[S]` states whose acts are none of a life; see `TabularMdp.uncounted`.
    """

    spans: dict[str, Span]
    ancestral: Floats
    scale: float
    misspecified: Floats
    novel: Floats
    missed: Floats
    stale: Floats
    exposed: Floats
    reach: NDArray[np.bool_]
    uncounted_ancestral: NDArray[np.bool_]
    uncounted_modern: NDArray[np.bool_]


def gaps_of(pair: WorldPair) -> Gaps:
    """The gaps of a world pair.

    Raises `NoSpan` if all ancestral policies have the same fitness.
    """
    a, m = pair.ancestral, pair.modern
    gap_a, _, _ = _gap(a, a.payoff)
    gap_mu, value_m, q_m = _gap(m, m.intent)
    gap_mr, _, _ = _gap(m, m.payoff)
    spans = spans_of(pair)
    span_a, span_mu, span_mr = spans["ancestral"], spans["modern_intent"], spans["modern"]
    if not span_a.width:
        raise NoSpan(
            f"in {a.name} every policy has the same payoff, so a regret there has no scale"
        )
    if any(0.0 < span.width < LEAST_SPAN for span in (span_a, span_mu, span_mr)):
        raise NoSpan(
            f"in {a.name} or {m.name} policies differ by less than {LEAST_SPAN:g}, which is too"
            " little to be exact"
        )
    scale = span_mu.width / span_a.width
    # A modern payoff that is the same for every policy sees nothing: all of the gap is
    # misspecified.
    seen = (
        np.minimum(gap_mu, gap_mr * (span_mu.width / span_mr.width))
        if span_mr.width
        else np.zeros_like(gap_mu)
    )
    reach = np.asarray(a.reachable_by_age().any(axis=0))
    new = ~a.available | ~reach[:, None]
    with np.errstate(invalid="ignore"):
        old_best = np.where(a.available, np.nan_to_num(q_m, nan=-np.inf), -np.inf).max(axis=2)
    left = np.where(new, 0.0, seen)
    missed = np.minimum(left, (value_m[:-1] - old_best)[:, :, None])
    rest = left - missed
    exposed = np.minimum(rest, gap_a * scale)
    return Gaps(
        spans=spans,
        ancestral=gap_a,
        scale=scale,
        misspecified=gap_mu - seen,
        novel=np.where(new, seen, 0.0),
        missed=missed,
        stale=rest - exposed,
        exposed=exposed,
        reach=reach,
        uncounted_ancestral=a.uncounted_states(),
        uncounted_modern=m.uncounted_states(),
    )


def _gap(world: TabularMdp, amount: Floats) -> tuple[Floats, Floats, Floats]:
    """The gap of each act `[T, S, A]`, and the best policy's `V` and `Q`."""
    value, q = extreme_values(world, amount)
    gap = np.where(world.available, value[:-1, :, None] - q, 0.0)
    return np.maximum(gap, 0.0), value, q


@dataclass(frozen=True, eq=False)
class Ledger:
    """The ledger of one genome, or the mean of a population's.

    Attributes
    ----------
    waste : ndarray
        `[T, A]` regret in A by age and act, in expected offspring.
    modern : dict of ndarray
        For each of `KINDS`, `[T, A]` regret in M, in units of modern intent.
    upkeep_ancestral, upkeep_modern : float
        Loss outside acts.
    overlap : float
        Share of the modern life that is spent inside the ancestral world's reach (birth and ended
        states left out).
    times_ancestral, times_modern : ndarray
        `[A]` how often each act is done in a life (birth and ended states left out).
    """

    waste: Floats
    modern: dict[str, Floats]
    upkeep_ancestral: float
    upkeep_modern: float
    overlap: float
    times_ancestral: Floats
    times_modern: Floats

    def as_reported(self) -> Ledger:
        """The ledger with one kind `no overlap` in place of the split, if lives do not overlap.

        Without overlap the ancestral world gives no standard by which to split the loss.
        """
        if self.overlap >= LEAST_OVERLAP:
            return self
        unsplit = np.sum(
            [table for kind, table in self.modern.items() if kind != "misspecified"], axis=0
        )
        return replace(
            self, modern={"misspecified": self.modern["misspecified"], NO_OVERLAP: unsplit}
        )


def ledger_of(gaps: Gaps, ancestral: Evaluation, modern: Evaluation) -> Ledger:
    """The ledger of one genome from what it does in both worlds."""
    x = modern.occupancy
    lived = np.where(gaps.uncounted_modern, 0.0, x.sum(axis=2))
    waste = (ancestral.occupancy * gaps.ancestral).sum(axis=1)
    exposed = (x * gaps.exposed).sum(axis=1)
    by_act = exposed.sum(axis=0)
    allowed = np.minimum(by_act, waste.sum(axis=0) * gaps.scale)
    share = np.divide(allowed, by_act, out=np.zeros_like(by_act), where=by_act > 0.0)
    inherited = exposed * share
    parts = {
        name: (x * getattr(gaps, name)).sum(axis=1)
        for name in ("misspecified", "novel", "missed", "stale")
    }
    return Ledger(
        waste=waste,
        modern={**parts, "amplified": exposed - inherited, "inherited": inherited},
        upkeep_ancestral=ancestral.amounts.payoff - ancestral.amounts.fitness,
        upkeep_modern=modern.amounts.intent - modern.amounts.net_intent,
        overlap=min(
            1.0, float(lived[:, gaps.reach].sum() / max(lived.sum(), 1e-300))
        ),  # rounding may go beyond
        times_ancestral=ancestral.occupancy[:, ~gaps.uncounted_ancestral].sum(axis=(0, 1)),
        times_modern=x[:, ~gaps.uncounted_modern].sum(axis=(0, 1)),
    )


def mean_ledger(ledgers: list[Ledger], weights: Floats) -> Ledger:
    """The weighted mean of ledgers: a population's, from those of its classes."""
    w = np.asarray(weights, dtype=np.float64) / np.sum(weights)

    def mean(values: list[Floats]) -> Floats:
        return np.asarray(np.tensordot(w, np.stack(values), axes=1))

    return Ledger(
        waste=mean([x.waste for x in ledgers]),
        modern={kind: mean([x.modern[kind] for x in ledgers]) for kind in KINDS},
        upkeep_ancestral=float(w @ [x.upkeep_ancestral for x in ledgers]),
        upkeep_modern=float(w @ [x.upkeep_modern for x in ledgers]),
        overlap=min(1.0, float(w @ [x.overlap for x in ledgers])),
        times_ancestral=mean([x.times_ancestral for x in ledgers]),
        times_modern=mean([x.times_modern for x in ledgers]),
    )


def ledger_frame(
    ledger: Ledger, acts: tuple[str, ...], subject: str, seed: int | None
) -> pl.DataFrame:
    """One row for each world, kind, act and age with an entry; upkeep has neither act nor age."""
    rows: list[dict[str, object]] = []
    for world, kind, table in [
        ("ancestral", "waste", ledger.waste),
        *(("modern", kind, table) for kind, table in ledger.modern.items()),
    ]:
        for t, a in np.argwhere(table != 0.0):
            rows.append(
                {
                    "world": world,
                    "kind": kind,
                    "act": acts[a],
                    "age": int(t),
                    "value": float(table[t, a]),
                }
            )
    for world, value in (("ancestral", ledger.upkeep_ancestral), ("modern", ledger.upkeep_modern)):
        rows.append({"world": world, "kind": "upkeep", "act": None, "age": None, "value": value})
    schema = {
        "world": pl.String,
        "kind": pl.String,
        "act": pl.String,
        "age": pl.Int64,
        "value": pl.Float64,
    }
    frame = pl.DataFrame(rows, schema=schema)
    return frame.select(
        pl.lit(subject).alias("subject"), pl.lit(seed, dtype=pl.Int64).alias("seed"), pl.all()
    )
