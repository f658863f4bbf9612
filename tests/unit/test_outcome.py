"""What came of a transaction, however much of its answer arrived."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nixtrust.outcome import Outcome, Result, read_outcome

BEGIN, END = "nixtrust\twrite\t1", "end\t2\t"


def answer(result: str, words: str) -> list[str]:
    return [BEGIN, f"outcome\t{result}\t{words}", END]


@pytest.mark.parametrize("result", Result)
def test_every_end_is_read_and_told_in_words(result: Result) -> None:
    outcome = read_outcome(answer(result.value, "why"))
    assert outcome == Outcome(result, "why")
    assert str(outcome).endswith(": why")


def test_only_what_was_written_counts_as_written() -> None:
    assert {result for result in Result if Outcome(result, "").is_written} == {
        Result.DONE,
        Result.PENDING,
    }


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [BEGIN],
        [BEGIN, "outcome\tdone\t"],
        ["outcome\tdone\t", END],
        [BEGIN, "outcome\tdone", END],
        [BEGIN, "outcome\twell\t", END],
        [BEGIN, "outcome\tdone\t", "outcome\tfailed\tno", END],
        ["Welcome!", BEGIN, "outcome\tdone\t", END],
        ["nixtrust\tprobe\t1", "outcome\tdone\t", END],
    ],
)
def test_an_answer_that_is_not_whole_is_not_known_to_be_written(lines: list[str]) -> None:
    outcome = read_outcome(lines)
    assert outcome.result is Result.LOST
    assert not outcome.is_written


@given(st.lists(st.text(), max_size=5))
def test_no_answer_is_more_than_can_be_read(lines: list[str]) -> None:
    assert isinstance(read_outcome(lines), Outcome)


@given(st.sampled_from(Result), st.text(st.characters(exclude_characters="\t")))
def test_an_outcome_is_one_printable_line(result: Result, words: str) -> None:
    assert str(read_outcome(answer(result.value, words))).isprintable()


@pytest.mark.parametrize(
    ("words", "to_do"),
    [
        ("mktemp: No space left on device", "make room there, then run again"),
        ("ln: Disk quota exceeded", "make room there, then run again"),
        ("touch: Read-only file system", "make it writable there, then run again"),
    ],
)
def test_what_a_person_can_do_about_it_is_said(words: str, to_do: str) -> None:
    assert str(Outcome(Result.FAILED, words)) == f"nothing written: {words}; {to_do}"


ELSEWHERE = "declare it for a group whose Nix does (group_data/GROUP.py), or not at all"


@pytest.mark.parametrize(
    ("said", "to_do"),
    [
        ("Nix would warn of what would be written: unknown setting 'x'", ELSEWHERE),
        (
            "Nix would warn of what would be written: unknown experimental feature 'x'",
            ELSEWHERE,
        ),
        (
            "Nix would warn of what would be written: Ignoring setting 'x' because experimental"
            " feature 'y' is not enabled",
            "declare that feature too, or not the setting",
        ),
        (
            "Nix refuses what would be written: setting 'x' has an invalid value",
            "declare another value for the group of that machine",
        ),
    ],
)
def test_of_a_setting_that_an_older_nix_does_not_take_it_is_said_where_to_declare_it(
    said: str, to_do: str
) -> None:
    assert str(Outcome(Result.REFUSED, said)).endswith(to_do)
