"""Studies: their settings are valid, and what they keep is there with its provenance."""

from __future__ import annotations

import csv
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from evosim.runs.accounts import analyze
from evosim.runs.execute import run
from evosim.runs.reader import read_run
from evosim.runtime.dataclass_json import to_json
from evosim.verify import LAWS
from tests.support.settings import quick, setting

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
FOLDERS = ("analyze", "studies", "benchmarks", "stress", "docs")
_STUDY = re.compile(r'Study\(\s*"([a-z/-]+)"')
# Folder of results by the name of the script that makes it
STUDIES = {
    path.stem: found[1]
    for path in sorted(SCRIPTS.rglob("*.py"))
    if (found := _STUDY.search(path.read_text(encoding="utf-8")))
}
# Of runs given
ANALYSES = {
    "shift_losses": "shift-losses",
    "in_distribution_waste": "in-distribution-waste",
    "greedy_gene_hacks": "greedy-gene-hacks",
    "three_losses": "three-losses",
}


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for folder in FOLDERS:
        monkeypatch.syspath_prepend(str(ROOT / "scripts" / folder))
    yield
    for path in SCRIPTS.rglob("*.py"):
        sys.modules.pop(path.stem, None)


def script(name: str) -> ModuleType:
    return importlib.import_module(name)


def test_every_script_is_in_the_table_of_scripts() -> None:
    """Scripts with a command line are typed there; the others are named as imported."""
    page = (SCRIPTS / "README.md").read_text(encoding="utf-8")
    for path in SCRIPTS.rglob("*.py"):
        if "\nif __name__ == " in path.read_text(encoding="utf-8"):
            typed = path.relative_to(ROOT).with_suffix("").as_posix()
            assert f"{typed}.py" in page or f"{typed}.sh" in page
    for typed in re.findall(r"`(?:python )?(scripts/[\w/]+\.(?:py|sh))", page):
        assert (ROOT / typed).is_file(), typed


def test_every_stored_study_has_its_script() -> None:
    folders = {
        path.parent.relative_to(ROOT / "results").as_posix()
        for path in [
            *(ROOT / "results").glob("*/provenance.json"),
            *(ROOT / "results" / "attack").glob("*/provenance.json"),
        ]
    }
    assert set(STUDIES.values()) == folders


@pytest.mark.parametrize("name", [*STUDIES, *ANALYSES])
def test_a_study_imports_and_says_how_to_run_it(name: str) -> None:
    module = script(name)
    assert callable(module.main)
    path = Path(str(module.__file__)).relative_to(ROOT)
    assert f"python {path.as_posix()}" in str(module.__doc__)


def test_every_variant_of_the_robustness_table_is_a_setting() -> None:
    variants = script("robustness").variants()
    assert len(variants) > 60
    for settings in variants.values():
        setting("coarse-savanna", *settings)


@pytest.mark.parametrize("name", STUDIES.values())
def test_stored_results_have_provenance(name: str) -> None:
    folder = ROOT / "results" / name
    facts = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert facts["evosim"]
    assert facts["command"][0].endswith(".py")
    tables = list(folder.glob("*.csv"))
    assert tables
    for path in tables:
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert rows
        assert "nan" not in path.read_text(encoding="utf-8").lower().split(",")


VERDICTS = sorted(
    path.parent.name
    for path in (ROOT / "results").glob("*/verdicts.csv")
    if path.parent.name != "claims"
)


