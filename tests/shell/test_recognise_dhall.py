"""cachix.dhall: what is not surely empty is a finding."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.recognised import AWKS, Credential, recognise

TOKEN = "eyJhbGciOiJub25lIn0.bWFkZSB1cA.c2lnbmF0dXJl"
KEY = "bWFkZSB1cCBrZXkgb2Ygbm8gdXNl"
TYPE = "List { name : Text, secretKey : Text }"

EMPTY = {
    "nothing": "",
    "blanks": " \n\t\r\n",
    "a line comment": '-- authToken = "abc"',
    "a nested comment": '{- authToken = {- "abc" -} -}\n',
    "a comment of one dash": "{--}{- --}",
    "no fields": "{=}",
    "no fields, spread out": "{ = }\n",
    "no fields, with a comma": "{ = , }",
    "an empty token": '{ authToken = "" }',
    "as cachix writes it": f'{{ authToken = ""\n, hostname = "https://cachix.org"\n'
    f", binaryCaches =\n    [] : {TYPE}\n}}\n",
    "one line": f'{{authToken="",hostname="https://cachix.org",binaryCaches=[]:{TYPE}}}',
    "other line ends": '{\r\n  authToken = ""\r\n}\r\n',
    "a leading comma": '{ , authToken = "", }',
    "labels in backticks": '{ `authToken` = "", `binaryCaches` = [] : List { `name` : Text } }',
    "an annotation": '{ authToken = "" : Text }',
    "a text over two lines": "{ authToken = ''\n  '' }",
    "another host": '{ authToken = "", hostname = "https://cachix.example" }',
    "comments": '{ -- {- the\nauthToken {- λ → " -} = "" -- token"\n}',
    "a cache without a key": '{ binaryCaches = [ { name = "mine", secretKey = "" } ] }',
}

UNCLEAR = {
    "a variable": "{ authToken = env:TOKEN as Text }",
    "an import": "./other.dhall",
    "a remote import": '{ authToken = "" } // https://example.org/x.dhall',
    "an old import": "~/x.dhall",
    "a join": '{ authToken = "" } ∧ ./x',
    "a sum": '{ authToken = "" ++ env:X }',
    "a definition": 'let token = "" in { authToken = token }',
    "an interpolation": '{ authToken = "${env:X as Text}" }',
    "an interpolation with quotes": '{ authToken = "${"x"}" }',
    "an unknown field": '{ authToken = "", comment = "" }',
    "a field without a value": "{ authToken }",
    "a dotted label": '{ authToken.x = "" }',
    "a label twice": '{ authToken = "", authToken = "" }',
    "a label that goes on": '{ authToken--x = ""\n}',
    "an open record": '{ authToken = ""',
    "an open text": '{ authToken = "\n" }',
    "an open comment": '{ authToken = "" } {- {- -}',
    "a brace in a comment's beginning": '{ authToken = "" } {-}',
    "an open text over several lines": "{ authToken = ''\n",
    "four quotes": "{ authToken = '''' }",
    "a text over several lines": f"{{ authToken = ''\n  {TOKEN}\n  '' }}",
    "quotes that are escaped": "{ authToken = ''\n''' }",
    "an interpolation that is escaped": "{ authToken = ''\n''${x}'' }",
    "more behind": '{ authToken = "" } x',
    "with": '{ authToken = "" } with authToken = env:X',
    "parentheses": '({ authToken = "" })',
    "another type": "{ binaryCaches = [] : List { name : ./x, secretKey : Text } }",
    "a list joined to another": f"{{ binaryCaches = ([] : {TYPE}) # env:X }}",
    "a token alone": TOKEN,
    "a token as text": f'"{TOKEN}"',
    "a token as a name": f'{{ binaryCaches = [ {{ name = "{TOKEN}" }} ] }}',
    "a line too long to read": '{ authToken = "" ' + 20_000 * "-" + "}",
    "a byte order mark": '\ufeff{ authToken = "" }',
    "braces of a template": "{{ token }}",
}


# What leads to where the secret lies.
IMPORTS = (
    *("a variable", "an import", "a remote import", "an old import", "a join", "a sum"),
    *("an interpolation", "with", "another type", "a list joined to another"),
)


def found(content: str, awk: str = AWKS[0]) -> list[Credential]:
    return recognise("dhall", content.encode(), awk=awk)


def told(kind: str, line: int, cache: str = "") -> Credential:
    return Credential(kind, line, 0, 0, "", cache)


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", EMPTY)
def test_what_surely_holds_nothing_is_clean(name: str, awk: str) -> None:
    assert found(EMPTY[name], awk) == []


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", UNCLEAR)
def test_what_may_hold_anything_is_unclear(name: str, awk: str) -> None:
    [unclear] = found(UNCLEAR[name], awk)
    why = "import" if name in IMPORTS else "unclear"
    assert (unclear.kind, unclear.hindrance) == ("unclear", why)


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "value",
    ["~/token as Text", "../t", "/run/t", "(./t)", 'env:"T"', "missing", '"${~/t as Text}"'],
)
def test_what_imports_is_left_with_all_that_it_holds(value: str, awk: str) -> None:
    content = (
        f'{{ binaryCaches = [ {{ name = "a", secretKey = "{KEY}" }} ]\n, authToken = {value} }}'
    )
    left = [each._replace(hindrance="import") for each in (told("signing-key", 1, "a"),)]
    assert found(content, awk) == [*left, told("unclear", 2)._replace(hindrance="import")]
    assert {each.hindrance for each in found(f"{content} -- {' ' * 20000}", awk)} == {"import"}


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "content",
    [
        f'{{ authToken = "{TOKEN}" // {{=}} }}',
        f"{{ authToken = {KEY}/x+/y }}",
        f'-- ./x env:X\n{{ authToken = "{TOKEN}" {{- ~/x -}} ++ "/x env:X" }}',
        f'{{ authToken = "{TOKEN}", hostname = "https://cachix.org" }}',
        f'{{ missingX = "{TOKEN}" }}',
    ],
)
def test_what_imports_nothing_is_not_left_for_that(content: str, awk: str) -> None:
    assert {each.hindrance for each in found(content, awk)} <= {"", "unclear"}


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "more",
    [
        ', agents = [ "build-1" ]',
        ', authToken = "again"',
        ', note = "mine"',
        " } // { a = 1",
    ],
)
def test_a_file_that_is_not_wholly_understood_does_not_go(more: str, awk: str) -> None:
    content = f'{{ authToken = "{TOKEN}"{more} }}'
    assert [(each.kind, each.hindrance) for each in found(content, awk)] == [
        ("auth-token", "unclear"),
        ("unclear", "unclear"),
    ]


@pytest.mark.parametrize("awk", AWKS)
def test_tokens_and_keys_are_told_with_their_lines_and_caches(awk: str) -> None:
    content = f"""\
