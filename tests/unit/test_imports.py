"""The API process stays small: nothing that it imports reaches torch or onnxruntime."""

import subprocess
import sys

MODULES = "app.main, app.pool.processes, app.solver, app.serve, app.cli"
HEAVY = ("torch", "onnxruntime", "onnx", "safetensors")


def test_the_modules_of_the_api_process_leave_torch_and_onnxruntime_out() -> None:
    code = f"import sys, {MODULES}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
