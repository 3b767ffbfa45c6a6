"""What a refusal means for who pays and waits: quotas told apart, waits kept, pages cut, the asked URL named."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from newsgauge.cli.main import main
from newsgauge.client.calls import generate_once
from newsgauge.client.clients import Access, open_client
from newsgauge.client.retry import RetryPolicy, given_up
from newsgauge.client.service_errors import broken_transport, refusal, retry_after_s
from newsgauge.errors import BackendError, GoneError, QuotaError, TransientError
from newsgauge.records import Request
from newsgauge.tuning.vertex import VertexTuning
from tests.gemini_traffic import needs_traffic, recorded_answers

PAGE = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<style>\n" + "p{}\n" * 500 + "</html>"


def violated(*quotas: tuple[str, str]) -> dict[str, object]:
    violations = [{"quotaId": name, "quotaValue": value, "quotaMetric": "x/requests"} for name, value in quotas]
    detail = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}
    return {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED", "details": [detail]}}


def informed(quota: str, value: str) -> dict[str, object]:
    """As Google's older errors name a quota."""
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED"}
    metadata = {"quota_limit": quota, "quota_limit_value": value, "quota_metric": "x/requests"}
    return {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{**detail, "metadata": metadata}]}}


def refused(message: str, body: object = None, code: int = 429) -> BackendError:
    return refusal("m", code, "RESOURCE_EXHAUSTED", message, body)


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("* Quota exceeded for metric: a/free_tier_requests, limit: 0, model: g\nPlease retry in 20.04s.", None),
        ("Quota exceeded: limit:0", None),
        ("Quota exceeded", violated(("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "0"))),
        ("limit: 10, model: g\n* limit: 0, model: g", None),
        ("You have a limit of requests. limit: 0. Please retry in 3s.", None),
        ("Quota exceeded, limit 0", None),
        ("Quota exceeded", informed("GenerateContentRequestsPerMinutePerProjectPerRegion", "0")),
    ],
)
def test_a_limit_of_none_is_no_matter_of_waiting(message: str, body: object) -> None:
    error = refused(message, body)
    assert isinstance(error, QuotaError)
    assert "no quota for this model at all" in str(error)
    assert "neither waiting nor tomorrow helps" in str(error)


@pytest.mark.parametrize("message", ["limit: 10", "limit: 0.5", "limit: 05", "limit 0.5", "no limit: 1,000"])
def test_another_limit_passes_by_itself(message: str) -> None:
    assert isinstance(refused(message), TransientError)


def test_quotas_of_a_day_of_a_minute_and_of_a_model_are_told_apart() -> None:
    daily = refused(
        "enough", violated(("RequestsPerMinutePerProject", "10"), ("RequestsPerDayPerProjectPerModel", "50"))
    )
    assert isinstance(daily, QuotaError)
    assert "RequestsPerDayPerProjectPerModel of this model (others have their own) is used up for today" in str(daily)
    project = refused("enough", violated(("RequestsPerDayPerProject", "50")))
    assert "of this model" not in str(project)
    assert isinstance(refused("enough", informed("GenerateRequestsPerDayPerProject", "50")), QuotaError)
    for named in (violated(("RequestsPerMinutePerProject", "10")), informed("RequestsPerMinutePerProject", "10")):
        minute = refused("slower", named)
        assert isinstance(minute, TransientError)
        assert "(a per-minute quota, which recovers by itself: RequestsPerMinutePerProject)" in str(minute)
        assert dict(minute.per_minute) == {"requests": 10}
    told = refused("Quota exceeded for metric: a/generate_requests_per_model_per_day, limit: 50")
    assert isinstance(told, QuotaError)
    assert "a/generate_requests_per_model_per_day of this model (others have their own) is used up" in str(told)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please retry in 20.04466179s.", 20.04466179),
        ("please retry in 1m20.5s", 80.5),
        ("Please retry in 2h3m4s.", 7384),
        ("Please retry in 850.5ms.", 0.8505),
        ("Please retry in 5m", 300),
        ("Please retry in a while", None),
        ("Please try again later.", None),
    ],
)
def test_the_wait_in_the_words_is_kept(text: str, seconds: float | None) -> None:
    error = refused(text)
    assert isinstance(error, TransientError)
    assert error.retry_after_s == (None if seconds is None else pytest.approx(seconds))


