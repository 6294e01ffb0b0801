"""Reads the version of an API server. Its Pod Security admission applies the rules of this version as `latest`."""

import re
from typing import NamedTuple

from msgspec import Struct
from msgspec.json import Decoder

from kubectl_caps.cluster.http import responses
from kubectl_caps.cluster.http.deep_json import UNREADABLE, decode_deep
from kubectl_caps.cluster.http.transport import Response

EMULATED_SINCE = 35
"""The first minor version whose Pod Security follows the version that the server emulates."""


class Version(NamedTuple):
    """The server's version, for example (1, 37, "v1.37.2").

    If the server emulates an older version, `major` and `minor` are of that version.
    """

    major: int
    minor: int
    git_version: str


class _Version(Struct, frozen=True, rename="camel"):
    major: str
    minor: str
    git_version: str = ""
    emulation_major: str = ""
    emulation_minor: str = ""


_VERSION = Decoder(_Version)


def read_version(response: Response) -> Version:
    """The version in the answer to GET /version. Some servers report a minor such as `27+`.

    A server that emulates an older version applies the rules of that version (KEP-4330). Raises ApiError for an answer
    without a version.
    """
    try:
        told = decode_deep(_VERSION, response.body)
    except UNREADABLE as error:
        raise responses.not_json(response, str(error)) from error
    try:
        major, minor = _number(told.major), _number(told.minor)
        if told.emulation_minor and minor >= EMULATED_SINCE:
            major, minor = _number(told.emulation_major or told.major), _number(told.emulation_minor)
        return Version(major, minor, told.git_version)
    except ValueError as error:
        raise responses.not_json(response, f'version "{told.major}.{told.minor}"') from error


def _number(text: str) -> int:
    return int(re.sub(r"\D.*", "", text, flags=re.DOTALL))
