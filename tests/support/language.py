"""Find sentences that are not plain English: old words, and more words than a reader can hold.

List the findings of some files:

    python -m tests.support.language evosim/runs README.md
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MAX_WORDS = 20

# Pattern, and what to write in its place. Patterns ignore case and match whole words.
WORDS = {
    r"shall": "must, will, or the present tense",
    r"mend(s|ed|ing)?": "fix, correct",
    r"(hold|holds|held|holding) [^.;:]{0,40}\bagainst": "compare with",
    r"(hang|hangs|hung|hanging) on": "depend on",
    r"(go|goes|going|went|gone) on": "continue",
    r"(leave|leaves|leaving|left) (it |them )?away": "omit",
    r"(be|is|are|was) had": "get, obtain",
    r"(come|comes|coming|came) out": "a verb of its own: result, is confirmed",
    r"(?<!ask and )(?<!ask, evaluate, record, )(tell|tells|told|telling)": "report, show",
    r"(hear|hears|heard|hearing)": "receive, get",
    r"who(m|so)?ever|nobody|somebody|everybody": "name the subject",
    r"besides?": "in addition to, next to",
    r"worth(?! \w+ing\b)": "fitness, value",
    r"afresh|anew|unasked|thereof|therein|whence|lest|of old|ere": "today's words",
    r"as good as (no|none|\w+less)": "almost, practically",
    r"(change|correct|fix) (it|them)\.$": "a value or a command that works",
    r"no matter of course": "not always",
    r"(ask|asks|asked) of whom|be told": "name the subject",
}
# Values of stored tables, of which registered predictions name some
INTERFACE = {
    "does not come out",
    "fitness lost in A beside e times Delta, largest difference",
    "genomes told apart as their loci say",
    "single changes in which planning anew X, ancestral optimum",
}
OPENINGS = {r"(what|who|whose|whom|whatever)\b[^?]*$": "name the subject first"}
_WORD = re.compile("|".join(rf"\b(?:{pattern})(?!\w)" for pattern in WORDS), re.IGNORECASE)
_OPENING = re.compile("|".join(OPENINGS), re.IGNORECASE)
_END = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+(?=[\"'(\[*_]*[A-Z0-9`])")
_SHORT = re.compile(r"\b(e\.g|i\.e|vs|cf|al|Fig|fig|no|eq|etc|approx|pp|p)\.\s", re.IGNORECASE)
# Assignments, style sheets and pages of HTML in a string
_OTHER_LANGUAGE = re.compile(r"^(const )?[\w.]+ = |^[\w. ]+ \{ [\w-]+: |^<!DOCTYPE", re.MULTILINE)
_CODE = re.compile(r"``[^`]+``|`[^`]+`")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True)
class Finding:
    """One sentence that breaks a rule."""

    file: str
    line: int
    rule: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.sentence}"


@dataclass(frozen=True)
class Text:
    """A piece of prose: where it begins, and whether its first word may be *what* or *who*."""

    line: int
    text: str
    title: bool = False


def sentences(text: str) -> list[str]:
    """Sentences of a piece of prose; code counts as one word."""
    text = _SHORT.sub(lambda found: found[0].replace(".", "·"), " ".join(text.split()))
    return [sentence.strip() for sentence in _END.split(text) if sentence.strip()]


def _plain(sentence: str) -> str:
    """A sentence without code and the addresses of links."""
    return _LINK.sub(r"\1", _CODE.sub("code", sentence)).replace("ask/tell", "code")


def words(sentence: str) -> int:
    """Number of words; code and numbers count as one each."""
    plain = _plain(sentence)
    return sum(bool(re.search(r"\w", word)) for word in plain.split())


def rules_broken(text: Text, limit: int = MAX_WORDS) -> Iterator[tuple[str, str]]:
    """Rule and sentence for each finding in a piece of prose."""
    for sentence in sentences(_JINJA.sub("9", text.text)):
        plain = _plain(sentence)
        for found in _WORD.finditer(plain):
            yield f"'{found[0]}'", sentence
        if not text.title and _OPENING.match(plain) and not plain.endswith("?"):
            yield f"opens with '{plain.split()[0]}'", sentence
        if (count := words(sentence)) > limit:
            yield f"{count} words", sentence


def _lines_only(found: re.Match[str]) -> str:
    """The line ends of a match, so that line numbers stay right."""
    return "\n" * found[0].count("\n")


def page_texts(source: str) -> Iterator[Text]:
    """Paragraphs, list items, headings and table cells of a page in Markdown."""
    # Parts of a page that are made have a source of their own. The code of figures has the
    # alternative texts of images.
    source = _IMAGE.sub(_lines_only, source)
    for pattern in (r"<!-- made from.*?<!-- end of what is made -->", r"<!--.*?-->"):
        source = re.sub(pattern, _lines_only, source, flags=re.DOTALL)
    source = re.sub(
        r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}",
        lambda m: ("9" if m[0].startswith("{{") else "") + "\n" * m[0].count("\n"),
        source,
        flags=re.DOTALL,
    )
    start, lines, fenced = 0, [], False
    for number, line in enumerate([*source.splitlines(), ""], 1):
        bare = line.strip()
        fence = bare.startswith("```")
        item = re.match(r"([*+-]|\d+\.)\s+", bare)
        single = bare.startswith(("#", "|"))
        if fenced or fence or not bare or item or single:
            if lines:
                yield Text(start, " ".join(lines))
            lines = []
        fenced ^= fence
        if fenced or fence or not bare:
            continue
        if bare.startswith("|"):
            for cell in bare.strip("|").split(" | "):
                yield Text(number, cell, title=True)
        elif bare.startswith("#"):
            yield Text(number, bare.lstrip("# "), title=True)
        else:
            if not lines:
                start = number
            lines.append(bare[item.end() :] if item else bare.lstrip("> "))


def _strings(tree: ast.AST) -> tuple[list[ast.Constant], list[tuple[int, str]]]:
    """Docstrings; and lines and texts of all other strings, with `X` in place of values."""
    docstrings, others, todo = [], [], [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                others.append((node.lineno, node.value))
            continue
        if isinstance(node, ast.JoinedStr):
            parts = (
                str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values
            )
            others.append((node.lineno, "".join(parts)))
            continue
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                if name == "body" and value and (found := _docstring(value[0])):
                    docstrings.append(found)
                    value = value[1:]
                todo += [part for part in value if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.Name | ast.expr_context):
                todo.append(value)
    return docstrings, others


def _docstring(node: ast.AST) -> ast.Constant | None:
    """The string that a statement consists of; None for other statements."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return None
    return node.value if isinstance(node.value.value, str) else None


