"""Attack: hostile names through every output, and received folders that try to run or write
something.

    python scripts/stress/attack_names.py [--tries 200] [--seed 0]

Names are drawn at random around signs that a terminal obeys or a picture cannot hold. Each must be
refused in one line that can be shown. Names with markup are legal: they go through a run, its
screen, its tables and its figures. Where Chromium is installed, they also go through pages that
must run no script. Received folders name modules, files outside, and links. Writes
`results/attack/names/`.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

import evosim
from evosim import worlds
from evosim.claims import study
from evosim.claims.experiments import build_packaged
from evosim.cli import main as cli_main
from evosim.config.experiments import read_experiment
from evosim.config.resolve import build, resolve
from evosim.config.settings import apply_settings
from evosim.config.toml_files import read_toml
from evosim.errors import UserError
from evosim.report.build import write_report
from evosim.runs import figures
from evosim.sweeps.manifest import checksum
from evosim.sweeps.schema import read_sweep
from evosim.worlds import micro

ROOT = Path(__file__).resolve().parents[2]
SIGNS = (
    "\x00",
    "\x07",
    "\x08",
    "\x0d",
    "\x1b[31m",
    "\x1b]0;title\x07",
    "\x7f",
    "\x85",
    "\x9b31m",
    "\u061c",
    "\u200b",
    "\u200d",
    "\u200e",
    "\u2028",
    "\u2029",
    "\u202a",
    "\u202e",
    "\u2066",
    "\u2069",
    "\u2800",
    "\u3164",
    "\ufeff",
    "\ufdd0",
    "\ufffe",
    "\uffff",
    "\U000e0041",
    "\U0001fffe",
    "\ud800",
    "\udcff",
)
DOORS = ("state", "act", "feature", "class", "allele", "title", "question", "experiment", "sweep")
# Legal in a question
MULTILINE = ("\u061c", "\u200b", "\u200d", "\u200e", "\u2800", "\u3164", "\ufeff", "\U000e0041")
SCRIPT = "<script>window.evil=1</script>"
MARKUP = (
    "[/]",
    "[red]",
    "[bold]",
    "[/bold]x",
    "[link=x]y[/link]",
    ":warning:",
    SCRIPT,
    "</script>" + SCRIPT,
    "<img src=x onerror=window.evil=1>",
    '"><svg onload=window.evil=1>',
    "' onmouseover='window.evil=1",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "{{ 7*7 }}",
    "{% raw %}",
    "$(touch x)",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "a/b",
    "a\\b",
    "..",
    "a,b",
    'a"b',
    "a'b",
    "datum.x",
    "javascript:window.evil=1",
    "%n%s",
    "a.b",
    "É",
    "日本",
)
FIGURES = ("policies", "life", "behaviour", "desires", "loci", "ladders")
STATES, ACTS, FEATURES = map(len, (micro.STATES, micro.ACTS, micro.FEATURES))


class Table:
    """The rows: what was tried, how often, what failed, and how."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}

    def note(self, part: str, what: str, wrong: str = "") -> None:
        """One try; `wrong` says how it failed."""
        row = self.rows.setdefault(
            (part, what),
            {"part": part, "what": what, "tries": 0, "failures": 0, "first_failure": ""},
        )
        row["tries"] += 1
        if wrong:
            row["failures"] += 1
            row["first_failure"] = row["first_failure"] or ascii(wrong)[:200]

    def frame(self) -> pl.DataFrame:
        """All rows."""
        return pl.DataFrame(list(self.rows.values()))


