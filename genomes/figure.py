"""How a genome's loci are shown through time. The figure `loci` reads this, not the name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LocusPanel:
    """One panel: lines of some loci against generation.

    Attributes
    ----------
    parameter : str
        Field of the genome's parameters that holds a locus, or loci by name. Loci with a single
        allele are not shown, unless the field holds one locus.
    title : str
        Title of the vertical axis.
    legend : str
        Meaning of a line.
    prefix : str
        Prefix of the names of these loci in the grid, before their names in `parameter`.
    shares : bool
        Whether lines are shares of alleles instead of mean expressed values.
    width : float
        Width as a share of the usual width, if there are other panels.
    """

    parameter: str
    title: str
    legend: str = "locus"
    prefix: str = ""
    shares: bool = False
    width: float = 1.0


@dataclass(frozen=True)
class LocusFigure:
    """The figure `loci` of a genome.

    Attributes
    ----------
    title : str
        Title of the figure.
    note : str
        Its subtitle.
    panels : tuple of LocusPanel
        Panels from left to right. Empty: means of loci with numbers, one panel for `horizon`, and
        one panel for each locus with named alleles.
    areas : bool
        Whether to draw one small panel of stacked areas per locus: shares of its alleles.
    """

    title: str = "Loci through time"
    note: str = "loci with a single allele are fixed and not shown"
    panels: tuple[LocusPanel, ...] = ()
    areas: bool = False
