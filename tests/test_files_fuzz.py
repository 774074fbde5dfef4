"""Files that were changed at random: each is refused by a sentence that names it, or read as it was written."""

import random
import re
import warnings

import numpy as np
import pytest

import fastprop as fp
from tests.compare import assert_same_bits
from tests.marks import slow_except
from tests.problems import noise

X, Y, LABELS = noise()
X, LABELS = X[:40], LABELS[:40]

SWEEP = {"epochs": 1, "validation": 0.2, "batch_size": 32}
GRID = {"learning_rate": [0.1, 0.2]}


def network():
    return fp.MLP((5, 4, 3), output="softmax", seed=0, class_names=["ash", "elm", "fir"])


def frame():
    arrow = pytest.importorskip("pyarrow")
    words = [["red", "blue", None, "gray"][index % 4] for index in range(40)]
    return arrow.table({"size": X[:, 0].tolist(), "color": words, "kind": [f"k{label}" for label in LABELS]})


def train(path):
    trained = network()
    fp.train(trained, X, LABELS, epochs=2, optimizer=fp.Adam(), batch_size=32, checkpoint=path, resume=path.exists())
    return [trained.parameters]


def sweep(path=None):
    result = fp.sweep((5, 4, 3), X, LABELS, GRID, journal=path, threads=1, **SWEEP)
    return [result.table["loss"], result.best_network.parameters]


def write_table_model(path):
    table = fp.datasets.read(frame(), "kind")
    model = fp.MLP((table.X.shape[1], 3), output="softmax", class_names=table.class_names)
    fp.TableModel(model, table.encoder, "kind").save(path)


def read_table_model(path):
    model = fp.load(path)
    return [model.outputs(frame())]


def write_csv(path):
    pytest.importorskip("pyarrow.csv").write_csv(frame(), path)


def write_packed(path):
    import gzip

    write_csv(path.with_suffix(""))
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
    path.with_suffix("").unlink()


def write_npz(path):
    np.savez_compressed(path, X=X, y=LABELS)


FORMATS = {
    "net.safetensors": (lambda path: network().save(path), lambda path: fp.load(path).state_dict().values(), True),
    "model.safetensors": (write_table_model, read_table_model, True),
    "sweep.npz": (
        lambda path: fp.sweep((5, 4, 3), X, LABELS, GRID, **SWEEP).save(path),
        lambda path: [*fp.load_sweep(path).table["loss"], fp.load_sweep(path).best_network.parameters],
        True,
    ),
    "run.checkpoint": (train, train, True),
    "sweep.journal": (sweep, sweep, True),
    "table.npz": (write_npz, lambda path: [*fp.datasets.read(path)], True),
    "table.npy": (lambda path: np.save(path, np.c_[X, LABELS]), fp.datasets.read, False),
    "table.csv": (write_csv, fp.datasets.read, False),
    "table.csv.gz": (write_packed, fp.datasets.read, False),
    "table.parquet": (
        lambda path: pytest.importorskip("pyarrow.parquet").write_table(frame(), path),
        fp.datasets.read,
        False,
    ),
    "table.feather": (
        lambda path: pytest.importorskip("pyarrow.feather").write_feather(frame(), path),
        fp.datasets.read,
        False,
    ),
}
"""By the name of a file: how it is written, how it is read, and whether a checksum tells that it was changed."""


def mutated(content, choose):
    """Return bytes that differ from `content` by one to three changes."""
    data = bytearray(content)
    for _ in range(choose.choice((1, 1, 2, 3))):
        offset = choose.randrange(len(data) + 1)
        length = choose.choice((1, 2, 4, 8, 64))
        kind = choose.randrange(8)
        if kind == 0:
            data = data[:offset]
        elif kind == 1:
            data[offset : offset + length] = b""
        elif kind == 2:
            data[offset:offset] = data[:offset][-length:]
        elif kind == 3:
            data[offset : offset + length] = choose.randbytes(length)
        elif kind == 4:
            data[offset : offset + length] = bytes(choose.choice((0, 255)) for _ in range(1)) * length
        elif kind == 5:
            data += choose.randbytes(length)
        elif offset < len(data):
            data[offset] ^= 1 << choose.randrange(8)
    return bytes(data)


def check(path, content, read, expected):
    """Read a file of this content; fail unless it is refused by its name, or is as expected. Return whether it is."""
    path.write_bytes(content)
    said = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", fp.DataWarning)  # a table may be another one now
            found = read(path)
    except (ValueError, OSError) as error:
        said = str(error)
    if said is not None:
        assert re.fullmatch(r".*" + re.escape(str(path)) + r"[^\n]*\.", said), (content, said)
        return False
    if expected is not None:
        assert_same_bits(found, expected)
    return True


@pytest.fixture(params=FORMATS)
def written(request, tmp_path):
    """Of a file of each format its path, its content, the function that reads it, and what this returns."""
    write, read, has_checksum = FORMATS[request.param]
    path = tmp_path / request.param
    write(path)
    content = path.read_bytes()
    return path, content, read, [*map(np.copy, read(path))] if has_checksum else None


@pytest.mark.parametrize("count", slow_except([30, 800], [30]))
def test_a_file_that_was_changed_at_random_is_refused_or_read_as_it_was(written, count):
    path, content, *reading = written
    choose = random.Random(f"{path.name} {count}")
    as_it_was = sum(check(path, mutated(content, choose), *reading) for _ in range(count))
    assert as_it_was < count


@pytest.mark.slow
def test_a_file_that_was_cut_at_any_length_is_refused_or_read_as_it_was(written):
    path, content, *reading = written
    for length in range(0, len(content), 1 + len(content) // 400):
        check(path, content[:length], *reading)