@pytest.mark.parametrize("name", VERDICTS)
def test_stored_verdicts_are_those_in_the_findings(name: str) -> None:
    """The findings name refuted claims of studies."""
    with (ROOT / "results" / name / "verdicts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows
    findings = " ".join((ROOT / "docs" / "findings.md").read_text(encoding="utf-8").split())
    for row in rows:
        assert row["verdict"] in ("comes out", "does not come out", "undecided")
        assert row["verdict"] == "comes out" or row["claim"] in findings


def test_the_slow_gate_was_green_and_saw_every_fault() -> None:
    folder = ROOT / "results" / "population-genetics"
    with (folder / "laws.csv").open(encoding="utf-8") as file:
        laws = list(csv.DictReader(file))
    with (folder / "faults.csv").open(encoding="utf-8") as file:
        faults = list(csv.DictReader(file))
    assert {row["law"] for row in laws} >= set(LAWS)
    assert {row["green"] for row in laws} == {"true"}
    assert {(row["law"], row["fault"]) for row in faults} == {
        (law.name, fault) for law in LAWS.values() for fault in law.faults
    }
    assert all(int(row["red"]) > 0 for row in faults)
    # Six standard errors away, wherever a fault shows as a chance and not as a plain contradiction.
    assert all(float(row["chance"]) <= 2e-9 for row in faults if row["chance"])


def test_stored_faults_lost_no_run_and_engines_agree() -> None:
    """Read from the kept tables; a hundred processes were killed at random."""
    with (ROOT / "results" / "sweep-faults" / "faults.csv").open(encoding="utf-8") as file:
        faults = list(csv.DictReader(file))
    assert all(
        row["lost"] == row["duplicated"] == "0" and row["same"] == row["sweeps"] != "0"
        for row in faults
    )
    assert sum(int(row["tries"]) for row in faults if "at random moments" in row["fault"]) >= 100
    with (ROOT / "results" / "sweep-engines" / "engines.csv").open(encoding="utf-8") as file:
        engines = list(csv.DictReader(file))
    assert len(engines) >= 4
    assert len({(row["digest"], row["bytes_of_parts"]) for row in engines}) == 1
    assert all(int(row["cells"]) >= 200 and row["missing"] == "0" for row in engines)


def test_no_variant_of_the_stored_study_has_a_negative_loss() -> None:
    """Read from the kept table, which has a row for every variant and no other.

    The page says in which variants the best ancestral genome loses nothing.
    """
    with (ROOT / "results" / "robustness" / "robustness.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == list(script("robustness").variants())
    for row in rows:
        assert 0.0 < float(row["R3_min_over_R2"]) <= float(row["R3_max_over_R2"]) <= 1.0
    shares = {row["variant"]: float(row["R3_max_over_R2"]) for row in rows}
    assert 0.2 < shares["default"] < 0.8


def test_no_fuzzed_file_had_a_trace_for_an_answer() -> None:
    """Read from the kept tables: ten thousand in process, fifty as whole processes."""
    with (ROOT / "results" / "fuzz" / "outcomes.csv").open(encoding="utf-8") as file:
        outcomes = list(csv.DictReader(file))
    with (ROOT / "results" / "fuzz" / "processes.csv").open(encoding="utf-8") as file:
        processes = list(csv.DictReader(file))
    assert sum(int(row["examples"]) for row in outcomes) >= 10_000
    assert {row["defects"] for row in outcomes} == {"0"}
    assert len(processes) >= 50
    assert {(row["sound"], row["traceback"]) for row in processes} == {("true", "false")}
    assert {row["exit_code"] for row in processes if row["in_process"] == "refused"} == {"2"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two small runs, as `evosim run` writes them."""
    folder = tmp_path_factory.mktemp("runs")
    made = {}
    for name in ("coarse-savanna", "coarse-drive"):
        experiment = setting(name, *quick(name, "replicates=5")).experiment
        made[name] = run(experiment, out=folder / name)[0].folder
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", ANALYSES)
def test_losses_of_recorded_runs_are_those_of_their_accounts(
    name: str, runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [runs["coarse-drive"]] if name == "greedy_gene_hacks" else list(runs.values())
    assert script(name).main([*map(str, given), "--out", str(tmp_path)]) == 0
    assert "table and figure" in capsys.readouterr().out
    assert (tmp_path / f"{ANALYSES[name]}.png").stat().st_size > 1000
    with (tmp_path / f"{ANALYSES[name]}.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["run"] == "coarse-drive"]
    wanted = to_json(analyze(read_run(runs["coarse-drive"])).summary)
    keys = {
        "shift_losses": ("who", "what"),
        "in_distribution_waste": ("what", "name"),
        "greedy_gene_hacks": ("world", "what"),
        "three_losses": ("world", "loss"),
    }[name]
    found = {tuple(row[key] for key in keys): float(row["mean"]) for row in rows if row["mean"]}
    expected = {
        "shift_losses": {
            ("design", "shift"): wanted["ladder"]["modern"]["steps"]["shift"],
            ("populations", "novel"): wanted["behaviour"]["modern"]["kinds"]["novel"],
            ("best ancestral genome", "novel"): wanted["behaviour_of_best_ancestral"]["modern"][
                "kinds"
            ]["novel"],
        },
        "in_distribution_waste": {
            ("waste", "waste"): wanted["ladder"]["ancestral"]["steps"]["search"],
            ("part of it", "load"): wanted["ladder"]["ancestral"]["steps"]["load"],
            ("waste by act", "mate"): wanted["steps_by_act"]["ancestral"]["search"]["mate"],
        },
        "three_losses": {(loss["world"], loss["name"]): loss["mean"] for loss in wanted["losses"]},
        "greedy_gene_hacks": {
            ("ancestral", "hack"): wanted["hack"]["ancestral"]["hack"]["mean"],
            ("modern", "null"): wanted["hack"]["modern"]["null"]["mean"],
        },
    }[name]
    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ANALYSES)
def test_a_folder_without_a_run_gives_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script(name).main([str(tmp_path / "nothing"), "--out", str(tmp_path)]) == 2
    assert (
        capsys.readouterr().err
        == f"a run must be a folder, but {tmp_path}/nothing is not one. Check the path with 'ls"
        " results/runs'.\n"
    )


def test_runs_without_drivers_are_refused(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        script("greedy_gene_hacks").main([str(runs["coarse-savanna"]), "--out", str(tmp_path)]) == 2
    )
    assert "must be a run with drivers and controls, but has none" in capsys.readouterr().err


@pytest.mark.parametrize("name", ANALYSES)
def test_missing_arguments_give_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        script(name).main([])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the following arguments are required: RUN. See " in line
