"""From a parsed Dockerfile to a graph of steps: pure, no files, no network, no clock."""
