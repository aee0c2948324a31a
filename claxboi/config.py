# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The settings of claxboi, as astropy configuration items in ``claxboi.cfg``.
"""

from astropy import config as _config

__all__ = ["CUTOFF", "HOST_RADIUS", "MIN_CLASS_SIZE", "Conf", "conf"]

CUTOFF = 0.5
"""Smallest probability of a counterpart in a survey, ``p_any``, with which it is taken."""

HOST_RADIUS = 1.5
"""How far out a source belongs to a galaxy, in units of its ellipse (Tranin et al. 2022)."""

MIN_CLASS_SIZE = 3
"""Classes with fewer labelled sources are left out, where nothing else is asked for."""


class Conf(_config.ConfigNamespace):
    """
    Settings of ``claxboi``, read each time they are used.

    Change one for good in ``claxboi.cfg`` in astropy's configuration folder, for a session with
    ``claxboi.conf.timeout = 60``, or for some lines with ``claxboi.conf.set_temp``.

    Examples
    --------
    >>> from claxboi import conf
    >>> with conf.set_temp("chunk_size", 10_000):
    ...     print(conf.chunk_size)
    10000
    """

    xmatch_url = _config.ConfigItem(
        "https://cdsxmatch.cds.unistra.fr/xmatch/api/v1/sync",
        "Address of the CDS cross-match service.",
        module="claxboi",
    )
    vizier_server = _config.ConfigItem(
        "vizier.cds.unistra.fr",
        "Host of VizieR, or of one of its mirrors.",
        module="claxboi",
    )
    simbad_server = _config.ConfigItem(
        "simbad.cds.unistra.fr",
        "Host of SIMBAD.",
        module="claxboi",
    )
    offline = _config.ConfigItem(
        False,
        "Whether to take everything from the cache and ask no service.",
        module="claxboi",
    )
    timeout = _config.ConfigItem(
        300.0,
        "Seconds that a service may be silent before it is asked again; four times as long for "
        "a whole answer.",
        cfgtype="float(min=0)",
        module="claxboi",
    )
    retries = _config.ConfigItem(
        6,
        "Number of retries after a temporary failure.",
        cfgtype="integer(min=0)",
        module="claxboi",
    )
    retry_wait = _config.ConfigItem(
        2.0,
        "Seconds before the first retry; each further wait is twice as long.",
        cfgtype="float(min=0)",
        module="claxboi",
    )
    chunk_size = _config.ConfigItem(
        50_000,
        "Maximum number of positions per request.",
        cfgtype="integer(min=1)",
        module="claxboi",
    )
    max_rows = _config.ConfigItem(
        2_000_000,
        "Row limit of the services; an answer of this length counts as truncated.",
        cfgtype="integer(min=1)",
        module="claxboi",
    )
    max_megabytes = _config.ConfigItem(
        2000.0,
        "Largest answer of a service, in MB: a longer one is not read to its end.",
        cfgtype="float(min=0)",
        module="claxboi",
    )
    cache_dir = _config.ConfigItem(
        "",
        "Folder of the download cache; empty means claxboi/references in astropy's cache folder.",
        module="claxboi",
    )
    n_jobs = _config.ConfigItem(
        0,
        "Number of threads of the classifier; 0 means one for each core, up to 8.",
        cfgtype="integer(min=0)",
        module="claxboi",
    )


conf = Conf()
