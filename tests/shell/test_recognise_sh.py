"""Credentials in start-up files of sh, bash and zsh: which are found, and which lines may go."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.recognised import AWKS, Credential, cut, recognise

TOKEN = b"CACHIX_AUTH_TOKEN"

# In all tables T stands for the variable. A table is one file's lines for awk, one entry a case.

GO = [
    "T=a",
    "export T=a",
    "  export T='a b'",
    "export T=\"a\"'b'c # it's",
    "export -- T=a;",
    "declare -x T=a",
    "typeset -gx T=a",
    "readonly T=a",
    "\texport\tT=a ;# x",
    "T=$'a\\'b'",
    'T="a\\"b"',
    "T=a\\ b",
    "T=a#b # T=c",
    "T=a\r",
    "T=\xe9\0\x7f",
]

STAY = [
    "export A=1 T=x",
    "T=x command",
    "env T=x command",
    "T=x; export T",
    "local T=x",
    "T+=x",
    "x=1; T=a",
    "T=a && command",
    "T=a &",
    "(T=a)",
    "f() { T=a; }",
    "if x; then T=y; fi",
    "alias f='T=x command'",
    'alias f="T=\\"x\\" command"',
    "alias f='T='\\''x'\\'' command'",
    'export "T=a b"',
    "export 'T= a'",
    'export "T"=a',
    'bash -c "T=a"',
    "eval 'export T=\"abc\"'",
    "echo $(T=abc command)",
    "echo `T=abc command`",
    ": ${T:=x}",
    "echo ${T:-x}",
    'echo "${T-x}"',
    "export T=${T:-x}",
    "echo ${(U)T:-x}",
    "launchctl setenv T x",
    "alias f='launchctl setenv T x'",
    "setenv T x",
    "printf -v T x",
    "printf -v T %s x",
    "read T <<< x",
    "read -r T <<< 'x'",
    "T=( x )",
    "T=(x y)",
    "x[T]=abc",
    "declare -A m=([T]=abc)",
    "printf 'A=b\\nT=a\\n' > f",
    "printf 'T=%s\\n' a > f",
    "T=prefix$X",
    'T="$X.suffix"',
    "T=$(echo abc)",
    "T=$(base64 -d <<< YWJj)",
    'T="$(x eyJhbGciOiJ)"',
    "T=${Y:-abc}",
    "T=$X eyJhbGciOiJ",
    "for x in 'T=a'; do y; done",
    "cachix authtoken abc",
    "cachix authtoken 'abc' && echo",
    "alias f='cachix authtoken abc'",
    'alias f="cachix authtoken \\"abc\\""',
    "[ -f x ] || cachix authtoken abc # x",
    "echo eyJhbGciOiJ | cachix authtoken --stdin",
]

CLEAN = [
    "# T=a",
    "  # export T=a",
    "x=1 # T=a",
    "unset T",
    "export T",
    "export T = y",
    "echo $T ${T} ${#T}",
    '[ "$T" = foo ]',
    'if [ "$T" != x ]; then echo T; fi',
    '[ -n "${T:-}" ]',
    ": ${T+x} ${T:+set} ${T:?missing}",
    "T=",
    'T=""',
    "T='' command",
    "T=()",
    "T=$O",
    'T="${X:-}"',
    "T=$(cat file)",
    "T=`pass x`",
    'T="$(op read op://a/b/c)"',
    "T=op://a/b",
    'T="op://a/b/c d"',
    'T="{{ x }}"',
    'T="$HOME/.token"',
    "MY_T=a",
    "T_FILE=a",
    "alias f='T=$(pass x) command'",
    "alias f='T= command'",
    "alias f=\"T='$X' command\"",
    "echo \"export T='$X'\" >> f",
    'export "T=$X"',
    "printf 'T=%s\\n' \"$X\"",
    'printf -v T %s "$X"',
    "read -r T < f",
    'read -r T <<< "$(pass x)"',
    "grep '^T=' f",
    "export T=$(sed -n 's/^T=//p' f)",
    "sed -i '/^T=/d' f",
    "sed -i 's/^T=.*/T=/' f",
    "sed -n 's/T=\\(.*\\)/\\1/p' f",
    "cachix authtoken",
    "cachix authtoken --stdin < f",
    "cachix authtoken $X",
    'cachix authtoken "$(pass x)" # cachix authtoken abc',
    "# cachix authtoken abc",
    'echo "Run cachix authtoken to log in"',
]

PARTED = [("<", "<E"), ("<<", "E"), ("<<", "-E"), ("<<-", "E"), ("<", "<-'E'"), ("3<", "<E")]
# Where a line stands: the hindrance of each credential, "" for those that may go.
PLACES = [
    # Several lines
    ("T='a\nb'", ["several-lines"]),
    ("T=\\\na", ["several-lines"]),
    ("T=a \\\n", ["several-lines"]),
    ("T=\\\r\nabc\r", ["unclear"]),
    ("x'\nT='\nabc'\n", ["unclear"]),
    ("grep 'T='\n", []),
    ("x='\nexport T=\\\nabc\n'", ["several-lines"]),
    ("export A=1 \\\n T=a", ["several-lines"]),
    ("T=(\na\n)", ["several-lines"]),
    ('T="$(\necho abc\n)"', ["several-lines"]),
    ('T="$(\n  pass x\n)"', []),
    # Quotes and here-documents
    ("x='\nT=a\n'\nT=b", ["compound", ""]),
    ('x="\nexport T=\\"\\"\n"\nT=b', [""]),
    ("cat <<E\nT=a\nE", ["compound"]),
    ("cat <<E\nT=$X\nE", []),
    ("cat <<E\ncachix authtoken abc\nE\nT=b", ["compound", ""]),
    ("cat <<'E'\nexport T=\"a\"\nE\nT=b", ["compound", ""]),
    ("cat <<-E\n\tT=a\n\tE\nT=b", ["compound", ""]),
    ("cat <<E\nfoo\\\nE\nT=a\nE\nT=b", ["compound", ""]),
    ("cat <<E\n\\\nE\nT=a\nE", ["unclear"]),
    ("cat <<EF\nE\\\nF\nT=a\nEF", ["unclear"]),
    ("cat <<E\nfoo\\\\\nE\nT=a", [""]),
    ("cat <<'E'\nfoo\\\nE\nT=a", [""]),
    ("cat <<E\nfoo\\\nbar\nE\nT=a", [""]),
    ("cat <<A <<B\nT=1\nA\nT=2\nB\nT=3", ["compound", "compound", ""]),
    ("cat <<E\r\nT=a\r\nE\r\nT=b\r", ["compound", ""]),
    ("x=$(cat <<E\nit's\nE\n)\nT=a", [""]),
    # A backslash joins lines there too, but not where the delimiter is quoted.
    ("cat <<E\nx\\\nE\nT=a\nE\nT=b", ["compound", ""]),
    ("cat <<-E\nx\\\n\tE\nT=a\n\tE\nT=b", ["compound", ""]),
    ("cat <<E\nx\\\\\nE\nT=a", [""]),
    ("cat <<'E'\nx\\\nE\nT=a", [""]),
    ("cat <<'A' <<B\nx\\\nA\nx\\\nB\nT=a\nB\nT=b", ["compound", ""]),
    ("cat <<< x\nT=a", [""]),
    ("x=$((1<<2)) y=$(( (1+2) ))\n((x<<2))\nT=a", [""]),
    # Blocks
    ("if x; then\nT=a\nfi", ["block"]),
    ("if x; then\nT=a\n:\nfi", [""]),
    ("if x; then\n# c\nT=a\n\nT=b\nfi", ["block", "block"]),
    ("if x; then\n:\nelse\nT=a\nfi", ["block"]),
    ("if x; then\nT=a\nelif y\nthen\n:\nfi", ["block"]),
    ("if\nT=a\nthen\n:\nfi", ["block"]),
    ("if x; then\nif y; then\nT=a\nfi\nfi", ["block"]),
    ("if x; then\nif y; then\n:\nfi\nT=a\nfi", [""]),
    ("while x; do\nT=a\ndone", ["block"]),
    ("while T=a; do :; done", ["compound"]),
    ("for x in a b; do\nT=a\necho\ndone", [""]),
    ("for ((i=0;i<3;i++)); do\nT=a\ndone\nT=b", ["block", ""]),
    ("f() {\nT=a\n}", ["block"]),
    ("f()\n{\nT=a\nb\n}", [""]),
    ("f()\nT=a", ["compound"]),
    ("function f {\nT=a\n}", ["block"]),
    ("{\nT=a\n}", ["block"]),
    ("(\nT=a\n)", ["block"]),
    ("(\nT=a\nb\n)", [""]),
    ("case x in\na)\nT=a\n;;\nesac", ["block"]),
    ("case x in\n(a|b)\nT=a\nb ;;\n*) T=b ;;\nesac\nT=c", ["", "compound", ""]),
    ("x=$(case y in a) z;; esac)\nT=c", [""]),
    ("x &&\nT=a", ["compound"]),
    ("x |\nT=a", ["compound"]),
    ("! \nT=a", ["compound"]),
    # What quotes and comments may be taken for
    ("PS1='it'\\''s'\nT=a", [""]),
    ("echo it\\'s $# ${#x} ${x##*/} a#b 2>&1 # it's\nT=a", [""]),
    ('eval "$(x "$y" \'z\')"\nT=a', [""]),
    ('echo "${x:-\'a\'}" `x "y"`\nT=a', [""]),
    ("[[ $x == (a|b)* && $y =~ ^(a)$ ]] && z\nT=a", [""]),
    ("source <(x y) > >(z)\nT=a", [""]),
    # zsh
    ("if [[ x ]] {\nT=a\n} else {\ny\nT=b\n}\nT=c", ["block", "", ""]),
    ("f() { echo a }\nT=a", [""]),
    ("for f (a b) source $f\nT=a", [""]),
    ("x=(*(N) **/*(.om[1]))\nT=a", [""]),
    ("echo ${(s:':)x}\nT=a", [""]),
    ("() {\nT=a\n}", ["block"]),
    ("(( $+commands[x] )) && y\nT=a", [""]),
    # What cannot be followed
    ("T=a\necho 'x\nT=b", ["", "unclear"]),
    ("T=a\ncat <<E\nT=b", ["", "unclear"]),
    ("T=a\ncat <<E\nT=b\nE\r", ["", "unclear"]),
    ("T=a\ncat <<E\nx\\\nE\nT=b", ["", "unclear"]),
    ("T=a\ncat <<E\nx\\\r\nE\nT=b", ["", "unclear"]),
    # The end of a document in bash, and none in dash.
    ("T=a\ncat <<EF\nE\\\nF\nT=b\nEF", ["", "unclear"]),
    ("T=a\ncat <<E\nE\\\n\nT=b\nE", ["", "unclear"]),
    # A backslash parts what begins a document.
    *((f"T=a\ncat {mark}\\\n{rest}\nT=b\nE", ["", "unclear"]) for mark, rest in PARTED),
    ("T=a\necho 'a <\\\n' \"a <\\\n\" # a <\\\nT=b", ["", ""]),
    ("T=a\nif x; then\nT=b\nc", ["", "unclear"]),
    ("T=a\nfi", ["unclear"]),
    ("}\nT=a\n# T=b", ["unclear", "unclear"]),
    ("T=a\nx='\n'\nT=b\necho `'`'", ["", "unclear"]),
    ('echo "${x:-it\'s}"\nT=a', ["unclear"]),
]


def written(case: str) -> bytes:
    """A case's text with the variable's name in place."""
    parts = case.encode("latin-1").split(b"T")
    text = parts[0]
    for part in parts[1:]:
        is_word = text[-1:].isalpha() and text[-2:] != rb"\n"
        text += (b"T" if is_word or part[:1].isalpha() else TOKEN) + part
    return text


def hindrances(found: Sequence[Credential]) -> list[str]:
    return [each.hindrance for each in sorted(found, key=lambda each: each.line)]


@pytest.mark.parametrize("awk", AWKS)
def test_a_line_goes_that_only_sets_the_variable_to_a_literal(awk: str) -> None:
    content = b"\n".join(map(written, GO))
    found = recognise("sh", content, awk=awk)
    assert [(each.line, each.hindrance) for each in found] == [(n + 1, "") for n in range(len(GO))]
    assert cut(content, found) == b""
    assert {each.kind for each in found} == {"auth-token"}


@pytest.mark.parametrize("awk", AWKS)
def test_a_line_that_does_more_is_told_and_stays(awk: str) -> None:
    content = b"\n".join(map(written, STAY)) + b"\n"
    found = recognise("sh", content, awk=awk)
    assert [(each.line, each.hindrance) for each in found] == [
        (n + 1, "compound") for n in range(len(STAY))
    ]
    assert all((each.start, each.end) == (0, 0) for each in found)


@pytest.mark.parametrize("awk", AWKS)
def test_references_empty_values_comments_and_mentions_are_clean(awk: str) -> None:
    content = b"\n".join(map(written, CLEAN)) + b"\n"
    told = {each.line for each in recognise("sh", content, awk=awk)}
    assert [case for n, case in enumerate(CLEAN) if n + 1 in told] == []


@pytest.mark.parametrize("awk", AWKS)
def test_what_surrounds_a_line_decides_whether_it_goes(awk: str) -> None:
    told = [hindrances(recognise("sh", written(case) + b"\n", awk=awk)) for case, _ in PLACES]
    assert told == [expected for _, expected in PLACES]


@pytest.mark.parametrize("awk", AWKS)
def test_several_on_one_line_are_told_one_by_one(awk: str) -> None:
    content = b"export CACHIX_AUTH_TOKEN=a CACHIX_SIGNING_KEY='b' CACHIX_AGENT_TOKEN=$x\n"
    found = recognise("sh", content, awk=awk)
    assert [(each.kind, each.hindrance) for each in found] == [
        ("auth-token", "compound"),
        ("signing-key", "compound"),
    ]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nmore"])
def test_all_other_bytes_stay(awk: str, end: bytes) -> None:
    before = b"\xff\xfe \0 # caf\xc3\xa9\r\necho 'caf\xc3\xa9 \x1b[0m'\n\n"
    content = before + b"export " + TOKEN + b"=\xc3\xa9\0\xff" + end
    rest = content[content.index(b"\n", len(before)) + 1 :] if b"\n" in end else b""
    found = recognise("sh", content, awk=awk)
    assert hindrances(found) == [""]
    assert cut(content, found) == before + rest


# Files put together -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """Lines, and what is to be told of them.

    + told: by number from 0, the hindrance; "" for one that may go if something else stands there
    + holds: whether it is a command apart from lines that may go
    """

    lines: tuple[str, ...]
    told: tuple[tuple[int, str], ...] = ()
    holds: bool = True


def fixed(text: str, *told: tuple[int, str], holds: bool = True) -> Piece:
    return Piece(tuple(text.split("\n")), told, holds)


def goes(line: str) -> Piece:
    return fixed(line, (0, ""), holds=False)


SH = [
    *map(goes, ["T=S", "  export T='S a' # it's", '\treadonly T="S\\"";', "export T=a'S'"]),
    *(fixed(text, holds=False) for text in ["", "# it's T=S", "\t#"]),
    *map(fixed, ['echo it\\\'s "a # b" ${x##*/} $((1<<2))', "x='a\n# b' y=\"$(z 'c\n')\"", ":"]),
    *map(fixed, ["T=$(pass x)", 'export T="$x"', "unset T", "a && b \\\n  || c", "a |\nb"]),
    *map(fixed, ["cat <<'A' <<-B\nit's `\nA\n\t$a\n\tB", 'x=`y "z" # a\n`', "f() (a)", "a; b &"]),
    *(fixed(text, (0, "compound")) for text in ["T=S a", "alias x='T=S y'", ": ${T:=S}", "a;T=S"]),
    *(fixed(text, (1, "compound")) for text in ["x='\nT=S\n'", "a &&\nT=S", "x <<E\nT=S\nE"]),
    fixed("x <<E\na\\\nE\nT=S\nE", (3, "compound")),
    fixed("T='S\n'", (0, "several-lines")),
    fixed("export a=b \\\n  T=S", (1, "several-lines")),
    fixed("(T=S)", (0, "compound")),
    fixed("x=$(\nT=S\n)", (1, "compound")),
    fixed("if\nT=S\nthen\na\nfi", (1, "block")),
]
BASH = [
    *SH,
    *map(goes, ["declare -x T=S", "T=$'S\\''", "typeset -gx T='S'"]),
    *map(fixed, ["x=(a 'b)' # c'\n)", "[[ $x =~ ^(a|b)$ ]] && c", "a < <(b) &> c", "a <<< 'b'"]),
    *map(fixed, ["((x<<2))", "for ((;;)); do a; done", "function f { a; }", 'x="${y//\\"/}"']),
    *(fixed(text, (0, "compound")) for text in ["T=(S)", "T+=S", "printf -v T S", "read T <<<S"]),
]
BLOCKS = [
    ("if a; then", "fi"),
    ("if a\nthen # b", "else\nc; fi"),
    ("if a; then b; elif c; then", "fi"),
    ("if a; then b; else", "fi"),
    ("while a; do", "done"),
    ("until a\ndo", "done < b"),
    ("for x in a b; do", "done"),
    ("for x\ndo", "done | a"),
    ("f() {", "}"),
    ("f ()\n{", "}"),
    ("{", "} > a"),
    ("(", ")"),
    ("a && {", "}"),
    ("case x in a|b)", ";; esac"),
    ("case $x in\n(a) b;;\n*)", "esac"),
]


def joined(pieces: Sequence[Piece]) -> Piece:
    lines: list[str] = []
    told = []
    for piece in pieces:
        told += [(len(lines) + number, hindrance) for number, hindrance in piece.told]
        lines += piece.lines
    return Piece(tuple(lines), tuple(told), any(piece.holds for piece in pieces))


def within(block: tuple[str, str], pieces: Sequence[Piece]) -> Piece:
    """A block around pieces, with a command more if nothing else makes it one."""
    body = joined(pieces)
    if not body.holds and not body.told:
        body = joined([*pieces, fixed(":")])
    if not body.holds:
        body = Piece(body.lines, tuple((number, "block") for number, _ in body.told))
    return joined([fixed(block[0]), body, fixed(block[1])])


@st.composite
def files(draw: st.DrawFn, pieces: list[Piece], depth: int = 0) -> Piece:
    drawn = []
    for _ in range(draw(st.integers(0, 6 if depth == 0 else 3))):
        if depth < 4 and draw(st.integers(0, 2)) == 0:
            drawn.append(within(draw(st.sampled_from(BLOCKS)), [draw(files(pieces, depth + 1))]))
        else:
            drawn.append(draw(st.sampled_from(pieces)))
    return joined(drawn)


def text_of(file: Piece) -> bytes:
    """The file's content; each secret is one of its own."""
    lines = [
        written(line).replace(b"S", b"made-up-%d-" % number)
        for number, line in enumerate(file.lines)
    ]
    return b"".join(line + b"\n" for line in lines)


