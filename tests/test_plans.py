"""The plans of columns: a class for each kind, which reads what versions wrote that had one class for all kinds."""

import base64
import copy
import json
import pickle

import numpy as np
import pandas
import pytest

from fastprop.integrations import onnx_tables
from fastprop.tabular import ColumnPlan, Encoder
from fastprop.tabular.plans import BooleanPlan, CategoryPlan, DatePlan, LeftOutPlan, NumberPlan

FRAME = pandas.DataFrame(
    {
        "size": [1.0, None, 8.0, 9.0] * 15,
        "open": [True, False, True, True] * 15,
        "day": pandas.to_datetime(["2020-01-01", "2020-01-05", None, "2020-01-04"] * 15),
        "color": ["red", "red", "blue", None] * 15,
        "text": [f"text {i}" for i in range(60)],
        "index": range(60),
    }
)
PLANS = Encoder.fit(FRAME, drop=["index"], numeric_encoding="robust", rows=np.arange(0, 60, 3)).plans

PICKLE = """
gASVrgEAAAAAAAAojBZmYXN0cHJvcC50YWJ1bGFyLnBsYW5zlIwKQ29sdW1uUGxhbpSTlCiMBHNpemWUjAZudW1iZXKUiCmJKYwAlEdAIAAAAAAAACmI
iIhLASmMBnJvYnVzdJRLAUdAIAAAAAAAAEc/wAAAAAAAAIaUdJSBlGgCKIwEb3BlbpSMB2Jvb2xlYW6UiSmJKWgFRz/wAAAAAAAAKYiIiEsBKYwIc3Rh
bmRhcmSUSwEpdJSBlGgCKIwDZGF5lIwEZGF0ZZSIKYkpaAVHQNHWQAAAAAApiIiISwEpaAxLASl0lIGUaAIojAVjb2xvcpSMCGNhdGVnb3J5lIiMA3Jl
ZJSMBGJsdWWUhpSIKWgFTimIiIhLASloDEsBKXSUgZRoAiiMBHRleHSUjAhsZWZ0IG91dJSJKYgpjC9pdHMgNjAgZGlmZmVyZW50IHdvcmRzIGluIDYw
IHJvd3MgYXJlIG5vIGxldmVsc5ROKYiIiEsBKWgMSwEpdJSBlGgCKIwFaW5kZXiUjAhsZWZ0IG91dJSJKYkpjAdhcyB0b2xklE4piIiISwEpaAxLASl0
lIGUdJQu
"""
"""`PLANS` as a pickle of the version whose plans were all one named tuple, in base 64."""

EARLIER = {
    "name": "a",
    "kind": "number",
    "has_missing": False,
    "levels": [],
    "is_of_words": False,
    "others": [],
    "reason": "",
    "center": None,
    "rare": [],
    "is_trained": True,
    "trains_missing": True,
    "trains_other": True,
    "shared": 1,
    "untrained": [],
    "encoding": "standard",
    "features": 1,
    "constants": [],
}
"""An unfitted plan in a file of that version."""


def test_each_kind_is_a_class():
    kinds = [(type(plan), plan.kind) for plan in PLANS]
    assert kinds == [
        (NumberPlan, "number"),
        (BooleanPlan, "boolean"),
        (DatePlan, "date"),
        (CategoryPlan, "category"),
        (LeftOutPlan, "left out"),
        (LeftOutPlan, "left out"),
    ]
    assert {kind: plan for plan, kind in kinds} == ColumnPlan.kinds
    with pytest.raises(TypeError, match="abstract class ColumnPlan"):
        ColumnPlan("size", "number")


def test_a_graph_knows_each_kind_that_becomes_features():
    assert {*onnx_tables.MEASURED, "category", "left out"} == set(ColumnPlan.kinds)


def test_a_pickle_of_an_earlier_version_has_the_same_plans():
    assert pickle.loads(base64.b64decode(PICKLE)) == PLANS


def test_copies_and_pickles_are_equal():
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(PLANS, protocol)) == PLANS
    assert copy.deepcopy(PLANS) == PLANS
    assert hash(copy.deepcopy(PLANS)) == hash(PLANS)


@pytest.mark.parametrize(
    ("values", "plan"),
    [
        ({}, NumberPlan("a")),
        (
            {"encoding": "robust", "constants": [1.0, 0.5], "center": 1.0},
            NumberPlan("a", center=1.0, encoding="robust", constants=(1.0, 0.5)),
        ),
        ({"kind": "boolean", "center": 1.0}, BooleanPlan("a", center=1.0)),
        ({"kind": "date", "has_missing": True, "is_trained": False}, DatePlan("a", True, is_trained=False)),
        (
            {"kind": "category", "levels": ["b", "c"], "is_of_words": True, "rare": ["c"]},
            CategoryPlan("a", levels=("b", "c"), is_of_words=True, rare=("c",)),
        ),
        ({"kind": "left out", "reason": "as told"}, LeftOutPlan("a", "as told")),
        ({"kind": "left out", "reason": "no levels", "is_of_words": True}, LeftOutPlan("a", "no levels")),
    ],
)
def test_a_file_of_an_earlier_version_has_the_fields_of_all_kinds(values, plan):
    assert Encoder.restored([EARLIER | values]).plans == (plan,)
    assert Encoder.restored(json.loads(json.dumps(Encoder([plan]).about))).plans == (plan,)


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "word"},
        {"kind": ["number"]},
        {"kind": {}},
        {"kind": None},
        {"levels": ["b"]},
        {"shared": 4},
        {"reason": "as told"},
        {"unit": "m"},
        {"kind": "left out", "center": 1.0},
        {"kind": "left out", "reason": 3},
        {"kind": "category", "encoding": "robust"},
        {"kind": "date", "features": 3},
        {"name": 3},
        {"has_missing": 1},
    ],
)
def test_a_field_of_another_kind_is_refused(values):
    with pytest.raises(ValueError, match="the plan of a column is not as it was written"):
        Encoder.restored([EARLIER | values])
