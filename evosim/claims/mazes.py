"""Claim 7: mazes with red exit doors. What the data leave open, chance decides; what remains of a choice, population size times stakes.

Two payoffs (red, exit), shares of training doors that are not red, criteria of selection, sizes of training samples. "Seeks" is
told without thresholds: of lives where the door is plain and another thing red, how many end at the door and how many at the thing.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.account import Accountant, Known
from evosim.claims.claim import Claim, Measured, Part, Tables, exactly, over_seeds, share_of
from evosim.compose import Setting, build, resolve
from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.landscape import Landscape
from evosim.params import Experiment, apply_settings
from evosim.reference.planning import level_at
from evosim.reference.policies import policy_of
from evosim.replicate import replicate
from evosim.selection import selected, weights_of
from evosim.simulate import simulate
from evosim.theory.drift import haploid_fixation, haploid_frequency
from worlds.maze import COLOURINGS, Maze, reached

Floats = NDArray[np.float64]
PAYOFFS = ("exit", "red")
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1)
SAMPLES = (1, 2, 4, 8, 16, 32, 64)
EVOLVED_ON = (1, 4, 16, 64)
FOR_SAMPLES = 0.1  # share of doors that are not red where samples are small
RUNS = 10  # two-allele runs for each replicate: they are short
TOLD_APART = COLOURINGS.index("red thing")
# One locus says what is sought; no mutation. The door's pull is strong enough for every distance.
TWO_ALLELES = (
    "genome.weights.red.alleles=[1.0]", "genome.weights.door.alleles=[0.0, 10.0]", "genome.weights.thing.alleles=[0.0]",
    "genome.horizon.alleles=[16]", "genome.mutation_scale=0.0", "genome.ploidy=1", 'optimizer={name="asexual", population=40}',
    'phases=[{world="ancestral", generations=150}]', "search_ledger=false",
)  # fmt: skip
# What is selected by, and in how many of the lives the two objectives part. The mean at the rarest is the control of the worst case.
LAW = (*((payoff, p, "mean") for payoff, p in (*(("exit", p) for p in SHARES), ("red", 0.0), ("red", 0.1))),)
CRITERIA = (("exit", 0.001, "mean"), ("exit", 0.001, "worst"), ("exit", 0.01, "cvar"))
TAIL = 0.1


def varied(experiment: Experiment, *settings: str) -> Experiment:
    """An experiment with `key=value` changes."""
    return resolve(apply_settings(experiment.model_dump(mode="json", exclude_none=True), list(settings)))


def parts(experiment: Experiment) -> list[Part]:
    """One for each cell."""
    out = [Part(f"law-{payoff}-{p}-{over}", two_alleles, (experiment, payoff, p, over), cost=20.0) for payoff, p, over in (*LAW, *CRITERIA)]
    out += [Part(f"evolved-{payoff}-{p}", evolved, (experiment, payoff, p), cost=8.0) for payoff in PAYOFFS for p in SHARES]
    out += [Part(f"remedied-{payoff}", evolved, (experiment, payoff, 0.0, 0.1), cost=8.0) for payoff in PAYOFFS]
    out += [Part(f"sampled-{size}", on_samples, (experiment, size, fresh), cost=20.0) for size, fresh in ((k, False) for k in EVOLVED_ON)]
    out.append(Part("sampled-fresh-4", on_samples, (experiment, 4, True), cost=20.0))
    out.append(Part("best-on-samples", best_on_samples, (experiment,), cost=5.0))
    out.append(Part("genomes", genomes, (experiment,), cost=5.0))
    return out


def _cell(experiment: Experiment, payoff: str, p: float, *settings: str) -> Experiment:
    return varied(experiment, f"world.ancestral.payoff={payoff}", f"world.modern.payoff={payoff}", f"world.ancestral.not_red={p}", *settings)


def two_alleles(experiment: Experiment, payoff: str, p: float, over: str) -> pl.DataFrame:
    """Frequency of the seekers of exits at the end of runs without mutation, from even odds; and both alleles' fitness as selection hears it."""
    made = build(_cell(experiment, payoff, p, *TWO_ALLELES, f"selection.over={over}", f"selection.tail={TAIL}"))
    landscape, choice = Landscape(made), made.experiment.selection
    worth = landscape.worth(np.arange(2))
    heard = worth.ancestral if choice.plain else selected(choice, worth.cases, made.pair.ancestral.shares())
    rows = []
    for i in range(experiment.replicates * RUNS):
        tables = simulate(made, landscape, experiment.seed + i).tables
        end = tables["populations"].filter(pl.col("moment") == "end")
        rows.append((end.filter(pl.col("class") == 1)["count"].sum() or 0) / end["count"].sum())
    facts = {"payoff": payoff, "p": p, "over": over, "red_seeker": heard[0], "exit_seeker": heard[1], "population": made.experiment.optimizer["population"]}
    return pl.DataFrame({"run": range(len(rows)), "frequency": rows, "generations": made.experiment.generations}).with_columns(
        **{name: pl.lit(value) for name, value in facts.items()}
    )


