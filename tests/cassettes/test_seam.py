"""All calls go through one seam, which knows whose case each belongs to: side by side, in threads, past a log-in."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
import vcr
from google import genai
from google.genai.types import HttpOptions
from vcr.patch import force_reset

from newsgauge.cassettes.digest import Clear
from newsgauge.cassettes.network_block import attempts_fail, network_blocked
from newsgauge.cassettes.seam import Seam
from newsgauge.cassettes.technique_calls import Calls
from newsgauge.errors import (
    NetworkBlockedError,
    NotKeptError,
)
from tests.cassettes.services_played import (
    URL,
    Answer,
    Echo,
    N,
    answer,
    body,
    client,
    each_has_its_own,
    echo,
    post,
    said,
    sdk,
    text_of,
)


def test_calls_side_by_side_in_one_event_loop_are_each_kept_with_their_own_post(open_recorder: Any, lines: Any) -> None:
    arrived: list[str] = []

    async def record() -> None:
        all_there = asyncio.Event()

        async def wait_for_the_others(request: httpx2.Request) -> httpx2.Response:
            arrived.append(text_of(request))
            if len(arrived) == N:
                all_there.set()
            await all_there.wait()
            return echo(request)

        recorder, service = open_recorder("once"), sdk(wait_for_the_others)  # type: ignore[arg-type]

        async def one(number: int) -> None:
            with recorder.asking("v", post(number), {}):
                await service.aio.models.generate_content(model="m", contents=post(number).text)

        await asyncio.gather(*(one(number) for number in range(N)))

    asyncio.run(record())
    each_has_its_own(lines())

    replaying, service = open_recorder(), sdk()
    with network_blocked:
        for number in reversed(range(N)):
            call = lambda number=number: service.models.generate_content(model="m", contents=post(number).text)  # noqa: E731
            assert replaying.play("v", post(number), call).text == f"Post {number}."[:7]


def test_calls_in_threads_that_have_their_cases_context_are_kept_with_their_own_post(
    open_recorder: Any, lines: Any
) -> None:
    recorder, service = open_recorder("once"), sdk(echo)

    def one(number: int) -> None:
        recorder.play("v", post(number), lambda: service.models.generate_content(model="m", contents=post(number).text))

    async def all_of_them() -> None:
        await asyncio.gather(*(asyncio.to_thread(one, number) for number in range(N)))

    asyncio.run(all_of_them())
    each_has_its_own(lines())


def test_a_thread_without_context_belongs_to_the_only_open_case(open_recorder: Any, lines: Any) -> None:
    http = client(echo)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()  # the thread is older than the case
        open_recorder("once").play(
            "v", post(0), lambda: pool.submit(http.post, URL, json=body(post(0).text)).result().json()
        )
    each_has_its_own(lines(), 1)


def test_where_two_cases_are_open_such_a_thread_is_refused_in_words(open_recorder: Any, lines: Any) -> None:
    recorder, http = open_recorder("once"), client(echo)
    with (
        ThreadPoolExecutor(1) as pool,
        recorder.opened(recorder.case("v", post(0))),
        recorder.opened(recorder.case("v", post(1))),
        pytest.raises(NotKeptError, match=r"2 cases were open, .* asyncio\.to_thread"),
    ):
        pool.submit(http.post, URL, json=body(post(0).text)).result()
    assert lines() == []


def test_a_login_of_such_a_thread_passes_all_the_same(open_recorder: Any, lines: Any) -> None:
    recorder, http = open_recorder("once"), client(lambda request: httpx2.Response(200, json={"access_token": "t"}))
    with (
        ThreadPoolExecutor(1) as pool,
        recorder.opened(recorder.case("v", post(0))),
        recorder.opened(recorder.case("v", post(1))),
    ):
        assert pool.submit(http.post, LOGIN[0], data={}).result().json() == {"access_token": "t"}
    assert lines() == []


def test_equal_requests_of_threads_get_an_answer_each(open_recorder: Any, lines: Any) -> None:
    count = iter(range(N))
    numbered = client(lambda request: httpx2.Response(200, json=answer(str(next(count)))))

    def perform() -> list[str]:
        def one(number: int) -> str:
            return said(numbered.post(URL, json=body("Question")).json())

        with ThreadPoolExecutor(N) as pool:
            return sorted(pool.map(one, range(N)))

    wanted = [str(number) for number in range(N)]
    assert Calls(open_recorder("once"), "v", post(0), Clear([])).play(perform, {}).value == wanted
    assert Calls(open_recorder(), "v", post(0), Clear([])).play(perform, {}).value == wanted
    assert len(lines()) == N


def test_a_call_that_comes_after_its_case_is_refused(open_recorder: Any) -> None:
    recorder = open_recorder("once")
    context: list[contextvars.Context] = []

    def call() -> Any:
        context.append(contextvars.copy_context())
        return client(echo).post(URL, json=body(post(0).text)).json()

    recorder.play("v", post(0), call)
    with pytest.raises(NotKeptError, match="which is over"):
        context[0].run(call)


@pytest.mark.parametrize("mode", ["none", "once"])
def test_what_is_asked_outside_of_all_cases_passes_and_is_not_kept(open_recorder: Any, lines: Any, mode: str) -> None:
    recorder = open_recorder("once")
    recorder.play("v", post(0), lambda: client(echo).post(URL, json=body(post(0).text)).json())
    with_case = open_recorder(mode)
    with_case.opened(with_case.case("v", post(0)))  # in place, and not entered
    assert said(client(echo).post(URL, json=body("Another text")).json()) == "Another"
    assert len(lines()) == 1


def test_a_cassette_of_the_users_own_inside_a_technique_wins(open_recorder: Any, lines: Any, tmp_path: Path) -> None:
    def perform() -> str:
        with vcr.use_cassette(str(tmp_path / "own.yaml"), record_mode="once", match_on=["method", "uri", "body"]):
            return said(client(echo).post("http://elsewhere.invalid/x", json=body("First")).json())

    calls = Calls(open_recorder("once"), "v", post(0), Clear([]))
    assert calls.play(perform, {}).value == "First"
    assert lines() == []
    assert "elsewhere.invalid" in (tmp_path / "own.yaml").read_text()


# A call that the seam does not see is not lost quietly.


def test_a_call_that_passed_unseen_while_recording_leaves_nothing(open_recorder: Any, lines: Any) -> None:
    first = iter([True])

    def perform() -> str:
        http = client(echo)
        if next(first, False):
            with force_reset():  # what vcrpy does in one thread while another opens a connection of requests
                return said(http.post(URL, json=body("Question")).json())
        return said(http.post(URL, json=body("Question")).json())

    with pytest.raises(NotKeptError, match="run again on the answers it had"):
        Calls(open_recorder("once"), "v", post(0), Clear([])).play(perform, {})
    assert lines() == []


def test_a_prompt_whose_call_passed_unseen_is_not_recorded(open_recorder: Any, lines: Any) -> None:
    def call() -> Any:
        with force_reset():
            return client(echo).post(URL, json=body(post(0).text)).json()

    with pytest.raises(NotKeptError, match="its request went past the cassette"):
        open_recorder("once").play("v", post(0), call)
    assert lines() == []


def test_what_a_technique_asks_by_another_library_is_found_when_it_is_recorded(open_recorder: Any, lines: Any) -> None:
    import urllib.request

    with Echo() as url:

        def perform() -> str:
            http = client(echo)
            with urllib.request.urlopen(url + "/other", timeout=5) as response:  # noqa: S310
                response.read()
            return said(http.post(URL, json=body("Question")).json())

        with pytest.raises(NotKeptError, match=r"left the machine by another way .*127\.0\.0\.1"):
            Calls(open_recorder("once"), "v", post(0), Clear([])).play(perform, {})
    assert lines() == []


def test_no_call_is_lost_while_another_thread_opens_a_connection(
    open_recorder: Any, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpcore2._backends.sync as backend

    plain, opening = backend.SyncBackend.connect_tcp, threading.Event()

    def slow(*arguments: Any, **more: Any) -> Any:
        opening.set()
        time.sleep(0.2)  # as a TLS handshake may take
        return plain(*arguments, **more)

    recorder = open_recorder("once")
    with Echo() as url, httpx2.Client(base_url=url) as warm, httpx2.Client(base_url=url) as cold:
        warm.get("/")  # its connection is open
        monkeypatch.setattr(backend.SyncBackend, "connect_tcp", slow)

        def ask(http: httpx2.Client, number: int) -> None:
            path = "/v1/models/m:generateContent"
            recorder.play("v", post(number), lambda: http.post(path, json=body(post(number).text)).json())

        thread = threading.Thread(target=ask, args=(cold, 0))
        thread.start()
        assert opening.wait(5)
        for number in range(1, N):
            ask(warm, number)
        thread.join()
    each_has_its_own(lines())


def test_the_cassette_is_in_the_libraries_that_were_asked_for_until_the_last_that_uses_it_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whoever else has it open in this process.
    for name, empty in (("_open", set()), ("_placed", set()), ("_places", contextlib.ExitStack())):
        monkeypatch.setattr(Seam, name, empty)

    def now() -> list[object]:
        return [httpx2.HTTPTransport.handle_request, http.client.HTTPConnection]

    real, first, second = now(), Seam(), Seam()

    def is_in_place() -> list[bool]:
        return [one is not other for one, other in zip(now(), real, strict=True)]

    first.open()
    second.open()
    assert is_in_place() == [True, False]
    second.open(every_library=True)
    assert is_in_place() == [True, True]
    second.close()
    assert is_in_place() == [True, True]
    second.open()
    first.close()
    assert is_in_place() == [True, True]
    second.close()
    assert is_in_place() == [False, False]


def test_techniques_ask_one_case_at_a_time(open_recorder: Any, lines: Any) -> None:
    recorder, inside, most = open_recorder("once"), [0], [0]

    def perform() -> str:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.01)
        inside[0] -= 1
        return said(client(echo).post(URL, json=body("Question")).json())

    def one(number: int) -> str:
        return Calls(recorder, "v", post(number), Clear([])).play(perform, {}).value

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, range(4))) == {"Questio"}
    assert (most, len(lines())) == ([1], 4)


# Log-in.

LOGIN = [
    "https://oauth2.googleapis.com/token",
    "https://oauth2.mtls.googleapis.com/token",
    "https://sts.googleapis.com/v1/token",
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/x:generateAccessToken",
    "https://accounts.google.com/o/oauth2/token",
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
    "http://169.254.169.254/computeMetadata/v1/",
]


@pytest.mark.parametrize("host", LOGIN)
def test_a_login_inside_a_case_passes_and_is_not_kept(open_recorder: Any, folder: Path, lines: Any, host: Any) -> None:
    def service(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"access_token": "t0ken"}) if str(request.url) == host else echo(request)

    def call() -> Any:
        http = client(service)
        assert http.post(host, data={"grant_type": "refresh_token"}).json() == {"access_token": "t0ken"}
        return http.post(URL, json=body(post(0).text)).json()

    open_recorder("once").play("v", post(0), call)
    each_has_its_own(lines(), 1)
    assert "t0ken" not in (folder / "v.jsonl").read_text()
    assert said(open_recorder().play("v", post(0), call)) == "Post 0."  # passes in a replay, too: to the network block
    played = Calls(open_recorder("all"), "w", post(0), Clear([])).play(lambda: said(call()), {})
    assert (played.value, len(played.answers)) == ("Post 0.", 1)


def test_the_sdks_own_login_on_vertex_is_not_one_of_the_cases_calls(
    open_recorder: Any, folder: Path, lines: Any
) -> None:
    from google.oauth2.credentials import Credentials

    with (server := Echo()) as url:
        for variant, recorder in (("v", open_recorder("once")), ("w", open_recorder("once"))):
            account = Credentials(  # type: ignore[no-untyped-call]
                None, refresh_token="r", token_uri=f"{url}/token", client_id="c", client_secret="s"
            )
            vertex = genai.Client(
                vertexai=True, project="p", location="l", credentials=account, http_options=HttpOptions(base_url=url)
            )

            def ask(vertex: genai.Client = vertex) -> Any:
                return vertex.models.generate_content(model="m", contents=post(0).text).text

            if variant == "v":
                assert recorder.play("v", post(0), ask) == "Post 0."
            else:
                assert Calls(recorder, "w", post(0), Clear([])).play(ask, {}).value == "Post 0."
    assert [path == "/token" for path in server.paths] == [True, False, True, False]
    each_has_its_own(lines(), 1)
    assert [json.loads(raw)["key"] for raw in (folder / "w.jsonl").read_text().splitlines()] == [post(0).id]
    assert "t0ken" not in "".join(path.read_text() for path in folder.iterdir())


def test_a_login_in_a_replay_meets_the_network_block(open_recorder: Any) -> None:
    recorder = open_recorder()
    with (
        recorder.opened(recorder.case("v", post(0))),
        pytest.raises(NetworkBlockedError, match=r"oauth2\.googleapis\.com"),
        network_blocked,
        attempts_fail,
    ):
        httpx2.post(LOGIN[0], data={}, trust_env=False)


# Patience is above the seam, and a case keeps its lines when it closes.


def tries(*statuses: int) -> Answer:
    left = list(statuses)

    def service(request: httpx2.Request) -> httpx2.Response:
        status = left.pop(0)
        return httpx2.Response(status, json=answer(f"after {status} {len(left)}") if status == 200 else {"error": {}})

    return service


def ask_until(http: httpx2.Client, text: str) -> str:
    while (response := http.post(URL, json=body(text))).status_code != 200:
        pass
    return said(response.json())


def test_of_a_prompt_only_the_last_answer_is_kept(open_recorder: Any, lines: Any) -> None:
    http = client(tries(503, 429, 200))
    assert open_recorder("once").play("v", post(0), lambda: ask_until(http, post(0).text)) == "after 200 0"
    (line,) = lines()
    assert said(line.answer) == "after 200 0"
    assert open_recorder().play("v", post(0), lambda: ask_until(client(), post(0).text)) == "after 200 0"


def test_only_a_line_that_is_to_be_asked_again_is_passed_over(open_recorder: Any) -> None:
    open_recorder("once").play("v", post(0), lambda: ask_until(client(tries(200)), post(0).text))
    kept, again = (open_recorder("once", asks_again=lambda line, key=key: line.key == key) for key in ("", post(0).id))
    assert kept.play("v", post(0), lambda: ask_until(client(), post(0).text)) == "after 200 0"
    assert again.play("v", post(0), lambda: ask_until(client(tries(200, 200)), post(0).text)) == "after 200 1"


def test_tries_of_a_technique_are_no_calls_of_their_own(open_recorder: Any, lines: Any) -> None:
    http = client(tries(503, 200, 429, 503, 200))

    def perform() -> list[str]:
        return [ask_until(http, text) for text in ("First", "Second")]

    calls = Calls(open_recorder("once"), "v", post(0), Clear(["First one", "Second one"]))
    assert calls.play(perform, {}).value == ["after 200 3", "after 200 0"]
    assert [line.key for line in lines()] == ["sci.space-0", "sci.space-0~2"]


def test_a_case_that_raises_keeps_nothing(open_recorder: Any, lines: Any) -> None:
    def call() -> None:
        client(echo).post(URL, json=body(post(0).text))
        raise RuntimeError("later")

    for mode in ("once", "all"):
        with pytest.raises(RuntimeError):
            open_recorder(mode).play("v", post(0), call)

    async def side_by_side() -> None:
        with open_recorder("once").asking("v", post(0), {}):
            call()

    with pytest.raises(RuntimeError):
        asyncio.run(side_by_side())
    assert lines() == []
