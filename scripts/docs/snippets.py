"""The code blocks of README.md and docs/, and the code that runs them.

The tests run blocks in small size; run_documents.py runs them word for word. A block is run unless
a comment directly before it says otherwise:

    <!-- not run: REASON -->     never; only the options of its evosim lines are checked
    <!-- slow: TIME -->          word for word only
    <!-- in: EXPERIMENT -->      a part of this experiment in TOML, instead of the default one
    <!-- printed by: COMMAND --> text; the command prints each of its lines at full size

The blocks of a page are run in their order, in one folder for each page. If the first line of a
block is `# NAME.py` or `# NAME.toml`, the block becomes the file of that name. Other Python of a
page shares one namespace. FOLDER stands for the latest run or sweep, OTHER and ONE for those before
it. SWEEP.toml is a small sweep, unless the page contains this file.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import runpy
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w
import typer

from evosim.cli import main
from evosim.config import resolve as config_resolve
from evosim.config.entry_points import GROUPS
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.schema import Experiment
from evosim.config.settings import set_value
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import read_sweep

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN, TOLD = ("sh", "toml", "python"), ("text", "{toctree}")
_MARK = re.compile(r"<!-- (not run|slow|in|printed by): (.+?) -->")
_NAMED = re.compile(r"# ([\w./-]+\.(?:py|toml))\b")
_COMMAND = re.compile(r"^\s*(\$ )?(evosim|python3?|pip|git|sbatch|import|from \w+ import)\s")
_ENVIRONMENT = re.compile(r"^\. \S+/activate$")  # of a shell that already is in it
_STRING = re.compile(r"""(["'])([\w./-]*(?:FOLDER|OTHER|ONE|SWEEP\.toml)[\w./-]*)\1""")
_SET = re.compile(r"[A-Z_]+=.*")
FIGURES_DRAWN = 3
SWEEP = """name = "small"
experiment = "coarse-savanna"
replicates = 5
[grid]
optimizer.population = [100, 200]
world.modern.contraception = [true, false]
"""


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes
    ----------
    page, line : str, int
        Name of the file, and line of the fence, from 1.
    language : str
        The word after the fence.
    text : str
        The text between the fences.
    mark, why : str
        The mark in the comment before the block, and its reason; empty without one.
    """

    page: str
    line: int
    language: str
    text: str
    mark: str = ""
    why: str = ""

    @property
    def where(self) -> str:
        """Page and line, as editors take them."""
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str:
        """The name of the file that it is; empty if it is none."""
        match = _NAMED.match(self.text)
        return match[1] if match else ""


class Wrong(Exception):
    """A block that does not do what a reader expects. The message begins with page and line."""


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page.

    Raises `Wrong` for an unknown language, and for commands in a block of text.
    """
    out, lines = [], page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        fence = re.match(r"( *)```(.*)$", lines[at])
        if not fence:
            at += 1
            continue
        end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == "```"), None)
        if end is None:
            raise Wrong(f"{page.name}:{at + 1}: a block must end, but does not")
        before = next((line for line in reversed(lines[:at]) if line.strip()), "")
        mark = _MARK.fullmatch(before.strip())
        text = "\n".join(line[len(fence[1]) :] for line in lines[at + 1 : end]) + "\n"
        block = Block(page.name, at + 1, fence[2].strip(), text, *(mark.groups() if mark else ()))
        if block.language not in (*RUN, *TOLD):
            raise Wrong(
                f"{block.where}: a block must be one of {', '.join((*RUN, *TOLD))}, but is"
                f" '{block.language}'"
            )
        if block.language in TOLD and any(map(_COMMAND.match, text.splitlines())):
            raise Wrong(
                f"{block.where}: a block of text must hold no command. Call it sh or python"
            )
        out.append(block)
        at = end + 1
    return out


