"""Training keeps its bits: from version to version, on every machine, with any threads and any width of vectors."""

import pytest

from tests import golden
from tests.marks import slow_except
from tests.processes import run_python

TABLE = golden.read_table()


def test_each_run_has_a_line():
    assert list(TABLE) == list(golden.RUNS)


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("threads", slow_except([1, 3], [1]))
@pytest.mark.parametrize("name", golden.RUNS)
def test_trains_to_the_bits_of_the_table(name, threads):
    assert golden.golden_digest(name, threads) == TABLE[name]


@pytest.mark.slow
@pytest.mark.parametrize("lanes", ["1", "4", "8"])
def test_trains_to_the_bits_of_the_table_for_each_width_of_vectors(lanes):
    printed = run_python("from tests import golden; golden.main()", FASTPROP_LANES=lanes)
    assert printed.splitlines() == golden.TABLE.read_text().splitlines()
