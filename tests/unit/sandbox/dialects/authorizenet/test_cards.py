"""Payment profiles."""

from __future__ import annotations

import pytest

from tests.support.authorizenet import Answer, Talk, bill_to, card, nonce

BANK_ACCOUNT = (
    "<payment><bankAccount><routingNumber>121042882</routingNumber>"
    "<accountNumber>123456789</accountNumber><nameOnAccount>A</nameOnAccount>"
    "</bankAccount></payment>"
)


def ids(customer_id: str, card_id: str = "") -> str:
    tail = f"<customerPaymentProfileId>{card_id}</customerPaymentProfileId>" if card_id else ""
    return f"<customerProfileId>{customer_id}</customerProfileId>{tail}"


def create(talk: Talk, customer_id: str, inner: str, mode: str = "") -> Answer:
    tail = f"<validationMode>{mode}</validationMode>" if mode else ""
    body = f"{ids(customer_id)}<paymentProfile>{inner}</paymentProfile>{tail}"
    return talk("createCustomerPaymentProfile", body)


def update(talk: Talk, customer_id: str, card_id: str, inner: str, mode: str = "") -> Answer:
    tail = f"<validationMode>{mode}</validationMode>" if mode else ""
    last = f"<customerPaymentProfileId>{card_id}</customerPaymentProfileId>" if card_id else ""
    body = f"{ids(customer_id)}<paymentProfile>{inner}{last}</paymentProfile>{tail}"
    return talk("updateCustomerPaymentProfile", body)


def get(talk: Talk, customer_id: str, card_id: str = "") -> Answer:
    unmask = "<unmaskExpirationDate>true</unmaskExpirationDate>"
    return talk("getCustomerPaymentProfile", ids(customer_id, card_id) + unmask)


def test_create_and_get(talk: Talk) -> None:
    customer = talk.customer()
    made = create(talk, customer, bill_to() + card(), "testMode")
    assert made["customerProfileId"] == customer
    line = made["validationDirectResponse"].split(",")
    assert line[3] == "(TESTMODE) This transaction has been approved."
    assert line[12] == "u1"
    got = get(talk, customer, made["customerPaymentProfileId"])
    assert got["paymentProfile/customerProfileId"] == customer
    assert got["paymentProfile/billTo/zip"] == "12180"
    assert got["paymentProfile/payment/creditCard/expirationDate"] == "2040-12"


@pytest.mark.parametrize(
    "expires", ["2040-12", "1240", "12/40", "122040", "12-2040", "12/2040", "204012"]
)
def test_forms_of_the_expiry_date(talk: Talk, expires: str) -> None:
    customer = talk.customer()
    made = create(talk, customer, card(expires=expires))
    got = get(talk, customer, made["customerPaymentProfileId"])
    assert got["paymentProfile/payment/creditCard/expirationDate"] == "2040-12"


@pytest.mark.parametrize(
    "expires", ["2040-13", "1340", "00/40", "XXXX", "abcd", "2040/12", "12 40"]
)
def test_bad_expiry_dates(talk: Talk, expires: str) -> None:
    made = create(talk, talk.customer(), card(expires=expires))
    assert (made.code, made.words) == ("E00013", "Expiration Date is invalid.")


@pytest.mark.parametrize("number", ["XXXX1111", "4111-1111-1111", "abcdefgh", "٤١١١١١١١"])
def test_numbers_that_are_none(talk: Talk, number: str) -> None:
    made = create(talk, talk.customer(), card(number))
    assert (made.code, made.words) == ("E00013", "Card Number is invalid.")


def test_payment_is_needed(talk: Talk) -> None:
    made = create(talk, talk.customer(), bill_to())
    assert (made.code, made.words) == ("E00029", "Payment information is required.")


def test_bank_accounts_are_not_taken(talk: Talk) -> None:
    made = create(talk, talk.customer(), BANK_ACCOUNT)
    assert made.code == "E00027"
    assert made.words == "ACH transactions are not accepted by this merchant."


def test_unknown_customer(talk: Talk) -> None:
    assert create(talk, "1", card()).code == "E00040"


def test_a_duplicate_tells_the_id_and_the_check(talk: Talk) -> None:
    customer = talk.customer()
    first = create(talk, customer, bill_to() + card())["customerPaymentProfileId"]
    again = create(talk, customer, bill_to() + card(), "testMode")
    assert again.code == "E00039"
    assert again.words == "A duplicate customer payment profile already exists."
    assert again["customerPaymentProfileId"] == first
    assert again["validationDirectResponse"].startswith("1,1,1,(TESTMODE)")
    assert create(talk, customer, bill_to("12181") + card()).ok
    assert create(talk, talk.customer("u2"), bill_to() + card()).ok


def test_ten_cards_are_enough(talk: Talk) -> None:
    customer = talk.customer()
    for number in range(10):
        assert talk.stored(customer, zip_code=f"1218{number}").ok
    made = create(talk, customer, bill_to("99999") + card(), "testMode")
    assert (made.code, made.words) == (
        "E00042",
        "You cannot add more than 10 payment profiles.",
    )
    assert made["validationDirectResponse"].startswith("1,1,1,")


