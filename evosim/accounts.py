"""The accounts and figures of a run. Screen, report, export, runs and sweeps loop over these lists.

An account is one question about a run, such as the ladder or the causes. Files of one account have
one name: `analysis/NAME.py` computes, `tables/NAME.py` prints, `figures/NAME.py` draws.

* Text: `text(summary)` in `evosim.tables.MODULE` gives the tables or sentences that screen and
  report show. The list is empty if the run has nothing of the kind.
* Figure: `draw(source)` in `evosim.figures.MODULE` gives an Altair chart, or None if the run has
  nothing of the kind.

This module imports nothing of evosim, so that each room can read it. Drawing libraries are loaded
only when something is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One figure of a run, or of the search of a landscape.

    Attributes
    ----------
    description : str
        The content of the figure, in one line.
    module : str
        File in `evosim/figures/` that draws it.
    usual : bool
        Whether `evosim run` draws it, too.
    """

    description: str
    module: str
    usual: bool = False


@dataclass(frozen=True)
class Account:
    """One account of a run.

    Attributes
    ----------
    title : str
        Heading in reports.
    tables : mapping
        Tables of the analysis by name, each with what it holds in one line.
    analysis : str
        File in `evosim/analysis/` that computes it; see `analysis/account_inputs.py`. Empty: its
        rows come from the pass over seeds and rungs in `analysis/account.py`.
    text : str
        File in `evosim/tables/` that prints it. Empty: nothing is printed.
    figure : str
        Name of its figure, which reports show in the same section. Empty: none.
    details : bool
        Whether the screen shows it only with `--details`.
    in_sweeps : bool
        Whether each run of a sweep computes its tables.
    """

    title: str
    tables: Mapping[str, str] = field(default_factory=dict)
    analysis: str = ""
    text: str = ""
    figure: str = ""
    details: bool = False
    in_sweeps: bool = True


# In the order of reading.
ACCOUNTS: dict[str, Account] = {
    "losses": Account(
        "The three losses",
        {"losses": "shift, waste and hack in both worlds, one row a seed"},
        text="losses",
        figure="losses",
    ),
    "ladder": Account(
        "The ladder",
        {"ladder": "rungs and steps of both ladders, one row a seed"},
        text="ladder",
        figure="ladders",
    ),
    "behaviour": Account(
        "The behaviour ledger",
        {"behaviour": "the behaviour ledger: regret by kind, act and age"},
        text="behaviour",
        figure="behaviour",
    ),
    "steps": Account(
        "Steps by act", {"steps": "loss of each step of the ladders by act"}, text="steps"
    ),
    "ties": Account(
        "Near ties", {"ties": "genomes at and near the ancestral best, and what they come to in M"}
    ),
    "desires": Account(
        "Desires",
        {"desires": "regret by the acts that serve a desire, and gain without it"},
        text="desires",
        figure="desires",
    ),
    "causes": Account(
        "Causes",
        {"causes": "loss by desire, belief, planning (Shapley values)"},
        analysis="causes",
        text="causes",
        figure="causes",
        in_sweeps=False,
    ),
    "loss_causes": Account(
        "Losses by cause",
        {"loss_causes": "waste and hack by cause: Shapley values over all living classes"},
        analysis="loss_causes",
        text="loss_causes",
        details=True,
        in_sweeps=False,
    ),
    "variation": Account(
        "Total variation",
        {"variation": "total variation between lives in A and in M, and the bound it gives"},
        analysis="total_variation",
        text="total_variation",
        figure="variation",
        details=True,
        in_sweeps=False,
    ),
    "family": Account(
        "A family of worlds",
        {"family": "verdicts over a family of worlds"},
        analysis="family",
        text="family",
        in_sweeps=False,
    ),
    "recovery": Account("Recovery", {"recovery": "fitness at the swap and at the end"}),
    "hack": Account(
        "Greedy genes",
        {"hack": "cost of unfair meiosis, and the effect of chance"},
        text="drive_cost",
        figure="drive",
    ),
    "search": Account("The search ledger", text="price_equation", figure="search"),
}

FIGURES: dict[str, Figure] = {
    "losses": Figure(
        "the three losses in both worlds: shift, waste and hack", "losses", usual=True
    ),
    "fitness": Figure(
        "mean fitness of newborns in both worlds through time, with bands over seeds",
        "fitness",
        usual=True,
    ),
    "ladders": Figure(
        "which stage of the design lost how much, in both worlds", "ladder", usual=True
    ),
    "behaviour": Figure(
        "which acts lost it, of which kind, and at what age", "behaviour", usual=True
    ),
    "loci": Figure("desires, foresight or reflexes through time", "loci", usual=True),
    "search": Figure(
        "which force of evolution moved fitness: the Price equation, summed",
        "price_equation",
        usual=True,
    ),
    "drive": Figure(
        "drivers through time, and fitness with drivers, without them, and with fair meiosis",
        "drive_cost",
        usual=True,
    ),
    "landscape": Figure(
        "fitness of every genome in A and in M, the near ties, and the populations", "landscape"
    ),
    "policies": Figure(
        "policy of the most common genome by state and remaining life, in A and in M", "policies"
    ),
    "life": Figure(
        "a life of the commonest genome, act by act, in A and in M with the same random numbers",
        "sample_life",
    ),
    "trajectories": Figure(
        "all that is recorded of the population through time, in small panels with bands over"
        " seeds",
        "trajectories",
    ),
    "ties": Figure("fitness in M of genomes that are nearly the best in A", "ties"),
    "causes": Figure(
        "loss of a planner by objective, belief, horizon and so on: Shapley values", "causes"
    ),
    "desires": Figure(
        "regret of the acts that serve a desire, and gain if it is switched off", "desires"
    ),
    "variation": Figure(
        "the difference of expected payoff in A and M against what total variation allows",
        "total_variation",
    ),
}

# Figures of the search of a landscape over real vectors.
SEARCH_FIGURES: dict[str, Figure] = {
    "paths": Figure(
        "progress, straying and loss of a search along its way, with bands over seeds",
        "search_paths",
        usual=True,
    ),
    "demon": Figure(
        "where searches go, how the gradient comes to point aside, and what the hills add to the"
        " slope",
        "landscape_search",
        usual=True,
    ),
}

# Tables of the analysis by name, each with what it holds in one line.
TABLES: dict[str, str] = {
    name: line for account in ACCOUNTS.values() for name, line in account.tables.items()
}


def accounts_with_text() -> dict[str, Account]:
    """Accounts that screen and report show, in the order of reading."""
    return {name: account for name, account in ACCOUNTS.items() if account.text}
