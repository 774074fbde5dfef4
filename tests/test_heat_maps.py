"""Heat maps and curves of made-up tables: what is written, slanted, marked and left out of the scales."""

import numpy as np
import pytest

from fastprop.reporting import RankedTable, plotting
from fastprop.reporting.plotting import figures

pytest.importorskip("matplotlib")


def table(columns, costs, stopped=(), score_name="loss", higher_is_better=False, history=None):
    """Return a table of columns {name: values} that is ranked by what each configuration costs.

    `stopped` are the endings of the last configurations, which cannot be the best.
    """
    count = len(costs)
    by_score = score_name != "loss"
    fields = [(name, object if isinstance(values[0], str) else float) for name, values in columns.items()]
    measured = [("loss", float), ("validation_loss", float), ("score", float), ("score_std", float)]
    rows = np.zeros(count, [*fields, *measured, ("epochs", int), ("stopped", "U11")])
    rows["validation_loss"] = np.nan
    for name, values in columns.items():
        rows[name] = values
    rows["loss"], rows["score"], rows["epochs"] = costs, costs, 2
    rows["stopped"] = ["finished"] * (count - len(stopped)) + list(stopped)
    costs = np.array(costs, float)
    history = np.column_stack([costs, costs]) if history is None else history
    return RankedTable(
        table=rows,
        hyperparameters=list(columns),
        ranking=np.argsort(-costs if higher_is_better else costs, kind="stable"),
        can_be_best=rows["stopped"] == "finished",
        ranked_by="score" if by_score else "loss",
        higher_is_better=higher_is_better,
        criterion="loss",
        score_name=score_name,
        history=history,
        rungs=[1, 2],
        rung_costs=-history if higher_is_better else history,
        seconds=1.0,
        about={},
    )


def grid(rows, columns, **options):
    """Return the table of a grid of numbers with a cell for each configuration, whose loss rises along the columns."""
    down, across = np.divmod(np.arange(rows * columns), columns)
    return table({"x": across, "y": down}, across + 1 + down / 100, **options)


def axes_of(ranked, kind="heat_map", names=None):
    return plotting.draw(None, ranked, *plotting.choose(kind, names, ranked)).axes[0]


def labels(axes):
    return [text for each in axes.figure.legends for text in (label.get_text() for label in each.get_texts())]


# ---- cells ----


@pytest.mark.slow
def test_values_are_written_into_cells_if_they_can_be_read_there():
    assert [text.get_text() for text in axes_of(grid(2, 3)).texts] == ["1", "2", "3", "1.01", "2.01", "3.01"]
    assert len(axes_of(grid(12, 7)).texts) == 84
    assert len(axes_of(grid(2, 8)).texts) == len(axes_of(grid(13, 2)).texts) == 0


def test_long_labels_of_columns_are_slanted():
    names = [f"a long name {index}" for index in range(8)]
    ranked = table({"x": names, "y": [1, 2] * 4}, range(1, 9))
    assert {label.get_rotation() for label in axes_of(ranked).get_xticklabels()} == {40}
    assert {label.get_rotation() for label in axes_of(grid(2, 8)).get_xticklabels()} == {0}


# ---- dots ----


def drawn_values(count, **options):
    """Return a table of numbers drawn by chance, each of which would have a row or a column of its own."""
    random = np.random.default_rng(0)
    return table({"x": random.uniform(1, 2, count), "y": random.uniform(1, 2, count)}, 1 + np.arange(count), **options)


def test_dots_show_what_was_stopped_and_what_diverged_where_it_is():
    ranked = drawn_values(20, stopped=["halved"] * 3 + ["diverged"] * 2)
    axes = axes_of(ranked)
    x, y = ranked.table["x"], ranked.table["y"]
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_array_equal(lines["stopped before the end"], np.column_stack([x, y])[15:18])
    np.testing.assert_array_equal(lines["diverged"], np.column_stack([x, y])[18:])
    np.testing.assert_array_equal(lines["best"], [[x[0], y[0]]])
    assert labels(axes) == ["finished", "stopped before the end", "diverged", "best"]


def test_no_dot_is_the_best_where_all_diverged():
    axes = axes_of(drawn_values(20, stopped=["diverged"] * 20))
    assert labels(axes) == ["finished", "diverged"]


