"""Folders of strangers: reading one runs none of its code and writes nothing outside."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path

import pytest

import evosim
from evosim.cli import main
from evosim.config import allowed_imports, entry_points, external_code, package_sources, registry
from evosim.config.experiments import read_experiment
from evosim.config.external_code import Choice
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.config.toml_files import read_toml
from evosim.errors import UserError
from evosim.figures.html import licences
from evosim.runs.source_hash import forget_sources
from evosim.runtime import atomic_files, checksums, installation
from evosim.sweeps.check import check, repair
from evosim.sweeps.collect import collect
from evosim.sweeps.manifest import checksum
from evosim.sweeps.store import Store
from tests.support.paths import ROOT

SMALL = ["optimizer.population=20", "phases.0.generations=4", "phases.1.generations=3"]
MARK = "MARK"


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and a sweep, as they were sent."""
    folder = tmp_path_factory.mktemp("sent")
    evosim.run(apply_settings(read_experiment("micro"), SMALL), out=folder / "run")
    settings = dict(setting.split("=") for setting in SMALL)
    evosim.sweep(
        {
            "name": "s",
            "experiment": "micro",
            "replicates": 2,
            "keep": ["ladder"],
            "set": {key: int(value) for key, value in settings.items()},
        },
        out=folder / "sweep",
        workers=1,
    )
    return folder


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that leaves a mark where it is imported, on the path; gives the mark."""
    mark = tmp_path / MARK
    code = f"import pathlib\npathlib.Path({str(mark)!r}).write_text('ran')\n"
    (tmp_path / "evilpack").mkdir()
    for name in ("evil.py", "evilpack/__init__.py", "evilpack/sub.py"):
        (tmp_path / name).write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv(allowed_imports.ALLOWED, raising=False)
    importlib.invalidate_caches()
    forget_sources()
    yield mark
    forget_sources()
    for name in ("evil", "evilpack", "evilpack.sub"):
        sys.modules.pop(name, None)


def edited(sent: Path, to: Path, setting: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run with a changed experiment, and a digest that fits the change."""
    shutil.copytree(sent / "run", to)
    monkeypatch.setenv(allowed_imports.ALLOWED, "evil,evilpack")
    experiment = resolve(apply_settings(read_toml(to / "experiment.toml"), [setting]))
    monkeypatch.delenv(allowed_imports.ALLOWED)
    (to / "experiment.toml").write_text(experiment.to_toml())
    facts = json.loads((to / "provenance.json").read_text())
    (to / "provenance.json").write_text(json.dumps(facts | {"digest": experiment.digest()}))
    (to / "summary.json").unlink(missing_ok=True)
    sealed(to)
    return to


def sealed(folder: Path) -> None:
    """Checksums of the files as they are now: who forges a file can forge them too."""
    checksums.write_sums(
        folder, ["provenance.json", "experiment.toml"], checksums.read_sums(folder)
    )


def refusal(work: Callable[[], object]) -> str:
    """The message of the UserError that `work` raises; `none` without an error."""
    try:
        work()
    except UserError as error:
        return str(error)
    return "none"


