# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts import complete_pos_errors, radius_from_sigma, sigma_from_radius
from claxboi.counterparts.catalogue_positions import read_covariances


@pytest.mark.parametrize(
    ("level", "radius"),
    [
        (0.393469, 1.0),
        (0.63, 1.4101),
        (0.632121, np.sqrt(2)),
        (0.682689, 1.5152),
        (0.9, 2.1460),
        (0.95, 2.4477),
        (0.9545, 2.486),
        (0.99, 3.0349),
    ],
)
def test_radii_of_the_sky(level, radius):
    assert_allclose(radius_from_sigma(1.0, level), radius, rtol=5e-5)
    assert_allclose(sigma_from_radius(radius, level), 1.0, rtol=5e-5)


def test_intervals_of_one_axis():
    assert_allclose(radius_from_sigma(1.0, 0.682689492137, dimensions=1), 1.0, rtol=1e-10)
    assert_allclose(radius_from_sigma(1.0, 0.95, dimensions=1), 1.959964, rtol=1e-6)


def test_units_survive():
    assert sigma_from_radius([2.1460] * u.arcmin, 0.9).unit == u.arcmin


@pytest.mark.parametrize("level", [0, 1, -0.1, np.nan])
def test_level_out_of_range(level):
    with pytest.raises(ValueError, match="level must be above 0 and below 1"):
        sigma_from_radius(1.0, level)


def test_level_in_percent_is_an_error():
    with pytest.raises(ValueError, match="level must be above 0 and below 1, got 90"):
        sigma_from_radius(1.0, 90)


def test_dimensions():
    with pytest.raises(ValueError, match="dimensions must be one of 2, 1"):
        sigma_from_radius(1.0, 0.9, dimensions=3)


class TestComplete:
    def table(self):
        error = MaskedColumn([1.0, 0.0, 3.0, 9.0, 5.0], mask=[0, 0, 0, 1, 0], unit=u.arcsec)
        return Table({"pos_error": error, "flux": [1.0, 1.1, 1.2, 9.0, 9.1]})

    def test_median(self):
        table = self.table()
        result = complete_pos_errors(table, fill="median")
        assert_array_equal(result["pos_error"], [1, 3, 3, 3, 5])
        assert_array_equal(result["is_pos_error_estimated"], [0, 1, 0, 1, 0])
        assert table["pos_error"].mask[3]
        assert table.colnames == ["pos_error", "flux"]

    def test_sources_of_like_flux(self):
        result = complete_pos_errors(self.table(), fill="flux", flux_bins=2)
        assert_array_equal(result["pos_error"], [1, 1, 3, 4, 5])

    def test_without_flux_takes_the_median_of_all(self):
        table = self.table()
        table["flux"][3] = np.nan
        assert complete_pos_errors(table, fill="flux")["pos_error"][3] == 3

    def test_value_and_floor(self):
        result = complete_pos_errors(self.table(), fill=2 * u.arcsec, floor=2.5 * u.arcsec)
        assert_array_equal(result["pos_error"], [2.5, 2.5, 3, 2.5, 5])
        assert_array_equal(result["is_pos_error_estimated"], [1, 1, 0, 1, 0])

    def test_floor_alone_lifts_zeros_and_leaves_missing(self):
        with pytest.raises(ValueError, match="missing or zero in 1 rows, the first is row 3"):
            complete_pos_errors(self.table(), floor=1 * u.arcsec)

    def test_no_choice(self):
        with pytest.raises(ValueError, match="give fill= or floor= to complete them"):
            complete_pos_errors(self.table())

    def test_negative(self):
        with pytest.raises(ValueError, match="must not be negative, got -1"):
            complete_pos_errors(Table({"pos_error": [1.0, -1.0]}), fill="median")

    def test_nothing_to_go_by(self):
        with pytest.raises(ValueError, match="at least one positive pos_error"):
            complete_pos_errors(Table({"pos_error": [0.0]}), fill="median")

    def test_unknown_word(self):
        with pytest.raises(ValueError, match="fill must be one of 'median', 'flux'"):
            complete_pos_errors(self.table(), fill="mean")

    def test_without_column(self):
        with pytest.raises(KeyError, match="pos_error"):
            complete_pos_errors(Table({"a": [1]}))