def renamed(pair: worlds.WorldPair, **names: dict[str, str]) -> worlds.WorldPair:
    """The micro pair with other names of `states`, `acts`, `features` and `classes`."""

    def new(kind: str, old: Sequence[str]) -> tuple[str, ...]:
        return tuple(names.get(kind, {}).get(name, name) for name in old)

    def world(one: worlds.TabularMdp) -> worlds.TabularMdp:
        states, acts, features = (
            new("states", one.states),
            new("acts", one.acts),
            new("features", one.features),
        )
        return dataclasses.replace(one, states=states, acts=acts, features=features)

    serves = {
        new("features", [feature])[0]: new("acts", acts) for feature, acts in pair.serves.items()
    }
    return worlds.WorldPair(
        pair.name,
        world(pair.ancestral),
        world(pair.modern),
        pair.observe,
        new("classes", pair.classes),
        new("acts", [pair.default_act])[0],
        serves,
    )


@contextlib.contextmanager
def called(**names: dict[str, str]) -> Iterator[None]:
    """The world `micro` has other names while the block lasts."""
    own = worlds.WORLDS["micro"]
    worlds.WORLDS["micro"] = dataclasses.replace(
        own, build=lambda p, m: renamed(micro.build(p, m), **names)
    )
    try:
        yield
    finally:
        worlds.WORLDS["micro"] = own


def tree(features: dict[str, str] | None = None) -> dict[str, Any]:
    """A small experiment in micro, whose weights are those of renamed features."""
    out = apply_settings(
        read_experiment("micro"),
        ["optimizer.population=20", "phases.0.generations=4", "phases.1.generations=3"],
    )
    weights = out["genome"]["weights"]
    out["genome"]["weights"] = {
        (features or {}).get(key, key): value for key, value in weights.items()
    }
    return out


def at_the_door(table: Table, tries: int, seed: int) -> None:
    """Random names with a hostile sign must be refused in one line that can be shown."""
    rng = random.Random(seed)
    for i in range(tries):
        door, sign = DOORS[i % len(DOORS)], SIGNS[rng.randrange(len(SIGNS))]
        if door == "question" and sign in MULTILINE:
            continue
        name = rng.choice(("", "lie", "é")) + sign + rng.choice(("", "low", "日"))
        table.note("names at the door", door, refused(door, name))
    for name in ("", " ", "\u00a0", " lie", "lie ", "x" * 5000, "a\nb", "a\tb"):
        for door in ("state", "act", "feature", "class"):
            table.note(
                "names at the door", f"{door}: empty, spaces, long, lines", refused(door, name)
            )


def refused(door: str, name: str) -> str:
    """How a name got in, or was refused in other words than one line; empty if all is right."""
    try:
        if door in ("state", "act", "feature", "class"):
            kind, old = {
                "state": ("states", "fed"),
                "act": ("acts", "eat"),
                "feature": ("features", "vanity"),
                "class": ("classes", "fed"),
            }[door]
            with called(**{kind: {old: name}}):
                build(resolve(tree({old: name} if door == "feature" else None)))
        elif door == "allele":
            changed = apply_settings(tree(), [])
            changed["genome"] = {"name": "reflex", "fed": {"alleles": ["eat", name]}}
            build(resolve(changed))
        elif door == "sweep":
            with tempfile.TemporaryDirectory() as folder:
                (file := Path(folder) / "s.toml").write_bytes(
                    f"name = {json.dumps(name, ensure_ascii=True)}\nexperiment = 'micro'\n".encode()
                )
                read_sweep(file)
        else:
            key = "name" if door == "experiment" else door
            build(resolve(tree() | {key: name}))
    except UserError as error:
        words = str(error)
        return "" if words.isprintable() and "\n" not in words else f"{name!r}: {words!r}"
    except Exception as error:
        return f"{name!r}: {type(error).__name__}: {error}"
    return f"{name!r} was taken"


