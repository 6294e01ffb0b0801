"""Makes the random end of the name of an object that a command creates."""

import random

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' letters for random names, which spell no words (k8s.io/apimachinery, pkg/util/rand/rand.go)."""


def random_suffix() -> str:
    """Five random characters, as many as the API server adds to a generateName."""
    return "".join(random.choices(_LETTERS, k=5))
