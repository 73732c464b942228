"""The manifest of a sweep is protected by a checksum."""

from __future__ import annotations

import pytest

from evosim.errors import UserError
from evosim.sweeps.store import Store


def test_every_change_of_sweep_json_is_found(copy: Store) -> None:
    path = copy.folder / "sweep.json"
    data = path.read_bytes()
    for i in range(0, len(data), 41):
        changed = bytearray(data)
        changed[i] ^= 1
        if changed.split() != data.split() and changed[i : i + 1].strip():
            path.write_bytes(changed)
            with pytest.raises(UserError):
                Store(copy.folder)
