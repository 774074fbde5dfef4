"""The command line: what each command prints and writes, its exit codes, and its messages."""

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.data import held_out_rows
from tests.plain_options import plain
from tests.processes import TIMEOUT, output_after_interrupt

PNG = b"\x89PNG\r\n\x1a\n"
DIGITS = fp.datasets.digits()
DIGIT_CLASSES = "10 classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9); --task numbers or counts takes them as such"


@pytest.fixture(autouse=True, scope="module")
def compiled():
    """The kernels, so that no test reads on stderr that they are being compiled."""
    fp.train(fp.MLP((2, 1)), [[0, 0]], [0], epochs=1)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A current directory with a few files."""
    random = np.random.default_rng(0)
    X = random.random((60, 2))
    lines = [f"{a},{b},{3 * a - b}" for a, b in X]
    (tmp_path / "prices.csv").write_text("\n".join(["size,age,price", *lines]))
    (tmp_path / "text.csv").write_text("size,age,price\n1,2,3\n4,old,6\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "not-a-number.csv").write_text("size,price\n1,2\n1,3\nnan,5\n")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and so on")
    np.savez(tmp_path / "scalar.npz", X=np.array(3.0), y=np.arange(2))
    np.savez(tmp_path / "no-rows.npz", X=np.zeros((0, 2)), y=np.zeros(0, int))
    np.savez(tmp_path / "thousands.npz", X=X, y=(X[:, 0] * 1000).astype(int))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command line that ends well; return what it printed."""

    def run(line):
        code = cli.main(plain(line).split())
        output, errors = capsys.readouterr()
        assert code == 0, errors
        return output

    return run


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
    ("--schedule constant", {}),
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


# ---- the recipe ----


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


def test_what_is_not_a_number_is_null_for_machines(run):
    rows = rows_of(run("sweep prices.csv --learning-rate 0.1,1e30 --epochs 3 --json"))
    assert rows[1]["stopped"] == "diverged"
    assert rows[1]["score"] is None


def test_a_sweep_is_halved(run):
    rows = rows_of(run(f"{SEARCH} --halving 2 --json"))
    result = swept(validation=0.2, halving=2)
    assert [row["epochs"] for row in rows] == result.table["epochs"].tolist()
    assert {row["stopped"] for row in rows} == {"halved", "finished"}


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


def test_a_report_and_a_picture_are_written(run, folder):
    output = run(f"{SEARCH} --report sweep.html --plot sweep.png")
    assert (folder / "sweep.html").read_text().startswith("<!doctype html>")
    assert (folder / "sweep.png").read_bytes().startswith(PNG)
    assert "report: sweep.html\n" in output


# ---- bad input ----

