"""createCustomerProfileFromTransactionRequest."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_dinero.sandbox.bank import Bank
from django_dinero.sandbox.records import BankRefusal, NewCard, PaidCard
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
    token = talk.bank.mint_token("370000000000002", month=12, year=2040).reveal()
    made = store(talk, talk.pay(inner=nonce(token) + bill_to()).trans_id)
    assert talk.bank.customer(made["customerProfileId"]).cards[0].brand == "amex"


def test_a_refund_stores_nothing(talk: Talk) -> None:
    charge = talk.pay().trans_id
    talk.bank.settle_batch()
    refund = talk.bank.refund(charge).entry
    assert refund is not None
    assert store(talk, refund.id).code == "E00103"
    with pytest.raises(BankRefusal, match="not_found"):
        talk.bank.create_customer("k", cards=[NewCard(PaidCard(refund.id))])
