"""What objects look like: one model for built-in kinds and custom resources, and what is compiled from it."""
