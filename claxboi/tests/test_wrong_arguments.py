# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Every public function with every kind of wrong value for every argument: one clear error, always.

``python -m claxboi.tests.test_wrong_arguments`` counts calls, clear errors, other exceptions,
errors that do not name the argument, and wrong values that were accepted.
"""

import functools
import importlib.util
import inspect
import sys
import warnings
from collections import Counter

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack

import claxboi.applications
import claxboi.catalog
import claxboi.classification
import claxboi.counterparts
import claxboi.diagnostics
import claxboi.properties
import claxboi.references
import claxboi.sharing
import claxboi.simulation
import claxboi.training
import claxboi.votes
from claxboi import NaiveBayesClassifier, classify, conf

NAN = float("nan")

#: Values that no argument of a kind may have.
WRONG = {
    "flag": ["yes", 2, NAN, [True], None],
    "number": ["3", True, NAN, [1.0, "x"], None, 1j, object()],
    "index": ["3", True, [1.0, "x"], None, 1j, object()],
    "cache": ["yes", 2, NAN, None],
    "shrinkage": ["x", True, NAN, -1.0, 0, ["x"], None],
    "decision": [5, "nonsense", ["x"], {"f1": "nonsense"}, {"nonsense": 2}, None],
    "values": [5, object()],
    "jobs": ["3", 1.5, True, [2], NAN],
    "age": [5, "x", 5 * u.kg, -1 * u.day],
    "sizes": ["3", True, [1.0, "x"], None, -1.0],
    "at least 0": ["3", True, NAN, [1.0, "x"], None, -1.0],
    "above 0": ["3", True, NAN, ["x"], None, -1.0, 0],
    "fraction": ["0.5", True, NAN, None, -0.5, 1.5],
    "count": ["3", 1.5, True, None, -1, [2], NAN],
    "angle": [5.0, "5 arcsec", 5 * u.kg, NAN * u.arcsec, -1 * u.arcsec, None],
    "length": [5.0, "5 Mpc", 5 * u.kg, NAN * u.Mpc, -1 * u.Mpc, None],
    "area": [5.0, 5 * u.kg, -1 * u.deg**2, 0 * u.deg**2, 1e5 * u.deg**2, "x"],
    "sky density": [5.0, 5 * u.kg, -1 / u.deg**2, "x"],
    "column density": [5.0, "x", 5 * u.kg, -1 / u.cm**2, None],
    "flux": ["x", True, 5 * u.kg, None],
    "band": ["x", "5-2", "2", 5, None, (2 * u.keV, 1 * u.keV), (1, 2), "-1-2"],
    "indices": [5, "x", (2.0, 1.0), (1.0,), ("a", "b"), None, (1.0, NAN)],
    "table": [None, 5, "x", [1], {"ra": [1.0]}, np.zeros(3)],
    "column": [5, None, "no such column", ["a"], object()],
    "columns": [5, "no such column", ["no such column"], [5], object()],
    "choice": [5, "nonsense", True, ["nonsense"], None],
    "bandwidth": ["x", True, -1.0, 0.0, NAN, ["x"]],
    "atoms": ["x", 5, True, ["nonsense"], [NAN]],
    "numbers": ["x", ["x"], {"a": 1}, object()],
    "names": [5, "x", [5], object()],
    "codes": [5, "x", [0, 1], None, np.array([0.5, 1]), np.array([0, 7]), np.array([-1, 0])],
    "nothing or choice": [5, "nonsense", True, ["nonsense"]],
    "companions": [5, {"a": 1}, ["x", "y"], [5]],
    "text": [5, ["x"], {"a": 1}],
    "mapping": [5, "x", ["x"], {"nonsense": 5}, {5: 5}],
    "memory": [5, "x", ["x"]],
    "rng": [-1, "x", 1.5, ["x"], object()],
    "priors": ["x", 5, ["x"], {"mag": 5}, {"AGN": -1.0, "star": 2.0}, np.ones(2), object()],
    "weights": ["x", ["x"], {"mag": 5}, {"location": -1}, {"location": "x"}, {"location": NAN}],
    "path": [5, [1], object(), "no such folder/file"],
    "axes": ["x", 5],
    "object": [5, "x", [1], {"a": 1}],
    "coordinates": [None, 5, "x", [1.0]],
    "classes": [5, ["nonsense"], "nonsense", object()],
    "epoch": [5, "x", 5 * u.kg, 5 * u.s],
    "choices": [5, "", "nonsense", True, ["nonsense"], [5]],
    "completeness": [5, "nonsense", True, NAN, -0.5, {"nonsense": 0.5}],
    "folder": [5, [1], object()],
    "source": [NAN, "no such source", 1000, ["x"], 1.5, None],
}

#: Kinds of the arguments that mean the same everywhere.
KINDS = {
    "table": "table",
    "result": "table",
    "xray": "table",
    "galaxies": "table",
    "hosts": "table",
    "candidates": "table",
    "secondary": "table",
    "overwrite": "flag",
    "show_progress": "flag",
    "associations": "memory",
    "cache": "cache",
    "corrected": "flag",
    "unabsorbed": "flag",
    "rng": "rng",
    "radius": "angle",
    "factor": "above 0",
    "n_sigma": "at least 0",
    "level": "fraction",
    "label": "column",
    "column": "column",
    "id": "column",
    "recipe": "choice",
    "refine": "flag",
    "shrinkage": "shrinkage",
    "decision": "decision",
    "priors": "priors",
    "prior": "object",
    "cut": "fraction",
    "weights": "weights",
    "model": "object",
    "ax": "axes",
    "class_column": "column",
    "classes": "classes",
    "missing_angle": "choice",
    "min_class_size": "count",
    "merge": "mapping",
    "band": "band",
    "to_band": "band",
    "of_band": "band",
    "nh": "column density",
    "gamma": "index",
    "gamma_range": "indices",
    "max_age": "age",
    "sample": "table",
    "path": "path",
    "name": "text",
    "rule": "choice",
    "cutoff": "fraction",
    "alpha": "fraction",
    "min_probability": "fraction",
    "n_resamples": "count",
    "posterior_error": "count",
    "scheme": "choice",
    "distance_error": "at least 0",
    "completeness": "fraction",
}


def xray(n=4):
    return Table(
        {
            "source_id": [f"x{k}" for k in range(n)],
            "ra": 10.0 + 10 * np.arange(n),
            "dec": np.linspace(-30, 30, n),
            "pos_error": np.ones(n),
            "flux": np.full(n, 1e-13),
            "flux_band": ["0.5-2"] * n,
        }
    )


def survey():
    table = xray()["source_id", "ra", "dec", "pos_error"]
    table["g_mag"] = [15.0, 16.0, 17.0, 18.0]
    return table


@functools.cache
def hats_catalogs():
    """The sources and a survey as catalogues in partitions."""
    import lsdb

    tables = (xray()["source_id", "ra", "dec", "pos_error"], survey())
    frames = (Table({name: np.asarray(t[name]) for name in t.colnames}) for t in tables)
    options = {"ra_column": "ra", "dec_column": "dec", "margin_threshold": 60, "highest_order": 5}
    return [lsdb.from_dataframe(frame.to_pandas(), **options) for frame in frames]


GALAXIES = Table(
    {
        "galaxy_id": ["a"],
        "ra": [10.0],
        "dec": [-30.0],
        "r25_major": [60.0],
        "galaxy_distance": [10.0],
    }
)
MEASURED = Table(
    {"flux": [1e-13], "rp_mag": [15.0], "bp_mag": [15.5], "soft": [1.0], "hard": [2.0]}
)
ASSOCIATION = {"radius": 5 * u.arcsec, "completeness": 0.5, "density": 1000 / u.deg**2}


@functools.cache
def sample():
    return claxboi.simulation.make_labelled_sample(1000, labelled_fraction=0.9, rng=1)


@functools.cache
def model():
    return NaiveBayesClassifier(["hr1", "hr2", "b"], min_class_size=3).fit(sample())


@functools.cache
def dusty():
    table = sample()[:200]
    table["E_BV"] = 0.1
    return table


@functools.cache
def refined():
    return claxboi.classify(sample(), "training", properties=["hr1", "hr2"], return_model=True)[1]


@functools.cache
def classified():
    return model().classify(sample()[:60], "training", show_progress=False)


@functools.cache
def evaluation():
    return model().evaluate(sample(), "training", show_progress=False)


@functools.cache
def associated():
    return claxboi.counterparts.associate(xray(), survey(), **ASSOCIATION)


def new_model(**settings):
    """A classifier with settings, which are checked when it is made or fitted."""
    return NaiveBayesClassifier(**settings).fit(sample())


def labelled_stars():
    """A catalogue of stars, by which sources are labelled."""
    return r.get_reference(survey()["ra", "dec"], name="own")


def nearby():
    """Objects at the X-ray sources and at places around them."""
    table = Table()
    for shift in range(-40, 41):
        part = xray()["ra", "dec", "pos_error"]
        part["dec"] += shift * 4 / 3600
        table = vstack([table, part]) if len(table) else part
    return table


def in_host():
    """Sources of which one lies in a galaxy."""
    table = c.best_hosts(xray(), c.find_hosts(xray(), GALAXIES))
    table["P_ex_XRB"] = 0.7
    return table


def votes_file():
    """A file of votes."""
    Table({"source_id": ["x"], "voter": ["Ann"], "vote": ["AGN"]}).write(
        "votes.csv", overwrite=True
    )
    return "votes.csv"


def labelled():
    """Sources with labels of a catalogue."""
    return t.add_labels(xray(), {"star": survey()}, "4 classes", min_quality=0, show_progress=False)


def ulx():
    """Sources of a galaxy, with the frequency of contaminants."""
    table = in_host()
    table["P_ex_XRB"][0] = 0.9
    return a.find_ulx(table, GALAXIES, flux_ratio=0.75, classes=["ex_XRB"])


def model_file():
    """A file of a fitted model."""
    model().write("kept.ecsv", overwrite=True)
    return "kept.ecsv"


def candidate_rows(table):
    """Each source twice: with and without a counterpart."""
    rows = vstack([table, table])
    rows["primary"] = np.tile(np.arange(len(table)), 2)
    rows["match_probability"] = 0.5
    return rows


class Partitions:
    """What is asked of a catalogue in partitions."""

    def __init__(self):
        self.dtypes = sample()[:3]["hr1", "hr2", "b"].to_pandas().dtypes
        self._meta = sample()[:0]["hr1", "hr2", "b"].to_pandas()

    def map_partitions(self, function, *arguments, meta):
        return meta


def gaia():
    """Stars at the X-ray sources, under the names of the service."""
    table = xray()["ra", "dec", "pos_error"]
    table["id"] = np.arange(len(table))
    table["Gmag"] = 15.0
    return table


def axes():
    """Sizes of galaxies."""
    return Table(
        {
            "id": [1],
            "ra": [10.0],
            "dec": [-30.0],
            "log_d25": [3.0],
            "log_r25": [0.1],
            "position_angle": [35.0],
        }
    )


def distances():
    """Distances of galaxies."""
    return Table({"pgc": [1], "ra": [10.0], "dec": [-30.0], "distance": [5.0]})


@functools.cache
def sky_of_stars():
    """Sources at one in thirty of the stars of a square degree."""
    rng = np.random.default_rng(1)
    n = 3000
    stars = Table({"ra": rng.random(n), "dec": rng.random(n), "pos_error": np.full(n, 0.1)})
    stars["g_mag"] = np.where(np.arange(n) < 100, 17, 20) + rng.normal(0, 1, n)
    sources = stars["ra", "dec"][:100]
    sources["dec"] += rng.normal(0, 1, 100) / 3600
    sources["pos_error"] = 1.0
    return sources, stars


@functools.cache
def calibration():
    return c.calibrate_cutoffs(*sky_of_stars(), radius=8 * u.arcsec, area=1 * u.deg**2, rng=1)


@functools.cache
def magnitude_candidates():
    return c.associate(*sky_of_stars(), radius=8 * u.arcsec, area=1 * u.deg**2, priors="g_mag")


@functools.cache
def weight_search():
    fitted = NaiveBayesClassifier(["hr1", "hr2"]).fit(sample())
    return fitted.optimize(sample(), "training", max_iterations=1, show_progress=False)


c, p, a = claxboi.counterparts, claxboi.properties, claxboi.applications
g, d, v, s = claxboi.catalog, claxboi.diagnostics, claxboi.votes, claxboi.sharing
r, k, m, t = claxboi.references, claxboi.classification, claxboi.simulation, claxboi.training

#: Function, good arguments, kinds of arguments beyond those of ``KINDS``; None: not tried.
FUNCTIONS = [
    (
        g.standardize,
        {"table": xray},
        {
            "mission": "choice",
            "columns": "mapping",
            "units": "mapping",
            "pos_error_level": "fraction",
        },
    ),
    (
        g.find_columns,
        {"table": xray},
        {"mission": "choice", "columns": "mapping", "units": "mapping"},
    ),
    (g.validate, {"table": xray}, {}),
    (
        g.flag_crowded,
        {"table": xray},
        {"objects": "table", "density": "sky density", "max_objects": "at least 0"},
    ),
    (
        g.flag_blended,
        {"table": xray, "sharper": xray},
        {"sharper": "table", "min_radius": "angle", "min_sources": "count"},
    ),
    (g.identifier_columns, {"table": xray}, {}),
    (
        c.associate,
        {"xray": xray, "secondaries": survey, **ASSOCIATION},
        {
            "secondaries": "table",
            "area": "area",
            "density": "sky density",
            "priors": "mapping",
            "epoch": "epoch",
            "field_association": "choice",
            "convention": "choice",
        },
    ),
    (
        c.best_matches,
        {
            "candidates": lambda: {"a": associated()},
            "xray": xray,
            "secondaries": lambda: {"a": survey()},
        },
        {"secondaries": "table", "domain": "text", "id_column": "column", "keep": "columns"},
    ),
    (
        k.parse_decision,
        {"decision": "balanced", "classes": ("AGN", "star")},
        {"classes": "names"},
    ),
    (c.best_hosts, {"xray": xray, "hosts": lambda: c.find_hosts(xray(), GALAXIES)}, {}),
    (
        c.complete_pos_errors,
        {"table": xray, "fill": "median"},
        {"floor": "angle", "fill": "choice", "flux_bins": "count"},
    ),
    (c.find_hosts, {"xray": xray, "galaxies": GALAXIES}, {}),
    (c.host_regions, {"galaxies": GALAXIES}, {}),
    (
        c.homogenize_magnitudes,
        {"table": lambda: Table({"Gmag": [15.0]}), "survey": "gaia"},
        {"survey": "choice", "columns": "mapping", "proxy_scatter": None},
    ),
    (
        c.link_xray,
        {"catalogues": lambda: {"a": xray(), "b": xray()}},
        {"catalogues": "mapping", "n_sigma": "indices"},
    ),
    (
        c.radius_from_sigma,
        {"sigma": 1.0, "level": 0.9},
        {"sigma": "sizes", "dimensions": "choice"},
    ),
    (
        c.sigma_from_radius,
        {"radius": 1.0, "level": 0.9},
        {"radius": "sizes", "dimensions": "choice"},
    ),
    (
        c.shift_positions,
        {"xray": xray, "distance": lambda: (20, 60) * u.arcsec},
        {"distance": "angle", "avoid": "coordinates", "footprint": "object", "n_draws": "count"},
    ),
    (
        c.sky_pairs,
        {
            "coords1": lambda: SkyCoord([1], [1], unit="deg"),
            "coords2": lambda: SkyCoord([1], [1], unit="deg"),
            "radius": 1 * u.arcsec,
        },
        {"coords1": "coordinates", "coords2": "coordinates"},
    ),
    (
        c.MagnitudePrior,
        {"column": "g_mag"},
        {
            "column": "text",
            "error": "companions",
            "limit": "companions",
            "min_secure": "count",
            "n_bins": "count",
        },
    ),
    (c.ProbabilityPrior, {"column": "p"}, {"column": "text"}),
    (p.add_colors, {"table": MEASURED, "pairs": [("bp_mag", "rp_mag")]}, {"pairs": "columns"}),
    (k.property_columns, {"table": MEASURED}, {"label": "text"}),
    (
        k.label_codes,
        {"table": sample, "label": "class", "classes": ["AGN", "star"]},
        {"classes": "names", "merge": "mapping"},
    ),
    (k.check_model, {"model": model}, {"name": None}),
    (k.check_priors, {"priors": {"AGN": 0.5, "star": 0.5}}, {}),
    (k.open_model, {"model": model}, {}),
    (
        k.count_confusion,
        {"truth": np.array([0, 1]), "predicted": np.array([0, 1]), "n_classes": 2},
        {"truth": "codes", "predicted": "codes", "n_classes": "count", "weights": "values"},
    ),
    (k.estimate_class_numbers, {"model": model, "table": sample}, {"groups": "values"}),
    (
        k.classify_behind_dust,
        {"table": dusty, "priors": "training", "extinction": "E_BV", "properties": ["log_fx_fr"]},
        {
            "extinction": "column",
            "behind": "names",
            "training": "table",
            "properties": "columns",
            "missing": "nothing or choice",
            "coefficients": "mapping",
            "width": "above 0",
        },
    ),
    (g.describe, {"name": "flux"}, {"name": "text"}),
    (
        g.make_column,
        {"name": "flux", "values": [1e-14]},
        {"name": "text", "values": "values", "mask": "values"},
    ),
    (g.masked_column, {"name": "flux", "values": [1e-14]}, {"name": "text", "values": "values"}),
    (
        g.designations,
        {"ra_deg": [10.0], "dec_deg": [5.0]},
        {"ra_deg": "sizes", "dec_deg": "sizes", "prefix": "text", "decimals": "count"},
    ),
    (
        k.class_sets,
        {"result": classified, "model": model},
        {"sample": "table", "coverage": "fraction"},
    ),
    (
        k.evaluate_result,
        {"result": classified, "model": model},
        {"sample": "table"},
    ),
    (p.add_flux_ratios, {"table": MEASURED}, {"constants": "choice"}),
    (
        p.add_ratio_limits,
        {"table": MEASURED},
        {"depths": "mapping", "covered": "mapping", "constants": "choice"},
    ),
    (p.add_galactic, {"table": xray}, {}),
    (
        p.add_hardness_ratios,
        {"table": MEASURED, "bands": ["soft", "hard"]},
        {"bands": "columns", "kind": "choice"},
    ),
    (p.add_luminosities, {"table": lambda: Table({"flux": [1e-13], "distance": [100.0]})}, {}),
    (
        p.add_parallax_distances,
        {"table": lambda: Table({"parallax": [10.0], "parallax_error": [0.1]})},
        {"min_significance": "at least 0"},
    ),
    (p.add_proper_motion, {"table": lambda: Table({"pmra": [1.0], "pmdec": [2.0]})}, {}),
    (p.add_properties, {"table": MEASURED}, {"constants": "choice"}),
    (p.add_flux_range, {"table": lambda: Table({"flux_min": [1.0], "flux_max": [2.0]})}, {}),
    (
        p.add_star_distances,
        {
            "table": lambda: Table({"opt_id": ["1"]}),
            "distances": lambda: Table(
                {"id": [1], "rgeo": [1.0], "b_rgeo": [0.9], "B_rgeo": [1.1]}
            ),
        },
        {"distances": "table", "id_column": "column", "estimate": "choice"},
    ),
    (
        p.add_variability,
        {
            "table": xray,
            "links": lambda: c.link_xray({"primary": xray(), "b": xray()}),
            "catalogues": lambda: {"b": xray()},
        },
        {"links": "table", "catalogues": "mapping", "limits": "mapping", "name": "column"},
    ),
    (
        p.convert_flux,
        {"flux": 1e-14 * u.erg / u.s / u.cm**2, "band": "0.5-2", "to_band": "2-10"},
        {"flux": "flux"},
    ),
    (p.conversion_uncertainty, {"band": "0.5-2", "to_band": "2-10"}, {}),
    (p.flux_fraction, {"band": "0.5-2"}, {}),
    (p.published_properties, {}, {"name": "choice", "columns": "names"}),
    (p.property_definition, {"column": "pm"}, {"column": "text"}),
    (p.known_properties, {"columns": ["pm"]}, {"columns": "names"}),
    (
        a.compare_models,
        {"before": model, "after": model, "table": sample, "priors": "training", "n_resamples": 2},
        {"before": "object", "after": "object", "weight": "column"},
    ),
    (
        a.count_classes,
        {"result": classified, "model": model},
        {"region": "object", "by": "column"},
    ),
    (
        k.differential_counts,
        {"flux": 1e-14 * u.erg / u.s / u.cm**2},
        {"flux": "flux", "model": "choice", "population": "choice"},
    ),
    (
        k.cumulative_counts,
        {"flux": 1e-14 * u.erg / u.s / u.cm**2},
        {"flux": "flux", "model": "choice", "population": "choice"},
    ),
    (a.find_novelties, {"result": classified}, {"control": "column"}),
    (
        a.inspection_list,
        {"result": classified},
        {
            "rare": "classes",
            "min_rare": "fraction",
            "border": "fraction",
            "training": "flag",
            "limit": "count",
        },
    ),
    (
        k.Property,
        {"column": "pm"},
        {
            "column": "text",
            "category": None,
            "scale": "choice",
            "error": "text",
            "weight": "at least 0",
            "bounds": "indices",
            "atoms": "atoms",
            "lower_limit": "text",
            "upper_limit": "text",
            "bandwidth": "above 0",
            "components": "object",
        },
    ),
    (new_model, {"properties": ["hr1", "hr2"]}, None),
    (
        k.priors_sensitivity,
        {"model": model, "table": lambda: sample()[:30], "priors": "training"},
        {"alternatives": "mapping"},
    ),
    (
        k.sky_priors,
        {"table": xray, "priors": {"AGN": 0.7, "star": 0.3}},
        {"reference": "table"},
    ),
    (
        m.make_labelled_sample,
        {"n_sources": 10},
        {"n_sources": "count", "labelled_fraction": "fraction", "missing": "flag"},
    ),
    (
        v.draw_for_votes,
        {"result": classified, "size": 5, "rng": 1},
        {"size": "count", "training": "flag"},
    ),
    (
        v.combine_votes,
        {
            "votes": lambda: Table(
                {"source_id": ["a", "a"], "voter": ["x", "y"], "vote": ["AGN", "star"]}
            )
        },
        {
            "votes": "table",
            "method": "choice",
            "classes": "classes",
            "skill": "fraction",
            "strength": "at least 0",
        },
    ),
    (s.error_regions, {"table": xray}, {}),
    (s.write_ds9, {"table": xray, "path": "a.reg", "overwrite": True}, {"galaxies": "table"}),
    (s.to_votable, {"table": xray}, {}),
    (s.coverage_moc, {"table": xray}, {"order": "count"}),
    (
        s.is_covered,
        {"table": xray, "coverage": lambda: s.coverage_moc(xray())},
        {"coverage": "path"},
    ),
    (
        r.get_reference,
        {"source": survey},
        {
            "source": None,
            "like": "choice",
            "ra": "column",
            "dec": "column",
            "id": "column",
            "pos_error": "column",
            "tap": "text",
        },
    ),
    (r.list_references, {}, {"kind": "choice"}),
    (r.bibtex, {"result": ["gaia"]}, {"result": "columns"}),
    (d.plot_alternatives, {"result": classified}, {}),
    (
        d.plot_class_counts,
        {"result": classified},
        {"classes": "classes", "n_bins": "count", "cumulative": "flag"},
    ),
    (
        d.plot_confusion,
        {"evaluation": evaluation},
        {"evaluation": "object", "normalize": "nothing or choice"},
    ),
    (
        d.plot_densities,
        {"model": model, "column": "hr1"},
        {"value": "index", "source_name": "text"},
    ),
    (d.plot_missing, {"table": classified}, {"columns": "columns", "classes": "classes"}),
    (d.plot_outliers, {"result": classified}, {}),
    (
        d.plot_plane,
        {"table": classified, "x": "hr1", "y": "hr2"},
        {
            "x": "column",
            "y": "column",
            "classes": "classes",
            "source": None,
            "log_x": "flag",
            "log_y": "flag",
            "upper_limits": "column",
            "lower_limits": "column",
            "contours_above": "count",
        },
    ),
    (d.plot_reliability, {"evaluation": evaluation}, {"evaluation": "object"}),
    (
        d.plot_reliability_by,
        {"evaluation": evaluation},
        {"evaluation": "object", "values": "values", "name": "text"},
    ),
    (
        d.plot_sky,
        {"table": xray},
        {
            "frame": "choice",
            "center": "coordinates",
            "width": "angle",
            "classes": "classes",
            "density_above": "count",
        },
    ),
    (
        d.plot_thresholds,
        {"scores": evaluation, "class_name": "AGN"},
        {"scores": "object", "class_name": "choice"},
    ),
    (d.plot_track, {"result": classified, "source": 0}, {"source": None}),
    (
        c.audit_errors,
        {"associations": associated, "xray": xray, "secondaries": survey},
        {
            "associations": "table",
            "secondaries": "table",
            "domain": "text",
            "n_bins": "count",
        },
    ),
    (
        c.calibrate_cutoffs,
        {
            "xray": xray,
            "secondaries": nearby,
            "rng": 1,
            "footprint": lambda: lambda coords: np.ones(len(coords), bool),
            **ASSOCIATION,
        },
        {
            "secondaries": "table",
            "false_rates": "fraction",
            "distance": "angle",
            "footprint": "object",
        },
    ),
    (
        a.find_ulx,
        {"table": in_host, "galaxies": GALAXIES, "flux_ratio": 0.75, "classes": ["ex_XRB"]},
        {
            "model": "choice",
            "flux_ratio": "above 0",
            "region": "object",
            "flux_limit": "column",
            "n_foreground": "at least 0",
            "nuclear_radius": "at least 0",
            "nuclear_sigma": "at least 0",
        },
    ),
    (
        a.galaxy_priors,
        {
            "result": lambda: Table({"f_contaminant": [0.25]}),
            "priors": {"AGN_2": 0.5, "ex_XRB": 0.5},
        },
        {"background": "text", "xrb": "text", "n_xrb": "column"},
    ),
    (d.plot_hosts, {"xray": xray, "galaxies": GALAXIES, "galaxy_id": "a"}, {"galaxy_id": "choice"}),
    (d.plot_separations, {"candidates": associated, "xray": xray, "secondary": survey}, {}),
    (
        d.plot_finding_chart,
        {"candidates": associated, "xray": xray, "secondary": survey, "row": 0},
        {"row": "count"},
    ),
    (
        d.plot_explanation,
        {"explanation": lambda: model().explain(sample()[3], "training")},
        {"explanation": "object", "class_name": "choice", "against": "choice"},
    ),
    (
        d.plot_pair,
        {"model": refined, "source": lambda: sample()[3], "pair": ("hr1", "hr2")},
        {"source": "object", "pair": "names", "class_name": "choice", "against": "choice"},
    ),
    (
        v.make_votes,
        {
            "source_id": ["x1"],
            "true_class": ["AGN"],
            "skills": {"Ann": 0.9},
            "classes": ["AGN", "CV"],
        },
        {
            "source_id": "values",
            "true_class": "values",
            "skills": "mapping",
            "seen": "fraction",
            "unsure": "fraction",
        },
    ),
    (v.read_votes, {"path": votes_file}, {"path": "path", "format": None}),
    (
        v.apply_votes,
        {
            "table": xray,
            "combined": lambda: v.combine_votes(
                Table({"source_id": ["x0", "x1"], "voter": ["a", "a"], "vote": ["AGN", "CV"]}),
                method="majority",
            ),
        },
        {
            "label": "text",
            "combined": "object",
            "drawn": "table",
            "known": "choice",
        },
    ),
    (t.label_report, {"table": labelled}, {}),
    (t.mission_of, {"table": xray}, {}),
    (
        k.fit_classifier,
        {
            "sample": sample,
            "priors": "training",
            "properties": ["hr1", "hr2"],
            "weights": {"spectrum": 1},
            "show_progress": False,
        },
        {
            "sample": "table",
            "properties": "columns",
            "weight": "column",
            "offsets": "flag",
            "normalization": "choice",
            "missing": "choice",
            "kernel": "choice",
            "bandwidth": "bandwidth",
        },
    ),
    (s.acknowledgements, {"result": xray}, {}),
    (k.model_fingerprint, {"path": model_file}, {}),
    (
        k.classify_candidates,
        {
            "model": model,
            "table": lambda: sample()[:3],
            "candidates": lambda: candidate_rows(sample()[:3]),
            "priors": "training",
            "show_progress": False,
        },
        {},
    ),
    (
        k.classify_partitions,
        {"catalog": Partitions, "model": model, "priors": "training"},
        {"catalog": "object", "model": "object"},
    ),
    (
        c.all_matches,
        {
            "candidates": lambda: {"a": associated()},
            "xray": xray,
            "secondaries": lambda: {"a": survey()},
        },
        {"secondaries": "table", "domain": "text", "id_column": "column", "keep": "columns"},
    ),
    (
        c.find_counterparts,
        {
            "table": xray,
            "surveys": lambda: {"a": survey()},
            "completeness": 0.5,
            "density": 1000 / u.deg**2,
        },
        {"surveys": "mapping", "domain": "text", "keep": "columns"},
    ),
    (
        c.associate_partitions,
        {
            "catalog": lambda: hats_catalogs()[0],
            "surveys": lambda: {"a": hats_catalogs()[1]},
            "radius": 10 * u.arcsec,
            "completeness": 0.5,
            "density": 1000 / u.deg**2,
        },
        {
            "catalog": "object",
            "surveys": "mapping",
            "completeness": "completeness",
            "density": "sky density",
            "domain": "text",
            "id_column": "column",
            "keep": "columns",
            "epoch": "epoch",
        },
    ),
    (
        c.find_in_surveys,
        {
            "table": xray,
            "surveys": ["gaia"],
            "references": lambda: {"gaia": gaia()},
            "completeness": 0.5,
            "show_progress": False,
        },
        {
            "surveys": "choices",
            "domain": "text",
            "references": "mapping",
            "magnitudes": "flag",
            "priors": "mapping",
            "completeness": "completeness",
            "keep": "choice",
            "service": "choice",
        },
    ),
    (
        c.find_hosts_in,
        {
            "table": xray,
            "references": lambda: {"hyperleda": axes(), "glade": distances()},
            "show_progress": False,
        },
        {
            "distances": "choice",
            "sizes": "choice",
            "references": "mapping",
            "max_distance": "length",
        },
    ),
    (
        c.nearby_galaxies,
        {"galaxies": distances, "axes": axes},
        {"axes": "table", "max_distance": "length"},
    ),
    (
        t.build,
        {"mission": "4XMM"},
        {
            "mission": "choice",
            "references": "choices",
            "scheme": "mapping",
            "n_sigma": "at least 0",
            "slack": "mapping",
            "counterpart_radius": "angle",
            "host_radius": "at least 0",
            "max_distance": "length",
            "min_extent": "angle",
            "min_quality": "count",
            "min_snr": "at least 0",
            "simbad_disagrees": "flag",
            "max_per_class": "count",
            "folder": "folder",
            "refresh": "flag",
        },
    ),
    (
        t.find_training,
        {"table": sample, "training": "4XMM"},
        {"training": "nothing or choice", "label": "text", "assumed": "nothing or choice"},
    ),
    (
        m.make_mock_sky,
        {"n_sources": 100, "rng": 1},
        {"n_sources": "count", "field_radius": "angle"},
    ),
    (
        d.plot_fluxes,
        {
            "table": xray,
            "source": 0,
            "links": lambda: c.link_xray({"primary": xray(), "b": xray()}),
            "catalogues": lambda: {"b": xray()},
        },
        {
            "source": "source",
            "links": "table",
            "catalogues": "mapping",
            "limits": "mapping",
            "name": "column",
        },
    ),
    (d.plot_cutoffs, {"calibration": calibration}, {"calibration": "object"}),
    (
        d.plot_magnitude_prior,
        {"candidates": magnitude_candidates},
        {"candidates": "table", "prior": "choice"},
    ),
    (
        d.plot_priors_sensitivity,
        {"sensitivity": lambda: k.priors_sensitivity(model(), sample()[:30], "training")},
        {"sensitivity": "object"},
    ),
    (
        d.plot_weight_search,
        {"search": weight_search},
        {"search": "object"},
    ),
    (
        d.plot_training_overlap,
        {"report": lambda: t.label_report(labelled())},
        {"report": "object", "n_combinations": "count", "class_name": "choice"},
    ),
    (d.plot_ulx, {"table": ulx}, {}),
    (d.aladin, {"table": xray}, {"survey": "text", "height": "count", "links": "flag"}),
    (
        d.plot_linked,
        {"table": sample, "x": "hr1", "y": "hr2"},
        {"x": "column", "y": "column", "columns": "columns", "width": "count"},
    ),
    (s.error_axes, {"table": xray}, {}),
    (
        s.send_to,
        {"table": xray},
        {"client": "text", "name": "text", "timeout": "above 0"},
    ),
    (s.receive_selection, {"table": xray}, {"timeout": "above 0"}),
    (
        s.point_at,
        {"position": lambda: SkyCoord(1, 2, unit="deg")},
        {"position": "coordinates", "client": "text", "timeout": "above 0"},
    ),
    (r.answers_are_kept, {"answers": ["a.fits"]}, {"answers": "names"}),
    (r.cited, {"result": xray}, {}),
    (
        classify,
        {
            "table": sample,
            "priors": "training",
            "properties": ["hr1", "hr2"],
            "weights": "published",
            "show_progress": False,
        },
        {
            "properties": "columns",
            "training": "choice",
            "weight": "column",
            "offsets": "flag",
            "normalization": "choice",
            "missing": "choice",
            "kernel": "choice",
            "bandwidth": "bandwidth",
            "pos_error": None,
            "fetch": "flag",
            "return_model": "flag",
        },
    ),
    (
        t.add_labels,
        {
            "table": xray,
            "references": lambda: {"own": labelled_stars()},
            "scheme": "4 classes",
            "min_quality": 0,
        },
        {
            "references": "mapping",
            "scheme": "mapping",
            "slack": "angle",
            "host_radius": "at least 0",
            "min_extent": "angle",
            "min_quality": "count",
            "min_snr": "at least 0",
            "simbad_disagrees": "flag",
        },
    ),
]


#: Functions of which the right arguments ask a service or a program.
ASKING = frozenset({"aladin", "build", "find_training", "point_at", "receive_selection", "send_to"})

#: Packages without which a function cannot be tried.
NEEDED = {
    "associate_partitions": "lsdb",
    "classify_partitions": "pandas",
    "aladin": "ipyaladin",
    "plot_linked": "bokeh",
    "coverage_moc": "mocpy",
    "is_covered": "mocpy",
}
FUNCTIONS = [
    entry
    for entry in FUNCTIONS
    if importlib.util.find_spec(NEEDED.get(entry[0].__name__, "claxboi"))
]


def _methods():
    fitted = model()
    yield (
        "fit",
        NaiveBayesClassifier(["hr1", "hr2"]).fit,
        {"table": sample},
        {"sample_weight": "column"},
    )
    yield (
        "model.classify",
        fitted.classify,
        {"table": lambda: sample()[:30], "priors": "training"},
        {},
    )
    yield "predict", fitted.predict, {"table": lambda: sample()[:30], "priors": "training"}, {}
    yield "density", fitted.density, {"column": "hr1", "values": [0.1]}, {"values": "numbers"}
    yield "set_weights", NaiveBayesClassifier(["hr1"]).set_weights, {"weights": {"spectrum": 2}}, {}
    yield "write", fitted.write, {"path": "model.ecsv", "overwrite": True}, {}
    yield "estimate_priors", fitted.estimate_priors, {"table": sample, "n_resamples": 0}, {}
    yield (
        "evaluate",
        fitted.evaluate,
        {"table": sample, "priors": "training", "show_progress": False},
        {
            "method": "choice",
            "weight": "column",
            "training": "flag",
            "n_folds": "count",
            "groups": "column",
            "cell_size": "above 0",
        },
    )
    yield (
        "optimize",
        NaiveBayesClassifier(["hr1", "hr2"]).fit(sample()).optimize,
        {"table": sample, "priors": "training", "max_iterations": 1, "show_progress": False},
        {
            "objective": "choice",
            "target": "choice",
            "offsets": "flag",
            "n_folds": "count",
            "max_iterations": "count",
            "training": "flag",
        },
    )
    yield (
        "Reference.query",
        r.get_reference(survey()).query,
        {"coords": lambda: SkyCoord([10.0], [-30.0], unit="deg"), "radius": 5 * u.arcsec},
        {"coords": "coordinates", "service": "choice", "columns": "columns"},
    )


METHODS = (
    "fit",
    "model.classify",
    "predict",
    "density",
    "set_weights",
    "write",
    "estimate_priors",
    "evaluate",
    "optimize",
    "Reference.query",
)


SETTINGS = {
    "properties": "columns",
    "weights": "weights",
    "recipe": "choice",
    "normalization": "choice",
    "missing": "choice",
    "kernel": "choice",
    "bandwidth": "bandwidth",
    "refine": "flag",
    "shrinkage": "shrinkage",
    "n_jobs": "jobs",
    "floor": "at least 0",
    "classes": "classes",
    "min_class_size": "count",
    "merge": "mapping",
}


def _good(arguments):
    return {
        name: value() if callable(value) and not isinstance(value, type(model())) else value
        for name, value in arguments.items()
    }


def _kind(name, kinds, parameter):
    if kinds is not None and name in kinds:
        return kinds[name]
    if name in KINDS:
        return KINDS[name]
    if isinstance(parameter.default, bool):
        return "flag"
    raise AssertionError(f"say of which kind the argument {name} is")


def calls():
    """Yield (name of the function, function, good arguments, argument, wrong value)."""
    todo = [(f.__name__, f, good, kinds) for f, good, kinds in FUNCTIONS]
    for label, function, good, kinds in [*todo, *_methods()]:
        if function is new_model:
            parameters = dict.fromkeys(SETTINGS)
            defaults = dict.fromkeys(SETTINGS, inspect.Parameter.empty)
            defaults |= {
                n: q.default for n, q in inspect.signature(NaiveBayesClassifier).parameters.items()
            }
        else:
            parameters = inspect.signature(function).parameters
            defaults = {n: q.default for n, q in parameters.items()}
        for name, parameter in parameters.items():
            if parameter is not None and parameter.kind in (
                parameter.VAR_KEYWORD,
                parameter.VAR_POSITIONAL,
            ):
                continue
            kind = _kind(name, SETTINGS if function is new_model else kinds, parameter)
            if kind is None:
                continue
            for wrong in WRONG[kind]:
                if wrong is None and defaults.get(name) is None:
                    continue
                yield label, function, good, name, wrong


def outcome(function, good, name, wrong):
    """Call a function and say what came of it: clear, unnamed, other or accepted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer = function(**{**_good(good), name: wrong})
        except (TypeError, ValueError, LookupError, OSError) as err:
            text = str(err)
            return (
                "clear" if _names(name, wrong, text) else "unnamed"
            ), f"{type(err).__name__}: {text}"
        except Exception as err:  # noqa: BLE001  any other error is a fault to count
            return "other", f"{type(err).__name__}: {err}"
    return "accepted", type(answer).__name__


