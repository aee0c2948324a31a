# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Test that a wrong job is refused before its first step.
"""

import pytest

from claxboi.io import read_table
from claxboi.pipeline import ClassificationSettings, prepare
from claxboi.pipeline.classes import _properties
from claxboi.simulation import make_labelled_sample

# Five hundred sources have few labels: that is said, and no matter here.
pytestmark = pytest.mark.filterwarnings("ignore::claxboi.utils.exceptions.ClaxboiWarning")


@pytest.fixture
def refused(done, tmp_path, monkeypatch):
    """Run a job that must end before the first step."""
    monkeypatch.setattr(
        "claxboi.pipeline.job.PREPARATION", dict.fromkeys(["catalogue", "labels"], pytest.fail)
    )

    def refused(error, message, settings=None, **changes):
        if settings is not None:
            changes["settings"] = done.settings.updated(settings)
        with pytest.raises(error, match=message):
            done.run(tmp_path / changes.pop("name", "out.fits"), **changes)
        assert not list(tmp_path.glob("*.steps/*"))
        assert not list(tmp_path.glob(".*"))

    return refused


LONG = "a name that is longer than the sixty-eight characters of a card in a FITS header"
PRIORS = {"AGN": 0.66, "star": 0.25, "XRB": 0.07, "CV": 0.02}


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"classification": {"kernel": "x"}}, ValueError, "classification: kernel must be"),
        ({"classification": {"missing": "x"}}, ValueError, "classification: missing must be"),
        ({"classification": {"bandwidth": "x"}}, ValueError, "classification: bandwidth must be"),
        ({"classification": {"weights": "x"}}, ValueError, "classification: weights must be"),
        ({"classification": {"training": "x"}}, ValueError, "training must be a file or one of"),
        ({"classification": {"merge": {"A": ["B"]}}}, ValueError, "merge: unknown class 'B'"),
        ({"classification": {"refine": "yes"}}, TypeError, "refine must be True or False"),
        ({"classification": {"shrinkage": 0}}, ValueError, "shrinkage must be above 0"),
        ({"classification": {"decision": "x"}}, TypeError, "decision must be 'probable'"),
        ({"classification": {"decision": {"f1": "cv"}}}, ValueError, "decision must name classes"),
        ({"labels": {"scheme": "nix"}}, ValueError, "labels: scheme must be"),
        ({"labels": {"scheme": {"A": 5}}}, (TypeError, ValueError), "labels: .*A"),
        ({"labels": {"references": ["nix"]}}, ValueError, "nix"),
        ({"variability": {"missions": ["nix"]}}, ValueError, "variability.missions must be"),
        ({"catalogue": {"sharper": "nix"}}, ValueError, "catalogue.sharper must be"),
        ({"counterparts": {"opt": {"surveys": ["gaiaa"]}}}, ValueError, "gaia"),
        ({"counterparts": {"radio": {"surveys": ["gaia"]}}}, ValueError, "domain of counterparts"),
        ({"hosts": {"sizes": ""}}, ValueError, r'hosts.sizes must .* skip = \["hosts"\]'),
        ({"labels": {"references": []}}, ValueError, r"labels.references must .* skip = "),
        (
            {"counterparts": {"opt": {"surveys": []}, "ir": {"surveys": []}}},
            ValueError,
            r'counterparts must name a catalogue, got none; skip = \["counterparts"\] leaves',
        ),
        ({"hosts": {"sizes": "hyperledaa"}}, ValueError, "hyperleda"),
        ({"properties": {"distances": "bailer"}}, ValueError, "bailer_jones"),
        (
            {"classification": {"properties": ["SC_HRX"]}},
            KeyError,
            "'SC_HRX'; did you mean SC_HR",
        ),
    ],
)
def test_wrong_settings(refused, settings, error, message):
    refused(error, message, settings)


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ({"AGN": 0.66, "star": 0.34}, "priors: missing class XRB, CV .*classes: AGN, star"),
        ({**PRIORS, "stars": 0.0}, "priors: unknown class 'stars'"),
        ({**PRIORS, "AGN": 0.6}, "priors must sum to 1, got 0.94"),
        ({**PRIORS, "AGN": -0.66}, "prior of AGN must be"),
        ("guess", "priors must be"),
    ],
)
def test_wrong_priors(refused, priors, message):
    refused(ValueError, message, priors=priors)


def test_columns_that_the_answer_has(refused, done):
    for name in ("P_AGN", "p_star_location", "Prediction", "margin"):
        table = done.sky.xray.copy()
        table[name] = 1.0
        refused(
            ValueError, f"columns that the classification adds: {name}. Rename", catalogue=table
        )


def test_identifiers_are_no_classes(refused, done):
    table = done.sky.xray.copy()
    table["class"] = [f"source {k}" for k in range(len(table))]
    message = "'class' of the catalogue has 500 different values, such as source 0, source 1, .*:"
    settings = {"skip": ["labels"], "classification": {"priors": "training"}}
    refused(ValueError, message, settings, catalogue=table)


def test_texts_that_the_output_cannot_hold(refused, done):
    table = done.sky.xray.copy()
    table[LONG] = 1
    refused(ValueError, r"out\.fits cannot hold the catalogue: .*a name", catalogue=table)


def test_texts_that_checkpoints_cannot_hold(done, tmp_path):
    table = done.sky.xray[:50]
    table["note"] = "Sgr A\u2605"
    table[LONG] = 1
    skip = ["variability", "labels", "hosts", "counterparts", "properties"]
    options = {"mission": "4XMM", "skip": skip, "show_progress": False}
    for _ in range(2):
        result = prepare(table, checkpoints=tmp_path / "steps", **options)
        assert result["note"][0] == "Sgr A\u2605"
        assert result.colnames[-1]
    (path,) = (tmp_path / "steps").glob("1-*")
    assert read_table(path).colnames == result.colnames


def test_location_does_not_classify_with_priors_of_the_sky():
    table = make_labelled_sample(300, rng=1)
    used = {
        priors: [
            record.column
            for record in _properties(ClassificationSettings(priors=priors), table, table)
        ]
        for priors in ("training", "sky")
    }
    assert "b" in used["training"]
    assert used["sky"] == [name for name in used["training"] if name not in ("l", "b", "flux")]
