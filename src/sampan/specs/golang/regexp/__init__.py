"""Go's regular expressions, RE2's: matched in time that grows with the text only. Pure;
https://pkg.go.dev/regexp

Python's `re` tries one way after the other, and a pattern that somebody else wrote can make it try for
centuries; here all ways are followed at once.
"""

from sampan.specs.golang.regexp.automaton import Regexp, compile_regexp

__all__ = ["Regexp", "compile_regexp"]
