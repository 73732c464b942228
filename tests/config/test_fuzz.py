"""Malformed files are accepted, or refused in one line with the fault and a remedy.

`scripts/stress/fuzz.py` does the same with thousands of examples and with whole processes. Its
tables are in `results/fuzz/`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from evosim.config.experiments import read_experiment
from evosim.config.resolve import build, resolve
from evosim.config.settings import apply_settings
from evosim.config.toml_files import MAX_FILE
from evosim.errors import LONGEST, UserError
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import read_sweep
from tests.support.command import evosim
from tests.support.paths import ROOT
from tests.support.settings import setting

sys.path.insert(0, str(ROOT / "scripts" / "stress"))
import fuzz_cases
import fuzz_verdicts

MICRO = (
    'name = "x"\nworld = {name = "micro"}\ngenome = {name = "planner"}\noptimizer = {name ='
    ' "asexual"}\nphases = [{world = "ancestral", generations = 2}]\n'
)
SWEEP = 'name = "x"\nexperiment = "micro"\n'


@pytest.mark.slow
@settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(fuzz_cases.cases())
def test_any_file_is_accepted_or_refused_in_one_line(case: fuzz_cases.Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        verdict = fuzz_verdicts.judge(case, Path(folder))
    assert not verdict.defects, verdict


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(kind: str, data: bytes, *given_settings: str) -> str:
    """The one line that a file is refused with, by the command itself."""
    case = fuzz_cases.Case(kind, "test", {"given.toml": data}, given_settings)
    with tempfile.TemporaryDirectory() as folder:
        verdict = fuzz_verdicts.judge(case, Path(folder))
    assert (verdict.outcome, verdict.defects) == ("refused", []), verdict
    return verdict.message


# One example of each corrected defect: the file, and the message.

EXPERIMENTS: dict[str, tuple[bytes, str]] = {
    "a number of thousands of digits": (
        b"x = " + b"9" * 5000,
        "given.toml must be valid TOML, but: Exceeds the limit (4300 digits)",
    ),
    "a number beyond 64 bits": (
        MICRO.encode() + b"seed = 9223372036854775808",
        "seed must be a whole number within +-9223372036854775807",
    ),
    "thousands of lists in each other": (
        b"x = " + b"[" * 3000,
        "must hold at most 50 tables and lists within each other",
    ),
    "a key of thousands of parts": (
        b".".join([b"a"] * 3000) + b" = 1",
        "must hold at most 50 tables and lists within each other, but holds more",
    ),
    "a key of no letters": (b'"" = nan', '"" must be finite, but is nan'),
    "a date that cannot be": (b"x = 2020-13-45", "given.toml must be valid TOML"),
    "a date for a name": (
        MICRO.replace('"x"', "2020-01-01").encode(),
        "name must be text, a number, true, false, a list or a table, but is a date (2020-01-01)",
    ),
    "a line break in a key": (MICRO.encode() + b'"a\\nb" = 1', "unknown key 'a\\nb'"),
    "a line break in a value": (
        MICRO.replace("micro", "mi\\ncro").encode(),
        "tessellating-hills, villages, but is 'mi\\ncro'",
    ),
    "a capital": (MICRO.encode() + b"Seed = 1", "unknown key 'Seed'. Did you mean 'seed'?"),
    "a name that is a type's": (MICRO.encode() + b"float = 1", "unknown key 'float'"),
    "a capital deep inside": (
        MICRO.replace('"planner"', '"planner", weights = {Solo = {allels = []}}').encode(),
        "the key genome.weights.Solo.alleles is missing",
    ),
    "a name longer than a folder's may be": (
        MICRO.replace('"x"', f'"{"x" * 101}"').encode(),
        "name must have at most 100 characters",
    ),
    "a huge value": (
        MICRO.replace('"planner"', f'"{"x" * 100_000}"').encode(),
        "genome.name must be one of ",
    ),
    "more individuals than can be numbered": (
        MICRO.replace('"asexual"', '"asexual", population = 1000000000000').encode(),
        "optimizer.population must be at most 1,000,000,000",
    ),
    "more generations than can be numbered": (
        MICRO.replace("generations = 2", "generations = 1000000000000").encode(),
        "phases must have at most 1,000,000,000 generations",
    ),
    "restarts beyond memory": (
        MICRO.encode() + b"analysis = {restarts = 1000000000000}",
        "analysis.restarts must be less than or equal to 1000000",
    ),
    "resamples beyond memory": (
        MICRO.encode() + b"analysis = {bootstrap = 1000000000000}",
        "analysis.bootstrap must be less than or equal to 1000000",
    ),
    "no classes": (
        MICRO.replace('"asexual"', '"exhaustive", max_classes = -5').encode(),
        "optimizer.max_classes must lie in [1, 1000000000]",
    ),
    "a life without end": (
        MICRO.replace('"micro"', '"micro", ancestral = {lifespan = 1000000000}').encode(),
        "world.ancestral.lifespan must lie in [1, 10000]",
    ),
    "a world larger than memory": (
        MICRO.replace('"micro"', '"savanna", ancestral = {gestation = 100000}').encode(),
        "world.ancestral must have at most 10,000,000 entries in its transitions",
    ),
    "a world that takes hours": (
        MICRO.replace(
            '"micro"', '"savanna", ancestral = {gestation = 80, lifespan = 10000}'
        ).encode(),
        "world.ancestral must have at most 1,000,000,000 entries in its transitions over all ages",
    ),
    "an amount whose square is infinite": (
        MICRO.replace('"micro"', '"savanna", ancestral = {appetite = 1e300}').encode(),
        "world.ancestral.appetite must be at most 1e+50",
    ),
    "payoffs too small to divide by": (
        MICRO.replace(
            '"micro"', '"micro", ancestral = {litter = 1e-310, display_payoff = 0.0}'
        ).encode(),
        "payoff must be 0 or from 1e-250 to 1e+250 in size",
    ),
    "policies that hardly differ": (
        MICRO.replace(
            '"micro"',
            '"micro", ancestral = {find = 5e-324, born_hungry = 1.0, display_payoff = 0.0}',
        ).encode(),
        "a world must have better and worse policies",
    ),
    "alleles that would become 0": (
        MICRO.replace('"planner"', '"planner", temperature = {alleles = [0.0, 1e-13]}').encode(),
        "genome.temperature.alleles must be 0 or large enough to differ at 12 decimals",
    ),
    "a place on no chromosome": (
        MICRO.replace(
            '"planner"', '"planner", markers = {t = {alleles = [0.0, 1.0], position = 5.0}}'
        ).encode(),
        "genome.markers.t.position must be 0 without a chromosome",
    ),
    "no horizon": (
        MICRO.replace('"planner"', '"planner", horizon = {alleles = []}').encode(),
        "genome.horizon.alleles must be whole steps from 1",
    ),
    "a founder's allele twice": (
        MICRO.replace(
            '"planner"',
            '"planner", markers = {t = {alleles = [0.0, 1.0], initial = [0.0, 0.0, 1.0]}}',
        ).encode(),
        "genome.markers.t.initial must differ",
    ),
    "a nameless allele": (
        MICRO.replace('"planner"', '"planner", markers = {t = {alleles = ["", "a"]}}').encode(),
        "genome.markers.t.alleles must have names",
    ),
    "a nameless marker": (
        MICRO.replace('"planner"', '"planner", markers = {"" = {alleles = ["a"]}}').encode(),
        "a marker must have a name",
    ),
    "less than no mutation": (
        MICRO.replace('"planner"', '"planner", mutation_scale = -1.0').encode(),
        "genome.mutation_scale must be at least 0",
    ),
}

SWEEPS: dict[str, tuple[str, str]] = {
    "one parameter by two names": (
        "[grid]\noptimizer.population = [10]\n'optimizer.population' = [20]\n",
        "grid.optimizer.population is given twice: as a quoted key and as a table",
    ),
    "one setting by two names": (
        "[set]\noptimizer.population = 10\n'optimizer.population' = 20\n",
        "set.optimizer.population is given twice: as a quoted key and as a table",
    ),
    "a setting that hides another": (
        "[set]\nworld.modern.breed_danger = 0.1\n'world.modern' = {find = 0.5}\n",
        "set.world.modern.breed_danger is also part of set.world.modern",
    ),
    "a huge key": (f"[grid]\n{'x' * 20_000} = [1]\n", "must be one of analysis, controls, genome"),
    "a table of nothing": (
        "[grid.optimizer]\n",
        "grid.optimizer must be a valid list, but is a table",
    ),
    "one position by two names": (
        "[[zip]]\nphases.0.generations = [1, 2]\nphases.00.generations = [3, 4]\n",
        "'00' must be a position from 0 to 1",
    ),
    "a position of thousands of digits": (
        f"[grid]\nphases.{'9' * 5000}.generations = [1]\n",
        "must be a position from 0 to 1",
    ),
    "a key of thousands of parts": (
        f"[grid]\n'world.{'a.' * 3000}a' = [1]\n",
        "the key must have at most 50 parts, but has 3002",
    ),
    "a zero in a path": (
        SWEEP.replace("micro", "a\\u0000.toml"),
        "experiment must be text that can be shown, but holds U+0000",
    ),
    "a line break in a path": (
        SWEEP.replace("micro", "a\\n.toml"),
        "a\\n.toml does not. Check the path with 'ls'.",
    ),
    "a device for an experiment": (
        SWEEP.replace("micro", "/dev/zero"),
        "must be a file, but /dev/zero is a pipe or a device",
    ),
    "a range whose width is infinite": (
        (
            "[design]\nkind = 'random'\nsize = 2\nranges.genome.discount = {low = -1.7e308, high ="
            " 1.7e308}\n"
        ),
        "beyond +-1e+100",
    ),
    "whole numbers beyond the number line": (
        (
            "[design]\nkind = 'random'\nsize = 2\nranges.optimizer.population = {low = 1, high ="
            " 1e300, integer = true}\n"
        ),
        "beyond +-9.0072e+15",
    ),
    "a design beyond memory": (
        "[design]\nkind = 'random'\nsize = 10000000\n[design.ranges]\n"
        + "".join(f"world.a{i} = {{low = 0, high = 1}}\n" for i in range(11)),
        "at most 100,000,000 are allowed",
    ),
}

SETTINGS: dict[str, tuple[str, str]] = {
    "a second key behind a line break": (
        "seed=1\nreplicates=5",
        "seed must be a valid integer, but is '1\\nreplicates=5'",
    ),
    "a number of thousands of digits": (f"seed={'9' * 5000}", "seed must be finite"),
    "thousands of lists in each other": (
        f"seed={'[' * 3000}1{']' * 3000}",
        "seed must be a valid integer",
    ),
    "a key of thousands of parts": (
        ".".join(["a"] * 3000) + "=1",
        "the key must have at most 50 parts",
    ),
    "a position of thousands of digits": (
        f"phases.{'9' * 5000}.world=1",
        "must be a position from 0 to 1",
    ),
    "digits of another script": (
        "optimizer.population=\u0661\u0662",
        "optimizer.population must be a valid integer, but is '\u0661\u0662'",
    ),
    "bytes that are no text": ("title=\udc80", "title must be Unicode text"),
}


@pytest.mark.parametrize("defect", EXPERIMENTS)
def test_experiments_that_were_not_refused_as_they_must(defect: str) -> None:
    data, message = EXPERIMENTS[defect]
    assert message in refused("experiment", data)


@pytest.mark.parametrize("defect", SWEEPS)
def test_sweeps_that_were_not_refused_as_they_must(defect: str) -> None:
    text, message = SWEEPS[defect]
    assert message in refused("sweep", (text if text.startswith("name") else SWEEP + text).encode())


@pytest.mark.parametrize("defect", SETTINGS)
def test_settings_that_were_not_refused_as_they_must(defect: str) -> None:
    text, message = SETTINGS[defect]
    with pytest.raises(UserError) as refusal:
        build(resolve(apply_settings(read_experiment("micro"), [text])))
    assert message in str(refusal.value)
    assert not fuzz_verdicts.faults_of(
        str(refusal.value), fuzz_cases.Case("experiment", "test", {"given.toml": b""}, (text,))
    )


@pytest.mark.parametrize(
    "command", [["run", "./given.toml", "--no-figures"], ["sweep", "run", "given.toml"]]
)
@pytest.mark.parametrize("place", ["folder", "pipe", "nothing", "link to itself"])
def test_what_is_no_file_is_not_waited_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: list[str], place: str
) -> None:
    fuzz_cases.Case("experiment", "place", {"given.toml": b""}, place=place).write(tmp_path)
    code, out, err = evosim(capsys, *command)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "given.toml" in err


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "given.toml"
    with path.open("wb") as file:
        os.truncate(file.fileno(), MAX_FILE + 1)
    with pytest.raises(UserError, match="must have at most"):
        read_experiment(str(path))


def test_a_mark_of_the_encoding_is_no_mistake(tmp_path: Path) -> None:
    for data in (b"\xef\xbb\xbf" + MICRO.encode(), MICRO.replace("\n", "\r\n").encode()):
        (tmp_path / "given.toml").write_bytes(data)
        assert resolve(read_experiment("./given.toml")).name == "x"


def test_messages_are_short_and_keep_their_end() -> None:
    message = str(UserError(f"x must be short, but is '{'y' * 100_000}'. Shorten it."))
    assert len(message) < LONGEST + 100
    assert message.startswith("x must be short")
    assert message.endswith("Shorten it.")


def test_used_up_memory_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("evosim.runs.execute.run", greedy)
    code, out, err = evosim(capsys, "run", "micro")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "out of memory" in err


def test_small_alleles_that_can_be_told_apart_are_kept() -> None:
    made = setting("micro", "genome.temperature.alleles=[0, 1e-3, 123456.789]")
    (locus,) = (locus for locus in made.genome.grid.loci if locus.name == "temperature")
    assert {0.0, 1e-3, 123456.789} <= set(locus.values.tolist())


def test_a_sweep_s_copy_is_the_file(tmp_path: Path) -> None:
    (tmp_path / "given.toml").write_bytes(SWEEP.encode())
    written = read_sweep(Path("given.toml"))
    assert written.text == SWEEP.encode()
    assert make_plan(written).cells == 1
