# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Named combinations of the settings of the classifier.
"""

import numpy as np

from claxboi.utils import InputTypeError, InputValueError, check_choice, check_number

from ._bandwidths import RULES
from ._kernels import KERNELS
from .original import ORIGINAL_KERNEL
from .posterior import MISSING_MODES, NORMALIZATIONS

__all__ = ["DEFAULT_FLOOR", "RECIPES", "resolve_recipe"]

#: What each recipe stands for. This is the one place of these defaults.
RECIPES = {
    "default": {
        "kernel": "exponential",
        "normalization": "none",
        "missing": "existence",
        "bandwidth": "likelihood",
        "refine": True,
    },
    # Tranin et al. 2022, A&A 657, A138, section 3.
    "published": {
        "kernel": "exponential",
        "normalization": "published",
        "missing": "existence",
        "bandwidth": "published",
        "refine": False,
    },
    # What the scripts of that paper compute.
    "original": {
        "kernel": ORIGINAL_KERNEL,
        "normalization": "original",
        "missing": "existence",
        "bandwidth": "published",
        "refine": False,
    },
}

#: Share of a uniform density, which no density falls below.
DEFAULT_FLOOR = 0.01


def resolve_recipe(
    recipe,
    *,
    kernel=None,
    normalization=None,
    missing=None,
    bandwidth=None,
    refine=None,
    weights=None,
):
    """
    Return the settings of a recipe, with those that are given instead.

    Parameters
    ----------
    recipe : {"default", "published", "original"}
        Name of the combination.
    kernel, normalization, missing, bandwidth, refine : optional
        Settings that win over the recipe; None takes that of the recipe. Without free exponents
        there is no refinement.
    weights : object, optional
        Weights of the categories: "published" ones are normalised in the published way, where no
        normalization is given and the recipe is the default.

    Returns
    -------
    settings : dict
        ``kernel``, ``normalization``, ``missing``, ``bandwidth`` and ``refine``.

    Raises
    ------
    ValueError, TypeError
        If a setting is unknown.
    """
    check_choice(recipe, RECIPES, "recipe")
    settings = dict(RECIPES[recipe])
    if recipe == "default" and isinstance(weights, str) and weights == "published":
        settings["normalization"] = "published"
    given = {
        "kernel": kernel,
        "normalization": normalization,
        "missing": missing,
        "bandwidth": bandwidth,
    }
    settings |= {name: value for name, value in given.items() if value is not None}
    check_choice(settings["normalization"], NORMALIZATIONS, "normalization")
    check_choice(settings["missing"], MISSING_MODES, "missing")
    check_choice(settings["kernel"], (*KERNELS, ORIGINAL_KERNEL), "kernel")
    if isinstance(settings["bandwidth"], str):
        check_choice(settings["bandwidth"], RULES, "bandwidth")
    else:
        settings["bandwidth"] = check_number(
            settings["bandwidth"], "bandwidth", minimum=0, exclusive=True
        )
    is_free = settings["normalization"] == "none" and settings["kernel"] != ORIGINAL_KERNEL
    if refine is None:
        settings["refine"] &= is_free
        return settings
    if not isinstance(refine, bool | np.bool_):
        raise InputTypeError(f"refine must be True or False, got {refine!r}")
    if refine and not is_free:
        raise InputValueError(
            "refine=True needs normalization='none' and a kernel other than 'original', got "
            f"normalization={settings['normalization']!r}, kernel={settings['kernel']!r}"
        )
    return settings | {"refine": bool(refine)}
