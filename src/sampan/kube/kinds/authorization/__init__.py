"""Kinds of authorization.k8s.io: reviews, which are answered and not kept."""
