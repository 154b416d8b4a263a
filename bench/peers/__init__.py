"""The default model behind other model servers, beside ours: see `__main__`."""