def test_dots_stand_at_the_names_of_the_vertical_hyperparameter():
    kinds = ["tanh", "relu", "gelu", "elu", "mish"]
    ranked = table({"x": np.random.default_rng(0).uniform(1, 2, 20), "y": kinds * 4}, range(1, 21))
    axes = axes_of(ranked)
    assert [label.get_text() for label in axes.get_yticklabels()] == kinds
    heights = np.concatenate([collection.get_offsets()[:, 1] for collection in axes.collections])
    assert sorted(heights) == sorted(list(range(5)) * 4)


# ---- scales ----


@pytest.mark.parametrize(
    ("sign", "extend"), [(1, "max"), (-1, "min")], ids=["a loss above the others", "a score below the others"]
)
def test_the_worst_tenth_does_not_take_all_the_colors(sign, extend):
    costs = np.linspace(-1, 1, 20)  # some are negative, so that no logarithmic scale could show all
    costs[-1] = 50
    columns = {"x": np.arange(20) % 5, "y": np.arange(20) // 5}
    ranked = table(columns, sign * costs, score_name="wit", higher_is_better=sign < 0)
    mesh = axes_of(ranked).collections[0]
    low, high = sorted(sign * np.quantile(costs, [0, 0.9]))
    assert (mesh.norm.vmin, mesh.norm.vmax) == pytest.approx((low, high))
    assert mesh.colorbar.extend == extend


def test_a_lowest_score_that_is_a_thousand_times_the_others_is_left_out_of_the_scales():
    ranked = drawn_values(9, score_name="mse")
    assert ranked.rank_limit == 100 * 5  # the median is 5
    ranked.table["score"][8] = 5000
    (dots, *_) = axes_of(ranked).collections
    assert dots.norm.vmax == 8
    assert dots.colorbar.extend == "max"
    assert axes_of(ranked._replace(higher_is_better=True)).collections[0].colorbar.extend != "max"


def test_what_nearly_diverged_at_a_rung_does_not_flatten_the_axis():
    history = np.column_stack([np.linspace(1, 2, 6), np.linspace(0.5, 1, 6)])
    history[5] = 4e11
    axes = axes_of(table({"x": range(6)}, history[:, 1], history=history), "rungs")
    assert 2 < axes.get_ylim()[1] < 4
    assert axes.get_ylim()[0] < 0.5


def test_a_score_far_below_the_others_does_not_flatten_its_panel():
    ranked = table({"x": range(5)}, [0.9, 0.8, 0.7, 0.6, -1e6], score_name="r2", higher_is_better=True)
    figure = plotting.draw(None, ranked, *plotting.choose("score", None, ranked))
    low, high = figure.axes[-1].get_ylim()
    assert -1 < low < 0.6 < 0.9 < high < 1


# ---- how many ----


def test_of_many_curves_some_are_drawn_evenly_spread_and_the_best_among_them():
    assert figures.evenly_spread(3, 3, 1).tolist() == [0, 1, 2]
    assert figures.evenly_spread(101, 5, 60).tolist() == [0, 25, 50, 60, 75, 100]
    costs = np.random.default_rng(0).permutation(np.linspace(1, 2, 700))
    axes = axes_of(table({"x": range(700)}, costs), "learning_curves")
    (curves,) = axes.collections
    ends = [path.vertices[-1, 1] for path in curves.get_paths()]
    assert 500 <= len(ends) <= 501
    assert min(ends) == 1


def test_a_sweep_that_took_no_time_has_no_speed():
    assert grid(1, 2)._replace(seconds=0.0).summary() == "2 configurations of x, y: 2 finished, in no time"
    assert grid(1, 2)._replace(seconds=0.5).summary().endswith("in 0.5 s, 4 a second")


# ---- searches for a rate ----


@pytest.mark.parametrize(("untrained", "count"), [(3.0, 1), (np.inf, 0)])
def test_the_loss_before_training_is_drawn_if_there_is_one(untrained, count):
    rates, losses = np.geomspace(1e-3, 1, 4), np.array([[2.0, 1.5, 1.0, 9.0]])
    (axes,) = plotting.rate_search(None, rates, [2], losses, untrained, 0.1).axes
    heights = [line.get_ydata()[0] for line in axes.lines if line.get_label() == "before training"]
    assert heights == [3.0] * count
    assert (axes.get_ylim()[1] > 9) == (untrained == np.inf)  # else a loss that is higher is left out