-- λ
{{ authToken =
    "{TOKEN}"
, hostname = "https://cachix.org/"
, binaryCaches =
  [ {{ name = "mine", secretKey = "{KEY}" }}
  , {{ name = "empty", secretKey = "" }}
  , {{ secretKey =
        "{KEY}\\"{KEY}"
    , `name` = "yours-2"
    }}
  , {{ secretKey = "{KEY}", name = "No Name" }},
  ] : {TYPE}
}}
"""
    assert found(content, awk) == [
        told("auth-token", 2),
        told("signing-key", 6, "mine"),
        told("signing-key", 8, "yours-2"),
        told("signing-key", 12),
    ]


@pytest.mark.parametrize("awk", AWKS)
def test_what_is_sure_is_told_beside_what_is_unclear(awk: str) -> None:
    content = f'{{ authToken = "{TOKEN}"\n, binaryCaches =\n  [ {{ name = env:X }}]\n}}'
    assert found(content, awk) == [
        told("auth-token", 1)._replace(hindrance="import"),
        told("unclear", 3)._replace(hindrance="import"),
    ]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://cachix.example", "https://cachix.example"),
        ("http://cachix.example:8080/", "http://cachix.example:8080/"),
        ("https://cachix.org.example", "https://cachix.org.example"),
        ("https://name:word@cachix.example", ""),
        ("https://cachix.example/x", ""),
        ("", ""),
    ],
)
def test_another_cachix_is_told_beside_a_credential(written: str, address: str, awk: str) -> None:
    content = f'{{ authToken = "{TOKEN}"\n, hostname = "{written}" }}'
    assert found(content, awk) == [told("auth-token", 1), told("hostname", 2, address)]


@pytest.mark.parametrize("awk", AWKS)
def test_another_cachix_is_told_beside_what_is_unclear(awk: str) -> None:
    content = '{ authToken = env:X as Text\n, hostname = "https://cachix.example" }'
    assert found(content, awk) == [
        told("unclear", 1)._replace(hindrance="import"),
        told("hostname", 2, "https://cachix.example"),
    ]


def test_a_token_as_the_hostname_is_not_told() -> None:
    content = f'{{ hostname = "{TOKEN}" }}'
    unclear = told("unclear", 1)._replace(hindrance="unclear")
    assert found(content) == [unclear, told("hostname", 1)]


def test_the_usual_cachix_is_not_told() -> None:
    content = f'{{ authToken = "{TOKEN}", hostname = "https://cachix.org" }}'
    assert found(content) == [told("auth-token", 1)]


# Records, empty or not by construction ------------------------------------------------------------

GAPS = st.sampled_from(
    ["", " ", "\n", "\r\n\t", " -- it is 'empty'\n", "{- { -}", '\n{- {- " -} -- -}\n', "{- λ -}"]
)


@st.composite
def spread(draw: st.DrawFn, words: list[str]) -> str:
    """Words of Dhall with gaps between them."""
    return draw(GAPS) + "".join(word + draw(GAPS) for word in words)


def of_fields(fields: list[list[str]], opening: str, closing: str, leads: bool) -> list[str]:
    words = [opening, *([","] if leads and fields else [])]
    for number, field in enumerate(fields):
        words += [*([","] if number else []), *field]
    return [*words, closing]


@st.composite
def label(draw: st.DrawFn, name: str) -> str:
    return draw(st.sampled_from([name, f"`{name}`"]))


@st.composite
def caches(draw: st.DrawFn, keys: list[str]) -> list[str]:
    if not keys:
        names = draw(st.permutations(["name", "secretKey"]))
        types = [[name, ":", " Text"] for name in names]
        return ["[", "]", ":", " List", *of_fields(types, "{", "}", draw(st.booleans()))]
    elements = []
    for key in keys:
        fields = [["name", "=", '"mine"'], ["secretKey", "=", f'"{key}"']]
        elements.append(of_fields(draw(st.permutations(fields)), "{", "}", draw(st.booleans())))
    return of_fields(elements, "[", "]", draw(st.booleans()))


@st.composite
def records(draw: st.DrawFn, token: str, keys: list[str], secret: bool) -> str:
    fields = [
        [draw(label("authToken")), "=", f'"{token}"', *draw(st.sampled_from([[], [":", " Text"]]))],
        [draw(label("hostname")), "=", '"https://cachix.org"'],
        [draw(label("binaryCaches")), "=", *draw(caches(keys))],
    ]
    kept = fields if secret else draw(st.lists(st.sampled_from(fields), unique_by=lambda f: f[0]))
    if not kept:
        return draw(spread(["{", "=", "}"]))
    return draw(spread(of_fields(draw(st.permutations(kept)), "{", "}", draw(st.booleans()))))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.just(""), max_size=2).flatmap(lambda keys: records("", keys, secret=False)))
def test_a_record_made_empty_is_clean(content: str) -> None:
    assert found(content) == []


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(st.sampled_from(["", "x", TOKEN]), st.lists(st.sampled_from(["", KEY]), max_size=3))
    .filter(lambda made: any([made[0], *made[1]]))
    .flatmap(lambda made: st.tuples(st.just(made), records(*made, secret=True)))
)
def test_each_secret_of_a_record_is_told(made: tuple[tuple[str, list[str]], str]) -> None:
    (token, keys), content = made
    expected = ["auth-token"] * bool(token) + ["signing-key"] * sum(map(bool, keys))
    assert sorted(each.kind for each in found(content)) == expected


@settings(max_examples=80, deadline=None)
@given(records(TOKEN, [KEY], secret=True), st.data())
def test_a_record_with_a_secret_is_never_clean_however_it_is_damaged(
    content: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, content.index(TOKEN)))
    insert = data.draw(st.sampled_from(list("{}[]=,:\"'`.#x ")))
    if insert == "{" and content[at : at + 1] == "-":
        return
    assert found(content[:at] + insert + content[at:]) != []
