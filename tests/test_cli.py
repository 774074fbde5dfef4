"""The command line: what each command prints and writes, its exit codes, and its messages."""

import json
import re

import numpy as np
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.data import held_out_rows
from tests import command_line

PNG = b"\x89PNG\r\n\x1a\n"
DIGITS = fp.datasets.digits()
DIGIT_CLASSES = "10 classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9); --task numbers or counts takes them as such"


compiled, folder, run = command_line.compiled, command_line.folder, command_line.run


def score(output):
    """The last score that was printed, with its name."""
    return re.findall(r"(accuracy|r2) (-?\d\.\d+) on the held-out rows", output)[-1]


SAID = "task: ", "numbers: ", "column "
"""How lines begin that say what the data is taken for."""


def table(output):
    """The table of a sweep that was printed, as a list of its lines, the header first, each a list of its cells."""
    return [line.split() for line in output.split("\n\n")[0].splitlines() if not line.startswith(SAID)]


# ---- sweep ----


def test_a_sweep_of_digits_prints_the_configurations_from_the_best_on_and_the_best_accuracy(run):
    rates = [0.001, 0.5, 0.1, 0.02]
    output = run("sweep digits --learning-rate 0.001,0.5,0.1,0.02 --epochs 8 --top 3 --threads 1")
    optimizer = fp.SGD(momentum=0.9)
    result = fp.sweep((64, 32, 10), *DIGITS, {"learning_rate": rates}, epochs=8, validation=0.2, optimizer=optimizer)
    header, *rows = table(output)
    assert header == ["learning_rate", "score", "loss", "validation_loss", "epochs", "stopped", "seconds"]
    assert [float(row[0]) for row in rows] == result.top(3)["learning_rate"].tolist()
    assert [float(row[1]) for row in rows] == pytest.approx(result.top(3)["score"].tolist(), abs=1e-4)
    assert "4 of 4 configurations finished in " in output
    assert score(output) == ("accuracy", f"{result.best['score']:.4f}")


def test_a_sweep_takes_spaces_momenta_seeds_and_hidden_layers_as_the_full_product(run):
    options = "--learning-rate geomspace:0.01:1:3 --momentum linspace:0:0.9:2 --seeds 2 --hidden 4,8x6"
    output = run(f"sweep prices.csv {options} --epochs 2 --top 99 --batch-size 7 --validation 0.5")
    header, *rows = table(output)
    assert header[:4] == ["learning_rate", "momentum", "seed", "layer_sizes"]
    product = {(rate, momentum, seed, sizes) for rate in ("0.01", "0.1", "1") for momentum in ("0", "0.9")
               for seed in "01" for sizes in ("2-4-1", "2-8-6-1")}  # fmt: skip
    assert len(rows) == 24
    assert {tuple(row[:4]) for row in rows} == product


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", ["--learning-rate 0.1,0.5", "--learning-rate 0.5", "--hidden 4,8 --learning-rate 0.5"]
)
def test_a_sweep_draws_a_picture(run, folder, options):
    assert "picture: sweep.png" in run(f"sweep digits {options} --epochs 2 --plot sweep.png")
    assert (folder / "sweep.png").read_bytes().startswith(PNG)


def test_the_best_network_of_a_sweep_is_saved(run):
    output = run("sweep prices.csv --learning-rate 0.01,0.1 --epochs 20 --save best.safetensors")
    assert "network: best.safetensors" in output
    model = fp.load("best.safetensors")
    assert (model.network.layer_sizes, model.network.output) == ((2, 32, 1), "identity")
    X, y = fp.datasets.read("prices.csv")
    trained = np.setdiff1d(np.arange(len(y)), held_out_rows(len(y), 0.2))
    mean, deviation = y[trained].mean(), y[trained].std()
    options = {"optimizer": fp.SGD(momentum=0.9), "epochs": 20, "validation": 0.2}
    result = fp.sweep((2, 32, 1), X, (y - mean) / deviation, {"learning_rate": [0.01, 0.1]}, **options)
    expected = result.best_network.predict(X)[:, 0] * deviation + mean
    np.testing.assert_allclose(model.predict("prices.csv"), expected, rtol=1e-5, atol=1e-6)
    losses = [float(row[2]) for row in table(output)[1:]]
    assert losses == pytest.approx((result.top(2)["loss"] * deviation**2).tolist(), rel=1e-3)


