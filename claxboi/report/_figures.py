# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figures as SVG that takes its colours and fonts from the page.
"""

import io
import re
from html import escape

from claxboi.utils.style import COLORS, DARK, GREY, PALE

__all__ = ["class_variable", "draw"]

#: CSS variables of the colours, which differ between the light and the dark theme.
VARIABLES = {
    **{color.lower(): f"var(--class-{k})" for k, color in enumerate(COLORS)},
    DARK.lower(): "var(--ink)",
    GREY.lower(): "var(--grey)",
    PALE.lower(): "var(--pale)",
    "#ffffff": "var(--paper)",
    "#cccccc": "var(--rule)",
}

#: Settings of matplotlib: text remains text, and output is reproducible.
SETTINGS = {"svg.fonttype": "none", "axes.spines.top": False, "axes.spines.right": False}


def class_variable(number):
    """
    Return the CSS variable of the colour of a class.

    Parameters
    ----------
    number : int
        Its place among the classes.

    Returns
    -------
    color : str
    """
    return f"var(--class-{number % len(COLORS)})"


def draw(plot, width, height, label):
    """
    Draw a figure for a page.

    Parameters
    ----------
    plot : callable
        Draws on the Axes that it is given.
    width, height : float
        Size in inches.
    label : str
        Alternative text.

    Returns
    -------
    svg : str
        An ``svg`` element.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    salt = re.sub(r"\W+", "-", label)
    with mpl.rc_context(SETTINGS | {"svg.hashsalt": salt}):
        figure = Figure(figsize=(width, height), layout="constrained")
        plot(figure.subplots())
        stream = io.StringIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</defs>", "", text, flags=re.DOTALL)
    # Identifiers are unique in one figure only, not in a page of several.
    text = re.sub(r'(<g) id="[^"]*"', r"\1", text)
    text = re.sub(
        r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', lambda found: _head(found[1], salt, label), text
    )
    text = re.sub(r"font-family: [^;\"]*", "font-family: inherit", text)
    text = re.sub("#[0-9a-f]{6}", lambda found: VARIABLES.get(found[0], found[0]), text)
    return text.replace("xlink:href", "href")


def _head(view_box, salt, label):
    # Matplotlib leaves out black, with which shapes are filled by default.
    black = VARIABLES["#000000"]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {view_box} fill="{black}" role="img" '
        f'aria-labelledby="figure-{salt}">'
        f'<title id="figure-{salt}">{escape(label)}</title>'
    )
