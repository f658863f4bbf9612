"""netrc files: the entries of cachix.org go as a whole, all else is read as before."""

import netrc
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from tests.shell.recognised import AWKS, Credential, cut, recognise

T = "made-up-password"


@dataclass(frozen=True)
class Case:
    """A file, what is told of it, and what remains of it when that is cut out."""

    before: str
    told: list[tuple[str, int, str, str]]
    after: str


def entry(line: int = 1, cache: str = "mine") -> tuple[str, int, str, str]:
    return ("auth-token", line, "", cache)


def doubtful(line: int = 1, cache: str = "mine") -> tuple[str, int, str, str]:
    return ("auth-token", line, "unclear", cache)


def unclear(line: int = 1, cache: str = "") -> tuple[str, int, str, str]:
    return ("unclear", line, "unclear", cache)


CUT = {
    "as cachix writes it": Case(f"machine mine.cachix.org password {T}\n", [entry()], ""),
    "no last line end": Case(f"machine mine.cachix.org password {T}", [entry()], ""),
    "between others": Case(
        f"machine a login b\n\n  machine mine.cachix.org password {T} \ndefault login x\n",
        [entry(3)],
        "machine a login b\n\ndefault login x\n",
    ),
    "over several lines": Case(
        f"#1\nmachine\n\tmine.cachix.org\n#2\n\n login x\n password {T}\t\n#3\nmachine a\n",
        [entry(2)],
        "#1\n#3\nmachine a\n",
    ),
    "the domain itself": Case(f"machine cachix.org login x password {T}\n", [entry(1, "")], ""),
    "a deeper name": Case(f"machine a.b.cachix.org password {T}\n", [entry(1, "")], ""),
    "capitals": Case(f"MACHINE Mine.Cachix.ORG Password {T}\n", [entry()], ""),
    "an account": Case(f"machine mine.cachix.org account {T}\n", [entry()], ""),
    "quotes": Case('machine "mine.cachix.org" password "two \\" words"\n', [entry()], ""),
    "other line ends": Case(
        f"machine a login b\r\nmachine mine.cachix.org\r\n password {T}\r\nmachine c\r\n",
        [entry(2)],
        "machine a login b\r\nmachine c\r\n",
    ),
    "behind another on the line": Case(
        f"machine a login b machine mine.cachix.org password {T}  \r\nmachine c\n",
        [entry()],
        "machine a login b \r\nmachine c\n",
    ),
    "before another on the line": Case(
        f" machine mine.cachix.org\n password {T} \tmachine c password d\n",
        [entry()],
        " machine c password d\n",
    ),
    "amid others": Case(
        f"machine a password b machine mine.cachix.org password {T} default login c\n",
        [entry()],
        "machine a password b default login c\n",
    ),
    "two on a line": Case(
        f"machine mine.cachix.org password {T} machine yours.cachix.org password {T}\nmachine a\n",
        [entry(), entry(1, "yours")],
        "\nmachine a\n",
    ),
    "two on two lines": Case(
        f"machine mine.cachix.org password {T}\nmachine yours.cachix.org password {T}\n",
        [entry(), entry(2, "yours")],
        "",
    ),
    "other letters": Case(
        f"machine ä login ö password ü\nmachine mine.cachix.org login é password {T}\n# ñ\n",
        [entry(2)],
        "machine ä login ö password ü\n# ñ\n",
    ),
    "a remark behind": Case(
        f"machine mine.cachix.org password {T} # the token\nmachine a\n", [entry()], "machine a\n"
    ),
    "a word that means nothing": Case(
        f"machine mine.cachix.org port 22 password {T}\nmachine a\n", [entry()], "machine a\n"
    ),
    "a macro before": Case(
        f"macdef up\nput x\n\nmachine mine.cachix.org password {T}\n",
        [entry(4)],
        "macdef up\nput x\n\n",
    ),
    "a token as the login": Case(
        "machine mine.cachix.org login eyJhbGciOiJub25lIn0\n", [entry()], ""
    ),
}