def commands(text: str) -> list[tuple[list[str], str | None]]:
    """The commands of a shell block: words, and the file that its output goes to.

    `;`, `&&`, comments and continued lines are known.
    """
    out: list[tuple[list[str], str | None]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if _ENVIRONMENT.match(line.strip()):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>")
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        target: str | None = None
        for token in [*lexer, ";"]:
            if token in (";", "&&"):
                if words:
                    out.append((words, target))
                words, target = [], None
            elif token == ">":
                target = ""
            elif target == "":
                target = token
            elif set(token) <= set("&|<>"):
                raise Wrong(f"'{token}' of '{line.strip()}' is not known here")
            else:
                words.append(token)
    return out


def parsed(words: list[str]) -> None:
    """Check that a command line is one: that command and options exist, and that their values can
    be read. Raises what the parser raises.
    """
    command: Any = typer.main.get_command(main.app)
    context = command.make_context("evosim", [*words], resilient_parsing=False)
    rest = (
        [*context._protected_args, *context.args]
        if hasattr(context, "_protected_args")
        else context.args
    )
    while rest and hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        rest = (
            [*getattr(context, "_protected_args", ()), *context.args]
            if hasattr(command, "commands")
            else []
        )


@dataclass
class Page:
    """Run the blocks of a page, in a folder.

    Attributes
    ----------
    folder : Path
        The current folder of the blocks.
    word_for_word : bool
        Run at full size, also slow blocks, with each command as a process. Otherwise blocks are
        small and run in this process.
    times : list of (str, str, float)
        Place, first line and seconds of each block that was run.
    installed : dict of str
        Environment with the page's own package, once it is installed. Commands are then processes.
    names : dict
        Namespace of the page's Python.
    """

    folder: Path
    word_for_word: bool = False
    times: list[tuple[str, str, float]] = field(default_factory=list)
    installed: dict[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__page__"})

    def run(self, block: Block) -> None:
        """Run one block, or check the options of a block that is not run.

        Raises `Wrong` with the reason.
        """
        start = time.perf_counter()
        idle = block.mark == "not run" or (block.mark == "slow" and not self.word_for_word)
        try:
            if block.language == "sh":
                self._shell(block, idle)
            elif block.file and not idle:
                self._write(block)
            elif block.language == "toml" and not idle:
                self._toml(block)
            elif block.language == "python":
                text = "".join(
                    (
                        _STRING.sub(lambda m: m[1] + self._meant(m[2]) + m[1], line)
                        if not idle
                        else line
                    )
                    for line in block.text.splitlines(True)
                )
                code = compile("\n" * block.line + text, block.page, "exec")
                if not idle:
                    exec(code, self.names)
        except (Exception, SystemExit) as error:
            raise Wrong(f"{block.where}: {type(error).__name__}: {error}\n{block.text}") from error
        if not idle and block.language in RUN:
            self.times.append(
                (block.where, block.text.strip().splitlines()[0], time.perf_counter() - start)
            )

    def _shell(self, block: Block, idle: bool) -> None:
        for given, target in (
            commands(block.text) if block.mark != "not run" else _evosim_lines(block.text)
        ):
            words = list(itertools.dropwhile(_SET.fullmatch, given))
            if words[0] == "evosim":
                parsed(words[1:])
            if idle:
                continue
            said = self._command(
                [self._meant(word) for word in words],
                dict(word.split("=", 1) for word in given[: len(given) - len(words)]),
            )
            if target:
                Path(target).write_text(said, encoding="utf-8")

    def _command(self, words: list[str], more: dict[str, str] | None = None) -> str:
        """Run a command with more variables in its environment; gives its standard output."""
        if self.word_for_word and words[0] != "cd":
            script = Path(sys.executable).parent / words[0]
            return _process([str(script) if script.exists() else words[0], *words[1:]], more)
        if words[:2] == ["pip", "install"]:
            self.installed = _install(words[2:])
            return ""
        if self.installed and words[0] in ("evosim", "python", "python3"):
            rest = ["-m", "evosim.cli", *words[1:]] if words[0] == "evosim" else words[1:]
            return _process([sys.executable, *rest], {**(more or {}), **self.installed})
        if words[0] == "evosim":
            # Figures have their own commands, and take longest
            plain = words[1] == "run" and not {"--figures", "--no-figures"} & set(words)
            # Few runs take less time in this process than in workers of their own
            sweep = words[1:3] == ["sweep", "run"] and not {"--workers", "--engine"} & set(words)
            more_words = (["--no-figures"] if plain else []) + (["--workers", "1"] if sweep else [])
            return _here(main.main, [*words, *more_words])
        if words[0] in ("python", "python3") and words[1].endswith(".py"):
            return _here(lambda: runpy.run_path(words[1], run_name="__main__"), words[1:])
        if words[0] in ("python", "python3"):
            return _process([sys.executable, *words[1:]], more)
        if words[0] == "cd":
            os.chdir(words[1])
            return ""
        raise Wrong(
            f"cannot run the command '{words[0]}'. Add it to scripts/docs/snippets.py, or mark the"
            " block 'not run'"
        )

    def _meant(self, word: str) -> str:
        """A word with its placeholder filled in."""
        if word.startswith("scripts/"):
            return str(ROOT / word)
        if "SWEEP.toml" in word and not Path("SWEEP.toml").exists():
            self._write(Block("", 0, "toml", "# SWEEP.toml\n" + SWEEP))
        if "mine:search" in word and not Path("mine.py").exists():  # which another page writes
            self._write(
                next(
                    block
                    for block in blocks(ROOT / "docs" / "optimizers.md")
                    if block.file == "mine.py"
                )
            )
        for kind in ("runs", "sweeps"):
            for back, name in enumerate(("FOLDER", "OTHER", "ONE"), 1):
                place = f"results/{kind}/{name}"
                if place in word:
                    word = word.replace(place, str(self._made(kind, back)))
        return word

    def _made(self, kind: str, back: int) -> Path:
        """The run or sweep that was made last (`back` = 1) or before.

        Made now if the page has made none.
        """
        there = Path("results") / kind
        mark = "provenance.json" if kind == "runs" else "sweep.json"
        folders = sorted(
            (p.parent for p in there.glob(f"*/{mark}")), key=lambda p: (p / mark).stat().st_mtime_ns
        )
        if len(folders) < back:
            self._command(
                ["evosim", "run", "--seed", str(100 + len(folders))]
                if kind == "runs"
                else ["evosim", "sweep", "run", self._meant("SWEEP.toml")]
            )
            return self._made(kind, back)
        return folders[-back]

    def _write(self, block: Block) -> None:
        """Make a block a file."""
        text = block.text
        if block.language == "toml" and not self.word_for_word and _is_sweep(tomllib.loads(text)):
            text = tomli_w.dumps(_few(tomllib.loads(text)))
        Path(block.file).parent.mkdir(parents=True, exist_ok=True)
        Path(block.file).write_text(text, encoding="utf-8")
        if block.language == "toml":
            self._check(tomllib.loads(block.text), Path(block.file))
        else:
            compile(text, block.file, "exec")

    def _toml(self, block: Block) -> None:
        tree = tomllib.loads(block.text)
        if "project" in tree:  # of a package that brings worlds or genomes
            assert set(tree["project"]["entry-points"]) <= set(GROUPS.values())
        elif _is_sweep(tree):
            Path("SWEEP.toml").write_text(
                tomli_w.dumps(tree if self.word_for_word else _few(tree)), encoding="utf-8"
            )
            self._check(tree, Path("SWEEP.toml"))
        else:
            base = read_experiment(block.why if block.mark == "in" else "coarse-savanna")
            config_resolve.build(
                resolve(
                    _merged(base, tree)
                    if block.mark == "in" or "genome" not in tree or "name" not in tree
                    else tree
                )
            )

    def _check(self, tree: dict[str, Any], path: Path) -> None:
        """That a file is a sweep or an experiment, as it is written in the page."""
        if _is_sweep(tree):
            whole = path.with_name(f".whole-{path.name}")
            whole.write_text(tomli_w.dumps(tree), encoding="utf-8")
            make_plan(read_sweep(whole))
        elif not self.installed:  # its world is known only to other processes
            config_resolve.build(resolve(read_experiment(str(path))))


def small(experiment: Experiment) -> Experiment:
    """The same experiment with few individuals, generations and seeds."""
    tree = experiment.model_dump(exclude_none=True)
    tree["replicates"] = min(experiment.replicates, 5)
    for phase, most in zip(tree["phases"], (8, 4, *[2] * len(tree["phases"])), strict=False):
        phase["generations"] = min(phase["generations"], most)
    tree["snapshots"] = ()
    optimizer = tree["optimizer"]
    for key, most in (("population", 40), ("restarts", 3), ("generations", 5)):
        if key in optimizer:
            optimizer[key] = min(optimizer[key], most)
    for what in optimizer.get("introductions", ()):
        what.update(generation=min(what["generation"], 2), copies=min(what["copies"], 4))
    tree["analysis"]["restarts"] = min(experiment.analysis.restarts, 3)
    tree["analysis"]["bootstrap"] = 200
    return resolve(tree)


def printed(command: str) -> list[str]:
    """The lines that a command of evosim prints at full size, blanks put together.

    Figures are not drawn.
    """
    ((words, _),) = commands(command)
    return [
        " ".join(line.split())
        for line in _here(
            main.main, [*words, *(["--no-figures"] if words[1] == "run" else [])]
        ).splitlines()
    ]


def prose_numbers(page: Path) -> set[str]:
    """The numbers with two or more decimals that a page's sentences quote."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return set(re.findall(r"(?<![\w.])\d+\.\d{2,}(?!\w)", text))


@contextlib.contextmanager
def all_small() -> Iterator[None]:
    """Inside it, whatever runs an experiment in this process runs a small one.

    Commands and reports draw the first figures only.
    """
    from evosim.figures import FIGURES, run_figures
    from evosim.report import runs as report_runs
    from evosim.runs import execute

    run: Callable[..., Any] = execute.run
    charts_of: Callable[..., Any] = run_figures.charts_of
    drawing: list[Any] = [run_figures, report_runs]

    def few_charts(source: Any, names: Any = None, *rest: Any) -> Any:
        return charts_of(source, list(names or FIGURES)[:FIGURES_DRAWN], *rest)

    execute.run = lambda experiment, **options: run(small(experiment), **options)
    for module in drawing:
        module.charts_of = few_charts
    try:
        yield
    finally:
        execute.run = run
        for module in drawing:
            module.charts_of = charts_of


def _install(words: list[str]) -> dict[str, str]:
    """Install the package of the current folder; return the variables that make it visible."""
    if [word.split("[")[0] for word in words] != ["-e", "."]:
        raise Wrong(
            f"only a page's own package can be installed, with -e, not '{shlex.join(words)}'"
        )
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    facts = Path(f"{project['name']}-{project['version']}.dist-info")
    facts.mkdir(exist_ok=True)
    (facts / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n",
        encoding="utf-8",
    )
    points = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in group_points.items())
        for group, group_points in project["entry-points"].items()
    )
    (facts / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), str(ROOT)])}


def _is_sweep(tree: dict[str, Any]) -> bool:
    return "experiment" in tree and isinstance(tree["experiment"], str)


def _few(tree: dict[str, Any]) -> dict[str, Any]:
    """A sweep with small cells, and few of them."""
    tree = {**tree, "replicates": 2, "set": dict(tree.get("set", {}))}
    grid = {
        key: dict(value) if isinstance(value, dict) else value
        for key, value in tree.get("grid", {}).items()
    }
    if "population" in (optimizer := grid.get("optimizer", {})):
        optimizer["population"] = [20 + 10 * i for i in range(len(optimizer["population"]))]
    tree["grid"] = grid
    sizes = {"optimizer.population": 40, "phases.0.generations": 6, "phases.1.generations": 3}
    swept = {".".join(path) for path in _paths({"grid": grid}, ())}
    for key, value in sizes.items():
        if f"grid.{key}" in swept:
            continue
        if isinstance(tree["set"].get(key.partition(".")[0]), dict):
            set_value(tree["set"], key, value, key)
        else:
            tree["set"][key] = value  # as one quoted key: a list that is not there has no positions
    return tree


def _paths(tree: dict[str, Any], inside: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in tree.items():
        path = (*inside, key)
        if isinstance(value, dict):
            yield from _paths(value, path)
        else:
            yield path


def _merged(tree: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    out = dict(tree)
    for key, value in more.items():
        out[key] = (
            _merged(out[key], value)
            if isinstance(value, dict) and isinstance(out.get(key), dict)
            else value
        )
    return out


def _evosim_lines(text: str) -> list[tuple[list[str], str | None]]:
    """Of a block that is not run, what can be read all the same."""
    lines = text.replace("\\\n", " ").splitlines()
    return [found for line in lines if re.match(r"\s*evosim\s", line) for found in commands(line)]


def _here(call: Callable[[], Any], words: list[str]) -> str:
    """Call in this process with these arguments; gives what was printed."""
    # Some commands print bytes
    before, said = (sys.argv, io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True))
    sys.argv = words
    try:
        with contextlib.redirect_stdout(said):
            call()
    except SystemExit as end:
        if end.code not in (0, None):
            raise Wrong(f"'{shlex.join(words)}' ends with exit code {end.code}") from end
    finally:
        sys.argv = before
    return said.buffer.getvalue().decode("utf-8")


def _process(words: list[str], more: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, **(more or {})}
    )
    if done.returncode:
        raise Wrong(
            f"'{shlex.join(words)}' ends with exit code {done.returncode}:"
            f" {done.stderr.strip()[-2000:]}"
        )
    return done.stdout
