# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Counterparts in surveys that are larger than the memory, partition by partition (LSDB).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from astropy import units as u
from astropy.table import Table, vstack

from claxboi.config import CUTOFF
from claxboi.io import add_to_frame, table_from_frame
from claxboi.utils import (
    ARCSEC,
    InputTypeError,
    InputValueError,
    by_name,
    check_text,
    checked,
    pairs_within,
    quantity_value,
    shown,
    sky_separation,
)

from .associate import candidates_table, solve
from .association_input import read_arguments
from .best_match import best_matches
from .catalogue_positions import XRAY_COLUMNS, find_neighbours
from .source_density import NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.time import Time
    from astropy.units import Quantity

__all__ = ["associate_partitions"]

# A source and another one that shares its object are up to two radii apart, and the objects of the
# other one are up to three radii away.
_SHARED, _MARGIN = 2, 3

# The order of the HEALPix numbers that index a HATS catalogue.
_INDEX_ORDER = 29


@checked
def associate_partitions(
    catalog: Any,
    surveys: Mapping[str, Any],
    *,
    radius: Quantity,
    completeness: float | Mapping[str, float],
    density: Any,
    priors: Any = None,
    epoch: Literal[False] | Time | Quantity | None = None,
    domain: str = "opt",
    rule: Literal["first", "best"] = "first",
    cutoff: float | Mapping[str, float] = CUTOFF,
    id_column: str | Mapping[str, str] | None = None,
    keep: Sequence[str] | Mapping[str, str] = (),
    overwrite: bool = False,
) -> Any:
    """
    Add the best counterpart of each source, in HATS catalogues that are larger than the memory.

    The answer is that of `find_counterparts` for the whole catalogues, however they are cut: each
    partition is associated with the objects in it and in the margin around it, and with the sources
    of other partitions that may share its objects.

    Parameters
    ----------
    catalog : `lsdb.catalog.Catalog`
        The X-ray sources, with the columns that `associate` reads. As data frames have no units,
        ``ra`` and ``dec`` are in deg, errors in arcsec, ``epoch`` in years. Not changed. Their
        positions are read at once, the rest later.
    surveys : mapping of str to `lsdb.catalog.Catalog`
        The surveys of one domain, in order of preference, with the columns that `associate` reads,
        an identifier, and a margin of at least three radii. All columns are read: open them with
        the ones that are needed.
    radius : `~astropy.units.Quantity` ['angle']
        Search radius.
    completeness : float or mapping of str to float
        The fraction of X-ray sources whose counterpart is in the survey, between 0 and 1.
    density : `~astropy.units.Quantity`, "local" or mapping of str to these
        Objects per solid angle, as for `associate`. "local" needs a margin with 30 objects.
    priors : prior, list or mapping of str to these, optional
        `MagnitudePrior` with distributions (``MagnitudePrior.from_table``) or `ProbabilityPrior`.
    epoch : None, False, `~astropy.time.Time` or `~astropy.units.Quantity` in years, optional
        When the X-ray sources were seen, as for `associate`, one value for all. The margin must
        also hold how far the objects moved.
    domain, rule, cutoff, keep, overwrite
        As for `best_matches`.
    id_column : str or mapping of str to str, optional
        Column of the identifier in each survey; None takes ``source_id`` or ``id``.

    Returns
    -------
    result : `lsdb.catalog.Catalog`
        With the columns of `best_matches` added, without a margin. Nothing is computed until it is
        asked for, by ``compute`` or ``write_catalog``.

    Raises
    ------
    TypeError
        If ``catalog`` or a survey is not an LSDB catalogue.
    ValueError, KeyError
        If an argument is wrong or would have to be estimated from all sources, a column is absent,
        columns collide, or a margin is absent or too narrow. Whether a margin is wide enough for
        local densities and motions is known only when a partition is computed; LSDB then raises a
        RuntimeError with the message.

    See Also
    --------
    claxboi.classification.classify_partitions : Classify the result in the same way.

    Notes
    -----
    The completeness and the distributions of magnitudes depend on all sources. Estimate them once
    with `associate` on a part of the sky that fits into memory; they are in
    ``meta["claxboi"]["counterparts"]`` of its result.

    Examples
    --------
    With ``claxboi[lsdb]``. An interrupted ``write_catalog`` goes on with ``resume=True``: finished
    partitions are kept.

    >>> import lsdb  # doctest: +SKIP
    >>> from astropy import units as u
    >>> from claxboi.counterparts import associate_partitions
    >>> sources = lsdb.open_catalog("xray_hats")  # doctest: +SKIP
    >>> gaia = lsdb.open_catalog("gaia_hats", margin_cache="gaia_60arcs")  # doctest: +SKIP
    >>> result = associate_partitions(
    ...     sources, {"gaia": gaia}, radius=10 * u.arcsec, completeness=0.6, density="local"
    ... )  # doctest: +SKIP
    >>> result.write_catalog("counterparts_hats")  # doctest: +SKIP
    """
    radius_arcsec = _read_catalogues(catalog, surveys, radius)
    if isinstance(completeness, str):
        raise InputValueError(
            f"completeness must be a number, got {completeness!r}: estimate it with associate on a "
            "part of the sky, as it would differ from partition to partition"
        )
    names = list(surveys)
    given = {
        "completeness": completeness,
        "density": density,
        "priors": priors,
        "epoch": epoch,
        "radius": radius,
    }
    given = {key: by_name(value, names, key) for key, value in given.items()}
    options = {name: {key: value[name] for key, value in given.items()} for name in names}
    choice = {
        "domain": domain,
        "rule": rule,
        "cutoff": cutoff,
        "id_column": id_column,
        "keep": keep,
    }
    columns = [name for name in XRAY_COLUMNS if name in catalog.columns]
    frame = catalog[columns].compute(progress_bar=False)
    xray = table_from_frame(frame)
    # What is wrong is an error here, and not in the middle of the work.
    empty = {name: table_from_frame(survey.meta[:0]) for name, survey in surveys.items()}
    ids = by_name(id_column, names, "id_column")
    for name in names:
        problem = _problem(xray, empty[name], name, options[name])
        _check_learned(problem.priors[0], name)
        for key in ("density", "epoch"):
            if np.shape(options[name][key]):
                raise InputValueError(
                    f"{key} must be one value for catalogues in partitions, got shape "
                    f"{np.shape(options[name][key])}"
                )
        if ids[name] is None and not {"source_id", "id"} & set(empty[name].colnames):
            raise InputValueError(
                f"id_column must name the identifier in survey {name!r}, which has no column "
                f"source_id or id; its columns are {', '.join(empty[name].colnames)}"
            )
    none = dict.fromkeys(names, _no_candidates())
    example = best_matches(none, xray[:1], empty, **choice)
    new = example.colnames[len(columns) :]
    others = {name: [""] for name in catalog.columns if name not in columns}
    best_matches(none, Table({**xray[:1], **others}), empty, overwrite=overwrite, **choice)
    meta = add_to_frame(catalog.meta[:0], example[:0], new)
    work = _Partition(
        surveys=surveys,
        columns=columns,
        border=_border_sources(frame.index, xray, catalog, _SHARED * radius_arcsec),
        options=options,
        choice=choice,
        new=new,
        empty=meta,
    )
    result = catalog.map_partitions(work, include_pixel=True, meta=meta)
    result.margin = None
    return result


