# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The missions whose own catalogues training samples are built of, as data.
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.catalog import describe, make_column
from claxboi.properties import add_hardness_ratios
from claxboi.references import get_reference, load_records
from claxboi.utils import check_choice, float_values, is_missing, text_values

__all__ = ["Mission", "missions", "parse_mission"]

_FLUX_UNIT = u.erg / u.s / u.cm**2
#: Within this a catalogue's row is found again at its own position.
_SAME_ARCSEC = 1.0


@dataclass(frozen=True)
class Mission:
    """
    How a mission's catalogue on VizieR becomes a table of X-ray sources.
    """

    name: str
    """Name of the mission's catalogue."""

    reference: str
    """Its record, see `~claxboi.references.list_references`."""

    flux_band: str
    """Band of the flux, in keV."""

    hardness: str
    """What the hardness ratios are made of."""

    columns: Mapping[str, str]
    """Name in the vocabulary -> name in the record."""

    flux_limits: tuple[str, ...] = ()
    """Lower and upper 68 % limit of the flux, of which the error is made."""

    rate_error: tuple[str, ...] = ()
    """Rate, its lower and upper error, of which the relative error of the flux is made."""

    hardness_from: tuple[str, ...] = field(default=())
    """Bands of which hardness ratios are made, from soft to hard."""

    @property
    def has_extent(self):
        """
        Whether the catalogue tells extended sources from others.
        """
        return bool({"extent", "is_extended"} & set(self.columns))


@functools.cache
def missions():
    """
    List the missions that `build` knows.

    Returns
    -------
    missions : dict of str to `Mission`
        By name.

    Examples
    --------
    >>> from claxboi.training import missions
    >>> for mission in missions().values():
    ...     print(mission.name, mission.flux_band)
    4XMM 0.2-12
    2SXPS 0.3-10
    CSC2 0.5-7
    eRASS1 0.2-2.3
    """
    path = resources.files("claxboi.training") / "data" / "missions.toml"
    found = {}
    for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        lists = {key: tuple(value) for key, value in entry.items() if isinstance(value, list)}
        found[name] = Mission(name, **(entry | lists))
    return found


def parse_mission(name):
    """
    Find a mission by its name, whatever the case.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    mission : `Mission`
    """
    known = {own.lower(): mission for own, mission in missions().items()}
    lower = name.lower() if isinstance(name, str) else name
    if lower not in known:
        check_choice(name, missions(), "mission")
    return known[lower]


def fetch_positions(mission, fetch):
    """
    Fetch the positions of all sources of a mission.

    Parameters
    ----------
    mission : `Mission`
        The mission.
    fetch : mapping
        ``cache`` and ``max_age`` of the references.

    Returns
    -------
    table : `~astropy.table.Table`
        ``source_id, ra, dec, pos_error``, and ``extent`` or ``is_extended`` if there is one.
    """
    reference = get_reference(mission.reference)
    extent = [name for name in ("extent", "is_extended") if name in mission.columns]
    wanted = [*_error_columns(mission), *(mission.columns[name] for name in extent)]
    raw = reference.fetch_all(columns=wanted, cache=fetch["cache"], max_age=fetch["max_age"])
    raw = raw[~is_missing(raw, "ra") & ~is_missing(raw, "dec")]
    return _named(mission, raw, extent)


def fetch_sources(mission, table, fetch):
    """
    Fetch what a mission measured of some of its sources.

    Parameters
    ----------
    mission : `Mission`
        The mission.
    table : `~astropy.table.Table`
        Sources as from `fetch_positions`.
    fetch : mapping
        ``cache``, ``max_age`` and ``show_progress`` of the references.

    Returns
    -------
    table : `~astropy.table.Table`
        The same rows, with all that the mission has under the names of the vocabulary.
    """
    reference = get_reference(mission.reference)
    derived = [*mission.flux_limits, *mission.rate_error, *mission.hardness_from]
    wanted = [*_error_columns(mission), *mission.columns.values(), *derived]
    coords = SkyCoord(table["ra"], table["dec"], unit="deg")
    columns = list(dict.fromkeys(wanted))
    near = reference.query(coords, radius=_SAME_ARCSEC * u.arcsec, columns=columns, **fetch)
    ids, _ = text_values(near, "id")
    own, _ = text_values(table, "source_id")
    near = near[ids == own[np.asarray(near["query_index"])]]
    rows, first = np.unique(np.asarray(near["query_index"]), return_index=True)
    if len(rows) < len(table):
        raise ValueError(
            f"{reference.record.title} does not give {len(table) - len(rows)} of its {len(table)} "
            "sources again at their own positions: pass refresh=True to fetch all of it anew"
        )
    return _derived(mission, near[first], _named(mission, near[first], mission.columns))


def _error_columns(mission):
    return [name for group in load_records()[mission.reference].error for name in group]


def _named(mission, raw, names):
    """Give columns of the record their names in the vocabulary."""
    result = raw["ra", "dec"]
    own = {"source_id": "id", "pos_error": "pos_error"}
    own |= {name: mission.columns[name] for name in names}
    for name, column in own.items():
        values = np.ma.getdata(raw[column])
        if values.dtype.kind == "f":
            values = float_values(raw, column, unit=describe(name)["unit"] or None)
        result[name] = make_column(name, values, mask=is_missing(raw, column))
    result.meta = {}
    return result


def _derived(mission, raw, table):
    """Add what the mission's columns give: error of the flux, hardness ratios, signal to noise."""
    flux = float_values(table, "flux", unit=_FLUX_UNIT)
    error = None
    if mission.flux_limits:
        low, high = (float_values(raw, name, unit=_FLUX_UNIT) for name in mission.flux_limits)
        error = (high - low) / 2
    elif mission.rate_error:
        rate, low, high = (float_values(raw, name) for name in mission.rate_error)
        # Lower errors are negative in some catalogues.
        error = flux * (np.abs(low) + np.abs(high)) / 2 / np.where(rate > 0, rate, np.nan)
    if error is not None:
        table["flux_error"] = make_column("flux_error", error, mask=np.isnan(error))
    if "snr" not in table.colnames and "flux_error" in table.colnames:
        error = float_values(table, "flux_error", unit=_FLUX_UNIT)
        snr = flux / np.where(error > 0, error, np.nan)
        table["snr"] = make_column("snr", snr, mask=np.isnan(snr))
    if mission.hardness_from:
        ratios = add_hardness_ratios(raw, list(mission.hardness_from))
        for name in ratios.colnames:
            if name.startswith("hr") and name not in raw.colnames:
                table[name] = ratios[name]
    table["flux_band"] = make_column("flux_band", np.full(len(table), mission.flux_band))
    return table
