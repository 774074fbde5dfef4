"""The checklists of CONTRIBUTING.md: a made-up one of each thing trains, and an entry that is missing is an error."""

import re
import shutil

import pytest

from tests.processes import ROOT, run_python

CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text()


# ---- a made-up one of each ----

ADDED = {
    "An activation": {
        "fastprop/kernels/activations.py": [
            ("SELU, MISH = range(13)", "SELU, MISH, SOFTSIGN = range(14)"),
            (
                '    "exp": Activation(',
                '    "softsign": Activation(SOFTSIGN, stores_derivative=True),\n    "exp": Activation(',
            ),
            (
                "    if code == IDENTITY:\n        return z\n",
                "    if code == SOFTSIGN:\n        return z / (1 + where_less(z, 0, -z, z))\n"
                "    if code == IDENTITY:\n        return z\n",
            ),
            (
                "    if code == GELU:\n        z = where_less(z, -GELU_LIMIT, -GELU_LIMIT, where_less(GELU_LIMIT",
                "    if code == SOFTSIGN:\n        d = 1 / (1 + where_less(z, 0, -z, z))\n        return d * d\n"
                "    if code == GELU:\n        z = where_less(z, -GELU_LIMIT, -GELU_LIMIT, where_less(GELU_LIMIT",
            ),
        ],
        "fastprop/reference/activations.py": [
            (
                '    "identity": Activation(',
                '    "softsign": Activation(\n'
                "        lambda z: z / (1 + abs(z)), lambda z, g: g / (1 + abs(z)) ** 2\n"
                '    ),\n    "identity": Activation(',
            ),
        ],
        "fastprop/annotations.py": [('"mish", "identity"', '"mish", "softsign", "identity"')],
        "fastprop/integrations/onnx_models.py": [
            ('    "identity": ', '    "softsign": lambda graph, z: graph.add("Softsign", z),\n    "identity": '),
        ],
        "fastprop/integrations/torch_modules.py": [
            ('    "identity": (', '    "softsign": ("Softsign", {}),\n    "identity": ('),
        ],
        "fastprop/c_header.py": [
            ('    "identity": ', '    "softsign": "z / (1 + fabs${s}(z))",\n    "identity": '),
        ],
    },
    "A loss": {
        "fastprop/kernels/losses.py": [
            ("POISSON, PINBALL = range(7)", "POISSON, PINBALL, QUARTIC = range(8)"),
            (
                '    "poisson": Loss(',
                '    "quartic": Loss(QUARTIC, from_logits=False, sums_outputs=False),\n    "poisson": Loss(',
            ),
            (
                "        elif loss == MSE:\n",
                "        elif loss == QUARTIC:\n            total = total + (d * d) * (d * d)\n"
                "            delta = d * d * d * (4 * scale)\n        elif loss == MSE:\n",
            ),
        ],
        "fastprop/reference/losses.py": [
            (
                "def _mae(",
                "def _quartic(z, a, t, back):\n"
                "    return ((a - t) ** 4).mean(axis=1), back(4 * (a - t) ** 3 / t.shape[1])\n\n\ndef _mae(",
            ),
            ('    "poisson": Loss(', '    "quartic": Loss(_quartic),\n    "poisson": Loss('),
        ],
        "fastprop/annotations.py": [('"huber", "pinball"', '"huber", "quartic", "pinball"')],
    },
    "An optimizer": {
        "fastprop/options/optimizers.py": [
            ('"AdamW", "Lion"', '"AdamW", "Damped", "Lion"'),
            (
                '    "nesterov": Hyperparameter(',
                '    "friction": Hyperparameter(_fraction),\n    "nesterov": Hyperparameter(',
            ),
            (
                "Descent: TypeAlias =",
                "@dataclass(frozen=True)\nclass Damped(Optimizer):\n"
                "    learning_rate: float = 0.1\n    friction: float = 0.5\n    weight_decay: float = 0.0\n"
                '    l1: float = 0.0\n\n    rules = ("damped",)\n\n\nDescent: TypeAlias = Damped |',
            ),
        ],
        "fastprop/kernels/update_rules.py": [
            ("ADAGRAD, LION = range(9)", "ADAGRAD, LION, DAMPED = range(10)"),
            (
                '    "lion": UpdateRule(',
                '    "damped": UpdateRule(DAMPED, states=1, per_step=False),\n    "lion": UpdateRule(',
            ),
            ("    smoothing: Vector\n", "    smoothing: Vector\n    friction: Vector\n"),
            (
                "        loaded(hyperparameters, 14, rate, decay),\n",
                "        loaded(hyperparameters, 14, rate, decay),\n"
                "        loaded(hyperparameters, 15, rate, decay),\n",
            ),
            (
                "    if code == LION:\n        return lion(",
                "    if code == DAMPED:\n        return damped(h, w, g, s0, s1)\n"
                "    if code == LION:\n        return lion(",
            ),
            (
                "@inline\ndef lion(",
                "@inline\ndef damped(h, w, g, v, s1):\n    g = with_decay(h, w, g)\n"
                "    v = fma(h.friction, v - g, g)\n    return fma(-h.learning_rate, v, w), v, s1\n\n\n"
                "@inline\ndef lion(",
            ),
        ],
        "fastprop/reference/optimizers.py": [
            (
                "OPTIMIZERS = {",
                "def _damped(optimizer, rate, g, v=0.0):\n"
                "    v = optimizer.friction * v + (1 - optimizer.friction) * g\n"
                '    return rate * v, v\n\n\nOPTIMIZERS = {\n    "Damped": (_decay_in_gradient, _damped),',
            ),
        ],
    },
    "A schedule": {
        "fastprop/options/schedules.py": [
            ('    "StepDecay",\n    "Warmup",', '    "Sawtooth",\n    "StepDecay",\n    "Warmup",'),
            (
                "AfterWarmup: TypeAlias = (\n",
                "@dataclass(frozen=True)\nclass Sawtooth(_Schedule):\n    fall: float = 0.5\n    period: int = 3\n"
                '    by: ScheduleUnit = "step"\n\n\nAfterWarmup: TypeAlias = (\n    Sawtooth |\n',
            ),
        ],
        "fastprop/kernels/schedules.py": [
            ("COSINE_LOG = range(7, 9)", "COSINE_LOG, SAWTOOTH = range(7, 10)"),
            (
                '    "OneCycle": ScheduleRow(',
                '    "Sawtooth": ScheduleRow(SAWTOOTH, ("period", "fall")),\n    "OneCycle": ScheduleRow(',
            ),
            (
                "    if schedule.code == COSINE_DECAY:\n",
                "    if schedule.code == SAWTOOTH:\n        period, fall = int(constants[0]), constants[1]\n"
                "        return 1 - fall * (position % period) / period\n    if schedule.code == COSINE_DECAY:\n",
            ),
        ],
        "fastprop/reference/schedules.py": [
            (
                "SCHEDULES = {",
                "def _sawtooth(schedule, position, total, losses):\n"
                "    return 1 - schedule.fall * (position % schedule.period) / schedule.period\n\n\n"
                'SCHEDULES = {\n    "Sawtooth": _sawtooth,',
            ),
        ],
    },
    "A score": {
        "fastprop/metrics/regression.py": [
            (
                "def mae(",
                "def max_error(outputs, y):\n    outputs, y = arrays.numbers(outputs, y)\n"
                "    return float(np.max(np.abs(outputs - y)))\n\n\ndef mae(",
            ),
        ],
        "fastprop/metrics/scores.py": [
            ("explained_variance, mae,", "explained_variance, mae, max_error,"),
            (
                '        Score("mae", mae,',
                '        Score("max_error", max_error, False, "numbers"),\n        Score("mae", mae,',
            ),
        ],
        "fastprop/metrics/__init__.py": [
            ("explained_variance, mae,", "explained_variance, mae, max_error,"),
            ('    "mae",\n', '    "mae",\n    "max_error",\n'),
        ],
        "fastprop/annotations.py": [('    "mae",\n', '    "mae",\n    "max_error",\n')],
        "fastprop/training.py": [('``"mae"`` and ', '``"mae"``, ``"max_error"`` and ')],
    },
    "A training option": {
        "fastprop/runs/training_options.py": [
            (
                "    shuffle: Annotated[",
                "    speed: Annotated[float, Option(checks.number, column=float)] = 1.0\n    shuffle: Annotated[",
            ),
        ],
        "fastprop/training.py": [
            ("    gradient_norm: bool = False,\n", "    gradient_norm: bool = False,\n    speed: float = 1.0,\n"),
        ],
        "fastprop/sweeping/sweep.py": [
            ("    shuffle: bool = True,\n", "    shuffle: bool = True,\n    speed: float = 1.0,\n"),
        ],
        "fastprop/runs/optimizer_arguments.py": [
            (
                "    by_name = dict(zip(update_rules.GIVEN, given))\n",
                '    by_name = dict(zip(update_rules.GIVEN, given))\n    by_name["learning_rate"] *= options.speed\n',
            ),
        ],
        "fastprop/reference/training.py": [
            (
                "    average: Any = None,\n    early_stopping",
                "    average: Any = None,\n    speed: float = 1.0,\n    early_stopping",
            ),
            (
                "        training_loss, rate, length = descent.go_through(",
                "        factors = [(of_rate * speed, *others) for of_rate, *others in factors]\n"
                "        training_loss, rate, length = descent.go_through(",
            ),
        ],
    },
}
"""By section of CONTRIBUTING.md and by file, pairs of a passage and of what replaces it."""

