"""Doing what a plan's steps say: programs in containers, and file actions; each makes one layer.

`executor.Executor` is one per engine, `Execution` one per build. COPY and ADD start no process and mount
nothing: what they change is worked out from the layers' indexes, and written as the new layer's tar.
"""