def evolved(experiment: Experiment, payoff: str, p: float, modern: float = 0.0) -> pl.DataFrame:
    """Populations at the swap: where lives end that the two objectives send apart, and what they come to. A row a seed."""
    mixture = f'world.mixture=[{{share={modern}, world="modern"}}]'
    made = build(_cell(experiment, payoff, p, mixture))
    landscape = Landscape(made)
    plain = build(_cell(experiment, payoff, p))
    ends = ends_of(plain)
    rows = []
    for seed in experiment.seeds:
        run = simulate(made, landscape, seed)
        swap = run.tables["populations"].filter(pl.col("moment") == "swap")
        classes, share = swap["class"].to_numpy(), swap["count"].to_numpy() / swap["count"].sum()
        worth = landscape.worth(classes)
        rows.append(
            {"payoff": payoff, "p": p, "modern_share": modern, "seed": seed, "at_door": share @ ends["door"][classes], "at_thing": share @ ends["thing"][classes],
             "ancestral": share @ worth.ancestral, "modern_intent": share @ worth.modern_intent}
        )  # fmt: skip
    return pl.DataFrame(rows)


def on_samples(experiment: Experiment, size: int, fresh: bool) -> pl.DataFrame:
    """The ladder of populations that were selected on samples of training lives. A row a seed."""
    base = _cell(experiment, "exit", FOR_SAMPLES, f"selection.sample={size}", f"selection.fresh={str(fresh).lower()}", "search_ledger=false")
    landscape, known, rows = None, None, []
    for seed in experiment.seeds:
        made = build(varied(base, "replicates=1", f"seed={seed}"))
        landscape = landscape or Landscape(made)
        known = known or Known(made.genome, made.pair)
        numbers = replicate(made, landscape, known=known).numbers
        found = {f"{world}_{name}": numbers.get(f"ladder.{world}.steps.{name}") for world in ("ancestral", "modern") for name in ("sampling", "search")}
        rows.append({"size": size, "fresh": fresh, "seed": seed} | found | {"modern": numbers.get("ladder.modern.rungs.population")})
    return pl.DataFrame(rows)


def best_on_samples(experiment: Experiment) -> pl.DataFrame:
    """What the best genome for each sample comes to (of a tie the worst), and the chance that a sample tells the objectives apart."""
    made = build(_cell(experiment, "exit", FOR_SAMPLES, "selection.sample=1"))
    frame = Landscape(made).frame()
    cases, shares = frame.select(f"case:{name}" for name in made.pair.ancestral.case_names).to_numpy(), made.pair.ancestral.shares()
    best = float(frame["ancestral"].max())  # type: ignore[arg-type]
    apart = [name.endswith("none red") for name in made.pair.ancestral.case_names]
    rows = []
    for size in SAMPLES:
        choice = varied(made.experiment, f"selection.sample={size}", "selection.fresh=false").selection
        for seed in range(experiment.seed, experiment.seed + experiment.replicates * RUNS):
            weights = weights_of(choice, shares, seed, 0)
            seen = selected(choice, cases, weights)
            tied = seen >= seen.max() - 1e-12
            told = bool(weights[apart].any())
            rows.append(
                {"size": size, "seed": seed, "told_apart": told, "sampling_ancestral": best - float(frame["ancestral"].to_numpy()[tied].min()),
                 "modern_intent": float(frame["modern_intent"].to_numpy()[tied].min())}
            )  # fmt: skip
    return pl.DataFrame(rows)


