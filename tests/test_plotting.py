"""Pictures of sweeps: what each kind draws, and which kind is chosen."""

import re
from contextlib import nullcontext

import numpy as np
import pytest

import fastprop as fp
from fastprop.reporting import RankedTable, html, plotting
from tests.marks import slow_except

pytest.importorskip("matplotlib")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 4))
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
PNG = b"\x89PNG\r\n\x1a\n"
RATES = {"learning_rate": fp.geomspace(0.01, 1, 6)}
OPTIMIZERS = [fp.SGD(0.5), fp.Adam(0.01), fp.AdamW(0.01, weight_decay=0.1)]
SWEEPS = {
    "rates": (RATES, {}),
    "seeds": (RATES | {"seed": range(3)}, {}),
    "seeds alone": ({"seed": range(3)}, {}),
    "one": ({"learning_rate": [0.1]}, {}),
    "one epoch": (RATES, {"epochs": 1}),
    "two": (RATES | {"momentum": [0.0, 0.5, 0.9], "seed": [0, 1]}, {}),
    "three": (RATES | {"momentum": [0.0, 0.9], "hidden": ["tanh", "relu"]}, {}),
    "objects": ({"optimizer": OPTIMIZERS, "layer_sizes": [(4, 6, 3), (4, 5, 5, 3)]}, {}),
    "cv": (RATES, {"cv": 3, "validation": None}),
    "score": (RATES | {"momentum": [0.0, 0.9]}, {"score": "accuracy"}),
    "losses": ({"loss": ["cross_entropy", fp.CrossEntropy(0.1)], "learning_rate": [0.1, 0.5]}, {}),
    "halving": (RATES | {"momentum": [0.0, 0.9]}, {"halving": 2, "epochs": 8}),
    "drawn": ({"learning_rate": fp.loguniform(0.01, 1), "momentum": fp.uniform(0, 0.9)}, {"samples": 20}),
    "some diverge": ({"learning_rate": [0.1, 1e30, 0.2, 1e35]}, {"y": X[:, :3]}),
    "all diverge": ({"learning_rate": [1e30, 1e35], "momentum": [0.0, 0.5]}, {"y": X[:, :3]}),
    "without validation": (RATES, {"validation": None}),
    "numbers that some lack": ([{"momentum": 0.5}, {"optimizer": fp.Adam(0.01)}], {}),
}
KINDS = "score", "heat_map", "parallel_coordinates", "learning_curves", "rungs"


def sweep(name):
    grid, options = SWEEPS[name]
    options = {"y": LABELS, "epochs": 3, "validation": 0.25, **options}
    warns = pytest.warns(fp.DivergenceWarning, match="none finished") if name == "all diverge" else nullcontext()
    with warns:
        return fp.sweep((4, 6, 3), X, options.pop("y"), grid, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEPS)
def test_all_kinds_of_pictures_are_drawn_of_all_kinds_of_sweeps(name, tmp_path):
    result, path = sweep(name), tmp_path / "sweep.png"
    others = [each for each in result.hyperparameters if each != "seed"]
    for kind in KINDS:
        if kind == "rungs" and len(result.rungs) == 1:
            with pytest.raises(ValueError, match="needs a sweep that stopped configurations on the way: sweep with"):
                result.plot(path, kind)
        elif kind == "heat_map" and len(result.hyperparameters) == 1:
            with pytest.raises(ValueError, match="kind 'heat_map' needs 2 swept hyperparameters, not 1"):
                result.plot(path, kind)
        else:
            result.plot(path, kind)
            assert path.read_bytes().startswith(PNG)
            path.unlink()
    result.plot(path, hyperparameters=others[:1] or "seed")
    assert path.read_bytes().startswith(PNG)


def drawn(name, *arguments):
    """A result and the figure of a picture of it."""
    result = sweep(name)
    return result, result.plot(None, *arguments)


@pytest.mark.parametrize(
    ("name", "kind"), [("rates", "score"), ("seeds", "score"), ("two", "heat_map"), ("three", "parallel_coordinates")]
)
def test_what_is_drawn_if_nobody_says(name, kind):
    _, figure = drawn(name)
    _, expected = drawn(name, kind)
    assert [axes.get_xlabel() for axes in figure.axes] == [axes.get_xlabel() for axes in expected.axes]


