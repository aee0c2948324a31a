# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Table of X-ray sources with the steps as methods.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from astropy.io.registry import IORegistryError, UnifiedReadWriteMethod
from astropy.table import Table, TableAttribute
from astropy.table.connect import TableRead, TableWrite

from claxboi.catalog import standardize
from claxboi.classification import class_sets, evaluate_result
from claxboi.classification.results import find_source
from claxboi.counterparts import CounterpartMixin
from claxboi.diagnostics import DiagnosticsMixin
from claxboi.properties import add_properties
from claxboi.references import CrossmatchMixin
from claxboi.report import ReportMixin
from claxboi.sharing import SharingMixin
from claxboi.training import add_labels, find_training
from claxboi.utils import InputValueError, as_method

from . import classify
from .io import WRITERS, output_format, read_table, table_file, write_table

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

    from claxboi.classification import Explanation
    from claxboi.classification.priors import PriorsLike

__all__ = ["XrayTable"]


class XrayTableRead(TableRead):
    """
    Read a table, or a mission catalogue with canonical columns.

    A file is read by `~claxboi.io.read_table`, with the record of its steps. With other arguments
    than these, and without ``mission``, this is ``Table.read`` of astropy.

    Parameters
    ----------
    path : str or path
        The file.
    mission : str, path or `~claxboi.catalog.Mission`, optional
        The mission of the catalogue, see `~claxboi.catalog.standardize`; "auto" recognises it by
        its columns.
    format : str, optional
        Name of the format, see `~claxboi.io.read_table`. Default: by the content or the suffix.
    table : str or int, optional
        Name or number of the table in a file that has several.
    **settings
        With ``mission``, the other arguments of `~claxboi.catalog.standardize`: ``columns``,
        ``pos_error_level``, ``overwrite``.

    Returns
    -------
    table : `XrayTable`

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file has another format or is truncated, or the table is not of the mission.

    Examples
    --------
    >>> from astropy.table import Table, TableAttribute
    >>> from claxboi import XrayTable
    >>> table = Table({
    ...     "IAUNAME": ["4XMM J004244.3+411608"], "SC_RA": [10.6847], "SC_DEC": [41.2691],
    ...     "SC_POSERR": [0.5], "SC_EP_8_FLUX": [3e-12],
    ... })
    >>> table.write("4XMM_slim.fits")
    >>> x = XrayTable.read("4XMM_slim.fits", mission="4XMM")
    >>> print(x["source_id", "flux", "flux_band"])
          source_id           flux     flux_band
                          erg / (s cm2)
    --------------------- ------------- ---------
    4XMM J004244.3+411608         3e-12    0.2-12
    """

    def __call__(self, path, *args, mission=None, format=None, table=None, **settings):
        is_file = isinstance(path, (str, os.PathLike)) and table_file(path)[0].is_file()
        if mission is None and (args or settings or not is_file):
            settings |= {"format": format} if format is not None else {}
            settings |= {"table": table} if table is not None else {}
            return super().__call__(path, *args, **settings)
        result = self._cls(read_table(path, format, table=table), copy=False)
        if mission is None:
            return result
        try:
            return standardize(result, mission, **settings)
        except (KeyError, ValueError) as err:
            # A KeyError shows the repr of its message.
            raise type(err)(f"{path}: {err.args[0]}") from err


class XrayTableWrite(TableWrite):
    """
    Write a table with its units, descriptions, UCDs and the record of its steps.

    FITS, ECSV, VOTable, Parquet and CSV are written by `~claxboi.io.write_table`; other formats,
    and other arguments than these, are those of ``Table.write`` of astropy.

    Parameters
    ----------
    path : str or path
        The file.
    format : str, optional
        Name of the format in astropy. Default: by the suffix.
    overwrite : bool, optional
        Replace an existing file.
    **settings
        Arguments of the format in astropy.

    Raises
    ------
    OSError
        If the file exists, or cannot be written.
    ValueError
        If the suffix is unknown, or the format cannot store a column.

    Examples
    --------
    >>> from claxboi import XrayTable
    >>> x = XrayTable({"ra": [10.0]}, meta={"claxboi": {"step": {"radius": 5}}})
    >>> x.write("sources.fits")
    >>> XrayTable.read("sources.fits").meta["claxboi"]["step"]["radius"]
    5
    """

    def __call__(self, *args, format=None, overwrite=False, **settings):
        path = args[0] if len(args) == 1 else None
        if not settings and _is_kept(path, format):
            return write_table(self._instance, path, format, overwrite=overwrite)
        settings |= {} if format is None else {"format": format}
        # Not all formats of astropy have this argument.
        settings |= {"overwrite": True} if overwrite else {}
        try:
            return super().__call__(*args, **settings)
        except IORegistryError:
            if format is None and isinstance(path, (str, os.PathLike)):
                # This error lists the suffixes in one line.
                output_format(path)
            raise


def _is_kept(path, format):
    """
    Check whether `write_table` writes the format of a file.
    """
    if not isinstance(path, (str, os.PathLike)):
        return False
    try:
        return (output_format(path) if format is None else format) in WRITERS
    except ValueError:
        return False


class SharedAttribute(TableAttribute):
    """
    Attribute of a table that its parts and copies share and that is not written to files.
    """

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return getattr(super().__get__(instance, owner), "value", None)

    def __set__(self, instance, value):
        if value is None:
            self.__delete__(instance)
        else:
            super().__set__(instance, _Shared(value))


