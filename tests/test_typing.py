"""A type checker accepts a right script, and finds the errors of a wrong one."""

import inspect
import subprocess
import sys
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest

import fastprop as fp
from fastprop import annotations, checks, metrics
from fastprop.initialization import INITIALIZATIONS
from fastprop.reference import ACTIVATIONS, LOSSES
from fastprop.reporting import plotting
from fastprop.runs import BACKENDS, STREAMS
from fastprop.tabular.numeric_encodings import NUMERIC_ENCODINGS
from tests.test_readme import EXAMPLES

RIGHT = '''
"""All public names, used as the documentation has it."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import optuna
from numpy.typing import NDArray
from typing_extensions import assert_type

import fastprop as fp

X, y = fp.datasets.digits()
assert_type(y, NDArray[np.int64])
features, targets = fp.datasets.read(Path("data.csv"), target="price", drop=["id"])
table = fp.datasets.read("data.csv", features=["size"])
assert_type(table, fp.datasets.Table)
print(table.X.shape, table.y.dtype, table.feature_names, table.class_names, fp.datasets.read_inputs("b.csv", ["size"]))

network = fp.MLP((64, 48, 24, 10), hidden=("gelu", "tanh"), output="softmax", initialization="orthogonal", seed=0)
network = fp.MLP([64, 10], initialization=[(np.zeros((64, 10)), np.zeros(10))], dtype="float64")
network.weights[0][...] = 0.5
network.save("network.safetensors")
loaded = fp.load(Path("network.safetensors"))
assert isinstance(loaded, fp.MLP)
network = loaded.copy()
network.to_onnx("network.onnx", input_dtype="float64")
network.to_c(Path("network.h"), name="net")
network.load_state_dict(network.state_dict())
assert_type(fp.from_torch(network.to_torch()), fp.MLP)
sizes: tuple[int, ...] = network.layer_sizes


def watch(epoch: int, history: fp.History) -> bool:
    return epoch > 3 and history.loss[epoch] < 0.1


history = fp.train(
    network,
    X,
    y,
    epochs=30,
    batch_size=32,
    loss=fp.CrossEntropy(label_smoothing=0.05),
    optimizer=fp.AdamW(3e-3, weight_decay=0.1),
    schedule=fp.Warmup(2, fp.CosineDecay(), by="epoch"),
    clip=fp.ClipNorm(1.0),
    dropout=0.1,
    average=fp.EMA(0.99),
    early_stopping=fp.EarlyStopping(patience=8),
    validation=0.2,
    sample_weight=np.ones(len(X)),
    class_weight={0: 2.0, 1: 1.0},
    standardize=True,
    threads=2,
    callback=watch,
    gradient_norm=True,
    metrics=("accuracy", "log_loss"),
    checkpoint=fp.Checkpoint("run.checkpoint", epochs=5),
    resume=True,
    backend="kernels",
)
assert_type(history.loss, NDArray[np.float64])
assert_type(history.score, float)
print(history.metrics["accuracy"][-1], history.stopped, history.epochs, network.predict(X[:1]).argmax())
for optimizer in (fp.SGD(0.1, momentum=0.9), fp.Adam(), fp.RMSprop(), fp.Adagrad(), fp.Lion(), fp.LBFGS()):
    fp.train(network, X.tolist(), y.tolist(), epochs=1, loss="mse", optimizer=optimizer, class_weight="balanced")
for schedule in (fp.StepDecay(30), fp.ExponentialDecay(), fp.OneCycle(), fp.InverseScaling(), fp.ReduceOnPlateau()):
    fp.train(network, X, y, epochs=1, loss=fp.Huber(2), schedule=schedule, clip=fp.ClipValue(1), validation=(X, y))


def chunks() -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    for first in range(0, len(X), 600):
        yield X[first : first + 600], y[first : first + 600]


assert_type(fp.train_stream(network, chunks(), optimizer=fp.Adam(), schedule=fp.StepDecay(3)), fp.History)
fp.train_stream(network, [(X, y, np.ones(len(X))), (X, y, None)])

found = fp.find_learning_rate(network, X, y, optimizer=fp.SGD(momentum=0.9), min_rate=1e-4, max_rate=1, epochs=50)
assert_type(found, fp.RateSearch)
found.plot("rates.png")
print(found.suggestion, found.rates[0], found.losses.min())

rates = {"learning_rate": np.geomspace(1e-3, 10, 64), "seed": range(4), "hidden": ["tanh", ("relu", "gelu")]}
result = fp.sweep((64, 32, 10), X, y, rates, epochs=30, optimizer=fp.SGD(momentum=0.9), validation=0.2, keep="all")
assert_type(result, fp.SweepResult)
result = fp.sweep(network, X, y, [{"learning_rate": 0.1}, {"momentum": 0.9}], epochs=1, cv=5, score="roc_auc", keep=4)
space = {
    "learning_rate": fp.loguniform(1e-3, 10),
    "momentum": fp.uniform(0, 0.99),
    "batch_size": fp.integers(1, 64),
    "hidden": fp.choice(["tanh", "relu"]),
    "dropout": fp.linspace(0, 0.5, 3),
    "weight_decay": fp.geomspace(1e-6, 1e-2, 5),
}


def mean_output(outputs: NDArray[np.float32], y: NDArray[np.int64]) -> np.float32:
    return np.float32(outputs.mean())


with ProcessPoolExecutor(2) as executor:
    result = fp.sweep(
        (64, 32, 10), X, y, space, samples=9, epochs=9, halving=3, score=mean_output, executor=executor, journal="a"
    )
search = fp.OptunaSearch(optuna.create_study(), at_once=16)
result = fp.sweep((64, 32, 10), X, y, space, samples=9, search=search, epochs=9, halving=fp.Halving(3, min_epochs=1))
pairs = [(np.arange(9), np.arange(9, 18))]
result = fp.sweep((64, 32, 10), X, y, space, samples=9, cv=pairs, epochs=9, halving=fp.MedianStopping(min_epochs=2))
space.pop("batch_size"), space.pop("hidden")
population = fp.PopulationBased(share=0.3, factors=[0.5, 2], epochs=3)
lineage = fp.sweep((64, 32, 10), X, y, space, samples=9, search=population, epochs=9, validation=0.2).lineage(0)
fp.train(network, X, y, epochs=9, optimizer=fp.SGD(lineage.first["learning_rate"]), changes=lineage.changes)
print(result.best["score"], result.table["learning_rate"].max(), result.history.shape, result.top(3), result.rungs)
best = result.best_network
if best is not None:
    assert_type(best, fp.MLP)
ensemble = result.ensemble(4)
assert_type(ensemble, fp.Ensemble)
print(ensemble.predict(X).argmax(), fp.Ensemble([network]).networks, result.to_pandas().score.max())
result.plot("sweep.png", kind="heat_map", hyperparameters=["learning_rate", "momentum"])
result.report("sweep.html")
result.save(Path("sweep.npz"))
assert_type(fp.load_sweep("sweep.npz"), fp.SweepResult)

outputs = network.predict(X)
scores = [fp.metrics.accuracy(outputs, y), fp.metrics.roc_auc(outputs, y), fp.metrics.log_loss(outputs, y)]
scores += [fp.metrics.mse(outputs, outputs), fp.metrics.mae(outputs, outputs), fp.metrics.r2(outputs, outputs)]
scores += [fp.metrics.f1(outputs, y), fp.metrics.matthews(outputs, y), fp.metrics.average_precision(outputs, y)]
print(fp.metrics.Score("cost", fp.metrics.mse, higher_is_better=False).name)

slow = fp.reference.Network.of(network)
record = fp.reference.train(slow, X, y, epochs=1, batch_size=32, loss="mse", optimizer=fp.SGD(0.1))
layers = fp.reference.forward(slow, X)
weights, biases = fp.reference.gradients(slow, X, y, "mse")
print(record.loss, layers[-1][1], weights[0], fp.reference.loss(slow, X, y, fp.Huber(2)), fp.__version__)
print(fp.reference.step(slow, X, y, "mse", fp.SGD(0.1), {}), fp.reference.row_order(9, seed=0, epoch=0))
'''