def through_outputs(table: Table, folder: Path) -> list[Path]:
    """Names with markup through a run, its screen, tables, figures and report; gives the pages."""
    pages = []
    size = STATES + ACTS + FEATURES
    for start in range(0, len(MARKUP), size):
        left = iter([*MARKUP[start : start + size], *(f"plain {i}" for i in range(size))])
        names = {
            kind: dict(zip(old, left, strict=False))
            for kind, old in (
                ("acts", micro.ACTS),
                ("states", micro.STATES),
                ("features", micro.FEATURES),
            )
        }
        with called(**names, classes=names["states"]):
            out = folder / f"run{start}"
            run = evosim.run(
                tree(names["features"]) | {"title": f"{SCRIPT} [red] {start}"}, out=out
            )
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                cli_main.app(["analyze", str(out)], standalone_mode=False)
            words = said.getvalue()
            table.note("outputs", "screen", "" if "\x1b" not in words else "an escape code")
            flat = "".join(words.split())
            acts = [name.replace("_", " ") for name in names["acts"].values()]
            for act in acts:
                table.note(
                    "outputs",
                    "screen: act",
                    "" if "".join(act.split()) in flat else f"{act!r} is not there",
                )
            failed: list[str] = []
            charts = figures.draw(
                run.recorded, ("svg", "png", "pdf", "html"), names=FIGURES, on_failure=failed.append
            )
            table.note("outputs", "figures", "; ".join(failed))
            for path in charts:
                wrong = ""
                if path.suffix == ".svg":
                    try:
                        ElementTree.parse(path)
                    except ElementTree.ParseError as error:
                        wrong = f"{path.name} is no XML: {error}"
                elif path.stat().st_size < 1000:
                    wrong = f"{path.name} is empty"
                table.note("outputs", f"figures: {path.suffix[1:]}", wrong)
            pages += [path for path in charts if path.suffix == ".html"]
            report = write_report(run, folder / f"report{start}.html")
            text = report.read_text(encoding="utf-8")
            raw = text.split('id="data">')[0]
            table.note(
                "outputs", "report: markup escaped", (SCRIPT in raw and "a name is markup") or ""
            )
            pages.append(report)
            run.save(folder / f"csv{start}", spreadsheets=True)
            for path in (folder / f"csv{start}").rglob("*.csv"):
                cells = pl.read_csv(path, infer_schema=False)
                bad = [
                    c
                    for c in cells.columns
                    for v in cells[c].drop_nulls()
                    if v[:1] in tuple("=+@") or (v[:1] == "-" and not number(v))
                ]
                table.note(
                    "outputs", "csv for spreadsheets", f"{path.name}: {bad[:3]}" if bad else ""
                )
    return pages


def number(text: str) -> bool:
    """Whether a cell is a number."""
    with contextlib.suppress(ValueError):
        float(text)
        return True
    return False