def _read_catalogues(catalog, surveys, radius):
    """
    Check the catalogues and their margins, and return the radius in arcsec.
    """
    if not hasattr(catalog, "get_healpix_pixels"):
        raise InputTypeError(
            f"catalog must be an LSDB catalogue, got {type(catalog).__name__}; "
            "find_counterparts takes tables"
        )
    if not isinstance(surveys, Mapping) or not surveys:
        raise InputTypeError(
            f"surveys must be a mapping of names to LSDB catalogues, got {shown(surveys)}"
        )
    value = quantity_value(radius, u.arcsec, "radius")
    if np.ndim(value):
        raise InputValueError(f"radius must be one value, got shape {np.shape(value)}")
    for name, survey in surveys.items():
        check_text(name, "the name of a survey in surveys")
        if not hasattr(survey, "get_healpix_pixels"):
            raise InputTypeError(
                f"surveys[{name!r}] must be an LSDB catalogue, got {type(survey).__name__}"
            )
        if _margin_arcsec(survey) < _MARGIN * value:
            raise InputValueError(
                f"surveys[{name!r}] must have a margin of at least {_MARGIN} x radius = "
                f"{_MARGIN * value:g} arcsec, got {_margin_arcsec(survey):g} arcsec; open it with "
                "margin_cache="
            )
    return float(value)


