"""Elements of a report before it is a page. Their texts are plain; the page escapes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rich.table import Table as Printed
from rich.text import Text

from evosim.analysis.ladder import RUNG_CODES
from evosim.analysis.terminology import AUTHORS, LABELS
from evosim.figures.vega import Spec
from evosim.tables.ladder import RUNG_WORDS

NO_AUTHOR = "no author: the steps' own names"
SHIFT = ("shift, shared by all ancestral optima", "shift, left open by the data")
RUNGS_BY_CODE = {code: RUNG_WORDS[rung] for rung, code in RUNG_CODES.items() if rung != "all_cases"}


@dataclass(frozen=True)
class Cell:
    """One entry of a table: its text, a smaller note below, and the ladder step that it names."""

    text: str
    note: str = ""
    step: str = ""
    strong: bool = False

    @property
    def called(self) -> tuple[tuple[str, str], ...]:
        """Pairs of author and label of the step, in order of `AUTHORS`; empty without a step."""
        return called(self.step)


def called(step: str) -> tuple[tuple[str, str], ...]:
    """Pairs of author and label of a step of the ladder.

    The shift has two labels. Both are given where they differ.
    """
    if step == "shift":
        both = zip(*(LABELS[part] for part in SHIFT), strict=True)
        words = (
            (
                one
                if one == other
                else f"shared by all ancestral optima: {one}; left open by the data: {other}"
            )
            for one, other in both
        )
        return tuple(zip(AUTHORS, words, strict=True))
    return tuple(zip(AUTHORS, LABELS[step], strict=True)) if step in LABELS else ()


@dataclass(frozen=True)
class Table:
    """A table: `left` are the columns that hold words.

    The first cell of a row that is not empty names it.
    """

    kind: ClassVar[str] = "table"
    caption: str
    headings: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    left: frozenset[int] = frozenset({0})
    note: str = ""

    def named_by(self, row: Sequence[Cell]) -> int:
        """The cell that is the row's heading."""
        return next((i for i, cell in enumerate(row) if cell.text), 0)


@dataclass(frozen=True)
class Words:
    """Paragraphs, or points of a list."""

    kind: ClassVar[str] = "words"
    lines: Sequence[str]
    listed: bool = False


@dataclass(frozen=True)
class Facts:
    """Names and what they stand for; what several lines stand for is a list."""

    kind: ClassVar[str] = "facts"
    rows: Sequence[tuple[str, str | Sequence[str]]]


@dataclass(frozen=True)
class Code:
    """Text to be copied as it stands."""

    kind: ClassVar[str] = "code"
    what: str
    text: str


@dataclass(frozen=True)
class Interactive:
    """A chart that the page draws by script: names of its data, and its specification."""

    data: list[str]
    spec: Spec

    def as_dict(self) -> dict[str, object]:
        """The content that the page's script reads."""
        return {"data": self.data, "spec": self.spec}


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes
    ----------
    name : str
        Unique in the report.
    title, lines : str, sequence of str
        Title and subtitle.
    says : str
        Alternative text.
    source : str
        Data URI of the drawing.
    width, height : int
        Size of the drawing in pixels.
    chart : Interactive or None
        The interactive chart. None if the figure stays a picture.
    description : str
        Content of the figure, in one line. Empty: the page repeats `lines` below the figure.
    steps : sequence of str
        Steps of the ladder that it names; the reader chooses whose labels to see.
    why : str
        Why there is no interactive chart.
    """

    kind: ClassVar[str] = "picture"
    name: str
    title: str
    lines: Sequence[str]
    alt_text: str
    source: str
    width: int
    height: int
    chart: Interactive | None
    description: str = ""
    steps: Sequence[str] = ()
    why: str = ""

    @property
    def called(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """By step, what each author calls it."""
        return {step: called(step) for step in self.steps if called(step)}


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    kind: ClassVar[str] = "section"
    name: str
    title: str
    parts: Sequence[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Chapter:
    """All about one run, sweep or search.

    Attributes
    ----------
    name : str
        For links, unique in the report.
    what : str
        `run`, `sweep` or `search`.
    title, question : str
        Title and question of the file.
    line : str
        Experiment, seeds and digest, in one line.
    sections : sequence of Section
        The content.
    labelled : bool
        Whether it names steps that authors call differently.
    headline : dict
        Main numbers by quantity, as text, in `unit`. Runs are compared by them.
    unit : str
        Unit of payoff.
    folder : str
        The folder, as it was given.
    """

    name: str
    what: str
    title: str
    question: str
    line: str
    sections: Sequence[Section]
    labelled: bool = False
    headline: dict[str, str] = field(default_factory=dict)
    unit: str = ""
    folder: str = ""


def from_printed(printed: Printed, caption: str = "", steps: Iterable[str] = ()) -> Table:
    """A table of the terminal as a part: the same words, the same numbers.

    `steps` that a heading begins with are labelled.
    """
    known = set(steps)

    def heading(text: str) -> Cell:
        words = " ".join(text.split())
        rung = RUNGS_BY_CODE.get(words.partition(" ")[0], "")
        return Cell(
            words, note=rung, step=next((word for word in words.split()[:1] if word in known), "")
        )

    def cell(printed: object, first: bool) -> Cell:
        text, strong = str(printed), isinstance(printed, Text) and printed.style == "bold"
        return Cell(
            text, note=RUNGS_BY_CODE.get(text.partition(" ")[0], "") if first else "", strong=strong
        )

    columns = [list(column.cells) for column in printed.columns]
    rows = [
        tuple(cell(text, i == 0) for i, text in enumerate(row))
        for row in zip(*columns, strict=True)
    ]
    left = frozenset(i for i, column in enumerate(printed.columns) if column.justify == "left")
    headings = tuple(heading(str(column.header)) for column in printed.columns)
    return Table(
        caption or str(printed.title or ""), headings, rows, left, str(printed.caption or "")
    )
