"""Only a healthy answer to the query that was asked becomes a measurement."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pytest_deploygate.core.errors import SourceError, TransientError
from pytest_deploygate.core.series import InstantQuery, Measurement, Query, RangeQuery, Series
from pytest_deploygate.sources.api_response import error_text, parse

AT = 1_790_000_000.0
INSTANT = InstantQuery("up", AT)
RANGE = RangeQuery("up", AT - 600, AT, 60)

TEXT = st.text(max_size=8)
LABELS = st.dictionaries(TEXT, TEXT, max_size=3)
NUMBERS = st.floats().map(repr) | st.sampled_from(["NaN", "+Inf", "-Inf", "0", "1e-9", "12.5"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just(AT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
Asked = tuple[Query, dict[str, Any]]


def vector(labels: dict[str, str], value: str) -> dict[str, Any]:
    return {"metric": labels, "value": [AT, value]}


def matrix(labels: dict[str, str], values: list[str]) -> dict[str, Any]:
    times = range(int(AT) - 60 * (len(values) - 1), int(AT) + 1, 60)
    return {"metric": labels, "values": [[t, v] for t, v in zip(times, values, strict=True)]}


def success(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


VECTORS = st.lists(st.builds(vector, LABELS, NUMBERS), max_size=3)
MATRICES = st.lists(
    st.builds(matrix, LABELS, st.lists(NUMBERS, min_size=1, max_size=4)), max_size=3
)
ANSWERS: st.SearchStrategy[Asked] = st.one_of(
    VECTORS.map(lambda result: (INSTANT, success("vector", result))),
    NUMBERS.map(lambda value: (INSTANT, success("scalar", [AT, value]))),
    MATRICES.map(lambda result: (RANGE, success("matrix", result))),
)


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def means(measurement: Measurement, document: dict[str, Any]) -> bool:
    """Whether a measurement is all that a document says, and nothing else."""
    data = document["data"]
    if data["resultType"] == "scalar":
        items = [{"metric": {}, "value": data["result"]}]
    else:
        items = data["result"]
    return len(items) == len(measurement.series) and all(
        series.labels == item["metric"]
        and len(series.points) == len(points := item.get("values") or [item["value"]])
        and all(
            time == given[0] and same(value, float(given[1]))
            for (time, value), given in zip(series.points, points, strict=True)
        )
        for series, item in zip(measurement.series, items, strict=True)
    )


def refused(query: Query, body: bytes) -> str:
    with pytest.raises(SourceError) as error:
        parse(query, body)
    return str(error.value)


@given(ANSWERS)
def test_a_healthy_answer_is_read_as_it_is(asked: Asked) -> None:
    query, document = asked
    assert means(parse(query, encoded(document)), document)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_white_space_order_and_escapes_make_no_difference(asked: Asked, random: Any) -> None:
    query, document = asked
    shuffled = dict(random.sample(list(document.items()), len(document)))
    body = json.dumps(shuffled, indent=3, ensure_ascii=True).encode()
    assert repr(parse(query, body)) == repr(parse(query, encoded(document)))


@given(ANSWERS)
def test_the_answer_to_another_kind_of_query_is_none(asked: Asked) -> None:
    query, document = asked
    other = RANGE if query is INSTANT else INSTANT
    assert "is needed" in refused(other, encoded(document))


@given(ANSWERS, st.floats(1.5, 1e9) | st.floats(-1e9, -1.5))
def test_the_answer_for_another_time_is_none(asked: Asked, shift: float) -> None:
    query, document = asked
    assume(isinstance(query, InstantQuery) and document["data"]["result"])
    assert "check for a cache" in refused(InstantQuery("up", AT + shift), encoded(document))


@given(st.binary(max_size=200))
@example(b"")
@example(b"[" * 100_000)
@example(b'{"status":' * 100_000)
@example(b"9" * 5000)
@example(b'{"status":"success","data":' + b"9" * 5000 + b"}")
@example(b'{"status":"error","error":' + b"[" * 900 + b"]" * 900 + b"}")
@example(b'\xef\xbb\xbf{"status":"success"}')
@example(b"\xff\xfe{\x00}\x00")
def test_random_bytes_are_no_answer(body: bytes) -> None:
    for query in (INSTANT, RANGE):
        assert refused(query, body).isprintable()


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything in a document."""
    keys = list(value) if isinstance(value, dict) else []
    keys = list(range(len(value))) if isinstance(value, list) else keys
    return [path, *(found for key in keys for found in nodes(value[key], (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A document with one thing in it replaced."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@settings(max_examples=200)
@given(ANSWERS, JSON, st.data())
def test_a_document_with_anything_replaced_is_refused_or_read_as_it_is(
    asked: Asked, new: Any, data: st.DataObject
) -> None:
    query, document = asked
    changed = replaced(document, data.draw(st.sampled_from(nodes(document))), new)
    try:
        measurement = parse(query, encoded(changed))
    except SourceError:
        return
    assert means(measurement, changed)


@settings(max_examples=200)
@given(ANSWERS, st.data())
def test_changed_bytes_are_refused_or_read_as_they_are(asked: Asked, data: st.DataObject) -> None:
    query, document = asked
    body = bytearray(encoded(document))
    start = data.draw(st.integers(0, len(body)))
    body[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        measurement = parse(query, bytes(body))
    except SourceError:
        return
    assert means(measurement, json.loads(bytes(body)))


@given(ANSWERS, st.data())
def test_a_body_that_is_cut_off_is_refused(asked: Asked, data: st.DataObject) -> None:
    query, document = asked
    body = encoded(document)
    refused(query, body[: data.draw(st.integers(0, len(body) - 1))])


@pytest.mark.parametrize("text", ["", " 1", "1_0", "0x1", "١", "1,5", "infinity", "nan1", "--1"])
def test_a_value_that_prometheus_does_not_write_is_no_number(text: str) -> None:
    assert "is not a number" in refused(INSTANT, encoded(success("scalar", [AT, text])))


@pytest.mark.parametrize("values", [[], None, "", {}, [[AT, "1"], [AT - 60, "1"]]])
def test_a_series_needs_points_in_the_order_of_time(values: Any) -> None:
    refused(RANGE, encoded(success("matrix", [{"metric": {}, "values": values}])))


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (AT - 600, "10m before the requested"),
        (AT + 7200.4, "2h after the requested"),
        (AT + 1.6, "2s after the requested"),
        (0, "before the requested"),
        (1e300, "after the requested"),
        (10**400, "not in the format of Prometheus' API"),
        (-(10**400), "not in the format of Prometheus' API"),
        (math.inf, "broken JSON"),
        (True, "is not a number"),
        (None, "is not a number"),
    ],
)
def test_a_time_that_was_not_requested_is_reported(time: Any, message: str) -> None:
    assert message in refused(INSTANT, encoded(success("scalar", [time, "1"])))


def test_of_two_values_for_one_key_none_is_taken() -> None:
    body = encoded(success("scalar", [AT, "1"]))
    assert "broken JSON" in refused(INSTANT, body.replace(b"}", b', "result": [%d, "2"]}' % AT, 1))


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "é\udc80"])
def test_a_lone_surrogate_is_no_text(text: str) -> None:
    for labels in ({"mode": text}, {text: "fast"}):
        refused(INSTANT, encoded(success("vector", [vector(labels, "1")])))
    refused(INSTANT, encoded(success("scalar", [AT, "1"]) | {"warnings": [text]}))


@pytest.mark.parametrize(
    ("extra", "warnings"),
    [
        ({"warnings": ["a store is missing"]}, ("a store is missing",)),
        ({"warnings": "one text"}, ("one text",)),
        ({"warnings": [{"code": 7}]}, ("{'code': 7}",)),
        ({"warnings": []}, ()),
        ({"warnings": None}, ()),
        ({"infos": ["PromQL info"]}, ()),
        # Prometheus 2.48 to 2.53, and Thanos
        ({"warnings": ["PromQL info: metric might not be a counter"]}, ()),
        ({"warnings": ["PromQL info: x", "PromQL warning: y"]}, ("PromQL warning: y",)),
        ({"warnings": ["a store says: PromQL info: x"]}, ("a store says: PromQL info: x",)),
        ({"isPartial": False}, ()),
        ({"isPartial": True}, ("the answer is partial: a storage node did not answer",)),
    ],
)
def test_warnings_are_kept(extra: dict[str, Any], warnings: tuple[str, ...]) -> None:
    body = encoded(success("scalar", [AT, "1"]) | extra)
    assert parse(INSTANT, body) == Measurement((Series({}, ((AT, 1.0),)),), warnings)


@pytest.mark.parametrize("kind", ["timeout", "unavailable", "internal", "canceled"])
def test_what_can_pass_is_said_to(kind: str) -> None:
    body = encoded({"status": "error", "errorType": kind, "error": "later"})
    with pytest.raises(TransientError, match=f"{kind}: later"):
        parse(INSTANT, body)


def test_secrets_are_taken_out_before_a_text_is_cut() -> None:
    secret = "s3cret-" * 10
    body = b"x" * 110 + secret.encode()
    assert "s3" not in error_text(body, lambda text: text.replace(secret, "***"))


def test_secrets_are_taken_out_of_labels_and_warnings() -> None:
    document = success("vector", [vector({"hush": "a hush b"}, "1")]) | {"warnings": ["hush"]}
    measurement = parse(INSTANT, encoded(document), lambda text: text.replace("hush", "***"))
    assert "hush" not in repr(measurement)
    assert measurement.series[0].labels == {"***": "a *** b"}


@given(st.binary(max_size=300))
def test_the_text_of_an_error_is_one_harmless_line(body: bytes) -> None:
    text = error_text(body)
    assert text
    assert text.isprintable()
