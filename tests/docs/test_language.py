"""Pages, help, messages, docstrings and comments are in plain English.

`python -m tests.support.language FILES` lists the findings of files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import language


@pytest.mark.slow
def test_files_are_in_plain_english() -> None:
    found = [finding for path in language.files() for finding in language.findings(path)]
    assert [str(finding) for finding in found] == []


def test_help_is_in_plain_english() -> None:
    texts = list(language.help_texts())
    assert len(texts) > 100
    found = [
        f"{name}: {rule}: {sentence}"
        for name, text in texts
        for rule, sentence in language.rules_broken(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Remove the key or mend its spelling.",
        "This shall not be.",
        "The table is held against the plan.",
        "The result hangs on the seed.",
        "The same command goes on.",
        "Leave it away if there is one network.",
        "The package is to be had there, but cannot be had here.",
        "Two of three predictions come out.",
        "Selection hears the mean.",
        "Losses cannot be told from chance.",
        "Whoever keeps the folder has the clock.",
        "The number stands beside the name.",
        "The genome is worth 0.3.",
        "The value is 'no'. Change it.",
        "What was not measured is empty.",
        "Who sees far enough is not fooled.",
        "The word is used " + "many times " * 15 + "here.",
    ],
)
def test_a_planted_sentence_is_seen(sentence: str, tmp_path: Path) -> None:
    """On a page, in a docstring, in a comment and in a message."""
    for name, text in (
        ("page.md", f"# Title\n\nThe first sentence is fine. {sentence}\n"),
        ("item.md", f"# Title\n\n* {sentence}\n"),
        ("docstring.py", f'def name() -> None:\n    """Short.\n\n    {sentence}\n    """\n'),
        ("comment.py", f"# {sentence}\nX = 1\n"),
        ("message.py", f'X = 1\nraise UserError(f"{{X}} is wrong here. {sentence}")\n'),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert language.findings(tmp_path / name), name


@pytest.mark.parametrize(
    "sentence",
    [
        "The table is compared with the plan.",
        "Run `evosim shall tell`, then read [the page](mend.md).",
        "What does selection see?",
        "The optimizer has two methods, ask and tell.",
        "This page is worth reading.",
        "It takes 0.3 s, e.g. on two cores, with evosim.run and a long list of seeds.",
    ],
)
def test_plain_sentences_pass(sentence: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(sentence + "\n", encoding="utf-8")
    assert [str(finding) for finding in language.findings(tmp_path / "page.md")] == []
