"""The default number of threads: affinity, quotas of control groups, and the two variables that limit it."""

import math
import os
import re

import pytest

from fastprop import available_cores, checks

V1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"
V2 = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw"


@pytest.fixture
def machine(tmp_path):
    """Return a function that writes files below a root, by their paths, and returns the root."""

    def write(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return write


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(available_cores, "quota", lambda: math.inf)
    available_cores._quota_in_second.cache_clear()
    for name in ("FASTPROP_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    yield
    available_cores._quota_in_second.cache_clear()


quota = available_cores.quota  # the fixture puts another in its place


def test_without_control_groups_there_is_no_quota(machine):
    assert quota(machine({})) == math.inf


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", math.inf), ("50000 100000", 0.5), ("150000 100000\n", 1.5), ("", math.inf), ("0 0", math.inf)],
)
def test_version_2_says_the_quota_in_one_file(machine, limit, expected):
    root = machine({"proc/self/cgroup": "0::/job\n", "proc/self/mountinfo": V2, "sys/fs/cgroup/job/cpu.max": limit})
    assert quota(root) == expected


@pytest.mark.parametrize(("used", "expected"), [("-1", math.inf), ("100000", 1.0), ("25000", 0.25)])
def test_version_1_says_the_quota_in_two_files(machine, used, expected):
    root = machine(
        {
            "proc/self/cgroup": "9:name=systemd:/\n3:cpuset:/x\n1:cpuacct,cpu:/job\n0::/\n",
            "proc/self/mountinfo": f"{V1}\n{V2}\n",
            "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": used,
            "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000\n",
        }
    )
    assert quota(root) == expected


@pytest.mark.parametrize("tightest", ["", "a/", "a/b/"])
def test_the_least_quota_of_nested_groups_counts(machine, tightest):
    files = {f"sys/fs/cgroup/{folder}cpu.max": "300000 100000" for folder in ("", "a/", "a/b/")}
    files[f"sys/fs/cgroup/{tightest}cpu.max"] = "200000 100000"
    root = machine({"proc/self/cgroup": "0::/a/b", "proc/self/mountinfo": V2} | files)
    assert quota(root) == 2


@pytest.mark.parametrize(
    ("visible", "group"),
    [("/docker/1f", "/docker/1f"), ("/", "/"), ("/", "/../../elsewhere"), ("/docker/1f", "/docker/2e")],
    ids=["of the container", "name space", "outside of the name space", "of another container"],
)
def test_in_a_container_the_mounted_group_counts(machine, visible, group):
    root = machine(
        {
            "proc/self/cgroup": f"0::{group}",
            "proc/self/mountinfo": f"41 31 0:38 {visible} /sys/fs/cgroup ro - cgroup2 cgroup rw",
            "sys/fs/cgroup/cpu.max": "100000 100000",
        }
    )
    assert quota(root) == 1


def test_a_folder_with_a_blank_in_its_name_is_found(machine):
    root = machine(
        {
            "proc/self/cgroup": "0::/",
            "proc/self/mountinfo": "41 31 0:38 / /my\\040groups rw - cgroup2 cgroup rw",
            "my groups/cpu.max": "100000 100000",
        }
    )
    assert quota(root) == 1


@pytest.mark.parametrize("text", ["\x00\xff", "0::", "1:cpu\n::::\n", " - \n - cgroup2", "a b c d e - cgroup2 x y"])
def test_files_of_another_form_are_no_quota(machine, text):
    assert quota(machine({"proc/self/cgroup": text, "proc/self/mountinfo": text})) == math.inf


@pytest.mark.parametrize(("cores", "expected"), [(0.1, 1), (1, 1), (1.5, 2), (3, 3), (64, 8), (math.inf, 8)])
def test_the_default_follows_the_quota_and_the_affinity(monkeypatch, cores, expected):
    monkeypatch.setattr(available_cores, "quota", lambda: cores)
    assert checks.threads(None) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": " 3,2 "}, 3),
        ({"OMP_NUM_THREADS": "100"}, 8),
        ({"OMP_NUM_THREADS": ""}, 8),
        ({"FASTPROP_THREADS": "5"}, 5),
        ({"FASTPROP_THREADS": "100"}, 100),
        ({"FASTPROP_THREADS": ""}, 8),
        ({"FASTPROP_THREADS": "5", "OMP_NUM_THREADS": "3"}, 5),
        ({"FASTPROP_THREADS": "5", "OMP_NUM_THREADS": "many"}, 5),
    ],
)
def test_variables_limit_or_set_the_default(monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert checks.threads(None) == expected
    assert checks.threads(7) == 7


BAD = ["0", "-1", "many", "1.5", "²", "9" * 20, "1e3", "4;2"]


@pytest.mark.parametrize("value", BAD)
def test_a_bad_number_in_our_own_variable_is_refused(monkeypatch, value):
    monkeypatch.setenv("FASTPROP_THREADS", value)
    message = f"FASTPROP_THREADS must be a whole number of at least 1, not {value!r}: set one or unset it."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.threads(None)
    assert checks.threads(2) == 2


@pytest.mark.parametrize("value", BAD)
def test_a_bad_number_in_the_variable_of_openmp_is_warned_of_and_left_out(monkeypatch, value):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    with pytest.warns(
        UserWarning, match=re.escape(f"OMP_NUM_THREADS should be a whole number of at least 1, not {value!r}")
    ):
        assert checks.threads(None) == 8
