"""Rules for names, and the display of any text.

States, acts, features, loci and alleles have names. A name is a short text on one line, with
visible characters only. `check_name` refuses others before anything is computed. A text may have
several lines. `printable` is for unchecked text, such as other people's files: it spells out
control characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from evosim.errors import UserError

MOST_NAME = 200  # characters
MOST_BYTES = 150  # of a name in a file's name; disks take 255 for all of that
UNFIT = re.compile(r'[\s/\\:*?"<>|]')
SEEN = "\n\t"  # Control characters that a text may have.
CONTROL = ("Cc", "Cs", "Zl", "Zp")  # Control characters, half characters, breaks of lines.
UNSEEN = (*CONTROL, "Cf")  # Also signs without a shape: zero width, marks of direction.
ESCAPED = (*UNSEEN, "Cn", "Co")
# Signs that change the order in which others are shown (Unicode 16, 23.2).
TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
# Letters and signs that show nothing, whatever their category (Unicode, Default_Ignorable).
BLANK = frozenset(
    map(
        chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164, 0xFFA0)
    )
)


def is_no_character(sign: str) -> bool:
    """Say whether Unicode reserves a code point for no character, as U+FFFE. XML cannot hold it."""
    point = ord(sign)
    return 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE


def wrong_in(text: str, *, name: bool) -> str:
    """Find the first sign that a text or a name must not have.

    Parameters
    ----------
    text : str
        The text.
    name : bool
        Whether it is a name, which has one line and shows all of its signs.

    Returns
    -------
    str
        The sign in words, as `U+001B`; empty if there is none.
    """
    if text.isascii() and text.isprintable():
        return ""
    for sign in text:
        kind = unicodedata.category(sign)
        seen = sign in SEEN and not name
        bad = kind in (UNSEEN if name else CONTROL) and not seen
        if bad or sign in TURNING or (name and sign in BLANK) or is_no_character(sign):
            return f"U+{ord(sign):04X}"
    return ""


def check_text(text: str, what: str) -> None:
    """Refuse a text with signs that a terminal obeys, or that a picture cannot hold.

    Parameters
    ----------
    text : str
        The text; it may have several lines.
    what : str
        Description in messages.

    Raises
    ------
    UserError
        If it has such a sign.
    """
    if sign := wrong_in(text, name=False):
        raise UserError(
            f"{what} must be text that can be shown, but holds {sign} ({text[:100]!r}). Remove it."
        )


def check_name(name: Any, what: str) -> None:
    """Refuse a name that a reader could take for another one.

    Parameters
    ----------
    name : object
        The name.
    what : str
        Description in messages.

    Raises
    ------
    UserError
        If it is not text, is empty or long, or has spaces at an end or an invisible sign.
    """
    if not isinstance(name, str):
        raise UserError(f"{what} must be text, but is {name!r} (a {type(name).__name__}). Use str.")
    if sign := wrong_in(name, name=True):
        raise UserError(
            f"{what} must be one line of signs that show, but {name[:100]!r} holds {sign}."
            " Rename it."
        )
    if not name.strip():
        raise UserError(f"{what} must have a sign that shows, but is {name[:100]!r}. Name it.")
    if name != name.strip():
        raise UserError(
            f"{what} must not begin or end with a space, but is {name[:100]!r}. "
            f"Write {name.strip()[:100]!r}."
        )
    if len(name) > MOST_NAME:
        raise UserError(
            f"{what} must have at most {MOST_NAME} characters, but has {len(name):,} "
            f"({name[:40]!r}...). Shorten it."
        )


def check_names(names: Iterable[Any], what: str) -> None:
    """Refuse names that cannot be read, and two that look alike.

    Parameters
    ----------
    names : iterable
        Names of one kind.
    what : str
        Description of one name in messages.

    Raises
    ------
    UserError
        For the first such name.
    """
    seen: dict[str, str] = {}
    for name in names:
        check_name(name, what)
        alike = seen.setdefault(unicodedata.normalize("NFC", name), name)
        if alike != name:
            raise UserError(
                f"{what} must look like no other, but {alike!r} ({points(alike)}) and {name!r} "
                f"({points(name)}) look alike. Rename one."
            )


def points(text: str) -> str:
    """Spell the first code points of a text that are not ASCII."""
    return " ".join(f"U+{ord(sign):04X}" for sign in text if not sign.isascii())[:60] or "ASCII"


def printable(text: str) -> str:
    """Spell out whatever a terminal would obey or not show; lines and tabs stay.

    Parameters
    ----------
    text : str
        Any text, as of a file, a path, or a message of other code.

    Returns
    -------
    str
        The text with backslash escapes in place of control characters, marks of direction, signs of
        no width and half characters.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        sign if sign in SEEN or unicodedata.category(sign) not in ESCAPED else escaped(sign)
        for sign in text
    )


def escaped(sign: str) -> str:
    """A sign as Python spells it: `\\x1b`, `\\u202e`."""
    return sign.encode("unicode_escape").decode("ascii")


def without_control_signs(value: Any) -> Any:
    """Spell out in a described figure whatever a picture cannot hold or would obey.

    Parameters
    ----------
    value : object
        A tree of dictionaries, lists and plain values.

    Returns
    -------
    object
        The same tree; where a text had to change, a copy.
    """
    if isinstance(value, str):
        plain = value.isascii() and value.isprintable()
        return value if plain or not wrong_in(value, name=False) else printable(value)
    if isinstance(value, dict):
        shown_items = {
            without_control_signs(key): without_control_signs(item) for key, item in value.items()
        }
        return (
            shown_items
            if any(shown_items.get(key) is not item for key, item in value.items())
            else value
        )
    if isinstance(value, list):
        items = [without_control_signs(item) for item in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def file_names(names: Iterable[str], point: str = "-") -> dict[str, str]:
    """Give each name one that every disk takes as part of a file's name, and that differs.

    Parameters
    ----------
    names : iterable of str
        Any names, as `behaviour.modern.acts.eat/drink`.
    point : str
        Replacement of a point.

    Returns
    -------
    dict
        By name: characters that some disk rejects become underscores. Names that would
        then be the same file get a number; some disks ignore capitals.
    """
    out: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = UNFIT.sub("_", printable(name)).replace(".", point).strip()
        plain = plain.encode()[:MOST_BYTES].decode(errors="ignore") or "_"
        one, number = plain, 2
        while one.casefold() in taken:
            one, number = f"{plain}-{number}", number + 1
        taken.add(one.casefold())
        out[name] = one
    return out
