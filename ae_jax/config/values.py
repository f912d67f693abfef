"""Frozen, named values that make up a config; they are equal if their contents are equal."""

from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError, dataclass, fields
from typing import Any, NoReturn, TypeVar, dataclass_transform

V = TypeVar("V")
T = TypeVar("T")


class Frozen(Mapping[str, V]):
    """A mapping that cannot change; it can be hashed where its values can."""

    def __init__(self, items: Mapping[str, V] | None = None) -> None:
        self.__dict__["_items"] = dict(items or {})

    def __getitem__(self, name: str) -> V:
        found: V = self.__dict__["_items"][name]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__["_items"])

    def __len__(self) -> int:
        return len(self.__dict__["_items"])

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.__dict__['_items']!r})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        refuse(self, name)

    def __delattr__(self, name: str) -> NoReturn:
        refuse(self, name)


class Section:
    """A part of a config, one attribute per field."""

    def to_dict(self) -> dict[str, Any]:
        """Field -> value, in plain dicts that are the caller's."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.to_dict().items())
        return f"{type(self).__name__}({values})"


@dataclass_transform(frozen_default=True)
def section(cls: type[T]) -> type[T]:
    """The class as a frozen dataclass that says what to do where a field is assigned."""
    made = dataclass(frozen=True, repr=False)(cls)
    made.__setattr__ = made.__delattr__ = refuse  # type: ignore[method-assign]
    return made


def refuse(part: object, name: str, value: object = None) -> NoReturn:
    """Raises FrozenInstanceError: how to get a config with another value."""
    raise FrozenInstanceError(
        f"{type(part).__name__}.{name}: a config is immutable; make another one with "
        'config.replace(**{"section.field": value}), or load_config(name, **{"section.field": '
        "value})"
    )


@section
class Chosen(Section):
    """What fills a slot: the choice's name, and the fields of that choice's own signature."""

    name: str
    options: Frozen[Any]

    def get(self, field: str, default: object = None) -> Any:
        """A field's value, or `default` where this choice has no such field."""
        return self.to_dict().get(field, default)

    def to_dict(self) -> dict[str, Any]:
        """Its name, the fields that every choice of the slot has, and its own."""
        common = {name: v for name, v in super().to_dict().items() if name != "options"}
        return {**common, **self.options}

    def _unknown(self, field: str) -> str:
        known = ", ".join(name for name in self.to_dict() if name != "name") or "none"
        return (
            f"{type(self).__name__.lower()} '{self.name}' has no field '{field}'; it has: {known}"
        )


@section
class Choice(Chosen):
    """One whose fields are attributes, too: `config.encoder.hidden`."""

    def __getattr__(self, field: str) -> Any:
        options: Mapping[str, Any] | None = self.__dict__.get("options")
        if options is None:  # being copied: nothing is there yet
            raise AttributeError(field)
        if field not in options:
            raise AttributeError(self._unknown(field))
        return options[field]