@pytest.mark.slow
def test_scores_are_drawn_where_they_are():
    result, figure = drawn("rates")
    losses, scores = figure.axes
    for line, column in zip(losses.lines, ("loss", "validation_loss")):
        np.testing.assert_array_equal(line.get_ydata(), result.table[column])
        np.testing.assert_array_equal(line.get_xdata(), result.table["learning_rate"])
    np.testing.assert_array_equal(scores.lines[0].get_ydata(), result.table["score"])
    assert (losses.get_xscale(), losses.get_yscale()) == ("log", "linear")
    assert f"best learning rate {result.best['learning_rate']:.4g}" in losses.get_title()


def test_of_seeds_the_median_is_drawn_and_how_they_spread():
    result, figure = drawn("seeds")
    scores = result.table["score"].reshape(6, 3)
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), np.median(scores, axis=1))
    (band,) = figure.axes[1].collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(np.quantile(scores, 0.1, axis=1).min())
    assert heights.max() == pytest.approx(np.quantile(scores, 0.9, axis=1).max())


def test_a_heat_map_has_the_best_of_the_medians_over_seeds():
    result, figure = drawn("two")
    cells = np.median(result.table["validation_loss"].reshape(6, 3, 2), axis=2)
    np.testing.assert_array_equal(figure.axes[0].collections[0].get_array().reshape(3, 6), cells.T)


def test_curves_are_those_of_the_history():
    result, figure = drawn("rates", "learning_curves")
    lines = [path.vertices[:, 1] for path in figure.axes[0].collections[0].get_paths()]
    np.testing.assert_array_equal(lines, result.history)
    best = figure.axes[0].lines[0]
    np.testing.assert_array_equal(best.get_ydata(), result.history[result.ranking[0]])


def test_rungs_say_how_many_came_to_each():
    result, figure = drawn("halving", "rungs")
    counts = np.isfinite(result.rung_costs).sum(axis=0)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == [f"{rung}\nof {count}" for rung, count in zip(result.rungs, counts)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pie",), "kind must be one of score, heat_map, .*, not 'pie': choose one of these"),
        (("score", "epochs"), "each of hyperparameters must be one of learning_rate, momentum, seed, not 'epochs'"),
        (("score", ["learning_rate", "momentum"]), "kind 'score' shows 1 of the hyperparameters, not 2: name fewer"),
        (("heat_map", "momentum"), r"kind 'heat_map' needs 2 swept hyperparameters, not 1 \(momentum\): choose"),
    ],
)
def test_a_picture_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sweep("two").plot("nowhere.png", *arguments)


# ---- runs that nearly diverged ----


def nearly_diverged(name="three"):
    """A sweep of which one run ends with a loss of 4e11."""
    result = sweep(name)
    for column in ("loss", "validation_loss"):
        result.table[column][5] = 4e11
    result.history[5, -1] = 4e11
    return result


@pytest.mark.parametrize("kind", ["score", "learning_curves"])
def test_a_run_that_nearly_diverged_does_not_flatten_the_axis(kind):
    figure = nearly_diverged().plot(kind=kind)
    assert figure.axes[0].get_ylim()[1] < 100


def test_a_run_that_nearly_diverged_does_not_take_all_the_colors():
    figure = nearly_diverged().plot(kind="heat_map", hyperparameters=["learning_rate", "hidden"])
    assert figure.axes[0].collections[0].norm.vmax < 100


def test_a_run_that_nearly_diverged_does_not_bend_parallel_coordinates():
    result = nearly_diverged()
    (lines,) = result.plot(kind="parallel_coordinates").axes[0].collections
    heights = np.array([path.vertices[-1, 1] for path in lines.get_paths()])
    assert np.diff(np.sort(heights)).max() < 0.5


def test_what_was_stopped_at_a_rung_is_on_the_axis_beside_a_run_that_nearly_diverged():
    result = nearly_diverged("halving")
    ranked = result.ranked_table()
    figure = result.plot(kind="score", hyperparameters=["learning_rate"])
    losses = result.table["validation_loss"][ranked.halved & ~ranked.nearly_diverged]
    low, high = figure.axes[0].get_ylim()
    assert len(losses)
    assert low < losses.min() < losses.max() < high


