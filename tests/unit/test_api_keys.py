"""Keys as they are configured: read strictly, never quoted, found again by nothing but themselves."""

import pytest
from pydantic import ValidationError

from app.access.keys import PREFIX, Keys, digest, new, parse, read
from app.errors import InvalidRequest
from app.settings import Settings

ONE, OTHER = digest(b"one").hex(), digest(b"other").hex()


@pytest.mark.parametrize(
    ("limits", "rate", "burst", "jobs"),
    [
        ("", None, 1, None),
        (":10", 10.0, 10, None),
        (":0.5", 0.5, 1, None),
        (":10/50", 10.0, 50, None),
        (":10:3", 10.0, 10, 3),
        (":2.5/20:0", 2.5, 20, 0),
        ("::3", None, 1, 3),
        (":", None, 1, None),
        ("::", None, 1, None),
    ],
)
def test_limits_may_follow_the_hash(limits, rate, burst, jobs) -> None:
    (key,) = parse(f"alice:{ONE}{limits}")
    assert (key.name, key.digest, key.rate, key.burst, key.jobs) == ("alice", digest(b"one"), rate, burst, jobs)


def test_entries_stand_between_commas_or_on_lines_with_comments() -> None:
    text = f"# clients\nalice:{ONE}:10, bob:{OTHER}  # with a comma, too\n\n  \ncarol:{digest(b'x').hex().upper()}\n"
    assert [key.name for key in parse(text)] == ["alice", "bob", "carol"]
    assert parse(" \n# nobody\n") == ()


@pytest.mark.parametrize(
    "entry",
    [
        "trm_secret",
        "alice",
        "alice:trm_secret",
        f":{ONE}",
        f"al ice:{ONE}",
        f"{'a' * 65}:{ONE}",
        f"älice:{ONE}",
        f"alice:{ONE[1:]}",
        f"alice:{ONE}:fast",
        f"alice:{ONE}:-1",
        f"alice:{ONE}:0",
        f"alice:{ONE}:1/0",
        f"alice:{ONE}:\u0661",
        f"alice:{ONE}:{'9' * 400}",
        f"alice:{ONE}:1e400",
        f"alice:{ONE}:1:many",
        f"alice:{ONE}:1:1:1",
        f"alice:{ONE};bob:{OTHER}",
    ],
)
def test_what_is_no_entry_is_refused_by_its_number_and_never_quoted(entry) -> None:
    with pytest.raises(ValueError, match="key 2 ") as caught:
        parse(f"first:{digest(b'first').hex()},{entry}")
    assert not any(part in str(caught.value) for part in ("secret", "alice", ONE[1:]))


def test_two_clients_have_two_names_and_two_keys(tmp_path) -> None:
    with pytest.raises(ValueError, match="alice"):
        parse(f"alice:{ONE},alice:{OTHER}")
    with pytest.raises(ValueError, match="same key"):
        parse(f"alice:{ONE},bob:{ONE}")
    file = tmp_path / "keys"
    file.write_text(f"alice:{OTHER}")
    with pytest.raises(InvalidRequest, match="alice"):
        read(f"alice:{ONE}", file)


def test_keys_of_the_setting_and_of_the_file_are_one_list(tmp_path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"bob:{OTHER}\n")
    assert [key.name for key in read(f"alice:{ONE}", file)] == ["alice", "bob"]
    assert read("", None) == ()


def test_a_file_without_a_key_does_not_let_everybody_in(tmp_path) -> None:
    file = tmp_path / "keys"
    file.write_text("# nobody yet\n")
    with pytest.raises(InvalidRequest, match="has no key in it"):
        read(f"alice:{ONE}", file)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"trm_secret"])
def test_a_file_that_is_none_is_an_error_that_quotes_nothing_of_it(tmp_path, content) -> None:
    file = tmp_path / "keys"
    if content:
        file.write_bytes(content)
    with pytest.raises(InvalidRequest, match=r"^TRM_API_KEYS_FILE: ") as caught:
        read("", file)
    assert "secret" not in caught.value.detail


def test_settings_refuse_a_wrong_entry_and_show_none(monkeypatch) -> None:
    monkeypatch.setenv("TRM_API_KEYS", f"alice:{ONE}")
    assert ONE not in f"{Settings()!r} {Settings()}"
    monkeypatch.setenv("TRM_API_KEYS", "trm_secret")
    with pytest.raises(ValidationError, match="api_keys") as caught:
        Settings()
    assert "secret" not in str(caught.value)


def test_a_key_is_found_by_itself_only() -> None:
    keys = Keys(parse(f"alice:{ONE}:1,bob:{OTHER}"))
    assert [keys.find(presented).name for presented in (b"one", b"other")] == ["alice", "bob"]
    for wrong in (b"", b"One", b"one ", b"alice", ONE.encode(), digest(b"one"), b"\xff" * 1000):
        assert keys.find(wrong) is None


def test_a_new_key_is_let_in_by_its_entry_and_by_no_other() -> None:
    (one, first), (other, second) = new("alice", "10/20:3"), new("bob")
    keys = Keys(parse(f"{first}\n{second}"))
    assert (keys.find(one.encode()).name, keys.find(other.encode()).name) == ("alice", "bob")
    assert (keys.find(one.encode()).burst, keys.find(one.encode()).jobs) == (20, 3)
    assert one.startswith(PREFIX)
    assert len(one) == len(PREFIX) + 43
    assert one not in first


@pytest.mark.parametrize(("name", "limits"), [("", ""), ("a b", ""), ("alice,bob", ""), ("alice", "fast")])
def test_a_new_key_has_a_name_and_limits_that_can_be_configured(name, limits) -> None:
    with pytest.raises(ValueError, match="form"):
        new(name, limits)