def _paragraphs(line: int, text: str) -> Iterator[Text]:
    """Paragraphs of a docstring or a comment, without indented code, tables and section rulers."""
    blocks = re.split(r"\n\s*\n", text)
    indents = [len(row) - len(row.lstrip()) for row in text.splitlines()[1:] if row.strip()]
    code = " " * (min(indents, default=0) + 4)
    for number, block in enumerate(blocks):
        lines = block.strip("\n").splitlines()
        if lines and lines[0].lstrip().startswith("==="):  # a table
            continue
        if number and any("----" in row for row in lines):
            lines = [row for row in lines if "----" not in row][1:]
        if number and lines and lines[0].startswith((code, ">>>")):
            continue
        # Names of parameters stand alone on their line, most with ` : ` before the type. Attributes
        # of some classes stand on the line of their text, as `name: text`.
        rows: list[str] = []
        attributes = lines[0].strip() == "Attributes:"
        for row, after in zip(lines, [*lines[1:], ""], strict=True):
            deeper = len(after) - len(after.lstrip()) > len(row) - len(row.lstrip())
            name = re.match(r"\s*[\w, *]+ : ", row) or (re.fullmatch(r"\s*\w+", row) and deeper)
            item = re.match(r"\s*[*-] ", row) or (attributes and re.match(r"\s*[\w, ]+: ", row))
            if name or item:
                if rows:
                    yield Text(line, " ".join(rows))
                rows = [] if name else [row.strip().lstrip("*- ")]
            else:
                rows.append(row.strip())
        if rows:
            yield Text(line, " ".join(rows))


