# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The step "who is who" as methods of a table of X-ray sources.
"""

from collections.abc import Mapping

from .associate import associate
from .best import best_matches
from .hosts import best_hosts, find_hosts
from .xraylinks import link_xray

__all__ = ["CounterpartMixin"]


class CounterpartMixin:
    """
    Counterparts, host galaxies and links between X-ray catalogues, as methods.

    Each method calls the function of its step with the table as the X-ray sources.
    """

    def find_counterparts(
        self,
        surveys,
        *,
        radius,
        domain="opt",
        rule="first",
        cutoff=0.0,
        id_column=None,
        overwrite=False,
        **options,
    ):
        """
        Add the best counterpart of each source: `~claxboi.counterparts.associate` with each survey
        by itself, then `~claxboi.counterparts.best_matches`.

        Call the two functions instead to associate several catalogues at once, or to keep all
        candidates.

        Parameters
        ----------
        surveys : mapping of str to `~astropy.table.Table`
            The surveys of one domain, in order of preference.
        radius : `~astropy.units.Quantity` ['angle']
            Search radius.
        domain : str, optional
            First part of the names of the new columns: "opt" or "ir".
        rule : {"first", "best"}, optional
            Which survey is taken.
        cutoff : float or mapping of str to float, optional
            Smallest ``p_any``, for all surveys or by survey.
        id_column : str or mapping of str to str, optional
            Column of the identifier in each survey.
        overwrite : bool, optional
            Replace columns of the same name.
        **options
            The other arguments of `~claxboi.counterparts.associate`, each for all surveys or as a
            mapping by survey.

        Returns
        -------
        table : same class as this table
            A new table with the columns ``<domain>_id``, ``<domain>_p_any`` and so on.

        Raises
        ------
        TypeError
            If ``surveys`` is not a mapping of tables.
        ValueError
            If it is empty, or an option names a survey that is none of them.
        """
        _check_mapping(surveys, "surveys")
        if not surveys:
            raise ValueError("surveys must have at least one survey, got none")
        for key, value in options.items():
            _check_names(value, list(surveys), key)
        candidates = {
            name: associate(
                self,
                survey,
                radius=radius,
                **{key: _of(value, name) for key, value in options.items()},
            )
            for name, survey in surveys.items()
        }
        return best_matches(
            candidates,
            self,
            surveys,
            domain=domain,
            rule=rule,
            cutoff=cutoff,
            id_column=id_column,
            overwrite=overwrite,
        )

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
            A new table with ``galaxy_id``, ``galaxy_distance`` with its error, and
            ``galaxy_radius``.
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
        TypeError
            If ``others`` is not a mapping of tables.
        ValueError
            If one of the others has the name of this catalogue.
        """
        _check_mapping(others, "others")
        if name in others:
            raise ValueError(
                f"others must not have a catalogue {name!r}: give this one another name"
            )
        return link_xray({**others, name: self}, n_sigma=n_sigma)


def _check_mapping(tables, argument):
    if not isinstance(tables, Mapping):
        raise TypeError(
            f"{argument} must be a mapping of names to Tables, got {type(tables).__name__}"
        )


def _check_names(option, surveys, argument):
    # A misspelt name would otherwise leave its survey without the option.
    for name in option if isinstance(option, Mapping) else ():
        if name not in surveys:
            raise ValueError(f"{argument} names {name!r}, which is none of {surveys}")


def _of(option, survey):
    return option.get(survey) if isinstance(option, Mapping) else option
