"""setfsuid(2) and setfsgid(2): the ids file operations act with. They return the former id and never fail."""

from __future__ import annotations

from sampan.linux.syscalls import c_uint, libc

setfsuid = libc("setfsuid", c_uint)
setfsgid = libc("setfsgid", c_uint)
