"""The ledger of the privacy budget on both engines, and asked by several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from consent.privacy import Ask, BudgetError, PrivacyLedger
from consent.registry import open_registry


def ask(inputs: int, epsilon: int = 2) -> Ask:
    return Ask("2026-09-01", f"{inputs:064}", epsilon, 10, "a clause", "a mechanism")


def spend(url: str, inputs: int) -> bytes | str:
    """Spend in an engine of its own, as another process would."""
    engine = open_registry(url)
    try:
        return PrivacyLedger(engine).spend(ask(inputs), lambda: b"%d" % inputs, actor="night").sealed
    except BudgetError as error:
        return str(error)
    finally:
        engine.dispose()


def test_several_at_once_never_spend_more_than_there_is(registry_url: str):
    open_registry(registry_url).dispose()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda inputs: spend(registry_url, inputs), [0, 1, 2, 3, 4, 5, 6, 0, 1]))
    engine = open_registry(registry_url)
    held = PrivacyLedger(engine).all()
    engine.dispose()
    assert [row.cumulative for row in held] == [2, 4, 6, 8, 10]
    assert {row.sealed for row in held} == {one for one in found if isinstance(one, bytes)}
    refused = [one for one in found if isinstance(one, str)]
    assert refused
    assert set(refused) == {"the draw asks for an epsilon of 0.000000002, and 0 of 0.00000001 is left"}
