"""Captures, voids, refunds and the review of held payments."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.authorizenet import TX, Answer, Talk, card, stored

MASK = (
    "<payment><creditCard><cardNumber>{}</cardNumber><expirationDate>XXXX</expirationDate>"
    "</creditCard></payment>"
)


def settled(talk: Talk, amount: str = "10.00") -> str:
    charge = talk.pay(amount=amount)
    talk.bank.settle_batch()
    return charge.trans_id


def refund(
    talk: Talk, ref_id: str, amount: str = "10.00", mask: str = "XXXX1111", key: str = ""
) -> Answer:
    inner = f"{MASK.format(mask)}<refTransId>{ref_id}</refTransId>"
    return talk.pay("refundTransaction", amount, inner, ref_id=key)


# -- Capture --------------------------------------------------------------------------------------


def test_capture(talk: Talk) -> None:
    made = talk.pay("authOnlyTransaction", ref_id="first")
    answer = talk.follow("priorAuthCaptureTransaction", made.trans_id, "7.50", ref_id="second")
    assert answer.transaction == ("1", "1")
    assert answer.trans_id == made.trans_id
    assert answer[TX + "refTransID"] == made.trans_id
    assert answer[TX + "authCode"] == made[TX + "authCode"]
    assert (answer[TX + "avsResultCode"], answer[TX + "cvvResultCode"]) == ("P", "")
    row = talk.bank.retrieve_transaction(made.trans_id)
    assert (row.status, row.settled_amount) == ("captured", Decimal("7.50"))
    assert (row.operation_key, row.capture_key) == ("first", "second")


def test_capture_all_of_it(talk: Talk) -> None:
    made = talk.pay("authOnlyTransaction")
    assert talk.follow("priorAuthCaptureTransaction", made.trans_id).ok
    row = talk.bank.retrieve_transaction(made.trans_id)
    assert row.settled_amount == Decimal("10.00")


def test_capture_twice(talk: Talk) -> None:
    made = talk.pay("authOnlyTransaction")
    talk.follow("priorAuthCaptureTransaction", made.trans_id)
    again = talk.follow("priorAuthCaptureTransaction", made.trans_id)
    assert (again.ok, again.transaction) == (True, ("1", "311"))
    words = "This transaction has already been captured."
    assert again[TX + "messages/message/description"] == words
    assert again.trans_id == made.trans_id


def test_capture_too_much(talk: Talk) -> None:
    made = talk.pay("authOnlyTransaction")
    answer = talk.follow("priorAuthCaptureTransaction", made.trans_id, "10.01")
    assert (answer.transaction, answer.trans_id) == (("3", "47"), "0")
    assert answer[TX + "refTransID"] == made.trans_id
    assert answer[TX + "accountNumber"] == "XXXX1111"


@pytest.mark.parametrize("kind", ["priorAuthCaptureTransaction", "voidTransaction"])
def test_of_nothing(talk: Talk, kind: str) -> None:
    unknown = talk.follow(kind, "60036855219")
    assert (unknown.transaction, unknown.trans_id) == (("3", "16"), "0")
    assert unknown[TX + "errors/error/errorText"] == "The transaction cannot be found."
    assert unknown[TX + "refTransID"] == "60036855219"
    assert unknown[TX + "accountNumber"] == ""
    missing = talk.pay(kind, "10.00", "")
    assert missing.transaction == ("3", "33")
    assert missing[TX + "refTransID"] == ""
    for nobody in ("0", "000"):
        assert talk.follow(kind, nobody).transaction == ("3", "33")


def test_capture_of_what_cannot_be(talk: Talk) -> None:
    made = talk.pay("authOnlyTransaction")
    talk.follow("voidTransaction", made.trans_id)
    voided = talk.follow("priorAuthCaptureTransaction", made.trans_id)
    assert voided.transaction == ("3", "16")
    lapsed = talk.pay("authOnlyTransaction", "11.00")
    talk.bank.clock.advance(31 * 86400)
    assert talk.follow("priorAuthCaptureTransaction", lapsed.trans_id).transaction == ("3", "16")
    talk.bank.hold_next()
    held = talk.pay("authOnlyTransaction", "12.00")
    assert talk.follow("priorAuthCaptureTransaction", held.trans_id).transaction == ("3", "193")


# -- Void -----------------------------------------------------------------------------------------


def test_void(talk: Talk) -> None:
    made = talk.pay()
    answer = talk.follow("voidTransaction", made.trans_id, ref_id="v1")
    assert answer.transaction == ("1", "1")
    assert answer.trans_id == answer[TX + "refTransID"] == made.trans_id
    row = talk.bank.retrieve_transaction(made.trans_id)
    assert (row.status, row.void_key) == ("voided", "v1")


def test_void_twice(talk: Talk) -> None:
    made = talk.pay()
    talk.follow("voidTransaction", made.trans_id)
    again = talk.follow("voidTransaction", made.trans_id)
    assert (again.ok, again.transaction, again.trans_id) == (True, ("1", "310"), made.trans_id)


def test_void_of_what_is_settled(talk: Talk) -> None:
    assert talk.follow("voidTransaction", settled(talk)).transaction == ("3", "16")


# -- Refund ---------------------------------------------------------------------------------------


def test_refund(talk: Talk) -> None:
    original = settled(talk)
    answer = refund(talk, original, "4.00", key="k1")
    assert answer.transaction == ("1", "1")
    assert answer.trans_id not in ("0", original)
    assert answer[TX + "refTransID"] == original
    assert answer[TX + "authCode"] == ""
    row = talk.bank.retrieve_transaction(answer.trans_id)
    assert (row.parent_id, row.operation_key, row.amount) == (
        original,
        "k1",
        Decimal("4.00"),
    )
    assert refund(talk, original, "6.00", "1111").ok
    over = refund(talk, original, "0.01")
    assert (over.transaction, over.trans_id) == (("3", "55"), "0")


def test_refund_of_what_is_not_settled(talk: Talk) -> None:
    assert refund(talk, talk.pay().trans_id).transaction == ("3", "54")


def test_refund_refusals(talk: Talk) -> None:
    original = settled(talk)
    assert refund(talk, original, mask="XXXX2222").transaction == ("3", "54")
    assert refund(talk, "1").transaction == ("3", "16")
    assert refund(talk, original, amount="").transaction == ("3", "5")
    assert refund(talk, original, amount="0").transaction == ("3", "5")
    unlinked = talk.pay("refundTransaction", "1.00", MASK.format("XXXX1111"))
    assert unlinked.transaction == ("3", "33")
    assert talk.follow("refundTransaction", original, "1.00").transaction == ("3", "33")
    account = (
        "<payment><bankAccount><routingNumber>XXXX2882</routingNumber>"
        "<accountNumber>XXXX6789</accountNumber><nameOnAccount>A</nameOnAccount>"
        f"</bankAccount></payment><refTransId>{original}</refTransId>"
    )
    assert talk.pay("refundTransaction", "1.00", account).transaction == ("3", "18")


def test_refund_by_profile(talk: Talk) -> None:
    _, _, with_profile = stored(talk)
    charge = talk.pay(inner=with_profile)
    talk.bank.settle_batch()
    ref = f"<refTransId>{charge.trans_id}</refTransId>"
    answer = talk.pay("refundTransaction", "1.00", with_profile + ref)
    assert answer.transaction == ("1", "1")
    _, _, other = stored(talk, "99999")
    wrong = talk.pay("refundTransaction", "1.00", other + ref)
    assert (wrong.code, wrong["transactionResponse"]) == ("E00051", "")


def test_a_refund_can_be_voided(talk: Talk) -> None:
    answer = refund(talk, settled(talk))
    assert talk.follow("voidTransaction", answer.trans_id).transaction == ("1", "1")


# -- Reviews --------------------------------------------------------------------------------------


def review(talk: Talk, action: str, ref_id: str) -> Answer:
    inner = f"<action>{action}</action><refTransId>{ref_id}</refTransId>"
    body = f"<heldTransactionRequest>{inner}</heldTransactionRequest>"
    return talk("updateHeldTransaction", body)


def test_approve(talk: Talk) -> None:
    talk.bank.hold_next()
    held = talk.pay(inner=card())
    answer = review(talk, "approve", held.trans_id)
    assert (answer.name, answer.ok) == ("updateHeldTransactionResponse", True)
    assert answer.transaction == ("1", "1")
    assert answer.trans_id == held.trans_id
    assert talk.bank.retrieve_transaction(held.trans_id).status == "captured"


def test_decline(talk: Talk) -> None:
    talk.bank.hold_next()
    held = talk.pay()
    answer = review(talk, "decline", held.trans_id)
    assert (answer.ok, answer.transaction) == (True, ("2", "2"))
    assert talk.bank.retrieve_transaction(held.trans_id).status == "declined"


def test_review_of_what_is_not_held(talk: Talk) -> None:
    assert review(talk, "approve", talk.pay().trans_id).transaction == ("3", "16")
    assert review(talk, "decline", "1").transaction == ("3", "16")


# -- Another currency, another card ---------------------------------------------------------------


EUROS = "<currencyCode>EUR</currencyCode>"


def test_another_currency_is_not_taken_for_the_accounts(talk: Talk) -> None:
    charge = talk.pay(inner=EUROS + card())
    assert (charge.transaction, charge.trans_id) == (("3", "39"), "0")
    made = talk.pay("authOnlyTransaction", inner="<currencyCode>USD</currencyCode>" + card())
    wanted = f"<refTransId>{made.trans_id}</refTransId>"
    answer = talk.pay("priorAuthCaptureTransaction", inner=EUROS + wanted)
    assert answer.transaction == ("3", "39")
    assert talk.bank.retrieve_transaction(made.trans_id).status == "authorized"
    paid = settled(talk)
    inner = f"{EUROS}{MASK.format('XXXX1111')}<refTransId>{paid}</refTransId>"
    assert talk.pay("refundTransaction", "1.00", inner).transaction == ("3", "39")


def test_a_refund_to_a_card_and_a_profile(talk: Talk) -> None:
    _customer, _card, with_profile = stored(talk)
    charge = talk.pay(inner=with_profile).trans_id
    talk.bank.settle_batch()
    inner = f"{MASK.format('XXXX1111')}{with_profile}<refTransId>{charge}</refTransId>"
    assert talk.pay("refundTransaction", "1.00", inner).code == "E00090"


@pytest.mark.parametrize("mask", ["abcd1111", "XXXXX1111", "11111", "XXXX", "X1111"])
def test_a_refund_to_what_is_no_card(talk: Talk, mask: str) -> None:
    assert refund(talk, settled(talk), mask=mask).transaction == ("3", "6")


@pytest.mark.parametrize("mask", ["XXXX1111", "1111", "4111111111111111"])
def test_a_refund_to_the_card(talk: Talk, mask: str) -> None:
    assert refund(talk, settled(talk), mask=mask).transaction == ("1", "1")
