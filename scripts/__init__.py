"""Programs round the project: local cluster, tool chain, images, demo, generators.

Standard library only where a fresh machine runs them before the virtual environment exists.
"""