def _margin_arcsec(survey):
    if survey.margin is None:
        return 0.0
    return float(survey.margin.hc_structure.catalog_info.margin_threshold)


def _check_learned(priors, name):
    for prior in priors:
        if prior.needs_learning:
            raise InputValueError(
                f"priors of {name}: {prior.name!r} must have distributions, as what is learned "
                "would differ from partition to partition; see MagnitudePrior.from_table"
            )


def _problem(xray, survey, name, options):
    return read_arguments(
        xray,
        {name: survey},
        area=None,
        prior=None,
        field_association=0.0,
        convention="claxboi",
        **{**options, "priors": None if options["priors"] is None else {name: options["priors"]}},
    )


def _no_candidates():
    whole, real = np.empty(0, np.int64), np.empty(0)
    return Table([whole, whole, real, real, real], names=_CANDIDATE)


_CANDIDATE = ("primary", "secondary", "separation", "p_any", "p_i")


def _border_sources(index, xray, catalog, reach_arcsec):
    """
    Find for each partition the sources of others that are near one of its own.
    """
    pixels = [(int(one.order), int(one.pixel)) for one in catalog.get_healpix_pixels()]
    starts = np.array([pixel << 2 * (_INDEX_ORDER - order) for order, pixel in pixels], np.int64)
    order = np.argsort(starts)
    home = order[np.searchsorted(starts[order], np.asarray(index, np.int64), side="right") - 1]
    ra, dec = np.asarray(xray["ra"], float), np.asarray(xray["dec"], float)
    i, j, _ = pairs_within(ra, dec, ra, dec, reach_arcsec)
    apart = home[i] != home[j]
    pairs = np.unique(np.stack([home[i[apart]], j[apart]], axis=1), axis=0)
    groups = np.split(pairs[:, 1], np.flatnonzero(np.diff(pairs[:, 0])) + 1)
    return {
        pixels[part]: xray[rows]
        for part, rows in zip(np.unique(pairs[:, 0]).tolist(), groups, strict=False)
    }


