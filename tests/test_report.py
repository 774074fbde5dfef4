"""The README's section on performance is made from what was measured."""

import json

import pytest

from benchmarks import report

RUN = {
    "machine": "abacus",
    "cores": 4,
    "lanes": 8,
    "peak_gflops": 100.0,
    "date": "2001-02-03",
    "python": "3.11",
    "versions": {"numba": "1.2", "torch": "3.4"},
    "threads": 2,
}
SECONDS = {
    "T1": {"fastprop": 0.002, "torch": 0.09, "torch.compile": 0.03, "jax": 0.02, "numpy": 0.04},
    "S4": {"fastprop": 0.1, "scikit-learn": 7.1},
}
RECORDS = [
    {"workload": workload, "task": f"task of {workload}", "contestant": contestant, "seconds": seconds, "gflops": 50.0}
    for workload, contestants in SECONDS.items()
    for contestant, seconds in contestants.items()
]
README = "before\n<!-- performance: made by hand -->\nold\n<!-- end -->\nafter\n"


@pytest.fixture
def arguments(tmp_path):
    """The command line for a README and measurements made up here."""
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "peers.json").write_text(json.dumps({"run": RUN, "records": RECORDS}))
    return [str(tmp_path / "peers.json"), "--readme", str(tmp_path / "README.md")]


def test_the_section_holds_the_fastest_of_each_library(arguments, tmp_path):
    report.main(arguments)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n<!-- performance: made by hand -->\n\n|")
    assert text.endswith("\n<!-- end -->\nafter\n")
    assert "| T1 | task of T1 | 2.00 | 30.0 | 20.0 | – | – | 40.0 | 10.0 | 25.0% |" in text
    assert "| S4 | task of S4 | 100 | – | – | – | 7100 | – | 71.0 | 25.0% |" in text
    assert "in turn with the others, on 2 threads" in text
    assert "2001-02-03: abacus, 4 cores, vectors of 8 float32, a peak of 100 GFLOP/s" in text
    assert "old" not in text


def test_a_section_that_was_not_made_from_the_measurements_is_found(arguments):
    with pytest.raises(SystemExit, match="is not what"):
        report.main([*arguments, "--check"])
    report.main(arguments)
    report.main([*arguments, "--check"])


def test_the_readme_is_what_the_measurements_kept_here_give():
    assert report.SECTION.search((report.ROOT / "README.md").read_text())
    report.main(["--check"])
