"""The germ line, common to all genomes: markers, drivers, modifiers, and their map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evosim.genomes.drive import Driver, Modifier, place_drivers
from evosim.genomes.errors import InvalidGenome
from evosim.genomes.grid import Grid, in_map_order
from evosim.genomes.loci import Locus, LocusParams, make_locus


@dataclass(frozen=True)
class GermLine:
    """Parameters that all genomes have.

    Attributes
    ----------
    markers : mapping of str to LocusParams
        Loci that express nothing, for drivers, modifiers or neutral alleles. The first allele is
        the wild type.
    drivers : tuple of Driver
        Alleles with unfair transmission.
    modifiers : tuple of Modifier
        Alleles that change the transmission of a driver.
    """

    markers: Mapping[str, LocusParams] = field(default_factory=dict, kw_only=True)
    drivers: tuple[Driver, ...] = field(default=(), kw_only=True)
    modifiers: tuple[Modifier, ...] = field(default=(), kw_only=True)


def build_grid(expressed: Sequence[Locus], germ_line: GermLine, ploidy: int) -> Grid:
    """Build the grid of a genome: expressed loci and markers in map order, and its drivers.

    Parameters
    ----------
    expressed : sequence of Locus
        Loci that the genome expresses.
    germ_line : GermLine
        Parameters of the genome.
    ploidy : int
        1 (haploid) or 2 (diploid).

    Returns
    -------
    Grid
        The grid.

    Raises
    ------
    InvalidGenome
        If a name is invalid or occurs twice, or a driver or modifier breaks a rule.
    """
    names = {locus.name for locus in expressed}
    for name in germ_line.markers:
        if not name or len(name) > 100 or not name.isprintable() or ":" in name:
            raise InvalidGenome(
                "a marker must have a name of 1 to 100 characters without colons or line breaks,"
                f" but is called '{name}'. Rename it."
            )
        if name in names:
            raise InvalidGenome(
                f"a marker must have a name of its own, but '{name}' is a locus already. Rename it."
            )
    markers = [
        make_locus(name, params, where=f"genome.markers.{name}", ploidy=ploidy, silent=True)
        for name, params in germ_line.markers.items()
    ]
    loci = in_map_order([*expressed, *markers])
    return Grid(loci, ploidy, place_drivers(loci, ploidy, germ_line.drivers, germ_line.modifiers))
