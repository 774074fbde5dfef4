"""``precision="bfloat16"``: rounding, the passes of a layer to the bit, whole trainings, and what users can ask for.

Rounding has a twin in NumPy here. The passes are compared with `reference.bfloat16.product`, which adds up pairs of
exact products in float32 one by one, and trainings with `backend="reference"`.
"""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import fastprop as fp
from fastprop import cli
from fastprop.kernels import bfloat16, compiler, dense, layout, load_store, rounded_dense
from fastprop.kernels.threads import flush_denormals, restore
from fastprop.reference import rounded_layers
from fastprop.reference.bfloat16 import product, round_to_bfloat16
from tests.compare import assert_close, digest, tolerance
from tests.kernel_arguments import trainings
from tests.parts import compiled
from tests.processes import run_python

NUMBERS = np.array(
    [
        *(0.0, -0.0, 1.0, 1.00390625, 1.01171875, -1.00390625, 1.0039064, 3.39e38, -3.4e38, np.inf, -np.inf, 1.2e-38),
        *(1e-39, -1e-45, 1.1754942e-38, 1.1754944e-38, 0.1, -2 / 3, 255.5, 256.5, 1e30, np.pi),
    ],
    np.float32,
)
"""Numbers whose rounding is special: halves between two bfloat16, too large ones, and those that are not normal."""


def rounded_by_fractions(x):
    """Round numbers of float32 to 8 binary digits by `numpy.frexp`, halves to the even one."""
    with np.errstate(invalid="ignore"):
        x = np.where(np.abs(x) < 2.0**-126, x * np.float32(0), x).astype(np.float64)
    fractions, exponents = np.frexp(x)
    nearest = np.ldexp(np.round(fractions * 256) / 256, exponents)
    return np.where(np.abs(nearest) >= 2.0**128, np.copysign(np.inf, x), nearest)


def numbers(count):
    random = np.random.default_rng(0)
    return np.append(NUMBERS, (random.normal(size=count) * 10.0 ** random.integers(-30, 30, count)).astype(np.float32))


# ---- rounding ----


@compiled
def store_all(rows, pairs):
    # pairs (2, 2 n) ← rows (2, n): pairs of neighbors, and of the rows
    count = rows.shape[1]
    for i in range(0, count, load_store.lanes(pairs)):
        first, second = load_store.load(rows[0], i), load_store.load(rows[1], i)
        bfloat16.store_rounded(pairs[0], 0, i, first)
        bfloat16.store_pairs(pairs[1], i, count, first, second)


def stored(rows):
    """Return what the kernels store of rows (2, n): the first row, and both, as (n,) and (n, 2) float32."""
    count = rows.shape[1]
    pairs = np.zeros((2, 2 * count), np.float32)
    store_all(rows, pairs)
    if bfloat16.PAIR == 2:
        return pairs[0, :count].reshape(-1, 2)[:, ::-1].reshape(-1), pairs[1].reshape(2, count)[::-1].T
    neighbors, of_rows = pairs[0].view(np.uint16)[:count], pairs[1].view(np.uint16)[: 2 * count].reshape(-1, 2)
    return [(halves.astype(np.uint32) << 16).view(np.float32) for halves in (neighbors, of_rows)]


def test_rounding():
    rows = numbers(1002)[: 2 * 16 * 32].reshape(2, -1)
    wanted = rounded_by_fractions(rows)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(round_to_bfloat16(rows), wanted)
    neighbors, pairs = stored(rows)
    np.testing.assert_array_equal(neighbors, wanted[0])
    np.testing.assert_array_equal(pairs, wanted.T)
    assert (np.signbit(neighbors) == np.signbit(wanted[0])).all()


def test_what_is_no_number_stays_none():
    bits = np.array([0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF] * 8, np.uint32)
    rows = np.stack([bits.view(np.float32)] * 2)
    assert np.isnan(round_to_bfloat16(rows)).all()
    assert all(np.isnan(each).all() for each in stored(rows))


# ---- the passes of a layer ----

passes = pytest.mark.slow  # each process compiles `run_pass` anew
FORWARD, BACKWARD, GRADIENT = range(3)

CASES = {
    "even": ((3, 64, 128, 2), 32),
    "odd": ((3, 67, 65, 2), 35),
    "several blocks, strips and depths": ((3, 170, 330, 2), 301),
    "an odd number of rows": ((3, 129, 130, 2), 501),
    "one row": ((3, 65, 66, 2), 1),
    "the last": ((3, 70, 81), 50),
    "segments": ((3, 65, 66, 2), 301),
}
"""Layer sizes, of which the second layer of weights is tested, and rows."""


