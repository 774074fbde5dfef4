"""The arithmetic of the comparison on tables: ranks, their intervals, and which tables are judged."""

import numpy as np
import pytest

from benchmarks import mean_ranks, tables, tabular


def test_ranks_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    errors = np.random.default_rng(0).integers(4, size=(30, 6)) / 4  # many are equal
    np.testing.assert_array_equal(mean_ranks.ranks(errors), stats.rankdata(errors, axis=1))


def test_the_interval_of_many_tables_is_that_of_the_normal_distribution():
    ranks = np.random.default_rng(0).normal(3, 1, size=(400, 2))
    mean, low, high = mean_ranks.intervals(ranks)
    half = 1.96 * ranks.std(axis=0) / np.sqrt(400)
    np.testing.assert_allclose(mean, ranks.mean(axis=0))
    np.testing.assert_allclose([low, high], [mean - half, mean + half], atol=0.1 * half.max())


def test_tables_are_for_development_or_judged_and_seen_ones_are_not_judged():
    judged = tables.judged()
    assert {table.key for table in (*tables.development(), *judged)} == {table.key for table in tables.TABLES}
    assert len(tables.development()) + len(judged) == len(tables.TABLES) >= 15
    assert len(judged) == 11
    assert not any(table.is_seen for table in judged)


def test_only_folds_that_all_methods_have_are_compared():
    first, second = tables.TABLES[:2]
    errors = {(first.key, 0, "a"): 1.0, (first.key, 1, "a"): 3.0, (first.key, 0, "b"): 2.0, (second.key, 0, "a"): 5.0}
    records = {key: {"error": value} for key, value in errors.items()}
    found, means = tabular.compared(records, ["a", "b"], (first, second), "error")
    assert [table.key for table in found] == [first.key]
    np.testing.assert_array_equal(means, [[1.0, 2.0]])


def test_errors_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(3), size=20)
    classes = tables.Problem(None, random.integers(3, size=20), True)
    expected = metrics.log_loss(classes.y, probabilities, labels=[0, 1, 2])
    assert tables.error(classes, probabilities) == pytest.approx(expected, rel=1e-12)
    numbers = tables.Problem(None, random.normal(size=20), False)
    expected = metrics.root_mean_squared_error(numbers.y, probabilities[:, 0])
    assert tables.error(numbers, probabilities[:, 0]) == pytest.approx(expected, rel=1e-12)