def test_the_services_own_field_wins_over_the_header_and_that_over_the_words() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "53s"}
    body = {"error": {"details": [info]}}
    waits = [
        refusal("m", 503, None, "Please retry in 3s.", body, headers={"retry-after": "7"}),
        refusal("m", 503, None, "Please retry in 3s.", None, headers={"retry-after": "7"}),
        refusal("m", 503, None, "Please retry in 3s.", None),
    ]
    assert [getattr(error, "retry_after_s", None) for error in waits] == [53, 7, 3]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:30 GMT"}, 30),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:29:00 GMT"}, 0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_time_of_the_servers_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_a_web_page_is_its_title_and_a_long_message_one_line() -> None:
    assert str(refusal("m", 404, "Not Found", PAGE, None)) == (
        "m: 404 Not Found: a web page instead of JSON, 'Error 404 (Not Found)!!1'"
    )
    long = str(refusal("m", 400, None, "word\n" * 1_000, None))
    assert "\n" not in long
    assert len(long) < 600


def test_a_quota_message_of_several_lines_becomes_one() -> None:
    message = (
        "You exceeded your current quota, please check your plan.\n* Quota exceeded for metric: "
        "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0\n"
        "* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_input_token_count, "
        "limit: 0\nPlease retry in 20.04s."
    )
    text = str(refusal("m", 429, "RESOURCE_EXHAUSTED", message, None))
    assert "\n" not in text
    assert "Please retry in 20.04s. The account has no quota for this model at all (limit 0)" in text


@pytest.mark.parametrize(
    "message", ["Your prepayment credits are depleted.", "Your project has exceeded its monthly spending cap."]
)
def test_money_that_is_gone_is_no_matter_of_waiting(message: str) -> None:
    assert isinstance(error := refused(message), QuotaError)
    assert "when the project's billing allows it" in str(error)


@pytest.mark.parametrize("body", [{"error": "no such model"}, {"detail": "no such model"}, "no such model"])
def test_a_gateways_own_words_are_shown(body: object) -> None:
    assert str(refusal("m", 400, None, None, body)) == "m: 400: no such model"
    assert str(refusal("m", 400, None, None, {"detail": [{"input": "a text"}]})) == "m: 400: no reason given"


def test_an_error_wrapped_in_a_list_is_read() -> None:
    body = [{"error": {"code": 429, "message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED"}}]
    assert str(refusal("m", 429, None, None, body)) == "m: 429 RESOURCE_EXHAUSTED: Resource exhausted."


@pytest.mark.parametrize("code", [404, 405])
def test_a_wrong_path_names_the_url_without_its_secrets_and_the_version_to_try(code: int) -> None:
    url = "https://me:secret@gateway.example:8443/team/v1/models/m:generateContent?key=AIzaSecret"
    text = str(refusal("m", code, None, None, {"detail": "Method Not Allowed"}, url=url))
    assert "(asked: https://gateway.example:8443/team/v1/models/m:generateContent)" in text
    assert "try --api-version v1beta" in text
    assert "secret" not in text.lower().replace("secrets", "")


def test_a_server_that_speaks_googles_errors_is_asked_about_no_version() -> None:
    url = "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/models/m:generateContent"
    body = {"error": {"code": 404, "message": "Publisher Model was not found", "status": "NOT_FOUND"}}
    text = str(refusal("m", 404, None, None, body, url=url))
    assert "locations/europe-west4" in text
    assert "--api-version" not in text


@needs_traffic
def test_every_recorded_refusal_is_one_line_and_only_the_busy_ones_are_asked_again() -> None:
    entries = [entry for entry in recorded_answers() if entry["status"] != 200]
    for entry in entries:
        error = refusal("m", entry["status"], None, None, entry.get("body"))
        assert "\n" not in str(error), entry["source"]
        assert str(error).startswith(f"m: {entry['status']} "), entry["source"]
        no_quota = "limit: 0" in json.dumps(entry.get("body"))
        assert isinstance(error, QuotaError) == no_quota, entry["source"]
        assert isinstance(error, TransientError) == (entry["status"] in (429, 503) and not no_quota), entry["source"]
    assert len(entries) >= 9


