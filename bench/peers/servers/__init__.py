"""One file a server, each as a user of that library would write it; its requirements stand beside it.

They run in environments of their own, where the rest of the benchmark's libraries are not installed.
"""
