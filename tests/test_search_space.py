"""What a search on the command line tries by default, and which of the best values could be better outside of it."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.tabular import search_space, tuning
from tests.compare import assert_refused

X = np.random.default_rng(0).normal(size=(30, 3))
OPTIMIZERS = {"sgd": fp.SGD(), "adamw": fp.AdamW(), "lbfgs": fp.LBFGS()}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_takes_all_that_is_searched_for_it(name):
    space = search_space.space(name)
    assert ("learning_rate" in space, "dropout" in space) == (name != "lbfgs", name != "lbfgs")
    space["layer_sizes"] = fp.choice([(3, *sizes, 1) for sizes in space.pop("hidden_sizes").values[:1]])
    result = fp.sweep((3, 1), X, X[:, 0], space, samples=2, optimizer=OPTIMIZERS[name], epochs=1)
    assert result.finished.all()


EDGES = {
    "highest of a list": ("learning_rate", [0.01, 0.1, 1.0], 1.0, "above"),
    "lowest of a list": ("learning_rate", [0.01, 0.1, 1.0], 0.01, "below"),
    "near the highest": ("learning_rate", fp.loguniform(1e-4, 1), 0.9, "above"),
    "near the lowest": ("learning_rate", fp.loguniform(1e-4, 1), 1.2e-4, "below"),
    "amid": ("learning_rate", fp.loguniform(1e-4, 1), 0.01, None),
    "of two": ("learning_rate", [0.01, 0.1], 0.1, None),
    "weight decay without effect": ("weight_decay", [1e-6, 1e-3, 1e-2], 1e-6, None),
    "no dropout": ("dropout", [0.0, 0.1, 0.5], 0.0, None),
    "one value": ("momentum", [0.9], 0.9, None),
    "smallest layers": ("layer_sizes", [(3, 8, 1), (3, 64, 1), (3, 9, 9, 1)], (3, 8, 1), "below"),
}


@pytest.mark.parametrize(("name", "searched", "best", "side"), EDGES.values(), ids=EDGES)
def test_a_best_value_on_the_edge_of_what_was_searched_is_told(name, searched, best, side):
    found = search_space.edges({name: best}, {name: searched})
    assert len(found) == (side is not None)
    assert all(sentence.endswith(f" {side} it.") for sentence in found)


def first_at(rate):
    return lambda prototype, rows: {"layer_sizes": (3, 4, 2), "learning_rate": rate}


ONE = {"configurations": 1, "folds": 2, "epochs": 2, "random_state": 0}


def test_a_search_of_which_all_diverge_says_so(monkeypatch):
    monkeypatch.setattr(search_space, "first_configuration", first_at(1e38))
    words = "no configuration was trained to an end: give more seconds, or inputs without outliers."
    with pytest.warns(fp.DivergenceWarning):
        assert_refused(ValueError, words, fp.TabularClassifier(**ONE).fit, X, (X[:, 0] > 0).astype(int))


def test_ctrl_c_before_any_configuration_was_trained_ends_a_search(monkeypatch):
    sweep = tuning.sweep

    def interrupted(*arguments, **options):
        result = sweep(*arguments, **options | {"keep": 0})
        result.table["stopped"] = "interrupted"
        return result

    monkeypatch.setattr(tuning, "sweep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fp.TabularClassifier(**ONE).fit(X, (X[:, 0] > 0).astype(int))