def test_a_declined_check_stores_nothing(talk: Talk) -> None:
    customer = talk.customer()
    made = create(talk, customer, bill_to() + card(cvv="901"), "liveMode")
    assert (made.code, made.words) == ("E00027", "This transaction has been declined.")
    line = made["validationDirectResponse"].split(",")
    assert (line[0], line[2], line[38]) == ("2", "44", "N")
    assert "profile/paymentProfiles" not in talk("getCustomerProfile", ids(customer))


def test_the_default_card(talk: Talk) -> None:
    customer = talk.customer()
    first = talk.stored(customer)["customerPaymentProfileId"]
    assert get(talk, customer)["paymentProfile/customerPaymentProfileId"] == first
    flag = "<defaultPaymentProfile>true</defaultPaymentProfile>"
    second = create(talk, customer, card("5424000000000015") + flag)["customerPaymentProfileId"]
    got = get(talk, customer)
    assert got["paymentProfile/customerPaymentProfileId"] == second
    assert got["paymentProfile/defaultPaymentProfile"] == "true"
    assert "paymentProfile/defaultPaymentProfile" not in get(talk, customer, first)


def test_no_default_card(talk: Talk) -> None:
    assert get(talk, talk.customer()).code == "E00121"


def test_update_with_a_mask_keeps_the_number(talk: Talk) -> None:
    customer = talk.customer()
    made = talk.stored(customer)["customerPaymentProfileId"]
    inner = bill_to("99999") + card("XXXX1111", "2041-01")
    assert update(talk, customer, made, inner).ok
    got = get(talk, customer, made)
    assert got["paymentProfile/payment/creditCard/cardNumber"] == "XXXX1111"
    assert got["paymentProfile/payment/creditCard/expirationDate"] == "2041-01"
    assert got["paymentProfile/billTo/zip"] == "99999"
    assert update(talk, customer, made, bill_to() + card("1111", "2041-01")).code == "E00015"
    for number, date in (("XXXX1112", "XXXX"), ("X1111", "XXXX")):
        refused = update(talk, customer, made, bill_to() + card(number, date))
        assert (refused.code, refused.words) == ("E00013", "Card Number is invalid.")
    assert update(talk, customer, made, bill_to() + card("XXXX1111", "XXXX")).ok
    got = get(talk, customer, made)
    assert got["paymentProfile/payment/creditCard/expirationDate"] == "2041-01"


def test_update_blanks_what_is_not_sent(talk: Talk) -> None:
    customer = talk.customer()
    made = talk.stored(customer)["customerPaymentProfileId"]
    assert update(talk, customer, made, card("XXXX1111", "XXXX")).ok
    assert "paymentProfile/billTo" not in get(talk, customer, made)


def test_update_with_a_number_replaces_the_card(talk: Talk) -> None:
    customer = talk.customer()
    made = talk.stored(customer)["customerPaymentProfileId"]
    answer = update(talk, customer, made, bill_to() + card("5424000000000015"), "testMode")
    assert answer["validationDirectResponse"].split(",")[50] == "XXXX0015"
    got = get(talk, customer, made)
    assert got["paymentProfile/payment/creditCard/cardType"] == "MasterCard"


def test_update_refusals(talk: Talk) -> None:
    customer = talk.customer()
    made = talk.stored(customer)["customerPaymentProfileId"]
    other = talk.stored(customer, card("5424000000000015"))["customerPaymentProfileId"]
    wrong = update(talk, customer, made, card("XXXX2222", "XXXX"))
    assert (wrong.code, wrong.words) == ("E00013", "Card Number is invalid.")
    assert update(talk, customer, "1", card()).code == "E00040"
    assert update(talk, "1", made, card()).code == "E00040"
    assert update(talk, customer, "", card()).code == "E00014"
    assert update(talk, customer, made, bill_to()).code == "E00029"
    assert update(talk, customer, other, bill_to() + card()).code == "E00039"
    declined = update(talk, customer, made, bill_to("46282") + card("XXXX1111", "XXXX"), "liveMode")
    assert declined.code == "E00027"
    assert declined["validationDirectResponse"].split(",")[50] == "XXXX1111"
    assert get(talk, customer, made)["paymentProfile/billTo/zip"] == "12180"


def test_delete(talk: Talk) -> None:
    customer = talk.customer()
    made = talk.stored(customer)["customerPaymentProfileId"]
    assert talk("deleteCustomerPaymentProfile", ids(customer, made)).ok
    assert talk("deleteCustomerPaymentProfile", ids(customer, made)).code == "E00040"