VIEWS: dict[str, Callable[[Path], object]] = {
    "analyze": lambda f: main.app(["analyze", str(f)], standalone_mode=False),
    "figures": lambda f: main.app(
        ["figures", str(f), "fitness", "--format", "svg"], standalone_mode=False
    ),
    "report": lambda f: main.app(["report", str(f), "--force"], standalone_mode=False),
    "compare": lambda f: main.app(["compare", str(f), str(f)], standalone_mode=False),
    "export": lambda f: main.app(["export", str(f), "--list"], standalone_mode=False),
    "load": lambda f: evosim.load(f),
}


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["evil:search", "evilpack.sub:search"])
def test_to_look_at_a_run_imports_no_algorithm(
    sent: Path, evil: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    folder = edited(
        sent,
        tmp_path / "run",
        f'optimizer={{name="deap",algorithm="{algorithm}",population=20}}',
        monkeypatch,
    )
    for name, look in VIEWS.items():
        if name != "report":  # takes as long as all others
            look(folder)
        assert not evil.exists(), name


@pytest.mark.parametrize("environment", ["evil:Env-v0", "evilpack.sub:Env-v0", "evil:a:b"])
def test_modules_in_environment_names_are_refused(
    sent: Path, evil: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    setting = f'world={{name="gymnasium:{environment}",ancestral={{}},modern={{}}}}'
    folder = edited(sent, tmp_path / "run", setting, monkeypatch)
    module = environment.partition(":")[0]
    for name, look in VIEWS.items():
        with pytest.raises(
            UserError,
            match=(
                rf"^world\.name names .*'{module}'.* not allowed.*--allow-import {module}"
                r" .*evosim\.allow_import"
            ),
        ):
            look(folder)
        assert not evil.exists(), name
    with pytest.raises(UserError, match="--allow-import"):
        evosim.run("micro", {"world": {"name": f"gymnasium:{environment}"}}, out=tmp_path / "new")
    assert not (tmp_path / "new.partial").exists()
    monkeypatch.setenv(allowed_imports.ALLOWED, "")
    with pytest.raises(UserError):  # it is imported, and has no such environment
        main.app(
            ["show", str(folder / "experiment.toml"), "--allow-import", module],
            standalone_mode=False,
        )
    assert evil.exists() is (environment.count(":") == 1)  # of two, Gymnasium makes nothing


def test_what_is_allowed_is_a_module_and_what_lies_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(allowed_imports.ALLOWED, "")
    evosim.allow_import("mygrid", "labs.grids")
    for name in ("mygrid:A-v0", "mygrid.more:A-v0", "labs.grids:A-v0", "FrozenLake-v1"):
        registry.world(f"gymnasium:{name}")
    for name in ("mygrids:A-v0", "labs:A-v0", "os:A-v0", "GymV21Environment-v0"):
        with pytest.raises(UserError, match="and that is not allowed"):
            registry.world(f"gymnasium:{name}")
    with pytest.raises(UserError, match=r"^--allow-import must be the name of a module"):
        evosim.allow_import("a b")


def test_a_run_says_what_it_imports() -> None:
    choices = [
        Choice("gymnasium:mygrid:A-v0", "planner", "mine.search:best"),
        Choice("micro", "planner", "eaSimple"),
    ]
    assert external_code.will_import(choices) == [
        "imports the module 'mygrid', which world.name names",
        "imports the module 'mine.search', which optimizer.algorithm names",
    ]


@pytest.mark.parametrize(
    "keep", ["../../../outside/precious", "/etc/x", "..", "", "C:x", "a\\b", 3]
)
def test_a_sweep_keeps_no_table_outside(sent: Path, tmp_path: Path, keep: object) -> None:
    folder = tmp_path / "sweep"
    shutil.copytree(sent / "sweep", folder)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious.parquet").write_text("precious")
    facts = json.loads((folder / "sweep.json").read_text())
    del facts["checksum"]
    facts["keep"] = [keep]
    (folder / "sweep.json").write_text(json.dumps(facts | {"checksum": checksum(facts)}))
    with pytest.raises(UserError, match=r"a table that .*sweep\.json keeps must be one of"):
        Store(folder)
    assert (tmp_path / "outside" / "precious.parquet").read_text() == "precious"


@pytest.mark.parametrize(
    "name", ["..", ".", "", "../x", "a/b", "/etc/x", "a\\b", "C:x", "C:\\x", "a\0b", "NUL/x"]
)
def test_a_name_from_a_file_is_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="must be a plain name in") as caught:
        atomic_files.inside(tmp_path, name)
    assert str(caught.value).isprintable()
    assert (
        atomic_files.inside(tmp_path, "chunk-1.runs.parquet") == tmp_path / "chunk-1.runs.parquet"
    )


def test_a_name_from_a_file_is_no_link_that_leads_away(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "away").symlink_to(tmp_path)
    (tmp_path / "in" / "here").symlink_to(tmp_path / "in" / "there")
    with pytest.raises(UserError, match="must lie in its folder, but is a link to"):
        atomic_files.inside(tmp_path / "in", "away")
    atomic_files.inside(tmp_path / "in", "here")


@pytest.mark.parametrize("name", ["parts", "parts/0000", "analysis", "figures", "logs"])
def test_a_sweep_is_not_written_or_mended_through_a_link(
    sent: Path, tmp_path: Path, name: str
) -> None:
    folder, outside = tmp_path / "sweep", tmp_path / "outside"
    shutil.copytree(sent / "sweep", folder)
    shutil.copytree(folder / "parts" / "0000", outside)
    (outside / "precious").write_text("precious")
    (outside / "chunk-0000000.runs.parquet").write_bytes(b"damaged")
    before = {path.name: path.read_bytes() for path in outside.iterdir()}
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).symlink_to(outside)
    for work in (
        lambda: repair(Store(folder), check(Store(folder))),
        lambda: collect(Store(folder)),
        lambda: Store(folder).remove(0),
        lambda: main.app(["sweep", "analyze", str(folder)], standalone_mode=False),
        lambda: main.app(
            ["sweep", "figures", str(folder), "--format", "svg"], standalone_mode=False
        ),
        lambda: evosim.sweep(folder / "sweep.toml", out=folder, workers=1, retry_failed=True),
    ):
        assert refusal(work).isprintable()
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == before


