"""Networks leave for files and other libraries, and come back; what was damaged on the way is refused."""

import ctypes
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

import fastprop as fp
from fastprop.integrations import onnx_models, torch_modules
from fastprop.reference import ACTIVATIONS
from tests.compare import assert_refused, assert_same_bits
from tests.exchanged import RANDOM, assert_predicts_alike, make_deep_network, make_inputs, make_network

# ---- plain mappings ----


@pytest.mark.parametrize("standardized", [False, True])
def test_a_state_makes_another_network_the_same(standardized, dtype):
    network = make_network(dtype, standardized=standardized)
    other = make_network(dtype, standardized=not standardized, seed=4)
    other.load_state_dict(network.state_dict())
    assert_same_bits(other.state_dict().values(), network.state_dict().values())
    assert (other.input_mean is not None) == standardized
    np.testing.assert_array_equal(other.predict([[90, -3, 1]]), network.predict([[90, -3, 1]]))


def test_a_state_is_a_copy():
    network = make_network()
    before = network.parameters.copy()
    for array in network.state_dict().values():
        array[...] = 7
    np.testing.assert_array_equal(network.parameters, before)
    assert network.input_mean[0] == 100


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"biases.1": None}, ValueError, "the state lacks 'biases.1', which has shape (4,)"),
        ({"weights.3": np.ones((2, 2))}, ValueError, "the state has 'weights.3', which the network has not"),
        ({"weights.0": np.ones((1, 5))}, ValueError, "weights.0 has shape (1, 5), not (3, 5)"),
        ({"weights.0": np.full((3, 5), "a")}, TypeError, "weights.0 must hold numbers"),
        ({"input_mean": None}, ValueError, "the state lacks 'input_mean'"),
        ({"input_scale": np.zeros(3)}, ValueError, "input_scale holds numbers that are not positive"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change, error, words):
    network = make_network()
    before = network.state_dict()
    state = {name: array for name, array in (before | change).items() if array is not None}
    assert_refused(error, words, network.load_state_dict, state)
    assert_same_bits(network.state_dict().values(), before.values())


def test_what_is_no_mapping_is_no_state():
    assert_refused(TypeError, "must be a mapping of names to arrays, not 3", make_network().load_state_dict, 3)


# ---- files ----


@pytest.mark.slow
def test_a_file_with_any_byte_changed_is_refused_by_name_or_holds_the_same_network(tmp_path):
    network = make_network(class_names=["ash", "elm"])
    path = tmp_path / "network.safetensors"
    network.save(path)
    content = path.read_bytes()
    refusals = []
    for offset, bit in enumerate(RANDOM.integers(8, size=len(content))):
        damaged = bytearray(content)
        damaged[offset] ^= 1 << bit
        path.write_bytes(damaged)
        try:
            other = fp.load(path)
        except ValueError as error:
            refusals.append(str(error))
        else:
            assert other.about == network.about
            assert_same_bits(other.state_dict().values(), network.state_dict().values())
    parameters = sum(array.nbytes for array in network.state_dict().values())
    assert len(refusals) > parameters
    assert [words for words in refusals if not words.startswith(f"{path} is ")] == []


def test_a_file_that_cannot_be_written_is_refused_by_a_sentence(tmp_path):
    assert_refused(OSError, "the network file", make_network().save, tmp_path / "nowhere" / "network.safetensors")


