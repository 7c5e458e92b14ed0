"""Where a build's files come from: directories, uploads, git, http; listed, hashed and picked from.

`sources.py` is what the solver calls; `select.py`, `git_urls.py` and `explain.py` are pure.
"""