def _prose(text: str) -> bool:
    """Whether a string looks like a sentence: four words or more of letters."""
    if text in INTERFACE or _OTHER_LANGUAGE.search(text):
        return False
    plain = [word for word in text.split() if re.fullmatch(r"[A-Za-z'-]+[,.;:?!)]?", word)]
    return len(plain) >= 4


def module_texts(source: str, strings: bool = True) -> Iterator[Text]:
    """Docstrings, comments, and strings that are sentences (if `strings`), of a Python module."""
    docstrings, others = _strings(ast.parse(source))
    for value in docstrings:
        yield from _paragraphs(value.lineno, str(value.value))
    yield from _comments(source)
    for line, text in others if strings else ():
        if _prose(text):
            yield from page_texts(text) if "\n" in text.strip() else [Text(line, text)]


def _comments(source: str) -> Iterator[Text]:
    """Comments; those of adjacent lines are joined, unless they follow code."""
    start, last, rows = 0, -1, []
    if "#" not in source:
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = token.string.lstrip("# ")
        if re.match(r"noqa|type:|!", text):
            continue
        trailing = bool(token.line[: token.start[1]].strip())
        if (trailing or token.start[0] != last + 1) and rows:
            yield Text(start, " ".join(rows))
            rows = []
        if trailing:
            yield Text(token.start[0], text)
            continue
        if not rows:
            start = token.start[0]
        rows.append(text)
        last = token.start[0]
    if rows:
        yield Text(start, " ".join(rows))


def findings(path: Path, limit: int | None = None) -> list[Finding]:
    """Sentences of a file that break a rule.

    Parameters
    ----------
    path : Path
        A page in Markdown (also as a template), or a module in Python.
    limit : int, optional
        The largest number of words of a sentence. By default that of the file.
    """
    source = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    limit = MAX_WORDS if limit is None else limit
    # strings of tests are often the wrong input, or the output of a library
    texts = (
        module_texts(source, strings=not name.startswith("tests/"))
        if path.suffix == ".py"
        else page_texts(source)
    )
    return [
        Finding(name, text.line, rule, sentence)
        for text in texts
        for rule, sentence in rules_broken(text, limit)
    ]


def files() -> list[Path]:
    """All files that must be in plain English."""
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "docs").rglob("*.j2"),
        ROOT / "results" / "README.md",
        *(ROOT / "scripts").rglob("*.md"),
    ]
    made = {ROOT / "docs" / "gallery.md", ROOT / "CHANGELOG.md"}  # the latter is a list, not prose
    made |= {path for path in pages if path.with_name(f"{path.name}.j2").exists()}
    links = (ROOT / "evosim" / "worlds", ROOT / "evosim" / "genomes")
    modules = (
        path
        for folder in ("evosim", "worlds", "genomes", "scripts", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if not set(links) & set(path.parents)
    )
    return sorted({*pages, *modules} - made)


def help_texts() -> Iterator[tuple[str, Text]]:
    """Help of every command and option, with the name of the command."""
    import typer

    from evosim.cli.main import app

    def walk(command: Any, name: str) -> Iterator[tuple[str, Text]]:
        for paragraph in (command.help or "").split("\n\n"):
            yield name, Text(0, paragraph)
        for parameter in command.params:
            yield f"{name} {parameter.name}", Text(0, getattr(parameter, "help", None) or "")
        for child, below in getattr(command, "commands", {}).items():
            yield from walk(below, f"{name} {child}")

    yield from walk(typer.main.get_command(app), "evosim")


def main(names: list[str]) -> None:
    """Print the findings of files and folders, or their number for each file."""
    count = "--count" in names
    limit = next((int(name[8:]) for name in names if name.startswith("--limit=")), None)
    chosen = [(ROOT / name).resolve() for name in names if not name.startswith("--")] or [ROOT]
    total = 0
    for path in files():
        if any(path == one or one in path.parents for one in chosen):
            found = findings(path, limit)
            total += len(found)
            if count and found:
                print(f"{len(found):5} {path.relative_to(ROOT)}")
            elif not count:
                print(*found, sep="\n", end="\n" if found else "")
    print(f"{total} findings")


if __name__ == "__main__":
    main(sys.argv[1:])
