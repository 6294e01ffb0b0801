"""The texts of EPERM, EACCES and EROFS in other languages, by name and by number."""

import gettext
from pathlib import Path

import pytest

from kubectl_caps.core.diagnosis.diagnose import diagnose
from kubectl_caps.core.diagnosis.error_texts import TRANSLATIONS, in_english
from kubectl_caps.core.diagnosis.line_cause import Evidence

LOCALES = Path("/usr/share/locale")


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_refusal_is_understood_in_every_language(language: str) -> None:
    eperm, eacces, erofs = TRANSLATIONS[language]
    found = diagnose(
        [Evidence("log", f"chown: /data: {eperm}"), Evidence("log", f"bind() to 0.0.0.0:80 failed (13: {eacces})")]
    )
    assert [cause.capabilities for cause in found] == [("NET_BIND_SERVICE",), ("CHOWN",)]
    assert diagnose([Evidence("log", f"touch: /x: {erofs}")])[0].kind == "setting"


@pytest.mark.parametrize("language", [name for name in TRANSLATIONS if "(" not in name])
def test_the_translations_are_those_of_glibc(language: str) -> None:
    catalogue = LOCALES / language / "LC_MESSAGES" / "libc.mo"
    if not catalogue.exists():
        pytest.skip("Debian's libc-l10n is not installed")
    with catalogue.open("rb") as file:
        texts = gettext.GNUTranslations(file)
    english = ("Operation not permitted", "Permission denied", "Read-only file system")
    assert TRANSLATIONS[language] == tuple(map(texts.gettext, english))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("setuid: errno=1", "setuid: errno=1: Operation not permitted"),
        ("setuid failed (os error 1)", "setuid failed (os error 1): Operation not permitted"),
        ('bind failed errno":13', 'bind failed errno":13: Permission denied'),
        ("kill EPERM", "kill EPERM: Operation not permitted"),
        ("uv: EACCES", "uv: EACCES: Permission denied"),
        ("PERMISSION DENIED", "Permission denied"),
        ("Access to the path '/data/x' is denied.", "cannot open '/data/x': Permission denied."),
        ("cave : reste à root (opération non permise)", "cave : reste à root (Operation not permitted)"),
        ("ermita: Operaci\ufffdn no permitida", "ermita: Operation not permitted"),
        ("cause=PermissionError", "cause=PermissionError: Operation not permitted"),
        ("Os { kind: PermissionDenied }", "Os { kind: PermissionDenied }: Operation not permitted"),
        ("AccessDeniedException: /x", "AccessDeniedException: /x: Permission denied"),
        ("{error,eacces}", "{error,eacces}: Permission denied"),
        ("error: error.AccessDenied", "error: error.AccessDenied: Permission denied"),
        ('could not set owner for file "/x": not owner', 'could not set owner for file "/x": Operation not permitted'),
        ("note: not owner of the lease", "note: not owner of the lease"),
        ("errno=11", "errno=11"),
        ("errno: 1.5 s", "errno: 1.5 s"),
        ("error code 130", "error code 130"),
    ],
)
def test_names_and_numbers_become_texts(line: str, text: str) -> None:
    assert in_english(line) == text