#: Other words by which messages name an argument.
ALSO = {
    "table": ("table", "sample", "training"),
    "xray": ("xray",),
    "secondaries": ("secondar",),
    "source_id": ("identifier",),
    "properties": ("propert", "column", "categories"),
    "label": ("label", "column"),
    "training": ("training", "mission"),
    "priors": ("priors", "column"),
    "classes": ("classes", "P_nonsense"),
    "skills": ("skill",),
    "path": ("path", "file", "folder"),
    "keep": ("keep", "column"),
    "rare": ("rare", "class"),
}


def _names(name, wrong, text):
    if any(word in text for word in (name, *ALSO.get(name, ()))):
        return True
    # A column that is not there is named as such.
    return isinstance(wrong, str) and "column" in text and repr(wrong) in text


@functools.cache
def _calls_by_function():
    found = {}
    for label, *call in calls():
        found.setdefault(label, []).append(call)
    return found


LABELS = [*(f.__name__ for f, _, _ in FUNCTIONS), *METHODS]


@pytest.fixture(autouse=True)
def nobody_to_ask(tmp_path, monkeypatch):
    """No service and no program: what is wrong must be found without them."""
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'none').as_uri()}")
    monkeypatch.chdir(tmp_path)
    with conf.set_temp("offline", True):
        yield


