"""The built-in kinds, a module each: defaults, validation, strategy, columns. Pure."""
