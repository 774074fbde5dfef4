"""Populations: what each network has gone through, the same bits everywhere, journals, folds, refusals."""

import json
import random
import signal

import numpy as np
import pytest

import fastprop as fp
from tests import journals
from tests.compare import assert_close, assert_refused, tolerance
from tests.executors import IN_PROCESSES, threads
from tests.marks import slow_except
from tests.results import assert_same, assert_same_result

path = journals.journal_path
trained = journals.trained_fits

GRID = {
    "learning_rate": fp.loguniform(0.01, 3),
    "momentum": fp.uniform(0.1, 0.95),
    "dropout": [0.0, 0.1, 0.3],
    "seed": fp.integers(0, 999),
}
SEARCH = fp.PopulationBased(share=0.3, epochs=2)
SIZES = (4, 6, 3)
KINDS = {
    "validation": {},
    "all kept": {"keep": "all"},
    "score": {"score": "log_loss", "keep": 2},
    "no validation, float64": {"network": fp.MLP(SIZES, output="softmax", dtype="float64"), "validation": None},
    "diverging": {"grid": GRID | {"learning_rate": [0.1, 0.2, 3e38]}, "keep": "all"},
    "folds": {"cv": 3, "validation": None, "keep": 2, "standardize": True},
    "networks of folds": {"cv": 2, "validation": None, "keep": 2, "refit": False},
    "average": {"optimizer": fp.Adam(), "average": fp.EMA(0.9), "schedule": fp.CosineDecay(), "grid": GRID | {}},
    "reference": {"backend": "reference", "samples": 5, "epochs": 4},
}
del KINDS["average"]["grid"]["momentum"]


def sweep(**options):
    """Return the result of a population whose networks have different seeds."""
    return journals.sweep(**{"network": SIZES, "grid": GRID, "samples": 20, "search": SEARCH, "epochs": 8} | options)


def again(result, index, optimizer=fp.SGD, **options):
    """Return a network that `train` alone has trained as the lineage of a row says, and its history."""
    lineage = result.lineage(index)
    first = dict(lineage.first)
    seed, dropout = first.pop("seed"), first.pop("dropout")
    network = fp.MLP(SIZES, output="softmax", seed=seed, dtype=options.pop("dtype", "float32"))
    given = {"epochs": 8, "validation": 0.2, "optimizer": optimizer(**first), "changes": lineage.changes} | options
    return network, fp.train(network, journals.X, journals.LABELS, seed=seed, dropout=dropout, **given)


@pytest.fixture(scope="module")
def result():
    return sweep(keep="all")


# ---- lineages ----


def test_train_makes_each_network_again_from_its_lineage_to_the_same_bits(result):
    assert any(len(result.lineage(index).rows) > 2 for index in range(20))
    for index in range(20):
        network, history = again(result, index)
        np.testing.assert_array_equal(network.parameters, result.networks[index].parameters)
        np.testing.assert_array_equal(history.validation_loss, result.history[index])


def test_networks_with_moments_an_average_and_a_schedule_are_made_again():
    options = KINDS["average"]
    found = sweep(**options, keep="all")
    others = {name: options[name] for name in ("average", "schedule")}
    for index in range(20):
        network, _ = again(found, index, optimizer=fp.Adam, **others)
        np.testing.assert_array_equal(network.parameters, found.networks[index].parameters)


def test_the_worst_take_over_the_best_and_all_others_go_on_as_they_were(result):
    lineages = result.lineages
    for rung in range(len(result.rungs) - 1):
        order = np.argsort(result.rung_costs[:, rung])
        taken = np.flatnonzero(lineages.parents[:, rung] != np.arange(20))
        assert set(taken) == set(order[-6:])  # 0.3 of 20
        assert set(lineages.parents[taken, rung]) <= set(order[:6])
        for name, values in lineages.values.items():
            stayed = np.setdiff1d(np.arange(20), taken)
            assert_same(values[stayed, rung + 1], values[stayed, rung], name)
    assert (lineages.parents[:, -1] == np.arange(20)).all()


