# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table

from claxboi import classify
from claxboi.classification import class_sets
from claxboi.simulation import make_labelled_sample

PRIORS = {
    "AGN": 0.55,
    "star": 0.24,
    "gal_XRB": 0.07,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.02,
}
#: Names that would break out of a page whose texts are not escaped.
HOSTILE = ("<script>window.broken=1</script>", "</script><img src=x onerror=window.broken=2>")


@pytest.fixture(scope="session")
def made():
    """A classified table with hostile names, its model and its scores."""
    table = make_labelled_sample(1200, rng=1)
    names = table["source_id"].astype("U60")
    names[3], names[4] = HOSTILE
    names[5] = 'a,"b" &amp; \u2028'
    table["source_id"] = names
    table["note"] = np.array(["</script>", "<b>"] * 600)
    result, model = classify(table, PRIORS, return_model=True, show_progress=False)
    result = class_sets(result, model, 0.975)
    # The page is that of real sources, with links to services.
    del result.meta["claxboi"]["simulation"]
    result["is_suspect"] = MaskedColumn(np.arange(1200) % 3 == 0, mask=np.arange(1200) % 5 == 0)
    result.meta["claxboi"]["other"] = {"citation": "A & B <i>, 2020", "list": [1.5, None, "x"]}
    return result, model, model.evaluate(table, PRIORS, show_progress=False)


#: Names that a CSV file or a spreadsheet could spoil.
ODD_NAMES = ("=1+1", "0070e5", "a,b", 'q"q', "\u00fcn\u00ef \u2609", "-- nan", *HOSTILE)
ODD_CLASSES = {"CV": "CV, polar", "gal_XRB": "gal XRB"}


@pytest.fixture(scope="session")
def odd():
    """A table with odd names and classes, classified."""
    table = make_labelled_sample(900, labelled_fraction=0.5, rng=2)
    names = table["source_id"].astype("U60")
    unknown = np.flatnonzero(table["class"].mask)
    names[unknown[: len(ODD_NAMES)]] = ODD_NAMES
    table["source_id"] = names
    labels = table["class"].astype("U20")
    for name, other in ODD_CLASSES.items():
        labels[labels == name] = other
    table["class"] = labels
    return table, classify(table, "training", show_progress=False)


@pytest.fixture(scope="session")
def odd_page(odd, tmp_path_factory):
    """The report of it, without the model."""
    from claxboi.report import write_report

    path = tmp_path_factory.mktemp("odd") / "odd.html"
    write_report(odd[1], path, n_cards=0)
    return path


@pytest.fixture(scope="session")
def candidates():
    """Three candidates of row 0, none of row 1."""
    table = Table({"primary": [0, 0, 0, 2], "p_i": [0.2, 0.7, 0.1, 1.0]})
    table["opt_id"] = ["b", "a<b>", "c", "d"]
    table["separation"] = [2.0, 0.5, 3.0, 1.0] * u.arcsec
    return table


@pytest.fixture(scope="session")
def page(made, candidates, tmp_path_factory):
    """The report of it, as a file."""
    from claxboi.report import write_report

    result, model, evaluation = made
    path = tmp_path_factory.mktemp("report") / "report.html"
    rows = [*range(10), *range(600, 700)]
    write_report(
        result,
        path,
        model=model,
        evaluation=evaluation,
        truth="true_class",
        sources=rows,
        candidates=candidates,
        columns=["note"],
        table_path=path.parent / "tables" / "a b.fits",
        title="Sources & <b>more</b>",
    )
    return path