def accepts(shell: str, content: bytes) -> bool:
    told = subprocess.run([shell, "-n"], input=content, capture_output=True)
    return not told.returncode and not told.stderr


def check_told_and_cut(shell: str, awk: str, file: Piece) -> None:
    content = text_of(file)
    found = recognise("sh", content, awk=awk)
    assert [(each.line - 1, each.hindrance) for each in found] == list(file.told)
    left = cut(content, found)
    gone = {number for number, hindrance in file.told if not hindrance}
    lines = content.splitlines(keepends=True)
    assert left == b"".join(line for number, line in enumerate(lines) if number not in gone)
    assert accepts(shell, content)
    assert accepts(shell, left)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(AWKS), files(SH))
def test_a_file_of_sh_is_accepted_without_what_goes(awk: str, file: Piece) -> None:
    check_told_and_cut("dash", awk, file)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(AWKS), files(BASH))
def test_a_file_of_bash_is_accepted_without_what_goes(awk: str, file: Piece) -> None:
    check_told_and_cut("bash", awk, file)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(AWKS), files(BASH), files(BASH))
def test_from_an_open_quote_on_all_is_told_as_unclear(awk: str, first: Piece, last: Piece) -> None:
    opened = fixed('echo "${x:-it\'s}"')
    content = text_of(joined([first, opened, last]))
    found = {each.line - 1: each.hindrance for each in recognise("sh", content, awk=awk)}
    start = len(first.lines) + 1
    assert all(found.get(start + number) == "unclear" for number, _ in last.told)
    assert found.keys() >= {number for number, _ in first.told}


