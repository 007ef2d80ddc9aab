"""Customer profiles."""

from __future__ import annotations

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import Account
from tests.support.authorizenet import Answer, Talk, bill_to, card, nonce


def profile_id(value: str) -> str:
    return f"<customerProfileId>{value}</customerProfileId>"


def create(talk: Talk, inner: str, mode: str = "") -> Answer:
    tail = f"<validationMode>{mode}</validationMode>" if mode else ""
    return talk("createCustomerProfile", f"<profile>{inner}</profile>{tail}", ref_id="r1")


def stored_card(number: str = "4111111111111111", zip_code: str = "12180") -> str:
    return f"<paymentProfiles>{bill_to(zip_code)}{card(number)}</paymentProfiles>"


WHO = (
    "<merchantCustomerId>u1</merchantCustomerId><description>d</description>"
    "<email>ada@example.com</email>"
)


def test_create_and_get(talk: Talk) -> None:
    made = create(talk, WHO)
    assert made.ok
    assert made["refId"] == "r1"
    assert made.all("customerPaymentProfileIdList/numericString") == []
    got = talk("getCustomerProfile", profile_id(made["customerProfileId"]))
    assert got["profile/merchantCustomerId"] == "u1"
    assert got["profile/description"] == "d"
    assert got["profile/email"] == "ada@example.com"
    assert got["profile/profileType"] == "regular"


def test_create_with_cards(talk: Talk) -> None:
    made = create(talk, WHO + stored_card() + stored_card("5424000000000015"), "testMode")
    ids = made.all("customerPaymentProfileIdList/numericString")
    assert len(ids) == 2
    lines = made.all("validationDirectResponseList/string")
    assert lines[0].startswith(
        "1,1,1,(TESTMODE) This transaction has been approved.,000000,P,0,none,"
        "Test transaction for ValidateCustomerPaymentProfile.,1.00,CC,auth_only,u1,Ada,Byron,,"
        "1 Mill St,Troy,NY,12180,US,,,ada@example.com,"
    )
    assert lines[0].split(",")[50:52] == ["XXXX1111", "Visa"]
    assert lines[1].split(",")[50:52] == ["XXXX0015", "MasterCard"]
    got = talk("getCustomerProfile", profile_id(made["customerProfileId"]))
    assert got.all("profile/paymentProfiles/customerPaymentProfileId") == ids
    assert got["profile/paymentProfiles/billTo/firstName"] == "Ada"
    assert got["profile/paymentProfiles/payment/creditCard/cardNumber"] == "XXXX1111"
    assert got["profile/paymentProfiles/payment/creditCard/expirationDate"] == "XXXX"
    assert got["profile/paymentProfiles/payment/creditCard/cardType"] == "Visa"


def test_create_without_validation_has_no_lines(talk: Talk) -> None:
    made = create(talk, WHO + stored_card(), "none")
    assert made.all("validationDirectResponseList/string") == []


def test_create_live_checks_the_card(talk: Talk) -> None:
    made = create(talk, WHO + stored_card(zip_code="46201"), "liveMode")
    line = made["validationDirectResponseList/string"].split(",")
    assert line[:4] == ["1", "1", "1", "This transaction has been approved."]
    assert line[5] == "A"
    assert line[6].isdigit()
    assert line[6] != "0"
    assert line[9] == "0.00"


@pytest.mark.parametrize(
    ("zip_code", "reason", "words"),
    [
        ("46282", "2", "This transaction has been declined."),
        ("46205", "27", "The transaction has been declined because of an AVS mismatch."),
    ],
)
def test_a_card_that_fails_its_check_stores_nothing(
    talk: Talk, zip_code: str, reason: str, words: str
) -> None:
    made = create(talk, WHO + stored_card(zip_code=zip_code), "liveMode")
    assert (made.ok, made.code) == (False, "E00027")
    assert made.words.startswith(words)
    assert made["validationDirectResponseList/string"].split(",")[2] == reason
    assert "customerProfileId" not in made
    assert talk("getCustomerProfileIds").all("ids/numericString") == []


def test_a_bad_number_fails_the_check(talk: Talk) -> None:
    made = create(talk, WHO + stored_card("4111111111111112"), "testMode")
    assert (made.code, made.words) == ("E00027", "The credit card number is invalid.")
    assert made["validationDirectResponseList/string"].startswith("3,1,6,")


def test_a_profile_says_something(talk: Talk) -> None:
    made = create(talk, "")
    assert (made.code, made.words) == (
        "E00041",
        "One or more fields in the profile must contain a value.",
    )


