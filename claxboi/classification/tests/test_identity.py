# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of identity: which rows trained a model, whatever happened to their values.
"""

import pickle

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, QTable, Table, vstack
from astropy.units import UnitConversionError, UnrecognizedUnit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import classify
from claxboi.catalog import standardize
from claxboi.classification import IdentityWarning, NaiveBayesClassifier
from claxboi.classification._identity import Identity, join_groups, read_identity

N = 60
PROPERTIES = [f"x{k}" for k in range(6)]


def make_noise(seed=0, n=N):
    """Two classes that differ in nothing: who does better than chance has seen the answer."""
    rng = np.random.default_rng(seed)
    table = Table(
        {
            "source_id": [f"S{k:03d}" for k in range(n)],
            "ra": rng.uniform(0, 360, n),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, n))),
            "class": np.repeat(["a", "b"], n // 2),
        }
    )
    for name in PROPERTIES:
        table[name] = rng.normal(size=n)
    return table


def fit(table, **settings):
    return NaiveBayesClassifier(PROPERTIES, bandwidth=0.2).fit(table, **settings)


def log_probability(model, table):
    table = table.copy()
    table.remove_column("class")
    return model.predict_log_proba(table, "training")


NOISE = make_noise()
MODEL = fit(NOISE)
EXPECTED = MODEL.predict_log_proba(NOISE, "training")

# Whatever leaves the sources what they are.


def as_float32(table):
    for name in ("ra", "dec"):
        table[name] = table[name].astype("f4")
    return table


def rounded(table):
    for name in ("ra", "dec"):
        table[name] = np.round(table[name], 6)
    return table


def wrapped(table):
    table["ra"] = (table["ra"] + 180) % 360 - 180
    return table


def turned(table):
    table["ra"] = table["ra"] + 360
    return table


def in_radians(table):
    for name in ("ra", "dec"):
        table[name] = Column(np.radians(table[name]), unit="rad")
    return table


def in_hours(table):
    table["ra"] = Column(table["ra"] / 15, unit="hourangle")
    return table


def as_coordinates(table):
    table["where"] = SkyCoord(table["ra"], table["dec"], unit="deg").galactic
    table.remove_columns(["ra", "dec"])
    return table


def with_float32_values(table):
    for name in table.colnames:
        if table[name].dtype.kind == "f" and name not in ("ra", "dec"):
            table[name] = table[name].astype("f4").astype(float)
    return table


def with_masks(table):
    return Table(table, masked=True)


def as_quantities(table):
    table["ra"].unit = table["dec"].unit = "deg"
    return QTable(table)


def columns_reversed(table):
    return table[table.colnames[::-1]]


def upper_case(table):
    table.rename_columns(["ra", "dec"], ["RA", "DEC"])
    if "source_id" in table.colnames:
        table.rename_column("source_id", "SOURCE_ID")
    return table


# In this order, several of them can follow each other; of units, one.
NUMBERS = (wrapped, turned, rounded, as_float32, with_float32_values)
UNITS = (in_radians, in_hours, as_quantities, as_coordinates, upper_case)
TABLES = (with_masks, columns_reversed)


@pytest.mark.parametrize("without", [[], ["source_id"]], ids=["all", "position"])
@pytest.mark.parametrize("change", [*NUMBERS, *UNITS, *TABLES], ids=lambda f: f.__name__)
def test_held_out_after(change, without):
    table = NOISE.copy()
    table.remove_columns(without)
    model = fit(table) if without else MODEL
    changed = change(table.copy())
    result = model.classify(changed, "training")
    assert result["is_training"].all()
    assert_allclose(log_probability(model, changed), EXPECTED, atol=1e-5)
    evaluation = model.evaluate(changed, "training")
    assert evaluation.method == "leave-one-out"
    assert abs(evaluation.accuracy - 0.5) < 4 * 0.5 / np.sqrt(N)


@st.composite
def changed_parts(draw, n=N, *, all_rows=False):
    """Draw rows of the noise, what happened to them, and the ending of a file they went through."""
    numbers = draw(st.sets(st.sampled_from(NUMBERS)))
    changes = [change for change in NUMBERS if change in numbers]
    changes += [draw(st.sampled_from((None, *kinds))) for kinds in (UNITS, TABLES)]
    changes = [change for change in changes if change is not None]
    rows = st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True)
    rows = draw(st.permutations(range(n)) if all_rows else rows)
    suffix = draw(st.sampled_from([None, "fits", "ecsv", "vot"]))
    return rows, changes, suffix, draw(st.booleans())


def make_part(folder, rows, changes, suffix, by_position, table=NOISE):
    """Change a part of the noise, or of another table."""
    table = table[list(rows)].copy()
    if by_position:
        table.remove_column("source_id")
    for change in changes:
        table = change(table)
    if suffix is not None and not {as_coordinates, in_hours} & set(changes):
        path = folder / f"table.{suffix}"
        options = {"format": "votable"} if suffix == "vot" else {}
        Table(table).write(path, overwrite=True, **options)
        table = Table.read(path)
    return table


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(part=changed_parts())
def test_laws(tmp_path, part):
    """Order, part, type, unit, wrap, rounding and file do not matter, one after the other."""
    result = MODEL.classify(make_part(tmp_path, *part), "training")
    assert result["is_training"].all()
    found = np.log([result["P_a"], result["P_b"]]).T
    assert_allclose(found, EXPECTED[part[0]], atol=1e-5, rtol=1e-6)


def test_new_sources_of_equal_values_are_new():
    """Values never identify a source."""
    other = NOISE.copy()
    other["source_id"] = [f"T{k}" for k in range(N)]
    other["dec"] = -other["dec"]
    result = MODEL.classify(other, "training")
    assert not result["is_training"].any()
    assert MODEL.evaluate(other, "training").method.startswith("prediction")
    assert not MODEL.classify(other[PROPERTIES], "training")["is_training"].any()


def test_identifier_goes_before_position():
    """A source that has moved is still itself, and this is said."""
    other = NOISE.copy()
    other["dec"] += 10 / 3600 * -np.sign(other["dec"])
    with pytest.warns(IdentityWarning, match="60 of 60 rows .* 60 of them are 2 arcsec to 1 arcm"):
        result = MODEL.classify(other, "training")
    assert result["is_training"].all()


def test_running_numbers_of_another_catalogue():
    """An identifier on the other side of the sky is that of another source, and this is said."""
    other = make_noise(seed=7)
    with pytest.warns(IdentityWarning, match="0 of 60 rows .* 60 others have the identifier"):
        result = MODEL.classify(other, "training")
    assert not result["is_training"].any()


def test_part_is_near():
    """Positions of another release of the catalogue, for half of the sources."""
    other = NOISE.copy()
    other.remove_column("source_id")
    shift = np.where(np.arange(N) % 2 == 0, 1.0, 0.0)
    other["dec"] += shift / 3600 * -np.sign(other["dec"])
    with pytest.warns(IdentityWarning, match=r"30 of 60 rows .* 30 others lie within 2 arcsec"):
        result = MODEL.classify(other, "training")
    assert_array_equal(result["is_training"], shift == 0)


def test_neighbours_of_training_sources_are_new():
    """A source 1 arcsec beside a training source that the table has too is another one."""
    other = NOISE.copy()
    other["dec"] += 1 / 3600 * -np.sign(other["dec"])
    other["source_id"] = [f"T{k}" for k in range(N)]
    result = MODEL.classify(vstack([NOISE, other]), "training")
    assert_array_equal(result["is_training"], np.arange(2 * N) < N)


def test_missing_identifier_falls_back_to_the_position():
    other = NOISE.copy()
    other["source_id"] = MaskedColumn(other["source_id"], mask=np.arange(N) % 3 == 0)
    assert MODEL.classify(other, "training")["is_training"].all()


def test_named_column():
    table = NOISE.copy()
    table.rename_column("source_id", "IAUNAME")
    table.remove_columns(["ra", "dec"])
    model = fit(table, id="IAUNAME")
    changed = with_float32_values(table.copy())[::-1]
    assert model.classify(changed, "training")["is_training"].all()
    changed.rename_column("IAUNAME", "source_id")
    assert model.classify(changed, "training")["is_training"].all()
    with pytest.raises(KeyError, match="table has no column 'SRCID'"):
        fit(table, id="SRCID")
    with pytest.raises(TypeError, match="id must be the name of a column, got 3"):
        fit(table, id=3)


class TestWithoutIdentity:
    """Within one call the row is the identity; beyond it, nothing is guessed."""

    @pytest.fixture
    def bare(self):
        table = NOISE.copy()
        table.remove_columns(["source_id", "ra", "dec"])
        return table

    def test_table_of_the_fit(self, bare):
        model = fit(bare)
        assert_allclose(model.predict_log_proba(bare, "training"), EXPECTED, rtol=1e-12)
        result = model.classify(bare, "training")
        assert result["is_training"].all()
        # The answer has the same rows.
        assert model.evaluate(result, "training").method == "leave-one-out"
        assert model.explain(result[7]).is_training
        assert_allclose(model.explain(result[7]).posterior["a"], result["P_a"][7])

    def test_classify(self, bare):
        bare["class"] = MaskedColumn(bare["class"], mask=np.arange(N) % 2 == 0)
        result = classify(bare, "training", properties=PROPERTIES, bandwidth=0.2)
        assert_array_equal(result["is_training"], np.arange(N) % 2 == 1)

    def test_copy_is_not_known(self, bare):
        model = fit(bare)
        with pytest.warns(IdentityWarning, match="all of its rows are treated as new sources"):
            assert not model.classify(bare.copy(), "training")["is_training"].any()
        with pytest.warns(IdentityWarning, match="it is assumed that none of the 60 labelled rows"):
            evaluation = model.evaluate(bare.copy(), "training")
        assert "assumed" in evaluation.method
        new = model.evaluate(bare.copy(), "training", training=False)
        assert new.log_loss == evaluation.log_loss
        same = model.evaluate(bare.copy(), "training", training=True)
        assert same.method == "leave-one-out"
        assert_allclose(same.log_loss, model.evaluate(bare, "training").log_loss)
        with pytest.raises(ValueError, match=r"training=True needs the rows .* 60 rows, the table"):
            model.evaluate(bare[:30], "training", training=True)
        with pytest.raises(TypeError, match="training must be True, False or None, got 1"):
            model.evaluate(bare, "training", training=1)

    def test_table_that_was_sorted_is_not_known(self, bare):
        model = fit(bare)
        bare.sort("x0")
        with pytest.warns(IdentityWarning):
            assert not model.classify(bare, "training")["is_training"].any()

    def test_pickled(self, bare):
        model = pickle.loads(pickle.dumps(fit(bare)))
        assert not model.classify(bare[PROPERTIES], "training")["is_training"].any()


class TestRowsOfOneSource:
    def test_twice_is_a_weight_of_two(self):
        heavy = fit(NOISE, sample_weight=np.full(N, 2.0))
        twice = fit(vstack([NOISE, NOISE]))
        expected = heavy.predict_log_proba(NOISE, "training")
        assert_allclose(twice.predict_log_proba(NOISE, "training"), expected, atol=1e-9)
        both = vstack([NOISE, NOISE])
        for method in ("leave-one-out", "k-fold", "grouped"):
            evaluation = twice.evaluate(both, "training", method=method, rng=1)
            assert abs(evaluation.accuracy - 0.5) < 4 * 0.5 / np.sqrt(N)

    @pytest.mark.parametrize("name", ["source_id", "position"])
    def test_all_observations_are_held_out(self, name):
        """Rows of other values: a true refit without the source is the reference."""
        second = NOISE[::2].copy()
        rng = np.random.default_rng(5)
        for column in PROPERTIES:
            second[column] += rng.normal(scale=0.1, size=len(second))
        third = second[::3].copy()
        third["class"] = np.where(third["class"] == "a", "b", "a")
        table = vstack([NOISE, second, third])
        # The ends of the range do not depend on one source.
        for column in PROPERTIES:
            table[column][[1, 3]] = -6, 6
        named = table["source_id"]
        if name == "position":
            table.remove_column("source_id")
        records = {"all": PROPERTIES}
        model = NaiveBayesClassifier(records, bandwidth=0.2, classes=["a", "b"]).fit(table)
        found = model.predict_log_proba(table, "training")
        counts = model.class_counts_ / model.class_counts_.sum()
        for row in (0, 2, 6, 61, 64, 95):
            rest = table[named != named[row]]
            other = NaiveBayesClassifier(records, bandwidth=0.2, classes=["a", "b"]).fit(rest)
            expected = other.predict_log_proba(table[PROPERTIES][row : row + 1], counts)
            assert_allclose(found[row], expected[0], atol=1e-9)

    def test_unlabelled_row_of_a_labelled_source(self):
        table = vstack([NOISE, NOISE])
        table["class"] = MaskedColumn(table["class"], mask=np.arange(2 * N) >= N)
        result = fit(table).classify(table, "training")
        assert result["is_training"].all()
        assert_allclose(result["P_a"][N:], result["P_a"][:N])

    def test_too_many(self):
        table = make_noise(n=1202)
        table["source_id"] = "0"
        with pytest.raises(ValueError, match=r"1202 rows have identifier '0', which .* with id="):
            fit(table)


class TestOrder:
    def test_of_columns(self):
        one = classify(NOISE, "training", properties=PROPERTIES)
        other = classify(NOISE[NOISE.colnames[::-1]], "training", properties=PROPERTIES[::-1])
        assert_allclose(other["P_a"], one["P_a"], rtol=1e-6)

    @pytest.mark.parametrize("without", [["source_id"], ["ra", "dec"]])
    def test_of_rows(self, without):
        table = NOISE.copy()
        table.remove_columns(without)
        order = np.random.default_rng(3).permutation(N)
        one = classify(table, "training", properties=PROPERTIES)
        other = classify(table[order], "training", properties=PROPERTIES)
        assert_allclose(other["P_a"], one["P_a"][order], rtol=1e-5)
        scores = [
            fit(t).evaluate(t, "training", method="k-fold", n_folds=5, rng=1)
            for t in (table, table[order])
        ]
        assert_allclose(scores[1].log_loss, scores[0].log_loss, rtol=1e-9)


def test_model_file(tmp_path):
    for without in ([], ["source_id"], ["ra", "dec"]):
        table = NOISE.copy()
        table.remove_columns(without)
        fit(table).write(tmp_path / "model.ecsv", overwrite=True)
        model = NaiveBayesClassifier.read(tmp_path / "model.ecsv")
        changed = with_float32_values(table[::-1])
        assert model.classify(changed, "training")["is_training"].all()
        assert_array_equal(model.predict_log_proba(table, "training"), EXPECTED)


class TestIdentity:
    def test_positions_across_the_wrap_and_the_poles(self):
        ra = np.array([0.00001, 359.99999, 10.0, 190.0, 10.0])
        dec = np.array([0.0, 0.0, 89.99999, 89.99999, 89.9])
        source = Identity(5, positions=np.array([ra, dec])).sources()
        assert source[0] == source[1]
        assert source[2] == source[3]
        assert len(np.unique(source)) == 3

    def test_two_identifiers_at_one_position(self):
        table = Table({"source_id": ["A", "B", "", ""], "ra": [1.0] * 4, "dec": [2.0] * 4})
        source = read_identity(table).sources()
        assert source[0] != source[1]
        assert source[2] == source[3] == source[0]

    def test_nothing(self):
        identity = read_identity(Table({"x": [1, 1, 1], "ra": ["a", "b", "c"], "dec": [1, 2, 3]}))
        assert not identity
        assert_array_equal(identity.sources(), [0, 1, 2])

    def test_keys_do_not_depend_on_the_length_of_other_names(self):
        one = Identity(2, ids=np.array(["a", "bc"]))
        other = Identity(2, ids=np.array(["a", "a much longer name"]))
        assert one.keys(np.arange(2))[0] == other.keys(np.arange(2))[0]

    def test_whole_numbers_are_names(self):
        numbers = read_identity(Table({"source_id": np.array([7, 2**60 + 1])}))
        texts = read_identity(Table({"source_id": ["7", " 1152921504606846977 "]}))
        assert_array_equal(texts.match(numbers).rows, [0, 1])

    def test_folds_are_even(self):
        keys = Identity(20_000, ids=np.arange(20_000).astype(str)).keys(np.arange(20_000))
        counts = np.bincount(((keys >> np.uint64(32)) % np.uint64(5)).astype(int))
        assert np.all(np.abs(counts - 4000) < 4 * np.sqrt(4000 * 0.8))

    def test_join_groups(self):
        assert_array_equal(join_groups([0, 0, 1, 2], [5, 6, 6, 7]), [0, 0, 0, 1])

    def test_impossible_declination(self):
        table = Table({"ra": [1.0, 2.0], "dec": [95.0, 5.0]})
        assert_array_equal(np.isnan(read_identity(table).positions[0]), [True, False])


def test_units_of_a_position_do_not_count():
    table = Table({"ra": [10.0, 20.0] * u.deg, "dec": [0.0, 1.0] * u.deg})
    far = Table({"ra": [10.0, 20.0] * u.keV, "dec": [0.0, 1.0] * u.keV})
    assert read_identity(table)
    assert not read_identity(far)


def test_positions_in_a_unit_that_cannot_be_read_are_an_error():
    table = Table({"ra": [10.0, 20.0], "dec": [1.0, 2.0]})
    table["ra"].unit = UnrecognizedUnit("dgrees")
    with pytest.raises(UnitConversionError, match=r"'ra' of table .* dgrees, which cannot be read"):
        read_identity(table)
    # A property may be called so.
    table["ra"].unit = "kg"
    assert read_identity(table).keys(np.arange(2)).shape == (2,)


class TestNamesMadeFromPositions:
    """Sources without identifier, which the first step of a job names by their positions."""

    @staticmethod
    def make(seed, change=None):
        table = make_noise(seed, 2000)
        table.remove_column("source_id")
        if change is not None:
            change(table)
        return standardize(table)

    @pytest.mark.parametrize("seed", [1, 2, 3])
    @pytest.mark.parametrize("change", [rounded, wrapped, as_float32])
    def test_folds_are_those_of_the_positions(self, seed, change):
        one, other = (read_identity(self.make(seed, made)) for made in (None, change))
        if change is rounded:
            assert (one.ids != other.ids).any()  # the names are not the identity
        moved = one.keys(one.sources()) != other.keys(other.sources())
        # A cell has edges, which 0.04 arcsec cross at one source in a hundred at most, and 0.001
        # arcsec at one in thousands.
        assert np.mean(moved) < (0.02 if change is as_float32 else 0.002)

    def test_two_rows_at_one_position_are_one_source(self):
        table = Table({"ra": [10.0, 10.0, 20.0], "dec": [5.0, 5.0, 5.0]})
        made = standardize(table)
        assert len(set(made["source_id"])) == 3
        assert read_identity(made).sources().tolist() == [0, 0, 1]

    def test_rows_of_one_name_are_one_source(self):
        table = Table(
            {"source_id": ["J004000.0+050000"] * 2, "ra": [10.0, 10.0003], "dec": [5.0] * 2}
        )
        assert read_identity(table).sources().tolist() == [0, 0]

    def test_a_neighbour_of_the_same_name_is_another_source(self):
        # Without the first of the two, the second has its name.
        table = Table({"ra": [10.0, 10.0002, 30.0], "dec": [5.0] * 3})
        both, second = standardize(table), standardize(table[1:])
        assert both["source_id"][0] == second["source_id"][0]
        match = read_identity(second).match(read_identity(both))
        assert match.rows.tolist() == [1, 2]

    def test_name_without_a_position_is_a_name(self):
        table = standardize(Table({"ra": [10.0, 30.0], "dec": [5.0] * 2}))
        match = read_identity(table["source_id",][::-1]).match(read_identity(table))
        assert match.rows.tolist() == [1, 0]