def in_a_browser(table: Table, pages: list[Path]) -> None:
    """Pages run no script of a name, and a browser's policy has nothing to refuse."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    browser: Any = importlib.import_module("browser")
    if browser.browser_there() is None:
        print("no Chromium here: pages were not opened")
        return
    with browser.session() as chromium:
        for page in pages:
            try:
                chromium.show(page)
                ran = chromium.run("return window.evil || 0")
                wrong = "a name ran" if ran else "; ".join(chromium.complaints())
            except Exception as error:
                wrong = f"{page.name}: {error}"
            table.note("browser", "report" if page.name.startswith("report") else "figure", wrong)


class Received:
    """Folders as a stranger may send them, and a module that leaves a mark when it is run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark = folder, folder / "MARK"
        self.outside = folder / "outside"
        self.outside.mkdir()
        (self.outside / "precious.parquet").write_text("precious")
        self.modules = folder / "modules"
        code = (
            f"import pathlib\npathlib.Path({str(self.mark)!r}).write_text('ran')\ndef"
            " search(population, toolbox, **more):\n    return population\n"
        )
        for name in ("evil.py", "evilpack/__init__.py", "evilpack/sub.py"):
            (self.modules / name).parent.mkdir(parents=True, exist_ok=True)
            (self.modules / name).write_text(code)
        self.code = code
        evosim.run(tree(), out=folder / "plain")
        sweep = {
            "name": "s",
            "experiment": "micro",
            "replicates": 2,
            "keep": ["ladder"],
            "set": {
                "optimizer.population": 20,
                "phases.0.generations": 4,
                "phases.1.generations": 3,
            },
        }
        evosim.sweep(sweep, out=folder / "sweep", workers=1)

    def copy(self, of: str) -> Path:
        """A fresh copy of the run or the sweep."""
        out = self.folder / f"received-{of}"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.folder / of, out)
        return out

    def run_with(self, *settings: str) -> Path:
        """A run's folder whose experiment was edited, and its digest with it."""
        out = self.copy("plain")
        edited = read_toml(out / "experiment.toml")
        for setting in settings:
            edited = apply_settings(edited, [setting])
        os.environ["EVOSIM_ALLOW_IMPORT"] = "evil,evilpack"
        experiment = resolve(edited)
        del os.environ["EVOSIM_ALLOW_IMPORT"]
        (out / "experiment.toml").write_text(experiment.to_toml())
        facts = json.loads((out / "provenance.json").read_text())
        (out / "provenance.json").write_text(json.dumps(facts | {"digest": experiment.digest()}))
        (out / "summary.json").unlink(missing_ok=True)
        return out

    def state(self) -> str:
        """The effect outside the folder: code that ran or changed files; empty without one."""
        files = sorted(path.name for path in self.outside.rglob("*"))
        whole = (self.outside / "precious.parquet").exists() and (
            self.outside / "precious.parquet"
        ).read_text() == "precious"
        if self.mark.exists():
            self.mark.unlink()
            return "a module of the folder ran"
        return "" if whole and files == ["precious.parquet"] else f"outside there is {files}"


def quiet(*words: str) -> str:
    """The unexpected exception of a command; empty if the command succeeds or refuses properly."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            cli_main.app(list(words), standalone_mode=False)
        except (UserError, SystemExit):
            return ""
        except Exception as error:
            return f"{words[0]}: {type(error).__name__}: {error}"
    return ""


def views(folder: Path, scratch: Path) -> list[tuple[str, ...]]:
    """Every command that looks at a run's folder."""
    f, out = str(folder), str(scratch / "exported")
    return [
        ("analyze", f),
        ("analyze", f, "--rungs"),
        ("analyze", f, "--states"),
        ("figures", f, "fitness", "--format", "svg"),
        ("report", f, "--force"),
        ("export", f, "--out", out, "--force"),
        ("export", f, "--list"),
        ("compare", f, f),
    ]


