"""Who may do what: four roles, and the person behind a request."""

from dataclasses import dataclass
from enum import Enum


class Role(str, Enum):
    """What a route asks for. Everyone with a role may view; annotators and trainers do not do each other's work."""

    VIEWER = "viewer"
    ANNOTATOR = "annotator"
    TRAINER = "trainer"
    ADMIN = "admin"


@dataclass(frozen=True)
class Person:
    """Whom a token or a session stands for.

    Attributes:
        name: what the audit calls the person.
        roles: what the person may do.
        expires: when the login ends, in seconds of the epoch; None for a token that is valid until it is revoked.
    """

    name: str
    roles: frozenset[Role]
    expires: float | None = None

    def may(self, role: Role) -> bool:
        """Whether one of the roles includes `role`."""
        return bool(self.roles) and (role is Role.VIEWER or role in self.roles or Role.ADMIN in self.roles)

    @property
    def labels_as(self) -> Role:
        """The role in which labels are saved: annotator, or admin for who is none."""
        return Role.ANNOTATOR if Role.ANNOTATOR in self.roles else Role.ADMIN


NOBODY = Person("local", frozenset(Role))
"""Everyone, where no login is configured."""

STRANGER = Person("stranger", frozenset())
"""Whoever asks for what everyone may ask for; who it is was not looked at."""


def parse_roles(names: object, *, prefix: str = "") -> frozenset[Role]:
    """The roles among names that may hold others too, such as those of a hospital's directory."""
    known = {f"{prefix}{role.value}": role for role in Role}
    return frozenset(known[name] for name in (names if isinstance(names, list) else []) if name in known)