@contextmanager
def answering(code: int, body: bytes, **headers: str) -> Iterator[str]:
    """A server on loopback that answers every request so."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(code)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def ask(url: str) -> BackendError:
    client = open_client(Access("embedded", url))
    try:
        with pytest.raises(BackendError) as error:
            generate_once(client, Request("m", "text", None, None, None))
    finally:
        client.close()
    return error.value


def test_the_sdks_errors_bring_their_url_and_their_wait() -> None:
    with answering(405, b'{"detail": "Method Not Allowed"}', content_type="application/json") as url:
        assert f"(asked: {url}/v1/models/m:generateContent). The server may know" in str(ask(url))
    for body, kind in (
        (PAGE.encode(), "text/html"),
        (b"Not Found", "text/plain"),
    ):  # the SDK makes up a status of these
        with answering(404, body, content_type=kind) as url:
            assert f"(asked: {url}/v1/models/m:generateContent). The server may know" in str(ask(url))
    of_google = {"error": {"code": 404, "message": "no such model", "status": "NOT_FOUND"}}
    with answering(404, json.dumps(of_google).encode(), content_type="application/json") as url:
        assert "The server may know" not in str(ask(url))
    with answering(503, b"<html><title>Busy</title></html>", content_type="text/html", retry_after="17") as url:
        error = ask(url)
        assert isinstance(error, TransientError)
        assert (str(error), error.retry_after_s) == (
            "m: 503 Service Unavailable: a web page instead of JSON, 'Busy'",
            17,
        )


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"candidates": [', {}),
        (PAGE.encode(), {"content_type": "text/html"}),
        (b"no gzip at all", {"content_encoding": "gzip"}),
    ],
    ids=["half a JSON", "a web page", "no gzip"],
)
def test_an_answer_that_is_broken_is_one_line_and_asked_again(body: bytes, headers: dict[str, str]) -> None:
    with answering(200, body, **headers) as url:
        error = ask(url)
    assert isinstance(error, TransientError)
    wrong = "cannot be unpacked as its Content-Encoding says" if headers.get("content_encoding") else "is not JSON"
    assert str(error).startswith(f"m: the answer {wrong} (")
    assert "\n" not in str(error)


@pytest.mark.parametrize("body", [b"7", b"[" * 9_000, b"true"])
def test_an_answer_of_another_shape_is_one_line(body: bytes) -> None:
    with answering(200, body, content_type="application/json") as url:
        error = ask(url)
    assert str(error).startswith("m: google-genai cannot read the answer: ")
    assert "\n" not in str(error)


@pytest.mark.parametrize(("code", "answers"), [(200, True), (404, False)])
def test_an_endpoint_that_is_not_found_does_not_answer(code: int, answers: bool) -> None:
    body = {"error": {"code": 404, "message": "not found", "status": "NOT_FOUND"}} if code == 404 else {}
    endpoint = "projects/p/locations/us-central1/endpoints/1"
    with answering(code, json.dumps(body).encode(), content_type="application/json") as url:
        client = open_client(Access("vertex", url, express=False))
        assert VertexTuning(client, "p", url, None, RetryPolicy(deadline_s=0), "").answers(endpoint) is answers
        client.close()


def test_a_tuned_model_that_is_gone_is_an_error_of_its_own() -> None:
    body = {"error": {"code": 404, "message": "not found", "status": "NOT_FOUND"}}
    assert isinstance(refusal("projects/p/locations/eu/endpoints/1", 404, None, None, body), GoneError)
    assert isinstance(refusal("tunedModels/none", 404, None, None, body), GoneError)
    assert not isinstance(refusal("gemini-3.5-flash-lite", 404, None, None, body), GoneError)


@pytest.mark.parametrize("code", [301, 400, 404, 409, 429, 503])
@pytest.mark.parametrize("message", ["no", "limit: 0", "credits are depleted"])
def test_an_error_knows_the_status_of_its_answer(code: int, message: str) -> None:
    error = refusal("tunedModels/m", code, None, f"{message}, part 7: 418 of it", None)
    assert error.status == code
    if isinstance(error, TransientError):
        assert given_up(error, 2, 1.0).status == code
    assert broken_transport("m", OSError("no route: 404 ")).status is None


def test_a_model_that_is_not_found_on_vertex_names_the_location_that_was_asked() -> None:
    url = "https://us-central1-aiplatform.googleapis.com/v1beta1/projects/p/locations/us-central1/publishers/google/models/m:x"
    body = {"error": {"code": 404, "message": "was not found", "status": "NOT_FOUND"}}
    text = str(refusal("m", 404, None, None, body, url=url))
    assert "Location us-central1 was asked" in text
    assert 'location = "global"' in text
    assert "Location" not in str(
        refusal("m", 404, None, None, body, url="https://x.example/v1/models/m:generateContent")
    )


def test_a_server_without_models_is_an_error_and_not_none_of_none(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(200, b"{}", content_type="application/json") as url:
        status = main(["models", "--backend", "gemini", "--base-url", url])
    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert err.startswith(f"newsgauge: models: {url} lists no model, so none can be asked.")