@compiled
def run_pass(which, network, optimizer, plan, memory, member, target):
    rows, state = plan.strategy.chunk_rows, flush_denormals()  # as in every training
    if which == FORWARD:
        rounded_dense.forward(network, plan, memory, member.dropout, 1, 0, rows, True)
    elif which == BACKWARD:
        rounded_dense.backward(network, plan, memory, member.dropout, 1, 0, rows)
    else:
        rounded_dense.gradient(network, optimizer, plan, memory, member, 1, rows, target)
    restore(state)


class Problem:
    """The second layer of weights with random inputs, parameters and deltas; hidden layers are linear."""

    def __init__(self, name, members=1):
        self.sizes, rows = CASES[name]
        options = {"hidden": "identity", "precision": "bfloat16", "members": members, "keeps_gradient": True}
        self.trainings = trainings(self.sizes, rows, "float32", **options)
        first = self.trainings[0]
        self.plan, self.memory, self.parameters = first.plan, first.memory, first.network.parameters
        self.rows = self.plan.strategy.chunk_rows
        random = np.random.default_rng(1)
        self.w = layout.layers(self.parameters, self.sizes)[1][..., 0]
        self.w[...] = random.normal(size=self.w.shape)
        work = self.plan.workspace
        self.x = self.matrix(work.activations[1], 1, self.plan.sizes.line)
        self.x[...] = random.normal(size=self.x.shape)
        self.matrix(work.activations[1], 1, self.plan.sizes.line, padding=True)[...] = np.nan  # it may hold anything
        self.d = self.matrix(work.deltas[2], 2)
        self.d[...] = random.normal(size=self.d.shape)

    def matrix(self, offset, layer, front=0, padding=False):
        """A view of a layer's neurons in the workspace, (rows, neurons), or of the `padding` behind them."""
        stride = self.plan.sizes.strides[layer] + front
        whole = self.memory[offset:][: self.rows * stride].reshape(self.rows, stride)
        return whole[:, self.sizes[layer] : stride - front] if padding else whole[:, : self.sizes[layer]]

    def run(self, which, target=dense.Target(dense.BLOCK_ONLY, False, False), position=0):  # noqa: B008
        its = self.trainings[position]
        run_pass(which, its.network, its.optimizer, its.plan, self.memory, its.member, target)

    def outputs(self):
        if len(self.sizes) > 3:
            return self.matrix(self.plan.workspace.activations[2], 2, self.plan.sizes.line)
        lanes, stride = compiler.lanes("float32"), self.plan.sizes.strides[-1]
        groups = -(-self.rows // lanes)
        outputs = self.memory[self.plan.workspace.outputs :][: groups * lanes * stride].reshape(groups, stride, lanes)
        return outputs.swapaxes(1, 2).reshape(-1, stride)[: self.rows, : self.sizes[-1]]

    def gradient(self):
        """The layer's gradient in the workspace, (1 + inputs, outputs)."""
        whole = self.memory[self.plan.workspace.gradients :][: len(self.parameters)]
        return layout.layers(whole, self.sizes)[1][..., 0]


@pytest.fixture(params=CASES)
def name(request):
    return request.param


@passes
def test_forward_is_the_reference_to_the_bit(name):
    problem = Problem(name)
    problem.run(FORWARD)
    np.testing.assert_array_equal(problem.outputs(), product(problem.x, problem.w[1:], problem.w[0]))


@passes
def test_backward_is_the_reference_to_the_bit(name):
    problem = Problem(name)
    problem.run(BACKWARD)
    found = problem.matrix(problem.plan.workspace.deltas[1], 1)
    np.testing.assert_array_equal(found, product(problem.d, problem.w[1:].T))


@passes
@pytest.mark.parametrize("members", [1, 3, 16])
def test_the_gradient_is_the_reference_to_the_bit(name, members):
    problem = Problem(name, members)
    if problem.plan.strategy.name == layout.SEGMENTED:
        members = 1  # each has the whole gradient of its own segments
    target = dense.Target(int(problem.plan.workspace.gradients), False, False)
    problem.gradient()[...] = 7  # to be overwritten
    for position in range(members):
        problem.run(GRADIENT, target, position)
    np.testing.assert_array_equal(problem.gradient()[1:], product(problem.x.T, problem.d))
    np.testing.assert_array_equal(problem.gradient()[0], np.add.accumulate(problem.d)[-1])  # row by row, in float32
    for position in range(members):
        problem.run(GRADIENT, target._replace(accumulate=True), position)
    again = product(problem.x.T, problem.d, product(problem.x.T, problem.d))
    np.testing.assert_array_equal(problem.gradient()[1:], again)
    twice = np.add.accumulate(np.concatenate([problem.d, problem.d]))[-1]
    np.testing.assert_array_equal(problem.gradient()[0], twice)


def test_only_wide_layers_are_rounded():
    assert rounded_layers((784, 64, 63, 64, 64), "bfloat16") == (True, False, False, True)
    assert rounded_layers((784, 64, 64), None) == (False, False)
    small, plain = (trained((63, 63, 3), precision=each)[0] for each in ("bfloat16", None))
    np.testing.assert_array_equal(small, plain)


# ---- trainings ----

SIZES = 65, 96, 67, 3


def task(sizes, rows=211):
    random = np.random.default_rng(0)
    return random.normal(size=(rows, sizes[0])).astype(np.float32), random.integers(0, sizes[-1], rows)


def trained(sizes=SIZES, **options):
    """Return the trained parameters and losses of a network."""
    X, y = task(sizes)
    network = fp.MLP(sizes, hidden="tanh", output="softmax", seed=0)
    options = {"epochs": 3, "batch_size": 50, "precision": "bfloat16", "validation": 0.2} | options
    history = fp.train(network, X, y, **options)
    return network.flat_parameters, history.loss, history.validation_loss


OPTIONS = {
    "plain": {},
    "dropout and Adam": {"dropout": 0.3, "optimizer": fp.Adam(0.001)},
    "clipped": {"clip": fp.ClipNorm(0.5), "gradient_norm": True, "batch_size": 33},
    "weighted": {"sample_weight": np.random.default_rng(3).uniform(0, 2, 211), "average": fp.EMA(0.9)},
    "of small layers in segments": {"sizes": (64, 70, 64, 3), "batch_size": 169},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_training_is_that_of_the_reference(options):
    """It is much nearer to it than to one of float32; a last bit may change how a number is rounded."""
    options = options | {"epochs": 1}
    found, wanted = trained(**options), trained(**options, backend="reference")
    of_float32 = trained(**options, precision=None)
    for ours, theirs, plain in zip(found, wanted, of_float32):
        assert np.abs(ours - theirs).max() < np.abs(ours - plain).max() / 8


SHARED = {"fused": {}, "chunked": {"clip": fp.ClipNorm(1)}, "segmented": {"sizes": (64, 70, 64, 3), "batch_size": 169}}


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("options", SHARED.values(), ids=SHARED)
def test_threads_change_no_bit(options):
    digests = {digest(*trained(**options, epochs=2, threads=threads)) for threads in (1, 2, 16)}
    assert len(digests) == 1


def test_the_validation_loss_is_that_of_the_predictions():
    X, y = task(SIZES)
    network = fp.MLP(SIZES, output="softmax", seed=0)
    history = fp.train(network, X, y, epochs=2, precision="bfloat16", validation=(X, y))
    outputs = network.predict(X)
    measured = -np.log(outputs[np.arange(len(y)), y]).mean()
    assert_close(history.validation_loss[-1], measured, tolerance("float32", 16), "validation loss")


def test_a_resumed_training_has_the_bits_of_an_unbroken_one(tmp_path):
    file = tmp_path / "run.checkpoint"
    network, (X, y) = fp.MLP(SIZES, output="softmax", seed=0), task(SIZES)
    unbroken = network.copy()
    fp.train(unbroken, X, y, epochs=4, precision="bfloat16")
    fp.train(network, X, y, epochs=2, precision="bfloat16", checkpoint=file)
    with pytest.raises(ValueError, match="whose precision is bfloat16 and not None"):
        fp.train(network, X, y, epochs=4, checkpoint=file, resume=True)
    fp.train(network, X, y, epochs=4, precision="bfloat16", checkpoint=file, resume=True)
    np.testing.assert_array_equal(network.parameters, unbroken.parameters)


def test_a_stream_is_an_epoch():
    X, y = task(SIZES, 200)
    network, stream = (fp.MLP(SIZES, output="softmax", seed=0) for _ in range(2))
    options = {"batch_size": 50, "precision": "bfloat16", "shuffle": False}
    fp.train(network, X, y, epochs=1, **options)
    fp.train_stream(stream, [(X[:100], y[:100]), (X[100:], y[100:])], **options)
    np.testing.assert_array_equal(network.parameters, stream.parameters)


def test_a_sweep_trains_each_as_alone():
    X, y = task(SIZES)
    grid = {"precision": [None, "bfloat16"], "learning_rate": [0.01, 0.1], "layer_sizes": [SIZES, (65, 8, 3)]}
    options = {"epochs": 2, "loss": "cross_entropy"}
    result = fp.sweep(fp.MLP(SIZES, output="softmax", seed=0), X, y, grid, keep="all", halving=2, **options)
    assert {bool(result.table["precision"][index]) for index in result.networks} == {False, True}
    for index, network in result.networks.items():
        row = result.table[index]
        alone = fp.MLP(row["layer_sizes"], output="softmax", seed=0)
        optimizer = fp.SGD(row["learning_rate"])
        fp.train(alone, X, y, precision=row["precision"], optimizer=optimizer, **options | {"epochs": row["epochs"]})
        np.testing.assert_array_equal(alone.flat_parameters, network.flat_parameters)


def test_the_command_line_has_it(tmp_path):
    file = tmp_path / "network.safetensors"
    arguments = ["train", "digits", "--hidden", "64", "--epochs", "1", "--precision", "bfloat16", "--save", str(file)]
    assert cli.main(arguments) == 0
    assert fp.load(file).training["precision"] == "bfloat16"


def test_estimators_have_it():
    X, y = task((70, 3), 90)
    for batch_size, solver in ((32, "adamw"), (90, "sgd")):
        given = {"batch_size": batch_size, "solver": solver, "hidden_layer_sizes": 64, "max_iter": 2, "random_state": 0}
        rounded, plain = (fp.MLPClassifier(precision=each, **given).fit(X, y) for each in ("bfloat16", None))
        assert rounded.network_.training["precision"] == "bfloat16"
        assert rounded.network_.dtype == "float32"
        assert not np.array_equal(rounded.network_.weights[0], plain.network_.weights[0])
        rounded.partial_fit(X, y)
    with pytest.raises(ValueError, match="The 'precision' parameter of MLPRegressor must be"):
        fp.MLPRegressor(precision="float16").fit(X, y)


def test_a_sweep_of_estimators_has_the_scores_of_each():
    X, y = task((70, 3), 90)
    classifier = fp.MLPClassifier(hidden_layer_sizes=64, max_iter=2, random_state=0)
    given = classifier, {"precision": [None, "bfloat16"]}
    options = {"cv": 2, "scoring": "neg_log_loss", "refit": False}
    found, wanted = (each(*given, **options).fit(X, y).cv_results_ for each in (fp.SweepCV, GridSearchCV))
    np.testing.assert_array_equal(found["mean_test_score"], wanted["mean_test_score"])
    assert len(set(found["mean_test_score"])) == 2


FIND_DIGEST = "from tests import test_bfloat16; test_bfloat16.print_digest()"

NARROWER = {
    "scalar": {"FASTPROP_LANES": "1"},
    "128 bits": {"FASTPROP_LANES": "4"},
    "256 bits": {"FASTPROP_LANES": "8"},
    "without AVX512_BF16": {"NUMBA_CPU_NAME": "x86-64-v4", "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx512f,+avx512vl"},
}


def tiny_outputs():
    """Return the outputs of a layer some of whose products, sums and biases are too small to be normal numbers."""
    problem = Problem("odd")
    for array, scale in ((problem.x, 1e-19), (problem.w[1:], 1e-18), (problem.w[0], 1e-37)):
        array *= np.float32(scale)
    problem.run(FORWARD)
    return problem.outputs()


def print_digest():
    """What each of the processes below prints."""
    odd = trained((130, 128, 3), batch_size=169)  # one chunk of more rows than there are neurons
    print(digest(*trained(epochs=2, dropout=0.2), *trained((64, 70, 64, 3), batch_size=169), *odd, tiny_outputs()))


@pytest.mark.slow
@pytest.mark.parametrize("environment", NARROWER.values(), ids=NARROWER)
def test_vectors_and_instructions_change_no_bit(environment):
    if "NUMBA_CPU_NAME" in environment and (not compiler.IS_X86 or compiler.LANES < 16):
        pytest.skip("it needs AVX-512")
    assert run_python(FIND_DIGEST, **environment) == run_python(FIND_DIGEST)


# ---- what is refused ----


def test_a_network_of_float64_is_refused():
    X, y = task(SIZES)
    network = fp.MLP(SIZES, output="softmax", dtype="float64")
    message = "precision='bfloat16' is for a network of float32, not of float64: leave precision out, or make"
    for call in (
        lambda: fp.train(network, X, y, epochs=1, precision="bfloat16"),
        lambda: fp.train_stream(network, [(X, y)], precision="bfloat16"),
        lambda: fp.sweep(network, X, y, {"precision": ["bfloat16"]}, epochs=1),
        lambda: fp.find_learning_rate(network, X, y, precision="bfloat16"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_float32_is_the_precision_that_networks_of_it_have_anyway():
    named, plain = (trained(epochs=2, batch_size=50, precision=each)[0] for each in ("float32", None))
    np.testing.assert_array_equal(named, plain)


def test_other_precisions_are_refused():
    with pytest.raises(
        ValueError, match="precision must be one of float32, bfloat16, not 'float16': choose one of these"
    ):
        trained(precision="float16")
    with pytest.raises(ValueError, match=r"LBFGS takes all rows .* not precision='bfloat16': leave precision out"):
        trained(optimizer=fp.LBFGS(), batch_size=32)