def test_validate(talk: Talk) -> None:
    customer = talk.customer()
    made = talk.stored(customer)["customerPaymentProfileId"]
    mode = "<validationMode>liveMode</validationMode>"
    good = talk("validateCustomerPaymentProfile", ids(customer, made) + mode)
    assert good["directResponse"].split(",")[6] != "0"
    bad = talk(
        "validateCustomerPaymentProfile", ids(customer, made) + "<cardCode>901</cardCode>" + mode
    )
    assert (bad.code, bad.words) == ("E00027", "This transaction has been declined.")
    assert bad["directResponse"].split(",")[2] == "44"
    assert talk("validateCustomerPaymentProfile", ids(customer, "1") + mode).code == "E00040"


def expiring(talk: Talk, month: str, tail: str = "") -> Answer:
    inner = f"<searchType>cardsExpiringInMonth</searchType><month>{month}</month>{tail}"
    return talk("getCustomerPaymentProfileList", inner)


def test_cards_that_expire(talk: Talk) -> None:
    customer = talk.customer()
    made = [
        talk.stored(customer, zip_code=f"1218{number}")["customerPaymentProfileId"]
        for number in range(3)
    ]
    talk.stored(customer, card("5424000000000015", "2041-01"))
    found = expiring(talk, "2040-12")
    path = "paymentProfiles/paymentProfile/customerPaymentProfileId"
    assert found["totalNumInResultSet"] == "3"
    assert found.all(path) == made
    order = (
        "<sorting><orderBy>id</orderBy><orderDescending>true</orderDescending></sorting>"
        "<paging><limit>2</limit><offset>2</offset></paging>"
    )
    assert expiring(talk, "2040-12", order).all(path) == [made[0]]
    empty = expiring(talk, "2050-01")
    assert (empty.code, empty.ok, empty["totalNumInResultSet"]) == ("I00004", True, "0")
    assert expiring(talk, "2050-13").code == "E00013"


def test_a_token_of_somebody_else(talk: Talk) -> None:
    made = create(talk, talk.customer(), nonce("never-minted"))
    assert made.code == "E00114"
    other = nonce("x").replace("COMMON.ACCEPT.INAPP.PAYMENT", "COMMON.SOMEBODY.ELSE")
    assert create(talk, talk.customer("u2"), other).code == "E00114"


def test_a_live_check_of_nothing_wants_the_address(talk: Talk) -> None:
    """Production's default mode: a Visa without street and zip is refused there, so here too."""
    customer = talk.customer()
    for billing in ("", "<billTo><zip>12180</zip></billTo>", "<billTo><city>Troy</city></billTo>"):
        made = create(talk, customer, billing + card(cvv="900"), "liveMode")
        words = "There is one or more missing or invalid required fields."
        assert (made.code, made.words) == ("E00027", words)
        assert made["validationDirectResponse"].startswith(f"3,1,290,{words},,P,0,")
    assert create(talk, customer, card("5424000000000015"), "liveMode").ok
    assert create(talk, customer, card(), "testMode").ok


def test_what_is_too_short_for_a_number_is_not_stored(talk: Talk) -> None:
    for digits in ("4111", "141241", "41111111111"):
        made = create(talk, talk.customer(digits), bill_to() + card(digits))
        text = "The field length is invalid for Card Number."
        assert (made.code, made.words) == ("E00015", text)


@pytest.mark.parametrize("kind", ["individual", "business"])
def test_the_customer_type_comes_back_and_is_replaced(talk: Talk, kind: str) -> None:
    customer = talk.customer()
    typed = f"<customerType>{kind}</customerType>{bill_to()}{card()}"
    made = create(talk, customer, typed)["customerPaymentProfileId"]
    assert get(talk, customer, made)["paymentProfile/customerType"] == kind
    whole = talk("getCustomerProfile", ids(customer))
    assert whole["profile/paymentProfiles/customerType"] == kind
    assert update(talk, customer, made, bill_to() + card("XXXX1111", "XXXX")).ok
    assert "paymentProfile/customerType" not in get(talk, customer, made)


def test_the_issuers_number_is_shown_if_it_is_asked_for(talk: Talk) -> None:
    customer = talk.customer()
    made = create(talk, customer, bill_to() + card())["customerPaymentProfileId"]
    path = "payment/creditCard/issuerNumber"
    asked = "<includeIssuerInfo>true</includeIssuerInfo>"
    one = talk("getCustomerPaymentProfile", ids(customer, made) + asked)
    assert one[f"paymentProfile/{path}"] == "411111"
    whole = talk("getCustomerProfile", ids(customer) + asked)
    assert whole[f"profile/paymentProfiles/{path}"] == "411111"
    assert f"paymentProfile/{path}" not in get(talk, customer, made)


def test_a_wrong_card_is_stored_where_nothing_is_checked(talk: Talk) -> None:
    made = create(talk, talk.customer(), bill_to() + card("400030001111222", "2020-01"))
    assert made.ok
    wrong = create(talk, talk.customer("u2"), bill_to() + card("400030001111222", "1340"))
    assert (wrong.code, wrong.words) == ("E00013", "Expiration Date is invalid.")
