"""Telling others what happened: Docker's notification format, kept until it is delivered."""