class _Shared:
    """
    Container of an object that is not copied with the meta of a table.
    """

    def __init__(self, value):
        # Files with the whole meta as YAML have null in its place.
        from astropy.io.misc.yaml import AstropyDumper

        AstropyDumper.add_representer(_Shared, lambda dumper, _: dumper.represent_none(None))
        self.value = value

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


class XrayTable(
    CrossmatchMixin, CounterpartMixin, DiagnosticsMixin, ReportMixin, SharingMixin, Table
):
    """
    A table of X-ray sources whose methods are the steps of claxboi.

    It is an `~astropy.table.Table` and is made, read, written, sliced, stacked, copied and pickled
    as one; the results are of the same class, and have the same ``model`` and ``evaluation``.
    Methods do not change the table, but return a new one with columns added.

    Parameters
    ----------
    *args, **kwargs
        As for `~astropy.table.Table`.

    Examples
    --------
    >>> from astropy.table import Table, TableAttribute
    >>> from claxboi import XrayTable
    >>> x = XrayTable({"ra": [10.68, 15.0], "dec": [41.27, 41.2], "pos_error": [0.5, 0.5]})
    >>> galaxies = Table({"galaxy_id": ["M31"], "ra": [10.6847], "dec": [41.2688],
    ...                   "r25_major": [5340.0], "r25_ratio": [0.39], "r25_angle": [35.0]})
    >>> x = x.find_hosts(galaxies).add_properties()
    >>> print(x["ra", "galaxy_id"])
      ra  galaxy_id
    ----- ---------
    10.68       M31
     15.0        --

    Labels come from catalogues by name, or from tables:

    >>> x = x.add_labels({"AGN": x.copy()[:1]}, "4 classes", min_quality=0)
    >>> x["class"].tolist()
    ['AGN', None]

    With properties and labels, it can be classified:

    >>> from claxboi.simulation import make_labelled_sample
    >>> sample = XrayTable(make_labelled_sample(1000, rng=1))
    >>> result = sample.classify("training", properties=["hr2", "log_fx_fw1"])
    >>> result.model.categories
    ('spectrum', 'counterparts')
    """

    model = SharedAttribute()
    evaluation = SharedAttribute()

    read = UnifiedReadWriteMethod(XrayTableRead)
    write = UnifiedReadWriteMethod(XrayTableWrite)

    add_labels = as_method(add_labels)
    add_properties = as_method(add_properties)

    def explain(
        self,
        source: int | str | SkyCoord,
        priors: PriorsLike = None,
    ) -> Explanation:
        """
        Explain the probabilities of one source.

        Parameters
        ----------
        source : int, str or `~astropy.coordinates.SkyCoord`
            Row number, identifier in any of the usual spellings, or position.
        priors : mapping, sequence or "training", optional
            As for `~claxboi.classification.NaiveBayesClassifier.explain`. Default: those of the
            classification.

        Returns
        -------
        explanation : `~claxboi.classification.Explanation`

        Raises
        ------
        IndexError, KeyError, TypeError, ValueError
            If the table is not classified, or no source or several match.

        Examples
        --------
        >>> from claxboi import XrayTable
        >>> from claxboi.simulation import make_labelled_sample
        >>> x = XrayTable(make_labelled_sample(1000, rng=1)).classify("training")
        >>> x.explain("sim-0008").prediction == x["prediction"][7]
        True
        """
        if self.model is None:
            raise InputValueError("the table is not classified yet: call classify() first")
        row, _ = find_source(self, source, "the table")
        return self.model.explain(self[row], priors)

    def classify(
        self,
        priors: PriorsLike = None,
        *,
        label: str = "class",
        training: Table | str | None = None,
        **settings: Any,
    ) -> XrayTable:
        """
        Classify the sources: `~claxboi.classify`.

        Parameters
        ----------
        priors : mapping, sequence, "training", "estimate", "sky", array or callable, optional
            Prior proportions of the classes.
        label : str, optional
            Column with the known classes.
        training : `~astropy.table.Table` or str, optional
            Another labelled table to train on, or the name of a mission.
        **settings
            The other arguments of `~claxboi.classify`.

        Returns
        -------
        result : `XrayTable`
            Its ``model`` is the classifier, its ``evaluation`` the held-out scores on the labelled
            sources (None if there are none).
        """
        settings.pop("return_model", None)
        result, model = classify(
            self, priors, label=label, training=training, return_model=True, **settings
        )
        result.model = model
        show_progress = settings.get("show_progress", True)
        sample = training if isinstance(training, Table) else None
        if isinstance(training, str):
            sample = find_training(result, training, label=label, show_progress=show_progress)
        result.evaluation = evaluate_result(
            result, model, sample=sample, show_progress=show_progress
        )
        return result

    def class_sets(self, coverage: float = 0.95, **options: Any) -> XrayTable:
        """
        Add the classes that cannot be excluded: `~claxboi.classification.class_sets`.

        Parameters
        ----------
        coverage : float, optional
            Fraction of the sources whose set has their true class, above 0 and below 1.
        **options
            The other arguments of `~claxboi.classification.class_sets`.

        Returns
        -------
        table : `XrayTable`
            A new table with ``class_set``.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the table is not classified, or an argument is wrong.

        Examples
        --------
        >>> from claxboi import XrayTable
        >>> from claxboi.simulation import make_labelled_sample
        >>> x = XrayTable(make_labelled_sample(1000, rng=1)).classify("training")
        >>> "class_set" in x.class_sets(0.9).colnames
        True
        """
        if self.model is None:
            raise InputValueError("the table is not classified yet: call classify() first")
        return class_sets(self, self.model, coverage, **options)