REFUSED = [
    ("frobnicate", "invalid choice: 'frobnicate'"),
    ("sweep", "required: data"),
    ("sweep missing.csv", "there is no file missing.csv: check the path"),
    ("train .", ". is a folder: give one of the files in it"),
    (
        "train text.csv --numeric age --validation 0",
        "column 'age' holds words such as 'old', which are no numbers: drop it",
    ),
    ("sweep prices.csv --target weight", "prices.csv has no column 'weight', only size, age, price: name one of these"),
    (
        "sweep digits --target price",
        "digits has its own target and no names of columns: leave --target",
    ),
    ("sweep empty.csv", "empty.csv"),
    ("train broken.npz", "broken.npz"),
    ("train scalar.npz", "X must have two dimensions"),
    ("train no-rows.npz", "X has no rows: give at least one"),
    (
        "train prices.csv --loss cross_entropy",
        "column 'price' must hold whole numbers or words, for the task",
    ),
    ("train digits --loss hinge", "loss must be one of mse"),
    ("train digits --epochs -3", "epochs must be at least 1, not -3: give a larger number"),
    ("train digits --epochs many", "argument --epochs: invalid int value: 'many'"),
    ("sweep digits --batch-size 0", "batch_size must be at least 1, not 0: give a larger number"),
    ("sweep digits --validation 1.5", "validation must be at least 0 and below 1, not 1.5: give"),
    ("sweep digits --threads 0", "threads must be at least 1, not 0: give a larger number"),
    ("sweep digits --optimizer sgd --momentum 1", "momentum must be at least 0 and below 1, not 1.0: give"),
    ("train digits --optimizer newton", "argument --optimizer: invalid choice: 'newton'"),
    ("train digits --optimizer adam --momentum 0.9", "adam has no momentum: leave it out"),
    ("sweep digits --optimizer lbfgs --learning-rate 0.1", "lbfgs has no learning rate: leave it out"),
    ("train digits --optimizer lbfgs --clip-norm 1", "LBFGS takes all rows in each step"),
    (
        "train digits --schedule warm:5",
        "argument --schedule: 'warm:5' is not step or exponential or cosine or flat-cosine or cosine-log or one-cycle",
    ),
    ("train digits --schedule steps", "argument --schedule: 'steps' is not"),
    ("train digits --schedule step:0", "every must be at least 1, not 0"),
    ("train digits --schedule cosine+cosine", "argument --schedule: 'cosine+cosine' is not"),
    ("train digits --schedule warmup:2+warmup:3", "then must be a StepDecay or an ExponentialDecay"),
    ("train digits --schedule cosine:fast", "argument --schedule: 'cosine:fast' is not"),
    ("train digits --clip-norm -1", "limit must be at least 0 and finite, not -1.0"),
    ("train digits --early-stopping -1", "patience must be at least 1, not -1"),
    ("train digits --activation relux", "hidden must be one of"),
    ("sweep digits --activation relu,relux --learning-rate 0.1", "hidden must be one of"),
    ("find-learning-rate digits --learning-rate 0.1", "unrecognized arguments: --learning-rate 0.1"),
    ("find-learning-rate digits --epochs 0", "epochs must be at least 1, not 0"),
    ("find-learning-rate digits --optimizer lbfgs", "optimizer must be an SGD or an Adam"),
    ("find-learning-rate prices.csv --min-rate 1e3 --max-rate 1e6", "the loss falls at none of the learning rates"),
    ("sweep digits --seeds 0", "seeds"),
    ("sweep digits --cv 1", "cv must be at least 2, not 1: give a larger number"),
    ("sweep digits --cv 3 --validation 0.2", "cv holds out each fold's rows, and validation others: give one"),
    ("sweep digits --score speed", "a score must be one of accuracy"),
    ("sweep digits --halving 1", "halving must be at least 2, not 1: give a larger number"),
    ("sweep digits --learning-rate loguniform:0.1:1", "say how many configurations to draw, such as samples=100"),
    ("sweep digits --samples 5 --hidden 4,8", "samples are drawn from distributions, of which grid has none"),
    ("sweep digits --learning-rate loguniform:0.1", "argument --learning-rate: 'loguniform:0.1' is not 0.1 or"),
    ("sweep digits --journal text.csv", "text.csv"),
    ("sweep digits --report nowhere/sweep.html", "nowhere"),
    ("sweep digits --seeds -2", "seeds"),
    ("train digits --seed -2", "seed must be at least 0, not -2: give"),
    ("sweep digits --hidden 0", "each of layer_sizes must be at least 1, not 0: give"),
    ("sweep digits --hidden big", "argument --hidden: 'big' is not 32 or 64x32"),
    ("sweep digits --learning-rate fast", "argument --learning-rate: 'fast' is not 0.1 or"),
    ("sweep digits --learning-rate geomspace:1:2", "argument --learning-rate: 'geomspace:1:2' is not"),
    ("sweep digits --learning-rate geomspace:0:1:4", "argument --learning-rate: 'geomspace:0:1:4' is not"),
    ("sweep digits --learning-rate geomspace:-1:1:4", "-1"),
    ("sweep digits --learning-rate geomspace:1:2:0", "geomspace:1:2:0"),
    ("sweep digits --learning-rate 0.1,-1", "learning_rate must be at least 0 and finite, not -1.0: give"),
    (
        "sweep digits --epochs 1 --learning-rate 1e300",
        "1 of 1 configurations diverged and none finished, so that there is no best: give",
    ),
    ("sweep digits --epochs 1 --learning-rate 0.1 --plot nowhere/sweep.png", "nowhere/sweep.png"),
    ("sweep digits --epochs 1 --learning-rate 0.1 --plot sweep.picture", "picture"),
    ("sweep digits --epochs 1 --learning-rate 0.1 --save nowhere/best.safetensors", "nowhere"),
]


@pytest.mark.parametrize(("line", "words"), REFUSED)
def test_bad_input_is_one_line_on_stderr_and_exit_code_2(capsys, line, words):
    assert cli.main(line.split()) == 2
    errors = re.sub(r".*\|.*\n", "", capsys.readouterr().err.replace("\r", "\n"))  # the progress bar
    assert re.fullmatch(r"\s*fastprop: [^\n]+\n", errors)
    assert words in errors


SCRIPT = Path(sysconfig.get_path("scripts")) / "fastprop"


@pytest.mark.slow
@pytest.mark.parametrize("start", [[sys.executable, "-m", "fastprop"], [SCRIPT]], ids=["module", "script"])
def test_the_command_gives_its_exit_code_to_the_shell(start):
    refused, done = (
        subprocess.run([*start, *line.split()], capture_output=True, text=True, timeout=TIMEOUT)
        for line in ("sweep missing.csv", "exercise")
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.fullmatch(r"fastprop: there is no file missing\.csv: [^\n]+\n", refused.stderr)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "sweep --learning-rate 0.1,0.5"])
def test_ctrl_c_before_anything_is_finished_is_exit_code_130(command):
    script = f"""
from fastprop import cli
from tests.plain_options import plain
from tests.processes import say_go, trains
say_go(ready=trains)
print(cli.main(plain("{command} digits --epochs 1000000").split()))
"""
    assert output_after_interrupt(script).split()[-1] == "130"
