"""When the gates of a variant are decided: pure functions over made answers."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from newsgauge.gates.findings import Limit
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.gates.stopping import find_stop, limits_to_watch, looks_of, stop_fault, stop_faults
from newsgauge.gates.watched import Answers, Pair, WatchedDrop, WatchedLead, WatchedRate, boundaries, decide_pairs
from newsgauge.planning.sampling import asking_order, stopped_at
from newsgauge.planning.stops import decode_stops, encode_stops, load_stops, save_stops
from newsgauge.records import Key, Result
from newsgauge.scoring.stats.sequential import operating
from tests.gates.made_results import plan, posts, result

FLOOR = Limit("min_accuracy", 0.5, "why")
WATCHED = WatchedRate("min_accuracy", 0.5, "v")
PLAN = plan(60)
LOOKS = looks_of(PLAN, 6)


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
    first = next(look for look in boundaries(0.5, looks) if look.pass_at is not None and look.pass_at <= look.n)
    assert find_stop([WATCHED], PLAN, LOOKS, answers(first.n - 1, 60)) is None
    stop = find_stop([WATCHED], PLAN, LOOKS, answers(first.n, 60))
    assert stop is not None
    assert (stop.n, stop.limits[0].finding) == (first.n, "PASS")
    # A second limit that is open keeps it going, and the first one's verdict stays that of its look.
    hard = replace(WATCHED, limit=0.9)
    assert find_stop([WATCHED, hard], PLAN, LOOKS, answers(first.n, 60)) is None
    both = find_stop([WATCHED, hard], PLAN, LOOKS, answers(60, 30))
    assert both is not None
    assert both.n > stop.n
    assert [(one.finding, one.look) for one in both.limits] == [("PASS", stop.look), ("FAIL", both.look)]


def test_a_limit_that_no_look_decides_is_inconclusive_after_the_whole_plan() -> None:
    alternating = {
        (post.id, "v"): result(post, "v", place % 2 == 0)
        for place, post in enumerate(asking_order(PLAN.posts, PLAN.seed))
    }
    stop = find_stop([WATCHED], PLAN, LOOKS, alternating)
    assert stop is not None
    assert stop.words() == "INCONCLUSIVE after 60 of 60 (look 6 of 6)"


def test_what_is_recorded_already_counts_and_changes_no_verdict() -> None:
    early = find_stop([WATCHED], PLAN, LOOKS, answers(60, 60))
    late = find_stop([WATCHED], PLAN, LOOKS, answers(60, 60), n_recorded=31)
    assert early is not None
    assert late is not None
    assert (late.n, late.look, late.limits) == (40, 4, early.limits)


def test_repeats_are_no_independent_answers() -> None:
    gates = [LimitsGate("v", "v", (FLOOR,))]
    assert limits_to_watch(gates, "v", PLAN, None) == ((WATCHED,), ())
    assert "asks each post 3 times" in limits_to_watch(gates, "v", replace(PLAN, repeats={"v": 3}), None)[1][0]


def right_but(**wrong: int) -> dict[Key, Result]:
    """Answers of several variants to the whole plan; of each the last so many in every ten posts are wrong."""
    order = asking_order(PLAN.posts, PLAN.seed)
    return {
        (post.id, name): result(post, name, place % 10 < 10 - n)
        for name, n in wrong.items()
        for place, post in enumerate(order)
    }


def test_a_comparison_is_decided_on_what_both_sides_answered() -> None:
    looks, pair = looks_of(PLAN, 6), Pair("good", "bad", 0.0, True)
    results = right_but(good=0, bad=4)
    # 4, 8, 12 gains and no loss: 0.5 ** 8 is 0.4%, of which a third of the posts may spend 0.07%.
    assert decide_pairs((pair,), Answers(PLAN, looks, results)) == {pair: (3, True)}
    assert decide_pairs((Pair("bad", "good", 0.0, True),), Answers(PLAN, looks, results)) == {
        Pair("bad", "good", 0.0, True): (3, False)
    }
    third = {post.id for post in asking_order(PLAN.posts, PLAN.seed)[:29]}
    short = {key: one for key, one in results.items() if key[1] == "good" or key[0] in third}
    assert decide_pairs((pair,), Answers(PLAN, looks, short)) == {}


def test_several_comparisons_are_corrected_and_wait_for_the_primary_one() -> None:
    looks, results = looks_of(PLAN, 6), right_but(good=0, bad=4, fair=1, same=0)
    primary, clear, small = (
        Pair("good", "fair", 0.0, True),
        Pair("good", "bad", 0.0, False),
        Pair("bad", "fair", 0, False),
    )
    found = decide_pairs(
        (
            primary,
            clear,
            small,
        ),
        Answers(PLAN, looks, results),
    )
    # One gain in ten posts: after 50 posts 0.5 ** 5 is 3.1%, and 2 - 2 Phi(1.96 / sqrt(5 / 6)) = 3.2% may be spent.
    assert found[primary] == (5, True)
    assert found[clear] == (5, True)
    assert found[small][1] is False
    alone = decide_pairs(
        (
            replace(clear, is_primary=True),
            small,
        ),
        Answers(PLAN, looks, results),
    )
    assert alone[replace(clear, is_primary=True)] == (3, True)
    # Holm's level for the first of three is 1.67%, of four 1.25%; after 60 posts 0.5 ** 6 is 1.56%.
    four = [
        Pair(*names, 0.0, False) for names in (("good", "fair"), ("good", "same"), ("same", "good"), ("same", "fair"))
    ]
    assert decide_pairs(tuple(four), Answers(PLAN, looks, results)) == {}
    assert decide_pairs(tuple(four[:3]), Answers(PLAN, looks, results)) == {four[0]: (6, True)}


def test_a_drop_is_decided_against_the_baseline_and_stays_so_if_that_is_replaced() -> None:
    results = right_but(v=0)
    drop = WatchedDrop("max_drop", 0.2, "v", {post.id: True for post in PLAN.posts}, "then")
    stop = find_stop([drop], PLAN, LOOKS, results)
    assert stop is not None
    assert (stop.limits[0].finding, stop.n < 60) == ("PASS", True)
    assert [n for n, _, _ in stop.limits[0].counts] == list(LOOKS)
    stopped = stopped_at(PLAN, {"v": stop})
    assert stop_fault("v", stopped, [drop], results) == ""
    replaced = WatchedDrop("max_drop", 0.2, "v", {post.id: False for post in PLAN.posts}, "now")
    assert stop_fault("v", stopped, [replaced], results) == ""
    assert "max_drop 0.1" in stop_fault("v", stopped, [replace(replaced, limit=0.1)], results)
    assert decode_stops(encode_stops({"v": stop})) == {"v": stop}
    # A run that writes the baseline is not held to it, and is green.
    assert list(stop_faults(stopped, [], results, None, updating=True)) == []
    (held,) = stop_faults(stopped, [], results, None, updating=False)
    assert held.startswith("v: its recording stopped early, but ")
    # Its baseline is no excuse for limits that are about none.
    floor = find_stop([WatchedRate("min_accuracy", 0.5, "v")], PLAN, LOOKS, results)
    assert floor is not None
    (other,) = stop_faults(stopped_at(PLAN, {"v": floor}), [], results, None, updating=True)
    assert other.startswith("v: its recording stopped early, but ")
    nothing = find_stop([WatchedDrop("max_drop", 0.2, "v", {}, "then")], PLAN, LOOKS, results)
    assert nothing is not None
    assert nothing.words() == "INCONCLUSIVE after 10 of 60 (look 1 of 6), 50 calls saved"


def test_a_stop_is_valid_for_all_the_limits_that_it_was_computed_for_and_no_others() -> None:
    results, errors = right_but(v=0), WatchedRate("max_error_rate", 0.3, "v")
    stop = find_stop([WATCHED, errors], PLAN, LOOKS, results)
    assert stop is not None
    stopped = stopped_at(PLAN, {"v": stop})
    assert stop_fault("v", stopped, [WATCHED, errors], results) == ""
    (one, both) = "min_accuracy 0.5", "max_error_rate 0.3, min_accuracy 0.5"
    said = "v: its recording stopped when {} was decided, and the gates now ask {}: a stop is valid only for"
    assert stop_fault("v", stopped, [WATCHED], results).startswith(said.format(both, one))
    # The limits of one gate are some of them.
    assert stop_fault("v", stopped, [WATCHED], results, only=True) == ""
    higher = stop_fault("v", stopped, [replace(WATCHED, limit=0.6)], results, only=True)
    assert higher.startswith(said.format(one, "min_accuracy 0.6"))
    # Nor of answers that do not bear it out; if some are missing, that is a reason by itself.
    first = [post.id for post in asking_order(PLAN.posts, PLAN.seed)[: stop.n]]
    wrong = {key: replace(one, prediction=result(PLAN.posts[0], "v", False).prediction) for key, one in results.items()}
    assert "by the answers recorded it would" in stop_fault("v", stopped, [WATCHED, errors], wrong)
    assert (
        stop_fault("v", stopped, [WATCHED, errors], {key: one for key, one in wrong.items() if key[0] != first[0]})
        == ""
    )


def test_a_lead_over_a_variant_that_is_not_asked_stays_as_it_was_decided() -> None:
    pair, results = Pair("good", "bad", 0.0, True), right_but(good=0, bad=4)
    stop = find_stop([WatchedLead("beats bad", 0.0, pair, (pair,))], PLAN, LOOKS, results)
    assert stop is not None
    stopped = stopped_at(PLAN, {"good": stop})
    assert stop_fault("good", stopped, [], results).startswith(
        "good: its recording stopped when beats bad 0 was decided, and the gates now ask nothing of it: "
    )
    of_two = WatchedLead("beats bad", 0.0, pair, (pair, replace(pair, other="fair")))
    assert "now ask beats bad 0 (of 2 comparisons): " in stop_fault("good", stopped, [of_two], results)
    assert stop_fault("good", stopped, [], {key: one for key, one in results.items() if key[1] == "good"}) == ""


def test_only_limits_that_are_held_by_bounds_wait_for_the_whole_plan() -> None:
    def early(*limits: Limit) -> tuple[object, object]:
        return limits_to_watch([LimitsGate("v", "v", limits)], "v", PLAN, None)

    f1, tokens = Limit("min_macro_f1", 0.5, "why"), Limit("max_input_tokens_mean", 100, "why")
    assert early(FLOOR, tokens) == ((WATCHED,), ())
    assert early(FLOOR, replace(f1, bound="value")) == ((WATCHED,), ())
    assert early(FLOOR, f1) == ((WATCHED,), ("v (min_macro_f1) can be decided on the whole plan only",))


def test_of_a_thread_only_the_post_that_is_asked_first_counts() -> None:
    order = asking_order(PLAN.posts, PLAN.seed)
    # Each post twice in its thread: 30 count, and boundaries are those of 5, 10, ... 30 independent posts.
    threads = {post.id: f"thread {place // 2}" for place, post in enumerate(order)}
    threaded = replace(PLAN, posts=tuple(replace(post, thread=threads[post.id]) for post in PLAN.posts))
    assert looks_of(threaded, 6) == LOOKS
    # The first of each thread is right, the second wrong: that is 30 of 30, not 30 of 60.
    results = {(post.id, "v"): result(post, "v", place % 2 == 0) for place, post in enumerate(order)}
    alone = boundaries(0.5, (5, 10, 15, 20, 25, 30))
    first = next(number for number, look in enumerate(alone, 1) if look.pass_at is not None and look.pass_at <= look.n)
    stop = find_stop([WATCHED], threaded, LOOKS, results)
    assert stop is not None
    assert (stop.look, stop.limits[0].finding) == (first, "PASS")
    # A comparison counts its flips likewise, and a look without a new thread is one without news.
    one_thread = replace(PLAN, posts=tuple(replace(post, thread="one") for post in PLAN.posts))
    every = right_but(good=0, bad=10)
    pair = Pair("good", "bad", 0.0, True)
    assert decide_pairs((pair,), Answers(one_thread, LOOKS, every)) == {}
    # Of 10 gains 0.5 ** 10 is 0.098%, and after a third 2 - 2 Phi(1.96 / sqrt(1 / 3)) = 0.069% may be spent.
    assert decide_pairs((pair,), Answers(threaded, LOOKS, every)) == {pair: (3, True)}
    # None of them is decided before the plan is asked whole.
    undecided = find_stop([WATCHED], one_thread, LOOKS, every | right_but(v=0))
    assert undecided is not None
    assert undecided.words() == "INCONCLUSIVE after 60 of 60 (look 6 of 6)"


def test_looks_are_chosen_for_few_calls_and_kept_to_rounds_over_the_labels() -> None:
    chosen = looks_of(PLAN, None, [WATCHED])
    assert chosen[-1] == 60
    assert all(n % 2 == 0 for n in chosen)
    found, whole = (operating(boundaries(0.5, looks), 0.56) for looks in (chosen, (60,)))
    assert found.passed >= whole.passed - 0.01
    # No design of those it chooses from that keeps that power takes 1% of the plan less.
    far = [operating(boundaries(0.5, looks_of(PLAN, n)), 0.56) for n in (5, 10, 20)]
    assert found.expected_n <= min(one.expected_n for one in far if one.passed >= whole.passed - 0.01) + 0.02 * 60
    assert looks_of(PLAN, None, [WATCHED, WatchedDrop("max_drop", 0.2, "v", {}, "")]) == looks_of(PLAN, 20)


def test_two_recordings_that_end_at_once_both_keep_their_stops(tmp_path: Path) -> None:
    stop = find_stop([WATCHED], PLAN, LOOKS, answers(60, 60))
    with ThreadPoolExecutor(4) as several:
        digests = [f"plan-{number}" for number in range(4)]
        list(several.map(lambda n: save_stops(tmp_path, digests[n % 4], {f"v{n}": stop}), range(20)))
    assert [len(load_stops(tmp_path, one)) for one in digests] == [5, 5, 5, 5]
    for one in digests:
        save_stops(tmp_path, one, dict.fromkeys([f"v{n}" for n in range(20)]))
    assert not list(tmp_path.iterdir())
