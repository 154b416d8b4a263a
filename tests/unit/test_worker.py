"""What a worker tells the pool, and when: at once what somebody waits for alone, of bulk some steps together. No process, and time stands still."""

from types import SimpleNamespace

import pytest

from app.pool import worker
from app.pool.messages import Abort, Idle, Ready, Stepped, Stop, Submit
from app.pool.worker import BULK_SECONDS, TELL_SECONDS, Worker
from tests.support.engines import engine
from tests.support.grids import QUESTIONS, tokens
from tests.support.requests import ask

FOUR = tokens(QUESTIONS[4]).tobytes()


class Pipe:
    """Gives what the script says, one entry each time that the worker looks, and keeps what it sends. `step_seconds` pass at each look."""

    def __init__(self, script: list[list[object]], now: list[float], step_seconds: float) -> None:
        self.script, self.now, self.step_seconds = script, now, step_seconds
        self.sent = list[object]()

    def receive(self, *, wait: bool) -> list[object]:
        self.now[0] += self.step_seconds
        if wait:  # nothing comes until something does
            while not self.script[0]:
                self.script.pop(0)
        return self.script.pop(0)

    def send(self, message: object) -> None:
        self.sent.append(message)


@pytest.fixture
def told(monkeypatch):
    """What is sent when the script has been worked off, and by which look."""

    def run(script: list[list[object]], step_seconds: float = 0.0, depth: float = 1) -> list[object]:
        now = [0.0]
        monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now[0]))
        pipe = Pipe([*script, [Stop()]], now, step_seconds)
        Worker(pipe, {"four": {16: engine(side=4, slots=2, depth=lambda _: depth)}}).run()
        assert pipe.sent.pop(0) == Ready("cpu")
        return pipe.sent

    return run


def submit(name: str, *, bulk: bool, **fields: object) -> Submit:
    return Submit("four", ask(name, cells=FOUR, bulk=bulk, **fields))


def finished(messages: list[object]) -> list[list[str]]:
    return [[each.id for each in message.finished] for message in messages if isinstance(message, Stepped)]


def test_of_single_puzzles_it_tells_at_every_step(told) -> None:
    assert finished(told([[submit(name, bulk=False) for name in "abcdef"], [], [], []])) == [["a", "b"], ["c", "d"], ["e", "f"]]


def test_of_bulk_it_tells_of_some_steps_together_and_at_the_end(told) -> None:
    messages = told([[submit(name, bulk=True) for name in "abcdef"], [], [], []])
    assert finished(messages) == [list("abcdef")]
    assert len(messages[0].steps) == 3
    assert sorted(messages[0].started) == list("abcdef")


def test_but_not_of_more_than_a_few_milliseconds(told) -> None:
    messages = told([[submit(name, bulk=True) for name in "abcdef"], [], [], []], step_seconds=BULK_SECONDS * 0.6)
    assert finished(messages) == [["a", "b", "c", "d"], ["e", "f"]]


def test_a_single_puzzle_among_bulk_does_not_wait(told) -> None:
    messages = told([[submit("a", bulk=True), submit("b", bulk=False), submit("c", bulk=True)], [], []])
    assert finished(messages)[0] == ["b", "a"] or finished(messages)[0] == ["a", "b"]


def test_one_that_comes_to_nothing_does_not_either(told) -> None:
    late = submit("late", bulk=True, deadline=-1.0)
    assert finished(told([[late, *(submit(name, bulk=True) for name in "abcd")], [], []]))[0] == ["late", "a", "b"]


def test_of_steps_that_bring_nothing_it_tells_now_and_then(told) -> None:
    messages = told([[submit("a", bulk=True)], *[[]] * 9], step_seconds=TELL_SECONDS * 0.4, depth=9)
    assert [len(message.steps) for message in messages] == [3, 3, 3]


def test_what_it_has_not_told_yet_it_tells_when_the_rest_is_aborted(told) -> None:
    messages = told([[submit("a", bulk=True), submit("b", bulk=True, halt="never", max_steps=16)], [Abort("four", "b")]])
    assert finished(messages) == [["a"]]
    assert messages[-1] == Idle()
