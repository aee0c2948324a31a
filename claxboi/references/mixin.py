# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Methods that search catalogues around X-ray sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.utils import check_columns, float_values

from .find_reference import get_reference
from .reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from astropy.units import Quantity

__all__ = ["CrossmatchMixin"]


class CrossmatchMixin:
    """
    Methods of tables with the columns ``ra`` and ``dec`` that fetch what lies around their rows.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi import XrayTable
    >>> from claxboi.references import get_reference
    >>> x = XrayTable({"ra": [10.0, 20.0], "dec": [0.0, 0.0]})
    >>> stars = Table({"ra": [20.0001], "dec": [0.0], "mag": [12.0]})
    >>> print(x.crossmatch(stars, 5 * u.arcsec)["query_index", "mag"])
    query_index mag
    ----------- ----
              1 12.0
    >>> near = x.fetch([get_reference(stars, name="stars")], 5 * u.arcsec)
    >>> len(near["stars"])
    1
    """

    @property
    def coords(self):
        """
        The positions of the sources, as a `~astropy.coordinates.SkyCoord`.
        """
        check_columns(self, ["ra", "dec"], "the table of X-ray sources")
        ra, dec = (float_values(self, name, unit=u.deg) for name in ("ra", "dec"))
        return SkyCoord(ra, dec, unit="deg")

    def crossmatch(
        self, reference: str | Path | Table | Reference, radius: Quantity, **kwargs: Any
    ) -> Table:
        """
        Find a catalogue's objects around the sources.

        Parameters
        ----------
        reference : str, `~pathlib.Path`, `~astropy.table.Table` or `Reference`
            The catalogue, as for `get_reference`.
        radius : `~astropy.units.Quantity` ['angle']
            Search radius.
        **kwargs
            Passed to `Reference.query`.

        Returns
        -------
        near : `~astropy.table.Table`
            As from `Reference.query`; ``query_index`` is the row of the source.
        """
        return get_reference(reference).query(self.coords, radius=radius, **kwargs)

    def fetch(
        self, references: Sequence[str] | Path | Table | Reference, radius: Quantity, **kwargs: Any
    ) -> Mapping[str, Table]:
        """
        Find the objects of several catalogues around the sources.

        Parameters
        ----------
        references : list of str, `~pathlib.Path`, `~astropy.table.Table` or `Reference`
            The catalogues; one name stands for a list of one.
        radius : `~astropy.units.Quantity` ['angle']
            Search radius.
        **kwargs
            Passed to `Reference.query`.

        Returns
        -------
        near : dict of str to `~astropy.table.Table`
            By short name of the catalogue.
        """
        if isinstance(references, (str, Table, Reference)):
            references = [references]
        found = [get_reference(reference) for reference in references]
        return {r.name: self.crossmatch(r, radius, **kwargs) for r in found}
