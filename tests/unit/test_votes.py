"""Votes: who leads, and when nobody else can any more."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.votes import Votes

VOID = b"void"
BALLOTS = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", VOID]), st.sampled_from([0.25, 0.5, 0.75])), max_size=6)


def counted(*ballots: tuple[bytes, float]) -> Votes:
    votes = Votes()
    for answer, probability in ballots:
        votes.add(answer, probability, void=answer == VOID)
    return votes


@pytest.mark.parametrize(
    ("ballots", "ranked"),
    [
        ([(b"a", 0.1)], [(b"a", 0.1)]),
        ([(b"a", 0.9), (b"b", 0.1), (b"b", 0.3)], [(b"b", 0.2), (b"a", 0.9)]),
        ([(b"a", 0.1), (b"b", 0.9)], [(b"b", 0.9), (b"a", 0.1)]),
        ([(b"a", 0.5), (b"b", 0.5)], [(b"a", 0.5), (b"b", 0.5)]),
        ([(VOID, 0.9), (VOID, 0.9), (b"a", 0.1)], [(b"a", 0.1), (VOID, 0.9)]),
    ],
    ids=["one", "most votes", "as many, likelier", "as many, as likely, earlier", "void"],
)
def test_the_answer_with_most_votes_comes_first(ballots, ranked) -> None:
    assert [(answer, round(mean, 6)) for answer, mean in counted(*ballots).ranked()] == ranked


@given(ballots=BALLOTS, left=st.integers(0, 3))
def test_a_vote_is_settled_only_if_no_ballots_to_come_change_who_leads(ballots, left) -> None:
    if counted(*ballots).settled(left):
        leader = counted(*ballots).ranked()[0][0]
        for more in product(product((b"a", b"b", b"new", VOID), (0.0, 1.0)), repeat=left):
            assert counted(*ballots, *more).ranked()[0][0] == leader


@pytest.mark.parametrize(
    ("answers", "left", "settled"), [("", 0, False), ("a", 0, True), ("a", 1, False), ("aa", 1, True), ("aab", 1, False), ("aaab", 1, True)]
)
def test_a_lead_that_can_be_caught_up_with_settles_nothing(answers, left, settled) -> None:
    assert counted(*((answer.encode(), 0.5) for answer in answers)).settled(left) == settled
