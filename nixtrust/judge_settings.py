"""What nix.conf says, held against what is declared."""

from collections.abc import Iterator, Sequence

from nixtrust.conf import MANAGED, Files, Folded
from nixtrust.conf_table import NEWEST_JUDGED, SETTINGS
from nixtrust.conf_trust import is_true
from nixtrust.finding import Finding, Remedy, Rule, drift, note
from nixtrust.nix_version import NixVersion
from nixtrust.owners import Owner
from nixtrust.plan import Difference, Plan, difference, undeclared, undermining, wanted
from nixtrust.policy import Policy
from nixtrust.wording import are


def settings(
    policy: Policy, owner: Owner, folded: Folded, planned: Plan | None
) -> Iterator[Finding]:
    """Each declared setting that is otherwise."""
    for setting, tokens in wanted(policy, owner, folded.nix).items():
        if tokens is None:
            yield _not_borne(setting, owner, folded, planned)
            continue
        found = difference(setting, folded, tokens, owner)
        if found.vendors:
            says = are(found.vendors, "brought back at each start of the daemon")
            where = line_of(folded, setting, found.vendors)
            yield note(Rule.VENDOR, where, f"{setting}: {says}")
        if found.foreign or found.missing:
            where = line_of(folded, setting, found.foreign) or owner.file
            remedy, to_do = _remedy(setting, where, owner, planned)
            lists = setting in MANAGED
            yield drift(
                Rule.SETTING,
                remedy,
                where,
                _of_list(setting, folded, found) if lists else _of_value(setting, folded),
                "" if lists and setting != "trusted-users" else " ".join(tokens),
                to_do,
            )


def _of_list(setting: str, folded: Folded, found: Difference) -> str:
    name = setting if setting in folded.values else f"{setting} (not set)"
    foreign = are(found.foreign, "not declared", found.missing)
    missing = are(found.missing, "missing", found.foreign)
    return f"{name}: {', '.join(filter(None, (foreign, missing)))}"


def _of_value(setting: str, folded: Folded) -> str:
    value = " ".join(folded.tokens(setting) or ())
    if setting in folded.values:
        return f"{setting} is {value or 'empty'}"
    return f"{setting} is not set{f', which means {value}' if value else ''}"


def _not_borne(setting: str, owner: Owner, folded: Folded, planned: Plan | None) -> Finding:
    """Nix 2.8 and earlier end with SubstituterDisabled (NixOS/nix b8faa83742)."""
    if is_true(folded.tokens(setting)):
        where = line_of(folded, setting)
        remedy, to_do = _remedy(setting, where, owner, planned)
        there = f"{setting} is true, and {folded.nix} aborts builds then when a cache is down"
        return drift(Rule.NOT_BORNE, remedy, where, there, to_do=to_do)
    there = f"{setting} is left out: {folded.nix} aborts builds with it when a cache is down"
    return note(Rule.NOT_BORNE, "", there, "Nix 2.9 and later bear it")


def _remedy(setting: str, where: str, owner: Owner, planned: Plan | None) -> tuple[Remedy, str]:
    if planned is None:
        return Remedy.HAND, "take it out there" if _is_beside(where, owner) else _by_owner(owner)
    if setting in planned.defeated:
        tokens = planned.wanted[setting] or ()
        foreign = difference(setting, planned.after, tokens, owner).foreign
        wins = line_of(planned.after, setting, foreign)
        if not wins:
            return Remedy.BLOCKS, f"Nix would not read what is written to {owner.file}"
        that = "that line" if wins == where else wins
        return Remedy.BLOCKS, f"{that} wins over {owner.file}: take it out"
    return Remedy.EDIT, ""


def _is_beside(where: str, owner: Owner) -> bool:
    """In a file that Nix reads and that is not the owner's, such as root's own."""
    return where.rpartition(":")[0] in owner.layers and not where.startswith(f"{owner.root}:")


def _by_owner(owner: Owner) -> str:
    if owner.module is None:
        return "the file is a link: put it right where it leads"
    return f"{owner.kind.value} writes {owner.file}: add the printed module, then `{owner.rebuild}`"


def line_of(folded: Folded, setting: str, tokens: Sequence[str] = ()) -> str:
    """The line that brings one of these tokens in, or else the plain one that makes the value."""
    living = [each for each in folded.assignments if each.setting == setting and each.lives]
    brings = [each for each in living if set(tokens) & set(each.tokens)]
    for each in brings or [each for each in living if not each.extra]:
        return f"{each.path}:{each.line}"
    return ""


def left_in_block(policy: Policy, owner: Owner, files: Files, nix: NixVersion) -> Iterator[Finding]:
    """What an earlier policy declared and this one does not: it still stands in the block."""
    for path, lines in undeclared(policy, owner, files, nix).items():
        if lines:
            names = ", ".join(dict.fromkeys(line.name for line in lines))
            there = f"nixtrust's block says more than is declared: {names}"
            yield drift(Rule.SETTING, Remedy.EDIT, f"{path}:{lines[0].number}", there)


def undermined(owner: Owner, folded: Folded, planned: Plan | None) -> Iterator[Finding]:
    """Each setting with which the declared keys would not decide what is trusted."""
    for setting in undermining(folded):
        effect = SETTINGS[setting].effect
        if effect.of_daemon and owner.person:
            continue
        where = line_of(folded, setting, folded.tokens(setting) or ())
        there = says_undermining(setting, folded)
        if planned is not None and setting not in undermining(planned.after):
            yield drift(Rule.UNDERMINED, Remedy.EDIT, where, there)
            continue
        by_hand = owner.module is None or _is_beside(where, owner)
        if effect.legitimate:
            yield note(Rule.UNDERMINED, where, there)
            continue
        to_do = "take it out there" if by_hand else _out_of(owner)
        yield drift(Rule.UNDERMINED, Remedy.HAND, where, there, to_do=to_do)


def unjudged(folded: Folded) -> Iterator[Finding]:
    """Each setting that only a Nix can have which is newer than nixtrust knows it."""
    newest = NEWEST_JUDGED[folded.nix.flavour]
    if folded.nix.number <= newest.number:
        return
    for setting in sorted(folded.values.keys() - SETTINGS.keys()):
        there = f"{setting} is not judged: {newest} and earlier do not have it"
        to_do = "see in the manual what it does to trust"
        yield note(Rule.UNJUDGED, line_of(folded, setting), there, to_do)


def says_undermining(setting: str, folded: Folded) -> str:
    """What is there, and what it does."""
    shown = " ".join(dict.fromkeys(folded.tokens(setting) or ()))
    says = f"{setting} = {shown}" if shown else f"an empty {setting}"
    return f"{says}: {SETTINGS[setting].effect.sentence}"


def _out_of(owner: Owner) -> str:
    return f"take it out of {owner.kind.value}'s configuration, then `{owner.rebuild}`"
