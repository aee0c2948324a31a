# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Who is to be thanked for a result: the method, the catalogues, the services and the software.
"""

import functools
import re
from collections.abc import Mapping
from importlib import resources

from claxboi.references import load_records
from claxboi.utils import check_table

__all__ = ["acknowledgements", "bibtex"]

METHOD = ("2022A&A...657A.138T",)
SOFTWARE = (
    "2013A&A...558A..33A",
    "2018AJ....156..123A",
    "2022ApJ...935..167A",
    "2019AJ....157...98G",
    "2020Natur.585..357H",
    "2020NatMe..17..261V",
)

THANKS = "This research has used claxboi, an implementation of the method of Tranin et al. (2022)."

#: What the CDS asks for, with the paper of each service.
SERVICES = {
    "vizier": (
        (
            "This research has made use of the VizieR catalogue access tool, CDS, Strasbourg "
            "Astronomical Observatory, France (DOI: 10.26093/cds/vizier). The original description "
            "of the VizieR service was published in 2000, A&AS 143, 23."
        ),
        "2000A&AS..143...23O",
    ),
    "simbad": (
        (
            "This research has made use of the SIMBAD database, CDS, Strasbourg Astronomical "
            "Observatory, France."
        ),
        "2000A&AS..143....9W",
    ),
    "xmatch": (
        "This research made use of the cross-match service provided by CDS, Strasbourg.",
        "2012ASPC..461..291B",
    ),
}

#: Year, journal, volume, qualifier (L for a letter, A for an article, e for an issue), page, name.
_BIBCODE = re.compile(r"(\d{4})([A-Za-z&.]{5})([\d.]{4})([A-Za-z.\d])([\d.]{4})([A-Z.])")
_JOURNALS = {
    "A&A": r"A\&A",
    "A&AS": r"A\&AS",
    "arXiv": "arXiv e-prints",
    "yCat": "VizieR Online Data Catalog",
}


def bibtex(result):
    """
    Write what a result asks to be cited as BibTeX.

    Parameters
    ----------
    result : `~astropy.table.Table`
        A table that steps of claxboi were done on, which they recorded in ``meta["claxboi"]``.

    Returns
    -------
    text : str
        Entries for the method, for the catalogues and services that the record names, and for the
        software, each once, by their bibcodes; above them, as a comment, the text of
        `acknowledgements`. An entry of a catalogue whose paper claxboi knows by its bibcode
        only has no author and the title of the catalogue, and a note says so: ADS has those of
        the paper, at ``adsurl``.

    Examples
    --------
    >>> from claxboi.sharing import bibtex
    >>> from claxboi.simulation import make_labelled_sample
    >>> text = bibtex(make_labelled_sample(100, rng=1))
    >>> text.count("@article")
    7
    """
    check_table(result, "result", allow_empty=True)
    bibcodes, titles, services = _used(result.meta.get("claxboi", {}))
    papers = [SERVICES[name][1] for name in services]
    keys = dict.fromkeys([*METHOD, *bibcodes, *papers, *SOFTWARE])
    known = _entries()
    entries = [known[key] if key in known else _bare_entry(key, titles.get(key)) for key in keys]
    thanks = "".join(f"% {line}\n" for line in acknowledgements(result).splitlines())
    return "\n\n".join([thanks.rstrip(), *entries]) + "\n"


def acknowledgements(result):
    """
    Write the acknowledgements that the services ask for whose data are in a result.

    Parameters
    ----------
    result : `~astropy.table.Table`
        A table that steps of claxboi were done on.

    Returns
    -------
    text : str
        One sentence or two a line.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.sharing import acknowledgements
    >>> used = {"references": {"reference": "gaia", "service": "xmatch"}}
    >>> print(acknowledgements(Table(meta={"claxboi": used})))
    This research has used claxboi, an implementation of the method of Tranin et al. (2022).
    This research made use of the cross-match service provided by CDS, Strasbourg.
    """
    check_table(result, "result", allow_empty=True)
    _, _, services = _used(result.meta.get("claxboi", {}))
    return "\n".join([THANKS, *(SERVICES[name][0] for name in services)])


def _used(record):
    """
    Find the bibcodes, the titles of their catalogues, and the services in a record of steps.
    """
    known = load_records()
    words = list(_words(record))
    bibcodes, titles, services = {}, {}, {}
    for word in words:
        if _BIBCODE.fullmatch(word):
            bibcodes[word] = None
        if word in SERVICES:
            services[word] = None
        if word in known:
            for bibcode in known[word].citation:
                bibcodes[bibcode] = None
                titles.setdefault(bibcode, known[word].title)
    ordered = [name for name in SERVICES if name in services]
    return list(bibcodes), titles, ordered


def _words(value):
    # Each step has its own record: names of catalogues are keys, or stand in lists.
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _words(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _words(item)
    elif isinstance(value, str):
        yield value


@functools.cache
def _entries():
    text = resources.files(__package__).joinpath("data/citations.bib").read_text(encoding="utf-8")
    found = re.finditer(r"^@\w+\{(\S+),\n.*?^\}", text, re.DOTALL | re.MULTILINE)
    return {match[1]: match[0] for match in found}


def _bare_entry(bibcode, title):
    year, journal, volume, qualifier, page, _ = _BIBCODE.fullmatch(bibcode).groups()
    journal, volume, page = journal.strip("."), volume.strip("."), page.strip(".")
    # A small letter is the issue.
    page = ("" if qualifier.islower() else qualifier.strip(".")) + page
    journal, name = _JOURNALS.get(journal, journal), (title or "A catalogue").replace("&", r"\&")
    # A catalogue without a paper has no page.
    where = ", ".join(part for part in (f"{journal} {volume}", page) if part not in ("", "0"))
    fields = {
        "key": name,
        "title": f"{{{name}}}",
        "howpublished": where,
        "year": year,
        "adsurl": f"https://ui.adsabs.harvard.edu/abs/{bibcode.replace('&', '%26')}",
        "note": "authors and title of the paper are at adsurl",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    # Of all kinds of entries, this one needs no author.
    return "\n".join([f"@misc{{{bibcode},", *lines, "}"])
