"""Changes the owner of every entry on a volume, checks it, or undoes a change. docs/worker.md describes it.

The whole package is shipped as one generated program (auditor/worker/bundle.py) into images that hold nothing of ours:
Linux, Python 3.8 or later, the standard library and nothing else.
"""
