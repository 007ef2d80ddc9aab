"""Profiles made while paying, and by createCustomerProfileFromTransactionRequest."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import BankRefusal, NewCard, PaidCard
from tests.support.authorizenet import Answer, Talk, bill_to, card, nonce, stored

WHO = "<customer><merchantCustomerId>u1</merchantCustomerId></customer>"


def store(talk: Talk, trans_id: str, rest: str = WHO) -> Answer:
    return talk("createCustomerProfileFromTransaction", f"<transId>{trans_id}</transId>{rest}")


def test_a_new_customer(talk: Talk) -> None:
    made = store(talk, talk.pay(inner=card(cvv="900") + bill_to()).trans_id)
    assert (made.name, made.ok) == ("createCustomerProfileResponse", True)
    customer = talk.bank.customer(made["customerProfileId"])
    assert customer.key == "u1"
    assert customer.cards[0].last_4 == "1111"
    assert customer.cards[0].billing["zip"] == "12180"
    assert made.all("customerPaymentProfileIdList/numericString") == [customer.cards[0].id]


def test_the_customer_of_the_transaction(talk: Talk) -> None:
    who = "<customer><id>u7</id><email>ada@example.com</email></customer>"
    made = store(talk, talk.pay(inner=card() + who).trans_id, "")
    customer = talk.bank.customer(made["customerProfileId"])
    assert (customer.key, customer.email) == ("u7", "ada@example.com")


def test_one_more_card_of_a_customer(talk: Talk) -> None:
    customer = talk.customer("u2")
    charge = talk.pay().trans_id
    inner = f"<customerProfileId>{customer}</customerProfileId>"
    made = store(talk, charge, inner)
    assert made["customerProfileId"] == customer
    assert len(made.all("customerPaymentProfileIdList/numericString")) == 1
    assert store(talk, charge, inner).code == "E00039"
    assert store(talk, charge, "<customerProfileId>1</customerProfileId>").code == "E00040"


def test_refusals(talk: Talk) -> None:
    assert store(talk, "1").code == "E00099"
    charge = talk.pay().trans_id
    assert store(talk, charge, "").code == "E00102"
    first = store(talk, charge)["customerProfileId"]
    again = store(talk, charge)
    assert again.words == f"A duplicate record with ID {first} already exists."
    _, _, with_profile = stored(talk)
    by_profile = talk.pay(amount="11.00", inner=with_profile).trans_id
    assert store(talk, by_profile).code == "E00103"
    declined = talk.pay(inner=card() + bill_to("46282")).trans_id
    assert store(talk, declined).code == "E00103"


def test_a_payment_of_another_process_and_long_ago(store_path: Path) -> None:
    before = Bank(store_path)
    trans_id = Talk(before).pay(inner=card(cvv="900") + bill_to()).trans_id
    before.close()
    bank = Bank(store_path)
    customer = bank.customer(store(Talk(bank), trans_id)["customerProfileId"])
    assert (customer.cards[0].last_4, customer.cards[0].brand) == ("1111", "visa")
    # The very same card: by its number it is a duplicate.
    given = f"<customerProfileId>{customer.id}</customerProfileId><paymentProfile>"
    again = f"{given}{bill_to()}{card()}</paymentProfile>"
    assert Talk(bank)("createCustomerPaymentProfile", again).code == "E00039"
    bank.close()


def test_a_card_that_came_as_a_token(talk: Talk) -> None:
    token = talk.bank.mint_token("370000000000002", month=12, year=2040)
    made = store(talk, talk.pay(inner=nonce(token) + bill_to()).trans_id)
    assert talk.bank.customer(made["customerProfileId"]).cards[0].brand == "amex"


def test_a_refund_stores_nothing(talk: Talk) -> None:
    charge = talk.pay().trans_id
    talk.bank.settle_batch()
    refund = talk.bank.refund(charge).row
    assert refund is not None
    assert store(talk, refund.id).code == "E00103"
    with pytest.raises(BankRefusal, match="not_found"):
        talk.bank.create_customer("k", cards=[NewCard(PaidCard(refund.id))])


# -- While paying ---------------------------------------------------------------------------------

CREATE = "<profile><createProfile>true</createProfile></profile>"
PAYER = "<customer><id>u1</id><email>ada@example.com</email></customer>"


def test_charge_and_store(talk: Talk) -> None:
    answer = talk.pay(inner=card() + CREATE + PAYER + bill_to())
    assert answer.transaction == ("1", "1")
    assert answer["profileResponse/messages/resultCode"] == "Ok"
    customer = talk.bank.customer(answer["profileResponse/customerProfileId"])
    assert (customer.key, customer.email) == ("u1", "ada@example.com")
    path = "profileResponse/customerPaymentProfileIdList/numericString"
    assert answer.all(path) == [each.id for each in customer.cards]


def test_charge_and_store_a_token(talk: Talk) -> None:
    token = talk.bank.mint_token("4111111111111111", month=12, year=2040)
    answer = talk.pay(inner=nonce(token) + CREATE + PAYER + bill_to())
    assert answer.transaction == ("1", "1")
    customer = talk.bank.customer(answer["profileResponse/customerProfileId"])
    assert customer.cards[0].last_4 == "1111"


def test_a_repeated_charge_that_stores_its_token_is_a_duplicate(talk: Talk) -> None:
    """The browser makes another token of the same card: what is compared is the number."""
    answers = []
    for _ in range(2):
        token = talk.bank.mint_token("4111111111111111", month=12, year=2040)
        answers.append(talk.pay(inner=nonce(token) + CREATE + PAYER + bill_to()))
    assert [each.transaction for each in answers] == [("1", "1"), ("3", "11")]
    assert len(talk.bank.transactions()) == 1


def test_a_declined_token_is_not_stored(talk: Talk) -> None:
    token = talk.bank.mint_token("4111111111111111", month=12, year=2040)
    answer = talk.pay(inner=nonce(token) + CREATE + PAYER + bill_to("46282"))
    assert answer.transaction == ("2", "2")
    assert "profileResponse" not in answer
    assert talk.bank.customer_ids() == ()


def test_a_profile_that_cannot_be_made_does_not_undo_the_charge(talk: Talk) -> None:
    nobody = talk.pay(inner=card() + CREATE + bill_to())
    assert nobody.transaction == ("1", "1")
    assert nobody["profileResponse/messages/message/code"] == "E00102"
    known = talk.customer()
    for payment in (
        card("5424000000000015"),
        nonce(talk.bank.mint_token("4007000000027", month=12, year=2040)),
    ):
        answer = talk.pay(inner=payment + CREATE + PAYER + bill_to())
        assert answer.transaction == ("1", "1")
        assert answer["profileResponse/messages/message/code"] == "E00039"
        assert known in answer["profileResponse/messages/message/text"]
    anonymous = nonce(talk.bank.mint_token("370000000000002", month=12, year=2040))
    answer = talk.pay(inner=anonymous + CREATE)
    assert answer["profileResponse/messages/message/code"] == "E00102"
