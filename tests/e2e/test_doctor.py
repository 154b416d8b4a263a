"""`trm doctor`: what a server would use here, from where each setting is, and what would keep it from starting."""

import json
import socket
import subprocess
from pathlib import Path

import pytest

from app.access.keys import new
from tests.e2e.serving import MODELS
from tests.e2e.terminal import trm, trm_in_a_terminal
from tests.support.redis_servers import RedisServer
from tests.support.stores import put

ONE = json.dumps([MODELS[-1]])


def findings(ran: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """Mark and the rest of each line, by the name of what was looked at."""
    assert ran.stderr == ""
    return {words[1]: (words[0], words[2]) for words in (line.split(maxsplit=2) for line in ran.stdout.splitlines())}


def test_it_tells_what_would_be_used_and_takes_a_step_with_every_model() -> None:
    ran = trm("doctor", port=0)
    assert ran.returncode == 0
    found = findings(ran)
    assert {mark for mark, _ in found.values()} <= {"ok", "note"}
    assert [line.split()[2] for line in ran.stdout.splitlines() if line.split()[1] == "model"] == MODELS
    assert ran.stdout.count("took a step") == len(MODELS)
    assert [found[name][1].split()[0] for name in ("answers", "jobs")] == ["memory", "memory"]
    assert "the default of TRM_BACKEND" in found["backend"][1]
    assert found["metrics"][1].startswith("no own port")
    assert found["keys"][0] == "ok"


def test_it_tells_where_a_setting_is_from() -> None:
    found = findings(trm("doctor", "--threads", 1, port=0, models=ONE, workers=1, slots=7))
    assert [found[name][1].split()[-1] for name in ("threads", "workers", "slots")] == ["--threads", "TRM_WORKERS", "TRM_SLOTS"]


def test_more_threads_than_cores_are_worth_a_note() -> None:
    assert findings(trm("doctor", "--workers", 200, models=ONE, port=0))["workers"][0] == "note"


def test_a_misspelt_setting_is_worth_a_note() -> None:
    ran = trm("doctor", models=ONE, port=0, wrokers=3, api_key="a client's, and no setting")
    assert ran.stdout.count("no such setting") == 1
    assert findings(ran)["variable"] == ("note", "TRM_WROKERS     no such setting, ignored")


def test_a_store_that_is_not_there_fails() -> None:
    ran = trm("doctor", model_store="/nowhere", port=0)
    assert ran.returncode == 1
    assert findings(ran)["models"][0] == "fails"


def test_a_model_whose_file_is_broken_fails_and_the_others_do_not(tmp_path: Path) -> None:
    put(tmp_path, "broken", 9)
    ran = trm("doctor", model_store=tmp_path, port=0)
    assert ran.returncode == 1
    assert findings(ran)["model"][0] == "fails"


def test_a_port_that_is_taken_fails() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = trm("doctor", port=taken.getsockname()[1], models=ONE)
    assert ran.returncode == 1
    assert findings(ran)["address"][0] == "fails"


def test_a_metrics_port_that_is_taken_fails() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = trm("doctor", "--metrics-port", taken.getsockname()[1], models=ONE, port=0)
    assert ran.returncode == 1
    mark, told = findings(ran)["metrics"]
    assert (mark, "--metrics-port; Address already in use" in told) == ("fails", True)


def test_one_port_for_both_fails() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert findings(trm("doctor", models=ONE, port=port, metrics_port=port))["metrics"][0] == "fails"


def test_api_keys_are_read_and_only_their_names_told(tmp_path: Path) -> None:
    (key, entry), file = new("alice"), tmp_path / "keys"
    file.write_text(entry)
    ran = trm("doctor", models=ONE, port=0, api_keys_file=file)
    assert findings(ran)["keys"] == ("ok", "1               asked for; their clients: alice")
    assert key not in ran.stdout
    assert entry.partition(":")[2] not in ran.stdout


def test_a_file_of_keys_that_would_end_the_start_fails(tmp_path: Path) -> None:
    ran = trm("doctor", models=ONE, port=0, api_keys_file=tmp_path / "keys")
    assert ran.returncode == 1
    mark, told = findings(ran)["keys"]
    assert (mark, "TRM_API_KEYS_FILE" in told) == ("fails", True)


def test_a_server_that_lets_everybody_in_is_worth_a_note_where_others_reach_it() -> None:
    found = findings(trm("doctor", models=ONE, port=0, host="0.0.0.0", metrics_port=0))
    assert found["keys"][0] == "note"
    assert found["metrics"][1].endswith("free")


def test_a_wrong_setting_is_one_sentence() -> None:
    ran = trm("doctor", workers=0)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("away", [False, True])
def test_redis_is_asked_and_its_password_never_told(away: bool) -> None:
    with RedisServer(requirepass="verysecret") as redis:
        url = f"redis://:verysecret@127.0.0.1:{redis.port}"
        if away:
            redis.kill()
        ran = trm("doctor", models=ONE, port=0, redis_url=url, jobs_redis_url=url)
    found = findings(ran)
    assert ran.returncode == 0
    assert (found["answers"][0], found["jobs"][0]) == (("note", "note") if away else ("note", "ok"))
    assert ("away" if away else "allkeys-lru is right") in found["answers"][1]
    assert "verysecret" not in ran.stdout


def test_a_terminal_shows_it_in_colours() -> None:
    status, seen = trm_in_a_terminal("doctor", "--port", 0, "--models", ONE)
    assert status == 0
    assert "\033[32mok" in seen
