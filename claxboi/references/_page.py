# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Pages of the documentation that list the catalogues, made from their records.
"""

import re

from .records import load_records

__all__ = ["catalogue_page"]


def catalogue_page(kind):
    """
    Write the records of one kind as a page of the documentation.

    Parameters
    ----------
    kind : {"survey", "galaxies", "labels", "x-ray"}
        The kind of catalogue.

    Returns
    -------
    text : str
        In reStructuredText.
    """
    records = [record for record in load_records().values() if record.kind == kind]
    return "\n".join(line for record in records for line in _entry(record))


def _entry(record):
    title = f"``{record.name}``: {record.title}"
    lines = [title, "=" * len(title), ""]
    rows = "an unknown number of rows" if record.rows is None else f"{record.rows:,} rows"
    lines += [
        f"``{record.table}`` on {', '.join(record.services)}; {rows}, {record.coverage}. "
        f"{_plain(record.note)}".rstrip(),
        "",
    ]
    facts = {
        "Labels": record.labels,
        "Selected in": ", ".join(record.selected_in),
        "Epoch": _epoch(record.epoch),
        "Positional error": _error(record),
        "Magnitudes": record.system,
        "Limits": record.limits,
        "Cite": ", ".join(
            f"`{code} <https://ui.adsabs.harvard.edu/abs/{code.replace('&', '%26')}>`__"
            for code in record.citation
        ),
        "Unconfirmed": ", ".join(f"``{mark}``" for mark in record.unconfirmed),
    }
    lines += [f":{name}: {value}" for name, value in facts.items() if value]
    lines += ["", ".. list-table::", "   :class: stacked", "   :header-rows: 1", ""]
    lines += _row(["Column", "Unit", *record.services])
    for name, column in record.columns.items():
        names = [column.names.get(service) for service in record.services]
        lines += _row([f"``{name}``", column.unit, *(f"``{own}``" if own else "" for own in names)])
    return [*lines, ""]


def _plain(text):
    # A word that ends in an underscore would be a link.
    return re.sub(r"\b(\w*_)(?=\W|$)", r"``\1``", text)


def _row(cells):
    return [f"   {'*' if k == 0 else ' '} - {cell}".rstrip() for k, cell in enumerate(cells)]


def _epoch(epoch):
    values = set(epoch.values())
    if len(values) < 2:
        return "".join(f"{value:g}" for value in values)
    return ", ".join(f"{value:g} on {service}" for service, value in epoch.items())


def _error(record):
    groups = " or ".join(" and ".join(f"``{c}``" for c in group) for group in record.error)
    level = "1 sigma per axis"
    if record.error_level is not None:
        level = f"{100 * record.error_level:g} %"
    return f"{groups} ({level})" if groups else ""
