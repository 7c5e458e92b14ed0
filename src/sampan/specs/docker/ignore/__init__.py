""".dockerignore: the file, its patterns, and the expressions that they become."""