class _Partition:
    """
    The work on one partition, which hides the surveys from Dask.
    """

    def __init__(self, *, surveys, columns, border, options, choice, new, empty):
        self._surveys = {name: _Survey(survey) for name, survey in surveys.items()}
        self._columns, self._border = columns, border
        self._options, self._choice, self._new = options, choice, new
        self._empty = empty

    def __call__(self, frame, pixel):
        """
        Add the counterparts to the sources of one partition.
        """
        xray = table_from_frame(frame, self._columns)
        n_own = len(xray)
        if n_own == 0:
            return self._empty
        place = int(pixel.order), int(pixel.pixel)
        if place in self._border:
            xray = vstack([xray, self._border[place]], metadata_conflicts="silent")
        tables = {name: survey.read(*place) for name, survey in self._surveys.items()}
        candidates = {
            name: self._candidates(xray, n_own, name, table) for name, table in tables.items()
        }
        result = best_matches(candidates, xray, tables, **self._choice)
        return add_to_frame(frame, result[:n_own], self._new)

    def _candidates(self, xray, n_own, name, table):
        """
        Associate the sources that have an object within the radius.
        """
        options = self._options[name]
        problem = _problem(xray, table, name, options)
        near = find_neighbours(problem.primaries, problem.secondaries[0], problem.radius)
        if not len(near.primary):
            return _no_candidates()
        sources, counts = np.unique(near.primary, return_counts=True)
        radius, margin = problem.radius[0], self._surveys[name].margin_arcsec
        survey = problem.secondaries[0]
        places = survey.ra[near.secondary], survey.dec[near.secondary]
        moved = sky_separation(near.ra, near.dec, *places).max()
        if moved + _MARGIN * radius > margin:
            raise InputValueError(
                f"the margin of {name} is too narrow: objects moved by {moved:.1f} arcsec, and "
                f"with 3 x radius it must have at least {moved + _MARGIN * radius:.1f} arcsec, got "
                f"{margin:g}"
            )
        is_local = problem.densities[0] is None
        if is_local and len(survey.ra) < counts.max() + NEIGHBOURS:
            raise _too_narrow(name, margin)
        problem = _problem(xray[sources], table, name, options)
        solution = solve(problem)
        if is_local:
            # The area of a cap is pi chord^2.
            area_deg2 = (NEIGHBOURS - 1) / solution.densities[0]
            chord2 = area_deg2 / np.pi * np.radians(1) ** 2 + (radius * ARCSEC) ** 2
            room = np.where(sources < n_own, margin, margin - _SHARED * radius)
            if np.any(np.sqrt(chord2) > room * ARCSEC):
                raise _too_narrow(name, margin)
        found = candidates_table(problem, solution)
        found["primary"] = sources[np.asarray(found["primary"])]
        return found


def _too_narrow(name, margin):
    return InputValueError(
        f"the margin of {name} is too narrow for density='local', which counts {NEIGHBOURS} "
        f"objects beyond the search radius: got {margin:g} arcsec; give a wider one, or the density"
    )


class _Survey:
    """
    The partitions of a survey and of its margin.
    """

    def __init__(self, survey):
        self.margin_arcsec = _margin_arcsec(survey)
        self._empty = survey.meta[:0]
        self._own = _delayed(survey)
        self._margin = _delayed(survey.margin[list(survey.columns)])

    def read(self, order, pixel):
        """
        Read the objects in a pixel and in the margin around it.
        """
        import dask
        import pandas as pd

        own = _overlapping(self._own, order, pixel)
        margin = _overlapping(self._margin, order, pixel)
        frames = dask.compute(
            *(self._own[one] for one in own),
            *(self._margin[one] for one in margin),
            scheduler="synchronous",
        )
        around = list(frames[len(own) :])
        if around:
            # The margin of a small partition lies in part within the next.
            around = pd.concat(around)
            for here_order, here_pixel in own:
                inside = np.asarray(around.index) >> 2 * (_INDEX_ORDER - here_order) == here_pixel
                around = around[~inside]
            if len(margin) > 1:
                around = around.reset_index().drop_duplicates().set_index(around.index.name)
            around = [around]
        frames = [*frames[: len(own)], *around]
        return table_from_frame(pd.concat(frames) if frames else self._empty)


def _delayed(catalog):
    pixels = catalog.get_ordered_healpix_pixels()
    return {
        (int(one.order), int(one.pixel)): part
        for one, part in zip(pixels, catalog.to_delayed(), strict=True)
    }


def _overlapping(pixels, order, pixel):
    """
    List the pixels that hold a pixel or are in it.
    """
    return [
        (o, p)
        for o, p in pixels
        if (p == pixel >> 2 * (order - o) if o <= order else p >> 2 * (o - order) == pixel)
    ]
