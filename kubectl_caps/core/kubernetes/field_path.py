"""Paths of fields in Kubernetes' notation, and msgspec's errors with such paths."""

from functools import lru_cache

Path = tuple[str | int, ...]
"""The path of a field from the root of an object: `("spec", "containers", 0, "name")`."""


@lru_cache(10_000)
def field_path(path: Path) -> str:
    """A path as Kubernetes writes it: `spec.containers[0].securityContext`, `metadata.labels[a.b/c]`.

    A key that is not a plain field name is bracketed, as k8s.io/apimachinery's `field.Path.Key` does.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "a").isalnum():
            text += f".{step}" if text else step
        else:
            text += f"[{step}]"
    return text


def in_words(error: Exception) -> str:
    """msgspec's `Expected `bool`, got `str` - at `$.spec.x`` as `spec.x: expected bool, got str`."""
    path, words = wrong_type(error)
    return f"{path.lstrip('.')}: {words}" if path else words


def wrong_type(error: Exception) -> tuple[str, str]:
    """The path of the field (`.spec.x`, or an empty text), and the error."""
    text, _, path = str(error).replace("`", "").partition(" - at $")
    return path, f"{text[:1].lower()}{text[1:]}"