NOT_CUT = {
    "an address": (f"machine https://mine.cachix.org password {T}\n", [doubtful(1, "")]),
    "a port": (f"machine mine.cachix.org:443 password {T}\n", [doubtful(1, "")]),
    "a final dot": (f"machine mine.cachix.org. password {T}\n", [doubtful(1, "")]),
    "a form feed": (f"machine mine.cachix.org\fpassword {T}\n", [unclear()]),
    "a form feed before": (f"\fmachine mine.cachix.org password {T}\n", [unclear()]),
    "a form feed in the value": (f"machine mine.cachix.org password\f{T}\n", [unclear(1, "mine")]),
    "an address with a path": (
        f"machine mine.cachix.org/x password {T}\n",
        [doubtful(1, "")],
    ),
    "a line too long to read": (
        f"machine a login {20_000 * 'x'}\nmachine mine.cachix.org password {T}\n",
        [unclear(), doubtful(2)],
    ),
    "no name": (f"machine password {T}\n", [unclear()]),
    "no name at the end": ("machine a login b\nmachine\n", [unclear(2)]),
    "a misspelt keyword": (f"machine mine.cachix.org pasword {T}\n", [unclear(1, "mine")]),
    "no keyword": (f"login x mine.cachix.org password {T}\n", [unclear()]),
    "a keyword as the value": (
        f"machine mine.cachix.org password\nmachine yours.cachix.org password {T}\n",
        [doubtful()],
    ),
    "a keyword as another's value": (
        f"machine a login default\nmachine mine.cachix.org password {T}\n",
        [doubtful(2)],
    ),
    "a keyword as the login": (f"machine mine.cachix.org login password {T}\n", [doubtful()]),
    "an entry behind a number sign": (
        f"machine a # machine mine.cachix.org password {T}\n",
        [doubtful()],
    ),
    "open quotes": (f'machine mine.cachix.org password "{T}\n', [doubtful()]),
    "another's open quotes": (
        f'machine a password "b\nc"\nmachine mine.cachix.org password {T}\n',
        [doubtful(3)],
    ),
    "quotes with something behind": (
        f'machine a password "b"machine mine.cachix.org password {T}\n',
        [doubtful()],
    ),
    "a macro of its own": (
        f"machine mine.cachix.org password {T}\nmacdef up\nput x\n\nmachine a\n",
        [doubtful()],
    ),
    "a macro before the password": (
        f"machine mine.cachix.org login x\nmacdef up\nput x\n\npassword {T}\n",
        [doubtful()],
    ),
    "an entry in a macro": (
        f"macdef up\nmachine mine.cachix.org password {T}\n\n",
        [unclear()],
    ),
    "a password in its macro": (
        f"machine mine.cachix.org login x\nmacdef up\npassword {T}\n\n",
        [unclear(2)],
    ),
    "a macro that ends in blanks": (
        f"macdef up\nput x\n \nmachine mine.cachix.org password {T}\n",
        [doubtful(4)],
    ),
    "a macro of other line ends": (
        f"macdef up\r\nput x\r\n\r\nmachine mine.cachix.org password {T}\r\n",
        [doubtful(4)],
    ),
    "a lone carriage return": (f"machine a\rmachine mine.cachix.org password {T}\n", [doubtful()]),
}

CLEAN = {
    "a longer name": f"machine notcachix.org password {T}\n",
    "a name below another": f"machine mine.cachix.org.example password {T}\n",
    "no password": "machine mine.cachix.org login x\nmachine a password b\n",
    "an empty password": 'machine mine.cachix.org login x password ""\nmachine a password b\n',
    "a comment": f"# machine mine.cachix.org password {T}\n  # machine cachix.org password {T}\n",
    "the default": f"default login mine.cachix.org password {T}\n",
    "another's login": f"machine a login mine.cachix.org password {T}\n",
    "a mention": f"machine a password {T} # not for mine.cachix.org\n",
    "a macro": f"macdef up\nput mine.cachix.org\n\nmachine a password {T}\n",
}


def summary(told: list[Credential]) -> list[tuple[str, int, str, str]]:
    return [(each.kind, each.line, each.hindrance, each.cache) for each in told]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", CUT)
def test_an_entry_of_ours_goes_and_nothing_else(name: str, awk: str) -> None:
    case = CUT[name]
    found = recognise("netrc", case.before.encode(), awk=awk)
    assert summary(found) == case.told
    assert cut(case.before.encode(), found) == case.after.encode()


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", NOT_CUT)
def test_what_programs_may_read_in_several_ways_is_told_and_stays(name: str, awk: str) -> None:
    content, told = NOT_CUT[name]
    found = recognise("netrc", content.encode(), awk=awk)
    assert summary(found) == told
    assert all((each.start, each.end) == (0, 0) for each in found)


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", CLEAN)
def test_a_file_without_a_password_of_ours_is_clean(name: str, awk: str) -> None:
    assert recognise("netrc", CLEAN[name].encode(), awk=awk) == []


# What curl reads, of one host at a time -----------------------------------------------------------


def curl_words(content: str) -> Iterator[str | None]:
    """The words as lib/netrc.c takes them from a file; None for a line's end."""
    lines = [line for line in content.split("\n") if not line.lstrip(" \t").startswith("#")]
    for line in lines:
        for found in re.finditer(r'"((?:[^"\\]|\\.)*)"|\S+', line):
            text = found[0] if found[1] is None else found[1]
            yield text if found[1] is None else re.sub(r"\\(.)", r"\1", text)
        yield None


def curl_finds(content: str, host: str) -> tuple[str, str] | None:
    """The login and the password that curl sends to a host."""
    state, keyword = "nothing", ""
    login = password = None
    was_end = True
    for word in curl_words(content):
        if word is None:
            if state == "macro" and was_end:
                state = "nothing"
            was_end = True
            continue
        was_end = False
        if state == "name":
            state = "ours" if word.lower() == host else "nothing"
        elif state == "macro":
            continue
        elif state == "ours" and keyword:
            login, password = (word, password) if keyword == "login" else (login, word)
            keyword = ""
            if login is not None and password is not None:
                break
        elif state == "ours" and word.lower() in ("login", "password"):
            keyword = word.lower()
        elif word.lower() == "machine":
            if password is not None:
                break
            state, keyword, login = "name", "", None
        elif word.lower() == "default":
            state = "ours"
        elif state == "nothing" and word.lower() == "macdef":
            state = "macro"
    return None if login is password is None else (login or "", password or "")