def genomes(experiment: Experiment) -> pl.DataFrame:
    """Every genome: worth by payoff, where its lives end, whom it passes by accident, and whether it is best in training. No chance in it."""
    out = []
    for payoff in PAYOFFS:
        for p in SHARES:
            made = build(_cell(experiment, payoff, p))
            landscape = Landscape(made)
            frame = landscape.frame()
            accountant = Accountant(made, {"landscape": frame}, exact=True)
            design, ends = accountant.designs["modern"], ends_of(made)
            top = float(frame["ancestral"].max())  # type: ignore[arg-type]
            out.append(
                frame.select("class", "^locus:.*$", "ancestral", "modern", "modern_intent").with_columns(
                    pl.lit(payoff).alias("payoff"), pl.lit(p).alias("p"), (pl.col("ancestral") >= top - 1e-12).alias("best"),
                    *(pl.Series(f"at_{name}", values) for name, values in ends.items()),
                    *(pl.lit(value).alias(f"rung:{name}") for name, value in design.rungs.items()),
                    pl.lit(design.best_of["best_ancestral"]).alias("rung:best_ancestral_at_best"),
                )
            )  # fmt: skip
    return pl.concat(out)


def ends_of(made: Setting) -> dict[str, Floats]:
    """By class, in mazes whose door is plain and whose other thing is red: the chance that life ends at the door or at the thing, and
    that it ever stands on the thing's and on the ghost's cell."""
    world, size = made.pair.modern, made.genome.grid.size
    params = Maze(**made.experiment.world.ancestral)
    cells = reached(params)
    here = np.arange(params.mazes * len(COLOURINGS)) % len(COLOURINGS) == TOLD_APART
    start = world.births()[here].mean(axis=0)
    rules = made.genome.decode(np.arange(size))
    use = world.acts.index("use")
    out: dict[str, list[float]] = {name: [] for name in ("door", "thing", "thing_passed", "ghost_passed")}
    for number in range(size):
        policy = policy_of(rules, number, world, made.pair)
        chain = np.einsum("lsa,sax->lsx", policy, world.transitions)
        where, done = start.copy(), np.zeros(len(world.states))
        passed = {name: _ever(chain, start, cells[name], world.lifespan) for name in ("thing", "ghost")}
        for t in range(world.lifespan):
            level = level_at(t, world.lifespan, len(policy))
            done += where * policy[level][:, use]
            where = where @ chain[level]
        out["door"].append(float(done[cells["door"]].sum()))
        out["thing"].append(float(done[cells["thing"]].sum()))
        out["thing_passed"].append(passed["thing"])
        out["ghost_passed"].append(passed["ghost"])
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
def law(red: float, exit_: float, population: int, generations: int) -> tuple[float, float]:
    """Expected frequency of exit seekers at the end: by the exact chain, and by the ambiguity law's formula."""
    return haploid_frequency(population, exit_ / red if red else np.inf, generations), haploid_fixation(population, exit_ / red - 1.0 if red else np.inf)