def test_the_lowest_dot_does_not_lie_on_the_edge_of_a_logarithmic_axis():
    result = nearly_diverged("drawn")
    result.table["validation_loss"][[0, 1]] = 1e-3, 10
    axes = result.plot(kind="score", hyperparameters=["learning_rate"]).axes[0]
    assert axes.get_yscale() == "log"
    assert axes.transAxes.inverted().transform(axes.transData.transform((0.1, 1e-3)))[1] > 0.03


def test_losses_that_differ_as_usual_are_all_shown():
    ranked = sweep("rates").ranked_table()
    assert not ranked.nearly_diverged.any()
    assert not sweep("losses").ranked_table().nearly_diverged.any()


# ---- how it looks ----


def test_rungs_of_accuracy_have_a_linear_axis():
    result = fp.sweep((4, 6, 3), X, LABELS, RATES, epochs=8, validation=0.25, halving=2, score="accuracy")
    result.rung_costs[0] = -0.01  # so that others have many times its accuracy
    assert result.plot(kind="rungs").axes[0].get_yscale() == "linear"


def test_the_frame_of_the_best_is_its_cell():
    from matplotlib.patches import Rectangle

    result, figure = drawn("two")
    (frame,) = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    column = np.unique(result.table["learning_rate"]).searchsorted(result.best["learning_rate"])
    row = np.unique(result.table["momentum"]).searchsorted(result.best["momentum"])
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (column - 0.5, row - 0.5, 1, 1)


def legend(figure):
    boxes = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend() is not None)]
    return {text.get_text() for box in boxes for text in box.get_texts()}


@pytest.mark.slow
def test_legends_explain_cells_and_dots():
    assert {"best", "stopped before the end"} <= legend(drawn("halving")[1])
    assert {"diverged (2)"} <= legend(drawn("some diverge", "score")[1])
    assert {"best", "finished"} <= legend(drawn("drawn")[1])
    assert {"best", "better", "worse"} <= legend(drawn("three", "parallel_coordinates")[1])


def test_no_legend_hides_dots():
    figure = drawn("drawn", "score")[1]
    assert not any(axes.get_legend() for axes in figure.axes)
    assert legend(figure) == {"a configuration"}


def test_layer_sizes_stand_in_their_order():
    sizes = [(4, 20, 3), (4, 6, 3), (4, 8, 8, 3)]
    result = fp.sweep((4, 6, 3), X, LABELS, {"layer_sizes": sizes}, epochs=1, validation=0.25)
    axes = result.plot(kind="score").axes[-1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["4-6-3", "4-8-8-3", "4-20-3"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), [("seeds", "score"), ("two", "heat_map"), ("three", "parallel_coordinates")])
def test_text_is_large_enough_for_400_pixels(name, kind):
    from matplotlib.text import Text

    _, figure = drawn(name, kind)
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    pixels = {text.get_text(): text.get_fontsize() / 72 / figure.get_size_inches()[0] * 400 for text in texts}
    assert min(pixels.values()) >= 10, pixels


# ---- without a path ----


@pytest.mark.slow
def test_figures_are_returned_and_shown_by_notebooks(tmp_path):
    from matplotlib.figure import Figure

    network = fp.MLP((4, 6, 3), output="softmax")
    history = fp.train(network, X, LABELS, epochs=3, validation=0.2, metrics=("accuracy",))
    for result in (sweep("rates"), history, fp.find_learning_rate(network, X, LABELS, epochs=4)):
        assert isinstance(figure := result.plot(), Figure)
        assert figure._repr_png_().startswith(PNG)
        assert result.plot(tmp_path / "picture.png") is None
        assert (tmp_path / "picture.png").read_bytes().startswith(PNG)


def test_a_history_is_drawn_as_it_is():
    network = fp.MLP((4, 6, 3), output="softmax")
    history = fp.train(network, X, LABELS, epochs=5, validation=0.2, metrics=("accuracy", "f1"))
    losses, metrics = history.plot().axes
    np.testing.assert_array_equal(
        [line.get_ydata() for line in losses.lines[:2]], [history.loss, history.validation_loss]
    )
    np.testing.assert_array_equal([line.get_ydata() for line in metrics.lines[:2]], [*history.metrics.values()])


def test_results_are_a_few_lines_in_a_notebook():
    network = fp.MLP((4, 6, 3), output="softmax")
    history = fp.train(network, X, LABELS, epochs=300, validation=0.2)
    assert repr(history).startswith("History: finished after 300 epochs, loss ")
    for result in (history, network, sweep("rates"), fp.find_learning_rate(network, X, LABELS, epochs=4)):
        assert len(repr(result).splitlines()) < 10
        assert "<table>" in result._repr_html_()
        assert result._repr_html_().count("<tr>") < 10


