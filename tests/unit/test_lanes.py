"""Who is next: by lane, then by arrival, and nobody is passed over more often than is promised."""

from hypothesis import given
from hypothesis import strategies as st

from app.engine.lanes import Lanes

MOVES = st.lists(st.tuples(st.sampled_from(["add", "add", "add first", "take", "take", "take", "discard"]), st.integers(0, 9)), max_size=120)


def filled(*lanes: str, turns: int = 3) -> Lanes[str]:
    made = Lanes[str](len(lanes), turns)
    for number, names in enumerate(lanes):
        for name in names:
            made.add(name, number)
    return made


def taken(lanes: Lanes[str]) -> str:
    return "".join(lanes.take() for _ in range(len(lanes)))


def test_the_first_lane_goes_first_and_each_in_order_of_arrival() -> None:
    assert taken(filled("abc", "de")) == "abcde"


def test_a_lane_is_passed_over_so_many_times_and_then_is_next() -> None:
    assert taken(filled("abcdefghi", "xyz")) == "abcxdefyghiz"


def test_so_are_several_by_precedence() -> None:
    assert taken(filled("abcdefg", "xy", "pq")) == "abcxpdeyqfg"


def test_a_lane_that_was_empty_does_not_count_what_it_missed() -> None:
    lanes = filled("abcdefg", "")
    assert [lanes.take() for _ in range(3)] == list("abc")
    lanes.add("x", 1)
    assert taken(lanes) == "defxg"


def test_the_head_is_who_is_taken_next() -> None:
    lanes = filled("abcd", "x")
    while lanes:
        head = lanes.head()
        assert lanes.take() == head
    assert lanes.head() is None
    assert lanes.take() is None


def test_an_item_can_go_before_its_lane_and_leave_it() -> None:
    lanes = filled("ab", "x")
    lanes.add("c", 0, first=True)
    assert (lanes.discard("a"), lanes.discard("a")) == (True, False)
    assert (list(lanes), len(lanes), "a" in lanes, "x" in lanes) == (["c", "b", "x"], 3, False, True)


@given(count=st.integers(2, 5), turns=st.integers(1, 6), moves=MOVES)
def test_no_lane_is_passed_over_more_often_than_promised(count, turns, moves) -> None:
    """Against lists: whoever is taken is at the head of a lane, and no lane is passed over more than `turns + count - 2` times in a row."""
    lanes, lists = Lanes[int](count, turns), [list[int]() for _ in range(count)]
    passed = [0] * count
    for name, (move, number) in enumerate(moves):
        waiting = [item for each in lists for item in each]
        if move.startswith("add"):
            first = move == "add first"
            lanes.add(name, number % count, first=first)
            lists[number % count].insert(0 if first else len(lists[number % count]), name)
        elif move == "discard" and waiting:
            item = waiting[number % len(waiting)]
            assert lanes.discard(item)
            next(each for each in lists if item in each).remove(item)
        elif move == "take" and waiting:
            heads = {each[0]: lane for lane, each in enumerate(lists) if each}
            item = lanes.take()
            assert item in heads, "not first come, first served"
            assert heads[item] == min(heads.values()) or passed[heads[item]] >= turns, "out of turn"
            del lists[heads[item]][0]
            passed = [0 if lane == heads[item] else times + 1 for lane, times in enumerate(passed)]
        passed = [times if lists[lane] else 0 for lane, times in enumerate(passed)]
        assert max(passed) <= turns + count - 2, "starved"
        assert list(lanes) == [item for each in lists for item in each]
