"""All tables of an account, printed."""

from __future__ import annotations

from rich.table import Table

from evosim.accounts import accounts_with_text
from evosim.runtime.text_layout import Screen
from evosim.tables import screen
from tests.support.accounts import account_of
from tests.support.summaries import some_account, summary_of


def test_accounts_stand_in_the_order_of_reading() -> None:
    found = screen.accounts(summary_of(account_of("coarse-drive").summary))
    order = [name for name in accounts_with_text() if name in found]
    assert list(found) == order
    assert all(isinstance(part, Table | str) for parts in found.values() for part in parts)


def test_labels_name_every_step() -> None:
    console = Screen(record=True, width=120)
    summary = summary_of(account_of("micro").summary)
    screen.show_labels(console, summary)
    text = console.export_text()
    assert all(step in text for step in summary.account.labels)


def test_an_offset_is_explained() -> None:
    from evosim.analysis.values import ByWorld

    console = Screen(record=True, width=120)
    summary = summary_of(account_of("micro").summary, offset=ByWorld(2.0, 3.0), changed=("a", "b"))
    screen.show(console, "Title", summary, details=True)
    text = " ".join(console.export_text().split())
    assert "2 (A), 3 (M)" in text
    assert "changed: a, b" in text


def test_a_left_out_expectation_is_named_in_the_details() -> None:
    note = "the text of 'micro' is left out, because settings differ."
    for expected, printed in (("", f"expected: {note}"), ("It works.", "expected: It works.")):
        console = Screen(record=True, width=80)
        summary = summary_of(some_account(), expected=expected, expected_note=note)
        screen.show(console, "Title", summary, details=True)
        assert printed in console.export_text()