def test_a_flipped_bit_of_a_weight_is_called_damage(tmp_path):
    path = tmp_path / "network.safetensors"
    make_network().save(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    words = f"{path} is no network that fastprop saved or a damaged one (its content does not fit its checksum)"
    assert_refused(ValueError, words, fp.load, path)


@pytest.mark.parametrize("standardized", [False, True])
def test_a_file_of_before_without_a_checksum_is_read(standardized, tmp_path):
    numpy_files = pytest.importorskip("safetensors.numpy")
    network = make_network(standardized=standardized)
    path = tmp_path / "network.safetensors"
    numpy_files.save_file(network.state_dict(), path, {"fastprop": json.dumps(network.about)})
    assert_same_bits(fp.load(path).state_dict().values(), network.state_dict().values())


def test_a_file_of_before_whose_tensors_do_not_fit_is_refused_by_name(tmp_path):
    numpy_files = pytest.importorskip("safetensors.numpy")
    network = make_network()
    path = tmp_path / "network.safetensors"
    state = network.state_dict() | {"weights.0": np.zeros((1, 1), np.float32)}
    numpy_files.save_file(state, path, {"fastprop": json.dumps(network.about)})
    words = f"{path} is no network that fastprop saved or a damaged one (weights.0 has shape"
    assert_refused(ValueError, words, fp.load, path)


# ---- ONNX ----


def run_onnx(path, X):
    """Return the outputs of a file for inputs X by onnxruntime, and the metadata of the file."""
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    onnx.checker.check_model(onnx.load(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    return session.run(None, {"X": X})[0], {name: json.loads(value) for name, value in metadata.items()}


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_onnxruntime_predicts_alike_with_all_activations(output, dtype, tmp_path):
    pytest.importorskip("onnx")
    network = make_deep_network(output, dtype)
    X = make_inputs().astype(dtype)
    network.to_onnx(tmp_path / "network.onnx")
    outputs, metadata = run_onnx(tmp_path / "network.onnx", X)
    assert outputs.dtype == dtype
    assert_predicts_alike(outputs, network, X, output)
    assert metadata == {"fastprop": json.loads(json.dumps(network.about))}


@pytest.mark.parametrize("output", [name for name in ACTIVATIONS if name not in ("softmax", "exp")])
def test_onnxruntime_predicts_alike_far_from_zero_and_near_it(output, dtype, tmp_path):
    pytest.importorskip("onnx")
    network = fp.MLP((1, 1), output=output, initialization=[np.ones((1, 1))], dtype=dtype)
    X = np.array([[-1e5, -90, -20, -5, -1e-3, 0, 1e-3, 5, 30, 90, 1e5]], dtype).T
    network.to_onnx(tmp_path / "network.onnx")
    assert_predicts_alike(run_onnx(tmp_path / "network.onnx", X)[0], network, X, output)


def test_an_onnx_file_has_the_names_of_inputs_and_classes(tmp_path):
    pytest.importorskip("onnx")
    names = {"feature_names": ["width", "length", "höhe"], "class_names": ["ash", "elm"]}
    make_network(**names).to_onnx(tmp_path / "network.onnx")
    _, metadata = run_onnx(tmp_path / "network.onnx", make_inputs().astype(np.float32))
    assert {name: metadata[name] for name in names} == names


def test_time_stamps_keep_their_digits_in_onnx_as_float64(tmp_path):
    pytest.importorskip("onnx")
    network = make_network(standardized=False)
    standardization = {"input_mean": [1.7e9, 0, 0], "input_scale": [50, 1, 1]}
    network.load_state_dict(network.state_dict() | standardization)
    X = RANDOM.normal([1.7e9, 0, 0], [50, 1, 1], size=(9, 3))
    network.to_onnx(tmp_path / "network.onnx", input_dtype="float64")
    assert_predicts_alike(run_onnx(tmp_path / "network.onnx", X)[0], network, X, "outputs")


def test_an_onnx_file_that_cannot_be_written_is_refused_by_a_sentence(tmp_path):
    pytest.importorskip("onnx")
    assert_refused(OSError, "the ONNX file", make_network().to_onnx, tmp_path / "nowhere" / "network.onnx")


def test_a_network_that_no_onnx_file_holds_is_refused_before_it_is_written(monkeypatch, tmp_path):
    pytest.importorskip("onnx")
    network = make_network()
    monkeypatch.setattr(onnx_models, "MAX_BYTES", network.flat_parameters.nbytes - 1)
    words = "an ONNX file holds 2 GB, and the parameters take 0.0 GB: use network.save"
    assert_refused(ValueError, words, network.to_onnx, tmp_path / "network.onnx")
    monkeypatch.setattr(onnx_models, "MAX_BYTES", network.flat_parameters.nbytes)
    network.to_onnx(tmp_path / "network.onnx")


# ---- layers of other libraries ----


@pytest.mark.parametrize("standardized", [False, True])
def test_a_network_is_made_of_the_layers_that_a_module_of_pytorch_has(standardized, monkeypatch):
    network = make_network("float64", standardized=standardized, hidden="tanh")
    state = network.state_dict()
    layers = torch_modules.Layers(
        network.weights, network.biases, network.activations, {k: v for k, v in state.items() if k.startswith("input")}
    )
    monkeypatch.setattr(torch_modules, "layers_of", lambda module: layers)  # PyTorch itself is of the extra peers
    found = fp.from_torch(None)
    assert found.about == network.about
    assert_same_bits(found.state_dict().values(), state.values())


# ---- C ----

COMPILER = shutil.which("cc")

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")

STRICT = "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-pedantic", "-Werror"


def compiled(folder, names, *options):
    """Return a library with a function for each header, {name}.h, which predicts.

    Each header is included twice, as a program may do.
    """
    lines = [f'#include "{name}.h"\n#include "{name}.h"' for name in names]
    lines += [f"void predict_{name}(const void *x, void *y) {{ {name}_predict(x, y); }}" for name in names]
    (folder / "all.c").write_text("\n".join(lines) + "\n")
    command = [COMPILER, "-std=c99", *STRICT, *options, "-shared", "-fPIC", "all.c", "-o", "all.so", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "all.so"))


def run_c(function, X, outputs, dtype):
    """Return what a compiled function predicts for each row of X."""
    result = np.empty((len(X), outputs), dtype)
    for x, row in zip(np.ascontiguousarray(X), result):
        function(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(row.ctypes.data))
    return result


@needs_compiler
def test_c_predicts_alike_with_all_activations(dtype, tmp_path):
    networks = {output: make_deep_network(output, dtype) for output in ACTIVATIONS}
    for output, network in networks.items():
        network.to_c(tmp_path / f"{output}.h")
    library = compiled(tmp_path, networks)
    X = make_inputs().astype(dtype)
    for output, network in networks.items():
        assert_predicts_alike(run_c(library[f"predict_{output}"], X, 4, dtype), network, X, output)


@needs_compiler
def test_c_predicts_alike_far_from_zero_and_near_it_and_time_stamps(dtype, tmp_path):
    X = np.array([[-1e5, -90, -20, -5, -1e-3, 0, 1e-3, 5, 30, 90, 1e5]], dtype).T
    names = [name for name in ACTIVATIONS if name not in ("softmax", "exp")]
    networks = {name: fp.MLP((1, 1), output=name, initialization=[np.ones((1, 1))], dtype=dtype) for name in names}
    for name, network in networks.items():
        network.to_c(tmp_path / f"{name}.h")
    stamped = make_network(dtype, standardized=False)
    stamped.load_state_dict(stamped.state_dict() | {"input_mean": [1.7e9, 0, 0], "input_scale": [50, 1, 1]})
    stamped.to_c(tmp_path / "stamped.h", input_dtype="float64")
    library = compiled(tmp_path, [*names, "stamped"])
    for name, network in networks.items():
        assert_predicts_alike(run_c(library[f"predict_{name}"], X, 1, dtype), network, X, name)
    X = RANDOM.normal([1.7e9, 0, 0], [50, 1, 1], size=(9, 3))
    assert_predicts_alike(run_c(library["predict_stamped"], X, 2, dtype), stamped, X, "time stamps")


NASTY = ['a"b\\', "*/ é\n", "??/", "%s\x00", "${name}", "int"]


@needs_compiler
def test_names_that_c_could_misread_come_through(tmp_path):
    network = fp.MLP((6, 6), feature_names=NASTY, class_names=NASTY)
    network.to_c(tmp_path / "net.h")
    source = (tmp_path / "net.h").read_text().replace("static inline const char", "const char")
    (tmp_path / "net.h").write_text(source)
    library = compiled(tmp_path, ["net"], "-trigraphs")
    for function in (library.net_input_name, library.net_class_name):
        function.restype = ctypes.c_char_p
        assert [function(i).decode() for i in range(6)] == [name.partition("\0")[0] for name in NASTY]


@needs_compiler
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
def test_the_header_is_cpp_too(tmp_path):
    make_network(class_names=["ash", "elm"]).to_c(tmp_path / "net.h")
    code = '#include "net.h"\nint main() { float x[3] = {1, 2, 3}, y[2]; net_predict(x, y); return y[0] < 0; }\n'
    (tmp_path / "main.cpp").write_text(code)
    command = ["c++", "-std=c++11", *STRICT, "main.cpp", "-o", "main"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", ["2nd model.h", "模型.h", "_x__y-z.hpp", "int.h", "-.h"])
def test_the_names_in_a_header_are_names_in_c_whatever_the_file_is_called(file, tmp_path):
    make_network().to_c(tmp_path / file)
    names = re.findall(r"(\w+)_predict\(const", (tmp_path / file).read_text())
    assert len(names) == 1
    assert re.fullmatch("[A-Za-z][A-Za-z0-9_]*", names[0])


def test_the_name_may_be_given(tmp_path):
    make_network().to_c(tmp_path / "net.h", name="leaf2")
    assert "void leaf2_predict(" in (tmp_path / "net.h").read_text()
    for name in ("2nd", "a b", "é", "", "_x", 3):
        assert_refused(ValueError, "name must be a name in C", make_network().to_c, tmp_path / "net.h", name=name)


def test_a_network_that_diverged_has_no_header(tmp_path):
    network = make_network()
    network.weights[1][0, 0] = np.nan
    assert_refused(ValueError, "layer 1 has parameters that are not finite", network.to_c, tmp_path / "net.h")
    assert not (tmp_path / "net.h").exists()
