"""Errors for users, and their exit codes."""


class AeJaxError(Exception):
    """A message of at most three lines that names the field or file, and what is allowed."""

    exit_code = 2


class ConfigError(AeJaxError):
    """A field of the config is misspelled, of the wrong type, or out of range."""


class DataError(AeJaxError, ValueError):
    """Data are missing, damaged, or not images, labels or codes as they must be."""


class CheckpointError(AeJaxError):
    """A work directory or an artefact cannot be written, resumed or opened."""


class DivergedError(AeJaxError):
    """The loss stopped being a finite number."""

    exit_code = 3