def _laws(tables: Tables) -> pl.DataFrame:
    """A row for each two-allele cell: measured mean and its interval, and both predictions."""
    rows = []
    for name, table in tables.items():
        if not name.startswith("law-"):
            continue
        first = table.row(0, named=True)
        chain, formula = law(first["red_seeker"], first["exit_seeker"], first["population"], first["generations"])
        found = over_seeds(table["frequency"].to_numpy())
        keys = ("payoff", "p", "over", "red_seeker", "exit_seeker")
        rows.append({key: first[key] for key in keys} | {"mean": found.value, "low": found.low, "high": found.high, "chain": chain, "formula": formula})
    return pl.DataFrame(rows, schema_overrides={"low": pl.Float64, "high": pl.Float64}, infer_schema_length=None)


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measured]:
    """What the prediction speaks of."""
    laws = _laws(tables)
    of_law = [tables[f"law-exit-{p}-mean"] for p in SHARES if p > 0.0]
    chains = [laws.filter((pl.col("payoff") == "exit") & (pl.col("p") == p) & (pl.col("over") == "mean"))["chain"][0] for p in SHARES if p > 0.0]
    error = np.mean([table["frequency"].to_numpy() - chain for table, chain in zip(of_law, chains, strict=True)], axis=0)
    neutral = [tables[f"law-{payoff}-{p}-mean"]["frequency"].to_numpy() for payoff, p in (("exit", 0.0), ("red", 0.0), ("red", 0.1))]
    plain = laws.filter(pl.col("over") == "mean")
    grid = tables["genomes"]
    rung = {payoff: grid.filter((pl.col("payoff") == payoff) & (pl.col("p") == 0.0)).row(0, named=True) for payoff in PAYOFFS}
    best = grid.filter((pl.col("payoff") == "exit") & (pl.col("p") == 0.0) & pl.col("best"))
    of_grid = float(best["at_door"].mean())  # type: ignore[arg-type]
    seekers = grid.filter((pl.col("payoff") == "exit") & (pl.col("p") == 0.0) & (pl.col("locus:horizon") == 16.0) & (pl.col("locus:thing") == 0.0))
    red, door = (seekers.filter((pl.col("locus:red") == r) & (pl.col("locus:door") == d)).row(0, named=True) for r, d in ((1.0, 0.0), (0.0, 1.0)))
    samples = tables["best-on-samples"]
    by_size = {size: samples.filter(pl.col("size") == size)["sampling_ancestral"].to_numpy() for size in SAMPLES}
    fits = {size: tables[f"sampled-{size}"]["ancestral_sampling"].to_numpy() for size in EVOLVED_ON}
    lost = {payoff: rung[payoff]["rung:best_for_intent"] for payoff in PAYOFFS}
    out = {
        "neutral_gap": exactly(float(plain.filter((pl.col("payoff") == "red") | (pl.col("p") == 0.0)).select((pl.col("exit_seeker") - pl.col("red_seeker")).abs().max()).item())),
        "neutral_share": over_seeds(np.mean(neutral, axis=0), "frequency of exit seekers"),
        "law_error": over_seeds(error, "frequency, measured minus exact chain"),
        "formula_error": exactly(float((plain["formula"] - plain["chain"]).abs().max())),  # type: ignore[arg-type]
        "exit_share_at_5_percent": over_seeds(tables["law-exit-0.05-mean"]["frequency"].to_numpy(), "frequency of exit seekers"),
        "mean_at_one_in_a_thousand": over_seeds(tables["law-exit-0.001-mean"]["frequency"].to_numpy(), "frequency of exit seekers"),
        "worst_at_one_in_a_thousand": share_of(int((tables["law-exit-0.001-worst"]["frequency"] == 1.0).sum()), tables["law-exit-0.001-worst"].height, "runs"),
        "cvar_at_one_percent": over_seeds(tables["law-exit-0.01-cvar"]["frequency"].to_numpy(), "frequency of exit seekers"),
        "grid_share_at_door": exactly(of_grid, "of best genomes"),
        "evolved_minus_grid": over_seeds(tables["evolved-exit-0.0"]["at_door"].to_numpy() - of_grid, "share of lives that end at the door"),
        "evolved_gain_by_10_percent": over_seeds(tables["evolved-exit-0.1"]["at_door"].to_numpy() - tables["evolved-exit-0.0"]["at_door"].to_numpy(), "share of lives"),
        "exit_specification": exactly(lost["exit"] - rung["exit"]["rung:best_for_payoff"]),
        "red_specification": exactly(lost["red"] - rung["red"]["rung:best_for_payoff"]),
        "exit_shift_worst": exactly(rung["exit"]["rung:best_for_payoff"] - rung["exit"]["rung:best_ancestral"]),
        "exit_aligned_optimum": exactly(lost["exit"] - rung["exit"]["rung:best_ancestral_at_best"]),
        "red_aligned_optimum": exactly(lost["red"] - rung["red"]["rung:best_ancestral_at_best"]),
        "data_help_exit": over_seeds(tables["remedied-exit"]["modern_intent"].to_numpy() - tables["evolved-exit-0.0"]["modern_intent"].to_numpy()),
        "data_help_red": over_seeds(tables["remedied-red"]["modern_intent"].to_numpy() - tables["evolved-red-0.0"]["modern_intent"].to_numpy()),
        "sampling_falls": over_seeds(by_size[SAMPLES[0]] - by_size[SAMPLES[-1]], "sampling step in A, 1 life minus 64"),
        "sampling_of_64": over_seeds(by_size[SAMPLES[-1]], "sampling step in A"),
        "ladder_sampling_falls": over_seeds(fits[EVOLVED_ON[0]] - fits[EVOLVED_ON[-1]], "sampling step in A, 1 life minus 64"),
        "red_beyond_ghost": exactly(red["at_thing_passed"] - red["at_ghost_passed"], "red seekers: things stood on minus ghosts"),
        "door_beyond_ghost": exactly(door["at_thing_passed"] - door["at_ghost_passed"], "exit seekers: things stood on minus ghosts"),
    }
    for payoff in PAYOFFS:
        for p in SHARES:
            out[f"at_door_{payoff}_{p}"] = over_seeds(tables[f"evolved-{payoff}-{p}"]["at_door"].to_numpy(), "share of lives that end at the door")
    return out


