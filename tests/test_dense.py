"""The passes of one layer are compared with NumPy: for networks and packs, narrow last layers, and shared rows."""

from typing import NamedTuple

import numpy as np
import pytest

from fastprop.kernels import compiler, dense, layout
from fastprop.reference import ACTIVATIONS
from tests.compare import assert_close, tolerance
from tests.kernel_arguments import trainings
from tests.marks import compiled_dtype
from tests.parts import compiled

pytestmark = pytest.mark.slow  # each process compiles `run_pass` anew; the fast subset has the layers within training
dtype = compiled_dtype

FORWARD, BACKWARD, GRADIENT = range(3)


@compiled
def run_pass(which, network, optimizer, plan, memory, member, layer, target):
    rows = plan.strategy.chunk_rows
    if which == FORWARD:
        dense.forward(network, plan, memory, member.dropout, layer, 0, rows)
    elif which == BACKWARD:
        dense.backward(network, plan, memory, member.dropout, layer, 0, rows)
    else:
        dense.gradient(network, optimizer, plan, memory, member, layer, rows, target)


class Case(NamedTuple):
    """A layer of a network, or of a pack."""

    sizes: tuple
    layer: int
    rows: int
    pack: bool = False
    shares_rows: bool = False


CASES = {
    "between others": Case((3, 20, 17, 4), 1, 50),
    "the last": Case((3, 20, 17), 1, 50),
    "narrow": Case((3, 40, 1), 1, 71),
    "two narrow outputs, many inputs": Case((3, 150, 2), 1, 100),
    "several blocks and strips": Case((3, 70, 150, 2), 1, 120),
    "strips in the panel": Case((2, 30, 600, 2), 1, 140),
    "transposed inputs": Case((2, 270, 70, 2), 1, 300),
    "of a pack": Case((3, 20, 17, 4), 1, 20, pack=True),
    "the last of a pack": Case((3, 7, 2), 1, 20, pack=True),
    "of a pack, rows shared": Case((9, 5, 2), 0, 33, pack=True, shares_rows=True),
    "of a pack, rows of each network": Case((9, 5, 2), 0, 33, pack=True),
}


