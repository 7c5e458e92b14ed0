"""What a pod's spec may say, of pods and of templates alike: defaults and validation, a module per concept.

The words, the paths and the order are those of pkg/apis/core/validation in 1.35, with its feature gates as
they are by default. Functions return what is wrong; paths are texts, put together where a struct begins.
"""
