"""Training keeps its bits: from version to version, on every machine, with any threads and any width of vectors."""

import pytest

from fastprop import cli, verification
from fastprop.verification import runs
from tests.marks import slow_except
from tests.processes import run_python
from tests.readme_blocks import README

TABLE = verification.published()


def test_each_run_has_a_line():
    assert list(TABLE) == list(runs.RUNS)


def test_the_readme_says_how_many_there_are():
    assert f"it trains {len(TABLE)} small networks and sweeps" in " ".join(README.split())


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("threads", slow_except([1, 3], [1]))
@pytest.mark.parametrize("name", runs.RUNS)
def test_trains_to_the_bits_of_the_table(name, threads):
    assert runs.digest(name, threads) == TABLE[name]


@pytest.mark.slow
@pytest.mark.parametrize("lanes", ["1", "4", "8"])
def test_trains_to_the_bits_of_the_table_for_each_width_of_vectors(lanes):
    printed = run_python("from fastprop import cli; cli.main(['verify'])", FASTPROP_LANES=lanes)
    assert printed.splitlines()[-1] == f"{len(TABLE)} of {len(TABLE)} runs: same bits as published"
    assert f"vectors of {lanes} float32" in printed


# ---- fastprop verify ----


def test_verify_says_that_the_bits_are_those_published(capsys):
    assert cli.main(["verify", "--only", "sweep packs", "--threads", "2"]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last == f"{len(verification.names('sweep packs'))} of {len(TABLE)} runs: same bits as published"


def test_verify_names_what_differs(capsys, monkeypatch, tmp_path):
    changed = tmp_path / "digests.txt"
    changed.write_text(verification.TABLE.read_text().replace(TABLE["train mae"], "0123456789abcdef"))
    monkeypatch.setattr(verification, "TABLE", changed)
    assert cli.main(["verify", "--only", "train m"]) == 1
    differing, last = capsys.readouterr().out.splitlines()[-2:]
    assert differing == f"train mae: {TABLE['train mae']} here, 0123456789abcdef published"
    assert last == f"1 of {len(verification.names('train m'))} runs differs from what is published"


def test_verify_names_a_run_that_the_table_lacks(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(verification, "TABLE", tmp_path / "digests.txt")
    verification.TABLE.write_text("")
    assert cli.main(["verify", "--only", "1-1-1"]) == 1
    *differing, last = capsys.readouterr().out.splitlines()[2:]
    assert differing == [f"{name}: {TABLE[name]} here, none published" for name in verification.names("1-1-1")]
    assert last == "2 of 2 runs differ from what is published"


def test_verify_refuses_a_name_that_no_run_has(capsys):
    assert cli.main(["verify", "--only", "pizza"]) == 2
    message = "fastprop: no run of the published table has 'pizza' in its name: leave it out to compare all of them.\n"
    assert capsys.readouterr().err == message
