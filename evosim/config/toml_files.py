"""Read TOML files: experiments, and files of other rooms."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path

from evosim.config.schema import Tree
from evosim.config.validation import MAX_DEPTH, check_plain
from evosim.errors import UserError

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
MAX_FILE = 64 * 2**20  # bytes
MAX_KEY_PARTS = 1000  # parts of a dotted key, checked before a file is parsed
_QUOTED = re.compile(rb"""(?:"[^"\n]*+"|'[^'\n]*+')""")
_PART = rb"(?:" + _QUOTED.pattern + rb"|[A-Za-z0-9_-]++)"
# A key of several parts. Text in quotes is one part.
_DOTTED = re.compile(_PART + rb"(?:[ \t]*+\.[ \t]*+" + _PART + rb")*+")


def read_toml(path: Path, title: str = "the experiment file") -> Tree:
    """The tree in a TOML file.

    Parameters
    ----------
    path : Path
        The file.
    title : str
        The name of the file in messages.

    Raises
    ------
    UserError
        If the file is missing, unreadable or malformed.
    """
    return parsed(read_bytes(path, title), path, title)


def read_bytes(path: Path, title: str) -> bytes:
    """The content of a regular file of limited size.

    A pipe would block the reader, and a device might never end.

    Parameters
    ----------
    path : Path
        The file.
    title : str
        The name of the file in messages.

    Raises
    ------
    UserError
        If the file is missing, not regular, too large or unreadable.
    """
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise UserError(
                f"{title} must be readable text, but {path} is a folder. Give a file in it."
            )
        if not stat.S_ISREG(facts.st_mode):
            raise UserError(
                f"{title} must be a file, but {path} is a pipe or a device. Save its output as a"
                " file."
            )
        if facts.st_size > MAX_FILE:
            raise UserError(
                f"{title} must have at most {MAX_FILE:,} bytes, but {path} has {facts.st_size:,}."
                " Give a smaller file."
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"{title} must exist, but {path} does not. Check the path with 'ls'."
        ) from None
    except OSError as error:
        raise UserError(
            f"{title} must be readable text, but {path} is not: {error.strerror}. Give another"
            " file, or check its permissions with 'ls -l'."
        ) from None
    except ValueError:  # a zero character
        raise UserError(
            f"{title} must exist, but {path} cannot be the name of a file. Give another path."
        ) from None


def parsed(data: bytes, path: Path, title: str) -> Tree:
    """The tree in the content of a TOML file.

    Parameters
    ----------
    data : bytes
        The content.
    path : Path
        The file, for messages.
    title : str
        The name of the file in messages.

    Raises
    ------
    UserError
        If the content is malformed.
    """
    try:
        _check_dotted(data)
        # Some editors write a byte-order mark.
        tree = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{title} must be readable text, but {path} is not: {error}. Save it in UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(
            f"{path} must be valid TOML, but: {str(error).rstrip('.')}. Lines of an experiment look"
            " like: population = 100."
        ) from None
    except RecursionError:  # too deep, or too many parts of a key
        raise UserError(
            f"{path} must hold at most {MAX_DEPTH} tables and lists within each other, but holds"
            " more. Use fewer levels."
        ) from None
    except ValueError as error:  # impossible numbers and dates
        raise UserError(
            f"{path} must be valid TOML, but: {str(error).partition(';')[0].rstrip('.')}. Write"
            " another number or date in that line."
        ) from None
    check_plain(tree)
    return tree


def _check_dotted(data: bytes) -> None:
    """Raise `RecursionError` for a key with very many parts.

    The parser's time grows with the square of their number.
    """
    for line in data.splitlines():
        if line.count(b".") > MAX_KEY_PARTS and any(
            _QUOTED.sub(b"", match[0]).count(b".") > MAX_KEY_PARTS
            for match in _DOTTED.finditer(line)
        ):
            raise RecursionError


def named_experiments() -> dict[str, Path]:
    """The experiments that come with the package, by name."""
    return {path.stem: path for path in sorted(EXPERIMENTS.glob("*.toml"))}
