"""A pytest plugin under which torch and onnxruntime cannot be imported, as on a machine that does not have them."""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec

ABSENT = {"torch", "onnxruntime", "onnx", "safetensors"}


class Refuse(MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {fullname!r} (the unit tests run without it)", name=fullname)
        return None


sys.meta_path.insert(0, Refuse())
