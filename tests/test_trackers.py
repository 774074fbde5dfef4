"""The callbacks of the README send what is measured to TensorBoard, MLflow and Weights & Biases."""

import numpy as np
import pytest

import fastprop as fp
from tests.compare import assert_close
from tests.test_readme import EXAMPLES

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def recipes():
    """The functions of the README that send what is measured to trackers, by name."""
    (code,) = (block.code for block in EXAMPLES if "def to_tensorboard" in block.code)
    names = {}
    exec(code.partition("\nX, y = ")[0], names)
    return names


def train_watched(callback):
    """Train a network with a callback; return what the history has of each tracked array, by name."""
    X, y = RANDOM.random((60, 3)), np.arange(60) % 3
    network = fp.MLP((3, 4, 3), output="softmax", seed=0)
    history = fp.train(network, X, y, epochs=3, validation=0.2, metrics=["accuracy"], callback=callback)
    assert history.stopped == "finished"
    tracked = ("loss", "validation_loss", "learning_rate")
    return {name: getattr(history, name) for name in tracked} | {"accuracy": history.metrics["accuracy"]}


def test_tensorboard_has_the_history(recipes, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    history = train_watched(recipes["to_tensorboard"](str(tmp_path)))
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert set(events.Tags()["tensors"]) == set(history)
    for name, values in history.items():
        logged = events.Tensors(name)
        assert [event.step for event in logged] == [0, 1, 2]
        assert_close([event.tensor_proto.float_val[0] for event in logged], values, 1e-7, name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # MLflow's own, of its database
def test_mlflow_has_the_history(recipes, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    with mlflow.start_run() as run:
        history = train_watched(recipes["to_mlflow"])
    for name, values in history.items():
        logged = mlflow.MlflowClient().get_metric_history(run.info.run_id, name)
        assert [metric.step for metric in logged] == [0, 1, 2]
        assert_close([metric.value for metric in logged], values, 1e-12, name)


def test_weights_and_biases_is_told_the_history_by_its_interface(recipes):
    logged = []
    run = type("Run", (), {"log": lambda _, values, step: logged.append((step, values))})()
    history = train_watched(recipes["to_wandb"](run))
    assert [step for step, _ in logged] == [0, 1, 2]
    for name, values in history.items():
        assert_close([each[name] for _, each in logged], values, 1e-12, name)


def test_what_was_not_measured_is_not_sent(recipes):
    history = fp.History(np.ones(1), np.full(1, np.nan), np.full(1, np.nan), np.full(1, np.nan), epochs=1)
    assert recipes["measured"](history) == {"loss": 1.0}
