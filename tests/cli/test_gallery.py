"""The command `evosim figures`: it lists, chooses, draws and refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evosim.cli import gallery
from evosim.errors import UserError
from evosim.figures import Source
from tests.support.command import evosim
from tests.support.figures import source
from tests.support.settings import quick
from tests.support.sweeps import begun, compute

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Source:
    settings = [*quick("micro"), "replicates=2", "optimizer.population=30"]
    return source(tmp_path_factory.mktemp("figures"), "micro", *settings)


def test_every_figure_hangs_in_the_gallery() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    parts = re.split(r"^## Figures of a (\w+)$", page, flags=re.MULTILINE)
    of = dict(zip(parts[1::2], parts[2::2], strict=True))
    pictures = {path.name for path in (ROOT / "docs" / "gallery").iterdir()}
    for entry in gallery.entries():
        section = of[entry.of].split(f"### {entry.name}\n")
        assert len(section) == 2, entry.name
        assert entry.what[1:] in section[1].split("### ")[0], entry.name
        assert f"(gallery/{entry.of}-{entry.name}.png)" in section[1].split("### ")[0]
    assert pictures == {f"{entry.of}-{entry.name}.png" for entry in gallery.entries()}
    assert sum(path.stat().st_size for path in (ROOT / "docs" / "gallery").iterdir()) < 2e6


def test_figures_are_listed_chosen_and_refused(
    capsys: pytest.CaptureFixture[str], micro: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    folder = str(micro.run.folder)
    code, out, _ = evosim(capsys, "figures", "--list")
    assert code == 0
    assert all(entry.name in out for entry in gallery.entries())
    code, out, _ = evosim(capsys, "figures", folder, "ladders", "--size", "two", "--format", "svg")
    assert (code, out.split()) == (0, [f"{folder}/figures/two/ladders.svg"])
    code, out, err = evosim(capsys, "figures", folder, "drive", "--format", "svg")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "figure 'drive' must have something to show" in err
    code, out, err = evosim(capsys, "figures", folder, "behaviour", "drive", "--format", "svg")
    assert (code, out) == (2, ""), "all that is asked for, or nothing"
    for wrong, words in (
        ((folder, "ladder"), "'ladder'"),
        ((folder, "phase"), "phase is a figure of a sweep, but the folder holds a run"),
        ((folder, "--size", "three"), "--size must be one of"),
        ((folder, "--format", "gif"), "--format must be one of"),
        ((), "the argument FOLDER is missing"),
    ):
        code, out, err = evosim(capsys, "figures", *wrong)
        assert (code, out) == (2, "")
        assert words in err
        assert err.count("\n") == 1


def test_sweeps_are_drawn_too(tmp_path: Path) -> None:
    store = begun(tmp_path / "sweep")
    compute(store)
    files = gallery.draw(store.folder, ["steps"], ["svg"], "one")
    assert files
    assert all(file.parent.name == "one" and file.name.startswith("steps-") for file in files)
    assert 'width="85mm"' in files[0].read_text(encoding="utf-8")
    with pytest.raises(UserError, match="a figure must be one of"):
        gallery.draw(store.folder, ["phase-nothing"], ["svg"], "screen")
    with pytest.raises(UserError, match="is a figure of a run, but the folder holds a sweep"):
        gallery.draw(store.folder, ["fitness"], ["svg"], "screen")
