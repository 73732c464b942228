"""Documents say what is true: every column has its line, every command of the README exists, links
lead somewhere.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
import typer

from evosim import __version__
from evosim.accounts import ACCOUNTS
from evosim.cli.main import app
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.config.toml_files import named_experiments
from evosim.runs import accounts, execute
from evosim.simulation.controls import CONTROLS
from evosim.sweeps.execute import begin
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import SIMULATED, read_sweep
from evosim.sweeps.worker import run_chunk
from tests.support.settings import quick

pytestmark = pytest.mark.docs
ROOT = Path(__file__).resolve().parents[2]
DEVELOPERS = sorted([ROOT / "CONTRIBUTING.md", *(ROOT / "docs" / "developers").rglob("*.md")])
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *DEVELOPERS])


def documented() -> dict[str, set[str]]:
    """Columns named in the tables of the schema page, by table."""
    out: dict[str, set[str]] = {}
    section = ""
    for line in (ROOT / "docs" / "schema.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| `"):
            out.setdefault(section, set()).update(re.findall(r"`([^`]+)`", line.split("|")[1]))
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    experiment = resolve(apply_settings(read_experiment("coarse-drive"), quick("coarse-drive")))
    recorded, _ = execute.run(experiment, out=tmp_path_factory.mktemp("runs") / "run")
    accounts.analyze(recorded)
    return recorded.folder


def test_every_column_of_every_table_is_documented(folder: Path) -> None:
    known = documented()
    written = {f"{path.parent.name}/{path.stem}": path for path in folder.rglob("*.parquet")}
    controls = {name for name in written if name.split("/")[0] in CONTROLS}
    assert {name.split("/")[0] for name in controls} == set(CONTROLS) - {"all_cases"}
    assert set(written) - controls == set(known)
    for name, path in written.items():
        control = name in controls
        columns = {
            re.sub(r"^(copies):.*", r"\1:LOCUS:ALLELE", re.sub(r"^(locus):.*", r"\1:NAME", c))
            for c in pl.read_parquet_schema(path)
        }
        # a control's tables are like the run's own, without the columns of drivers it does not have
        if control:
            own = known[f"tables/{path.stem}"]
            assert own - {"copies:LOCUS:ALLELE"} <= columns <= own, name
        else:
            assert columns == known[name], name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DEVELOPERS, ids=lambda p: p.name)
def test_files_that_developers_are_sent_to_exist(path: Path) -> None:
    """Names in capitals stand for any file."""
    named = re.findall(
        r"`([a-z_.]+/[a-z_/.]*[a-z_]\.(?:py|toml|sh))`", path.read_text(encoding="utf-8")
    )
    assert [
        name
        for name in named
        if not any((folder / name).exists() for folder in (ROOT, ROOT / "evosim"))
    ] == []


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.name != "own.md"], ids=lambda p: p.name
)
def test_tests_that_pages_name_exist(path: Path) -> None:
    """A page for authors of packages (own.md) shows tests of its own."""
    known = {test.name for test in (ROOT / "tests").rglob("test_*.py")}
    assert (
        set(re.findall(r"\btest_[a-z_]+\.py\b", path.read_text(encoding="utf-8"))) - known == set()
    )


def test_the_readme_shows_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^evosim (\w+)", text, flags=re.MULTILINE))
    assert commands == set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_the_example_of_a_sweep_file_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    (tmp_path / "sweep.toml").write_text(
        text.split("```toml\n")[1].split("```")[0], encoding="utf-8"
    )
    plan = make_plan(read_sweep(tmp_path / "sweep.toml"))
    assert f"{plan.cells} cells and {plan.frame.height:,} runs" in text


def test_columns_and_tables_of_sweeps_are_documented(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    left_out = [
        name for account in ACCOUNTS.values() if not account.in_sweeps for name in account.tables
    ]
    assert all(f"`{name}`" in text for name in (*SIMULATED, "ledger", *left_out))
    (tmp_path / "base.toml").write_text(
        resolve(apply_settings(read_experiment("coarse-drive"), quick("coarse-drive"))).to_toml()
    )
    (tmp_path / "sweep.toml").write_text('name = "x"\nexperiment = "base.toml"\n')
    store = begin(read_sweep(tmp_path / "sweep.toml"), tmp_path / "sweep")
    run_chunk(store.folder, 0)
    columns = pl.read_parquet_schema(store.table(0, "runs"))
    section = text.split("`runs`, one row a run:")[1]
    patterns = [
        re.sub("[A-Z]+", "[^`]+", name.replace(".", r"\."))
        for name in re.findall(r"`([^`]+)`", section.split("Null is")[0])
    ]
    for column in columns:
        assert any(re.fullmatch(pattern, column) for pattern in patterns), column


def test_versions_agree() -> None:
    for name in ("pyproject.toml", "CITATION.cff", "CHANGELOG.md"):
        assert __version__ in (ROOT / name).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("name", sorted(named_experiments()))
def test_experiments_say_what_they_ask_and_expect(name: str) -> None:
    experiment = resolve(read_experiment(name))
    assert experiment.name == name
    assert experiment.title
    assert experiment.question.endswith("?")
    assert experiment.expected