@pytest.mark.parametrize("label", LABELS)
def test_every_wrong_argument_is_one_clear_error(label):
    from matplotlib import pyplot as plt

    wrong = []
    for function, good, name, value in _calls_by_function()[label]:
        kind, text = outcome(function, good, name, value)
        if kind != "clear":
            wrong.append(f"{name}={value!r:.60}: {kind}, {text:.200}")
    plt.close("all")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("label", [label for label in LABELS if label not in ASKING])
def test_the_right_arguments_are_right(label):
    from matplotlib import pyplot as plt

    function, good, *_ = _calls_by_function()[label][0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function(**_good(good))
    plt.close("all")


def test_every_public_function_is_tried():
    tried = {f for f, _, _ in FUNCTIONS}
    for module in (c, p, a, g, d, v, s, r, k, m, t):
        for name in module.__all__:
            function = getattr(module, name)
            if inspect.isfunction(function) and inspect.signature(function).parameters:
                assert function in tried or name in NEEDED, name


def report():
    """Print what every call gave, and the totals."""
    from matplotlib import pyplot as plt

    counts = Counter()
    for label, function, good, name, wrong in calls():
        kind, text = outcome(function, good, name, wrong)
        counts[kind] += 1
        if kind != "clear":
            sys.stdout.write(f"{kind:9}{label}({name}={wrong!r:.40}): {text[:150]}\n")
        plt.close("all")
    sys.stdout.write(f"{sum(counts.values())} calls: {dict(counts)}\n")


if __name__ == "__main__":
    report()
