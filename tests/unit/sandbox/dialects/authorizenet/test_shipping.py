"""Shipping addresses."""

from __future__ import annotations

import pytest

from tests.support.authorizenet import TX, Answer, Talk, profile, stored

HOME = (
    "<firstName>Ada</firstName><company>Widgets</company><address>1 Mill St</address>"
    "<city>Troy</city><zip>12180</zip><phoneNumber>(123)123-1234</phoneNumber>"
)


def customer_id(text: str) -> str:
    return f"<customerProfileId>{text}</customerProfileId>"


def address_id(text: str) -> str:
    return f"<customerAddressId>{text}</customerAddressId>"


def create(talk: Talk, customer: str, fields: str = HOME, tail: str = "") -> Answer:
    body = f"{customer_id(customer)}<address>{fields}</address>{tail}"
    return talk("createCustomerShippingAddress", body)


def get(talk: Talk, customer: str, made: str = "") -> Answer:
    tail = address_id(made) if made else ""
    return talk("getCustomerShippingAddress", customer_id(customer) + tail)


def update(talk: Talk, customer: str, made: str, fields: str) -> Answer:
    last = address_id(made) if made else ""
    body = f"{customer_id(customer)}<address>{fields}{last}</address>"
    return talk("updateCustomerShippingAddress", body)


def delete(talk: Talk, customer: str, made: str) -> Answer:
    return talk("deleteCustomerShippingAddress", customer_id(customer) + address_id(made))


def test_create_and_get(talk: Talk) -> None:
    customer = talk.customer()
    made = create(talk, customer)
    assert (made.ok, made["customerProfileId"]) == (True, customer)
    got = get(talk, customer, made["customerAddressId"])
    assert got["address/customerAddressId"] == made["customerAddressId"]
    assert (got["address/company"], got["address/zip"]) == ("Widgets", "12180")
    assert got["address/phoneNumber"] == "(123)123-1234"
    assert got["defaultShippingAddress"] == "true"


def test_they_stand_in_the_profile(talk: Talk) -> None:
    made = talk(
        "createCustomerProfile",
        f"<profile><email>a@example.com</email><shipToList>{HOME}</shipToList>"
        "<shipToList><zip>2</zip></shipToList></profile>",
    )
    ids = made.all("customerShippingAddressIdList/numericString")
    got = talk("getCustomerProfile", customer_id(made["customerProfileId"]))
    assert len(ids) == 2
    assert got.all("profile/shipToList/customerAddressId") == ids
    assert got.all("profile/shipToList/zip") == ["12180", "2"]


def test_the_same_twice_in_a_new_profile(talk: Talk) -> None:
    lists = f"<shipToList>{HOME}</shipToList>" * 2
    made = talk("createCustomerProfile", f"<profile><email>a@b.c</email>{lists}</profile>")
    assert (made.code, made.words) == ("E00039", "A duplicate customer address already exists.")
    assert talk.bank.customer_ids() == ()


def test_a_duplicate_names_the_other(talk: Talk) -> None:
    customer = talk.customer()
    made = create(talk, customer)["customerAddressId"]
    again = create(talk, customer)
    assert (again.code, again["customerAddressId"]) == ("E00039", made)
    other = create(talk, customer, "<zip>2</zip>")["customerAddressId"]
    assert update(talk, customer, other, HOME).code == "E00039"


def test_the_default(talk: Talk) -> None:
    customer = talk.customer()
    assert get(talk, customer).code == "E00121"
    first = create(talk, customer)["customerAddressId"]
    assert get(talk, customer)["address/customerAddressId"] == first
    tail = "<defaultShippingAddress>true</defaultShippingAddress>"
    second = create(talk, customer, "<zip>2</zip>", tail)["customerAddressId"]
    assert get(talk, customer)["address/customerAddressId"] == second
    assert "defaultShippingAddress" not in get(talk, customer, first)


def test_update(talk: Talk) -> None:
    customer = talk.customer()
    made = create(talk, customer)["customerAddressId"]
    assert update(talk, customer, made, "<address>5678 Fake Street</address>").ok
    got = get(talk, customer, made)
    assert got["address/address"] == "5678 Fake Street"
    assert "address/phoneNumber" not in got
    assert update(talk, customer, "", HOME).code == "E00014"


def test_delete(talk: Talk) -> None:
    customer = talk.customer()
    made = create(talk, customer)["customerAddressId"]
    assert delete(talk, customer, made).ok
    assert delete(talk, customer, made).code == "E00040"
    assert update(talk, customer, made, HOME).code == "E00040"


@pytest.mark.parametrize("verb", ["create", "get"])
def test_of_nobody(talk: Talk, verb: str) -> None:
    answer = create(talk, "1") if verb == "create" else get(talk, "1")
    assert answer.code == "E00040"


# -- In payments ----------------------------------------------------------------------------------


def test_a_payment_names_one(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    address = create(talk, customer)["customerAddressId"]

    def pay(shipping: str) -> Answer:
        head, _, tail = profile(customer, made).rpartition("</profile>")
        named = f"<shippingProfileId>{shipping}</shippingProfileId></profile>"
        return talk.pay(inner=head + named + tail)

    assert pay(address).transaction == ("1", "1")
    unknown = pay("1")
    assert (unknown.code, unknown[TX.rstrip("/")]) == ("E00098", "")


def test_the_older_line_shows_it(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    address = create(talk, customer)["customerAddressId"]

    def pay(shipping: str) -> Answer:
        inner = (
            f"<amount>10.00</amount>{customer_id(customer)}"
            f"<customerPaymentProfileId>{made}</customerPaymentProfileId>"
            f"<customerShippingAddressId>{shipping}</customerShippingAddressId>"
        )
        kind = "profileTransAuthOnly"
        body = f"<transaction><{kind}>{inner}</{kind}></transaction>"
        return talk("createCustomerProfileTransaction", body)

    fields = pay(address)["directResponse"].split(",")
    assert fields[24:32] == ["Ada", "", "Widgets", "1 Mill St", "Troy", "", "12180", ""]
    assert pay("1").code == "E00098"


def test_a_check_of_a_card_names_one(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    address = create(talk, customer)["customerAddressId"]
    for shipping, good in ((address, True), ("1", False)):
        body = (
            f"{customer_id(customer)}<customerPaymentProfileId>{made}</customerPaymentProfileId>"
            f"<customerShippingAddressId>{shipping}</customerShippingAddressId>"
            "<validationMode>liveMode</validationMode>"
        )
        assert talk("validateCustomerPaymentProfile", body).ok is good