def received(table: Table, folder: Path) -> None:
    """Folders that name modules, files outside and links."""
    inbox = Received(folder)
    sys.path.insert(0, str(inbox.modules))
    for what, setting in (
        ("algorithm", 'optimizer={name="deap",algorithm="evil:search",population=20}'),
        (
            "algorithm in a package",
            'optimizer={name="deap",algorithm="evilpack.sub:search",population=20}',
        ),
        ("environment", 'world={name="gymnasium:evil:Env-v0",ancestral={},modern={}}'),
        (
            "environment in a package",
            'world={name="gymnasium:evilpack.sub:Env-v0",ancestral={},modern={}}',
        ),
    ):
        for words in views(inbox.run_with(setting), folder):
            table.note(
                "received",
                f"looks at a run whose {what} is a module",
                quiet(*words) or inbox.state(),
            )
    for keep in (
        "../../../outside/precious",
        "/tmp/x",
        "..\\x",
        "C:x",
        "",
        "ladder/../../x",
        "x\x00y",
        3,
    ):
        sweep = inbox.copy("sweep")
        facts = json.loads((sweep / "sweep.json").read_text())
        del facts["checksum"]
        facts["keep"] = [keep]
        (sweep / "sweep.json").write_text(json.dumps(facts | {"checksum": checksum(facts)}))
        (sweep / "parts" / "0000" / "chunk-0000000.runs.parquet").write_bytes(b"x")
        for words in (("collect",), ("check", "--repair"), ("analyze",), ("status",), ("figures",)):
            table.note(
                "received",
                "a sweep that keeps a file outside",
                quiet("sweep", words[0], str(sweep), *words[1:]) or inbox.state(),
            )
    for name in (
        "figures",
        "analysis",
        "summary.json",
        "report.html",
        "figures/fitness.svg",
        "analysis/ladder.parquet",
    ):
        run = inbox.copy("plain")
        for words in (
            ("analyze", str(run)),
            ("figures", str(run), "fitness", "--format", "svg"),
            ("report", str(run), "--force"),
        ):
            link(run / name, inbox.outside / ("precious.parquet" if "." in name else ""))
            table.note(
                "received", f"a run in which {name} is a link", quiet(*words) or inbox.state()
            )
    for name in (
        "parts",
        "parts/0000",
        "analysis",
        "figures",
        "logs",
        "runs.parquet",
        "manifest.json",
    ):
        for words in (("collect",), ("check", "--repair"), ("analyze",)):
            sweep = inbox.copy("sweep")
            link(sweep / name, inbox.outside / ("precious.parquet" if "." in name else ""))
            table.note(
                "received",
                f"a sweep in which {name} is a link",
                quiet("sweep", words[0], str(sweep), *words[1:]) or inbox.state(),
            )
    run = inbox.copy("plain")
    facts = json.loads((run / "provenance.json").read_text())
    (run / "provenance.json").write_text(json.dumps(facts | {"controls": {"../../../outside": {}}}))
    for words in views(run, folder):
        table.note("received", "a run with a control outside", quiet(*words) or inbox.state())
    sys.path.remove(str(inbox.modules))
    started_in(table, inbox)


def link(path: Path, target: Path) -> None:
    """Put a link in the place of a file or folder."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)


def started_in(table: Table, inbox: Received) -> None:
    """The command, started in a folder with modules of well-known names, imports none of them."""
    command = Path(sys.executable).with_name("evosim")
    here = inbox.copy("plain")
    for name in (
        "evosim",
        "worlds",
        "genomes",
        "statistics",
        "multiprocessing",
        "json",
        "numpy",
        "sitecustomize",
    ):
        (here / f"{name}.py").write_text(inbox.code)
    known = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    small = ["--set", "optimizer.population=20", "--set", "phases.0.generations=4"]
    for words in (["list"], ["analyze", "."], ["run", "micro", *small, "--out", "again"]):
        done = subprocess.run(
            [str(command), *words], cwd=here, env=known, capture_output=True, text=True, check=False
        )
        table.note(
            "received",
            "started in a folder with modules",
            "" if done.returncode == 0 else done.stderr[-200:],
        )
        table.note("received", "started in a folder with modules", inbox.state())


def attack(tries: int, seed: int, log: Callable[[str], object] = print) -> pl.DataFrame:
    """All tries.

    Parameters
    ----------
    tries : int
        Random names.
    seed : int
        Of them.
    log : callable
        Called after each part.

    Returns
    -------
    polars.DataFrame
        A row for each kind of try: `part`, `what`, `tries`, `failures`, `first_failure`.
    """
    table = Table()
    at_the_door(table, tries, seed)
    log("names at the door: done")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        pages = through_outputs(table, folder)
        log("outputs: done")
        in_a_browser(table, pages)
        log("browser: done")
        (folder / "received").mkdir()
        received(table, folder / "received")
    return table.frame()


def main() -> None:
    """Attack, and keep the table."""
    parser = argparse.ArgumentParser(description="Hostile names and received folders.")
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    stored = study.Study("attack/names", build_packaged("micro"))
    rows = attack(options.tries, options.seed)
    stored.store(
        {"names": rows},
        tries=options.tries,
        seed=options.seed,
        failures=int(rows["failures"].sum()),
    )


if __name__ == "__main__":
    main()
