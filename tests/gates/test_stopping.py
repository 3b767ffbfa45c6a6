"""When the gates of a variant are decided: pure functions over made answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from newsgauge.gates.findings import Limit
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.gates.stopping import boundaries, find_stop, limits_to_watch, looks_of
from newsgauge.planning.sampling import asking_order
from newsgauge.records import Key, Result
from tests.gates.made_results import plan, posts, result

FLOOR = Limit("min_accuracy", 0.5, "why")
PLAN = plan(60)


def answers(n: int, right: int) -> dict[Key, Result]:
    """The first ``n`` answers in the order of asking, the first ``right`` of them right."""
    first = asking_order(PLAN.posts, PLAN.seed)[:n]
    return {(post.id, "v"): result(post, "v", place < right) for place, post in enumerate(first)}


def test_posts_are_asked_in_rounds_over_the_labels_and_fewer_are_spread() -> None:
    order = asking_order(PLAN.posts, PLAN.seed)
    assert all({post.label for post in order[i : i + 2]} == {"a", "b"} for i in range(0, 60, 2))
    assert order == asking_order(reversed(PLAN.posts), PLAN.seed)
    assert order != asking_order(PLAN.posts, 1)
    mixed = [*posts(60, ("a",)), *(replace(post, id=f"few-{post.id}", label="b") for post in posts(12, ("b",)))]
    counts = Counter(post.label for post in asking_order(mixed, 0)[:36])
    assert counts == {"a": 30, "b": 6}


def test_a_variant_stops_at_the_first_look_that_decides_all_its_limits() -> None:
    looks = looks_of(PLAN, 6)
    assert looks == (10, 20, 30, 40, 50, 60)
    first = next(look for look in boundaries(0.5, looks, True) if look.pass_at is not None and look.pass_at <= look.n)
    assert find_stop([FLOOR], "v", PLAN, 6, answers(first.n - 1, 60)) is None
    stop = find_stop([FLOOR], "v", PLAN, 6, answers(first.n, 60))
    assert stop is not None
    assert (stop.n, stop.limits[0].finding) == (first.n, "PASS")
    # A second limit that is open keeps it going, and the first one's verdict stays that of its look.
    hard = replace(FLOOR, limit=0.9)
    assert find_stop([FLOOR, hard], "v", PLAN, 6, answers(first.n, 60)) is None
    both = find_stop([FLOOR, hard], "v", PLAN, 6, answers(60, 30))
    assert both is not None
    assert both.n > stop.n
    assert [(one.finding, one.look) for one in both.limits] == [("PASS", stop.look), ("FAIL", both.look)]


def test_a_limit_that_no_look_decides_is_inconclusive_after_the_whole_plan() -> None:
    alternating = {
        (post.id, "v"): result(post, "v", place % 2 == 0)
        for place, post in enumerate(asking_order(PLAN.posts, PLAN.seed))
    }
    stop = find_stop([FLOOR], "v", PLAN, 6, alternating)
    assert stop is not None
    assert stop.words() == "INCONCLUSIVE after 60 of 60 (look 6 of 6)"


def test_what_is_recorded_already_counts_and_changes_no_verdict() -> None:
    early = find_stop([FLOOR], "v", PLAN, 6, answers(60, 60))
    late = find_stop([FLOOR], "v", PLAN, 6, answers(60, 60), n_recorded=31)
    assert early is not None
    assert late is not None
    assert (late.n, late.look, late.limits) == (40, 4, early.limits)


def test_threads_and_repeats_are_no_independent_answers() -> None:
    gates = [LimitsGate("v", "v", (FLOOR,))]
    assert limits_to_watch(gates, "v", PLAN) == ((FLOOR,), ())
    threaded = replace(PLAN, posts=tuple(replace(post, thread="one") for post in PLAN.posts))
    assert "posts of one thread" in limits_to_watch(gates, "v", threaded)[1][0]
    assert "asks each post 3 times" in limits_to_watch(gates, "v", replace(PLAN, repeats={"v": 3}))[1][0]
