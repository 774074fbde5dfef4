"""The configurations of a sweep: grids and draws from distributions."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.sweeping.grids import Draws, Product
from tests.compare import assert_refused
from tests.searches import GRID, LABELS, SIZES, X, sweep


def columns(result):
    return {name: result.table[name].tolist() for name in result.hyperparameters}


# ---- grids ----


def test_spaced_values_are_plain_floats_with_exact_ends():
    for first, last in [(1e-4, 10), (0.3, 0.1), (7, 7e5)]:
        values = fp.geomspace(first, last, 256)
        assert (values[0], values[-1], len(values)) == (first, last, 256)
        np.testing.assert_allclose(np.diff(np.log(values)), np.log(last / first) / 255)
        values = fp.linspace(-first, last, 33)
        assert (values[0], values[-1], len(values)) == (-first, last, 33)
        np.testing.assert_allclose(np.diff(values), (last + first) / 32)
        assert {type(value) for value in values + fp.geomspace(first, last, 3)} == {float}
    assert fp.geomspace(2, 5, 1) == [2.0]


def test_a_product_is_a_sequence_the_last_name_running_fastest():
    product = Product({"a": [1, 2], "b": ["x"], "c": [3, 4, 5]})
    expected = [{"a": a, "b": "x", "c": c} for a in (1, 2) for c in (3, 4, 5)]
    assert list(product) == expected
    assert (len(product), product[4], product[-1]) == (6, expected[4], expected[-1])
    assert list(product[2]) == ["a", "b", "c"]
    for index in (6, -7):
        with pytest.raises(IndexError):
            product[index]


def test_a_large_product_is_not_built():
    product = Product({name: range(100) for name in "abcde"})
    assert len(product) == 10**10
    assert product[1234567890] == {"a": 12, "b": 34, "c": 56, "d": 78, "e": 90}


def test_values_from_an_iterator_are_as_good_as_a_list():
    result = sweep({"learning_rate": (rate / 10 for rate in range(3)), "momentum": iter([0.5])})
    assert columns(result) == {"learning_rate": [0.0, 0.1, 0.2], "momentum": [0.5] * 3}


# ---- draws ----


DRAWN = {
    "uniform": (fp.uniform(-2, 3), -2, 3, lambda value: (value + 2) / 5),
    "loguniform": (fp.loguniform(1e-4, 10), 1e-4, 10, lambda value: np.log10(value * 1e4) / 5),
    "integers": (fp.integers(3, 12), 3, 12, lambda value: (value - 2.5) / 10),
    "integers, log": (
        fp.integers(1, 10**6, log=True),
        1,
        10**6,
        lambda value: np.log(value * 2) / np.log(2e6 + 1),
    ),
    "choice": (fp.choice(range(10)), 0, 9, lambda value: (value + 0.5) / 10),
}


def by_sweep(distribution):
    return [each["x"] for each in Draws({"x": distribution}, 4000, seed=1)]


def by_hand(distribution):
    random = np.random.default_rng(1)
    return [distribution.rvs(random_state=random) for _ in range(4000)]


@pytest.mark.parametrize("draw", [by_sweep, by_hand])
@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_as_likely_all_over_the_range(name, draw):
    distribution, low, high, to_unit = DRAWN[name]
    values = draw(distribution)
    assert {type(value) for value in values} == {float if "uniform" in name else int}
    assert low <= min(values)
    assert max(values) <= high
    if name in ("integers", "choice"):
        assert set(values) == set(range(low, high + 1))
    shares, _ = np.histogram(to_unit(np.array(values)), bins=10, range=(0, 1))
    assert abs(shares / 400 - 1).max() < 0.2  # four standard deviations of a share


@pytest.mark.slow
def test_whole_numbers_on_a_logarithmic_scale_have_the_shares_of_their_logarithms():
    values = np.array([each["x"] for each in Draws({"x": fp.integers(2, 5, log=True)}, 20_000, seed=1)])
    ends = np.log([1.5, 2.5, 3.5, 4.5, 5.5])
    expected = np.diff(ends) / (ends[-1] - ends[0])  # .393, .259, .193, .154
    np.testing.assert_allclose(np.bincount(values)[2:] / 20_000, expected, atol=0.015)


LAYERS = {
    "one": [(4, fp.integers(2, 9), 3)],
    "depths": [(4, fp.integers(2, 9), 3), [4, fp.choice([5, 6]), fp.integers(10, 20, log=True), 3], (4, 3)],
    "choice": fp.choice([(4, fp.integers(2, 9), 3), (4, 30, fp.integers(10, 20), 3)]),
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("options", [{}, {"halving": 2, "epochs": 4}, {"cv": 2, "validation": None}], ids=str)
def test_layer_sizes_may_hold_distributions(layers, options):
    grid = {"layer_sizes": layers, "learning_rate": [0.1, 0.5]}
    result, again = (sweep(grid, samples=30, **options) for _ in range(2))
    assert columns(result) == columns(again)
    assert columns(result) != columns(sweep(grid, samples=30, seed=1, **options))
    sizes = result.table["layer_sizes"].tolist()
    depths = {(len(each), *(1 if size < 10 else 2 for size in each[1:-1])) for each in sizes}
    assert (
        depths
        == {"one": {(3, 1)}, "depths": {(3, 1), (4, 1, 2), (2,)}, "choice": {(3, 1), (4, 2, 2)}}[
            next(name for name, each in LAYERS.items() if each is layers)
        ]
    )
    assert len(set(sizes)) > 5
    assert result.best_network.layer_sizes == result.best["layer_sizes"]


def test_draws_of_hyperparameters_and_configurations_are_independent():
    draws = Draws({name: fp.uniform(0, 1) for name in "abc"}, 2000, seed=3)
    values = np.array([list(each.values()) for each in draws])
    assert abs(np.corrcoef(values.T) - np.eye(3)).max() < 0.1
    assert abs(np.corrcoef(values[1:, 0], values[:-1, 0])[0, 1]) < 0.1


def test_more_samples_begin_with_those_of_fewer():
    few, many = sweep(samples=5), sweep(samples=12)
    np.testing.assert_array_equal(few.history, many.history[:5])
    for name, values in columns(few).items():
        assert values == many.table[name][:5].tolist()


def test_draws_depend_on_the_seed_and_not_on_the_order_of_names():
    reordered = dict(reversed(GRID.items()))
    assert columns(sweep(samples=6)) == columns(sweep(reordered, samples=6))
    assert columns(sweep(samples=6)) != columns(sweep(samples=6, seed=1))


def test_lists_beside_a_distribution_are_drawn_from():
    result = sweep({**GRID, "hidden": ["tanh", "relu", "gelu"]}, samples=40)
    assert set(result.table["batch_size"]) == {8, 16}
    assert set(result.table["hidden"]) == {"tanh", "relu", "gelu"}
    pairs = {(row["batch_size"], row["hidden"]) for row in result.table}
    assert len(pairs) == 6


def test_a_drawn_configuration_is_the_same_to_the_last_bit_as_alone():
    result = sweep(samples=20)
    for row, history in zip(result.table, result.history):
        network = fp.MLP(SIZES, output="softmax", seed=0)
        optimizer = fp.SGD(float(row["learning_rate"]), momentum=float(row["momentum"]))
        options = {"batch_size": int(row["batch_size"]), "validation": 0.2, "optimizer": optimizer}
        alone = fp.train(network, X, LABELS, epochs=2, **options)
        np.testing.assert_array_equal(history, alone.validation_loss)
        assert row["loss"] == alone.loss[-1]


def test_distributions_of_scipy_are_drawn_from():
    stats = pytest.importorskip("scipy.stats")
    grid = {
        "learning_rate": stats.loguniform(1e-3, 1),
        "momentum": stats.beta(2, 2, scale=0.9),
        "batch_size": stats.randint(8, 17),
    }
    few, many = sweep(grid, samples=10), sweep(grid, samples=30)
    np.testing.assert_array_equal(few.history, many.history[:10])
    table = many.table
    assert ((table["learning_rate"] >= 1e-3) & (table["learning_rate"] <= 1)).all()
    assert ((table["batch_size"] >= 8) & (table["batch_size"] <= 16)).all()
    assert len(set(table["batch_size"])) > 4
    assert {type(value) for draw in Draws(grid, 3, 0) for value in draw.values()} == {int, float}


def test_draws_are_halved():
    result = sweep(samples=9, halving=3, epochs=9)
    assert sorted(result.table["epochs"]) == [1] * 6 + [3] * 2 + [9]


# ---- bad values ----

REFUSED = [
    (
        {"learning_rate": fp.loguniform(1, 2)},
        {},
        "learning_rate'] is a distribution, loguniform(low=1.0, high=2.0): say",
    ),
    (
        {"layer_sizes": [(4, fp.integers(2, 9), 3)]},
        {},
        "grid['layer_sizes'] has a distribution, integers(low=2, high=9, ",
    ),
    ({"layer_sizes": [(4, fp.integers, 3)]}, {"samples": 3}, "grid['layer_sizes'] is a kind of distribution, <class"),
    ({"layer_sizes": [(4, fp.uniform(2, 9), 3)]}, {"samples": 3}, "each of layer_sizes must be a whole number, not "),
    ({"layer_sizes": [(5, fp.integers(2, 9), 3)]}, {"samples": 3}, "must begin with 4 inputs and end with 3 outputs"),
    ({"seed": [1]}, {"samples": 5}, "samples must have a distribution to draw from, and there is none: give one"),
    ([{"seed": 1}], {"samples": 5}, "grid is a list of configurations: leave samples and search out"),
    (GRID, {"samples": 0}, "samples must be at least 1, not 0: give"),
    (GRID, {"samples": True}, "samples must be a whole number, not True: give"),
    (GRID, {"samples": 10**9}, "there would be 1,000,000,000 configurations; 10,000,000 are the most: give"),
    ({"momentum": fp.uniform(0.5, 1.3)}, {"samples": 99}, "momentum must be at least 0 and below 1, not 1."),
    ({"batch_size": fp.uniform(1, 9)}, {"samples": 9}, "batch_size must be a whole number, not "),
    ([{"learning_rate": fp.uniform(0, 1)}], {}, "learning_rate must be a number, not uniform(low=0.0, high=1.0): give"),
    ({"seed": range(10**12)}, {}, "there would be 1,000,000,000,000 configurations; 10,000,000 are the most: give"),
    (
        {"learning_rate": range(10_000), "momentum": fp.linspace(0, 0.9, 3200), "seed": range(100)},
        {},
        "there would be 3,200,000,000 configurations; 10,000,000 are the most: give fewer values",
    ),
    ({"rate": fp.uniform(0, 1)}, {"samples": 3}, "grid has an unknown hyperparameter 'rate': known are"),
    ({"momentum": fp.uniform}, {"samples": 3}, "grid['momentum'] is a kind of distribution, <class"),
    ({**GRID, "seed": []}, {"samples": 3}, "grid['seed'] has no values: give"),
    (
        GRID,
        {"samples": 3, "search": "optuna"},
        "search must be an OptunaSearch or a PopulationBased, not 'optuna': give one, such as",
    ),
]


@pytest.mark.parametrize(("grid", "options", "words"), REFUSED)
def test_a_search_is_refused_before_anything_is_trained(grid, options, words, monkeypatch):
    monkeypatch.setattr(fp.MLP, "copy", None)
    assert_refused((ValueError, TypeError), words, sweep, grid, fp.MLP(SIZES, output="softmax"), **options)


DISTRIBUTIONS = [
    (fp.loguniform, (0, 1), ValueError, "low must be above 0, not 0"),
    (fp.loguniform, (1, "x"), TypeError, "high must be a number, not 'x'"),
    (fp.uniform, (2, 1), ValueError, "low must be below high, not 2.0 and 1.0"),
    (fp.uniform, (0, np.inf), ValueError, "high must be finite, not inf"),
    (fp.integers, (1, 1), ValueError, "low must be below high, not 1 and 1"),
    (fp.integers, (0, 9, True), ValueError, "low must be at least 1, not 0"),
    (fp.integers, (1, 9, "log"), TypeError, "log must be True or False, not 'log'"),
    (fp.integers, (1, 2.5), TypeError, "high must be a whole number, not 2.5"),
    (fp.choice, ([],), ValueError, "values has no values"),
    (fp.choice, ("abc",), TypeError, "values must be a list of values, not 'abc'"),
    (fp.geomspace, (-1, 1, 3), ValueError, "first must be above 0, not -1"),
    (fp.geomspace, (1, 2, 0), ValueError, "count must be at least 1, not 0"),
    (fp.linspace, (1, np.nan, 3), ValueError, "last must be finite, not nan"),
]


@pytest.mark.parametrize(("kind", "values", "error", "words"), DISTRIBUTIONS)
def test_values_are_checked_when_they_are_made(kind, values, error, words):
    assert_refused(error, words, kind, *values)
