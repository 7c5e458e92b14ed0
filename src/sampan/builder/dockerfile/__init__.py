"""The Dockerfile language: bytes in, typed instructions with their places out. Pure.

`parse.parse` reads a file, `expand.Expander` puts values in for variables, `lint` checks what Docker's build
checks check, `outline` says what a file offers. The language is that of docker/dockerfile 1-labs:
https://docs.docker.com/reference/dockerfile/.
"""