JUNK = list("'\"`()}{\\#;|a")
JUNK += ["$(", "${x:-", "if ", "then ", "else ", "fi ", "while ", "do ", "done ", "for ", "case "]
JUNK += [
    " in ",
    "esac ",
    "a) ",
    ";;",
    "<<E",
    "E",
    "&&",
    "((",
    "))",
    "[[ ",
    " ]]",
    "x=",
    "f()",
    "! ",
]
JUNK += ["$'", "''", '""', "function ", " ", " ", "\n", "\n", "\n"]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(AWKS),
    st.lists(st.sampled_from(JUNK), max_size=12).map("".join),
    st.lists(st.sampled_from(JUNK), max_size=12).map("".join),
)
def test_no_text_around_it_hides_a_line_or_is_broken_by_its_end(
    awk: str, before: str, after: str
) -> None:
    head = f"{before}\n".encode()
    tail = f"\n{after}\n".encode()
    content = head + b"export " + TOKEN + b"=made-up" + tail
    found = recognise("sh", content, awk=awk)
    assert [each.line for each in found] == [head.count(b"\n") + 1]
    if not found[0].hindrance and accepts("bash", content):
        assert accepts("bash", cut(content, found))
        # No command stands where bash takes what no command begins with.
        assert not accepts("bash", head + b"fi done ;; ) esac }" + tail)


DOCUMENT = ["E", "\tE", "E\\", "\\", "x", "x\\", "x\\\\", "x\\\\\\", "F", "\tF", "x\\\r", "E\r"]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(AWKS),
    st.sampled_from(["bash", "dash"]),
    st.sampled_from(["<<E", "<<-E", "<<'E'", "<<\\E", "<<E <<F", "<<'E' <<-F", "<<EF", "<<E\r"]),
    st.lists(st.sampled_from(DOCUMENT), max_size=6),
    st.lists(st.sampled_from(DOCUMENT), max_size=3),
)
def test_no_line_of_a_document_goes(
    awk: str, shell: str, begin: str, before: list[str], after: list[str]
) -> None:
    head = "".join(f"{line}\n" for line in [f"cat {begin}", *before]).encode()
    tail = "".join(f"{line}\n" for line in after).encode()
    found = recognise("sh", head + b"export " + TOKEN + b"=made-up\n" + tail, awk=awk)
    assert [each.line for each in found] == [head.count(b"\n") + 1]
    if not found[0].hindrance:
        assert not accepts(shell, head + b"fi done ;; ) esac }\n" + tail)
