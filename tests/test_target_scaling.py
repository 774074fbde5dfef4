"""Targets that are far from zero, as time stamps are, and near each other: a saved network tells them apart."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

import fastprop as fp
from fastprop import cli
from fastprop.data import TargetScaling

pandas = pytest.importorskip("pandas")


@pytest.mark.parametrize("offset", [0.0, 1e5, 1.76e9, -1e12])
@pytest.mark.parametrize("command", ["train t.csv --epochs 60", "sweep t.csv --learning-rate 0.01 --epochs 60 --cv 2"])
def test_a_saved_network_predicts_what_was_measured_however_far_targets_are_from_zero(
    command, offset, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=200)
    frame = pandas.DataFrame({"x": x, "y": offset + 60 * x})
    frame.to_csv("t.csv", index=False)
    assert cli.main([*command.split(), "--dropout", "0", "--save", "n.safetensors"]) == 0
    measured = float(capsys.readouterr().out.split("r2 ")[1].split()[0])
    assert measured > 0.99
    assert cli.main(["predict", "n.safetensors", "t.csv", "--output", "p.csv"]) == 0
    # By hand, around the offset: there float64 has digits enough.
    predicted = pandas.read_csv("p.csv").prediction - offset
    assert r2_score(frame.y - offset, predicted) > 0.99
    assert cli.main(["evaluate", "n.safetensors", "t.csv", "--score", "r2"]) == 0
    assert float(capsys.readouterr().out.split("r2 ")[1]) > 0.99


def test_targets_that_need_digits_need_float64():
    for y, dtype in (([0.0, 1], "float32"), ([100.0, 101], "float32"), ([5000.0, 5001], "float64")):
        assert TargetScaling.fit(np.array(y)[:, np.newaxis], "mse").dtype == dtype


@pytest.mark.parametrize("estimator", [fp.MLPClassifier, fp.MLPRegressor])
def test_weights_of_which_none_is_above_zero_are_refused(estimator):
    X, y = np.arange(8.0)[:, np.newaxis], np.arange(8) % 2
    with pytest.raises(ValueError, match="sample_weight is above zero for no row"):
        estimator().fit(X, y, sample_weight=-np.ones(8))


@pytest.mark.parametrize("estimator", [fp.MLPClassifier, fp.MLPRegressor])
def test_dates_are_no_targets(estimator):
    days = pandas.date_range("2026-01-01", periods=8)
    for y in (days.to_numpy(), pandas.Series(days, name="day"), pandas.Series(days - days[0])):
        with pytest.raises(ValueError, match=r"y.* holds dates or times, which have no unit"):
            estimator().fit(np.arange(8.0)[:, np.newaxis], y)