class TestEllipse:
    def covariance(self, **columns):
        cov = read_covariances(Table({k: [v] for k, v in columns.items()}), "table")
        return [x[0] for x in cov.general()]

    def test_angle_is_east_of_north(self):
        """At 0 the major axis points North, at 90 East, at 45 North-East."""
        ellipse = {"pos_error_major": 3.0, "pos_error_minor": 1.0}
        assert_allclose(self.covariance(**ellipse, pos_error_angle=0.0), [1, 0, 9], atol=1e-12)
        assert_allclose(self.covariance(**ellipse, pos_error_angle=90.0), [9, 0, 1], atol=1e-12)
        assert_allclose(self.covariance(**ellipse, pos_error_angle=45.0), [5, 4, 5], atol=1e-12)

    def test_units(self):
        table = Table({"pos_error": [0.1] * u.arcmin})
        assert_allclose(read_covariances(table, "table").ee, 36)

    def test_circle_stands_in(self):
        table = Table({"pos_error": [2.0, 2.0], "pos_error_major": [3.0, np.nan]})
        table["pos_error_minor"], table["pos_error_angle"] = [1.0, 1.0], [90.0, 90.0]
        cov = read_covariances(table, "table")
        assert_allclose(cov.ee, [9, 4])
        assert_allclose(cov.nn, [1, 4])

    def test_incomplete(self):
        table = Table({"pos_error_major": [3.0, 2.0], "pos_error_minor": [1.0, 1.0]})
        table["pos_error_angle"] = [0.0, np.nan]
        with pytest.raises(ValueError, match="incomplete in 1 rows, the first is row 1"):
            read_covariances(table, "xray")

    def test_circle_needs_no_angle(self):
        assert self.covariance(pos_error_major=2.0, pos_error_minor=2.0, pos_error_angle=np.nan)

    @pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
    def test_not_positive(self, bad):
        with pytest.raises(
            ValueError, match=r"pos_error of xray must be positive .* first is row 1"
        ):
            read_covariances(Table({"pos_error": [1.0, bad]}), "xray")

    def test_absent(self):
        with pytest.raises(KeyError, match="sigma_from_radius"):
            read_covariances(Table({"ra": [1.0]}), "xray")


class TestCompleteEllipses:
    def table(self, **columns):
        return Table(
            {
                "pos_error_major": [0.0, 2.0, np.nan, 0.1],
                "pos_error_minor": [0.0, 1.0, 1.0, 0.1],
                "pos_error_angle": [0.0, 30.0, 30.0, 0.0],
                **columns,
            }
        )

    def test_what_it_fills_can_be_read(self):
        table = self.table(pos_error=[0.0, 1.5, 1.2, 0.1])
        with pytest.raises(ValueError, match="complete_pos_errors"):
            read_covariances(table, "xray")
        result = complete_pos_errors(table, fill=1 * u.arcsec, floor=0.5 * u.arcsec)
        assert_allclose(result["pos_error"], [1, 1.5, 1.2, 0.5])
        assert result["is_pos_error_estimated"].tolist() == [True, False, True, True]
        ee, _, nn = read_covariances(result, "xray").general()
        assert_allclose((ee + nn) / 2, [1, 2.5, 1.44, 0.25])

    def test_circle_of_an_ellipse(self):
        result = complete_pos_errors(self.table(), fill="median")
        assert_allclose(result["pos_error"][[1, 3]], [2.5**0.5, 0.1])
        read_covariances(result, "xray")
        table = self.table()
        table["pos_error_major"][1] = -1
        with pytest.raises(ValueError, match="axes of error ellipses must not be negative"):
            complete_pos_errors(table, fill="median")
