"""Devices for ResourceClaims: which there are, what is asked for, who gets which."""