OURS = ("cachix.org", "mine.cachix.org", "Your-s.Cachix.org")
OTHERS = ("example.org", "cachix.org.example", "notcachix.org", "ftp.example")


@dataclass(frozen=True)
class Piece:
    text: str
    is_ours: bool = False


@st.composite
def entries(draw: st.DrawFn) -> Piece:
    """An entry in any layout."""
    host = draw(st.sampled_from([*OURS, *OTHERS]))
    login = ["login", draw(st.sampled_from(["me", '"m e"']))]
    password = ["password", draw(st.sampled_from(["SECRET", '"SECRET \\" #"']))]
    pairs = draw(st.sampled_from([[password], [login, password], [password, login]]))
    gap = st.sampled_from([" ", "\t", "  ", "\n", "\n\t", " \n\n ", "\n# machine x password y\n  "])
    words = ["machine", host, *(word for pair in pairs for word in pair)]
    text = "".join(word + draw(gap) for word in words[:-1]) + words[-1]
    return Piece(text, host in OURS)


MACROS = st.sampled_from(
    [Piece("\nmacdef init\nput x\nmachine y password z\n\n"), Piece("\nmacdef init\n\n")]
)
COMMENTS = st.sampled_from([Piece("\n# machine a.cachix.org\n"), Piece("\n\n"), Piece("\n#\n")])


@st.composite
def files(draw: st.DrawFn) -> list[Piece]:
    """Entries, each with a password that no other has, comments and macros."""
    pieces = draw(st.lists(st.one_of(entries(), entries(), COMMENTS), max_size=5))
    if draw(st.booleans()):
        pieces = [draw(MACROS), *pieces]
    joined: list[Piece] = []
    for number, piece in enumerate(pieces):
        named = replace(piece, text=piece.text.replace("SECRET", f"secret{number}"))
        joined += [named, Piece(draw(st.sampled_from([" ", "\n", " \n", "\n  ", "\t", "\n\n"])))]
    return joined


@settings(max_examples=250, deadline=None)
@given(files())
def test_curl_reads_the_rest_as_before(pieces: list[Piece]) -> None:
    content = "".join(piece.text for piece in pieces)
    found = recognise("netrc", content.encode())
    assert len(found) == sum(piece.is_ours for piece in pieces)
    assert [each.hindrance for each in found] == [""] * len(found)
    after = cut(content.encode(), found).decode()
    for host in OTHERS:
        assert curl_finds(after, host) == curl_finds(content, host)
    for host in OURS:
        assert curl_finds(after, host.lower()) is None
    # Between the entries of ours, no more than blanks and a line end have gone.
    rest = [piece.text for piece in pieces if not piece.is_ours]
    assert after.split() == "".join(rest).split()
    assert "".join(rest).count("\n") - after.count("\n") <= len(found)


@settings(max_examples=100, deadline=None)
@given(files())
def test_pythons_netrc_reads_the_rest_as_before(pieces: list[Piece]) -> None:
    content = "".join(piece.text for piece in pieces)
    try:
        before = python_reads(content)
    except netrc.NetrcParseError:
        # It has no comments before a value, and no macro behind an entry.
        reject()
    after = cut(content.encode(), recognise("netrc", content.encode())).decode()
    read = python_reads(after)
    for host in OTHERS:
        assert read.get(host) == before.get(host)
    assert not any(read[host][2] for host in OURS if host in read)


def python_reads(content: str) -> Mapping[str, tuple[str, str | None, str | None]]:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        return netrc.netrc(file.name).hosts


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=' \n"#x', max_size=3), st.data())
def test_no_password_that_curl_finds_is_missed_whatever_stands_around(
    junk: str, data: st.DataObject
) -> None:
    words = st.sampled_from(
        ["machine", "default", "login", "password", "macdef", "mine.cachix.org", "a", '"b"', junk]
    )
    gaps = st.sampled_from([" ", "\n", "\n\n", "\t", "\n#"])
    content = "".join(
        f"{word}{gap}" for word, gap in data.draw(st.lists(st.tuples(words, gaps), max_size=12))
    )
    read = curl_finds(content.replace("default", "x"), "mine.cachix.org")
    found = recognise("netrc", content.encode())
    if read is not None and read[1]:
        assert found
    for host in ("a", "b"):
        if all(not each.hindrance for each in found):
            after = cut(content.encode(), found).decode()
            # A login without a password curl gives up at the next `machine`, and takes at the end.
            assert password_of(after, host) == password_of(content, host)


def password_of(content: str, host: str) -> str:
    return (curl_finds(content, host) or ("", ""))[1]
