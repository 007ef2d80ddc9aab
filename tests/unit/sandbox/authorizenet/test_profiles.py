"""createCustomerProfileFromTransactionRequest."""

from __future__ import annotations

from django_dinero.sandbox.authorizenet import profiles
from django_dinero.sandbox.authorizenet.profiles import Recent
from django_dinero.sandbox.records import PlainCard
from django_dinero.secrets import Secret
from tests.support.authorizenet import Answer, Talk, bill_to, card, stored

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


def test_only_the_latest_are_remembered() -> None:
    recent = Recent()
    plain = PlainCard(Secret("4111111111111111"), 12, 2040, Secret("900"))
    for number in range(profiles.MOST_RECENT + 1):
        recent.remember(str(number), plain)
    assert recent.card("0") is None
    kept = recent.card("1")
    assert kept is not None
    assert kept.cvv is None
