# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
What two or more steps need and astropy lacks: one topic a module.
"""

from ._columns import add_columns, find_rows, float_values, is_missing, text_values
from ._files import check_output, replacing
from ._formats import ecsv_text
from ._progress import Progress
from ._provenance import record
from ._tables import as_votable, output_format, read_table, write_table
from ._validation import (
    check_choice,
    check_columns,
    check_count,
    check_number,
    check_table,
    quantity_value,
)
from .exceptions import ClaxboiWarning, warn

__all__ = [
    "ClaxboiWarning",
    "Progress",
    "add_columns",
    "as_votable",
    "check_choice",
    "check_columns",
    "check_count",
    "check_number",
    "check_output",
    "check_table",
    "ecsv_text",
    "find_rows",
    "float_values",
    "is_missing",
    "output_format",
    "quantity_value",
    "read_table",
    "record",
    "replacing",
    "text_values",
    "warn",
    "write_table",
]
