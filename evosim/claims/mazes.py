"""Claim 7: mazes with red exit doors.

Chance decides where the data are ambiguous. Population size times selection decides the rest.

Cells differ by payoff (red, exit) and by the share of training doors that are not red. They also
differ by the criterion of selection and by the size of training samples. Seeking is measured
without thresholds. In lives with a plain door and another red thing, the claim counts those that
end at each of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.account import Accountant
from evosim.analysis.shared_cache import SharedCache
from evosim.claims.claim import Charts, Claim, Part, Tables
from evosim.claims.experiments import with_settings
from evosim.claims.measurements import Measurement, exactly, mean_over_seeds, share_of_seeds
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.fitness.landscape import Landscape
from evosim.fitness.scorer import Scorer
from evosim.reference.dynamic_programming import level_at
from evosim.reference.selection import case_weights, selection_fitness
from evosim.runs.in_memory import replicate
from evosim.simulation.loop import simulate
from evosim.theory.drift import frequency_haploid, kimura_haploid
from evosim.worlds import TabularMdp
from evosim.worlds.maze import COLOURINGS, Maze, reached

Floats = NDArray[np.float64]
PAYOFFS = ("exit", "red")
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1)
SAMPLES = (1, 2, 4, 8, 16, 32, 64)
EVOLVED_ON = (1, 8, 64)
FOR_SAMPLES = 0.1  # share of doors that are not red where samples are small
RUNS = 20  # two-allele runs for each replicate: they are short
TOLD_APART, PLAIN = COLOURINGS.index("red thing"), COLOURINGS.index("none red")
# One locus decides the objective, without mutation. The desire for the door is strong enough for
# every distance.
TWO_ALLELES = (
    "genome.weights.red.alleles=[1.0]",
    "genome.weights.door.alleles=[0.0, 10.0]",
    "genome.weights.thing.alleles=[0.0]",
    "genome.horizon.alleles=[16]",
    "genome.mutation_scale=0.0",
    "genome.ploidy=1",
    'optimizer={name="asexual", population=40}',
    "search_ledger=false",
)
# Criterion of selection, and share of lives that separate the two objectives. The mean at the
# smallest share is the control of the worst case.
PLACES = (*(("exit", p) for p in SHARES), ("red", 0.0), ("red", 0.1))
LAW = tuple((payoff, p, "mean") for payoff, p in PLACES)
CRITERIA = (("exit", 0.001, "mean"), ("exit", 0.001, "worst"), ("exit", 0.01, "cvar"))
TAIL = 0.1
LONG = 25  # generations for each individual: by then one allele is left
APART = 2**40  # of the seeds of cells, whose runs would else be the same where nothing is selected


def parts(experiment: Experiment) -> list[Part]:
    """A part for each cell."""
    laws = enumerate((*LAW, *CRITERIA))
    out = [
        Part(f"law-{payoff}-{p}-{over}", two_alleles, (experiment, payoff, p, over, i), cost=20.0)
        for i, (payoff, p, over) in laws
    ]
    out += [
        Part(f"evolved-{payoff}-{p}", evolved, (experiment, payoff, p, 0.0, i), cost=8.0)
        for i, (payoff, p) in enumerate(PLACES)
    ]
    out += [
        Part(
            f"remedied-{payoff}", evolved, (experiment, payoff, 0.0, 0.1, len(PLACES) + i), cost=8.0
        )
        for i, payoff in enumerate(PAYOFFS)
    ]
    out += [
        Part(f"sampled-{size}", on_samples, (experiment, size, False), cost=20.0)
        for size in EVOLVED_ON
    ]
    out.append(Part("sampled-fresh", on_samples, (experiment, EVOLVED_ON[1], True), cost=20.0))
    out.append(Part("best-on-samples", best_on_samples, (experiment,), cost=5.0))
    out.append(Part("genomes", genomes, (experiment,), cost=5.0))
    return out


def _cell(experiment: Experiment, payoff: str, p: float, *settings: str) -> Experiment:
    return with_settings(
        experiment,
        f"world.ancestral.payoff={payoff}",
        f"world.modern.payoff={payoff}",
        f"world.ancestral.not_red={p}",
        *settings,
    )


def two_alleles(
    experiment: Experiment, payoff: str, p: float, over: str, cell: int
) -> pl.DataFrame:
    """Frequency of exit seekers at the end of runs without mutation, from even odds.

    The table also has the selection fitness of both alleles. Each cell has its own seeds.
    """
    phases = f'phases=[{{world="ancestral", generations={experiment.swap * 3 // 2}}}]'
    first = experiment.seed + cell * APART
    problem = build(
        _cell(
            experiment,
            payoff,
            p,
            *TWO_ALLELES,
            f"selection.over={over}",
            f"selection.tail={TAIL}",
            phases,
        )
    )
    landscape, choice = Landscape(problem), problem.experiment.selection
    fitness = landscape.fitness(np.arange(2))
    fitness_in_training = (
        fitness.ancestral
        if choice.plain
        else selection_fitness(choice, fitness.cases, problem.pair.ancestral.case_shares())
    )
    rows = []
    for i in range(experiment.replicates * RUNS):
        tables = simulate(problem, landscape, first + i).tables
        end = tables["populations"].filter(pl.col("moment") == "end")
        counts = end["count"].to_numpy()
        rows.append(float(counts[end["class"].to_numpy() == 1].sum() / counts.sum()))
    facts = {
        "payoff": payoff,
        "p": p,
        "over": over,
        "red_seeker": fitness_in_training[0],
        "exit_seeker": fitness_in_training[1],
        "population": problem.experiment.optimizer["population"],
    }
    return pl.DataFrame(
        {"run": range(len(rows)), "frequency": rows, "generations": problem.experiment.generations}
    ).with_columns(**{name: pl.lit(value) for name, value in facts.items()})


def evolved(
    experiment: Experiment, payoff: str, p: float, modern: float, cell: int
) -> pl.DataFrame:
    """One row per seed: ends of lives that separate the two objectives, and fitness at the swap.

    Each cell has its own seeds. With common seeds, cells that selection cannot distinguish would be
    copies.
    """
    mixture = f'world.mixture=[{{share={modern}, world="modern"}}]'
    problem = build(_cell(experiment, payoff, p, mixture))
    landscape = Landscape(problem)
    plain = build(_cell(experiment, payoff, p))
    ends = ends_of(plain)
    rows = []
    for seed in experiment.seeds:
        run = simulate(problem, landscape, seed + cell * APART)
        swap = run.tables["populations"].filter(pl.col("moment") == "swap")
        classes, share = swap["class"].to_numpy(), swap["count"].to_numpy() / swap["count"].sum()
        fitness = landscape.fitness(classes)
        rows.append(
            {
                "payoff": payoff,
                "p": p,
                "modern_share": modern,
                "seed": seed,
                "at_door": share @ ends["door"][classes],
                "at_thing": share @ ends["thing"][classes],
                "at_plain_door": share @ ends["plain_door"][classes],
                "ancestral": share @ fitness.ancestral,
                "modern_intent": share @ fitness.modern_intent,
            }
        )
    return pl.DataFrame(rows)


def on_samples(experiment: Experiment, size: int, fresh: bool) -> pl.DataFrame:
    """One row per seed: the ladder of populations selected on samples of training lives."""
    base = _cell(
        experiment,
        "exit",
        FOR_SAMPLES,
        f"selection.sample={size}",
        f"selection.fresh={str(fresh).lower()}",
        "search_ledger=false",
    )
    landscape, known, rows = None, None, []
    for seed in experiment.seeds:
        problem = build(with_settings(base, "replicates=1", f"seed={seed}"))
        landscape = landscape or Landscape(problem)
        known = known or SharedCache(problem.genome, problem.pair)
        numbers = replicate(problem, landscape, cache=known).numbers
        steps = {
            f"{world}_{name}": numbers.get(f"ladder.{world}.steps.{name}")
            for world in ("ancestral", "modern")
            for name in ("sampling", "search")
        }
        rows.append(
            {"size": size, "fresh": fresh, "seed": seed}
            | steps
            | {"modern": numbers.get("ladder.modern.rungs.population")}
        )
    return pl.DataFrame(rows)


def best_on_samples(experiment: Experiment) -> pl.DataFrame:
    """Fitness of the best genome for each sample; of a tie, the worst.

    `told_apart` is the chance that a sample separates the objectives.
    """
    problem = build(_cell(experiment, "exit", FOR_SAMPLES, "selection.sample=1"))
    frame = Landscape(problem).frame()
    cases, shares = (
        frame.select(f"case:{name}" for name in problem.pair.ancestral.case_names).to_numpy(),
        problem.pair.ancestral.case_shares(),
    )
    best = float(frame["ancestral"].max())  # type: ignore[arg-type]
    apart = [name.endswith("none red") for name in problem.pair.ancestral.case_names]
    rows = []
    for size in SAMPLES:
        choice = with_settings(
            problem.experiment, f"selection.sample={size}", "selection.fresh=false"
        ).selection
        for seed in range(experiment.seed, experiment.seed + experiment.replicates * RUNS):
            weights = case_weights(choice, shares, seed, 0)
            seen = selection_fitness(choice, cases, weights)
            tied = seen >= seen.max() - 1e-12
            distinguished = bool(weights[apart].any())
            rows.append(
                {
                    "size": size,
                    "seed": seed,
                    "told_apart": distinguished,
                    "sampling_ancestral": best - float(frame["ancestral"].to_numpy()[tied].min()),
                    "modern_intent": float(frame["modern_intent"].to_numpy()[tied].min()),
                }
            )
    return pl.DataFrame(rows)


def genomes(experiment: Experiment) -> pl.DataFrame:
    """Every genome: payoff, ends of lives, things it passes, and whether it is best in training.

    All numbers are exact.
    """
    out, ends = [], None
    for payoff, p in PLACES:
        problem = build(_cell(experiment, payoff, p))
        frame = Landscape(problem).frame()
        ends = ends or ends_of(problem)
        design = Accountant(problem, {"landscape": frame}, exact=True).fixed_rungs.modern
        top = float(frame["ancestral"].max())  # type: ignore[arg-type]
        out.append(
            frame.select(
                "class", "^locus:.*$", "ancestral", "modern", "modern_intent"
            ).with_columns(
                pl.lit(payoff).alias("payoff"),
                pl.lit(p).alias("p"),
                (pl.col("ancestral") >= top - 1e-12).alias("best"),
                *(pl.Series(f"at_{name}", values) for name, values in ends.items()),
                *(pl.lit(value).alias(f"rung:{name}") for name, value in design.rungs.items()),
                pl.lit(design.best_of["best_ancestral"]).alias("rung:best_ancestral_at_best"),
            )
        )
    return pl.concat(out)


def ends_of(problem: Problem) -> dict[str, Floats]:
    """Ends of the lives of each class in modern mazes.

    With a plain door and another red thing, `door` and `thing` are the chances that life ends so.
    `thing_passed` and `ghost_passed` are the chances ever to stand on those cells. Without anything
    red, `plain_door` is the chance that a life ends at the door.

    The payoff has no influence on a genome's behaviour.
    """
    world = problem.pair.modern
    policies = Scorer(world, problem.pair).policies(
        problem.genome.decode(np.arange(problem.genome.grid.size))
    )
    cells = reached(Maze(**problem.experiment.world.ancestral))
    apart, plain = _ends(world, policies, cells, TOLD_APART), _ends(world, policies, cells, PLAIN)
    return {**apart, "plain_door": plain["door"]}


def _ends(
    world: TabularMdp, policies: Floats, cells: dict[str, NDArray[np.bool_]], colouring: int
) -> dict[str, Floats]:
    """The same in the mazes of one colouring."""
    assert world.case_of is not None
    inside = np.flatnonzero(world.case_of % len(COLOURINGS) == colouring)
    start = world.case_starts()[colouring :: len(COLOURINGS)].mean(axis=0)[inside]
    moves = world.transitions[np.ix_(inside, np.arange(len(world.acts)), inside)]
    cells = {name: where[inside] for name, where in cells.items()}
    use = world.acts.index("use")
    out: dict[str, list[float]] = {
        name: [] for name in ("door", "thing", "thing_passed", "ghost_passed")
    }
    for policy in policies[:, :, inside]:
        chain = np.einsum("lsa,sax->lsx", policy, moves)
        where, done = start.copy(), np.zeros(len(inside))
        for t in range(world.lifespan):
            level = level_at(t, world.lifespan, len(policy))
            done += where * policy[level][:, use]
            where = where @ chain[level]
        out["door"].append(float(done[cells["door"]].sum()))
        out["thing"].append(float(done[cells["thing"]].sum()))
        for name in ("thing", "ghost"):
            out[f"{name}_passed"].append(_ever(chain, start, cells[name], world.lifespan))
    return {name: np.array(values) for name, values in out.items()}


def _ever(chain: Floats, start: Floats, cells: NDArray[np.bool_], lifespan: int) -> float:
    """The chance ever to stand on one of the cells."""
    where, ever = start.copy(), 0.0
    for t in range(lifespan):
        ever += float(where[cells].sum())
        where[cells] = 0.0
        where = where @ chain[level_at(t, lifespan, len(chain))]
    return ever


@cache
def law(red: float, exit_: float, population: int, generations: int) -> tuple[float, float, float]:
    """Expected frequency of exit seekers.

    Returns the exact chain at the end of the run and after fixation, and the formula of the
    ambiguity law.
    """
    fitness = exit_ / red if red else np.inf
    chains = (frequency_haploid(population, fitness, g) for g in (generations, LONG * population))
    return (*chains, kimura_haploid(population, fitness - 1.0, 0.5))  # type: ignore[return-value]


def _laws(tables: Tables) -> pl.DataFrame:
    """A row for each two-allele cell: measured mean with its interval, and both predictions."""
    rows = []
    for name, table in tables.items():
        if not name.startswith("law-"):
            continue
        first = table.row(0, named=True)
        chain, over, formula = law(
            first["red_seeker"], first["exit_seeker"], first["population"], first["generations"]
        )
        estimate = mean_over_seeds(table["frequency"].to_numpy())
        keys = ("payoff", "p", "over", "red_seeker", "exit_seeker")
        rows.append(
            {key: first[key] for key in keys}
            | {
                "mean": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
                "chain": chain,
                "when_over": over,
                "formula": formula,
            }
        )
    return pl.DataFrame(
        rows, schema_overrides={"low": pl.Float64, "high": pl.Float64}, infer_schema_length=None
    )


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """The predicted quantities."""
    return (
        _measure_laws(tables)
        | _measure_doors(tables)
        | _measure_rungs(tables)
        | _measure_samples(tables)
        | _measure_ghosts(tables)
        | _measure_places(tables)
    )


def _measure_laws(tables: Tables) -> dict[str, Measurement]:
    """Frequencies of two alleles, compared with the exact chain and the formula."""
    laws = _laws(tables)
    of_law = [tables[f"law-exit-{p}-mean"] for p in SHARES if p > 0.0]
    chains = [
        laws.filter((pl.col("payoff") == "exit") & (pl.col("p") == p) & (pl.col("over") == "mean"))[
            "chain"
        ][0]
        for p in SHARES
        if p > 0.0
    ]
    error = np.mean(
        [
            table["frequency"].to_numpy() - chain
            for table, chain in zip(of_law, chains, strict=True)
        ],
        axis=0,
    )
    neutral = [
        tables[f"law-{payoff}-{p}-mean"]["frequency"].to_numpy()
        for payoff, p in (("exit", 0.0), ("red", 0.0), ("red", 0.1))
    ]
    plain = laws.filter(pl.col("over") == "mean")
    return {
        "neutral_gap": exactly(
            float(
                plain.filter((pl.col("payoff") == "red") | (pl.col("p") == 0.0))
                .select((pl.col("exit_seeker") - pl.col("red_seeker")).abs().max())
                .item()
            )
        ),
        "neutral_share": mean_over_seeds(np.mean(neutral, axis=0), "frequency of exit seekers"),
        "law_error": mean_over_seeds(error, "frequency, measured minus exact chain"),
        **{
            f"law_error_{p}": mean_over_seeds(
                tables[f"law-exit-{p}-mean"]["frequency"].to_numpy() - chain,
                "frequency, measured minus exact chain",
            )
            for p, chain in zip((p for p in SHARES if p > 0.0), chains, strict=True)
        },
        "formula_error": exactly(float((plain["formula"] - plain["when_over"]).abs().max())),  # type: ignore[arg-type]
        "exit_share_at_5_percent": mean_over_seeds(
            tables["law-exit-0.05-mean"]["frequency"].to_numpy(), "frequency of exit seekers"
        ),
        "mean_at_one_in_a_thousand": mean_over_seeds(
            tables["law-exit-0.001-mean"]["frequency"].to_numpy(), "frequency of exit seekers"
        ),
        "worst_at_one_in_a_thousand": share_of_seeds(
            int((tables["law-exit-0.001-worst"]["frequency"] == 1.0).sum()),
            tables["law-exit-0.001-worst"].height,
            "runs",
        ),
        "cvar_at_one_percent": mean_over_seeds(
            tables["law-exit-0.01-cvar"]["frequency"].to_numpy(), "frequency of exit seekers"
        ),
    }


def _measure_doors(tables: Tables) -> dict[str, Measurement]:
    """Lives that end at the door: best genomes and evolved populations."""
    grid = tables["genomes"]
    best = grid.filter((pl.col("payoff") == "exit") & (pl.col("p") == 0.0) & pl.col("best"))
    of_grid = float(best["at_door"].mean())  # type: ignore[arg-type]
    return {
        "grid_share_at_door": exactly(of_grid, "of best genomes"),
        "evolved_minus_grid": mean_over_seeds(
            tables["evolved-exit-0.0"]["at_door"].to_numpy() - of_grid,
            "share of lives that end at the door",
        ),
        "plain_doors_gained": mean_over_seeds(
            tables["evolved-exit-0.1"]["at_plain_door"].to_numpy()
            - tables["evolved-exit-0.0"]["at_plain_door"].to_numpy(),
            "share of lives",
        ),
        "preference_gained": mean_over_seeds(
            tables["evolved-exit-0.1"]["at_door"].to_numpy()
            - tables["evolved-exit-0.0"]["at_door"].to_numpy(),
            "share of lives",
        ),
    }


def _measure_rungs(tables: Tables) -> dict[str, Measurement]:
    """Specification and shift of both payoffs, and the help of modern data."""
    grid = tables["genomes"]
    rung = {
        payoff: grid.filter((pl.col("payoff") == payoff) & (pl.col("p") == 0.0)).row(0, named=True)
        for payoff in PAYOFFS
    }
    lost = {payoff: rung[payoff]["rung:best_for_intent"] for payoff in PAYOFFS}
    return {
        "exit_specification": exactly(lost["exit"] - rung["exit"]["rung:best_for_payoff"]),
        "red_specification": exactly(lost["red"] - rung["red"]["rung:best_for_payoff"]),
        "exit_shift_worst": exactly(
            rung["exit"]["rung:best_for_payoff"] - rung["exit"]["rung:best_ancestral"]
        ),
        "exit_aligned_optimum": exactly(lost["exit"] - rung["exit"]["rung:best_ancestral_at_best"]),
        "red_aligned_optimum": exactly(lost["red"] - rung["red"]["rung:best_ancestral_at_best"]),
        "data_help_exit": mean_over_seeds(
            tables["remedied-exit"]["modern_intent"].to_numpy()
            - tables["evolved-exit-0.0"]["modern_intent"].to_numpy()
        ),
        "data_help_red": mean_over_seeds(
            tables["remedied-red"]["modern_intent"].to_numpy()
            - tables["evolved-red-0.0"]["modern_intent"].to_numpy()
        ),
    }


def _measure_samples(tables: Tables) -> dict[str, Measurement]:
    """The sampling step in A by the size of the sample."""
    samples = tables["best-on-samples"]
    by_size = {
        size: samples.filter(pl.col("size") == size)["sampling_ancestral"].to_numpy()
        for size in SAMPLES
    }
    fits = {size: tables[f"sampled-{size}"]["ancestral_sampling"].to_numpy() for size in EVOLVED_ON}
    return {
        "sampling_falls": mean_over_seeds(
            by_size[SAMPLES[0]] - by_size[SAMPLES[-1]], "sampling step in A, 1 life minus 64"
        ),
        "sampling_of_64": mean_over_seeds(by_size[SAMPLES[-1]], "sampling step in A"),
        "ladder_sampling_falls": mean_over_seeds(
            fits[EVOLVED_ON[0]] - fits[EVOLVED_ON[-1]], "sampling step in A, 1 life minus 64"
        ),
    }


def _measure_ghosts(tables: Tables) -> dict[str, Measurement]:
    """Things that seekers stand on, minus ghosts."""
    grid = tables["genomes"]
    seekers = grid.filter(
        (pl.col("payoff") == "exit")
        & (pl.col("p") == 0.0)
        & (pl.col("locus:horizon") == 16.0)
        & (pl.col("locus:thing") == 0.0)
    )
    red, door = (
        seekers.filter((pl.col("locus:red") == r) & (pl.col("locus:door") == d)).row(0, named=True)
        for r, d in ((1.0, 0.0), (0.0, 1.0))
    )
    return {
        "red_beyond_ghost": exactly(
            red["at_thing_passed"] - red["at_ghost_passed"],
            "red seekers: things stood on minus ghosts",
        ),
        "door_beyond_ghost": exactly(
            door["at_thing_passed"] - door["at_ghost_passed"],
            "exit seekers: things stood on minus ghosts",
        ),
    }


def _measure_places(tables: Tables) -> dict[str, Measurement]:
    """Lives of evolved populations that end at the door, by payoff and share."""
    return {
        f"at_door_{payoff}_{p}": mean_over_seeds(
            tables[f"evolved-{payoff}-{p}"]["at_door"].to_numpy(),
            "share of lives that end at the door",
        )
        for payoff, p in PLACES
    }


PERCENT_AXIS = alt.X(
    "percent:Q", title="training doors that are not red (%)", axis=alt.Axis(grid=False)
)


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """Shares of exit seekers compared with the law; evolved populations; samples."""
    return {"ambiguity": _ambiguity_chart(tables, experiment), "samples": _samples_chart(tables)}


def _ambiguity_chart(tables: Tables, experiment: Experiment) -> Any:
    """Shares of exit seekers, and ends of lives, by the share of doors that are not red."""
    population = tables["law-exit-0.0-mean"]["population"][0]
    both = alt.hconcat(_law_chart(tables), _ends_chart(tables), spacing=30).resolve_scale(
        color="independent", shape="independent"
    )
    notes = [
        (
            f"dashes: 1 / (1 + exp(-N s)), N = {population}; whiskers: 95% over runs (left),"
            f" standard errors over {experiment.replicates} seeds (right)"
        ),
        "right: in mazes whose door is plain and where another thing is red, or nothing",
    ]
    return themed(both, "Red doors in training leave the objective open", notes)


def _law_chart(tables: Tables) -> Any:
    """Shares of exit seekers of two alleles, with the law."""
    laws = _laws(tables).with_columns(
        pl.when(pl.col("over") == "mean")
        .then(pl.lit("payoff ") + pl.col("payoff") + ", mean")
        .otherwise(pl.lit("payoff exit, ") + pl.col("over"))
        .alias("what"),
        (100.0 * pl.col("p")).alias("percent"),
    )
    population = tables["law-exit-0.0-mean"]["population"][0]
    curve = pl.DataFrame({"percent": np.linspace(0.0, 10.0, 101)}).with_columns(
        pl.col("percent")
        .map_elements(
            lambda x: kimura_haploid(population, 1.0 / (1.0 - x / 100.0) - 1.0, 0.5),
            return_dtype=pl.Float64,
        )
        .alias("law")
    )
    names = ["payoff exit, mean", "payoff red, mean", "payoff exit, cvar", "payoff exit, worst"]
    colour = alt.Color(
        "what:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=["#0072B2", "#D55E00", "#CC79A7", "#009E73"]),
    )
    shape = alt.Shape(
        "what:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=["circle", "square", "triangle-up", "diamond"]),
    )
    y = alt.Y("mean:Q", title="share of exit seekers", scale=alt.Scale(domain=[0, 1]))
    line = (
        alt.Chart(curve)
        .mark_line(color="#777777", strokeDash=[6, 3])
        .encode(PERCENT_AXIS, alt.Y("law:Q"))
    )
    base = alt.Chart(laws)
    dots, bars = (
        base.mark_point(size=70, filled=True).encode(PERCENT_AXIS, y, colour, shape),
        base.mark_rule().encode(PERCENT_AXIS, alt.Y("low:Q"), alt.Y2("high:Q"), colour),
    )
    return (line + bars + dots).properties(
        width=WIDTH, height=HEIGHT, title="Two alleles, no mutation"
    )


def _ends_chart(tables: Tables) -> Any:
    """Ends of the lives of evolved populations."""
    rows = pl.concat([tables[f"evolved-exit-{p}"] for p in SHARES])
    words = {
        "at_door": "at the door",
        "at_thing": "at the red thing",
        "at_plain_door": "at the door (nothing red)",
    }
    seen = rows.unpivot(list(words), index=["p", "seed"]).with_columns(
        (100.0 * pl.col("p")).alias("percent"), pl.col("variable").replace(words)
    )
    means = (
        seen.group_by("percent", "variable", maintain_order=True)
        .agg(
            pl.col("value").mean(),
            (pl.col("value").std() / pl.len().sqrt()).fill_null(0.0).alias("error"),
        )
        .with_columns(
            (pl.col("value") - pl.col("error")).alias("low"),
            (pl.col("value") + pl.col("error")).alias("high"),
        )
    )
    ends = alt.Color(
        "variable:N",
        title="lives end",
        sort=list(words.values()),
        scale=alt.Scale(domain=list(words.values()), range=["#0072B2", "#D55E00", "#009E73"]),
    )
    lines = (
        alt.Chart(means)
        .mark_line(point=True)
        .encode(
            PERCENT_AXIS,
            alt.Y("value:Q", title="share of lives", scale=alt.Scale(domain=[0, 1])),
            ends,
        )
    )
    spread = (
        alt.Chart(means).mark_rule().encode(PERCENT_AXIS, alt.Y("low:Q"), alt.Y2("high:Q"), ends)
    )
    return (spread + lines).properties(
        width=WIDTH, height=HEIGHT, title="Whole genomes, with mutation; payoff exit"
    )


def _samples_chart(tables: Tables) -> Any:
    """Loss of genomes that were selected on few lives."""
    samples = (
        tables["best-on-samples"]
        .group_by("size")
        .agg(
            pl.col("sampling_ancestral").mean().alias("loss"),
            (1.0 - pl.col("told_apart").cast(pl.Float64)).mean().alias("blind"),
        )
        .sort("size")
    )
    floor = FOR_SAMPLES * (1.0 - FOR_SAMPLES) ** np.array(SAMPLES, dtype=float)
    what = ["best genome for the sample", "by colour alone"]
    lines = pl.concat(
        [
            samples.select("size", "loss", pl.lit(what[0]).alias("what")),
            pl.DataFrame({"size": SAMPLES, "loss": floor, "what": what[1]}),
        ]
    )
    size = alt.X(
        "size:Q",
        title="training lives in the sample",
        scale=alt.Scale(type="log", base=2),
        axis=alt.Axis(grid=False),
    )
    colour = alt.Color(
        "what:N",
        title=None,
        sort=what,
        scale=alt.Scale(domain=what, range=["#0072B2", "#777777"]),
        legend=alt.Legend(labelLimit=0),
    )
    dash = alt.StrokeDash(
        "what:N", title=None, sort=what, scale=alt.Scale(domain=what, range=[[1, 0], [6, 3]])
    )
    sampling = (
        alt.Chart(lines)
        .mark_line()
        .encode(size, alt.Y("loss:Q", title="lost in A (share of exits)"), colour, dash)
        .properties(width=WIDTH + 60, height=HEIGHT)
    )
    return themed(
        sampling,
        "Selected on few mazes",
        [
            f"doors not red: p = {FOR_SAMPLES:.0%}; of tied genomes the worst. By colour alone:"
            " p (1 - p)^k; the rest is mazes that were not seen"
        ],
    )


CLAIM = Claim(parts, measure, figures)