def test_values_are_multiplied_or_those_beside_or_drawn_within_the_grid(result):
    lineages = result.lineages
    rows, rungs = np.nonzero(lineages.parents != np.arange(20)[:, None])
    parents = lineages.parents[rows, rungs]
    for name, low, high in (("learning_rate", 0.01, 3), ("momentum", 0.1, 0.95)):
        before, after = lineages.values[name][parents, rungs], lineages.values[name][rows, rungs + 1]
        multiplied = np.isclose(after, before * 0.8) | np.isclose(after, before * 1.2) | np.isin(after, (low, high))
        assert 0.5 < multiplied.mean() < 1  # 0.75 are expected
        assert ((after >= low) & (after <= high)).all()
    choices = GRID["dropout"]
    before, after = lineages.values["dropout"][parents, rungs], lineages.values["dropout"][rows, rungs + 1]
    moved = np.abs(np.searchsorted(choices, after) - np.searchsorted(choices, before))
    assert (moved <= 1).mean() > 0.7
    assert np.isin(after, choices).all()
    for index, seed in enumerate(result.table["seed"]):
        assert (lineages.values["seed"][index] == seed).all()  # each row keeps its own


def test_the_table_has_the_last_values(result):
    for name, values in result.lineages.values.items():
        assert_same(result.table[name], values[:, -1], name)
    last = result.lineage(int(result.ranking[0])).values[-1]
    assert {name: result.best[name] for name in last} == last


def test_a_diverged_network_is_replaced():
    found = sweep(**KINDS["diverging"])
    began_too_fast = found.lineages.values["learning_rate"][:, 0] > 1e38
    assert began_too_fast.any()
    assert np.isnan(found.rung_costs[began_too_fast, 0]).all()
    assert (found.lineages.parents[began_too_fast, 0] != np.flatnonzero(began_too_fast)).all()
    assert (found.table["stopped"] == "finished").sum() > 20 - began_too_fast.sum()


def test_where_all_diverge_nothing_is_left_to_take_over():
    with pytest.warns(fp.DivergenceWarning, match="none finished"):
        found = sweep(grid={"learning_rate": [2e38, 3e38]}, samples=None, epochs=4)
    assert (found.table["stopped"] == "diverged").all()


# ---- the same bits ----


@pytest.mark.parametrize("options", slow_except(KINDS.values(), [KINDS["score"], KINDS["folds"]]), ids=KINDS)
def test_threads_do_not_matter_and_a_journal_goes_on_to_the_same_result(options, path, trained):
    whole = sweep(threads=1, **options)
    assert_same_result(sweep(threads=2, journal=path, **options), whole)
    content, cuts = path.read_bytes(), random.Random(0)
    ends = [offset + 1 for offset, byte in enumerate(content) if byte == ord("\n")]
    for cut in [ends[0], cuts.randrange(len(content)), cuts.randrange(len(content)), ends[-2]]:
        path.write_bytes(content[:cut])
        found = sweep(journal=path, threads=2, **options)
        assert_same_result(found, whole)
        assert_same(found.lineages.parents, whole.lineages.parents, "parents")
        assert len(path.read_bytes().splitlines()) == len(ends)
    trained.clear()
    assert_same_result(sweep(journal=path, **options), whole)
    assert options.get("cv") or trained == []


@pytest.mark.parametrize("make", slow_except([threads, *IN_PROCESSES.values()], [threads]))
def test_workers_of_executors_do_what_threads_do(make):
    with make() as executor:
        for options in ({"keep": "all"}, {"cv": 2, "validation": None}):
            assert_same_result(sweep(executor=executor, **options), sweep(**options))


def test_kernels_agree_with_the_reference():
    network = fp.MLP(SIZES, output="softmax", dtype="float64")
    found, expected = (sweep(network=network, backend=each, samples=8) for each in ("kernels", "reference"))
    assert_same(found.lineages.parents, expected.lineages.parents, "parents")
    for name, values in expected.lineages.values.items():
        assert_same(found.lineages.values[name], values, name)
    assert_close(found.rung_costs, expected.rung_costs, tolerance("float64", 4000), "costs")


def test_a_list_of_one_value_is_one_for_all():
    single = {"batch_size": [16], "hidden": ["tanh"], "weight_decay": [0.01]}
    found = sweep(grid=GRID | single)
    expected = sweep(
        network=fp.MLP(SIZES, hidden="tanh", output="softmax"), batch_size=16, optimizer=fp.SGD(weight_decay=0.01)
    )
    assert list(found.lineages.values) == list(expected.lineages.values)
    assert set(found.table["batch_size"]) == {16}