def test_a_history_of_no_epoch_and_one_that_diverged_are_printed_and_drawn():
    empty = fp.History(*np.empty((4, 0)), stopped="interrupted")
    diverged = fp.History(*np.full((4, 2), np.nan), epochs=2, stopped="diverged")
    for history, text in ((empty, "interrupted after 0 epochs"), (diverged, "diverged after 2 epochs")):
        assert repr(history) == f"History: {text}"
        assert "<table>" in history._repr_html_()
        history.plot().draw_without_rendering()


# ---- tables that no sweep made ----


def made_up_table():
    """Four rows: the best, one that was stopped at a rung, one that diverged, one that did not run."""
    names = [("x", float), ("kind", object), ("loss", float), ("validation_loss", float), ("score", float)]
    table = np.zeros(4, [*names, ("score_std", float), ("epochs", int), ("stopped", "U11"), ("seconds", float)])
    table["x"], table["kind"], table["loss"] = [0.1, 0.2, 0.3, 0.4], ["a", "b", "a", "b"], [1.0, 2.0, np.nan, np.nan]
    table["validation_loss"] = np.nan
    table["score"], table["epochs"] = [0.9, 0.7, np.nan, np.nan], [4, 2, 1, 0]
    table["stopped"] = ["finished", "halved", "diverged", "not run"]
    return RankedTable(
        table=table,
        hyperparameters=["x", "kind"],
        ranking=np.arange(4),
        can_be_best=np.array([True, False, False, False]),
        ranked_by="score",
        higher_is_better=True,
        criterion="loss",
        score_name="wit",
        history=np.array([[4.0, 3, 2, 1], [4, 2, np.nan, np.nan], [9, np.nan, np.nan, np.nan], [np.nan] * 4]),
        rungs=[2, 4],
        rung_costs=np.array([[-0.8, -0.9], [-0.7, np.nan], [np.nan, np.nan], [np.nan, np.nan]]),
        seconds=2.0,
        about={"made": "up"},
    )


@pytest.mark.slow
def test_a_table_that_no_sweep_made_is_drawn_and_described(tmp_path):
    ranked = made_up_table()
    for kind in KINDS:
        plotting.draw(tmp_path / "picture.png", ranked, *plotting.choose(kind, None, ranked))
        assert (tmp_path / "picture.png").read_bytes().startswith(PNG)
    html.write(tmp_path / "page.html", ranked)
    assert "<dt>made</dt><dd>up</dd>" in (tmp_path / "page.html").read_text()
    assert ranked.order() == "highest wit"
    assert ranked.summary() == (
        "4 configurations of x, kind: 1 diverged, 1 finished, 1 stopped at a rung, 1 not run, in 2 s, 1.5 a second"
    )
    assert ranked.columns() == ["x", "kind", "loss", "score", "epochs", "stopped", "seconds"]
    assert ranked.lines(1)[1].split() == ["0.1", "a", "1", "0.9", "4", "finished", "0"]


# ---- reports ----


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_except(SWEEPS, ["halving"]))
def test_a_report_is_one_file_that_needs_no_other(name, tmp_path):
    result = sweep(name)
    result.report(tmp_path / "sweep.html")
    text = (tmp_path / "sweep.html").read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["sweep.html"]
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert text.count("<tr>") == 1 + len(result.table)
    assert text.count("<img") >= 1
    for name in result.hyperparameters:
        assert f'<button type="button">{name.replace("_", " ")}</button></th>' in text
    for told in ("optimizer", "loss", "epochs", "batch size", "schedule", "data", "machine"):
        assert f"<dt>{told}</dt>" in text
    assert f"<dd>{fp.__version__}</dd>" in text


def test_what_is_written_into_a_report_is_no_html(tmp_path):
    def a_score(outputs, y):
        return 1.0

    a_score.__name__ = "<script>"
    result = fp.sweep((4, 6, 3), X, LABELS, RATES, epochs=1, validation=0.2, score=a_score)
    result.report(tmp_path / "sweep.html")
    assert "&lt;script&gt;" in (tmp_path / "sweep.html").read_text()
    assert "highest <script>" not in (tmp_path / "sweep.html").read_text()