# ---- train ----


def test_training_on_digits_learns_them_and_saves_the_network(run):
    output = run("train digits --epochs 10 --learning-rate 0.5 --hidden 16x12 --save net.safetensors")
    assert "finished after 10 epochs in " in output
    assert float(score(output)[1]) > 0.85
    network = fp.load("net.safetensors")
    assert network.layer_sizes == (64, 16, 12, 10)
    X, y = DIGITS
    assert (network.predict(X).argmax(axis=1) == y).mean() > 0.85


@pytest.mark.parametrize("seed", [0, 3])
def test_the_seed_chooses_weights_and_order(run, seed):
    run(f"train digits --epochs 2 --learning-rate 0.5 --seed {seed} --save net.safetensors")
    network = fp.MLP((64, 32, 10), output="softmax", seed=seed)
    fp.train(network, *DIGITS, epochs=2, optimizer=fp.SGD(0.5, momentum=0.9), validation=0.2, seed=seed)
    np.testing.assert_array_equal(fp.load("net.safetensors").parameters, network.parameters)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("digits", "accuracy"),
        ("digits --loss binary_cross_entropy", "accuracy"),
        ("digits --loss mse", "r2"),
        ("digits --loss mse --task classes", "accuracy"),
        ("prices.csv", "r2"),
        ("prices.csv --target age", "r2"),
        ("thousands.npz", "r2"),
    ],
)
def test_train_and_sweep_give_the_same_score(run, data, name):
    trained, swept = (score(run(f"{command} {data} --epochs 10 --learning-rate 0.1")) for command in ("train", "sweep"))
    assert trained == swept
    assert trained[0] == name


HOW = [
    ("--optimizer adam", {"optimizer": fp.Adam()}),
    ("--optimizer adamw --learning-rate 0.01 --weight-decay 0.1", {"optimizer": fp.AdamW(0.01, weight_decay=0.1)}),
    ("--optimizer rmsprop --momentum 0.5", {"optimizer": fp.RMSprop(momentum=0.5)}),
    ("--momentum 0", {"optimizer": fp.SGD(0.5)}),
    ("--optimizer lbfgs --weight-decay 0.001", {"optimizer": fp.LBFGS(weight_decay=0.001)}),
    ("--schedule cosine", {"schedule": fp.CosineDecay()}),
    ("--schedule one-cycle:0.1", {"schedule": fp.OneCycle(0.1)}),
    ("--schedule step:2:0.5", {"schedule": fp.StepDecay(2, 0.5)}),
    ("--schedule exponential:0.99:step", {"schedule": fp.ExponentialDecay(0.99, by="step")}),
    ("--schedule warmup:2+cosine:0.1", {"schedule": fp.Warmup(2, fp.CosineDecay(0.1))}),
    ("--schedule warmup:9:step+one-cycle", {"schedule": fp.Warmup(9, fp.OneCycle(), by="step")}),
    ("--schedule plateau:0.5:1", {"schedule": fp.ReduceOnPlateau(0.5, 1)}),
    ("--clip-norm 0.1", {"clip": fp.ClipNorm(0.1)}),
    ("--dropout 0.2", {"dropout": 0.2}),
    ("--layer-rates 0.5x1 --bias-rate 0.1", {"layer_rates": (0.5, 1), "bias_rate": 0.1}),
    ("--bias-decay 0 --weight-decay 0.1", {"bias_decay": 0, "optimizer": fp.SGD(0.5, momentum=0.9, weight_decay=0.1)}),
    ("--schedule constant", {}),
    ("--early-stopping never", {"early_stopping": fp.EarlyStopping(None)}),
    (
        "--early-stopping 1 --learning-rate 4",
        {"early_stopping": fp.EarlyStopping(1), "optimizer": fp.SGD(4, momentum=0.9)},
    ),
]