def test_other_seeds_are_other_populations():
    parents = [sweep(seed=seed).lineages.parents for seed in (0, 0, 1)]
    assert (parents[0] == parents[1]).all()
    assert (parents[0] != parents[2]).any()


# ---- folds ----


def test_the_folds_of_a_configuration_move_together_and_the_last_training_goes_through_its_lineage():
    found = sweep(cv=3, validation=None)
    best = int(found.ranking[0])
    network, _ = again(found, best, validation=None)
    np.testing.assert_array_equal(network.parameters, found.best_network.parameters)
    splits = [(np.setdiff1d(np.arange(90), rows), rows) for rows in np.array_split(np.arange(90), 3)]
    found = sweep(cv=splits, validation=None, refit=False)
    best = int(found.ranking[0])
    for (rows, held_out), network in zip(splits, found.fold_networks[best]):
        lineage = found.lineage(best)
        first = dict(lineage.first)
        seed, dropout = first.pop("seed"), first.pop("dropout")
        alone = fp.MLP(SIZES, output="softmax", seed=seed)
        validation = journals.X[held_out], journals.LABELS[held_out]
        options = {"changes": lineage.changes, "validation": validation, "seed": seed, "dropout": dropout}
        fp.train(alone, journals.X[rows], journals.LABELS[rows], epochs=8, optimizer=fp.SGD(**first), **options)
        np.testing.assert_array_equal(alone.parameters, network.parameters)


# ---- journals, files, time ----


def test_a_journal_is_of_one_population(path):
    sweep(journal=path)
    assert json.loads(path.read_text().splitlines()[1])["hyperparameters"]["row"] in range(20)
    for options, words in [
        ({"search": fp.PopulationBased(share=0.4)}, "whose search is PopulationBased(share=0.3"),
        ({"samples": 21}, "configurations of the population are 20 and not 21"),
        ({"search": None}, "search is PopulationBased"),
        ({"grid": GRID | {"dropout": [0.0, 0.2]}}, "grid['dropout']"),
    ]:
        assert_refused(ValueError, words, sweep, journal=path, **options)


def test_a_saved_result_has_its_lineages(result, tmp_path):
    result.save(tmp_path / "sweep.npz")
    loaded = fp.load_sweep(tmp_path / "sweep.npz")
    assert_same_result(loaded, result)
    assert [loaded.lineage(index) for index in range(20)] == [result.lineage(index) for index in range(20)]
    assert "PopulationBased" in loaded.about["search"]


def test_time_that_is_over_leaves_the_best_so_far():
    found = sweep(seconds=0.05, epochs=200_000)
    assert set(found.table["stopped"]) <= {"out of time", "not run"}
    assert found.best_network is not None
    index = int(found.ranking[0])
    assert found.lineage(index).epochs[0] == 0


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.parametrize("journaled", [False, True])
def test_after_ctrl_c_a_lineage_has_only_stages_that_were_trained(journaled, path):
    calls = []

    def accuracy(outputs, y):
        calls.append(y)
        if len(calls) == 25:  # after twenty at the first rung
            signal.raise_signal(signal.SIGINT)
        return float(np.mean(outputs.argmax(axis=1) == y))

    found = sweep(score=accuracy, threads=1, keep="all", journal=path if journaled else None)
    assert found.is_interrupted
    reached = np.isfinite(found.rung_costs)
    assert reached[:, 0].all()
    assert 0 < reached[:, 1].sum() < 20
    assert not reached[:, 2:].any()
    for values in found.lineages.values.values():
        is_missing = np.isnan(values) if values.dtype == float else values == -1
        assert_same(is_missing, ~reached, "what has no values")
    for index, done in enumerate(found.table["epochs"]):
        lineage = found.lineage(index)
        assert lineage.epochs[-1] < done == 2 * reached[index].sum()
        network, _ = again(found, index, epochs=int(done))
        assert_same(network.flat_parameters, found.networks[index].flat_parameters, "parameters")


# ---- refusals ----