WRONG = """
import fastprop as fp

X, y = fp.datasets.digits()
network = fp.MLP((64, 32, 10), output="softmax")
fp.trian(network, X, y, epochs=30)
fp.train(network, X, y, epochs="30")
fp.train(network, X, y, epochs=30, loss="cross_entropi")
fp.train_stream(network, [(X, y)], optimizer=fp.LBFGS())
fp.sweep(network, X, y, {"learning_rate": [0.1]}, epochs=3, keep="beste")
fp.StepDecay(3, by="month")
fp.find_learning_rate(network, X, y, least=1e-3)
network.predikt(X)
"""
ERRORS = {
    6: 'Module has no attribute "trian"',
    7: 'Argument "epochs" to "train" has incompatible type "str"; expected "int"',
    8: 'Argument "loss" to "train" has incompatible type "Literal[\'cross_entropi\']"',
    9: 'Argument "optimizer" to "train_stream" has incompatible type "LBFGS"',
    10: 'Argument "keep" to "sweep" has incompatible type "Literal[\'beste\']"',
    11: 'Argument "by" to "StepDecay" has incompatible type "Literal[\'month\']"',
    12: 'Unexpected keyword argument "least" for "find_learning_rate"',
    13: '"MLP" has no attribute "predikt"',
}


README_OPTIONS = """\
# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found, import-untyped"
"""
"""Options for the blocks of the README: their functions have no annotations, and libraries may not be installed."""


