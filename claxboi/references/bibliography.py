# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Write BibTeX entries for catalogues.
"""

import re

from claxboi.utils import check_names

from .reference import get_reference

__all__ = ["bibtex"]

# Year, journal, volume, qualifier and page, initial of the first author: 19 characters, filled
# with dots (https://ui.adsabs.harvard.edu/help/actions/bibcode).
_BIBCODE = re.compile(r"(\d{4})([A-Za-z&.]{5})([\w.]{4})([A-Za-z.])([\w.]{4})([A-Z.])")

# Macros that the classes of the journals know.
_JOURNALS = {
    "A&A": r"\aap",
    "AJ": r"\aj",
    "ApJ": r"\apj",
    "ApJS": r"\apjs",
    "ARep": r"Astronomy Reports",
    "MNRAS": r"\mnras",
    "PASP": r"\pasp",
}


def bibtex(names):
    r"""
    Write BibTeX entries of the papers to cite for catalogues.

    The entries say what the bibcode says: year, journal, volume, page and the address at ADS, which
    has authors and titles.

    Parameters
    ----------
    names : list of str
        Short names of catalogues, or what else `get_reference` takes.

    Returns
    -------
    text : str
        Each paper once. Its key is the bibcode.

    Examples
    --------
    >>> from claxboi.references import bibtex
    >>> print(bibtex(["catwise"]))
    % CatWISE2020 (II/365/catwise)
    @ARTICLE{2021ApJS..253....8M,
      year = 2021,
      journal = {\apjs},
      volume = 253,
      pages = {8},
      adsurl = {https://ui.adsabs.harvard.edu/abs/2021ApJS..253....8M},
    }
    """
    names = check_names(names, "names")
    papers = {}
    for name in names:
        try:
            record = get_reference(name).record
        except ValueError as err:
            raise ValueError(f"names: {err}") from err
        for code in record.citation:
            papers.setdefault(code, []).append(f"{record.title} ({record.table})")
    return "\n".join(_entry(code, used) for code, used in papers.items())


def _entry(code, catalogues):
    lines = [f"% {catalogue}" for catalogue in catalogues]
    found = _BIBCODE.fullmatch(code)
    lines.append(f"@{'ARTICLE' if found else 'MISC'}{{{code},")
    if found:
        year, journal, volume, qualifier, page, _ = found.groups()
        journal = journal.strip(".")
        letter = qualifier if qualifier.isupper() and qualifier != "." else ""
        fields = {
            "year": year,
            "journal": f"{{{_JOURNALS.get(journal, journal)}}}",
            "volume": volume.strip("."),
            "pages": f"{{{letter}{page.strip('.')}}}",
        }
        lines += [f"  {name} = {value}," for name, value in fields.items() if value.strip("{}")]
    address = code.replace("&", "%26")
    lines += [f"  adsurl = {{https://ui.adsabs.harvard.edu/abs/{address}}},", "}"]
    return "\n".join(lines)
