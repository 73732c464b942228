"""Accounts of genotypes: causes, variation and family in tables, summary and on the screen;
certificates by the command line.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from evosim.analysis import causes as causes_account
from evosim.analysis import family, loss_causes, total_variation
from evosim.analysis.account import Accountant
from evosim.analysis.account_inputs import most_common
from evosim.cli.main import app
from evosim.config.experiments import read_experiment
from evosim.config.resolve import build, resolve
from evosim.config.schema import without_unused
from evosim.config.settings import apply_settings
from evosim.config.toml_out import to_commented_toml
from evosim.errors import UserError
from evosim.fitness.landscape import Landscape
from evosim.runs import accounts, execute
from evosim.simulation.loop import simulate
from evosim.tables import screen, sentences
from tests.support.settings import quick, setting
from tests.support.summaries import summary_of

FAMILY = (
    'analysis.family=[{name="safe", set={safe_breeding=true}}, {name="harsh",'
    " set={breed_danger=0.6}}]"
)


@pytest.fixture(scope="module")
def made() -> Accountant:
    here = setting("micro", *quick("micro"), FAMILY)
    landscape = Landscape(here)
    run = simulate(here, landscape, 0)
    return Accountant(here, run.tables | {"landscape": landscape.frame()}, exact=True)


def test_the_population_is_the_mean_of_its_common_classes(made: Accountant) -> None:
    account = made.account()
    assert "causes" not in made.tables_of_sweep()  # it would double the time of a sweep
    snapshot = made.seed_accounts()[0].snapshot
    assert snapshot
    classes, share, covered = most_common(snapshot, 4)
    mine = account.tables["causes"].filter(
        (pl.col("subject") == "population") & (pl.col("world") == "ancestral")
    )
    assert mine["covered"].unique().to_list() == [covered]
    worth = np.array([made.cache.evaluator.amounts(int(c), "ancestral").fitness for c in classes])
    assert mine["value"].sum() == pytest.approx(
        made.cache.gaps.spans["ancestral"].best - worth @ share / share.sum(), abs=1e-9
    )
    varied = (
        account.tables["variation"].filter(pl.col("subject") == "population").row(0, named=True)
    )
    assert varied["least"] <= varied["most"] + 1e-12
    assert varied["difference"] <= varied["bound"]


@pytest.mark.slow
def test_the_shift_step_is_bounded_by_variation(made: Accountant) -> None:
    """The shift step in M is at most the sum of both genomes' bounds, where intent is payoff."""
    here = setting("coarse-savanna", *quick("coarse-savanna"))
    landscape = Landscape(here)
    run = simulate(here, landscape, 0)
    summary = (
        Accountant(here, run.tables | {"landscape": landscape.frame()}, exact=True)
        .account()
        .summary
    )
    variation = summary.part(total_variation.Summary).subjects
    bound = sum(variation[rung].bound for rung in ("best_for_payoff", "best_ancestral"))
    assert summary.ladder.modern.steps["shift"] <= bound


def test_the_family_is_told(made: Accountant) -> None:
    account = made.account()
    told = account.summary.part(family.Summary)
    assert told.worlds == ("ancestral", "safe", "harsh")
    assert sum(row.share for row in told.subjects["best_ancestral"]) == pytest.approx(1.0)
    best = account.tables["family"].filter(
        (pl.col("subject") == "best_ancestral") & (pl.col("world") == "ancestral")
    )
    assert best["good"].all()  # it is what others are measured by


