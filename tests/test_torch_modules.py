"""PyTorch's modules are made of networks, and networks of modules; a module that is no network is refused."""

import pickle

import numpy as np
import pytest

import fastprop as fp
from fastprop.reference import ACTIVATIONS
from tests.compare import assert_refused, assert_same_bits
from tests.exchanged import RANDOM, assert_predicts_alike, make_deep_network, make_inputs, make_network

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_pytorch_predicts_alike_with_all_activations(output, dtype):
    torch = pytest.importorskip("torch")
    network = make_deep_network(output, dtype)
    X = make_inputs()
    with torch.no_grad():
        outputs = network.to_torch()(torch.tensor(X))
    assert outputs.dtype == getattr(torch, dtype)
    assert_predicts_alike(outputs.numpy(), network, X, output)


@pytest.mark.parametrize("output", ACTIVATIONS)
@pytest.mark.parametrize("standardized", [False, True])
def test_a_network_comes_back_from_pytorch_the_same(output, standardized, dtype):
    pytest.importorskip("torch")
    network = make_network(dtype, output=output, standardized=standardized)
    for other in (fp.from_torch(network.to_torch()), fp.from_torch(pickle.loads(pickle.dumps(network.to_torch())))):
        assert other.about == network.about
        assert_same_bits(other.state_dict().values(), network.state_dict().values())


def test_a_module_is_a_copy_in_the_dtype_that_it_is_given():
    torch = pytest.importorskip("torch")
    network = make_network("float32")
    before = network.parameters.copy()
    module = network.to_torch().double()
    with torch.no_grad():
        outputs = module(torch.tensor(make_inputs()))
        module[1].weight.zero_()
    assert outputs.dtype == torch.float64
    np.testing.assert_array_equal(network.parameters, before)


def test_to_torch_leaves_the_random_numbers_of_pytorch_alone():
    torch = pytest.importorskip("torch")
    before = torch.get_rng_state()
    make_network().to_torch()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_module_of_pytorch_predicts_and_trains_on():
    torch = pytest.importorskip("torch")
    nn = torch.nn
    first = nn.Sequential(nn.Linear(3, 8), nn.ReLU())
    module = nn.Sequential(first, nn.Linear(8, 6, bias=False), nn.Identity(), nn.Linear(6, 2), nn.Softmax(1))
    network = fp.from_torch(module)
    assert network.activations == ["relu", "identity", "softmax"]
    X = RANDOM.normal(size=(20, 3))
    with torch.no_grad():
        outputs = module(torch.tensor(X, dtype=torch.float32))
    assert_predicts_alike(outputs.numpy(), network, X, "outputs")
    history = fp.train(network, X, np.arange(20) % 2, epochs=2)
    assert np.isfinite(history.loss).all()
    assert fp.MLP.from_torch(nn.Linear(3, 2)).activations == ["identity"]


def test_an_activation_that_a_module_has_twice_counts_twice():
    nn = pytest.importorskip("torch").nn
    activation = nn.Tanh()
    module = nn.Sequential(nn.Linear(3, 4), activation, nn.Linear(4, 4), activation, nn.Linear(4, 2), activation)
    assert fp.from_torch(module).activations == ["tanh", "tanh", "tanh"]


REFUSED_PARTS = {
    "Dropout(p=0.5, inplace=False), the part 1": lambda nn: [nn.Linear(3, 2), nn.Dropout(0.5)],
    "GELU(approximate='none'), the part 1": lambda nn: [nn.Linear(3, 2), nn.GELU()],
    "LeakyReLU(negative_slope=0.2), the part 1": lambda nn: [nn.Linear(3, 2), nn.LeakyReLU(0.2)],
    "Conv1d(1, 1, kernel_size=(1,), stride=(1,)), the part 1": lambda nn: [nn.Linear(3, 2), nn.Conv1d(1, 1, 1)],
    "BatchNorm1d(3, eps=": lambda nn: [nn.BatchNorm1d(3), nn.Linear(3, 2)],
    "ReLU(), the part 2": lambda nn: [nn.Linear(3, 2), nn.Tanh(), nn.ReLU()],
    "hidden must be": lambda nn: [nn.Linear(3, 2), nn.Softmax(1), nn.Linear(2, 2)],
    "the layer 1 takes 3 inputs": lambda nn: [nn.Linear(3, 2), nn.Linear(3, 2)],
    "the module has parameters of float16": lambda nn: [nn.Linear(3, 2).half()],
    "the module is on the device meta": lambda nn: [nn.Linear(3, 2, device="meta")],
    "Sequential() has no Linear layer": lambda nn: [],
}
"""By the words that refuse a module, a function that returns its parts."""


@pytest.mark.parametrize("words", REFUSED_PARTS)
def test_a_module_that_is_no_mlp_is_refused_by_the_part_that_is_none(words):
    nn = pytest.importorskip("torch").nn
    assert_refused(ValueError, words, fp.from_torch, nn.Sequential(*REFUSED_PARTS[words](nn)))


def test_what_is_no_sequential_is_refused():
    nn = pytest.importorskip("torch").nn
    words = "the module must be a torch.nn.Sequential, not "
    assert_refused(TypeError, words + "LSTM", fp.from_torch, nn.LSTM(3, 2))
    assert_refused(TypeError, words + "list", fp.from_torch, [nn.Linear(3, 2)])
