"""Where a report is written, and how it stays small."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evosim import api
from evosim.errors import UserError
from evosim.report import build, page
from evosim.report import charts as report_charts
from tests.support.reports import ROOT


@pytest.mark.slow
def test_nothing_is_written_where_a_report_cannot_be(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "mine.html"
    foreign.write_text("<html>mine</html>", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    folder = str(made["micro"])
    for arguments, words in (
        ([str(tmp_path / "nowhere")], "must be of folders"),
        ([str(tmp_path / "empty")], "must be a run's folder"),
        ([folder, folder + "/."], "given once"),
        ([folder, "--out", str(tmp_path)], "must be a file"),
        ([folder, "--out", str(tmp_path / "no" / "x.html")], "a folder that is there"),
        ([folder, "--out", str(foreign)], "a report must not be written over what is there"),
    ):
        out = subprocess_of("report", *arguments) if arguments[0].endswith("nowhere") else None
        if out:
            assert (out.returncode, out.stderr.count("\n")) == (2, 1), out.stderr
        with pytest.raises(UserError, match=words):
            CliRunner().invoke(
                commands_app(),
                ["report", *arguments],
                catch_exceptions=False,
                standalone_mode=False,
            )
    assert foreign.read_text(encoding="utf-8") == "<html>mine</html>"

    def broken(*_: Any) -> bytes:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(page, "page", broken)
    with pytest.raises(RuntimeError):
        build.write([made["micro"]], tmp_path / "half.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "mine.html"]


def commands_app() -> Any:
    from evosim.cli.main import app

    return app


def subprocess_of(*arguments: str) -> subprocess.CompletedProcess[str]:
    import sys

    return subprocess.run(
        [sys.executable, "-m", "evosim.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.slow
def test_the_command_writes_into_the_folder_and_over_its_own(
    made: dict[str, Path], files: dict[str, Path]
) -> None:
    before = files["search"].read_bytes()
    told = CliRunner().invoke(
        commands_app(), ["report", str(made["search"]), "--json"], standalone_mode=False
    )
    assert json.loads(told.stdout)["file"] == str(files["search"])
    assert json.loads(told.stdout)["bytes"] == len(before)
    assert files["search"].read_bytes() == before


@pytest.mark.slow
def test_figures_of_the_first_runs_alone_keep_a_report_small(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, out = (
        [made["micro"], made["coarse-drive"], made["search"], made["sweep"]],
        tmp_path / "many.html",
    )
    heard: list[tuple[int, int]] = []
    size, left_out = build.write(folders, out, lambda done, total: heard.append((done, total)))
    assert (left_out, heard[-1]) == ([], (8, 8))
    assert [done for done, _ in heard] == list(range(1, 9))
    drawings = {
        i: len(
            "".join(
                re.findall(
                    rf'id="figure-part{i}-.*?src="([^"]*)"',
                    out.read_text(encoding="utf-8"),
                    re.DOTALL,
                )
            )
        )
        for i in range(1, 5)
    }
    assert all(drawings.values())
    texts = len(page._page(*without_pictures(folders))) + len(page.engine())
    monkeypatch.setattr(page, "MOST", texts + drawings[1] + drawings[2] + drawings[3] // 2 + 40_000)
    size, left_out = build.write(folders, out)
    text = out.read_text(encoding="utf-8")
    assert size == len(text.encode()) <= page.MOST
    # From the first that does not fit, none
    assert left_out == [str(made["search"]), str(made["sweep"])]
    assert set(re.findall(r'id="figure-(part\d)', text)) == {"part1", "part2"}
    for folder in left_out:
        assert text.count(f"A report of it alone has them: &#39;evosim report {folder}&#39;.") == 1
    monkeypatch.setattr(page, "MOST", texts - 5_000)
    size, left_out = build.write(folders, out)
    text = out.read_text(encoding="utf-8")
    assert size <= page.MOST
    assert left_out == [str(folder) for folder in folders]
    cut = [i for i in range(1, 5) if f'id="part{i}-provenance"' not in text]
    assert cut == list(range(5 - len(cut), 5))  # the last ones
    assert text.count("The accounts, parameters and figures of this") == len(cut) > 0
    monkeypatch.setattr(page, "MOST", 900_000)
    with pytest.raises(
        UserError,
        match=r"must stay below 0\.9 MB, but summaries of 4 folders do not\. Give fewer folders\.",
    ):
        build.write(folders, tmp_path / "no.html")
    assert not (tmp_path / "no.html").exists()


def without_pictures(folders: list[Path]) -> Any:
    nothing = report_charts.ChartEmbedder()
    nothing.bytes_left = -1
    chapters = [
        build._chapter(f"part{i + 1}", api.load(folder), nothing, every_figure=False)
        for i, folder in enumerate(folders)
    ]
    return chapters, [], nothing
