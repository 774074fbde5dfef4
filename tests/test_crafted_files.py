"""Networks, results, checkpoints and journals that are like those of fastprop and are none: refused by name."""

import json
import os
import re
import zlib

import numpy as np
import pytest

import fastprop as fp
from fastprop.files import archives, tensors
from fastprop.sweeping import journal_file
from fastprop.sweeping.files import VALUES
from tests.compare import assert_refused, assert_same_bits
from tests.written_files import LABELS, X, network, sweep, train


@pytest.fixture(scope="module")
def result():
    return fp.sweep((5, 4, 3), X, LABELS, {"learning_rate": [0.1, 0.2]}, epochs=1, validation=0.2)


# ---- what a file claims ----


def safetensors(header, data=b""):
    """Return the bytes of a file with this header, an object or bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def crafted_networks():
    """Return by name bytes that are like those of a saved network."""
    saved = network()
    state = saved.state_dict()
    data = b"".join(array.tobytes() for array in state.values())
    ends = np.cumsum([array.nbytes for array in state.values()]).tolist()
    end = ends[-1]
    about = {"__metadata__": {"fastprop": json.dumps(saved.about)}}
    entries = {
        name: {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end - array.nbytes, end]}
        for (name, array), end in zip(state.items(), ends)
    }
    good = safetensors(about | entries, data)

    def of_about(**changes):
        return safetensors({"__metadata__": {"fastprop": json.dumps(saved.about | changes)}} | entries, data)

    def of_tensor(**changes):
        return safetensors(about | entries | {"weights.0": entries["weights.0"] | changes}, data)

    not_finite = b"".join(np.full_like(array, np.nan).tobytes() for array in state.values())
    text = good[8 : 8 + int.from_bytes(good[:8], "little")]
    return good, {
        "empty": b"",
        "only a length": good[:8],
        "header of 2**63 bytes": (2**63).to_bytes(8, "little") + good[8:],
        "header of no bytes": bytes(8) + good[8:],
        "nested header": safetensors(b"[" * 100_000),
        "nested objects": safetensors(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        "header is a list": safetensors([1]),
        "no text": safetensors(b"\xff" * 64),
        "a number of 10,000 digits": safetensors(b'{"a": ' + b"9" * 10_000 + b"}"),
        "no metadata": safetensors(entries, data),
        "other metadata": safetensors({"__metadata__": {"format": "pt"}} | entries, data),
        "metadata that are numbers": safetensors({"__metadata__": {"fastprop": 3}} | entries, data),
        "nested description": safetensors({"__metadata__": {"fastprop": "[" * 100_000}} | entries, data),
        "wrong checksum": safetensors({"__metadata__": about["__metadata__"] | {"sha256": "0"}} | entries, data),
        "one name twice": safetensors(text[:-1] + b', "biases.1": {}}', data),
        "layer of 10**12": of_about(layer_sizes=[5, 10**12, 3]),
        "layer of 10**19": of_about(layer_sizes=[5, 10**19, 3]),
        "layers of 10**12 that are there": safetensors(
            {"__metadata__": {"fastprop": json.dumps(saved.about | {"layer_sizes": [10**12, 10**12]})}}
            | {"weights.0": {"dtype": "F32", "shape": [10**12, 10**12], "data_offsets": [0, 4 * 10**24]}}
        ),
        "layer of 4.0": of_about(layer_sizes=[5, 4.0, 3]),
        "negative layer": of_about(layer_sizes=[5, -4, 3]),
        "layers by name": of_about(layer_sizes={"0": 5, "1": 4}),
        "too few layers": of_about(layer_sizes=[5]),
        "other layers": of_about(layer_sizes=[5, 3, 4]),
        "unknown key": of_about(evil=1),
        "unknown activation": of_about(hidden="evil"),
        "too many names": of_about(class_names=["a"]),
        "object as dtype": of_about(dtype="object"),
        "shape that broadcasts": of_tensor(shape=[1, 20]),
        "shape that is larger": of_tensor(shape=[20_000, 20_000]),
        "negative shape": of_tensor(shape=[-5, -4]),
        "shape of numbers with a point": of_tensor(shape=[5.0, 4.0]),
        "unknown dtype": of_tensor(dtype="F16"),
        "overlapping tensors": of_tensor(data_offsets=[4, 84]),
        "tensors after the end": of_tensor(data_offsets=[len(data), len(data) + 80]),
        "half a standardization": safetensors(
            about | entries | {"input_mean": {"dtype": "F64", "shape": [5], "data_offsets": [end, end + 40]}},
            data + bytes(40),
        ),
        "NaN weights": safetensors(about | entries, not_finite),
        "more bytes": good + b"\0",
        "fewer bytes": good[:-1],
    }  # fmt: skip


GOOD, CRAFTED = crafted_networks()


@pytest.mark.parametrize("content", CRAFTED.values(), ids=CRAFTED)
def test_a_crafted_network_is_refused_by_name(content, tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes(GOOD)
    assert_same_bits(fp.load(path).weights, network().weights)
    path.write_bytes(content)
    assert_refused(ValueError, f"{path} is no network that fastprop saved or a damaged one (", fp.load, path)


def test_a_network_that_diverged_is_not_saved(tmp_path):
    diverged = network()
    diverged.weights[0][...] = np.nan
    assert_refused(ValueError, "the network has weights that are not finite", diverged.save, tmp_path / "net")
    assert os.listdir(tmp_path) == []


def test_other_programs_read_a_saved_network(tmp_path):
    numpy_files = pytest.importorskip("safetensors.numpy")
    saved = network()
    fp.train(saved, X, LABELS, epochs=1, standardize=True)
    saved.save(tmp_path / "net.safetensors")
    arrays = numpy_files.load_file(tmp_path / "net.safetensors")
    assert sorted(arrays) == sorted(saved.state_dict())
    assert_same_bits([arrays[name] for name in sorted(arrays)], [v for _, v in sorted(saved.state_dict().items())])
    offsets = tensors.LENGTH + int.from_bytes((tmp_path / "net.safetensors").read_bytes()[:8], "little")
    assert offsets % 8 == 0


TABLES = {
    "unknown kind": {"kind": "evil"},
    "level that is a number": {"levels": [1, 2]},
    "levels that are a word": {"levels": "ab", "others": 3},
    "flag that is a number": {"has_missing": 1},
    "no median": {"kind": "number", "has_missing": True},
    "other features": {"levels": ["a"]},
    "unknown field": {"evil": 1},
}


@pytest.mark.parametrize("change", TABLES.values(), ids=TABLES)
def test_a_crafted_model_of_a_table_is_refused_by_name(change, tmp_path):
    path = tmp_path / "model.safetensors"
    plan = {"name": "color", "kind": "category", "levels": ["a", "b"], "is_of_words": True}
    model = fp.MLP((2, 3), output="softmax", seed=0)
    for table, refused in (([plan], False), ([plan | change], True), (3, True), ([], True)):
        about = model.about | {"table": {"columns": table, "target": "kind"}}
        tensors.write(path, about, model.state_dict(), "network file")
        if refused:
            assert_refused(ValueError, f"{path} is no network that fastprop saved or a damaged one (", fp.load, path)
        else:
            assert fp.load(path).target_name == "kind"


JOURNALS = {
    "score": ["good", None, True, 10**400],
    "loss": [[1.0], "1"],
    "epochs": [-1, 1.0, 10**30, 7],
    "stopped": ["evil", 3],
    "history": [[1.0, 2.0], 3, ["1"], []],
    "fold_scores": [[], [1.0, 2.0], 3, [None]],
    "network": ["AAAA", "evil?", 3, "AADAfwAAwH8="],
    "rung": [[1], {}],
    "hyperparameters": [{"learning_rate": [{"evil": {}}] * 3}, 3],
}


@pytest.mark.parametrize("name", JOURNALS)
def test_a_line_of_a_journal_that_no_sweep_wrote_is_refused_by_name_or_trained_again(name, tmp_path):
    path = tmp_path / "sweep.journal"
    whole = sweep(path)
    header, line = path.read_bytes().splitlines(keepends=True)
    entry = journal_file._entry(line)
    for value in JOURNALS[name]:
        changed = journal_file._line(entry | {name: value})
        path.write_bytes(header + changed + changed)
        try:
            again = sweep(path)
        except ValueError as error:
            said = str(error)
        else:
            assert_same_bits([again.table["loss"]], [whole.table["loss"]])
            continue
        assert re.fullmatch(f"[^\n]*{re.escape(str(path))}[^\n]*\\.", said), said


def test_a_line_of_a_journal_that_is_nested_is_refused_by_name(tmp_path):
    path = tmp_path / "sweep.journal"
    sweep(path)
    header, line = path.read_bytes().splitlines(keepends=True)
    text = b'{"a": ' + b"[" * 100_000
    nested = b"%b%b%d}\n" % (text, journal_file._CHECKSUM, zlib.crc32(text))
    for content in (nested, header + nested + line):
        path.write_bytes(content)
        assert_refused(ValueError, str(path), sweep, path)


def rewritten(path, **changes):
    """Write an archive anew with other arrays, and other values of the description, and the checksum that fits."""
    found = archives.read(path, "", "", lambda *content: content)
    description = found[0] | changes.pop("description", {})
    arrays = {name: value for name, value in (found[1] | changes).items() if value is not None}
    archives.write(path, description, arrays, "file")


CHECKPOINTS = {
    "parameters": [None, np.zeros((1, 1), np.float32), np.zeros((1, 39), np.float64), np.array(0, np.float32)],
    "optimizer": [np.zeros((2, 7), np.float32)],
    "average": [None, np.zeros((1, 39), np.float32)],
    "seconds": [np.array(1.0), np.array([-1.0]), np.array([np.nan])],
    "done": [np.array(-1), np.array(10**12), np.array(0.5), np.array([1])],
    "powers": [np.array(0.5), np.zeros(3)],
    "ended": [np.array(7)],
    "improvement": [np.array([0.0, 5.0]), np.array([0.0, np.nan])],
    "losses": [np.array(0.0), np.zeros((2, 9))],
    "steps": [np.array([-1, -1])],
    "evil": [np.zeros(3)],
    "description": [
        *({"later weights": 3}, {"later weights": [3]}, {"seed": 0}),
        *({"seed": "0\nevil"}, {"seed": "\33[2J"}, {"evil\nentry": "0"}, {"metrics": "x" * 10**6}),
    ],
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_that_no_run_wrote_is_refused_by_name(name, tmp_path):
    path = tmp_path / "run.checkpoint"
    train(path)
    content = path.read_bytes()
    for value in CHECKPOINTS[name]:
        rewritten(path, **{name: value})
        assert_refused(ValueError, f"{path} is ", train, path, epochs=2, resume=True)
        path.write_bytes(content)
    train(path, epochs=2, resume=True)


def result_changes(description):
    arguments = description["arguments"]
    for name, value in {
        "configurations": 10**12,
        "folds": 10**9,
        "rungs": list(range(10)),
        "criterion": "evil",
        "sign": 2,
        "swept": ["evil"],
        "score_name": 3,
        "about": [],
        "epochs": "1",
    }.items():
        yield {"description": {"arguments": arguments | {name: value}}}
    yield {"description": {"format": description["format"] + 1}}
    yield {"description": {"networks": [[0, network().about | {"layer_sizes": [10**12, 10**12]}]]}}
    yield {"description": {"networks": [[7, network().about]]}}
    for networks in ([], [network().about] * 2):
        yield {"description": {"networks": [[0, networks]]}, "parameters": np.zeros(78, np.float32)}
    yield {"description": {"values": {"learning_rate": [{"option": "SGD", "evil": 1}] * 2}}}
    yield {"description": {"values": {"learning_rate": [{"array": [1], "dtype": "S9999999999"}] * 2}}}
    yield {"history": np.zeros((1, 1))}
    yield {"fold_scores": np.zeros(1)}
    yield {"table.score": np.zeros(1)}
    yield {"table.score": None}
    yield {"table.score": np.array(["1", "2"])}
    yield {"parameters": None}
    yield {"parameters": np.full(39, np.nan, np.float32)}


def contradictions(description):
    """Yield changes of a result with 2 rows and 1 rung, and what is said of them."""
    (_, of_best), *_ = description["networks"]
    yield {"description": {"networks": [[7, of_best]]}}, "it has a network of row 7, and 2 rows"
    of_words = [{"array": ["a"], "dtype": "S8"}] * 2
    yield {"description": {"values": {"learning_rate": of_words}}}, "an array of dtype |S8 is no array of numbers"
    yield {"history": np.zeros((2, 1), np.float32)}, "its measured values are no float64"
    for shape in ((1, 60), (2, 60, 3)):
        changes = {"description": {"out_of_fold": [description["networks"][0][0]]}, "out_of_fold": np.zeros(shape)}
        yield changes, "its out-of-fold outputs are not those of its networks"
    own = np.zeros((2, 1), np.int64)
    for changes in ({"parents": own[:1]}, {"parents": own, f"{VALUES}momentum": own.astype(np.float32)}):
        yield changes, "its lineages are not those of its rows and rungs"
    for parents in (own + 2, own - 1, own.astype(float)):
        yield {"parents": parents}, "its lineages have parents that are no rows"
    one_fold = {
        "description": {"chosen": [{"learning_rate": 0.1}]},
        "outer.scores": np.zeros(1),
        "outer.counts": np.ones((1, 2), np.int64),
        "outer.out_of_fold": np.zeros((60, 3)),
    }
    for changes in ({"outer.scores": np.zeros(2)}, {"outer.out_of_fold": np.zeros(60)}, {"outer.counts": own}):
        yield one_fold | changes, "its outer scores are not those of its outer folds"
    for changes in ({"outer.scores": np.zeros(1, np.float32)}, {"outer.counts": np.ones((1, 2))}):
        yield one_fold | changes, "its outer scores are no float64"


@pytest.mark.slow
def test_a_result_whose_arrays_contradict_each_other_is_refused_by_what_does(result, tmp_path):
    path = tmp_path / "sweep.npz"
    result.save(path)
    content = path.read_bytes()
    description, _ = archives.read(path, "", "", lambda *found: found)
    for changes, words in contradictions(description):
        rewritten(path, **changes)
        assert_refused(ValueError, f"{path} is no result of a sweep or a damaged one ({words}", fp.load_sweep, path)
        path.write_bytes(content)


def test_a_result_that_no_sweep_saved_is_refused_by_name(result, tmp_path):
    path = tmp_path / "sweep.npz"
    result.save(path)
    content = path.read_bytes()
    description, _ = archives.read(path, "", "", lambda *found: found)
    for changes in result_changes(description):
        rewritten(path, **changes)
        assert_refused(ValueError, f"{path} is no result of a sweep or a damaged one (", fp.load_sweep, path)
        path.write_bytes(content)
    assert repr(fp.load_sweep(path)) == repr(result)
