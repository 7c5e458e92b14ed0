"""Words and grammars of Docker: filters, ports, signals, limits, .dockerignore."""
