"""The first screen of a run: two tables and a few sentences within 30 lines of 80 signs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from evosim.analysis.loss_summary import Loss
from evosim.analysis.summary import SeedEnding
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.runs import accounts, execute
from evosim.runtime.text_layout import Screen
from evosim.tables import losses, screen
from tests.support.accounts import account_of
from tests.support.settings import quick
from tests.support.summaries import summary_of


def printed(name: str, **changes: object) -> list[str]:
    console = Screen(record=True, width=80)
    screen.show(console, "Title", summary_of(account_of(name).summary, **changes))
    return console.export_text().splitlines()


@pytest.mark.parametrize("name", ["micro", "coarse-drive"])
def test_the_screen_has_at_most_27_lines_of_80_signs(name: str) -> None:
    """Three more lines are for the folder and what to type next."""
    lines = printed(name)
    assert len(lines) <= 27
    assert max(map(len, lines)) <= 80


def test_all_three_losses_are_named() -> None:
    text = "\n".join(printed("coarse-drive"))
    for words in ("SHIFT  (birth control)", "WASTE  (masturbation)", "HACK   (greedy genes)"):
        assert words in text
    assert "R3" not in text  # codes of rungs are for --details


def test_a_gain_is_called_a_gain() -> None:
    account = account_of("coarse-drive").summary
    lucky = Loss("waste", "modern", -0.25, -0.5, 0.125, 9, -0.1, exact=False)
    some = replace(
        account.losses,
        losses=tuple(
            lucky if (x.name, x.world) == ("waste", "modern") else x for x in account.losses.losses
        ),
    )
    row = losses.loss_rows(some)[1]
    assert row[3:] == ("gain 0.250 [-0.125, 0.500]", "10%")
    assert "-0.250" not in str(losses.loss_rows(some))


def test_exact_numbers_are_marked() -> None:
    rows = losses.loss_rows(account_of("coarse-drive").summary.losses)
    assert "exact" in rows[0][3]
    assert all("exact" not in cell for row in rows[1:] for cell in row)


def test_one_seed_is_a_caution() -> None:
    text = " ".join(" ".join(printed("micro", replicates=1)).split())
    assert "One seed has no intervals" in text
    assert "--replicates 5" in text


def test_what_is_not_measured_says_what_measures_it() -> None:
    text = " ".join(" ".join(printed("micro")).split())
    assert "HACK not measured: no gene here can cheat" in text
    assert "evosim run three-losses" in text


def test_details_show_the_other_accounts() -> None:
    console = Screen(record=True, width=100)
    screen.show(console, "Title", summary_of(account_of("micro").summary), details=True)
    text = console.export_text()
    assert "The ladder" in text
    assert "Causes" in text


SMALL_GRID = "genome.weights.pleasure.alleles=[0.0]"
BAD = {
    "no driver": (
        ("coarse-savanna",),
        "HACK not measured: no gene here can cheat; 'evosim run three-losses' has one.",
    ),
    "one seed": (("micro",), "One seed has no intervals: quote exact numbers only, or add --rep"),
    "equal worlds": (
        ("coarse-savanna", "world.modern={}"),
        "Both worlds are equal: no shift to measure. 'evosim run three-losses' has one.",
    ),
    "extinct before the switch": (
        ("coarse-savanna", SMALL_GRID),
        "WASTE not measured: in every seed a population died out before the switch; try --set"
        " optimizer.population=1000.",
    ),
    "intent is not payoff": (
        ("micro",),
        "SPECIFICATION: payoff is not intent, but that costs nothing here.",
    ),
    "optima tie": (
        ("villages",),
        "SHIFT and WASTE not measured: ancestral optima tie and few individuals are one of them;"
        " try fewer mutations and more seeds: --set genome.mutation_scale=0.1 --replicates 10.",
    ),
    "no modern phase": (
        ("coarse-savanna", "phases=[{world='ancestral', generations=12}]"),
        "Recovery not measured: no modern phase; 'evosim run three-losses' has one.",
    ),
    "grid too large": (
        ("reflexes", "analysis.restarts=2"),
        "Best genomes are the best found. To try all: --set analysis.max_enumerated=40960000",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_what_is_not_measured_is_said_with_a_command(case: str, tmp_path: Path) -> None:
    (name, *settings), words = BAD[case]
    experiment = resolve(apply_settings(read_experiment(name), quick(name, *settings)))
    if case == "no modern phase":
        assert experiment.swap == experiment.generations
    recorded, _ = execute.run(experiment, out=tmp_path / "run")
    summary = accounts.summary_of(recorded, again=False)
    console = Screen(record=True, width=80)
    screen.show(console, "Title", summary)
    lines = console.export_text().splitlines()
    last = screen.last_lines(summary.header)
    assert len(lines) + last <= 30, "\n".join(lines)
    assert max(map(len, lines)) <= 80
    assert words in " ".join(" ".join(lines).replace("* ", "").split())
    of_losses = summary.account.losses
    for loss in of_losses.losses:
        assert not (loss.exact and loss.n), loss  # a mean over seeds is never exact
    if case == "grid too large":
        assert "quote exact" in " ".join(lines)  # the only word about exact numbers
        assert " ".join(lines).count("exact") == 1
        assert not any(loss.exact for loss in of_losses.losses if loss.mean)
    if case == "extinct before the switch":
        assert of_losses.loss("waste", "modern").mean is None
        assert "no intervals" not in " ".join(lines)  # nothing was measured to have one


def test_sentences_are_dropped_until_the_screen_fits() -> None:
    summary = summary_of(account_of("coarse-drive").summary)
    every = losses.sentences(summary)
    few = losses.sentences(summary, lambda lines: len(lines) < len(every))
    assert len(few) == len(every) - 1
    assert few[-1] == every[-1]  # cautions stay
    assert losses.sentences(summary, lambda lines: False)[0] == every[0]


def test_a_long_list_of_changes_is_cut_at_two_lines() -> None:
    many = tuple(f"optimizer.parameter_{i}=1" for i in range(20))
    console = Screen(record=True, width=80)
    screen.show(console, "Title", summary_of(account_of("micro").summary, changed=many))
    text = " ".join(console.export_text().split())
    assert "and 16 more (--details)" in text or "and 17 more (--details)" in text


def test_the_shift_is_named_where_another_loss_is_larger() -> None:
    text = " ".join(losses.sentences(summary_of(account_of("coarse-drive").summary)))
    largest = text.partition(" by ")[2].partition(",")[0].split()[0].rstrip(".")
    assert ("would not avoid it" in text) == (largest == "SHIFT")
    assert "would not avoid the shift" in text or largest == "SHIFT"


def test_one_modern_generation_is_singular() -> None:
    account = account_of("coarse-drive").summary
    row = replace(account.losses.fitness[2], name="population_at_end")
    some = replace(account.losses, modern_generations=1, fitness=(*account.losses.fitness[:3], row))
    assert losses.fitness_rows(some)[-1][0] == "1 generation later"
    text = " ".join(losses.sentences(summary_of(replace(account, losses=some))))
    assert "After 1 modern generation the population" in text


def test_only_desires_are_masturbation() -> None:
    """Reflexes want nothing; the word must not be in any text about them."""
    console = Screen(record=True, width=80)
    for name in ("reflexes", "micro"):
        summary = summary_of(account_of(name).summary)
        screen.show(console, "Title", summary)
        screen.show(console, "Title", summary, details=True)
        text = console.export_text()
        assert "\nWASTE " in text
        assert ("asturbation" in text) == (name == "micro")


def test_a_share_above_100_percent_is_explained() -> None:
    account = account_of("micro").summary
    words = "A share above 100%: shares count from the worst policy (0%)."
    for share in (1.0, 1.63):
        some = tuple(replace(x, share_of_best=share) for x in account.losses.losses)
        changed = replace(account, losses=replace(account.losses, losses=some))
        text = " ".join(losses.sentences(summary_of(changed)))
        assert (words in text) == (share > 1.0)


@pytest.mark.parametrize("case", ["extinct before the switch", "grid too large", "optima tie"])
def test_a_command_that_is_named_is_accepted(case: str) -> None:
    """Settings in the sentences are valid for the experiment of the case."""
    (name, *settings), words = BAD[case]
    named = re.findall(r"--set (\S+?)\.?(?= |$)", words)
    assert named
    before, after = (
        resolve(apply_settings(read_experiment(name), quick(name, *settings, *more)))
        for more in ([], named)
    )
    assert before != after


@pytest.mark.slow
def test_fewer_mutations_measure_the_shift_of_tied_optima(tmp_path: Path) -> None:
    (name, *_), words = BAD["optima tie"]
    (scale,) = re.findall(r"--set (\S+)", words)
    (seeds,) = re.findall(r"--replicates (\d+)", words)
    tree = apply_settings(read_experiment(name), [scale, f"replicates={seeds}"])
    recorded, _ = execute.run(resolve(tree), out=tmp_path / "run")
    summary = accounts.summary_of(recorded, again=False)
    shift = summary.account.losses.loss("shift", "modern")
    assert shift.mean is not None
    assert 0 < shift.n < int(seeds)
    said = " ".join(losses.sentences(summary))
    assert f"Modern SHIFT and WASTE are over the {shift.n} of {seeds} seeds" in said
    # The loss of all seeds is not split by losses of a few
    assert " by SHIFT" not in said
    assert " by WASTE" not in said
    assert "the population at the switch is" in said


def test_specification_that_costs_is_told_from_one_that_does_not() -> None:
    account = account_of("micro").summary
    assert account.losses.specification is not None
    for cost, words in ((0.0, "but that costs nothing here"), (0.2, "the best for one is not")):
        some = replace(account.losses.specification, mean=cost)
        changed = replace(account, losses=replace(account.losses, specification=some))
        assert words in " ".join(losses.sentences(summary_of(changed)))


def test_rounding_is_no_gain() -> None:
    found = account_of("coarse-drive").summary.losses
    for mean, words in ((-1e-17, "0.000"), (-0.25, "gain 0.250")):
        shift = Loss("shift", "modern", mean, None, None, 9, mean, exact=False)
        some = replace(found, losses=(found.losses[0], shift, *found.losses[2:]))
        assert losses.loss_rows(some)[0][3].split(" (")[0] == words


def test_one_seed_that_died_out_is_named() -> None:
    runs = {"0": SeedEnding("complete", 9), "4": SeedEnding("extinct", 3)}
    text = " ".join(losses.sentences(summary_of(account_of("micro").summary, runs=runs)))
    assert "1 of 2 seeds died out (seed 4)" in text
