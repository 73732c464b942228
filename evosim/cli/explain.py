"""The command `evosim explain`: the glossary's entry of a word."""

from __future__ import annotations

from typing import Annotated

import typer


def explain(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD]...", help="A word or a term. Default: list all words."),
    ] = None,
) -> None:
    """Explain a word of the screen, of the tables or of the code."""
    from evosim.runtime import glossary
    from evosim.runtime.text_layout import Screen, bold, say

    console = Screen()
    if words:
        for entry in glossary.explain(" ".join(words)):
            say(console, bold(", ".join(entry.words)), highlight=False)
            say(console, f"  {entry.meaning}", indent=2, highlight=False)
        return
    for title, code in (("Terms", False), ("Names in the code", True)):
        known = [word for entry in glossary.entries() if entry.code == code for word in entry.words]
        say(console, bold(title), highlight=False)
        say(console, f"  {', '.join(known)}", indent=2, highlight=False)
