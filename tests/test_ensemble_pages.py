"""The page about a search for an ensemble: facts and pictures of arrays, several targets, counts and calibration."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.tabular import ensemble_report
from fastprop.tabular.ensemble_report import Fitted, importance

pytest.importorskip("matplotlib")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
LABELS = (X[:, 0] > 0).astype(int)
ONE = {"configurations": 1, "folds": 2, "epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def calibrated():
    return fp.TabularClassifier(calibrate=True, **ONE).fit(X, LABELS)


@pytest.mark.slow
def test_a_page_of_calibrated_probabilities_has_their_temperature_and_shows_them(calibrated, tmp_path, monkeypatch):
    shown, calibration = [], ensemble_report.calibration

    def noted(outputs, y):
        shown.append(outputs)
        return calibration(outputs, y)

    monkeypatch.setattr(ensemble_report, "calibration", noted)
    calibrated.report(tmp_path / "r.html", X)
    temperature = calibrated._found.temperature
    text = (tmp_path / "r.html").read_text()
    assert f"<b>{temperature:.3g}</b><span>temperature of the probabilities</span>" in text
    powers = calibrated._found.outputs ** (1 / temperature)
    np.testing.assert_allclose(shown[0], powers / powers.sum(axis=1, keepdims=True), rtol=1e-6)
    assert np.abs(shown[0] - calibrated._found.outputs).max() > 0.1


def test_columns_of_arrays_have_the_names_that_were_given_or_their_numbers(calibrated):
    numbered, worse = importance(Fitted(calibrated._found, {"standard": X}))
    named, same = importance(Fitted(calibrated._found, {"standard": X}, ("size", "age", "price")))
    assert (numbered, named) == (["x0", "x1", "x2"], ["size", "age", "price"])
    np.testing.assert_array_equal(same, worse)
    constant = np.where(np.arange(3) == 1, 0.5, X)
    assert importance(Fitted(calibrated._found, {"standard": constant}))[1][1] == 0


@pytest.mark.slow
def test_a_page_of_several_numbers_draws_no_predictions_of_one(tmp_path):
    for targets, count in ((X[:, :2], 0), (X[:, 0], 1)):
        fp.TabularRegressor(**ONE).fit(X, targets).report(tmp_path / "r.html", X)
        text = (tmp_path / "r.html").read_text()
        assert text.count("<h2>Predictions, out-of-fold") == count
        assert text.count("<h2>Permutation importance, out-of-fold") == 1


@pytest.mark.slow
def test_a_page_of_counts_which_the_loss_ranks_has_no_score_and_no_importance(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts = RANDOM.poisson(np.exp(X[:, 0]))
    np.savetxt("counts.csv", np.column_stack([X, counts]), "%g", ",", header="a,b,c,n", comments="")
    options = [
        "--configurations",
        "1",
        "--folds",
        "2",
        "--epochs",
        "2",
        "--save",
        "m.safetensors",
        "--report",
        "r.html",
    ]
    assert cli.main(["fit", "counts.csv", "--task", "counts", "--report", "r.html", *options]) == 0
    text = (tmp_path / "r.html").read_text()
    assert "<span>best configuration, loss of 2 folds</span>" in text
    assert "ensemble, out-of-fold" not in text
    assert text.count("<h2>Permutation importance") == 0
    assert text.count("<h2>Predictions, out-of-fold") == 1