def test_reflexes_have_variation_and_no_causes() -> None:
    here = setting("reflexes", *quick("reflexes"))
    landscape = Landscape(here, max_enumerated=0)
    run = simulate(here, landscape, 0)
    for measure in ("ancestral", "ancestral_intent", "modern", "modern_intent"):
        landscape.best(measure, 0, 3)
    account = Accountant(here, run.tables | {"landscape": landscape.frame()}, exact=False).account()
    assert account.summary.part(causes_account.Summary) is None
    assert account.tables["causes"].is_empty()
    assert account.summary.part(loss_causes.Summary) is None
    assert account.tables["loss_causes"].is_empty()
    out = io.StringIO()
    screen.show(Console(file=out, width=140), "title", summary_of(account.summary), details=True)
    assert "Causes (desire, belief, planning): not applicable" in out.getvalue()
    population = account.summary.part(total_variation.Summary).subjects["population"]
    assert population.most >= population.least


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ('[{name="x"}]', "the key analysis.family.0.set is missing"),
        (
            '[{name="x", set={}}]',
            (
                "analysis.family.set is empty, so this world equals the ancestral world. Add a"
                " parameter, for example"
            ),
        ),
        ('[{name="x", set={nothing=1}}]', "unknown key 'analysis.family.0.set.nothing'"),
        ('[{name="x", set={find=0.5}}, {name="x", set={find=0.6}}]', "'x' twice"),
        ('[{name="ancestral", set={find=0.5}}]', "'ancestral' twice"),
        ('[{name="x", set={lifespan=4}}]', "analysis.family.lifespan must be left alone"),
        ('[{name="x", set={find=2.0}}]', "find must lie in"),
    ],
)
def test_mistakes_are_one_line(family: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        build(resolve(apply_settings(read_experiment("micro"), [f"analysis.family={family}"])))
    assert "\n" not in str(error.value)


def test_an_empty_family_changes_no_digest() -> None:
    """Digests of experiments without a family stay what they were before there were any."""
    plain, family = (
        resolve(apply_settings(read_experiment("micro"), list(more))) for more in ((), (FAMILY,))
    )
    assert (
        plain.digest()
        == plain.model_copy(
            update={"analysis": plain.analysis.model_copy(update={"family": ()})}
        ).digest()
    )
    assert family.digest() != plain.digest()
    assert "family" not in json.dumps(without_unused(plain.model_dump(mode="json")))


def test_a_family_is_shown_as_it_is_read(tmp_path: Path) -> None:
    resolved = resolve(apply_settings(read_experiment("micro"), [FAMILY]))
    (tmp_path / "x.toml").write_text(to_commented_toml(resolved))
    assert resolve(read_experiment(str(tmp_path / "x.toml"))) == resolved
    (tmp_path / "y.toml").write_text(
        to_commented_toml(resolve(read_experiment("micro")))
        + '\n[[analysis.family]]\nname = "x"\nset = { safe_breeding = true }\n'
    )
    assert resolve(read_experiment(str(tmp_path / "y.toml"))).analysis.family[0].name == "x"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    experiment = resolve(apply_settings(read_experiment("micro"), quick("micro", FAMILY)))
    recorded, _ = execute.run(experiment, out=tmp_path_factory.mktemp("runs") / "run")
    accounts.analyze(recorded)
    return recorded.folder


def test_the_screen_shows_them(folder: Path) -> None:
    out = io.StringIO()
    from evosim.runs.reader import read_run

    summary = accounts.summary_of(read_run(folder), again=False)
    screen.show(Console(file=out, width=140), "title", summary)
    assert "Total variation" not in out.getvalue()  # it says nothing to newcomers
    screen.show(Console(file=out, width=140), "title", summary, details=True)
    for words in (
        "Causes:",
        "Total variation",
        "Over a family of worlds",
        "may be split differently",
    ):
        assert words in out.getvalue()


def test_certificates_by_the_command_line(folder: Path) -> None:
    def ask(*more: str) -> dict[str, object]:
        result = CliRunner().invoke(
            app, ["analyze", str(folder), "--class", "0", "--json", *more], catch_exceptions=False
        )
        assert result.exit_code == 0
        out: dict[str, object] = json.loads(result.stdout)
        return out

    plain, found = ask(), ask("--never", "dead", "--loses-at-most", "0.5")
    assert "certificates" not in plain
    assert set(found["certificates"]) == {"ancestral", "modern", "safe", "harsh"}  # type: ignore[call-overload]
    for told in found["certificates"].values():  # type: ignore[attr-defined]
        never = told["never"]["dead"]
        assert never["holds"] == (never["chance"] == 0.0)
        assert never["holds"] or never["counterexample"][-1]["state"] == "dead"
        assert told["loses_at_most"]["holds"] == (told["loses_at_most"]["loss"] <= 0.5)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--class", "0", "--never", "nowhere"], "--never must be"),
        (["--never", "dead"], "--never and --loses-at-most require --class"),
    ],
)
def test_mistakes_in_asking_for_certificates(folder: Path, more: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["analyze", str(folder), *more])
    assert isinstance(result.exception, UserError)
    assert words in str(result.exception)


ONE_BIT = "{alleles=[0.0,1.0]}"
FEW = f"genome.weights={{recruit={ONE_BIT},pleasure={ONE_BIT},young={ONE_BIT}}}"
SHIFTED = "world.modern={contraception=true,forage_success=0.75,death=0.01}"


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [((), "all"), ((SHIFTED,), "some"), ((SHIFTED, "genome.belief.alleles=['ancestral']"), "none")],
)
def test_which_ancestral_optima_are_good_in_m(settings: tuple[str, ...], verdict: str) -> None:
    """Wentworth reads the worst of the tie set, Shimi the best.

    Verdicts: all good, some (the true belief), none (the ancestral belief alone).
    """
    here = setting("claim-01-theorem", FEW, *settings)
    landscape = Landscape(here)
    run = simulate(here, landscape, 0)
    account = Accountant(here, run.tables | {"landscape": landscape.frame()}, exact=True).account()
    summary = account.summary
    assert summary.shift.ancestral_optima_good_in_modern == verdict
    tied, best = summary.ties[0], summary.ladder.modern.rungs["best_for_intent"]
    wentworth, shimi = tied.modern_min >= 0.9 * best, tied.modern_max >= 0.9 * best
    assert (wentworth, shimi) == {
        "all": (True, True),
        "some": (False, True),
        "none": (False, False),
    }[verdict]
    out = io.StringIO()
    words = {
        "all": "all are good there",
        "some": "some are good there",
        "none": "none is good there",
    }[verdict]
    Console(file=out, width=5000).print(" ".join(sentences.sentences(summary_of(summary))))
    assert words in out.getvalue()