class Problem:
    """One layer with random inputs, parameters and deltas, laid out for the kernels."""

    def __init__(self, case, dtype, members=1):
        self.case, self.dtype = case, np.dtype(dtype)
        self.width = compiler.lanes(dtype) if case.pack else 1
        self.trainings = trainings(
            case.sizes,
            case.rows,
            dtype,
            output="sigmoid",
            pack=case.pack,
            shares_rows=case.shares_rows,
            members=members,
            keeps_gradient=True,
        )
        first = self.trainings[0]
        self.plan, self.rows, self.memory = first.plan, first.plan.strategy.chunk_rows, first.memory
        self.parameters = first.network.parameters
        self.parameters[...] = 0
        self.inputs, self.outputs = case.sizes[case.layer], case.sizes[case.layer + 1]
        random = np.random.default_rng(0)
        layers = layout.layers(self.parameters, case.sizes, self.width)
        layers[case.layer][...] = random.normal(size=layers[case.layer].shape) / np.sqrt(self.inputs)
        self.w = layers[case.layer]
        x_width = 1 if case.shares_rows and case.layer == 0 else self.width
        front = self.plan.sizes.line
        self.x = self.matrix(self.plan.workspace.activations[case.layer], case.layer, x_width, front)
        self.x[...] = random.random(self.x.shape)
        self.d = self.matrix(self.plan.workspace.deltas[case.layer + 1], case.layer + 1, self.width)
        self.d[...] = random.uniform(-1, 1, self.d.shape)

    def matrix(self, offset, layer, width, front=0):
        """A view of a layer's neurons in the workspace, (rows, neurons, width)."""
        stride = self.plan.sizes.strides[layer] + front
        rows = self.memory[offset:][: self.rows * stride].reshape(self.rows, stride)
        return rows[:, : self.case.sizes[layer] * width].reshape(self.rows, -1, width)

    def run(self, which, target=dense.Target(dense.BLOCK_ONLY, False, False), position=0):  # noqa: B008
        its = self.trainings[position]
        run_pass(which, its.network, its.optimizer, its.plan, self.memory, its.member, self.case.layer, target)

    def result(self):
        """The layer's outputs, (rows, outputs, width)."""
        if self.case.layer + 2 < len(self.case.sizes):
            offset = self.plan.workspace.activations[self.case.layer + 1]
            return self.matrix(offset, self.case.layer + 1, self.width, self.plan.sizes.line)
        lanes, stride = compiler.lanes(self.dtype) // self.width, self.plan.sizes.strides[-1]
        groups = -(-self.rows // lanes)
        outputs = self.memory[self.plan.workspace.outputs :][: groups * lanes * stride].reshape(groups, stride, lanes)
        rows = outputs.swapaxes(1, 2).reshape(-1, stride)[: self.rows]
        return rows[:, : self.outputs * self.width].reshape(self.rows, -1, self.width)

    def gradient(self):
        """The layer's gradient in the workspace, (1 + inputs, outputs, width)."""
        whole = self.memory[self.plan.workspace.gradients :][: len(self.parameters)]
        return layout.layers(whole, self.case.sizes, self.width)[self.case.layer]

    def expected_gradient(self):
        ones = np.ones((self.rows, 1, self.width))
        x = np.concatenate([ones, np.broadcast_to(self.x, (*self.x.shape[:2], self.width))], axis=1)
        return np.einsum("biv,bov->iov", x, self.d.astype(np.float64))

    def limit(self, length):
        return tolerance(self.dtype, 16 * length)  # some roundings for each term, also of sums larger than their result


@pytest.fixture(
    params=[pytest.param(case, marks=[pytest.mark.slow] * case.pack, id=name) for name, case in CASES.items()]
)
def case(request):
    if request.param.pack and compiler.LANES == 1:
        pytest.skip("a pack needs lanes")
    return request.param


def test_forward(case, dtype):
    problem = Problem(case, dtype)
    problem.run(FORWARD)
    x = np.broadcast_to(problem.x, (*problem.x.shape[:2], problem.width)).astype(np.float64)
    expected = problem.w[0] + np.einsum("biv,iov->bov", x, problem.w[1:].astype(np.float64))
    if case.layer + 2 < len(case.sizes):  # the last layer's activation waits for the loss
        expected = ACTIVATIONS["sigmoid"].f(expected)
    assert_close(problem.result(), expected, problem.limit(problem.inputs), "y")


def test_backward(case, dtype):
    if case.layer == 0:
        pytest.skip("the first layer sends no deltas back")
    problem = Problem(case, dtype)
    problem.run(BACKWARD)
    x = problem.x.astype(np.float64)
    expected = np.einsum("bov,iov->biv", problem.d.astype(np.float64), problem.w[1:]) * x * (1 - x)
    found = problem.matrix(problem.plan.workspace.deltas[case.layer], case.layer, problem.width)
    assert_close(found, expected, problem.limit(problem.outputs), "dx")


def test_the_gradient_is_added_to_what_stands_there(case, dtype):
    problem = Problem(case, dtype)
    target = dense.Target(int(problem.plan.workspace.gradients), False, False)
    problem.gradient()[...] = 7  # to be overwritten
    problem.run(GRADIENT, target)
    expected = problem.expected_gradient()
    assert_close(problem.gradient(), expected, problem.limit(problem.rows), "g")
    problem.run(GRADIENT, target._replace(accumulate=True))
    assert_close(problem.gradient(), 2 * expected, problem.limit(problem.rows), "twice g")


def test_each_block_of_the_gradient_updates_its_parameters(case, dtype):
    problem = Problem(case, dtype)
    before = problem.w.astype(np.float64)
    problem.run(GRADIENT, dense.Target(dense.BLOCK_ONLY, False, True))
    assert_close(before - problem.w, problem.expected_gradient(), problem.limit(problem.rows), "w - w'")
    others = [
        array for i, array in enumerate(layout.layers(problem.parameters, case.sizes, problem.width)) if i != case.layer
    ]
    assert not any(array.any() for array in others)


@pytest.mark.parametrize("name", ["strips in the panel", "transposed inputs"])
def test_members_share_the_rows_of_a_gradient(name, dtype):
    """Of a layer whose network is not cut into segments."""
    problem = Problem(CASES[name], dtype, members=3)
    assert problem.plan.strategy.name == layout.CHUNKED
    target = dense.Target(int(problem.plan.workspace.gradients), False, False)
    found = np.zeros_like(problem.gradient())
    for position in range(3):
        problem.gradient()[...] = 0
        problem.run(GRADIENT, target, position)
        assert problem.gradient().any()
        found += problem.gradient()
    assert_close(found, problem.expected_gradient(), problem.limit(problem.rows), "g")
