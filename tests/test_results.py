"""Results of sweeps: files, JSON, ensembles, data frames, and printing."""

import copy
import json
import pickle
import resource

import numpy as np
import pytest

import fastprop as fp
from fastprop.options import decoded, encoded
from fastprop.sweeping import about
from tests.compare import assert_refused
from tests.problems import three_classes

X, LABELS = three_classes(80)
SIZES = (4, 6, 3)


def sweep(grid, **options):
    return fp.sweep(SIZES, X, LABELS, grid, **{"epochs": 4, "validation": 0.25, **options})


RATES = {"learning_rate": [0.05, 0.5, 0.2]}
SWEEPS = {
    "rates": (RATES, {"keep": 2}),
    "objects": (
        [
            {"optimizer": fp.Adam(0.01), "schedule": fp.Warmup(2, fp.CosineDecay())},
            {"layer_sizes": (4, 3, 5, 3), "hidden": ("tanh", "relu"), "clip": fp.ClipNorm(1.0)},
            {"loss": fp.CrossEntropy(0.1), "early_stopping": fp.EarlyStopping(2), "average": fp.EMA(0.9)},
        ],
        {"keep": "all"},
    ),
    "arrays": ({"initialization": ["he_normal", [np.full((4, 6), 0.1), np.ones((6, 3))]]}, {}),
    "cv": (RATES, {"cv": 3, "validation": None, "standardize": True, "score": "accuracy"}),
    "halving": ({"learning_rate": fp.geomspace(0.01, 1, 9)}, {"epochs": 9, "halving": 3}),
    "nothing kept": (RATES, {"keep": 0}),
    "all diverged": ({"learning_rate": [1e30]}, {"loss": "mse"}),
}


@pytest.fixture(params=SWEEPS)
def result(request):
    grid, options = SWEEPS[request.param]
    if request.param != "all diverged":
        return sweep(grid, **options)
    with pytest.warns(fp.DivergenceWarning):
        return sweep(grid, **options)


# ---- files ----


def test_a_result_comes_back_from_its_file_as_it_was(result, tmp_path):
    result.save(tmp_path / "sweep.fp")
    again = fp.load_sweep(tmp_path / "sweep.fp")
    assert again.table.dtype == result.table.dtype
    for name in result.table.dtype.names:
        if name == "initialization":
            assert str(again.table[name].tolist()) == str([encoded_as_it_comes_back(v) for v in result.table[name]])
        else:
            np.testing.assert_array_equal(again.table[name], result.table[name])
    for name in ("history", "rung_costs", "ranking"):
        np.testing.assert_array_equal(getattr(again, name), getattr(result, name))
    for name in ("rungs", "seconds", "score_name", "hyperparameters", "about", "higher_is_better"):
        assert getattr(again, name) == getattr(result, name)
    assert list(again.networks) == list(result.networks)
    for index, network in result.networks.items():
        assert repr(again.networks[index]) == repr(network)
        np.testing.assert_array_equal(again.networks[index].predict(X), network.predict(X))
    assert repr(again) == repr(result)


def encoded_as_it_comes_back(value):
    return decoded(json.loads(json.dumps(encoded(value))))


