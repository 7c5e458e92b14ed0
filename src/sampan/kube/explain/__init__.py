"""Why an object does not get on: what is seen of it and around it, and what was decided of it when it was."""
