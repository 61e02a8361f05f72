"""The error tree of all packages.

XianguiError                 anything the user may see; the message says what to do next
├── SourceError              a source file cannot be turned into a regulation (names file and line)
├── IndexUnavailable         there is no usable index
│   ├── IndexStale           the index was built with something else than what is here now
│   └── IndexBusy            another process is building
├── SettingError             a setting (environment variable or option) is wrong
├── StoreError               conversations cannot be kept, read, backed up or restored
└── CaseError                a file of questions or cases cannot be read (names file and line)
"""

from __future__ import annotations


class XianguiError(Exception):
    """Base of all errors that are shown to the user; the text is Chinese and says what to do."""


class SourceError(XianguiError):
    """A source file that is no regulation, or one whose numbering is broken.

    Attributes:
        file: name of the file as the user knows it.
        line: 1-based line in it, or None where the whole file is meant.
        reason: what is wrong.

    """

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        self.file, self.line, self.reason = file, line, reason
        super().__init__(f"{file}:{line}：{reason}" if line else f"{file}：{reason}")


class IndexUnavailable(XianguiError):
    """There is no index that can be used."""


class IndexStale(IndexUnavailable):
    """The index on disk was built from other texts, another model or other versions."""


class IndexBusy(IndexUnavailable):
    """Another process holds the writer's lock."""


class SettingError(XianguiError):
    """A setting has a value that cannot be used; the message names the setting."""


class StoreError(XianguiError):
    """The database of conversations, or what is asked of it, is not usable."""


class CaseError(XianguiError):
    """A file of cases or questions has a line that cannot be read."""
