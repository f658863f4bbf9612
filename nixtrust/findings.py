"""The one judgement: policy and machine give findings, in the order in which to tell them.

An operation turns findings into commands, an audit turns the same ones into a report.
"""

import shlex
from collections.abc import Collection, Iterator
from functools import partial
from itertools import islice

from nixtrust.conf import ConfFile, Folded, Origin, Unreadable, fold_layers
from nixtrust.conf_table import SETTINGS
from nixtrust.conf_trust import InOwnFile, hides_parameter, takes_unsigned
from nixtrust.finding import Finding, Remedy, Rule, Weight, drift, note, unknown
from nixtrust.judge_access import access, waits
from nixtrust.judge_credentials import credentials
from nixtrust.judge_daemon import (
    dead_daemon,
    earlier_connections,
    is_trusted,
    overridden,
    restart_pending,
    restarts,
    trusts,
)
from nixtrust.judge_settings import (
    left_in_block,
    says_undermining,
    settings,
    undermined,
    unjudged,
)
from nixtrust.machine import Machine, NixState, Trust, Unread, User
from nixtrust.masks import folder_above_mask, is_masked
from nixtrust.nix_version import NixVersion
from nixtrust.outcome import advice
from nixtrust.owners import Owner, owner_of, reads
from nixtrust.plan import difference, plan, undermining
from nixtrust.policy import Policy
from nixtrust.wording import are

__all__ = ["Finding", "Remedy", "Rule", "Weight", "findings", "restarts"]


def findings(policy: Policy, machine: Machine | Unread, system: str) -> tuple[Finding, ...]:
    """All that is to say about a machine that was declared to be a `system`."""
    if isinstance(machine, Unread):
        return (unknown(Rule.UNREAD, Remedy.BLOCKS, "", machine.reason, machine.to_do),)
    foreign = tuple(_not_the_one(machine, system))
    if machine.system != system:
        return foreign
    if machine.nix_state is NixState.CHANGEABLE:
        # Who can, and how that is mended, first.
        foreign = (*access(policy, machine, owner_of(machine)), *foreign)
    if machine.nix is None or foreign:
        return (*foreign, *credentials(policy, machine))
    owner = owner_of(machine)
    guarded = tuple(access(policy, machine, owner))
    if waits(machine, owner, guarded):
        return (*guarded, *credentials(policy, machine))
    folded = reads(owner, machine.files, machine.nix)
    planned = plan(policy, owner, machine.files, machine.nix)
    refusals = tuple(_refusals(folded))
    of_files = (
        *_hindrances(machine, owner, folded),
        # Nix refuses to ask the daemon, too, on a file that it refuses.
        *(refusals or dead_daemon(machine)),
        *settings(policy, owner, folded, planned),
        *left_in_block(policy, owner, machine.files, machine.nix),
        *undermined(owner, folded, planned),
        *unjudged(folded),
        *overridden(machine.daemon),
        *restart_pending(machine, owner),
        *earlier_connections(machine),
    )
    is_written = any(each.remedy is Remedy.EDIT for each in of_files)
    edits = planned.edits if planned is not None and is_written else ()
    found = (
        *guarded,
        *of_files,
        *trusts(policy, machine, owner, folded, of_files),
        *_user_confs(policy, owner, machine, machine.nix),
    )
    unreadable = {each.where for each in found if each.rule is Rule.UNREADABLE}
    account = owner.person or "root"
    return (*found, *credentials(policy, machine, edits, account, unreadable))


# What hinders ---------------------------------------------------------------------------------


def _not_the_one(machine: Machine, system: str) -> Iterator[Finding]:
    """Nothing else can be judged on another machine than the declared, or one without Nix."""
    if machine.system != system:
        there = f"the machine is {machine.system}"
        to_do = "correct its system or its address in the inventory"
        yield drift(Rule.WRONG_SYSTEM, Remedy.BLOCKS, "", there, system, to_do)
    match machine.nix_state:
        case NixState.ABSENT:
            there, to_do = "no Nix found", "install Nix there, then run again"
            yield unknown(Rule.NO_NIX, Remedy.BLOCKS, "", there, to_do)
        case NixState.UNMOUNTED:
            there = "it is there, but not its store"
            to_do = "mount it (after a reboot, unlock the disk), then run again"
            yield unknown(Rule.NO_NIX, Remedy.BLOCKS, "/nix", there, to_do)
        case NixState.CHANGEABLE:
            there = "root does not run it: others can change it, or a folder on the way"
            to_do = "let root alone change them, then run again"
            yield unknown(Rule.NO_NIX, Remedy.BLOCKS, machine.nix_path, there, to_do)
        case NixState.PRESENT if machine.nix is None:
            there, to_do = "`nix --version` tells no version that is known", "run it there and see"
            yield unknown(Rule.NO_NIX, Remedy.BLOCKS, machine.nix_path, there, to_do)


def _hindrances(machine: Machine, owner: Owner, folded: Folded) -> Iterator[Finding]:
    if machine.uid != 0:
        there = "looked at without root: not all can be seen, nothing can be written"
        to_do = "run it as root or through sudo"
        yield unknown(Rule.NOT_ROOT, Remedy.BLOCKS, "", there, to_do)
    if any(map(is_masked, (owner.file, owner.person))):
        there = "a token is in its name, which is not told: nothing can be written there"
        folder = shlex.quote(folder_above_mask(owner.file))
        to_do = f"`ls -a {folder}` tells the name; give it another one"
        yield unknown(Rule.UNREADABLE, Remedy.BLOCKS, owner.file, there, to_do)
    for path, file in machine.files.items():
        if not isinstance(file, Unreadable):
            continue
        status = machine.status[path]
        # What Nix does not read says nothing.
        if path in (owner.root, owner.file, *folded.unreadable):
            there = f"cannot be read: {status.trouble}"
            to_do = _to_read(status.trouble) or "put it right there"
            yield unknown(Rule.UNREADABLE, Remedy.BLOCKS, path, there, to_do)
    for path in folded.unreadable:
        if isinstance(machine.files[path], ConfFile):
            there = "Nix reads it only up to an include whose name is too long for a file"
            yield unknown(Rule.UNREADABLE, Remedy.BLOCKS, path, there, "correct that include")
    yield from map(partial(_untold, Remedy.BLOCKS), folded.untold)


