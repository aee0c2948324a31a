# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The step "who is who" as methods of a table of X-ray sources.
"""

from .hosts import best_hosts, find_hosts
from .xraylinks import link_xray

__all__ = ["CounterpartMixin"]


class CounterpartMixin:
    """
    Counterparts, host galaxies and links between X-ray catalogues, as methods.

    Each method calls the function of its step with the table as the X-ray sources.
    """

    def find_hosts(self, galaxies, *, factor=1.26, missing_angle="mean", overwrite=False):
        """
        Add the best host galaxy of each source: `~claxboi.counterparts.find_hosts`, then
        `~claxboi.counterparts.best_hosts`.

        Parameters
        ----------
        galaxies : `~astropy.table.Table`
            The galaxies.
        factor : float, optional
            How far out a source may lie, in units of the isophotal ellipse.
        missing_angle : {"mean", "major", "skip"}, optional
            What stands for an ellipse without a position angle.
        overwrite : bool, optional
            Replace columns of the same name.

        Returns
        -------
        table : same class as this table
            A new table with ``galaxy_id``, ``galaxy_distance`` and ``galaxy_radius``.
        """
        hosts = find_hosts(self, galaxies, factor=factor, missing_angle=missing_angle)
        return best_hosts(self, hosts, overwrite=overwrite)

    def link_xray(self, others, *, name="primary", n_sigma=(1, 3)):
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
        ValueError
            If one of the others has the name of this catalogue.
        """
        if name in others:
            raise ValueError(
                f"others must not have a catalogue {name!r}: give this one another name"
            )
        return link_xray({**others, name: self}, n_sigma=n_sigma)
