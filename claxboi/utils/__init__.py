# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Helpers shared by several steps: units, columns, arguments, files, progress.
"""

from ._arguments import by_name, checked
from ._column_values import (
    add_columns,
    coordinate_values,
    distinct_rows,
    find_rows,
    float_values,
    is_missing,
    optional_values,
    take_rows,
    text_values,
    with_units,
)
from ._content_store import ContentStore, digest, file_hash, table_hash
from ._epochs import to_years, year_values
from ._files import check_output, remove_abandoned, replacing, replacing_all
from ._methods import as_method
from ._moved import moved_names
from ._progress import NOTE, Progress
from ._provenance import record
from ._units import (
    ImplausibleValueWarning,
    check_magnitude_system,
    check_plausible,
    convert_values,
    read_unit,
)
from ._validation import (
    check_choice,
    check_classes,
    check_columns,
    check_count,
    check_flag,
    check_label_values,
    check_mapping,
    check_merge,
    check_names,
    check_number,
    check_path,
    check_rng,
    check_table,
    check_text,
    quantity_value,
    shown,
)
from .exceptions import (
    ClaxboiWarning,
    InputError,
    InputIndexError,
    InputKeyError,
    InputTypeError,
    InputUnitError,
    InputValueError,
    warn,
)
from .hardness import hardness_ratio
from .sphere import (
    ARCSEC,
    chord_length,
    nearest_within,
    pairs_within,
    sky_offsets,
    sky_separation,
    unit_vectors,
)

__all__ = [
    "ARCSEC",
    "NOTE",
    "ClaxboiWarning",
    "ContentStore",
    "ImplausibleValueWarning",
    "InputError",
    "InputIndexError",
    "InputKeyError",
    "InputTypeError",
    "InputUnitError",
    "InputValueError",
    "Progress",
    "add_columns",
    "as_method",
    "by_name",
    "check_choice",
    "check_classes",
    "check_columns",
    "check_count",
    "check_flag",
    "check_label_values",
    "check_magnitude_system",
    "check_mapping",
    "check_merge",
    "check_names",
    "check_number",
    "check_output",
    "check_path",
    "check_plausible",
    "check_rng",
    "check_table",
    "check_text",
    "checked",
    "chord_length",
    "convert_values",
    "coordinate_values",
    "digest",
    "distinct_rows",
    "file_hash",
    "find_rows",
    "float_values",
    "hardness_ratio",
    "is_missing",
    "moved_names",
    "nearest_within",
    "optional_values",
    "pairs_within",
    "quantity_value",
    "read_unit",
    "record",
    "remove_abandoned",
    "replacing",
    "replacing_all",
    "shown",
    "sky_offsets",
    "sky_separation",
    "table_hash",
    "take_rows",
    "text_values",
    "to_years",
    "unit_vectors",
    "warn",
    "with_units",
    "year_values",
]

__getattr__ = moved_names(
    __name__, {"as_votable": "claxboi.io", "read_table": "claxboi.io", "write_table": "claxboi.io"}
)
