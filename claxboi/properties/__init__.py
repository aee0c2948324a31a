# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Step 4, what is measured: the properties by which sources are classified.
"""

from .definitions import known_properties, property_definition

__all__ = ["known_properties", "property_definition"]
