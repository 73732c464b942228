"""The command `evosim run`."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.cli.run import _of_partial
from evosim.errors import UserError
from tests.support.command import evosim


def test_resume_and_force_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = evosim(capsys, "run", "micro", "--resume", "--force")
    assert (code, out) == (2, "")
    assert "Leave one of them out" in error


def test_the_folder_of_an_interrupted_run_is_continued(tmp_path: Path) -> None:
    partial = tmp_path / "run.partial"
    partial.mkdir()
    (partial / "experiment.toml").write_text("")
    file = str(partial / "experiment.toml")
    assert _of_partial(str(partial), None) == (file, tmp_path / "run")
    with pytest.raises(UserError, match="Leave --out out"):
        _of_partial(str(partial), tmp_path / "other")
    assert _of_partial("micro", None) == ("micro", None)


def test_a_landscape_has_no_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hills.toml"
    file.write_text(
        'name = "hills"\nworld = {name = "tessellating-hills"}\ngenome = {name = "vector"}\n'
        'optimizer = {name = "gradient"}\nphases = [{world = "ancestral", generations = 5}]\n'
    )
    code, _, error = evosim(capsys, "run", str(file), "--dry-run")
    assert code == 2
    assert "Leave --dry-run out: such a search takes seconds." in error
