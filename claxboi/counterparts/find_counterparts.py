# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Counterparts of X-ray sources in one domain, in surveys by name or in tables.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from astropy import units as u

from claxboi.config import CUTOFF
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    by_name,
    check_table,
    check_text,
    shown,
)

from .all_matches import list_matches
from .associate import associate
from .best_match import best_matches
from .joint_association import check_domains
from .surveys import find_in_surveys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from astropy.units import Quantity

__all__ = ["find_counterparts"]

# Columns of a survey that the counterparts have under other names.
_OWN = ("id", "source_id", "ra", "dec", "pos_error")


def find_counterparts(
    table: Table,
    surveys: str | Sequence[str] | Mapping[str, Table],
    *,
    radius: Quantity = 10 * u.arcsec,
    domain: str | Mapping[str, str] = "opt",
    rule: Literal["first", "best"] = "first",
    cutoff: float | Mapping[str, float] = CUTOFF,
    keep: Literal["all"] | Sequence[str] | Mapping | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Table:
    """
    Add the best counterpart of each source, or all candidates, in surveys by name or in tables.

    By name it is `~claxboi.counterparts.find_in_surveys`; with tables
    `~claxboi.counterparts.associate` with each survey by itself, then
    `~claxboi.counterparts.best_matches`. Call these two to associate several catalogues at once.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The X-ray sources: ``ra``, ``dec``, ``pos_error``.
    surveys : str, list of str, or mapping of str to `~astropy.table.Table`
        The surveys of one domain, in order of preference.
    radius : `~astropy.units.Quantity` ['angle'], optional
        Search radius.
    domain : str or mapping of str to str, optional
        First part of the names of the new columns: "opt" or "ir"; with ``keep="all"`` also that of
        each survey, for combinations of an object in each of two domains.
    rule : {"first", "best"}, optional
        How the survey is chosen, as for `~claxboi.counterparts.best_matches`.
    cutoff : float or mapping of str to float, optional
        Smallest ``p_any``, for all surveys or by survey (default 0.5).
    keep : "all", list of str or mapping, optional
        "all" lists each candidate, and the case of no counterpart, in a row of its own, with all
        columns of the surveys (`~claxboi.counterparts.all_matches`). With tables, it may also be
        the columns to keep, as for `~claxboi.counterparts.best_matches`.
    overwrite : bool, optional
        Replace columns of the same name.
    **options
        By name: the other arguments of `~claxboi.counterparts.find_in_surveys`. With tables: those
        of `~claxboi.counterparts.associate`, and ``id_column`` of
        `~claxboi.counterparts.best_matches`, each for all surveys or as a mapping by survey.

    Returns
    -------
    table : same class as the input
        A new table with the columns ``<domain>_id``, ``<domain>_p_any`` and so on.

    Raises
    ------
    TypeError
        If ``surveys`` is neither names nor a mapping of tables.
    ValueError
        If it is empty, or an option names another survey.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import find_counterparts
    >>> xray = Table({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]})
    >>> stars = Table({"id": [7], "ra": [10.0001], "dec": [0.0], "pos_error": [0.1]})
    >>> stars["g_mag"] = 15.0
    >>> settings = {"completeness": 0.5, "density": 2000 / u.deg**2}
    >>> find_counterparts(xray, {"stars": stars}, **settings)["opt_id"].tolist()
    ['7', None]

    With a row for each candidate, and one for none:

    >>> rows = find_counterparts(xray, {"stars": stars}, keep="all", **settings)
    >>> rows["primary"].tolist(), rows["g_mag"].tolist()
    ([0, 0, 1], [15.0, None, None])
    """
    check_table(table, allow_empty=True)
    choice = {"domain": domain, "rule": rule, "cutoff": cutoff, "overwrite": overwrite}
    wants_all = isinstance(keep, str)
    if wants_all and keep != "all":
        raise InputValueError(f"keep must be 'all', a list of columns or a mapping, got {keep!r}")
    if not isinstance(surveys, Mapping):
        if keep is not None and not wants_all:
            raise InputValueError(
                f"keep must be 'all' or None for surveys by name, got {keep!r:.80}: their columns "
                "are kept"
            )
        keep = "all" if wants_all else "best"
        unknown = set(options) - set(inspect.signature(find_in_surveys).parameters)
        if unknown:
            raise InputTypeError(
                f"surveys by name take no {', '.join(sorted(unknown))}, which go with tables, "
                f"surveys={{name: table}}; got surveys={shown(surveys)}"
            )
        return find_in_surveys(table, surveys, radius=radius, keep=keep, **choice, **options)
    for name, survey in surveys.items():
        check_text(name, "the name of a survey in surveys")
        check_table(survey, f"surveys[{name!r}]", allow_empty=True)
    if not surveys:
        raise InputValueError("surveys must have at least one survey, got none")
    if "id_column" in options:
        choice["id_column"] = options.pop("id_column")
    options = {key: by_name(value, surveys, key) for key, value in options.items()}
    if isinstance(domain, Mapping):
        check_domains(domain, list(surveys), keep)
    candidates = {
        name: associate(
            table, survey, radius=radius, **{key: value[name] for key, value in options.items()}
        )
        for name, survey in surveys.items()
    }
    if not wants_all:
        return best_matches(candidates, table, surveys, keep=keep or (), **choice)
    columns = [name for survey in surveys.values() for name in survey.colnames if name not in _OWN]
    kept = [name for name in dict.fromkeys(columns) if name not in table.colnames]
    density = {
        name: one.meta["claxboi"]["counterparts"]["density_deg2"]["secondary"]
        for name, one in candidates.items()
    }
    return list_matches(candidates, table, surveys, density, keep=kept, **choice)[0]
