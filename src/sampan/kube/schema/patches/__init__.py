"""The kinds of patches but apply, as pure functions from an object and a patch to an object."""