TRAIN_WITH_EACH = """
import numpy as np, fastprop as fp
from fastprop import reference

random = np.random.default_rng(0)
X, Y = random.normal(size=(50, 4)), random.normal(size=(50, 3))

def outputs(backend, hidden="tanh", **how):
    network = fp.MLP((4, 5, 3), hidden=hidden, output="identity", seed=1, dtype="float64")
    history = fp.train(network, X, Y, epochs=4, batch_size=16, backend=backend, **{"loss": "mse", **how})
    assert history.stopped == "finished", history.stopped
    return network.predict(X)

def table(backend, grid):
    network = fp.MLP((4, 5, 3), output="identity", seed=1, dtype="float64")
    return fp.sweep(network, X, Y, grid, epochs=3, optimizer=fp.Damped(), loss="mse", backend=backend).table["loss"]

plain = outputs("kernels")
for how in (
    {"hidden": "softsign"},
    {"loss": "quartic", "optimizer": fp.SGD(0.01)},
    {"optimizer": fp.Damped(0.2, friction=0.8, weight_decay=0.1)},
    {"schedule": fp.Sawtooth(0.7, 4)},
    {"schedule": fp.Warmup(2, fp.Sawtooth(by="epoch"))},
    {"speed": 0.25},
):
    kernels, reference_outputs = outputs("kernels", **how), outputs("reference", **how)
    assert not np.allclose(kernels, plain, rtol=1e-6), how
    np.testing.assert_allclose(kernels, reference_outputs, rtol=1e-9, atol=1e-12, err_msg=str(how))
grid = {"friction": np.linspace(0, 0.9, 5), "speed": [0.5, 1.0]}
np.testing.assert_allclose(table("kernels", grid), table("reference", grid), rtol=1e-9)
network = fp.MLP((4, 5, 3), output="identity", seed=1, dtype="float64")
history = fp.train(network, X, Y, epochs=4, loss="mse", metrics=["max_error"])
assert np.isclose(history.metrics["max_error"][-1], np.abs(network.predict(X) - Y).max())
rates = {"learning_rate": [1e-6, 0.3]}
result = fp.sweep(network, X, Y, rates, epochs=40, loss="mse", validation=0.3, score="max_error")
assert result.best["learning_rate"] == 0.3
print(fp.__file__)
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, in a folder from which Python imports it."""
    shutil.copytree(ROOT / "fastprop", tmp_path / "fastprop", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def replace(folder, file, old, new):
    """Replace a passage, which the file must have once."""
    text = (folder / file).read_text()
    assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times: bring this test up to date"
    (folder / file).write_text(text.replace(old, new))


def checklists():
    """Return by the title of each checklist in CONTRIBUTING.md the files that it says to change."""
    sections = re.split(r"^### (.*)\n", CONTRIBUTING.split("\n## Adding a pluggable thing\n")[1], flags=re.MULTILINE)
    return {
        title: re.findall(r"^\d+\. `(.*?)`", text, re.MULTILINE) for title, text in zip(sections[1::2], sections[2::2])
    }


def test_the_checklists_name_the_files_that_a_new_one_changes():
    assert {title: set(files) for title, files in checklists().items()} == {
        title: set(files) for title, files in ADDED.items()
    }
    assert len(ADDED["An optimizer"]) <= 3
    assert len(ADDED["A schedule"]) <= 3


@pytest.mark.slow
def test_a_made_up_one_of_each_trains_as_on_the_reference(copy):
    for files in ADDED.values():
        for file, changes in files.items():
            for old, new in changes:
                replace(copy, file, old, new)
    printed = run_python(TRAIN_WITH_EACH, copy, PYTHONPATH=str(copy))
    assert printed.startswith(str(copy))


# ---- entries that are missing ----

REMOVED = [
    ("fastprop/kernels/activations.py", '    "gelu": Activation(GELU, stores_derivative=True),\n', "gelu"),
    ("fastprop/kernels/activations.py", "(SILU, stores_derivative=True)", "stores_derivative"),
    ("fastprop/kernels/activations.py", "(SIGMOID, stores_derivative=False)", "stores_derivative"),
    ("fastprop/kernels/activations.py", "IDENTITY, SIGMOID, SOFTMAX, TANH", "too many values|not enough values"),
    ("fastprop/integrations/onnx_models.py", '    "softplus": _softplus,\n', "softplus"),
    ("fastprop/integrations/torch_modules.py", '    "silu": ("SiLU", {}),\n', "silu"),
    ("fastprop/c_header.py", '    "relu": "z < 0 ? 0 : z",\n', "relu"),
    ("fastprop/kernels/losses.py", '    "huber": Loss(HUBER, from_logits=False, sums_outputs=False),\n', "huber"),
    ("fastprop/kernels/losses.py", "CROSS_ENTROPY, from_logits=True, sums_outputs=True", "missing"),
    ("fastprop/kernels/update_rules.py", '    "adam": UpdateRule(ADAM, states=2, per_step=True),\n', "adam"),
    ("fastprop/kernels/update_rules.py", '"adam": UpdateRule(ADAM, states=2, per_step=True)', "per_step"),
    ("fastprop/kernels/update_rules.py", '"lion": UpdateRule(LION, states=1, per_step=False)', "states"),
    ("fastprop/kernels/update_rules.py", "    epsilon: Vector\n", "epsilon"),
    ("fastprop/kernels/optimizers.py", ', "ClipNorm": BY_NORM', "ClipNorm"),
    (
        "fastprop/kernels/schedules.py",
        '    "OneCycle": ScheduleRow(ONE_CYCLE, ("start", "final", "rise")),\n',
        "OneCycle",
    ),
    ("fastprop/kernels/schedules.py", ', "threshold"', "threshold"),
    (
        "fastprop/reference/activations.py",
        '    "tanh": Activation(np.tanh, _by(_tanh_derivative), minimum=-1.0, maximum=1.0),\n',
        "tanh",
    ),
    ("fastprop/reference/activations.py", ", _by(_sigmoid_derivative)", "gradient"),
    ("fastprop/reference/losses.py", '    "mae": Loss(_mae),\n', "mae"),
    ("fastprop/reference/losses.py", 'output="exp"', "poisson"),
    ("fastprop/reference/optimizers.py", '    "Lion": (_decoupled_decay, _lion),\n', "Lion"),
    ("fastprop/reference/schedules.py", '    "CosineDecay": _cosine_decay,\n', "CosineDecay"),
    ("fastprop/reference/optimizers.py", '"ClipNorm": _clip_norm, ', "ClipNorm"),
    ("fastprop/options/optimizers.py", '    "beta2": Hyperparameter(_fraction),\n', "beta2"),
    ("fastprop/options/optimizers.py", '    rules = ("lion",)\n', "lion"),
    ("fastprop/options/schedules.py", " | InverseScaling", "InverseScaling"),
]
SHORTENED = {  # where the entry is removed from within a row
    "(SILU, stores_derivative=True)": "(SILU)",
    "(SIGMOID, stores_derivative=False)": "(SIGMOID)",
    "IDENTITY, SIGMOID, SOFTMAX, TANH": "IDENTITY, SIGMOID, TANH",
    "CROSS_ENTROPY, from_logits=True, sums_outputs=True": "CROSS_ENTROPY, from_logits=True",
    '"adam": UpdateRule(ADAM, states=2, per_step=True)': '"adam": UpdateRule(ADAM, states=2)',
    '"lion": UpdateRule(LION, states=1, per_step=False)': '"lion": UpdateRule(LION, per_step=False)',
}


@pytest.mark.slow
@pytest.mark.parametrize(("file", "entry", "named"), REMOVED)
def test_an_entry_that_is_missing_is_an_error_at_import(copy, file, entry, named):
    replace(copy, file, entry, SHORTENED.get(entry, ""))
    with pytest.raises(RuntimeError, match=rf"Error: .*({named})"):
        run_python("import fastprop.training", copy, PYTHONPATH=str(copy))
