# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts import calibrate_cutoffs, shift_positions
from claxboi.counterparts.calibrate import cutoff_curve

from .mock import simulate


def coordinates(table):
    return SkyCoord(table["ra"], table["dec"], unit="deg")


class TestShift:
    xray = Table({"ra": [0.0, 0.001, 120.0, 77.0], "dec": [89.9999, 89.9999, -89.9, 45.0]})

    def test_great_circle_distances(self):
        shifted = shift_positions(self.xray, distance=(20 * u.arcsec, 60 * u.arcsec), rng=1)
        sep = coordinates(shifted).separation(coordinates(self.xray)).arcsec
        assert np.all((sep >= 20 * (1 - 1e-9)) & (sep <= 60 * (1 + 1e-9)))

    def test_uniform_in_area(self):
        many = Table({"ra": np.arange(2000) * 0.15, "dec": np.full(2000, 60.0)})
        shifted = shift_positions(many, distance=(20 * u.arcsec, 60 * u.arcsec), rng=2)
        sep = coordinates(shifted).separation(coordinates(many)).arcsec
        share = (sep**2 - 400) / (3600 - 400)
        assert abs(share.mean() - 0.5) < 4 / np.sqrt(12 * 2000)
        angle = coordinates(many).position_angle(coordinates(shifted)).rad
        assert np.hypot(np.cos(angle).mean(), np.sin(angle).mean()) < 4 / np.sqrt(2000)

    def test_away_from_every_source(self):
        rng = np.random.default_rng(3)
        crowd = Table({"ra": rng.uniform(0, 0.05, 60), "dec": rng.uniform(0, 0.05, 60)})
        shifted = shift_positions(crowd, distance=(10 * u.arcsec, 90 * u.arcsec), rng=3)
        sep = coordinates(shifted)[:, None].separation(coordinates(crowd)[None]).arcsec
        assert sep.min() >= 10 * (1 - 1e-6)

    def test_seeded(self):
        settings = {"distance": (20 * u.arcsec, 60 * u.arcsec)}
        first = shift_positions(self.xray, rng=5, **settings)
        again = shift_positions(self.xray, rng=5, **settings)
        other = shift_positions(self.xray, rng=6, **settings)
        assert_array_equal(first["ra"], again["ra"])
        assert np.all(first["ra"] != other["ra"])
        assert_array_equal(self.xray["ra"], [0.0, 0.001, 120.0, 77.0])

    def test_footprint(self):
        shifted = shift_positions(
            self.xray[3:],
            distance=(20 * u.arcsec, 60 * u.arcsec),
            footprint=lambda coords: coords.dec.deg > 45,
            rng=np.random.default_rng(1),
        )
        assert shifted["dec"][0] > 45

    def test_no_place(self):
        with pytest.raises(ValueError, match="1 of 1 X-ray sources found no empty place"):
            shift_positions(
                self.xray[3:],
                distance=(20 * u.arcsec, 60 * u.arcsec),
                footprint=lambda coords: np.zeros(len(coords), bool),
                n_draws=3,
            )

    def test_distances(self):
        with pytest.raises(ValueError, match="0 < nearest <= farthest"):
            shift_positions(self.xray, distance=(60 * u.arcsec, 20 * u.arcsec))


class TestCurve:
    def test_by_hand(self):
        curve = cutoff_curve(np.array([0.1, 0.5, 0.9, 0.9]), np.array([0.0, 0.2, 0.5, 0.95]))
        assert len(curve) == 101
        at = curve[np.isclose(curve["cutoff"], 0.5)][0]
        assert at["false_rate"] == 0.25
        assert at["selected"] == 0.5
        # The mean p_any is 0.6: 0.4 x 0.25 of the sources are false.
        assert_allclose(at["purity"], 1 - 0.1 / 0.5)
        assert_allclose(at["completeness"], 0.4 / 0.6)

    def test_nway_cutoffs(self, shared_path):
        """The cutoffs that NWAY printed, from its own p_any."""
        folder = shared_path / "golden" / "nway"
        read = [
            Table.read(folder / f"{name}.csv.gz", format="ascii.csv", fast_reader=False)
            for name in ("cli_opt_mag", "cli_opt_mag_shifted")
        ]
        p_any = []
        for table in read:
            empty = table[table["ncat"] == 1]
            p_any.append(np.asarray(empty["p_any"], float))
        curve = cutoff_curve(*p_any)
        printed = [
            (0.01, 0.92, 0.630),
            (0.03, 0.74, 0.743),
            (0.05, 0.60, 0.786),
            (0.10, 0.21, 0.833),
        ]
        for rate, cutoff, selected in printed:
            first = curve[np.argmax(curve["false_rate"] < rate)]
            assert_allclose(first["cutoff"], cutoff, atol=0.0101)
            near = curve[np.isclose(curve["cutoff"], cutoff)][0]
            assert_allclose(near["selected"], selected, atol=1e-9)


