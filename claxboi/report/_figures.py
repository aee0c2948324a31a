# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Figures as part of a page: drawings that take their colours and letters from it.
"""

import io
import re

from claxboi.utils.style import COLORS, DARK, GREY, PALE

__all__ = ["class_variable", "draw"]

#: What the page calls a colour: it has one for light and one for dark.
VARIABLES = {
    **{color.lower(): f"var(--class-{k})" for k, color in enumerate(COLORS)},
    DARK.lower(): "var(--ink)",
    GREY.lower(): "var(--grey)",
    PALE.lower(): "var(--pale)",
    "#ffffff": "var(--paper)",
    "#cccccc": "var(--rule)",
}

#: Settings of the drawings: text stays text, and files of equal contents are equal.
SETTINGS = {"svg.fonttype": "none", "axes.spines.top": False, "axes.spines.right": False}


def class_variable(number):
    """
    Name the colour of a class in the page.

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
        What it shows, for those who do not see it.

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
    # Numbers of things are unique in one figure, not among several.
    text = re.sub(r'(<g) id="[^"]*"', r"\1", text)
    text = re.sub(r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', _head(salt, label), text)
    text = re.sub(r"font-family: [^;\"]*", "font-family: inherit", text)
    text = re.sub("#[0-9a-f]{6}", lambda found: VARIABLES.get(found[0], found[0]), text)
    return text.replace("xlink:href", "href")


def _head(salt, label):
    # Black is left out by matplotlib: it is what a shape is filled with if nothing is said.
    black = VARIABLES["#000000"]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" \\1 fill="{black}" role="img" '
        f'aria-labelledby="figure-{salt}">'
        f'<title id="figure-{salt}">{label}</title>'
    )
