import pytest

from nixtrust.nix_version import NixVersion, parse_nix_version


@pytest.mark.parametrize(
    ("text", "flavour", "number"),
    [
        ("nix (Nix) 2.8.0\n", "nix", (2, 8, 0)),
        ("nix (Nix) 2.34.8", "nix", (2, 34, 8)),
        ("nix (Nix) 2.3", "nix", (2, 3, 0)),
        ("nix (Nix) 2.20.0pre20231220_1b14b6a", "nix", (2, 20, 0)),
        ("nix (Nix) 2.32.0pre-20250909_dirty", "nix", (2, 32, 0)),
        ("nix (Lix, like Nix) 2.94.0", "lix", (2, 94, 0)),
        ("nix (Lix, like Nix) 2.96.0-dev-pre20260821-abcdef0", "lix", (2, 96, 0)),
        ("nix (Determinate Nix 3.22.2) 2.35.2", "determinate", (2, 35, 2)),
    ],
)
def test_what_nix_says_of_its_version_is_understood(
    text: str, flavour: str, number: tuple[int, int, int]
) -> None:
    nix = parse_nix_version(text)
    assert (nix.flavour, nix.number) == (flavour, number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nix",
        "nix (Nix)",
        "nix (Nix) two",
        "nix (Tvix) 2.8.0",
        "nix (Nixon) 2.8.0",
        "bash: nix: command not found",
        "nix (Nix) 2.8.0.1",
    ],
)
def test_any_other_text_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match=r"nix|Nix"):
        parse_nix_version(text)


def test_a_version_names_itself_as_people_do() -> None:
    assert str(NixVersion("nix", (2, 8, 0))) == "Nix 2.8.0"
    assert str(NixVersion("lix", (2, 94, 0))) == "Lix 2.94.0"
    assert str(NixVersion("determinate", (2, 35, 2))) == "Determinate Nix 2.35.2"


@pytest.mark.parametrize(
    ("property_name", "last_without", "first_with"),
    [
        ("includes_come_first", (2, 15, 3), (2, 16, 0)),
        ("experimental_features_come_first", (2, 15, 3), (2, 16, 0)),
        ("hides_flake_settings", (2, 15, 3), (2, 16, 0)),
        ("reads_all_before_applying", (2, 19, 7), (2, 20, 0)),
        ("knows_units", (2, 22, 4), (2, 23, 0)),
        ("parses_store_references", (2, 33, 9), (2, 34, 0)),
        ("bears_fallback", (2, 8, 1), (2, 9, 0)),
        ("reports_trust", (2, 14, 1), (2, 15, 0)),
    ],
)
def test_each_behaviour_begins_with_its_version(
    property_name: str, last_without: tuple[int, int, int], first_with: tuple[int, int, int]
) -> None:
    assert not getattr(NixVersion("nix", last_without), property_name)
    assert getattr(NixVersion("nix", first_with), property_name)


def test_includes_are_in_their_place_again_from_2_20() -> None:
    assert NixVersion("nix", (2, 19, 7)).includes_come_first
    assert not NixVersion("nix", (2, 20, 0)).includes_come_first


def test_lix_reads_includes_in_their_place_and_never_parses_stores() -> None:
    lix = NixVersion("lix", (2, 90, 0))
    assert not lix.includes_come_first
    assert lix.reads_all_before_applying
    assert not NixVersion("lix", (2, 96, 0)).parses_store_references


def test_flakes_are_always_on_in_determinate_nix() -> None:
    assert not NixVersion("determinate", (2, 35, 2)).hides_flake_settings