def figures(tables: Tables, experiment: Experiment) -> dict[str, Any]:
    """Shares of exit seekers against the law; evolved populations; samples."""
    laws = _laws(tables).with_columns(
        pl.when(pl.col("over") == "mean").then(pl.lit("payoff ") + pl.col("payoff") + ", mean").otherwise(pl.lit("payoff exit, ") + pl.col("over")).alias("what"),
        (100.0 * pl.col("p")).alias("percent"),
    )
    population = tables["law-exit-0.0-mean"]["population"][0]
    curve = pl.DataFrame({"percent": np.linspace(0.0, 10.0, 101)}).with_columns(
        pl.col("percent").map_elements(lambda x: haploid_fixation(population, 1.0 / (1.0 - x / 100.0) - 1.0), return_dtype=pl.Float64).alias("law")
    )
    names = ["payoff exit, mean", "payoff red, mean", "payoff exit, cvar", "payoff exit, worst"]
    colour = alt.Color("what:N", title=None, sort=names, scale=alt.Scale(domain=names, range=["#0072B2", "#D55E00", "#CC79A7", "#009E73"]))
    shape = alt.Shape("what:N", title=None, sort=names, scale=alt.Scale(domain=names, range=["circle", "square", "triangle-up", "diamond"]))
    x = alt.X("percent:Q", title="training doors that are not red (%)", axis=alt.Axis(grid=False))
    y = alt.Y("mean:Q", title="share of exit seekers", scale=alt.Scale(domain=[0, 1]))
    line = alt.Chart(curve).mark_line(color="#777777", strokeDash=[6, 3]).encode(x, alt.Y("law:Q"))
    base = alt.Chart(laws)
    dots, bars = base.mark_point(size=70, filled=True).encode(x, y, colour, shape), base.mark_rule().encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    left = (line + bars + dots).properties(width=WIDTH, height=HEIGHT, title="Two alleles, no mutation")
    rows = pl.concat([tables[f"evolved-{payoff}-{p}"] for payoff in PAYOFFS for p in SHARES])
    seen = rows.unpivot(["at_door", "at_thing"], index=["payoff", "p", "seed"]).with_columns((100.0 * pl.col("p")).alias("percent"))
    words = {"at_door": "at the plain door", "at_thing": "at the red thing"}
    mean = seen.group_by("payoff", "percent", "variable").agg(pl.col("value").mean()).with_columns(pl.col("variable").replace(words), pl.format("payoff {}", "payoff").alias("payoff"))
    ends = alt.Color("variable:N", title="lives end", scale=alt.Scale(domain=list(words.values()), range=["#0072B2", "#D55E00"]))
    dash = alt.StrokeDash("payoff:N", title=None, scale=alt.Scale(domain=["payoff exit", "payoff red"], range=[[1, 0], [5, 3]]))
    chart = alt.Chart(mean).mark_line(point=True).encode(x, alt.Y("value:Q", title="share of lives", scale=alt.Scale(domain=[0, 1])), ends, dash)
    right = chart.properties(width=WIDTH, height=HEIGHT, title="Whole genomes, with mutation")
    both = alt.hconcat(left, right, spacing=30).resolve_scale(color="independent", shape="independent", strokeDash="independent")
    notes = [f"dashes: 1 / (1 + exp(-N s)), N = {population}; whiskers: 95% over runs; right: where the door is plain and another thing red, means of {experiment.replicates} seeds"]
    samples = tables["best-on-samples"].group_by("size").agg(pl.col("sampling_ancestral").mean().alias("loss"), (1.0 - pl.col("told_apart").cast(pl.Float64)).mean().alias("blind")).sort("size")
    told = alt.Chart(samples.with_columns(pl.lit("best genome for the sample (worst of ties)").alias("what"))).mark_line(point=True)
    size = alt.X("size:Q", title="training lives in the sample", scale=alt.Scale(type="log", base=2), axis=alt.Axis(grid=False))
    losses = told.encode(size, alt.Y("loss:Q", title="lost in A (share of exits)"), alt.Color("what:N", title=None, scale=alt.Scale(range=["#0072B2"])))
    floor = FOR_SAMPLES * (1.0 - FOR_SAMPLES) ** np.array(SAMPLES, dtype=float)
    blind = alt.Chart(pl.DataFrame({"size": list(SAMPLES), "loss": floor})).mark_line(strokeDash=[6, 3], color="#777777").encode(size, alt.Y("loss:Q"))
    sampling = (losses + blind).properties(width=WIDTH + 60, height=HEIGHT)
    return {
        "ambiguity": themed(both, "What red doors leave open", notes),
        "samples": themed(
            sampling, "Selected on few mazes", [f"doors not red: {FOR_SAMPLES:.0%}; dashes: by colour alone, p (1 - p)^k; above them, by mazes that were not seen"]
        ),
    }


CLAIM = Claim(parts, measure, figures)
