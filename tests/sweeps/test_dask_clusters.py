"""Clusters of Dask: errors in one line, and Slurm that does not answer."""

from __future__ import annotations

import subprocess

import pytest

from evosim.errors import UserError
from evosim.sweeps import dask_clusters
from evosim.sweeps.dask_clusters import in_words, require_slurm


def test_errors_are_one_line() -> None:
    assert in_words(ValueError("a\n  b.")) == "a b"
    assert in_words(ValueError()) == "ValueError"


def test_slurm_must_be_installed_and_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_clusters.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="there is no sinfo here"):
        require_slurm()
    monkeypatch.setattr(dask_clusters.shutil, "which", lambda name: name)

    def hangs(command: object, **_: object) -> None:
        raise subprocess.TimeoutExpired("sinfo", 30)

    monkeypatch.setattr(dask_clusters.subprocess, "run", hangs)
    with pytest.raises(UserError, match="sinfo does not answer"):
        require_slurm()
