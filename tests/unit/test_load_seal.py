import pytest

from assets.extracts.seal import SealError, seal, unseal

KEY = bytes(range(32))


@pytest.fixture
def sealed(tmp_path):
    plain = tmp_path / "people.csv"
    plain.write_bytes(b"id,first\n1,Marisol\n" * 200_000)
    target = tmp_path / "sealed" / "people.csv.sealed"
    seal(plain, target, KEY)
    return plain, target


def test_a_sealed_file_opens_to_what_it_was_and_shows_nothing(sealed):
    plain, target = sealed
    assert unseal(target, KEY) == plain.read_bytes()
    assert b"Marisol" not in target.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["people.csv.sealed"]


@pytest.mark.parametrize("position", [0, 9, 30, -1])
def test_a_changed_sealed_file_does_not_open(sealed, position):
    _, target = sealed
    content = bytearray(target.read_bytes())
    content[position] ^= 1
    target.write_bytes(content)
    with pytest.raises(SealError, match="does not open"):
        unseal(target, KEY)


def test_another_key_or_another_name_does_not_open_it(sealed):
    _, target = sealed
    with pytest.raises(SealError):
        unseal(target, bytes(32))
    with pytest.raises(SealError):
        unseal(target.rename(target.with_name("other.csv.sealed")), KEY)


def test_sealing_twice_never_repeats_a_nonce(sealed, tmp_path):
    plain, target = sealed
    again = tmp_path / "again" / "people.csv.sealed"
    seal(plain, again, KEY)
    assert again.read_bytes()[8:40] != target.read_bytes()[8:40]