@pytest.mark.slow
def test_a_type_checker_passes_over_right_scripts_and_catches_wrong_ones(tmp_path):
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    blocks = [block.code for block in EXAMPLES if block.language == "python"]
    examples = [f"example_{index}.py" for index in range(len(blocks))]
    for name, code in zip(examples, blocks):
        (tmp_path / name).write_text(README_OPTIONS + code)
    command = "mypy", "--strict", "--config-file=", "--hide-error-context", "--python-executable", sys.executable
    checked = subprocess.run(
        [sys.executable, "-m", *command, "right.py", *examples, "wrong.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    lines = [line for line in checked.stdout.splitlines() if ": error: " in line]
    assert [line for line in lines if not line.startswith("wrong.py:")] == [], checked.stdout + checked.stderr
    assert [line.split(":")[1] for line in lines] == [str(line_number) for line_number in ERRORS], (
        checked.stdout + checked.stderr
    )
    for line, message in zip(lines, ERRORS.values()):
        assert message in line


@pytest.mark.parametrize(
    ("literals", "table"),
    [
        (annotations.HiddenActivation, checks.HIDDEN_ACTIVATIONS),
        (annotations.OutputActivation, ACTIVATIONS),
        (annotations.Initialization, INITIALIZATIONS),
        (annotations.LossName, LOSSES),
        (annotations.ScoreName, metrics.SCORES),
        (annotations.NumericEncodingName, NUMERIC_ENCODINGS),
        (annotations.Dtype, checks.DTYPES),
        (annotations.Backend, BACKENDS),
        (annotations.Backend, STREAMS),
        (annotations.PlotKind, plotting.KINDS),
    ],
)
def test_a_type_checker_knows_each_name_of_a_table(literals, table):
    names = [name for each in get_args(literals) for name in (get_args(each) or [each])]
    assert sorted(names) == sorted(table)


def functions(thing):
    """Yield the function itself, or the public functions of a module or class of fastprop."""
    if inspect.isfunction(thing):
        yield thing
    elif inspect.isclass(thing) or inspect.ismodule(thing):
        home = thing.__module__ if inspect.isclass(thing) else thing.__name__
        for name, member in vars(thing).items():
            member = getattr(member, "fget", None) or getattr(member, "__func__", member)
            is_public = name == "__init__" or not name.startswith("_")
            if is_public and getattr(member, "__module__", "").startswith(home):
                yield from functions(member)


@pytest.mark.parametrize("name", fp.__all__)
def test_public_names_are_annotated(name):
    for function in functions(getattr(fp, name)):
        hints = set(function.__annotations__)
        wanted = {each for each in inspect.signature(function).parameters if each not in ("self", "cls")} | {"return"}
        assert hints >= wanted, f"{function.__qualname__} lacks annotations of {wanted - hints}"


@pytest.mark.parametrize("name", [name for name in fp.__all__ if name not in ("OptunaSearch", "SweepResult")])
def test_annotations_can_be_read_at_run_time(name):
    for function in functions(getattr(fp, name)):
        assert get_type_hints(function)


def fits(value, hint):
    """Return whether a value is what an annotation says, with the dtype of an array and the elements of a container."""
    origin, args = get_origin(hint) or hint, get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in args)
    if origin is Literal:
        return value in args
    if not isinstance(value, origin):
        return False
    if origin is np.ndarray:
        (scalar,) = get_args(args[1])
        return scalar is Any or issubclass(value.dtype.type, get_origin(scalar) or scalar)
    if origin is dict:
        return all(fits(key, args[0]) and fits(each, args[1]) for key, each in value.items())
    if origin is tuple and args[1:] != (...,):
        return len(value) == len(args) and all(map(fits, value, args))
    return not args or all(fits(each, args[0]) for each in value)


def assert_fits(value, hint, name):
    assert fits(value, hint), f"{name} is {value!r:.200}, annotated as {hint}"


def assert_attributes_fit(thing):
    kind = type(thing)
    hints = get_type_hints(kind)
    hints |= {
        name: get_type_hints(member.fget)["return"]
        for name, member in vars(kind).items()
        if isinstance(member, property) and not name.startswith("_")
    }
    assert hints
    for name, hint in hints.items():
        assert_fits(getattr(thing, name), hint, f"{kind.__name__}.{name}")


def test_what_fits_an_annotation():
    numbers, integers = np.zeros(2), np.zeros(2, int)
    assert fits(numbers, annotations.FloatArray)
    assert not fits(integers, annotations.FloatArray)
    assert fits({"a": [numbers]}, dict[str, list[annotations.FloatArray]])
    assert not fits({"a": [integers]}, dict[str, list[annotations.FloatArray]])
    assert fits(None, int | None)
    assert not fits("epochs", annotations.ScheduleUnit)
    assert fits((1, "a"), tuple[int, str])
    assert fits((1, 2, 3), tuple[int, ...])
    assert not fits((1, "a"), tuple[int, ...])


def test_attributes_are_what_their_annotations_say():
    X, y = fp.datasets.digits()
    assert_fits((X, y), get_type_hints(fp.datasets.digits)["return"], "digits()")
    network = fp.MLP((64, 8, 10), hidden=["tanh"], output="softmax")
    history = fp.train(network, X, y, epochs=2, validation=0.2, metrics=["accuracy"], standardize=True)
    found = fp.find_learning_rate(network, X, y)
    result = fp.sweep(network, X, y, {"learning_rate": [0.1, 0.5]}, epochs=2, validation=0.2)
    for thing in network, history, found, result, fp.reference.Network.of(network):
        assert_attributes_fit(thing)
    assert_fits(network.predict(X), annotations.FloatArray, "predict()")