ANALYZE, FIGURES = ["analyze"], ["figures", "fitness", "--format", "svg"]


@pytest.mark.parametrize(
    ("name", "words", "refused"),
    [
        ("figures", FIGURES, True),
        ("figures/fitness.svg", FIGURES, True),
        ("figures/one", [*FIGURES, "--size", "one"], True),
        ("analysis", ANALYZE, True),
        ("summary.json", ANALYZE, False),
        ("analysis/ladder.parquet", ANALYZE, False),
    ],
)
def test_a_run_is_not_written_through_a_link(
    sent: Path, tmp_path: Path, name: str, words: list[str], refused: bool
) -> None:
    """A link is refused; or it is replaced, and what it leads to stays."""
    folder, outside = tmp_path / "run", tmp_path / "outside"
    shutil.copytree(sent / "run", folder)
    outside.mkdir()
    (outside / "precious").write_text("precious")
    target = folder / name
    shutil.rmtree(target, ignore_errors=True) if target.is_dir() else target.unlink(missing_ok=True)
    target.parent.mkdir(exist_ok=True)
    target.symlink_to(outside / "precious" if "." in name else outside)
    said = refusal(partial(main.app, [words[0], str(folder), *words[1:]], standalone_mode=False))
    assert ("link" in said) is refused, said
    assert target.is_symlink() is refused
    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert (outside / "precious").read_text() == "precious"


def test_a_run_is_not_begun_or_gone_on_with_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    for name in ("STATUS", "experiment.toml"):
        partial = tmp_path / f"{name}-run.partial"
        (partial / "checkpoint").mkdir(parents=True)
        (partial / "checkpoint" / "state.npz").write_bytes(b"x")
        (partial / name).symlink_to(tmp_path / "precious")
        with pytest.raises(UserError):
            evosim.run(
                apply_settings(read_experiment("micro"), SMALL), out=tmp_path / f"{name}-run"
            )
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_control_outside_is_not_read(sent: Path, tmp_path: Path) -> None:
    shutil.copytree(sent / "run", tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "provenance.json").read_text())
    (tmp_path / "run" / "provenance.json").write_text(
        json.dumps(facts | {"controls": {"../../x": {}}})
    )
    sealed(tmp_path / "run")
    with pytest.raises(UserError, match=r"has other runs than experiment\.toml"):
        evosim.load(tmp_path / "run")


