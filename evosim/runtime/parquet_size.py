"""Memory that a Parquet file would take, from its headers alone.

A few hundred bytes can stand for terabytes: pages are compressed, and runs of equal values are
counted. Nothing here is decompressed. Footer and page headers are Thrift structures in the compact
protocol.

Source: the Parquet format, https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAGIC = b"PAR1"
TAIL = 8  # bytes: the length of the footer, and MAGIC
DEEPEST = 20  # structures within each other
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

Buffer = bytes | memoryview


@dataclass(frozen=True)
class Size:
    """Size of a table, as its file states it.

    Attributes
    ----------
    rows : int
        Rows of the table, or values in a column of lists if these are more.
    columns : int
        Columns of the table.
    data : int
        Bytes of all pages when they are decompressed.
    """

    rows: int
    columns: int
    data: int


def size_of(file: Buffer) -> Size:
    """Read how large a table is, and whether its parts agree about that.

    Parameters
    ----------
    file : bytes or memoryview
        A whole Parquet file.

    Returns
    -------
    Size
        The size when read.

    Raises
    ------
    ValueError
        If the file is not Parquet, or if footer and pages disagree.
    """
    data = memoryview(file)
    if len(data) < 2 * TAIL or data[:4] != MAGIC or data[-4:] != MAGIC:
        raise ValueError("is not Parquet")
    length = int.from_bytes(data[-TAIL:-4], "little")
    if length > len(data) - TAIL - len(MAGIC):
        raise ValueError("has no footer")
    try:
        return _size(data, _Reader(data, len(data) - TAIL - length).struct())
    except (IndexError, KeyError, TypeError, AttributeError):
        raise ValueError("has a footer or pages that cannot be") from None


def _size(data: memoryview, footer: dict[int, Any]) -> Size:
    rows, values, total, columns = 0, 0, 0, 0
    for group in footer.get(4, []):
        chunks = [chunk[3] for chunk in group[1]]
        if group[3] < 0 or any(facts[5] < group[3] for facts in chunks):
            raise ValueError("has columns that are shorter than the table")
        columns = len(chunks)
        rows += group[3]
        values += max((facts[5] for facts in chunks), default=0)
        total += sum(_pages(data, facts) for facts in chunks)
    if rows != footer[3]:
        raise ValueError("has another number of rows than it says")
    return Size(max(rows, values), columns or len(footer[2]) - 1, total)


def _pages(data: memoryview, facts: dict[int, Any]) -> int:
    """Bytes of the pages of a column when they are decompressed. Raises `ValueError`."""
    place = min(start for start in (facts.get(11), facts[9]) if start)
    end, values, total = place + facts[7], 0, 0
    if not 0 < place <= end <= len(data):
        raise ValueError("has pages outside the file")
    while place < end:
        reader = _Reader(data, place)
        header = reader.struct()
        if header[2] < 0 or header[3] < 0:
            raise ValueError("has pages of negative size")
        total += header[2]
        values += sum(header[kind][1] for kind in (5, 8) if kind in header)
        if 7 in header and not 0 <= header[7][1] <= max(facts[5], 1):
            raise ValueError("has a dictionary that is too large")
        place = reader.place + header[3]
    if place != end or values != facts[5]:
        raise ValueError("has pages that do not fit their column")
    return total


class _Reader:
    """Reads Thrift's compact protocol. Numbers of fields stand for their names."""

    def __init__(self, data: memoryview, place: int) -> None:
        self.data, self.place = data, place

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The fields of a structure, by number."""
        if depth > DEEPEST:
            raise ValueError("has a footer or pages that cannot be")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == BYTE:
            return self._byte()
        if kind in (I16, I32, I64):
            return self._signed()
        if kind in (DOUBLE, BINARY):
            return self._skip(8 if kind == DOUBLE else self._unsigned())
        if kind in (LIST, SET):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._unsigned()
            self._must_be_there(count)
            return [
                self._value(BYTE if head & 15 <= FALSE else head & 15, depth + 1)
                for _ in range(count)
            ]
        if kind == STRUCT:
            return self.struct(depth + 1)
        raise ValueError("has a footer or pages that cannot be")

    def _byte(self) -> int:
        self.place += 1
        return self.data[self.place - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 70:
                raise ValueError("has a footer or pages that cannot be")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, count: int) -> None:
        self._must_be_there(count)
        self.place += count

    def _must_be_there(self, count: int) -> None:
        if count > len(self.data) - self.place:
            raise ValueError("has a footer or pages that cannot be")
