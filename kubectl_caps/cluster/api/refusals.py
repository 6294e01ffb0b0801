"""Finds the cause of a refused pod in the message of a Status: a missing right, Pod Security or a quota."""

import re
from typing import Literal

from kubectl_caps.errors import ApiError

Cause = Literal["no right", "Pod Security", "quota", "other"]

_MESSAGES: dict[Cause, re.Pattern[str]] = {
    # apiserver pkg/endpoints/handlers/responsewriters: the name of the object stands only in refusals of admission.
    "no right": re.compile(r'^\S+ is forbidden: User ".*" cannot create resource "'),
    # pod-security-admission/admission/admission.go
    "Pod Security": re.compile("violates PodSecurity"),
    # apiserver pkg/admission/plugin/resourcequota/controller.go
    "quota": re.compile("exceeded quota"),
}


def refusal_cause(error: ApiError) -> Cause:
    """The cause of a refused pod or ephemeral container; `other` for webhooks, admission policies and wrong fields."""
    if error.code != 403:
        return "other"
    return next((cause for cause, message in _MESSAGES.items() if message.search(error.message)), "other")