def _to_read(trouble: str) -> str:
    """What is to be done that a file can be read, where that is known."""
    return advice(trouble).removeprefix("; ")


def _untold(remedy: Remedy, include: Origin) -> Finding:
    """An include of which nobody knows what it brings: names are told in plain characters alone."""
    where = f"{include.path}:{include.line}"
    there = "what it includes cannot be looked at: the name has other characters than plain ones"
    to_do = "rename that file and correct the line: letters, digits and . _ - + only"
    return unknown(Rule.UNREADABLE, remedy, where, there, to_do)


def _refusals(folded: Folded) -> Iterator[Finding]:
    refusal = folded.refusal
    if refusal is not None:
        where = f"{refusal.path}:{refusal.line}"
        there = f"{folded.nix} refuses it: {refusal.why}"
        to_do = "correct the line there; until then no nix command works on it"
        yield unknown(Rule.REFUSED, Remedy.BLOCKS, where, there, to_do)


# People's own files ---------------------------------------------------------------------------


def _user_confs(
    policy: Policy, owner: Owner, machine: Machine, nix: NixVersion
) -> Iterator[Finding]:
    for user in machine.users:
        own = machine.own.get(user.name)
        if own is None or user.nix_conf in owner.layers:
            continue
        # What the system has nobody's word about his own files can change.
        paths = frozenset(own.status.keys() - machine.status.keys())
        if isinstance(own.files.get(user.nix_conf), ConfFile):
            layers = (*machine.layers, user.nix_conf)
            folded = fold_layers(layers, {**own.files, **machine.files}, nix, user.home)
            yield from _user_conf(policy, owner, user, folded, paths)
        for path in sorted(paths):
            if isinstance(own.files[path], Unreadable):
                trouble = own.status[path].trouble
                there = f"cannot be read: {trouble}"
                to_do = _to_read(trouble) or f"{user.name} should put it right"
                yield unknown(Rule.UNREADABLE, Remedy.HAND, path, there, to_do)


def _user_conf(
    policy: Policy, owner: Owner, user: User, folded: Folded, own: frozenset[str]
) -> Iterator[Finding]:
    """What the lines in people's own files make of the configuration for one user.

    Of what anybody sets, the daemon takes only which of the system's caches to use; of what a
    trusted user sets, everything (NixOS/nix src/libstore/daemon.cc, ClientSettings::apply).
    """
    delete = f"{user.name} should delete the line"
    # Whether a declared group makes somebody trusted only the daemon knows.
    declared = is_trusted(policy.trusted_users, user)
    is_doubted = user.trust in (Trust.UNTRUSTED, Trust.NO_ACCESS)
    is_believed = declared or (declared is None and not is_doubted)
    refusal = folded.refusal
    if refusal is not None and refusal.path in own:
        there = f"{user.name}'s own nix.conf is refused by {folded.nix}: {refusal.why}"
        to_do = f"{user.name} should correct it"
        yield note(Rule.USER_CONF, f"{refusal.path}:{refusal.line}", there, to_do)
    yield from (_untold(Remedy.HAND, each) for each in folded.untold if each.path in own)
    living = [line for line in folded.assignments if line.lives and line.path in own]

    def brought(setting: str, tokens: Collection[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each of the user's lines that brings some of these tokens in, and which."""
        for line in living:
            if line.setting == setting and (its := tuple(t for t in line.tokens if t in tokens)):
                yield f"{line.path}:{line.line}", its

    lost = difference("substituters", folded, policy.substituters, owner).missing
    for line in living:
        if lost and line.setting == "substituters" and not line.extra:
            there = f"{are(lost, 'left out')} by {user.name}'s own substituters"
            yield note(Rule.USER_CONF, f"{line.path}:{line.line}", there, delete)
    for setting in undermining(folded):
        effect = SETTINGS[setting].effect
        for line in islice((line for line in living if line.setting == setting), 1):
            where = f"{line.path}:{line.line}"
            there = f"{user.name} has {says_undermining(setting, folded)}"
            match effect.in_own_file:
                case _ if " ".join(line.tokens) in effect.harmless_in_own_file:
                    pass
                case InOwnFile.NOTE:
                    yield note(Rule.USER_CONF, where, there, delete)
                case InOwnFile.DRIFT_IF_TRUSTED if effect.legitimate or not is_believed:
                    pass
                case _:
                    yield drift(Rule.USER_CONF, Remedy.HAND, where, there, to_do=delete)
    for setting in ("substituters", "trusted-substituters"):
        blind = [token for token in folded.tokens(setting) or () if takes_unsigned(token)]
        for where, urls in brought(setting, blind):
            takes = "takes" if not any(map(hides_parameter, urls)) else "may take"
            there = f"{user.name} {takes} what nobody signed from {' and '.join(urls)}"
            yield drift(Rule.USER_CONF, Remedy.HAND, where, there, to_do=delete)
    keys = difference("trusted-public-keys", folded, policy.trusted_public_keys, owner).foreign
    for where, its in brought("trusted-public-keys", keys):
        if is_believed:
            there = f"{are(its, 'not declared')}, and {user.name} is a trusted user"
            yield drift(Rule.USER_CONF, Remedy.HAND, where, there, to_do=delete)