class TestCalibration:
    def test_against_truth(self):
        """False rate, purity and completeness as they really are."""
        rng = np.random.default_rng(31)
        n = 3000
        xray, catalogue, truth, area = simulate(rng, n, 100_000, sigma=(0.5, 2.0))
        found = calibrate_cutoffs(
            xray,
            catalogue,
            radius=10 * u.arcsec,
            area=area,
            priors="mag",
            false_rates=[0.05, 0.15],
            rng=7,
        )
        p_any = np.asarray(found.candidates["p_any"][found.candidates["secondary"].mask])
        has = truth >= 0
        assert_array_equal(found.cutoffs["false_rate"], [0.05, 0.15])
        for row in found.cutoffs:
            selected = p_any > row["cutoff"]
            assert_allclose(row["selected"], selected.mean(), atol=1e-12)
            assert abs(row["purity"] - has[selected].mean()) < 0.02
            assert abs(row["completeness"] - selected[has].mean()) < 0.02
            # Sources without a counterpart are like shifted ones.
            n_without = np.sum(~has)
            scatter = np.sqrt(row["false_rate"] * (1 - row["false_rate"]) * 2 / n_without)
            assert abs(selected[~has].mean() - row["false_rate"]) < 4 * scatter
        shifted = found.shifted_candidates
        p_false = np.asarray(shifted["p_any"][shifted["secondary"].mask])
        assert np.mean(p_false > found.cutoffs["cutoff"][0]) <= 0.05
        assert p_false.mean() < 0.15

    def test_priors_are_not_learned_again(self):
        rng = np.random.default_rng(32)
        xray, catalogue, _, area = simulate(rng, 400, 20_000)
        found = calibrate_cutoffs(
            xray, catalogue, radius=10 * u.arcsec, area=area, priors="mag", rng=1
        )
        metas = [
            t.meta["claxboi"]["counterparts"] for t in (found.candidates, found.shifted_candidates)
        ]
        assert metas[0]["priors"] == metas[1]["priors"]
        assert metas[0]["completeness"] == metas[1]["completeness"]
        assert len(found.shifted) == 400

    def test_footprint_of_the_catalogue(self):
        """Shifted sources do not fall off the edge of the secondaries."""
        rng = np.random.default_rng(33)
        stars = Table({"ra": rng.uniform(0, 0.2, 3000), "dec": rng.uniform(0, 0.2, 3000)})
        stars["pos_error"] = 0.1
        xray = stars[stars["ra"] < 0.005].copy()
        xray["pos_error"] = 1.0
        found = calibrate_cutoffs(
            xray, stars, radius=8 * u.arcsec, completeness=0.9, area=0.04 * u.deg**2, rng=2
        )
        ra = (np.asarray(found.shifted["ra"]) + 180) % 360 - 180
        # Shifts go to 48 arcsec; half of the sources would leave on the western side.
        assert ra.min() > -25 / 3600
        assert np.mean(ra < 0) < 0.2

    def test_bad_false_rate(self):
        rng = np.random.default_rng(34)
        xray, catalogue, _, area = simulate(rng, 20, 1000)
        with pytest.raises(ValueError, match="false_rates must be above 0 and below 1, got 15"):
            calibrate_cutoffs(
                xray, catalogue, radius=9 * u.arcsec, area=area, false_rates=[15], rng=1
            )
