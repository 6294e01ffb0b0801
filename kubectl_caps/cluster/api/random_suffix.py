"""Gives the names of objects that a command makes a random end."""

import random

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own, which spell no words (k8s.io/apimachinery, pkg/util/rand/rand.go)."""


def random_suffix() -> str:
    """Five random characters, as behind a pod's generateName."""
    return "".join(random.choices(_LETTERS, k=5))
