# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Record settings and versions in ``table.meta["claxboi"]``.
"""

import copy
from datetime import UTC, datetime

__all__ = ["record"]


def record(meta, step, **settings):
    """
    Return a copy of a table's meta with one step's settings recorded.

    Parameters
    ----------
    meta : mapping
        The meta of a table; it is not changed.
    step : str
        Name of the step, such as "classification".
    **settings
        Settings that reproduce the step: plain numbers, strings, lists and mappings.

    Returns
    -------
    meta : same class as the input
        With ``meta["claxboi"][step]`` holding the settings, the version and the date (UTC).
    """
    from claxboi import __version__

    meta = copy.deepcopy(meta)
    own = dict(meta.get("claxboi", {}))
    own[step] = {
        "version": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **settings,
    }
    meta["claxboi"] = own
    return meta