@pytest.mark.parametrize(("line", "options"), HOW, ids=[line for line, _ in HOW])
def test_what_is_said_of_a_run_is_what_train_is_told(run, line, options):
    output = run(f"train digits --epochs 5 --save net.safetensors {line}")
    network = fp.MLP((64, 32, 10), output="softmax", seed=0)
    options = {"epochs": 5, "validation": 0.2, "optimizer": fp.SGD(0.5, momentum=0.9)} | options
    history = fp.train(network, *DIGITS, **options)
    np.testing.assert_array_equal(fp.load("net.safetensors").parameters, network.parameters)
    assert f"loss {history.loss[history.best_epoch]:.6g}, on" in output
    assert output.splitlines()[1].startswith(history.stopped)


def test_training_goes_on_from_a_checkpoint(run):
    run("train digits --epochs 2 --checkpoint run.checkpoint")
    on = run("train digits --epochs 5 --checkpoint run.checkpoint --resume --save on.safetensors")
    whole = run("train digits --epochs 5 --save whole.safetensors")
    np.testing.assert_array_equal(fp.load("on.safetensors").parameters, fp.load("whole.safetensors").parameters)
    assert on.splitlines()[2:4] == whole.splitlines()[2:4]


def test_hidden_activations_and_a_loss_are_those_of_the_network(run):
    run("train prices.csv --epochs 2 --activation gelu --loss huber --learning-rate 0.1 --save net.safetensors")
    network = fp.load("net.safetensors").network
    assert (network.hidden, network.output) == ("gelu", "identity")


def test_a_sweep_tries_activations_and_weight_decays_and_takes_the_rest_as_it_is(run):
    line = "--optimizer adamw --learning-rate 0.01 --weight-decay 0,0.1 --activation relu,tanh --schedule cosine"
    output = run(f"sweep digits {line} --epochs 3 --early-stopping 2 --clip-norm 1 --save best.safetensors")
    header, *rows = table(output)
    assert header[:3] == ["learning_rate", "weight_decay", "hidden"]
    pairs = {("0", "relu"), ("0", "tanh"), ("0.1", "relu"), ("0.1", "tanh")}
    assert {tuple(row[1:3]) for row in rows} == pairs
    weight_decay, hidden = float(rows[0][1]), rows[0][2]
    network = fp.MLP((64, 32, 10), hidden=hidden, output="softmax", seed=0)
    options = {"schedule": fp.CosineDecay(), "early_stopping": fp.EarlyStopping(2), "clip": fp.ClipNorm(1.0)}
    optimizer = fp.AdamW(0.01, weight_decay=weight_decay)
    fp.train(network, *DIGITS, epochs=3, validation=0.2, optimizer=optimizer, **options)
    np.testing.assert_array_equal(fp.load("best.safetensors").parameters, network.parameters)


def test_a_sweep_tries_factors_of_the_learning_rate(run):
    line = "--learning-rate 0.1 --layer-rates 1x1,6x1 --bias-rate 0.1,1 --epochs 2"
    header, *rows = table(run(f"sweep digits {line} --save best.safetensors"))
    assert header[1:3] == ["layer_rates", "bias_rate"]
    assert {tuple(row[1:3]) for row in rows} == {("1-1", "0.1"), ("1-1", "1"), ("6-1", "0.1"), ("6-1", "1")}
    training = fp.load("best.safetensors").training
    factors = training.get("layer_rates", [1, 1]), training.get("bias_rate", 1)
    assert rows[0][1:3] == ["-".join(f"{each:g}" for each in factors[0]), f"{factors[1]:g}"]


# ---- the recipe ----


@pytest.mark.parametrize(
    ("line", "patience"),
    [
        ("train digits", 20),
        ("train digits --validation 0", None),
        ("train digits --validation 0 --early-stopping 20", 20),
        ("sweep digits --cv 2 --learning-rate 0.1", 20),
        ("sweep digits --validation 0 --learning-rate 0.1", None),
        ("sweep digits --validation 0 --learning-rate 0.1 --early-stopping 20", 20),
        ("sweep digits --search population", None),
    ],
)
def test_training_ends_early_where_rows_are_held_out_or_where_it_is_told(line, patience, monkeypatch):
    given = {}

    def record(*_, **options):
        given.update(options)
        raise ValueError("this is all that was to be seen")

    monkeypatch.setattr(fp, line.split()[0], record)
    assert cli.main(line.split()) == 2
    assert given["early_stopping"] == (None if patience is None else fp.EarlyStopping(patience))


