"""The account of a run: ladders, ledgers, tie sets and desires, as tables and as one summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from evosim.analysis import (
    behaviour,
    certificates,
    desires,
    drive_cost,
    genotype_accounts,
    ladder,
    means_over_seeds,
    price_equation,
    terminology,
)
from evosim.analysis.class_values import Conducts
from evosim.analysis.intervals import Ends
from evosim.analysis.population import Census, Worth
from evosim.analysis.summary import (
    AccountSummary,
    ByWorld,
    DriveSummary,
    LedgerSummary,
    MeasuredByWorld,
    ShiftSummary,
    TieSet,
    TrueBreeder,
)
from evosim.config.resolve import Problem, family_pairs
from evosim.errors import UserError
from evosim.genomes import Genome
from evosim.reference.dynamic_programming import Floats, Span
from evosim.reference.policies import policy_of
from evosim.reference.selection import (
    MEASURES,
    TRUE_BREEDERS_WITHIN,
    case_weights,
    selection_fitness,
)
from evosim.runtime.blocks import some_rows
from evosim.runtime.dataclass_json import from_json, to_json
from evosim.worlds import WorldPair

RECHECK = 1e-9
WORTHS = (
    "ancestral_at_swap",
    "modern_at_swap",
    "ancestral_at_end",
    "modern_at_end",
    "modern_at_end_fair",
)
RECOVERY: dict[str, Any] = {"seed": pl.Int64} | dict.fromkeys(WORTHS, pl.Float64)


@dataclass(frozen=True, eq=False)
class Account:
    """Everything that is said about a run.

    Attributes:
        tables: `ladder`, `steps`, `ties`, `behaviour`, `desires`, `recovery`, `hack`, `causes`,
            `variation`, `family`; `docs/schema.md` documents the columns.
        summary: the same in numbers, means over seeds.
    """

    tables: dict[str, pl.DataFrame]
    summary: AccountSummary


def gaps_of_pair(pair: WorldPair) -> behaviour.Gaps:
    """The gaps of a pair; `UserError` for an ancestral world in which all policies are worth the
    same.
    """
    try:
        return behaviour.gaps_of(pair)
    except behaviour.NoSpan as error:
        raise UserError(
            f"a world must have better and worse policies to be accounted for, but {error}. Change"
            " its payoffs or chances."
        ) from None


class Known:
    """What the accounts of all runs with one pair of worlds and one genome share: what classes do,
    and what that loses.

    It remembers a bounded part of it; the rest is worked out again. No number depends on what is
    remembered.
    """

    LEDGERS = 4096

    def __init__(self, genome: Genome, pair: WorldPair) -> None:
        self.conducts = Conducts(genome, pair)
        self.gaps = gaps_of_pair(pair)
        self.inquiry = genotype_accounts.Inquiry(self.conducts)
        self._ledgers: dict[int, behaviour.Ledger] = {}

    def ledger(self, number: int) -> behaviour.Ledger:
        """The behaviour ledger of a class."""
        if number not in self._ledgers:
            if len(self._ledgers) >= self.LEDGERS:
                self._ledgers.clear()
            ancestral, modern = (
                self.conducts.of(number, "ancestral"),
                self.conducts.of(number, "modern"),
            )
            self._ledgers[number] = behaviour.ledger_of(self.gaps, ancestral, modern)
        return self._ledgers[number]


class Accountant:
    """Makes the account of one recorded run.

    What is `known` may be shared with other runs of the same worlds and genome.
    """

    def __init__(
        self,
        setting: Problem,
        tables: Mapping[str, pl.DataFrame],
        controls: Mapping[str, Mapping[str, pl.DataFrame]] | None = None,
        *,
        exact: bool,
        known: Known | None = None,
    ) -> None:
        self.experiment, self.pair = setting.experiment, setting.pair
        self.tables, self.controls = tables, controls or {}
        self.driven = {
            name: tables for name, tables in self.controls.items() if name != "all_cases"
        }
        self.selection = self.experiment.selection
        self._stand_in: dict[bytes, dict[str, int]] = {}
        known = known or Known(setting.genome, setting.pair)
        self.conducts, self.gaps, self.ledger, self.inquiry = (
            known.conducts,
            known.gaps,
            known.ledger,
            known.inquiry,
        )
        self.peaks = ladder.Peaks.of(tables["landscape"], self.conducts.spans, exact=exact)
        self.worth = {
            row["class"]: row
            for row in tables["landscape"].select("class", *MEASURES).iter_rows(named=True)
        }
        differs = not np.array_equal(self.pair.modern.intent, self.pair.modern.payoff)
        self.designs = {
            "ancestral": ladder.design_ancestral(self.gaps, self.peaks, self.conducts),
            "modern": ladder.design_modern(
                self.gaps, self.peaks, self.conducts, intent_differs=differs
            ),
        }

    def account(self) -> Account:
        """Ladders, ledgers and all that stands beside them."""
        tables, seeds = self._made()
        populations = {s["seed"]: s["census"] for s in seeds if s["census"]}
        best = self.designs["ancestral"].rungs["best_ancestral"]
        tables |= self.inquiry.tables(self.experiment, self.rung_classes(), best, populations)
        return Account(tables, self._summary(tables, seeds))

    def span(self, which: str) -> Span:
        """The span of what counts in a world: payoff in A, intent in M."""
        return self.gaps.spans["ancestral" if which == "ancestral" else "modern_intent"]

    def share_of_best(self, which: str, value: float) -> float | None:
        """Where an amount lies in a world: 0 at the worst policy, 1 at the best genome; None where
        the best genome is not above the worst policy.
        """
        return self.span(which).share_of(self.designs[which].rungs["best_for_intent"], value)

    def reach(self, which: str) -> Ends:
        """The least and the most that a population can be worth in a world.

        The most is the best genome's worth, of a grid that was searched the best policy's. Drivers
        that cost fertility can bring a negative worth up to 0.
        """
        span = self.span(which)
        most = self.designs[which].rungs["best_for_intent"] if self.peaks.exact else span.best
        costly = bool(self.conducts.genome.grid.drive) or any(
            (table["populations"]["kept"] < 1.0).any()
            for table in (self.tables, *self.controls.values())
        )
        return span.least(), max(most, 0.0) if costly else most

    def _reach_of_shares(self, which: str) -> Ends | None:
        """The least and the most share of the best that a population can have; None where shares
        are not defined.
        """
        low, high = (self.share_of_best(which, end) for end in self.reach(which))
        return None if low is None or high is None else (low, high)

    def _reach_of_steps(self, which: str) -> dict[str, Ends]:
        """The known range of each rung and step of a ladder that runs can change."""
        least, most = self.reach(which)
        out = dict.fromkeys(ladder.RUNGS[4:], (least, most)) | dict.fromkeys(
            ("sampling", "search", "unfound", "load", "hack"), (least - most, most - least)
        )
        top = self.designs[which].rungs["best_ancestral"]
        # Then nobody is above the best present
        if which == "ancestral" and (self.selection.plain or self.selection.varies):
            out["load"] = (0.0, most - least)
        # Search leads down from R3, which is the same in all seeds
        if self.selection.plain or self.selection.varies:
            out |= dict.fromkeys(("search", "unfound"), (top - most, top - least))
        else:
            out["sampling"] = (top - most, top - least)
        return out

    def _share_of_tied(self, value: float) -> float | None:
        """The share of the best in M of an ancestral optimum; 1 if it is as good as the best
        genome, also where shares are not defined.
        """
        share = self.share_of_best("modern", value)
        if share is None and self.span("modern").as_good(
            self.designs["modern"].rungs["best_for_intent"], value
        ):
            return 1.0
        return share

    def tables_alone(self) -> dict[str, pl.DataFrame]:
        """The tables of the account without causes, variation and family, and without the summary:
        they take as long again where runs are small.
        """
        return self._made()[0]

    def shift(self) -> ShiftSummary:
        """How the ancestral optima differ in the modern world."""
        modern = self.designs["modern"]
        worst, best = modern.rungs["best_ancestral"], modern.best_of["best_ancestral"]
        return ShiftSummary(
            shared_by_all_ancestral_optima=modern.rungs["best_for_payoff"] - best,
            left_open_by_the_data=best - worst,
            ancestral_optima_good_in_modern=terminology.ancestral_optima(
                self._share_of_tied(worst), self._share_of_tied(best)
            ),
            path_by_intent_in_ancestral=modern.by_intent_in_a,
        )

    def _left_open(self) -> dict[str, float]:
        """By how much genomes that tie for a rung, or on the other path to R3, differ in M."""
        modern = self.designs["modern"]
        out = {rung: modern.best_of[rung] - modern.rungs[rung] for rung in ladder.GRID_RUNGS}
        if modern.by_intent_in_a is not None and modern.best_by_intent_in_a is not None:
            out["path_by_intent_in_ancestral"] = modern.best_by_intent_in_a - modern.by_intent_in_a
        return out

    def _worst(self, which: str) -> float:
        """What the worst policy gets; what the best one gets where they differ by rounding
        alone.
        """
        span = self.span(which)
        return span.worst if span.width else span.best

    def _made(self) -> tuple[dict[str, pl.DataFrame], list[dict[str, Any]]]:
        """The tables, and what was found out about each seed."""
        seeds = [
            self._seed(seed)
            for seed in self.tables["populations"]["seed"].unique(maintain_order=True)
        ]
        rungs = self._rung_ledgers()
        ties = self._ties()
        tables = {
            "ladder": self._ladder_table(seeds),
            "ties": ties,
            "behaviour": pl.concat([*rungs, *(frame for s in seeds for frame in s["ledgers"])]),
            "steps": self._steps_table(seeds),
            "desires": pl.concat([s["desires"] for s in seeds]),
            "recovery": pl.DataFrame([s["recovery"] for s in seeds], schema=RECOVERY),
            "hack": pl.DataFrame(
                [row for s in seeds for row in s["hack"]], schema=drive_cost.SCHEMA
            ),
        }
        return tables, seeds

    def recheck(self, number: int) -> None:
        """Compare the recorded worth of a class with the reference code.

        Raises `UserError` if they differ.
        """
        a, m = self.conducts.worth(number, "ancestral"), self.conducts.worth(number, "modern")
        found = (a.fitness, a.net_intent, m.fitness, m.net_intent)
        row = self.worth[number]
        recorded = (row["ancestral"], row["ancestral_intent"], row["modern"], row["modern_intent"])
        if not np.allclose(found, recorded, rtol=RECHECK, atol=RECHECK):
            raise UserError(
                f"the recorded worth of class {number} must be what the reference code finds, but"
                f" is {recorded} and not {found}. The record is damaged or from other code: run it"
                " again."
            )

    def _seed(self, seed: int) -> dict[str, Any]:
        swap, end = (
            self._census(self.tables, seed, moment, ledgers=True) for moment in ("swap", "end")
        )
        if end is None:
            raise UserError(
                f"seed {seed} must have a last population, but the record has none. It is damaged:"
                " run it again."
            )
        fair = (
            self._census(self.driven["fair"], seed, "swap", ledgers=True) if self.driven else None
        )
        every = (
            self._census(self.controls["all_cases"], seed, "swap", ledgers=True)
            if "all_cases" in self.controls
            else None
        )
        out: dict[str, Any] = {
            "seed": seed,
            "ladders": {},
            "ledgers": [],
            "desires": _no_desires(),
            "ledger_by_step": {},
            "census": swap,
        }
        for name, census in (("all_cases", every), ("control", fair), ("population", swap)):
            if census:  # there is none if it went extinct before the swap
                ledger = self.population_ledger(census)
                out["ledger_by_step"][name] = ledger
                out["ledgers"].append(
                    behaviour.ledger_frame(ledger, self.pair.ancestral.acts, name, seed)
                )
        if swap:
            found = desires.switched_off(self.conducts, swap, out["ledger_by_step"]["population"])
            out["desires"] = found.select(pl.lit(seed, dtype=pl.Int64).alias("seed"), pl.all())
        worths = {
            name: census.worth(self.conducts, self._heard(census, seed))
            for name, census in (("run", swap), ("fair", fair))
            if census
        }
        best = self.best_on_sample(seed)
        out["best_on_sample"] = {which: self.ledger(number) for which, number in best.items()}
        wholly = every.worth(self.conducts) if every else None
        for which, design in self.designs.items():
            population, control = (
                _reached(worths[arm][which]) if arm in worths else None for arm in ("run", "fair")
            )
            sampled = None
            if not self.selection.plain:
                scored = self._scored(best[which], which) if best else None
                sampled = ladder.Sampled(
                    self.selection.varies, scored, _reached(wholly[which]) if wholly else None
                )
            out["ladders"][which] = ladder.descend(
                design, population, control, controlled=bool(self.driven), sampled=sampled
            )
        others = {
            name: (
                census.worth(self.conducts)
                if (census := self._census(tables, seed, "swap"))
                else None
            )
            for name, tables in self.driven.items()
            if name != "fair"
        }
        out["hack"] = drive_cost.rows_of(seed, {**worths, **others}) if self.driven else []
        out["recovery"] = dict.fromkeys(RECOVERY) | {"seed": seed}
        if swap:
            ledger = self.population_ledger(end)
            out["ledgers"].append(
                behaviour.ledger_frame(
                    ledger, self.pair.ancestral.acts, "population at the end", seed
                )
            )
            ended = end.worth(self.conducts)
            for which in self.designs:
                out["recovery"] |= {
                    f"{which}_at_swap": worths["run"][which].mean,
                    f"{which}_at_end": ended[which].mean,
                }
            if fair and (fair_end := self._census(self.driven["fair"], seed, "end")):
                out["recovery"]["modern_at_end_fair"] = fair_end.worth(self.conducts)["modern"].mean
        return out

    def best_on_sample(self, seed: int) -> dict[str, int]:
        """The best class for what selection saw in a seed's run, by the world whose ladder it
        stands in: of a tie, the worst there.

        Empty where selection saw the whole ancestral world, or something else in each generation.
        """
        if self.selection.plain or self.selection.varies:
            return {}
        weights = case_weights(self.selection, self.pair.ancestral.case_shares(), seed, 0)
        if weights.tobytes() not in self._stand_in:
            table = self.tables["landscape"]
            cases = table.select(
                f"case:{name}" for name in self.pair.ancestral.case_names
            ).to_numpy()
            seen = table.with_columns(
                pl.Series("seen", selection_fitness(self.selection, cases, weights))
            )
            tied = ladder.near(seen, 0.0, self.conducts.spans["ancestral"], "seen")
            found = {
                which: int(tied.sort(column, "class")["class"][0])
                for which, column in (("ancestral", "ancestral"), ("modern", "modern_intent"))
            }
            for number in found.values():
                self.recheck(number)
                self._recheck_cases(number, cases[table["class"].index_of(number)])
            self._stand_in[weights.tobytes()] = found
        return self._stand_in[weights.tobytes()]

    def _heard(self, census: Census, seed: int) -> Floats | None:
        """`[n]`: the fitness of a population's classes that selection heard, net of what drivers
        cost; None if that is fitness in A.

        It is so too where a sample is drawn again in each generation: nothing was heard of all the
        time.
        """
        if self.selection.plain or self.selection.varies:
            return None
        rows = pl.DataFrame({"class": census.classes}).join(
            self.tables["landscape"], on="class", how="left", maintain_order="left"
        )
        cases = rows.select(f"case:{name}" for name in self.pair.ancestral.case_names).to_numpy()
        weights = case_weights(self.selection, self.pair.ancestral.case_shares(), seed, 0)
        return selection_fitness(self.selection, cases, weights) * census.kept

    def _scored(self, number: int, which: str) -> float:
        worth = self.conducts.worth(number, which)
        return worth.fitness if which == "ancestral" else worth.net_intent

    def _recheck_cases(self, number: int, recorded: np.ndarray) -> None:
        found = self.conducts.by_case(number)
        if not np.allclose(found, recorded, rtol=RECHECK, atol=RECHECK):
            raise UserError(
                f"the recorded worth of class {number} by case must be what the reference code"
                f" finds, but is {recorded.tolist()} and not {found.tolist()}. The record is"
                " damaged or from other code: run it again."
            )

    def _census(
        self, tables: Mapping[str, pl.DataFrame], seed: int, moment: str, *, ledgers: bool = False
    ) -> Census | None:
        """A snapshot, its classes' recorded worth checked; nothing if that seed did not live to see
        the moment.

        Where `ledgers` are asked for, they are made now, while what a class does is at hand: that
        is too much to keep of all.
        """
        rows = tables["populations"].filter((pl.col("seed") == seed) & (pl.col("moment") == moment))
        if rows.is_empty():
            return None
        census = Census.of(rows)
        for number in census.members:
            self.recheck(number)
            if ledgers:
                self.ledger(number)
        return census

    def population_ledger(self, census: Census) -> behaviour.Ledger:
        """The mean ledger of a population. What drivers and modifiers cost is upkeep."""
        mean = behaviour.mean_ledger(
            [self.ledger(int(c)) for c in census.classes], census.share
        ).told()
        lost = {
            which: worth.free - worth.mean for which, worth in census.worth(self.conducts).items()
        }
        return replace(
            mean,
            upkeep_ancestral=mean.upkeep_ancestral + lost["ancestral"],
            upkeep_modern=mean.upkeep_modern + lost["modern"],
        )

    def worth_of(self, number: int) -> dict[str, Any]:
        """What one class expresses (of named alleles, the name), and is worth: payoff in A, payoff
        and intent in M.
        """
        grid = self.conducts.genome.grid
        values = grid.values(np.array([number], dtype=np.int64))[0]
        a, m = self.conducts.worth(number, "ancestral"), self.conducts.worth(number, "modern")
        alleles = [locus.params.alleles for locus in grid.loci]
        loci = {
            locus.name: names[int(v)] if isinstance(names[0], str) else float(v)
            for locus, names, v in zip(grid.loci, alleles, values, strict=True)
            if not locus.silent
        }
        return {
            "loci": loci,
            "ancestral": a.fitness,
            "modern": m.fitness,
            "modern_intent": m.net_intent,
        }

    def single(self, number: int) -> dict[str, Any]:
        """The account of one class: its expressed values, worth, and ledger by kind and act."""
        grid = self.conducts.genome.grid
        a, m = self.conducts.worth(number, "ancestral"), self.conducts.worth(number, "modern")
        frame = behaviour.ledger_frame(
            self.ledger(number).told(), self.pair.ancestral.acts, "genome", None
        )
        return {
            "class": number,
            "loci": self.worth_of(number)["loci"],
            "breeds_true": bool(grid.breeds_true(np.array([number], dtype=np.int64))[0]),
            "ancestral": {"optimum": self.gaps.spans["ancestral"].best, "fitness": a.fitness},
            "modern": {
                "optimum": self.gaps.spans["modern_intent"].best,
                "fitness": m.fitness,
                "intent": m.net_intent,
            },
            "behaviour": to_json(self._ledgers_of(frame, "genome")),
            "causes": self._causes_of(number),
            "variation": {
                **vars(v := self.inquiry.variation(number)),
                "bound": v.bound,
                "slack": v.slack,
            },
        }

    def certificates(
        self, number: int, never: Sequence[str], loses_at_most: float | None
    ) -> dict[str, Any]:
        """By world (the pair's, and those of the family): whether a class never enters states, and
        loses at most so much. Raises `UserError`.
        """
        worlds = {"ancestral": self.pair.ancestral, "modern": self.pair.modern}
        worlds |= {name: pair.modern for name, pair in family_pairs(self.experiment).items()}
        rules = self.conducts.genome.decode(np.array([number], dtype=np.int64))
        return {
            name: certificates.told(
                world,
                policy_of(rules, 0, world, self.pair),
                never,
                loses_at_most,
                world.payoff if name == "ancestral" else world.intent,
            )
            for name, world in worlds.items()
        }

    def _causes_of(self, number: int) -> dict[str, dict[str, float]] | None:
        """By world, the causes of a class's loss; nothing for rules that do not plan."""
        found = {
            which: self.inquiry.causes(np.array([number], dtype=np.int64), which)
            for which in self.designs
        }
        return {which: some[0].parts for which, some in found.items() if some} or None

    def rung_classes(self) -> dict[str, int]:
        """One class that stands for each rung of the grid: of a tie set, the one that is worst in
        M.
        """

        return {
            "best_for_intent": self.peaks.modern_intent.worst,
            "best_for_payoff": self.peaks.modern.worst,
            "best_ancestral": self.peaks.ancestral.worst,
        }

    def _rung_ledgers(self) -> list[pl.DataFrame]:
        for number in self.peaks.members():
            self.recheck(number)
        acts = self.pair.ancestral.acts
        return [
            behaviour.ledger_frame(self.ledger(number).told(), acts, rung, None)
            for rung, number in self.rung_classes().items()
        ]

    def _ties(self) -> pl.DataFrame:
        tolerances = list(self.experiment.analysis.near_ties)
        size = self.experiment.optimizer.get("population")
        if size:
            tolerances.append(1.0 / (2.0 * size))
        ties = ladder.tie_sets(self.tables["landscape"], self.conducts, sorted({0.0, *tolerances}))
        for number in {*ties["class_modern_min"], *ties["class_modern_max"]}:
            self.recheck(number)
        return ties

    def _ladder_table(self, seeds: list[dict[str, Any]]) -> pl.DataFrame:
        rows = [
            {"seed": s["seed"], "world": which, "part": part, "name": name, "value": value}
            for s in seeds
            for which, ladders in s["ladders"].items()
            for part, values in zip(("rung", "step"), ladders, strict=True)
            for name, value in values.items()
        ]
        schema = {
            "seed": pl.Int64,
            "world": pl.String,
            "part": pl.String,
            "name": pl.String,
            "value": pl.Float64,
        }
        return pl.DataFrame(rows, schema=schema)

    def _steps_table(self, seeds: list[dict[str, Any]]) -> pl.DataFrame:
        """Each step of the ladders by act: the ledger of the lower rung minus that of the upper
        one. Sums to the step.
        """
        rows: list[dict[str, Any]] = []
        best = self.ledger(self.peaks.ancestral.worst)
        by_rung = {rung: self.ledger(number) for rung, number in self.rung_classes().items()}
        for which, upper in (("ancestral", dict.fromkeys(by_rung, best)), ("modern", by_rung)):
            regrets = [self._regret_by_act(upper[rung], which) for rung in ladder.GRID_RUNGS]
            above = dict.fromkeys(regrets[0], 0.0)
            for step, regret in zip(
                ("representation", "specification", "shift"), regrets, strict=True
            ):
                rows += _differences(None, which, step, above, regret)
                above = regret
            for s in seeds:
                upper_regret = above
                for step, name in self._ends():
                    reached = (
                        s["best_on_sample"].get(which)
                        if name == "best_on_sample"
                        else s["ledger_by_step"].get(name)
                    )
                    if reached is None:
                        break  # what lies below a rung that nobody reached is not measured
                    regret = self._regret_by_act(reached, which)
                    rows += _differences(s["seed"], which, step, upper_regret, regret)
                    upper_regret = regret
        schema = {
            "seed": pl.Int64,
            "world": pl.String,
            "step": pl.String,
            "act": pl.String,
            "value": pl.Float64,
        }
        return pl.DataFrame(rows, schema=schema)

    def _ends(self) -> tuple[tuple[str, str], ...]:
        """The steps below R3 and the rungs that they lead to."""
        names = ["control", "population"] if self.driven else ["population"]
        steps = ["search", "hack"]
        if not self.selection.plain:
            first = "all_cases" if self.selection.varies else "best_on_sample"
            names, steps = (
                [first, *names],
                (["search", "sampling", "hack"] if self.selection.varies else ["sampling", *steps]),
            )
        if self.selection.varies and "all_cases" not in self.controls:
            return ()  # search and sampling cannot be told apart
        return tuple(zip(steps, names, strict=False))

    def _regret_by_act(self, ledger: behaviour.Ledger, which: str) -> dict[str | None, float]:
        """Regret of each act in a world, and under no act the upkeep."""
        tables = [ledger.waste] if which == "ancestral" else list(ledger.modern.values())
        by_act = np.sum(tables, axis=(0, 1))
        upkeep = ledger.upkeep_ancestral if which == "ancestral" else ledger.upkeep_modern
        return {**dict(zip(self.pair.ancestral.acts, by_act.tolist(), strict=True)), None: upkeep}

    def _summary(
        self, tables: Mapping[str, pl.DataFrame], seeds: list[dict[str, Any]]
    ) -> AccountSummary:
        settings, experiment = self.experiment.analysis, self.experiment
        ladders = ByWorld(
            *(
                means_over_seeds.ladder_summary(
                    tables["ladder"], world, settings, self._reach_of_steps(world)
                )
                for world in self.designs
            )
        )
        price_rows = partial(some_rows, self.tables, "search") if "search" in self.tables else None
        shift = self.shift()
        return AccountSummary(
            exact=self.peaks.exact,
            drivers=bool(self.conducts.genome.grid.drive),
            goes_on_in_modern=experiment.swap < experiment.generations,
            classes=(
                self.conducts.genome.grid.size
                if self.peaks.exact
                else self.tables["landscape"].height
            ),
            ladder=ladders,
            left_open=self._left_open(),
            worst_policy=ByWorld(self._worst("ancestral"), self._worst("modern")),
            shift=shift,
            ties=tuple(TieSet(**row) for row in tables["ties"].iter_rows(named=True)),
            best_breeding_true=self._best_homozygote(),
            behaviour=self._ledgers_of(tables["behaviour"], "population"),
            behaviour_of_best_ancestral=self._ledgers_of(tables["behaviour"], "best_ancestral"),
            steps_by_act=means_over_seeds.steps_by_act(tables["steps"], tables["ladder"]),
            overlap=means_over_seeds.mean([x.overlap for x in _at_the_swap(seeds)]),
            hack=self._hack(tables["hack"]),
            search=price_equation.price_summary(
                price_rows, experiment.swap, experiment.generations
            ),
            desires=means_over_seeds.desire_summaries(tables["desires"]),
            recovery=means_over_seeds.recovery_summary(
                tables["recovery"],
                self.share_of_best,
                settings,
                ByWorld(self._reach_of_shares("ancestral"), self._reach_of_shares("modern")),
            ),
            times_per_life=self._times(seeds),
            labels=terminology.labels_of_steps(
                {
                    **ladders.modern.steps,
                    "shift, shared by all ancestral optima": shift.shared_by_all_ancestral_optima,
                    "shift, left open by the data": shift.left_open_by_the_data,
                }
            ),
            causes=genotype_accounts.cause_summaries(tables["causes"]),
            variation=genotype_accounts.variation_summaries(tables["variation"]),
            family=genotype_accounts.family_summary(tables["family"]),
        )

    def _ledgers_of(self, table: pl.DataFrame, subject: str) -> ByWorld[LedgerSummary | None]:
        return ByWorld(
            means_over_seeds.ledger_summary(table, subject, "ancestral"),
            means_over_seeds.ledger_summary(table, subject, "modern"),
        )

    def _hack(self, table: pl.DataFrame) -> DriveSummary | None:
        """The hack step with its parts and its null, and how common drivers became; None without
        controls.
        """
        if not self.driven:
            return None
        grid = self.conducts.genome.grid
        sites = [
            (grid.loci[i].name, str(grid.loci[i].params.alleles[a])) for i, a in grid.drive.alleles
        ]
        generation = self.experiment.swap - 1
        arms = {"run": self.tables, **self.driven}
        alleles = {
            name: some_rows(tables, "alleles", pl.col("generation") == generation)
            for name, tables in arms.items()
        }
        quantities = drive_cost.estimates(table, self.experiment.analysis)
        return DriveSummary(
            quantities=quantities,
            verdicts=drive_cost.verdicts(quantities),
            frequencies=drive_cost.frequencies(sites, alleles, generation),
            died_before_the_swap=drive_cost.died(arms),
        )

    def _best_homozygote(self) -> TrueBreeder | None:
        """The class that is best in A among those that breed true (of a tie, the worst in M), and
        the range of those near it.
        """
        true = self.tables["landscape"].filter(pl.col("breeds_true"))
        if true.is_empty():
            return None
        span = self.conducts.spans["ancestral"]
        best = ladder.near(true, 0.0, span).sort("modern_intent", "class").row(0, named=True)
        close = ladder.near(true, TRUE_BREEDERS_WITHIN, span).sort("modern_intent", "class")
        for number in (best["class"], close["class"][0], close["class"][-1]):
            self.recheck(number)
        near = {
            "within": TRUE_BREEDERS_WITHIN,
            "classes": close.height,
            "modern_min": close["modern_intent"][0],
            "modern_max": close["modern_intent"][-1],
        }
        return from_json(TrueBreeder, best | {"near": near})

    def _times(self, seeds: list[dict[str, Any]]) -> MeasuredByWorld[float]:
        """How often each act is done in a life, by the mean population at the swap."""
        ledgers = _at_the_swap(seeds)
        acts = self.pair.ancestral.acts

        def mean_times(each: list[Floats]) -> dict[str, float]:
            return dict(zip(acts, np.mean(each, axis=0).tolist(), strict=True)) if each else {}

        return MeasuredByWorld(
            mean_times([x.times_ancestral for x in ledgers]),
            mean_times([x.times_modern for x in ledgers]),
        )


def _differences(
    seed: int | None,
    world: str,
    step: str,
    above: dict[str | None, float],
    below: dict[str | None, float],
) -> list[dict[str, Any]]:
    return [
        {"seed": seed, "world": world, "step": step, "act": act, "value": below[act] - above[act]}
        for act in above
    ]


def _at_the_swap(seeds: list[dict[str, Any]]) -> list[behaviour.Ledger]:
    return [s["ledger_by_step"]["population"] for s in seeds if "population" in s["ledger_by_step"]]


def _reached(worth: Worth) -> ladder.Reached:
    return ladder.Reached(worth.mean, worth.best_present)


def _no_desires() -> pl.DataFrame:
    schema = {"feature": pl.String, "weight": pl.Float64, "acts": pl.String} | dict.fromkeys(
        ("ledger_ancestral", "ledger_modern", "gain_ancestral", "gain_modern"), pl.Float64
    )
    return pl.DataFrame(schema={"seed": pl.Int64, **schema})
