"""How a person takes a credential out where nixtrust does not: with commands that keep no copy.

An editor keeps what is deleted: vim in ~/.viminfo, in a swap file, in an undo file. What a person's
own process has told of lies where that person may lay links, so root runs no such command there.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nixtrust.credentials import Removal, Syntax
from nixtrust.masks import folder_above_mask, is_masked
from nixtrust.stored import Credential, Hindrance


def whole_lines(credentials: Iterable[Credential]) -> Mapping[tuple[str, str], Sequence[int]]:
    """The numbers of the lines that hold nothing but what is to go, by account and file."""
    lines: dict[tuple[str, str], set[int]] = {}
    for each in credentials:
        in_lines = each.place.removal is Removal.LINES or each.place.syntax is Syntax.TOKEN
        is_line = in_lines or each.hindrance is Hindrance.COMMENT
        if is_line and each.end and each.hindrance is not Hindrance.REFUSED:
            lines.setdefault((each.account, each.path), set()).add(each.line)
    return {file: sorted(numbers) for file, numbers in lines.items()}


def by_hand(credential: Credential, lines: Sequence[int], kernel: str) -> str:
    """Why nixtrust leaves it, if it would not otherwise, and the command that takes it out.

    + lines: of its file, those that hold nothing but what is to go
    + kernel: as uname(1) names the machine's; macOS has another sed than Linux
    """
    path, folder = shlex.quote(credential.path), shlex.quote(credential.folder)
    would_go = credential.place.removal is not Removal.NOTHING
    # To remove the link, or to lay a file in its place as sed does, leaves the secret where it is.
    cut = _cutting(replace(credential, path=credential.link or credential.path), lines, kernel)
    match credential.hindrance:
        case Hindrance.MASKED:
            masked = next(filter(is_masked, (credential.path, credential.link)), credential.path)
            listed = f"`ls -a {shlex.quote(folder_above_mask(masked))}`"
            do = f"{listed} tells the name; give it another one, and run again"
        case _ if credential.place.id == "secret-key":
            # Without its file Nix ends each build with an error.
            return f"take it out of `secret-key-files` in nix.conf, then {_removing(credential)}"
        case _ if credential.place.id == "nix-conf-before-restart":
            return _removing(credential)
        case None:
            return cut
        case Hindrance.STORE:
            stored = shlex.quote("/".join(credential.link.split("/")[:4]))
            keeping = f"`nix-store --query --roots {stored}` tells what keeps it"
            do = f"{keeping}: take it out there and switch, then let the garbage be collected"
        case Hindrance.HARD_LINK:
            # Other names are on the same file system, and that need not be the one of /.
            mount = f"\"$(df -P {path} | sed -n '$s/.*% *//p')\""
            finding = command_for(credential, f"find {mount} -xdev -samefile {path}")
            do = f"{finding} tells the names; for each, {cut}"
        case Hindrance.READ_ONLY if would_go:
            writable = command_for(credential, f"chmod u+w {folder}")
            do = f"{writable}, or mount it writable (`df {folder}`), and run again"
        case Hindrance.LOCKED if would_go:
            do = f"{_unlocking(credential, kernel)}, and run again"
        case Hindrance.FOLDER if credential.told_by:
            # sed and rm would need the folder, which may be anybody's.
            do = f"take it out with {_editing(credential, path)}, which keeps no copy"
        case Hindrance.HISTORY:
            do = f"close {credential.person}'s shells, then {cut}"
        case Hindrance.EDITOR:
            do = f"close {credential.person or 'all'}'s editors, then {cut}"
        case Hindrance.IMPORT:
            less = command_for(credential, f"less {path}")
            do = f"{less} tells where; take it out there, then {cut}"
        case _:
            do = cut
    return f"{credential.hindrance.why}: {do}"


def _cutting(credential: Credential, lines: Sequence[int], kernel: str) -> str:
    """The command that takes it out of its file, or takes this away."""
    path = shlex.quote(credential.path)
    match credential.place.syntax:
        case _ if len(lines) <= _LINES and credential.line in lines:
            return _deleting(credential, lines, kernel)
        case Syntax.EDITOR:
            return _removing(credential)
        case Syntax.DHALL if credential.hindrance is Hindrance.UNCLEAR:
            return f"if it holds one, {_removing(credential)}"
        case Syntax.DHALL | Syntax.TOKEN if _is_whole(credential):
            return _removing(credential)
        case Syntax.PLIST:
            # launchd reads binary ones too, and no editor does.
            return command_for(credential, f"plutil -convert xml1 {path}", f"{_VIM} {path}")
        case Syntax.HISTORY if database := _database(credential.path):
            # Atuin's and Nushell's, which keep a command in a column of these names.
            column = "command" if database.endswith(".db") else "command_line"
            statements = f"delete from history where {column} like '%cachix%'; vacuum"
            return command_for(credential, f'sqlite3 {shlex.quote(database)} "{statements}"')
    return f"take it out with {_editing(credential, path)}, which keeps no copy"


def _editing(credential: Credential, path: str) -> str:
    return command_for(credential, f"{_VIM} +{credential.line} {path}")


def _unlocking(credential: Credential, kernel: str) -> str:
    """The command that unlocks file and folder. On Linux root alone can, and of what a person's own
    process has told root unlocks nothing unseen."""
    its = f"{shlex.quote(credential.path)} {shlex.quote(credential.folder)}"
    if kernel == "Darwin":
        systems = "" if credential.told_by else ",noschg,nosappnd"
        return command_for(credential, f"chflags nouchg,nouappnd{systems} {its}")
    if credential.told_by:
        seen = command_for(credential, f"lsattr -d {its}")
        return f"{seen} shows it: let whoever locked it unlock it"
    return f"`chattr -ia {its}`"


def _is_whole(credential: Credential) -> bool:
    """Its file holds nothing else."""
    return not credential.end and credential.hindrance not in _AMONG_OTHERS


# Without a swap file, without ~/.viminfo, and without the settings that make it keep undo files.
_VIM = "vim -n -i NONE -u NONE"
# Where the rest of the file is of use.
_AMONG_OTHERS = (Hindrance.NOT_ALONE, Hindrance.COMMENT)
# More would make a command that nobody can read.
_LINES = 20


def _deleting(credential: Credential, lines: Sequence[int], kernel: str) -> str:
    """One command for all such lines of a file: the numbers change with each line that is gone."""
    in_place = "-i ''" if kernel == "Darwin" else "-i"
    script = shlex.quote(";".join(f"{number}d" for number in lines))
    deleting = command_for(credential, f"sed {in_place} {script} {shlex.quote(credential.path)}")
    return f"{deleting} (once: it takes all of them out)" if len(lines) > 1 else deleting


def _removing(credential: Credential) -> str:
    return command_for(credential, f"rm {shlex.quote(credential.path)}")


def command_for(credential: Credential, *commands: str) -> str:
    """Commands as whoever may change the file, one after the other."""
    account = credential.account
    sudo = f"sudo -u {shlex.quote(account)} " if account != "root" else ""
    return f"`{' && '.join(f'{sudo}{each}' for each in commands)}`"


def _database(path: str) -> str:
    """The database that a file is, or belongs to: SQLite keeps what is new in a -wal beside it."""
    database = path.removesuffix("-wal").removesuffix("-shm")
    return database if database.endswith((".db", ".sqlite3")) else ""