def test_training_follows_the_recipe_unless_it_is_told_otherwise(capsys):
    assert cli.main(["train", "digits", "--save", "net.safetensors", "--epochs", "20"]) == 0
    network = fp.MLP((64, 256, 10), hidden="relu", output="softmax", seed=0)
    options = {"schedule": fp.CosineDecay(), "early_stopping": fp.EarlyStopping(20), "standardize": True}
    history = fp.train(
        network, *DIGITS, epochs=20, optimizer=fp.AdamW(3e-3, weight_decay=0.1), dropout=0.3, validation=0.2, **options
    )
    np.testing.assert_array_equal(fp.load("net.safetensors").parameters, network.parameters)
    assert history.score > 0.96
    assert f"accuracy {history.score:.4f} on" in capsys.readouterr().out


def test_a_sweep_searches_a_space_of_its_own_and_says_when_the_best_is_on_its_edge(capsys):
    assert cli.main(["sweep", "digits", "--samples", "4", "--epochs", "2", "--hidden", "8", "--dropout", "0"]) == 0
    output = capsys.readouterr().out
    header, *rows = table(output)
    assert header[:2] == ["learning_rate", "weight_decay"]
    assert len(rows) == 4
    assert cli.main(["sweep", "digits", "--learning-rate", "1e-5,1e-4,1e-3", "--epochs", "2", "--hidden", "8"]) == 0
    output = capsys.readouterr().out
    assert "the best learning rate, 0.001, is on the edge of what was searched (1e-05 to 0.001): try" in output


# ---- find-learning-rate ----


def test_the_picture_of_learning_rates_has_losses_in_the_unit_of_the_targets(run, monkeypatch):
    drawn = []
    monkeypatch.setattr(fp.RateSearch, "plot", lambda found, path=None: drawn.append(found))
    X, y = fp.datasets.read("prices.csv")
    np.savetxt("cents.csv", np.column_stack([X, 1000 * y]), delimiter=",", header="size,age,price", comments="")
    run("find-learning-rate cents.csv --min-rate 0.001 --max-rate 0.1 --epochs 1 --plot rates.png")
    assert 0.1 < drawn[0].untrained_loss / np.var(1000 * y) < 30


@pytest.mark.slow
def test_a_learning_rate_is_found_and_drawn(run, folder):
    output = run("find-learning-rate digits --optimizer adam --max-rate 1 --plot rates.png")
    network = fp.MLP((64, 32, 10), output="softmax", seed=0)
    found = fp.find_learning_rate(network, *DIGITS, optimizer=fp.Adam(), max_rate=1, epochs=200)
    assert output == f"task: {DIGIT_CLASSES}\nlearning rate {found.suggestion:.2g}\npicture: rates.png\n"
    assert (folder / "rates.png").read_bytes().startswith(PNG)


# ---- searching ----

SEARCH = "sweep digits --learning-rate geomspace:0.1:1:3 --epochs 4 --hidden 8"


def swept(**options):
    """The same sweep by Python."""
    network = fp.MLP((64, 8, 10), output="softmax")
    grid = {"learning_rate": fp.geomspace(0.1, 1, 3)}
    return fp.sweep(network, *DIGITS, grid, epochs=4, optimizer=fp.SGD(momentum=0.9), **options)


def rows_of(output):
    """The configurations of a sweep that was printed as JSON."""
    return json.loads(output)["configurations"]


def test_a_cross_validated_sweep_is_ranked_over_its_folds(run):
    result, output = swept(cv=3, score="accuracy"), run(f"{SEARCH} --cv 3 --score accuracy --save best.safetensors")
    header, *rows = table(output)
    assert header[:3] == ["learning_rate", "score", "score_std"]
    assert [float(row[1]) for row in rows] == pytest.approx(result.top(3)["score"].tolist(), abs=1e-4)
    assert f"best network: accuracy {result.best['score']:.4f} on average over 3 folds" in output
    np.testing.assert_array_equal(fp.load("best.safetensors").parameters, result.best_network.parameters)


