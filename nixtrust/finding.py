"""What a finding is: the rule, how much it weighs, who puts it right."""

from dataclasses import dataclass
from enum import StrEnum

from nixtrust.one_line import one_line


class Weight(StrEnum):
    """Drift: not as declared. Unknown: could not be read. Note: no fault of the machine."""

    DRIFT = "drift"
    UNKNOWN = "unknown"
    NOTE = "note"


class Rule(StrEnum):
    """What is judged; docs/findings.md has a section for each."""

    UNREAD = "unread"
    WRONG_SYSTEM = "wrong-system"
    NO_NIX = "no-nix"
    NOT_ROOT = "not-root"
    UNREADABLE = "unreadable"
    CHANGEABLE = "changeable-by-others"
    CLOSED = "closed-to-members"
    ABSENT_ACCOUNT = "absent-account"
    REFUSED = "refused-by-nix"
    DAEMON_DEAD = "daemon-dead"
    SETTING = "setting"
    UNDERMINED = "undermined"
    UNJUDGED = "unjudged-setting"
    RESTART = "restart-pending"
    TRUST = "daemon-trust"
    USER_CONF = "user-nix-conf"
    NOT_BORNE = "not-borne"
    VENDOR = "vendor-cache"
    CREDENTIAL = "credential"
    UNREAD_HOME = "unread-home"
    UNREAD_PLACE = "unread-place"

    @property
    def is_configuration(self) -> bool:
        """It is about what nix.conf says."""
        return self in (Rule.SETTING, Rule.UNDERMINED, Rule.NOT_BORNE)

    @property
    def is_credential(self) -> bool:
        """It is about what Cachix credentials there are."""
        return self in (Rule.CREDENTIAL, Rule.UNREAD_HOME, Rule.UNREAD_PLACE)


class Remedy(StrEnum):
    """Who puts it right: the settings transaction, a restart of the daemon, the removal of
    credentials, what makes files root's alone, or a person.

    `BLOCKS`: a person, and until then nothing is written on the machine.
    """

    MEND = "mend"
    EDIT = "edit"
    RESTART = "restart"
    REMOVE = "remove"
    HAND = "hand"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found on one machine: where, what is there, what is declared, what to do.

    `declared` is empty where `there` says it, `to_do` where nixtrust does it.
    """

    rule: Rule
    weight: Weight
    remedy: Remedy
    where: str
    there: str
    declared: str = ""
    to_do: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        declared = f" (declared: {self.declared})" if self.declared else ""
        to_do = f"; {self.to_do}" if self.to_do else ""
        return one_line(f"{where}{self.there}{declared}{to_do}")


def drift(
    rule: Rule, remedy: Remedy, where: str, there: str, declared: str = "", to_do: str = ""
) -> Finding:
    """Something is not as declared."""
    return Finding(rule, Weight.DRIFT, remedy, where, there, declared, to_do)


def unknown(rule: Rule, remedy: Remedy, where: str, there: str, to_do: str) -> Finding:
    """Something could not be read."""
    return Finding(rule, Weight.UNKNOWN, remedy, where, there, to_do=to_do)


def note(rule: Rule, where: str, there: str, to_do: str = "") -> Finding:
    """Something is worth saying."""
    return Finding(rule, Weight.NOTE, Remedy.HAND, where, there, to_do=to_do)
