# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Citations and acknowledgements for a result.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from claxboi.utils import InputValueError, check_names, check_table

from .find_reference import get_reference
from .records import load_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

__all__ = ["acknowledgements", "bibtex", "cited"]

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

#: Acknowledgements that the CDS asks for, with the paper of each service.
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
#: Accents of TeX, and those that Unicode puts on the letter before.
_ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "H": "\u030b",
}
_JOURNALS = {
    "A&A": r"A\&A",
    "A&AS": r"A\&AS",
    "arXiv": "arXiv e-prints",
    "yCat": "VizieR Online Data Catalog",
}


def bibtex(result: Table | Sequence[str]) -> str:
    """
    Write the papers to cite for a result, or for catalogues, as BibTeX.

    Parameters
    ----------
    result : `~astropy.table.Table` or list of str
        A table that steps of claxboi were done on, which they recorded in ``meta["claxboi"]``; or
        names of reference catalogues, see `list_references`.

    Returns
    -------
    text : str
        Each paper once, by its bibcode: of a table, entries for the method, for the catalogues and
        services that the record names, and for the software, below the text of `acknowledgements`
        as a comment; of names, the papers of these catalogues. An entry of a catalogue whose paper
        claxboi knows by its bibcode only has no author and the title of the catalogue, and a note
        says so: ADS has those of the paper, at ``adsurl``.

    Examples
    --------
    >>> from claxboi.references import bibtex
    >>> from claxboi.simulation import make_labelled_sample
    >>> text = bibtex(make_labelled_sample(100, rng=1))
    >>> text.count("@article")
    7
    >>> print(bibtex(["catwise"]).splitlines()[0])
    @misc{2021ApJS..253....8M,
    """
    if isinstance(result, (list, tuple)):
        return "\n\n".join(_entries_of_catalogues(result).values()) + "\n"
    entries = _entries_of(result)
    thanks = "".join(f"% {line}\n" for line in acknowledgements(result).splitlines())
    return "\n\n".join([thanks.rstrip(), *entries.values()]) + "\n"


def cited(result: Table) -> Mapping[str, str]:
    """
    List the papers to cite for a result.

    Parameters
    ----------
    result : `~astropy.table.Table`
        A table that steps of claxboi were done on.

    Returns
    -------
    papers : dict of str to str
        Bibcode -> authors, year and place, in the order of `bibtex`.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.references import cited
    >>> cited(Table())["2022A&A...657A.138T"]
    'Tranin et al., 2022, A&A 657, A138'
    """
    return {key: _in_short(entry) for key, entry in _entries_of(result).items()}


def acknowledgements(result: Table) -> str:
    """
    Write the acknowledgements requested by the services that a result used.

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
    >>> from claxboi.references import acknowledgements
    >>> used = {"references": {"reference": "gaia", "service": "xmatch"}}
    >>> print(acknowledgements(Table(meta={"claxboi": used})))
    This research has used claxboi, an implementation of the method of Tranin et al. (2022).
    This research made use of the cross-match service provided by CDS, Strasbourg.
    """
    check_table(result, "result", allow_empty=True)
    _, _, services = _used(result.meta.get("claxboi", {}))
    return "\n".join([THANKS, *(SERVICES[name][0] for name in services)])


def _entries_of_catalogues(names):
    """
    Return the entries of catalogues, by bibcode.
    """
    titles = {}
    for name in check_names(names, "result"):
        try:
            record = get_reference(name).record
        except ValueError as err:
            raise InputValueError(f"result: {err}") from err
        for bibcode in record.citation:
            titles.setdefault(bibcode, record.title)
    known = _entries()
    return {key: known.get(key) or _bare_entry(key, title) for key, title in titles.items()}


def _entries_of(result):
    """
    Return the entries of a result, by bibcode.
    """
    check_table(result, "result", allow_empty=True)
    bibcodes, titles, services = _used(result.meta.get("claxboi", {}))
    papers = [SERVICES[name][1] for name in services]
    known = _entries()
    return {
        key: known[key] if key in known else _bare_entry(key, titles.get(key))
        for key in dict.fromkeys([*METHOD, *bibcodes, *papers, *SOFTWARE])
    }


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
    # This kind of entry needs no author.
    return "\n".join([f"@misc{{{bibcode},", *lines, "}"])


def _in_short(entry):
    """
    Write an entry as a reference list has it.
    """
    fields = {
        match[1]: _plain(_in_braces(entry, match.end()))
        for match in re.finditer(r"(\w+) = \{", entry)
    }
    if "author" not in fields:
        return f"{fields['title']}, {fields['year']}, {fields['howpublished']}"
    names = [name.split(",")[0] for name in fields["author"].split(" and ")]
    if len(names) > 2:
        names = [f"{names[0]} et al."]
    journal = fields.get("journal") or fields.get("series")
    place = " ".join(filter(None, (journal, fields.get("volume"))))
    where = fields.get("pages") or fields.get("eid")
    return ", ".join(filter(None, (" & ".join(names), fields["year"], place, where)))


def _in_braces(text, start):
    """
    Return the text from `start`, just after a brace, to the brace that closes it.
    """
    depth = np.cumsum([{"{": 1, "}": -1}.get(letter, 0) for letter in text[start:]])
    return text[start : start + int(np.argmax(depth < 0))]


def _plain(text):
    """
    Remove TeX markup from a text.
    """
    text = re.sub(
        r"\\(['`^\"~H])\s*\{?\\?(\w)\}?", lambda match: match[2] + _ACCENTS[match[1]], text
    )
    return unicodedata.normalize("NFC", re.sub(r"[{}\\]", "", text)).replace("--", "\u2013")