def test_a_duplicate_tells_the_id(talk: Talk) -> None:
    first = create(talk, WHO)["customerProfileId"]
    again = create(talk, WHO)
    assert again.code == "E00039"
    assert again.words == f"A duplicate record with ID {first} already exists."
    assert create(talk, WHO.replace(">d<", ">other<")).ok


def test_get_by_key_and_email(talk: Talk) -> None:
    made = create(talk, WHO)["customerProfileId"]
    for inner in (
        "<merchantCustomerId>u1</merchantCustomerId>",
        "<email>ada@example.com</email>",
        "<merchantCustomerId>u1</merchantCustomerId><email>ada@example.com</email>",
    ):
        assert talk("getCustomerProfile", inner)["profile/customerProfileId"] == made
    for inner in ("", "<email>other@example.com</email>", profile_id("1")):
        answer = talk("getCustomerProfile", inner)
        assert (answer.code, answer.words) == ("E00040", "The record cannot be found.")


def test_get_shows_the_expiry_when_asked(talk: Talk) -> None:
    made = create(talk, WHO + stored_card())["customerProfileId"]
    inner = profile_id(made) + "<unmaskExpirationDate>true</unmaskExpirationDate>"
    got = talk("getCustomerProfile", inner)
    assert got["profile/paymentProfiles/payment/creditCard/expirationDate"] == "2040-12"


def update(talk: Talk, inner: str) -> Answer:
    return talk("updateCustomerProfile", f"<profile>{inner}</profile>")


def test_update_replaces_everything(talk: Talk) -> None:
    made = create(talk, WHO)["customerProfileId"]
    assert update(talk, f"<email>new@example.com</email>{profile_id(made)}").ok
    got = talk("getCustomerProfile", profile_id(made))
    assert got["profile/email"] == "new@example.com"
    assert "profile/merchantCustomerId" not in got
    assert "profile/description" not in got


def test_update_refusals(talk: Talk) -> None:
    create(talk, WHO)
    assert update(talk, WHO + profile_id("1")).code == "E00040"
    assert update(talk, WHO).code == "E00014"
    other = create(talk, "<email>b@example.com</email>")["customerProfileId"]
    assert update(talk, WHO + profile_id(other)).code == "E00039"


def test_delete(talk: Talk) -> None:
    made = create(talk, WHO + stored_card())["customerProfileId"]
    assert talk("getCustomerProfileIds").all("ids/numericString") == [made]
    assert talk("deleteCustomerProfile", profile_id(made)).ok
    assert talk("deleteCustomerProfile", profile_id(made)).code == "E00040"
    assert talk("getCustomerProfileIds").all("ids/numericString") == []


def test_a_token_becomes_a_card_once(talk: Talk) -> None:
    token = talk.bank.mint_token("4111111111111111", month=12, year=2040)
    token_card = f"<paymentProfiles>{bill_to()}{nonce(token)}</paymentProfiles>"
    assert create(talk, WHO + token_card).ok
    again = create(talk, WHO.replace("u1", "u2") + token_card)
    assert (again.code, again.words) == ("E00114", "Invalid OTS Token.")
    late = talk.bank.mint_token("4111111111111111", month=12, year=2040)
    talk.bank.clock.advance(16 * 60)
    again = create(talk, WHO.replace("u1", "u2") + token_card.replace(token, late))
    assert (again.code, again.words) == ("E00115", "Expired OTS Token.")


def test_a_refused_customer_tells_the_checks_of_all_cards(talk: Talk) -> None:
    """The second card is declined: the first line is the first card's, the second its own."""
    visa, master = stored_card(zip_code="46201"), stored_card("5424000000000015", "46282")
    made = create(talk, WHO + visa + master, "liveMode")
    assert (made.name, made.code) == ("createCustomerProfileResponse", "E00027")
    lines = [line.split(",") for line in made.all("validationDirectResponseList/string")]
    assert [(line[0], line[50]) for line in lines] == [("1", "XXXX1111"), ("2", "XXXX0015")]
    assert talk.bank.customer_ids() == ()


def test_a_duplicate_customer_tells_the_check_of_its_card(talk: Talk) -> None:
    assert create(talk, WHO).ok
    again = create(talk, WHO + stored_card(), "testMode")
    assert again.code == "E00039"
    (line,) = again.all("validationDirectResponseList/string")
    assert line.startswith("1,1,1,(TESTMODE) This transaction has been approved.,000000,P,0,none,")


def test_more_cards_than_the_account_takes() -> None:
    talk = Talk(Bank(account=Account(max_cards=1)))
    made = create(talk, WHO + stored_card() + stored_card("5424000000000015"))
    assert (made.code, made.words) == (*("E00042", "You cannot add more than 1 payment profiles."),)
