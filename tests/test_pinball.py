"""The pinball loss: each output learns a quantile of the one column of targets."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.base import clone
from sklearn.metrics import d2_pinball_score, mean_pinball_loss
from sklearn.model_selection import cross_val_score

import fastprop as fp
from fastprop import reference
from fastprop.cli import main
from fastprop.task import Task
from tests.compare import assert_refused, assert_same_bits

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(400, 3))
NOISE = RANDOM.normal(size=400)
Y = 100 + 20 * X[:, 0] + 5 * NOISE
QUANTILES = (0.1, 0.5, 0.95)
LOSS = fp.Pinball(QUANTILES)


def trained(outputs=3, y=Y, **options):
    return fp.train(new_network(outputs=outputs), X, y, loss=LOSS, epochs=1, **options)


def new_network(dtype="float64", outputs=3):
    return fp.MLP((3, 8, outputs), hidden="tanh", output="identity", dtype=dtype, seed=0)


def by_sklearn(outputs, y, quantiles=QUANTILES):
    return np.mean([mean_pinball_loss(y, each, alpha=q) for each, q in zip(outputs.T, quantiles)])


def test_the_metric_is_that_of_sklearn():
    outputs = np.column_stack([Y - 3, Y + RANDOM.normal(size=400), Y])
    expected = by_sklearn(outputs, Y)
    assert fp.metrics.pinball(outputs, Y, QUANTILES) == pytest.approx(expected, rel=1e-14)
    assert fp.metrics.pinball(outputs, Y[:, None], QUANTILES) == pytest.approx(expected, rel=1e-14)
    with pytest.raises(ValueError, match="shape"):
        fp.metrics.pinball(outputs[:, :2], Y, QUANTILES)
    with pytest.raises(ValueError, match="shape"):
        fp.metrics.pinball(outputs, outputs, QUANTILES)


@pytest.mark.parametrize("optimizer", [fp.SGD(0.01), fp.Adam(), fp.LBFGS()], ids=["sgd", "adam", "lbfgs"])
def test_kernels_train_as_the_reference(optimizer):
    histories, networks = [], [new_network(), new_network()]
    for network, backend in zip(networks, ("kernels", "reference")):
        options = {"epochs": 3, "optimizer": optimizer, "standardize": True, "validation": 0.25, "backend": backend}
        histories.append(fp.train(network, X, Y, loss=LOSS, **options))
    np.testing.assert_allclose(networks[0].predict(X), networks[1].predict(X), rtol=1e-9)
    np.testing.assert_allclose(histories[0].validation_loss, histories[1].validation_loss, rtol=1e-10)


def test_the_loss_and_the_score_are_those_of_sklearn():
    network = new_network()
    history = fp.train(network, X, Y, loss=LOSS, epochs=2, validation=(X, Y), optimizer=fp.Adam(0.1))
    expected = by_sklearn(network.predict(X), Y)
    assert history.validation_loss[-1] == pytest.approx(expected, rel=1e-12)
    assert history.score_name == "pinball"
    assert history.score == pytest.approx(expected, rel=1e-12)
    assert reference.loss(reference.Network.of(network), X, Y, LOSS) == pytest.approx(expected, rel=1e-12)


def test_gradients_are_finite_differences():
    network = reference.Network.of(new_network())
    weights, biases = reference.gradients(network, X[:9], Y[:9] / 10 - 10, LOSS)
    for arrays, gradients in ((network.weights, weights), (network.biases, biases)):
        for array, gradient in zip(arrays, gradients):
            for index in np.ndindex(array.shape):
                before, losses = array[index], []
                for step in (1e-6, -1e-6):
                    array[index] = before + step
                    losses.append(reference.loss(network, X[:9], Y[:9] / 10 - 10, LOSS))
                array[index] = before
                assert gradient[index] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-6, abs=1e-8)


def test_y_of_one_column_and_weights_count_as_rows():
    networks = new_network(), new_network()
    fp.train(networks[0], X, Y, loss=LOSS, epochs=2, shuffle=False, batch_size=400)
    fp.train(networks[1], X, Y[:, None], loss=LOSS, epochs=2, shuffle=False, batch_size=400)
    assert_same_bits(*([each.parameters] for each in networks))
    weights = np.where(np.arange(400) < 200, 2.0, 0.0)
    networks = new_network(), new_network()
    fp.train(networks[0], X, Y, loss=LOSS, epochs=2, shuffle=False, batch_size=400, sample_weight=weights)
    fp.train(networks[1], X[:200], Y[:200], loss=LOSS, epochs=2, shuffle=False, batch_size=200)
    np.testing.assert_allclose(networks[0].parameters, networks[1].parameters, rtol=1e-12)


@pytest.mark.slow
def test_outputs_become_the_quantiles_of_the_noise():
    random = np.random.default_rng(1)
    X, noise = random.uniform(-1, 1, (20_000, 1)), random.normal(size=20_000)
    spread = 1 + 0.5 * X[:, 0]
    network = fp.MLP((1, 32, 3), hidden="tanh", output="identity", seed=0)
    optimizer = fp.Adam(0.01)
    fp.train(network, X, spread * noise, loss=LOSS, epochs=60, optimizer=optimizer, schedule=fp.CosineDecay())
    points = np.array([[-0.8], [0.0], [0.8]])
    expected = (1 + 0.5 * points) * norm.ppf(QUANTILES)
    np.testing.assert_allclose(network.predict(points), expected, atol=0.12)
    outputs = network.predict(X)
    np.testing.assert_allclose((outputs >= (spread * noise)[:, None]).mean(axis=0), QUANTILES, atol=0.01)


def test_a_sweep_trains_each_network_as_alone_and_ranks_by_the_loss():
    rates = [0.001, 0.01, 0.1]
    options = {"epochs": 3, "loss": LOSS, "standardize": True, "validation": (X, Y)}
    result = fp.sweep((3, 8, 3), X, Y, {"learning_rate": rates}, score="pinball", keep="all", **options)
    assert not result.higher_is_better
    for index, rate in enumerate(rates):
        alone = fp.MLP((3, 8, 3), output="identity", seed=0)
        fp.train(alone, X, Y, optimizer=fp.SGD(rate), **options)
        assert_same_bits([result.networks[index].parameters], [alone.parameters])
        expected = by_sklearn(alone.predict(X).astype(float), Y)
        assert result.table["score"][index] == pytest.approx(expected, rel=1e-6)


def test_folds_a_stream_and_the_search_of_a_rate_take_it():
    result = fp.sweep((3, 8, 3), X, Y, {"learning_rate": [0.01]}, loss=LOSS, cv=3, epochs=2)
    assert np.isfinite(result.best["validation_loss"])
    whole, chunks = new_network(), new_network()
    fp.train(whole, X, Y, loss=LOSS, epochs=1, shuffle=False, batch_size=100)
    fp.train_stream(chunks, [(X[:200], Y[:200]), (X[200:], Y[200:])], loss=LOSS, shuffle=False, batch_size=100)
    assert_same_bits([whole.parameters], [chunks.parameters])
    assert fp.find_learning_rate(new_network(), X, Y, loss=LOSS, standardize=True, epochs=2).suggestion > 0


def test_an_ensemble_of_quantiles_is_weighed_by_the_mean_pinball_loss():
    options = {"cv": 2, "refit": False, "keep": "all", "epochs": 4, "standardize": True}
    rates = {"learning_rate": [0.01, 0.1, 0.3], "seed": [0, 1]}
    result = fp.sweep((3, 8, 3), X, Y, rates, loss=LOSS, **options)
    outputs = [result.out_of_fold(index).astype(float) for index in result.fold_networks]
    ensemble = result.weighted_ensemble(Y, steps=2)
    pairs = [
        (by_sklearn((one + other) / 2, Y), {a, b}) for a, one in enumerate(outputs) for b, other in enumerate(outputs)
    ]
    first = int(np.argmin([by_sklearn(each, Y) for each in outputs]))
    expected = min(pair for pair in pairs if first in pair[1])[1]
    chosen = [networks for networks in result.fold_networks.values() if networks[0] in ensemble.networks]
    assert chosen == [list(result.fold_networks.values())[index] for index in sorted(expected)]
    losses = {"loss": [LOSS, fp.Pinball((0.2, 0.5, 0.8))]}
    result = fp.sweep((3, 8, 3), X, Y, losses, **options)
    with pytest.raises(ValueError, match="score 'pinball' needs one loss for all configurations"):
        result.weighted_ensemble(Y)
    assert len(result.weighted_ensemble(Y, score=lambda outputs, y: -abs(outputs[:, 1] - y).mean()).networks) >= 2


@pytest.mark.parametrize("quantiles", [0.5, "0.5"])
def test_quantiles_are_several(quantiles):
    assert_refused(TypeError, "quantiles must be a tuple such as (0.1, 0.9), not", fp.Pinball, quantiles)


def test_what_the_targets_are():
    task = Task.of(np.arange(5), outputs=3, output="identity", loss="pinball")
    assert (task.kind, task.class_count, task.has_labels) == ("quantiles", 0, False)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fp.Pinball((0.5, 0.1)), r"quantiles must ascend, not be \[0.5, 0.1\]"),
        (lambda: fp.Pinball(()), "quantiles must ascend"),
        (lambda: fp.Pinball((0.0, 0.5)), "each of quantiles must be above 0 and below 1, not 0.0"),
        (lambda: fp.Pinball((0.5, 1)), "each of quantiles must be above 0 and below 1, not 1"),
        (
            lambda: trained(outputs=2),
            "loss 'pinball' has 3 quantiles, but the network",
        ),
        (
            lambda: trained(y=X),
            "loss 'pinball' has one target for all its quantiles",
        ),
        (lambda: trained(metrics=("r2",)), "metric 'r2' needs numbers"),
        (
            lambda: fp.sweep((3, 3), X, Y, {"loss": [LOSS, fp.Pinball()]}, score="pinball", validation=0.2, epochs=1),
            "score 'pinball' needs one loss for all configurations, not 2",
        ),
        (
            lambda: fp.sweep((3, 3), X, np.arange(400) % 3, {"loss": ["mse", LOSS]}, epochs=1, validation=0.2),
            "y holds labels for one of the losses and numbers for another",
        ),
    ],
)
def test_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---- the regressor ----


def test_a_regressor_predicts_quantiles_in_the_unit_of_the_targets(tmp_path):
    regressor = fp.MLPRegressor(LOSS, random_state=0, max_iter=60).fit(X[:300], Y[:300])
    predicted = regressor.predict(X)
    assert predicted.shape == (400, 3)
    assert (np.diff(predicted, axis=1) >= 0).all()
    noise = 5 * norm.ppf(QUANTILES)
    assert np.abs(predicted[300:] - (100 + 20 * X[300:, :1] + noise)).mean() < 4
    expected = np.mean([d2_pinball_score(Y, each, alpha=q) for each, q in zip(predicted.T, QUANTILES)])
    assert regressor.score(X, Y) == pytest.approx(expected, rel=1e-12)
    regressor.save(tmp_path / "model.safetensors")
    loaded = fp.load(tmp_path / "model.safetensors").predict(X)
    np.testing.assert_allclose(np.sort(loaded, axis=1), predicted, rtol=1e-5)


def test_a_regressor_that_holds_rows_out_measures_the_score_there():
    regressor = fp.MLPRegressor(LOSS, random_state=0, max_iter=5, early_stopping=True).fit(X, Y)
    assert regressor.best_validation_score_ == max(regressor.validation_scores_)
    assert regressor.validation_scores_[0] < regressor.best_validation_score_ < 1


def test_a_regressor_of_the_median_alone_predicts_a_column():
    regressor = fp.MLPRegressor(fp.Pinball([0.5]), random_state=0, max_iter=2).fit(X, Y)
    assert regressor.predict(X).shape == (400,)
    assert clone(regressor).loss == fp.Pinball([0.5])
    with pytest.raises(ValueError, match="y has 3 columns, but loss=Pinball has one target"):
        fp.MLPRegressor(LOSS).fit(X, X)


def test_a_search_ranks_regressors_of_quantiles():
    search = fp.SweepCV(fp.MLPRegressor(LOSS, random_state=0, max_iter=5), {"alpha": [0.01, 0.1]}, cv=2).fit(X, Y)
    alone = cross_val_score(fp.MLPRegressor(LOSS, random_state=0, max_iter=5, alpha=0.01), X, Y, cv=2).mean()
    assert search.cv_results_["mean_test_score"][0] == pytest.approx(alone, rel=1e-12)


# ---- the command line ----


def test_the_command_line_predicts_quantiles_by_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savetxt("prices.csv", np.column_stack([X, Y]), delimiter=",", header="a,b,c,price", comments="")
    assert (
        main(["train", "prices.csv", "--quantiles", "0.1,0.5,0.95", "--epochs", "20", "--save", "q.safetensors"]) == 0
    )
    told = capsys.readouterr().out
    assert "task: quantiles 0.1, 0.5, 0.95 of numbers (" in told
    held_out = next(line for line in told.splitlines() if line.startswith("loss")).split()[-1]
    score = next(line for line in told.splitlines() if line.startswith("pinball")).split()[1]
    assert float(score) == pytest.approx(float(held_out), rel=1e-4)
    assert main(["predict", "q.safetensors", "prices.csv", "--output", "predicted.csv"]) == 0
    assert Path("predicted.csv").read_text().startswith("quantile_0.1,quantile_0.5,quantile_0.95\n")
    predicted = np.loadtxt("predicted.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(predicted, np.sort(fp.load("q.safetensors").predict("prices.csv"), axis=1), rtol=1e-6)
    capsys.readouterr()
    assert main(["evaluate", "q.safetensors", "prices.csv"]) == 0
    assert capsys.readouterr().out.splitlines() == ["rows 400", f"pinball {by_sklearn(predicted, Y):.6g}"]
    assert main(["sweep", "prices.csv", "--quantiles", "0.2,0.8", "--samples", "2", "--epochs", "2"]) == 0
    assert "best network: pinball" in capsys.readouterr().out


@pytest.mark.parametrize("quantiles", ["0.9,0.1", "a", "0,1", ""])
def test_the_command_line_refuses_other_quantiles(quantiles, capsys):
    assert main(["train", "digits", "--quantiles", quantiles]) == 2
    assert f"{quantiles!r} is not numbers between 0 and 1 that ascend, as 0.1,0.5,0.9" in capsys.readouterr().err
