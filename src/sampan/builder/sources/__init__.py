"""Where a build's files come from: directories, uploads, git, http; listed, hashed and picked from.

`sources.py` is what the solver calls; `patterns.py`, `ignore.py` and `select.py` are pure.
"""
