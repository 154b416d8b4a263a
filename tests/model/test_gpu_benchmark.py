"""`python -m bench.gpu` where there is no GPU: all of it but the capture and the compiling runs, and the last line is what it says."""

import json

import pytest

from bench import gpu


def test_all_but_the_capture_runs_on_a_cpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["gpu", "--device", "cpu", "--quick", "--precisions", "fp32"])
    gpu.main()
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    served, full_size = document["results"]
    assert [bucket["size"] for bucket in served["buckets"]] == [1, 2]
    assert served["verified"] > 0.8
    assert served["steps_per_puzzle"] > 1
    assert full_size["steps_per_puzzle"] == 1
