# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Counterpart identification as methods of a table of X-ray sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from astropy.table import Table

from claxboi.config import HOST_RADIUS
from claxboi.utils import InputKeyError, InputTypeError, InputValueError, as_method

from .find_counterparts import find_counterparts
from .host_search import find_hosts_in
from .hosts import best_hosts, find_hosts
from .xraylinks import link_xray

if TYPE_CHECKING:
    from .xraylinks import XrayLinks

__all__ = ["CounterpartMixin"]


class CounterpartMixin:
    """
    Counterparts, host galaxies and links between X-ray catalogues, as methods.

    Each method calls the function of its step with the table as the X-ray sources.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi import XrayTable
    >>> x = XrayTable({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]})
    >>> stars = Table({"id": [7], "ra": [10.0001], "dec": [0.0], "pos_error": [0.1]})
    >>> galaxies = Table({"galaxy_id": ["NGC 1"], "ra": [20.0], "dec": [0.01],
    ...                   "r25_major": [60.0] * u.arcsec})
    >>> result = x.find_counterparts({"stars": stars}, completeness=0.5, density=2000 / u.deg**2)
    >>> result = result.find_hosts(galaxies)
    >>> print(result["opt_id", "galaxy_id"])
    opt_id galaxy_id
    ------ ---------
         7        --
        --     NGC 1
    >>> x.link_xray({"chandra": stars}).sources["chandra"].tolist()
    [0, None]
    """

    find_counterparts = as_method(find_counterparts)

    def find_hosts(
        self,
        galaxies: str | Table = "glade",
        *,
        factor: float = HOST_RADIUS,
        overwrite: bool = False,
        **options: Any,
    ) -> Table:
        """
        Add the best host galaxy of each source, in catalogues by name or in a table.

        By name it is `~claxboi.counterparts.find_hosts_in`; with a table
        `~claxboi.counterparts.find_hosts`, then `~claxboi.counterparts.best_hosts`.

        Parameters
        ----------
        galaxies : str or `~astropy.table.Table`, optional
            The catalogue of distances by name, or the galaxies. Rows of HyperLEDA become such a
            table with `~claxboi.counterparts.nearby_galaxies`.
        factor : float, optional
            Largest distance of a source from the centre, in units of the isophotal ellipse.
        overwrite : bool, optional
            Replace columns of the same name.
        **options
            The other arguments of either function.

        Returns
        -------
        table : same class as this table
            A new table with ``galaxy_id``, ``galaxy_distance`` and ``galaxy_radius``.

        Raises
        ------
        KeyError
            If a column is absent.
        """
        if not isinstance(galaxies, Table):
            return find_hosts_in(self, galaxies, factor=factor, overwrite=overwrite, **options)
        if "log_d25" in galaxies.colnames and "r25_major" not in galaxies.colnames:
            raise InputKeyError(
                "galaxies has the columns of HyperLEDA, not r25_major: leave it out, for "
                "find_hosts() asks HyperLEDA itself, or join it to distances by "
                "nearby_galaxies(distances, galaxies)"
            )
        hosts = find_hosts(self, galaxies, factor=factor, **options)
        return best_hosts(self, hosts, overwrite=overwrite)

    def link_xray(
        self, others: Mapping[str, Table], *, name: str = "primary", n_sigma: tuple = (1, 3)
    ) -> XrayLinks:
        """
        Link the sources with those of other X-ray catalogues: `~claxboi.counterparts.link_xray`.

        Parameters
        ----------
        others : mapping of str to `~astropy.table.Table`
            The other catalogues by name.
        name : str, optional
            Name of this catalogue.
        n_sigma : (float, float), optional
            The narrow and the wide radius of a match.

        Returns
        -------
        result : `~claxboi.counterparts.XrayLinks`
            A named tuple ``sources, links``.

        Raises
        ------
        TypeError
            If ``others`` is not a mapping of tables.
        ValueError
            If one of the others has the name of this catalogue.
        """
        if not isinstance(others, Mapping):
            raise InputTypeError(
                "others must be a mapping of names to Tables, such as {'csc2': table}, got "
                f"{type(others).__name__}"
            )
        if name in others:
            raise InputValueError(
                f"others must not have a catalogue {name!r}: give this one another name"
            )
        return link_xray({**others, name: self}, n_sigma=n_sigma)
