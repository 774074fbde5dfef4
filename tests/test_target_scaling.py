"""Targets far from zero and near each other, as time stamps are: a saved network predicts their differences."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

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


@pytest.mark.parametrize("size", [1e200, -1e160, 1e-200])
def test_targets_whose_squares_float64_does_not_hold_are_refused(size):
    with pytest.raises(ValueError, match="whose squares float64 does not hold: divide it by a constant"):
        TargetScaling.fit(size * np.array([[1.0], [2.0]]), "mse")


@pytest.mark.parametrize("y", [[0.0, 1e140], [0.0, 1e-140], [0.0, 0.0], [1e100, 1e140]])
def test_targets_of_any_size_between_are_taken(y):
    y = np.array(y)[:, np.newaxis]
    scaling = TargetScaling.fit(y, "mse")
    np.testing.assert_allclose(scaling.restored(scaling.scaled(y)), y, atol=1e-9 * y.max())
    assert 0 < scaling.loss_factor("mse") < np.inf
