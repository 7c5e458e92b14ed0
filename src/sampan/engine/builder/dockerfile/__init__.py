"""The Dockerfile language: bytes in, typed instructions with their places out. Pure.

`parse.parse` reads a file, `expand.Expander` puts values in for variables, `lint` checks what Docker's build
checks check, `outline` says what a file offers. The language is BuildKit's, up to docker/dockerfile 1.20-labs:
https://docs.docker.com/reference/dockerfile/.
"""
