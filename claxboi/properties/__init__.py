# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Step 4: measure the properties by which sources are classified.
"""

from .add_properties import add_properties
from .colors import add_colors
from .definitions import known_properties, property_definition, published_properties
from .distances import (
    add_luminosities,
    add_parallax_distances,
    add_star_distances,
)
from .positions import add_galactic, add_proper_motion
from .ratios import MAGNITUDES, add_flux_ratios, add_hardness_ratios, add_ratio_limits
from .spectra import conversion_uncertainty, convert_flux, flux_fraction
from .variability import add_flux_range, add_variability

__all__ = [
    "MAGNITUDES",
    "add_colors",
    "add_flux_range",
    "add_flux_ratios",
    "add_galactic",
    "add_hardness_ratios",
    "add_luminosities",
    "add_parallax_distances",
    "add_proper_motion",
    "add_properties",
    "add_ratio_limits",
    "add_star_distances",
    "add_variability",
    "conversion_uncertainty",
    "convert_flux",
    "flux_fraction",
    "known_properties",
    "property_definition",
    "published_properties",
]