def test_a_facts_escape_codes_do_not_reach_the_terminal(
    sent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Provenance and summary were not checked at any door."""
    shutil.copytree(sent / "run", tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "provenance.json").read_text())
    (tmp_path / "run" / "provenance.json").write_text(
        json.dumps(facts | {"evosim": "1\x1b]0;owned\x07", "sources": "other"})
    )
    sealed(tmp_path / "run")
    main.app(["analyze", str(tmp_path / "run")], standalone_mode=False)
    said = capsys.readouterr()
    assert "made by other code (evosim 1\\x1b]0;owned\\x07)" in said.err
    assert "\x1b" not in said.out + said.err


def test_the_command_imports_nothing_from_where_it_is_started(tmp_path: Path) -> None:
    code = f"import pathlib\npathlib.Path({str(tmp_path / MARK)!r}).write_text('ran')\n"
    (tmp_path / "here").mkdir()
    for name in (
        "evosim",
        "worlds",
        "genomes",
        "json",
        "numpy",
        "multiprocessing",
        "sitecustomize",
    ):
        (tmp_path / "here" / f"{name}.py").write_text(code)
    known = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONPATH", "PYTHONSAFEPATH")
    }
    child = (
        "import sys, subprocess; from evosim.cli.main import command; sys.argv = ['evosim', 'list',"
        " 'worlds']; import os; os._exit = lambda code: None; command(); "
    )
    child += "subprocess.run([sys.executable, '-c', 'import json, multiprocessing'], check=True)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", child],
        cwd=tmp_path / "here",
        env=known,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "micro" in done.stdout
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("name", ["worlds", "genomes"])
def test_a_users_own_module_of_that_name_does_no_harm(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("raise SystemExit('not evosim's')\n")
    done = subprocess.run(
        [sys.executable, "-m", "evosim.cli", "list"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "savanna" in done.stdout


@pytest.mark.parametrize("name", ["worlds", "genomes"])
def test_the_old_name_of_a_package_says_the_new_one(name: str) -> None:
    with pytest.raises(ImportError, match=f"write 'evosim.{name}' instead of '{name}'"):
        importlib.import_module(name)


@pytest.mark.parametrize("name", ["statistics", "random", "colorsys"])
def test_a_stray_file_of_the_library_is_named(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installation.stray() == ""
    (tmp_path / f"{name}.py").write_text("")
    spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
    assert spec is not None
    monkeypatch.setitem(sys.modules, name, importlib.util.module_from_spec(spec))
    assert installation.stray().startswith(
        f"'import {name}' must find the standard library, but finds {tmp_path.resolve()}/{name}.py."
    )


DAMAGED = {
    "no-value": b"[evosim.worlds]\nw\n",
    "no-module": b"[evosim.worlds]\nw = :::\n",
    "no-name": b"[evosim.worlds]\n = a:b\n",
    "escape": b"[evosim.worlds]\n\x1b[31mw = a:b\n",
    "bytes": b"[evosim.worlds]\n\xff = a:b\n",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_list_of_entry_points_costs_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "bad-1.dist-info").mkdir()
    (tmp_path / "bad-1.dist-info" / "entry_points.txt").write_bytes(DAMAGED[kind])
    (tmp_path / "bad-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: bad\nVersion: 1\n"
    )
    good = tmp_path / "good-1.dist-info"
    good.mkdir()
    (good / "entry_points.txt").write_text("[evosim.worlds]\ngood = goodworld:ENTRY\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert "good" in registry.names("world")
    (line,) = entry_points.broken()
    assert line.startswith(f"the entry points of {tmp_path}/bad-1.dist-info cannot be read (")
    assert line.isprintable()
    assert registry.world("micro").description
    for module in filter(None, map(sys.modules.get, installation.METADATA)):
        monkeypatch.setattr(module.Distribution, "entry_points", module.Distribution.entry_points)
    installation.tolerate()
    metadata.entry_points(group="numba_extensions")  # libraries call this on import


def test_packages_without_metadata_count_beside_the_backport(tmp_path: Path) -> None:
    """Dask imports importlib_metadata, which then raises for distributions without metadata."""
    pytest.importorskip("importlib_metadata")
    good = tmp_path / "good-1.dist-info"
    good.mkdir()
    (good / "entry_points.txt").write_text("[evosim.worlds]\ngood = goodworld:ENTRY\n")
    code = (
        "import importlib_metadata; from evosim.config import entry_points, registry;"
        " print('good' in registry.names('world'), entry_points.broken())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True []\n"


@pytest.mark.parametrize(
    "code", ["raise SystemExit(3)", "raise BaseException('x')", "import sys; sys.exit('no')"]
)
def test_a_world_that_cannot_load_is_named_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    (tmp_path / "badworld.py").write_text(code)
    (tmp_path / "bad-1.dist-info").mkdir()
    (tmp_path / "bad-1.dist-info" / "entry_points.txt").write_text(
        "[evosim.worlds]\nw = badworld:ENTRY\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert registry.offered("world")["w"].startswith(
        "cannot be used: world 'w' of package 'bad-1 of-no-version' cannot be loaded:"
        " badworld:ENTRY raises "
    )
    assert registry.world("micro").description
    with pytest.raises(UserError, match="cannot be loaded"):
        registry.world("w")


def test_a_package_in_an_archive_counts_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source" / "zipped_worlds"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("")
    archive = Path(shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path / "source"))
    monkeypatch.syspath_prepend(str(archive))
    importlib.invalidate_caches()
    assert package_sources.sources(["zipped_worlds"]) == [("zipped_worlds/zipped.zip", archive)]


def test_pages_say_under_which_licences_their_programs_stand() -> None:
    import vl_convert

    text = licences()
    for words in (
        f"Vega {vl_convert.get_vega_version()}",
        "Vega-Lite",
        "Vega-Embed",
        "BSD 3-clause",
        "Redistribution and use in source and binary forms",
        "d3-array",
        "ISC",
    ):
        assert words in text


def test_every_package_in_a_page_is_named_with_its_licence() -> None:
    """The drawing engine lists its packages in its binary; each needs a line in licences.txt."""
    import vl_convert

    (engine,) = (
        file
        for file in Path(vl_convert.__file__).parent.iterdir()
        if file.suffix in (".so", ".pyd")
    )
    brought = {
        name.decode()
        for name in re.findall(rb"/npm/([a-z][a-z0-9.-]*)@\d+\.\d+\.\d+", engine.read_bytes())
    }
    assert "d3-array" in brought
    # Parts of Vega itself stand under Vega's licence.
    own = {
        name
        for name in brought
        if name.startswith("vega")
        and name not in ("vega-themes", "vega-tooltip", "vega-schema-url-parser")
    }
    text = licences()
    assert [name for name in sorted(brought - own) if name not in text] == []
