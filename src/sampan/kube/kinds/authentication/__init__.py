"""Kinds of authentication.k8s.io: reviews, which are answered and not kept."""
