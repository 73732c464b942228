"""The first screen of a run: two tables and a few sentences within 30 lines of 80 signs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evosim.analysis.loss_summary import Loss
from evosim.runtime.text_layout import Screen
from evosim.tables import losses, screen
from tests.support.accounts import account_of
from tests.support.summaries import summary_of


def printed(name: str, **changes: object) -> list[str]:
    console = Screen(record=True, width=80)
    screen.show(console, "Title", summary_of(account_of(name).summary, **changes))
    return console.export_text().splitlines()


@pytest.mark.parametrize("name", ["micro", "coarse-drive"])
def test_the_screen_has_at_most_27_lines_of_80_signs(name: str) -> None:
    """Three more lines are for the folder and what to type next."""
    lines = printed(name)
    assert len(lines) <= 27
    assert max(map(len, lines)) <= 80


def test_all_three_losses_are_named() -> None:
    text = "\n".join(printed("coarse-drive"))
    for words in ("SHIFT  (birth control)", "WASTE  (masturbation)", "HACK   (greedy genes)"):
        assert words in text
    assert "R3" not in text  # codes of rungs are for --details


def test_a_gain_is_called_a_gain() -> None:
    account = account_of("coarse-drive").summary
    lucky = Loss("waste", "modern", -0.25, -0.5, 0.125, 9, -0.1, exact=False)
    some = replace(
        account.losses,
        losses=tuple(
            lucky if (x.name, x.world) == ("waste", "modern") else x for x in account.losses.losses
        ),
    )
    row = losses.loss_rows(some)[1]
    assert row[3:] == ("gain 0.250 [-0.125, 0.500]", "10%")
    assert "-0.250" not in str(losses.loss_rows(some))


def test_exact_numbers_are_marked() -> None:
    rows = losses.loss_rows(account_of("coarse-drive").summary.losses)
    assert "exact" in rows[0][3]
    assert all("exact" not in cell for row in rows[1:] for cell in row)


def test_one_seed_is_a_caution() -> None:
    text = " ".join(" ".join(printed("micro", replicates=1)).split())
    assert "One seed has no intervals" in text
    assert "--replicates 5" in text


def test_what_is_not_measured_says_what_measures_it() -> None:
    text = " ".join(" ".join(printed("micro")).split())
    assert "HACK not measured: no gene of this experiment can cheat" in text
    assert "evosim run three-losses" in text


def test_details_show_the_other_accounts() -> None:
    console = Screen(record=True, width=100)
    screen.show(console, "Title", summary_of(account_of("micro").summary), details=True)
    text = console.export_text()
    assert "The ladder" in text
    assert "Causes" in text
