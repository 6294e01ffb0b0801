"""Replaces EPERM, EACCES and EROFS, in the words of C libraries and languages, with the English text of glibc."""

import re
from collections.abc import Iterable

from kubectl_caps.core.late_pattern import LatePattern

_ENGLISH = ("Operation not permitted", "Permission denied", "Read-only file system")

# fmt: off
TRANSLATIONS: dict[str, tuple[str, str, str]] = {
    "be": ("дзеяньне не дазволена", "бракуе правоў", "Read-only file system"),
    "bg": ("Действието не е позволено", "Отказан достъп", "Файлова система само за четене"),
    "ca": ("L’operació no és permesa", "S’ha denegat el permís", "El sistema de fitxers és només de lectura"),
    "cs": ("Operace není povolena", "Operace zamítnuta", "Systém souborů je pouze pro čtení"),
    "da": ("Operationen er ikke tilladt", "Adgang nægtet", "Filsystem med kun læseadgang"),
    "de": ("Die Operation ist nicht erlaubt", "Keine Berechtigung", "Das Dateisystem ist nur lesbar"),
    "el": ("Η λειτουργία δεν επιτρέπεται", "Άρνηση πρόσβασης", "Αναγνώσιμο-μόνο σύστημα αρχείων"),
    "eo": ("Operacio ne permesatas", "Mankas permeso", "Nur-lega dosiersistemo"),
    "es": ("Operación no permitida", "Permiso denegado", "Sistema de ficheros de sólo lectura"),
    "fi": ("Toiminto ei ole sallittu", "Lupa evätty", "Kirjoitussuojattu tiedostojärjestelmä"),
    "fr": ("Opération non permise", "Permission non accordée", "Système de fichiers accessible en lecture seulement"),
    "gl": ("Operación non permitida", "Permiso denegado", "Sistema de ficheiros de só lectura"),
    "hr": ("Operacija nije dopuštena", "Pristup je odbijen", "Datotečni sustav je samo za čitanje"),
    "hu": ("A művelet nem engedélyezett", "Engedély megtagadva", "Írásvédett fájlrendszer"),
    "id": ("Operasi tidak diijinkan", "Ijin ditolak", "Sistem berkas baca-saja"),
    "it": ("Operazione non permessa", "Permesso negato", "File system in sola lettura"),
    "ja": ("許可されていない操作です", "許可がありません", "読み込み専用ファイルシステムです"),
    "ko": ("명령을 허용하지 않음", "허가 거부", "읽기전용 파일 시스템"),
    "lt": ("Operacija neleidžiama", "Permission denied", "Failų sistema tik skaitymui"),
    "nb": ("Operasjonen er ikke tillatt", "Ikke tilgang", "Filsystem med kun lesetilgang"),
    "nl": ("Actie is niet toegestaan", "Toegang geweigerd", "Bestandssysteem is alleen-lezen"),
    "pl": ("Operacja niedozwolona", "Brak dostępu", "System plików wyłącznie do odczytu"),
    "pt": ("Operação não permitida", "Permissão recusada", "Sistema de ficheiros só de leitura"),
    "pt_BR": ("Operação não permitida", "Permissão negada", "Sistema de arquivos somente para leitura"),
    "ru": ("Операция не позволена", "Отказано в доступе", "Файловая система доступна только для чтения"),
    "ru (musl)": ("Операция не разрешена", "Доступ запрещён", "Файловая система только для чтения"),
    "sk": ("Operácia nie je povolená", "Prístup odmietnutý", "Súborový systém dovoľuje len čítanie"),
    "sl": ("Operacija ni dovoljena", "Permission denied", "Datotečni sistem je zgolj za branje"),
    "sr": ("Радња није допуштена", "Овлашћење је одбијено", "Систем датотека само за читање"),
    "sv": ("Operationen inte tillåten", "Åtkomst nekas", "Skrivskyddat filsystem"),
    "tr": ("İşleme izin verilmedi", "Erişim engellendi", "Salt-okunur dosya sistemi"),
    "uk": ("Дію заборонено", "Відмовлено у доступі", "Файлова система тільки для зчитування"),
    "vi": ("Thao tác không được phép", "Không đủ quyền truy cập", "Hệ thống tập tin chỉ cho đọc"),
    "zh_CN": ("不允许的操作", "权限不够", "只读文件系统"),
    "zh_TW": ("此項操作並不被允許", "拒絕不符權限的操作", "唯讀的檔案系統"),
}
# fmt: on
"""Language -> EPERM, EACCES, EROFS.

Sources: libc.mo of Debian's libc-l10n 2.36-9+deb12u14; for musl, musl-po/ru_RU.po of musl-locales, the only catalogue
of that project that translates these messages.
"""