REFUSED = [
    ({"halving": 3}, "halving stops the worst configurations"),
    ({"early_stopping": fp.EarlyStopping()}, "early_stopping ends networks by themselves"),
    ({"optimizer": fp.LBFGS(), "grid": {"seed": [1, 2]}, "samples": None}, "LBFGS keeps nothing to go on from"),
    ({"grid": GRID | {"optimizer": [fp.SGD(), fp.RMSprop()]}}, "grid['optimizer'] has several"),
    ({"grid": GRID | {"batch_size": [8, 16]}}, "grid['batch_size'] has several values, between which no network"),
    ({"grid": GRID | {"layer_sizes": [(4, 3), (4, 5, 3)]}}, "grid['layer_sizes'] has several"),
    ({"grid": GRID | {"layer_sizes": [(4, fp.integers(4, 8), 3)]}}, "grid['layer_sizes'] has several"),
    ({"grid": GRID | {"hidden": ["tanh", "relu"]}}, "grid['hidden'] has several"),
    ({"grid": GRID | {"early_stopping": [fp.EarlyStopping()]}}, "early_stopping ends"),
    ({"grid": [{"learning_rate": 0.1}], "samples": None}, "give grid as a mapping"),
    ({"grid": {"seed": range(4)}, "samples": None}, "nothing to change"),
    ({"grid": GRID | {"momentum": [0.0, 0.9]}}, "grid['momentum'] has 0 and other values"),
    ({"grid": GRID | {"weight_decay": fp.integers(0, 1)}}, "grid['weight_decay'] is a distribution whose ends"),
    ({"grid": GRID | {"dropout": fp.choice([0.1, fp.uniform(0, 0.5)])}}, "grid['dropout'] is a distribution"),
    ({"grid": GRID | {"dropout": fp.uniform(0, 2)}}, "dropout must be at least 0 and below 1"),
    ({"search": fp.PopulationBased(epochs=1), "epochs": 10**6}, "PopulationBased has 1000000 rungs in 1000000 epochs"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_what_a_population_cannot_change_or_go_on_from_is_refused(options, words):
    assert_refused(ValueError, words, sweep, **options)


OF_OPTION = [
    ({"share": 0}, "share must be above 0"),
    ({"share": 0.6}, "share must be at most 0.5"),
    ({"factors": [0.5, 0]}, "factors must be above 0"),
    ({"resample": 1.5}, "resample must be a probability"),
    ({"epochs": 0}, "epochs must be at least 1"),
]


@pytest.mark.parametrize(("values", "words"), OF_OPTION)
def test_values_of_the_option_out_of_range_are_refused(values, words):
    assert_refused(ValueError, words, fp.PopulationBased, **values)


def test_a_sweep_without_a_population_has_no_lineages():
    found = journals.sweep(epochs=1)
    assert_refused(ValueError, "the sweep had no population", found.lineage, 0)


def test_by_hand_parents_of_the_worst_are_among_the_best():
    rule = fp.PopulationBased(share=0.25)
    costs = np.array([[9, 0.3], [9, 0.1], [9, np.nan], [9, 0.2], [9, 0.4], [9, np.inf], [9, 0.5], [9, 0.6]])
    draws = np.array([rule.parents(costs, np.random.default_rng(seed)) for seed in range(40)])
    assert (draws[:, [0, 1, 3, 4, 6, 7]] == [0, 1, 3, 4, 6, 7]).all()  # 2 of 8 are the worst: NaN and infinity
    assert set(draws[:, [2, 5]].ravel()) == {1, 3}
    assert rule.parents(costs[:1], np.random.default_rng(0)).tolist() == [0]
    assert rule.parents(np.full((3, 2), np.nan), np.random.default_rng(0)).tolist() == [0, 1, 2]
    assert fp.PopulationBased(epochs=3, min_epochs=5).rungs(10, 8) == [6, 9, 10]
    assert fp.PopulationBased().rungs(40, 8)[:2] == [4, 8]


@pytest.mark.parametrize("epochs", [1, 3, 9, 10, 11, 15, 19, 20, 81, 99, 1001])
def test_a_population_is_compared_at_most_ten_times_by_default(epochs):
    rungs = fp.PopulationBased().rungs(epochs, 8)
    gaps = np.diff([0, *rungs])
    assert rungs[-1] == epochs
    assert min(epochs, 5) <= len(rungs) <= 10
    assert set(gaps[:-1]) <= {gaps[0]}  # the last one is what is left
    assert gaps[-1] <= gaps[0]