def test_all_rows_are_printed_for_machines(run):
    result, printed = swept(validation=0.2), json.loads(run(f"{SEARCH} --json --top 1"))
    assert printed["score"] == "accuracy"
    assert printed["best"] == result.ranking[0]
    assert printed["seconds"] > 0
    for row, expected in zip(printed["configurations"], result.table, strict=True):
        assert list(row) == list(expected.dtype.names)
        assert [row["validation_loss"], row["stopped"]] == [expected["validation_loss"], "finished"]


@pytest.mark.slow
def test_a_nested_cross_validation_is_printed_for_people_and_for_machines(run):
    outer = swept(cv=2, outer=2).outer
    printed = json.loads(run(f"{SEARCH} --cv 2 --outer 2 --json"))["outer"]
    assert printed["scores"] == outer.scores.tolist()
    assert printed["mean"] == outer.scores.mean()
    assert printed["interval"] == list(outer.interval())
    assert [each["learning_rate"] for each in printed["chosen"]] == [each["learning_rate"] for each in outer.chosen]
    mean = f"nested cross-validation: accuracy {outer.scores.mean():.4f} on average over 2 outer folds"
    assert mean in run(f"{SEARCH} --cv 2 --outer 2")


def test_ctrl_c_before_the_first_epoch_prints_no_losses(monkeypatch, capsys):
    monkeypatch.setattr("fastprop.thread_pool.run", lambda runs, count, watch: False)  # as after Ctrl-C
    assert cli.main(["train", "prices.csv", "--epochs", "3", "--save", "net.safetensors"]) == 130
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("interrupted after 0 epochs in ")
    assert lines[-1] == "network: net.safetensors"


def test_what_is_not_a_number_is_null_for_machines(run):
    rows = rows_of(run("sweep prices.csv --learning-rate 0.1,1e30 --epochs 3 --json"))
    assert rows[1]["stopped"] == "diverged"
    assert rows[1]["score"] is None


def test_a_sweep_is_halved(run):
    rows = rows_of(run(f"{SEARCH} --halving 2 --json"))
    result = swept(validation=0.2, halving=2)
    assert [row["epochs"] for row in rows] == result.table["epochs"].tolist()
    assert {row["stopped"] for row in rows} == {"halved", "finished"}


def test_a_sweep_is_of_a_population(run):
    rows = rows_of(
        run("sweep digits --learning-rate loguniform:0.1:1 --samples 8 --search population:1:0.4 --epochs 3 --json")
    )
    network, grid = fp.MLP((64, 64, 10), hidden="relu", output="softmax"), {"learning_rate": fp.loguniform(0.1, 1)}
    assert [row["stopped"] for row in rows] == ["finished"] * 8
    drawn = fp.sweep(network, *DIGITS, grid, samples=8, epochs=1).table["learning_rate"]
    assert [row["learning_rate"] for row in rows] != drawn.tolist()  # those of the last rung


@pytest.mark.slow
def test_a_population_searches_a_space_of_its_own(run):
    rows = rows_of(run("sweep digits --search population --samples 6 --seeds 3 --epochs 2 --json"))
    assert {"learning_rate", "weight_decay", "seed"} <= set(rows[0])
    assert "layer_sizes" not in rows[0]


def test_learning_rates_are_drawn_from_a_distribution(run):
    rows = rows_of(
        run("sweep digits --learning-rate loguniform:0.01:1 --momentum 0.5,0.9 --samples 6 --epochs 1 --json")
    )
    assert len({row["learning_rate"] for row in rows}) == 6
    assert {row["momentum"] for row in rows} <= {0.5, 0.9}


def test_a_sweep_goes_on_from_its_journal(run, folder):
    first = rows_of(run(f"{SEARCH} --journal runs.jsonl --json"))
    written = (folder / "runs.jsonl").read_bytes()
    assert rows_of(run(f"{SEARCH} --journal runs.jsonl --json")) == first
    assert (folder / "runs.jsonl").read_bytes() == written


@pytest.mark.slow
def test_a_report_and_a_picture_are_written(run, folder):
    output = run(f"{SEARCH} --report sweep.html --plot sweep.png")
    assert (folder / "sweep.html").read_text().startswith("<!doctype html>")
    assert (folder / "sweep.png").read_bytes().startswith(PNG)
    assert "report: sweep.html\n" in output