def test_a_saved_result_replaces_the_one_before_as_a_whole_or_leaves_it(tmp_path):
    path = tmp_path / "sweep.fp"
    sweep({"learning_rate": [0.1]}).save(path)
    before = path.read_bytes()
    result, limits = sweep(SWEEPS["objects"][0], keep="all"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"the result .* cannot be written, File too large: make room"):
            result.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_result_of_a_sweep_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "sweep.fp"
    with pytest.raises(ValueError, match=r"sweep.fp is missing: give the path of a file that SweepResult.save wrote"):
        fp.load_sweep(path)
    sweep(RATES).save(path)
    whole = path.read_bytes()
    np.savez(tmp_path / "other.npz", a=1)
    for content in (b"", b"PK", whole[:-300], whole[: len(whole) // 2], (tmp_path / "other.npz").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"is no result of a sweep or a damaged one \(.*\): give the path"):
            fp.load_sweep(path)


VALUES = [
    1, 0.5, "relu", None, (1, (2, "a")), [1, 2], fp.SGD(0.5, momentum=0.9), fp.LBFGS(),
    fp.Warmup(2, fp.CosineDecay(0.1)), fp.ClipValue(1.0), fp.Huber(2.0),
    fp.CrossEntropy(0.1), fp.EarlyStopping(3), fp.EMA(0.5),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_of_hyperparameters_come_back_equal_from_json(value):
    assert encoded_as_it_comes_back(value) == value


# ---- ensembles ----


def test_an_ensemble_answers_with_the_mean_of_the_best_networks():
    result = sweep(RATES, keep="all")
    for count in (1, 2, 3):
        outputs = [network.predict(X) for network in list(result.networks.values())[:count]]
        np.testing.assert_allclose(result.ensemble(count).predict(X), np.mean(outputs, axis=0), rtol=1e-6)


def test_an_ensemble_needs_networks_that_were_kept_and_finished():
    result = sweep(RATES)
    with pytest.raises(ValueError, match="an ensemble of 2 needs as many networks, and 1 was kept: sweep with keep=2"):
        result.ensemble(2)
    with pytest.raises(ValueError, match="an ensemble of 5 needs as many finished configurations, not 3: choose fewer"):
        result.ensemble(5)
    with pytest.raises(ValueError, match="the size of an ensemble must be at least 1, not 0"):
        result.ensemble(0)


def test_networks_of_an_ensemble_are_alike():
    with pytest.raises(ValueError, match="needs networks with equal outputs, output activations and dtypes"):
        fp.Ensemble([fp.MLP((4, 3)), fp.MLP((4, 2))])
    with pytest.raises(ValueError, match="an ensemble needs networks, and there are none: give at least one"):
        fp.Ensemble([])
    cats, dogs = (fp.MLP((4, 2), class_names=names) for names in (("cat", "dog"), ("dog", "cat")))
    with pytest.raises(ValueError, match="an ensemble needs networks of the same classes in the same order, not "):
        fp.Ensemble([cats, fp.MLP((4, 2)), dogs])
    assert len(fp.Ensemble([cats, fp.MLP((4, 2)), cats]).networks) == 3


def test_an_ensemble_takes_the_networks_of_a_result_as_they_are_given():
    result = sweep(RATES, keep="all")
    np.testing.assert_array_equal(fp.Ensemble(result.networks).predict(X), result.ensemble(3).predict(X))
    np.testing.assert_array_equal(fp.Ensemble(iter([result.best_network])).predict(X), result.best_network.predict(X))
    for wrong in (result, result.best_network, "a.safetensors", ["a.safetensors"], [result.best_network, None], 3):
        assert_refused(TypeError, "an ensemble needs a list of networks, not ", fp.Ensemble, wrong)


# ---- the best ----


def test_where_nothing_finished_there_is_no_best_and_the_result_says_so(tmp_path):
    with pytest.warns(fp.DivergenceWarning):
        result = sweep({"learning_rate": [1e30, 1e31]}, loss="mse")
    with pytest.raises(ValueError, match="no configuration is the best, as none finished") as caught:
        result.best  # noqa: B018
    assert "(2 diverged)" in str(caught.value)
    assert result.best_network is None
    assert "2 diverged" in repr(result)
    result.report(tmp_path / "report.html")
    result.plot(tmp_path / "sweep.png")
    result.save(tmp_path / "sweep.npz")
    assert fp.load_sweep(tmp_path / "sweep.npz").best_network is None


def test_nan_never_ranks_above_a_number():
    values = {0.05: np.nan, 0.1: 0.2, 0.2: np.nan, 0.4: 0.7}
    X, y = three_classes(80)

    def score(outputs, y):
        return next(scores)

    for halving in (None, 2):
        scores = iter([*values.values(), *[0.5] * 9])
        result = fp.sweep(
            (4, 3), X, y, {"learning_rate": list(values)}, epochs=4, validation=0.2, score=score, threads=1, keep="all",
            halving=halving,
        )  # fmt: skip
        ranked = result.table["score"][result.ranking]
        known = np.isfinite(ranked)
        assert known.argmin() == known.sum()  # numbers first
        assert result.best["score"] == np.nanmax(result.table["score"][result.finished])
        assert result.can_be_best[result.ranking[0]]


def test_where_all_scores_are_nan_there_is_no_best():
    result = sweep(RATES, score=lambda outputs, y: float("nan"))
    words = "no configuration is the best, as <lambda> is NaN for all that finished (3 finished): rank by a score"
    assert_refused(ValueError, words, lambda: result.best)
    assert result.best_network is None
    assert "highest <lambda> first" in repr(result)


def test_results_are_pickled_and_copied_with_their_networks(result):
    for again in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert str(again.table) == str(result.table)
        assert list(again.networks) == list(result.networks)
        for index, network in result.networks.items():
            np.testing.assert_array_equal(again.networks[index].predict(X), network.predict(X))
        assert repr(again) == repr(result)


# ---- data frames and print ----


def test_a_data_frame_has_the_table(result):
    pytest.importorskip("pandas")
    frame = result.to_pandas()
    assert list(frame.columns) == list(result.table.dtype.names)
    np.testing.assert_array_equal(frame["validation_loss"], result.table["validation_loss"])
    assert frame["stopped"].tolist() == result.table["stopped"].tolist()


def test_a_result_prints_its_best_rows():
    result = sweep({"learning_rate": fp.geomspace(0.01, 1, 20)})
    about, ranks, header, *rows = repr(result).splitlines()
    assert about.startswith("20 configurations of learning rate: 20 finished, in ")
    assert ranks == "lowest validation loss first:"
    assert header.split() == ["learning_rate", "score", "loss", "validation_loss", "epochs", "stopped", "seconds"]
    assert len(rows) == 5
    assert float(rows[0].split()[3]) == pytest.approx(result.best["validation_loss"], rel=1e-3)


def test_a_result_prints_what_is_special_about_it(result):
    text = repr(result)
    assert ("score_std" in text) == (len(set(result.table["score_std"])) > 1)
    assert ("stopped at a rung" in text) == (len(result.rungs) > 1)
    assert ("diverged" in text) == ("diverged" in result.table["stopped"])
    assert text.splitlines()[1].startswith("highest" if result.higher_is_better else "lowest")


def test_a_notebook_shows_a_table(result):
    text = result._repr_html_()
    assert text.count("<tr>") == 1 + min(5, len(result.table))
    assert text.startswith(f"<p>{len(result.table)} configurations of ")


# ---- the machine ----


@pytest.mark.parametrize(("processor", "named"), [("arm", "arm"), ("", "a processor of unknown name")])
def test_the_processor_is_named_as_the_system_does_where_it_has_no_file_of_it(processor, named, monkeypatch):
    def no_file(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(about, "open", no_file, raising=False)
    monkeypatch.setattr(about.platform, "processor", lambda: processor)
    assert about._processor.__wrapped__() == named