def _any_encoding(text: str) -> str:
    """A pattern for a text in any case, in UTF-8 or in a one-byte encoding that was decoded as UTF-8.

    Perl, and programs with an old locale, print Latin-1. Each letter beyond ASCII then becomes one U+FFFD. A text with
    few ASCII letters would match too many lines then, so only its UTF-8 form is matched.
    """
    beyond = sum(not letter.isascii() for letter in text)
    if 3 * beyond > len(text):
        return re.escape(text)
    return "".join(re.escape(letter) if letter.isascii() else f"[{letter}\ufffd]" for letter in text)


def _alternatives(texts: Iterable[str]) -> str:
    return "|".join(map(_any_encoding, sorted(set(texts), key=len, reverse=True)))


_TRANSLATED = LatePattern(
    "|".join(
        f"(?P<{name}>{_alternatives(texts)})"
        for name, texts in zip(("EPERM", "EACCES", "EROFS"), zip(*TRANSLATIONS.values(), strict=True), strict=True)
    ),
    re.IGNORECASE,
)
_LOWER = {text.lower() for texts in TRANSLATIONS.values() for text in texts} - {text.lower() for text in _ENGLISH}
_LOWER_ASCII = [text for text in _LOWER if text.isascii()]
_LOWER_OTHER = LatePattern(_alternatives(_LOWER))
"""Finds the texts in a line in lower case. Searching without regard to case would cost ten times as much."""
_ANY_CASE = re.compile(r"operation not permitted|permission denied", re.IGNORECASE)
_EPERM, _EACCES, _EROFS = _ENGLISH
_NAMED = {
    "EPERM": _EPERM,
    "EACCES": _EACCES,
    "eperm": _EPERM,
    "eacces": _EACCES,  # Erlang writes the names in lower case
    "AccessDeniedException": _EACCES,
    "error.AccessDenied": _EACCES,  # Java, Zig
    # Python, Rust and .NET have one name for both errors. EPERM is assumed, because EPERM says less.
    **dict.fromkeys(("PermissionError", "PermissionDenied", "UnauthorizedAccessException"), _EPERM),
}
"""The names of EPERM and EACCES in programming languages."""
_BY_GROUP = {"EPERM": _EPERM, "EACCES": _EACCES, "EROFS": _EROFS}
_NUMBERED = {"1": _EPERM, "13": _EACCES}
_NUMBER = re.compile(
    rf"\b(?P<name>{'|'.join(map(re.escape, _NAMED))})\b"
    r"|\b(?:errno|os error|[Ee]rror code)\b[\"']?[ :=(]{0,3}-?(?P<number>1|13)(?![\d.:])"
)
_NOT_OWNER = re.compile(r": [Nn]ot owner(?=[\s\"'.)]*$)")
"""The text of EPERM in Tcl (Tcl_ErrnoMsg) and Erlang (file:format_error), from System V."""
_DOT_NET_PATH = re.compile(r"Access to the path '([^']{1,1024})' is denied")


def in_english(line: str) -> str:
    """The line with the texts of EPERM, EACCES and EROFS in English, as glibc has them.

    If the line has only the error's name, number (`EPERM`, `errno=13`) or name in a language (`PermissionError`), the
    text is added at the end.
    """
    lowered = line.lower()
    if any(text in lowered for text in _LOWER_ASCII) if line.isascii() else _LOWER_OTHER.search(lowered):
        line = _TRANSLATED.sub(lambda match: _BY_GROUP[match.lastgroup or ""], line)
    line = _NOT_OWNER.sub(f": {_EPERM}", line)
    line = _DOT_NET_PATH.sub(r"cannot open '\1': Permission denied", line)
    if _ANY_CASE.search(line):
        return _ANY_CASE.sub(lambda match: match[0][0] + match[0][1:].lower(), line)
    match = _NUMBER.search(line)
    return f"{line}: {_NAMED.get(match['name']) or _NUMBERED[match['number']]}" if match else line
