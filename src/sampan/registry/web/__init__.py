"""The page at / for people: what is there, how large and old, how to pull it; deleting it, when allowed."""
