# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose

from claxboi.classification import NaiveBayesClassifier, classify_partitions
from claxboi.simulation import make_labelled_sample

PRIORS = {"AGN": 0.7, "star": 0.3}


@pytest.fixture(scope="module")
def sample():
    table = make_labelled_sample(1500, rng=3)
    table = table[np.isin(table["true_class"], list(PRIORS))]
    rng = np.random.default_rng(4)
    table["ra"], table["dec"] = rng.uniform(0, 360, len(table)), rng.uniform(-80, 80, len(table))
    return table[["source_id", "ra", "dec", "b", "hr1", "log_fx_fb", "class"]]


@pytest.fixture(scope="module")
def model(sample):
    properties = ["b", "hr1", "log_fx_fb"]
    return NaiveBayesClassifier(properties, classes=list(PRIORS)).fit(sample)


@pytest.fixture
def frame(sample):
    pytest.importorskip("dask.dataframe", reason="needs claxboi[lsdb]")
    return sample[["source_id", "ra", "dec", "b", "hr1", "log_fx_fb"]].to_pandas()


def check(result, expected):
    """The same columns and values, row by row."""
    result = result.set_index("source_id").loc[np.asarray(expected["source_id"]).astype(str)]
    new = expected.colnames[expected.colnames.index("prediction") :]
    assert [name for name in result.columns if name in new] == new
    for name in new:
        values = np.ma.filled(expected[name], np.nan if expected[name].dtype.kind == "f" else None)
        if expected[name].dtype.kind == "f":
            assert_allclose(result[name].to_numpy(float), values, rtol=1e-12, atol=1e-15)
        else:
            assert result[name].tolist() == values.tolist()


@pytest.mark.parametrize("n_partitions", [1, 7])
def test_dask_equals_the_whole(sample, model, frame, n_partitions, tmp_path):
    import dask.dataframe as dd

    expected = model.classify(sample, PRIORS)
    # Training sources are known again in each partition, and held out.
    assert expected["is_training"].any()
    assert not expected["is_training"].all()
    catalog = dd.from_pandas(frame, npartitions=n_partitions)
    path = tmp_path / "model.ecsv"
    model.write(path)
    for given in (model, path):
        result = classify_partitions(catalog, given, PRIORS)
        assert type(result) is type(catalog)
        assert result.columns.tolist()[: len(frame.columns)] == frame.columns.tolist()
        computed = result.compute(scheduler="threads")
        assert dict(result.dtypes) == dict(computed.dtypes)
        check(computed, expected)
    assert "prediction" not in catalog.columns


def test_empty_partitions(sample, model, frame):
    import dask.dataframe as dd

    catalog = dd.from_pandas(frame, npartitions=4)
    north = catalog[catalog["dec"] > 70]
    expected = model.classify(sample[sample["dec"] > 70], "training")
    result = classify_partitions(north, model, "training")
    check(result.compute(scheduler="threads"), expected)
    none = classify_partitions(catalog[catalog["dec"] > 100], model, PRIORS).compute()
    assert len(none) == 0
    assert "P_AGN" in none.columns


# What LSDB and its dependencies warn of is not ours.
@pytest.mark.filterwarnings("ignore")
def test_lsdb_equals_the_whole(sample, model, frame):
    lsdb = pytest.importorskip("lsdb", reason="needs claxboi[lsdb]")
    catalog = lsdb.from_dataframe(frame, ra_column="ra", dec_column="dec", partition_rows=100)
    assert catalog.npartitions > 3
    result = classify_partitions(catalog, model, PRIORS)
    assert isinstance(result, type(catalog))
    check(result.compute(progress_bar=False), model.classify(sample, PRIORS))
    # What comes out is a catalogue, with positions that can be searched.
    cone = result.cone_search(ra=100, dec=0, radius_arcsec=30 * 3600)
    assert 0 < len(cone.compute(progress_bar=False)) < len(sample)


def test_wrong_arguments(sample, model, frame):
    import dask.dataframe as dd

    catalog = dd.from_pandas(frame, npartitions=2)
    with pytest.raises(ValueError, match="would differ from partition to partition"):
        classify_partitions(catalog, model, "estimate")
    with pytest.raises(ValueError, match="the same for all sources"):
        classify_partitions(catalog, model, lambda table: table)
    with pytest.raises(ValueError, match="sum to 1"):
        classify_partitions(catalog, model, {"AGN": 0.5, "star": 0.4})
    with pytest.raises(KeyError, match="catalog has no column 'hr1'"):
        classify_partitions(catalog.drop(columns="hr1"), model, PRIORS)
    twice = classify_partitions(catalog, model, PRIORS)
    with pytest.raises(ValueError, match="overwrite=True"):
        classify_partitions(twice, model, PRIORS)
    again = classify_partitions(twice, model, PRIORS, overwrite=True).compute()
    assert again.columns.tolist() == twice.columns.tolist()


def test_wrong_kinds(sample, model):
    with pytest.raises(TypeError, match=r"catalog must be an LSDB catalogue or .*, got Table"):
        classify_partitions(Table(), model)

    class Catalog:
        map_partitions = None

    with pytest.raises(TypeError, match=r"model must be a NaiveBayesClassifier .* got"):
        classify_partitions(Catalog(), 3)
