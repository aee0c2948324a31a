# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A list of one's own: what it takes to be classified, and that nothing of it leaves the machine.
"""

import numpy as np
import pytest
import requests
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table

from claxboi import classify, conf
from claxboi.classification import GuessedPropertyWarning
from claxboi.pipeline import plan
from claxboi.references import CacheError
from claxboi.simulation import make_labelled_sample
from claxboi.utils import ClaxboiWarning

PRIORS = {"AGN": 0.7, "star": 0.3}


class SentError(Exception):
    """A request would have left the machine."""


@pytest.fixture(autouse=True)
def transport(monkeypatch):
    """Raise an error that nothing catches where anything is sent."""

    def send(session, request, **options):
        raise SentError(request.url)

    monkeypatch.setattr(requests.Session, "send", send)


def make_list(n=200, seed=1):
    rng = np.random.default_rng(seed)
    labels = rng.choice(["AGN", "star"], n)
    is_star = labels == "star"
    return Table(
        {
            "Name": [f"X{k}" for k in range(n)],
            "RA": rng.uniform(0, 360, n),
            "Dec": rng.uniform(-80, 80, n),
            "Flux": 10 ** (rng.normal(-13, 1, n) - is_star),
            "e_Flux": np.full(n, 1e-15),
            "hardness": rng.normal(0, 0.3, n) - 0.5 * is_star,
            "exposure": rng.uniform(1e3, 1e5, n),
            "class": labels,
        }
    )


BARE = Table({"ra": [10.0, 11.0], "dec": [1.0, 2.0], "flux": [1e-14, 2e-14], "err": [1.0, 2.0]})


class TestNothingIsSent:
    def test_labels_and_known_properties_of_any_case(self):
        table = make_list()
        table.rename_columns(["hardness", "class"], ["HR1", "Class"])
        result = classify(table, PRIORS)
        assert result["is_training"].all()
        assert "P_AGN_spectrum" in result.colnames

    def test_model(self, tmp_path):
        table = make_list()
        with pytest.warns(GuessedPropertyWarning):
            _, model = classify(table, PRIORS, return_model=True)
        model.write(tmp_path / "own.ecsv")
        new = make_list(20, seed=2)["Name", "RA", "Dec", "Flux", "hardness"]
        assert len(classify(new, PRIORS, model=tmp_path / "own.ecsv")) == 20
        with pytest.raises(KeyError, match="no columns 'Flux', 'hardness'"):
            classify(BARE, PRIORS, model=model)

    def test_properties(self):
        with pytest.raises(KeyError, match="no column 'class'"):
            classify(BARE, PRIORS, properties=["flux"])

    def test_labels_without_properties(self):
        table = BARE["ra", "dec"]
        table["class"] = ["AGN", "star"]
        with pytest.raises(ValueError, match="properties must be given"):
            classify(table, PRIORS, min_class_size=1)

    def test_training_with_the_same_columns(self):
        known, new = make_list(), make_list(20, seed=2)
        new.remove_column("class")
        with pytest.warns(GuessedPropertyWarning):
            result = classify(new, PRIORS, training=known)
        assert len(result) == 20

    def test_wrong_priors_are_found_first(self):
        for wrong in ({"AGN": 0.7, "star": 0.4}, [0.5, -0.5, 1.0], "equal", {"AGN": "much"}):
            with pytest.raises((TypeError, ValueError), match="priors"):
                classify(BARE, wrong, pos_error="err")

    def test_fetch_false(self):
        with pytest.raises(ValueError, match=r"fetch must be True.* columns are ra, dec, flux"):
            classify(BARE, "training", pos_error="err", fetch=False)
        with pytest.raises(TypeError, match="fetch must be True or False, got 'no'"):
            classify(BARE, "training", fetch="no")
        table = Table({"hr1": [0.1, 0.2]})
        with pytest.raises(CacheError, match="no service may be asked"):
            classify(table, "training", training="4XMM", fetch=False)

    @pytest.mark.filterwarnings("ignore::claxboi.utils.ClaxboiWarning")
    def test_offline(self):
        with conf.set_temp("offline", True), pytest.raises(CacheError, match="offline"):
            classify(BARE, "training", pos_error="err")


class TestPositionalError:
    def test_is_needed_for_bare_positions(self):
        with pytest.raises(
            ValueError, match=r"no positional error.* pos_error='COLUMN', or pos_err"
        ):
            classify(BARE, "training")
        with pytest.raises(ValueError, match=r"pos_error must be a column .* got 'radius'"):
            classify(BARE, "training", pos_error="radius")
        with pytest.raises(ValueError, match="positive angle"):
            classify(BARE, "training", pos_error=2 * u.s)
        with pytest.raises(TypeError, match="pos_error must be"):
            classify(BARE, "training", pos_error=2.0)

    @pytest.mark.parametrize("pos_error", ["err", "2 arcsec", "2arcsec", 2 * u.arcsec])
    def test_is_taken_and_what_is_sent_is_said_before(self, pos_error):
        said = r"its 2 positions are sent .*fetch=False prevents it.* gaia .* from xmatch: 2 pos"
        with pytest.warns(ClaxboiWarning, match=said), pytest.raises(SentError, match="xmatch"):
            classify(BARE, "training", pos_error=pos_error)

    def test_is_not_needed_where_positions_are_not_compared(self):
        skip = ["counterparts", "variability", "labels"]
        assert plan(BARE["ra", "dec", "flux"], skip=skip)[0].endswith("2 sources")


class TestGuesses:
    def test_category_and_scale_of_own_columns(self):
        with pytest.warns(GuessedPropertyWarning) as caught:
            _, model = classify(make_list(), PRIORS, return_model=True)
        said = [str(w.message).partition(";")[0] for w in caught]
        assert said == [
            "column Flux: guessed category spectrum and scale log10",
            "column hardness: guessed category spectrum",
        ]
        assert [(p.column, p.category, p.scale) for p in model.properties] == [
            ("Flux", "spectrum", "log10"),
            ("hardness", "spectrum", "linear"),
        ]

    def test_what_is_given_is_not_guessed(self, recwarn):
        properties = [
            {"column": "Flux", "category": "brightness", "scale": "linear"},
            {"column": "hardness", "category": "hardness"},
        ]
        _, model = classify(make_list(), PRIORS, properties=properties, return_model=True)
        assert [(p.category, p.scale) for p in model.properties] == [
            ("brightness", "linear"),
            ("hardness", "linear"),
        ]
        assert not [w for w in recwarn if issubclass(w.category, GuessedPropertyWarning)]

    def test_units_and_narrow_ranges(self):
        rng = np.random.default_rng(3)
        table = QTable(make_list())
        table.remove_columns(["Flux", "e_Flux", "hardness"])
        n = len(table)
        table["bright"] = 10 ** rng.uniform(-15, -12, n) * u.erg / u.s / u.cm**2
        table["i"] = rng.uniform(15, 20, n) * u.mag
        table["wide"] = 10 ** rng.uniform(0, 5, n)
        table["narrow"] = rng.uniform(1, 2, n)
        table["signed"] = rng.normal(size=n)
        with pytest.warns(GuessedPropertyWarning):
            _, model = classify(
                table,
                PRIORS,
                properties=["bright", "i", "wide", "narrow", "signed"],
                return_model=True,
            )
        assert [(p.category, p.scale) for p in model.properties] == [
            ("spectrum", "log10"),
            ("counterparts", "linear"),
            ("other", "log10"),
            ("other", "linear"),
            ("other", "linear"),
        ]

    def test_unlabelled_rows_with_a_column_of_one_letter(self):
        # B is a magnitude, not the Galactic latitude.
        table = make_list()
        table.rename_column("hardness", "B")
        table["class"] = MaskedColumn(table["class"], mask=np.arange(len(table)) >= 100)
        with pytest.warns(GuessedPropertyWarning):
            _, model = classify(table, PRIORS, return_model=True)
        assert [p.column for p in model.properties] == ["Flux"]


def test_labels_are_those_of_the_table_to_learn_from():
    """
    The sources to classify may have a column of like name, such as an earlier answer.
    """
    sample = make_labelled_sample(1000, labelled_fraction=1.0, rng=4)
    columns = ["hr1", "hr2", "log_fx_fw1"]
    sample["Class"] = np.roll(sample["class"], 1)
    training, others = sample[:700], sample[700:]
    others.remove_column("class")
    settings = {"properties": columns, "show_progress": False}
    expected = classify(others[columns], "training", training=training, **settings)
    result = classify(others, "training", training=training, **settings)
    assert result["P_AGN"].tolist() == expected["P_AGN"].tolist()
