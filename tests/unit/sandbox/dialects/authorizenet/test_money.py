"""createTransactionRequest: charges and authorizations, and what each trigger answers."""

from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal

import pytest

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import Account
from django_dinero.sandbox.bank.triggers import ACTION_NUMBER
from tests.support.authorizenet import TX, Talk, bill_to, card, nonce, profile, stored
from tests.support.testbank import plain


def setting(name: str, value: str) -> str:
    return (
        f"<transactionSettings><setting><settingName>{name}</settingName>"
        f"<settingValue>{value}</settingValue></setting></transactionSettings>"
    )


def test_charge(talk: Talk) -> None:
    answer = talk.pay(inner=card(cvv="900") + bill_to(), ref_id="r1")
    assert (answer.ok, answer.code, answer["refId"]) == (True, "I00001", "r1")
    assert answer.transaction == ("1", "1")
    assert answer[TX + "messages/message/description"] == "This transaction has been approved."
    assert len(answer[TX + "authCode"]) == 6
    assert answer[TX + "avsResultCode"] == "Y"
    assert answer[TX + "cvvResultCode"] == "M"
    assert answer[TX + "cavvResultCode"] == "2"
    assert answer[TX + "accountNumber"] == "XXXX1111"
    assert answer[TX + "accountType"] == "Visa"
    assert answer[TX + "testRequest"] == "0"
    assert answer[TX + "refTransID"] == ""
    assert answer[TX + "networkTransId"]
    row = talk.bank.retrieve_transaction(answer.trans_id)
    assert (row.kind, row.status, row.operation_key) == ("charge", "captured", "r1")


def test_authorize(talk: Talk) -> None:
    answer = talk.pay("authOnlyTransaction")
    assert talk.bank.retrieve_transaction(answer.trans_id).status == "authorized"


def test_the_order_is_kept(talk: Talk) -> None:
    answer = talk.pay(
        inner=card()
        + "<order><invoiceNumber>INV1</invoiceNumber><description>shoes</description></order>"
        "<customer><id>u1</id><email>ada@example.com</email></customer>"
        + bill_to()
        + "<customerIP>192.0.2.7</customerIP>"
    )
    row = talk.bank.retrieve_transaction(answer.trans_id)
    assert (row.invoice, row.description) == ("INV1", "shoes")
    assert (row.customer_reference, row.email) == ("u1", "ada@example.com")
    assert (row.customer_ip, row.billing["zip"]) == ("192.0.2.7", "12180")


def test_signature_of_the_transaction(talk: Talk) -> None:
    answer = talk.pay(amount="10")
    account = talk.bank.account
    text = f"^{account.login_id}^{answer.trans_id}^10.00^".encode()
    key = bytes.fromhex(account.signature_key.reveal())
    assert answer[TX + "transHashSha2"] == hmac.new(key, text, hashlib.sha512).hexdigest().upper()


@pytest.mark.parametrize(
    ("payment", "amount", "reason", "account"),
    [
        (card("4111111111111112"), "10.00", ("3", "6"), "XXXX1112"),
        (card("4111"), "10.00", ("3", "6"), "XXXX4111"),
        (card("XXXX1111"), "10.00", ("3", "6"), ""),
        (card(expires="2020-01"), "10.00", ("3", "8"), "XXXX1111"),
        (card(expires="1999-12"), "10.00", ("3", "8"), "XXXX1111"),
        (card(expires="1340"), "10.00", ("3", "7"), "XXXX1111"),
        (card(expires="XXXX"), "10.00", ("3", "7"), "XXXX1111"),
        (card(), "0", ("3", "5"), "XXXX1111"),
        (card(), "-5.00", ("3", "5"), "XXXX1111"),
        (card(), "10.005", ("3", "5"), "XXXX1111"),
        (card(), "", ("3", "5"), "XXXX1111"),
        ("", "10.00", ("3", "33"), ""),
    ],
)
def test_what_is_refused_by_its_form(
    talk: Talk, payment: str, amount: str, reason: tuple[str, str], account: str
) -> None:
    answer = talk.pay(amount=amount, inner=payment + bill_to())
    assert (answer.ok, answer.code) == (False, "E00027")
    assert answer.words == "The transaction was unsuccessful."
    assert answer.transaction == reason
    assert answer.trans_id == "0"
    assert answer[TX + "authCode"] == ""
    assert answer[TX + "avsResultCode"] == "P"
    assert answer[TX + "accountNumber"] == account
    assert answer[TX + "transHashSha2"] == ""


@pytest.mark.parametrize(
    ("zip_code", "cvv", "reason", "letters"),
    [
        ("46282", "", ("2", "2"), ("P", "P")),
        ("46205", "", ("2", "27"), ("N", "P")),
        ("12180", "901", ("2", "44"), ("Y", "N")),
        ("46205", "901", ("2", "45"), ("N", "N")),
    ],
)
def test_declined(
    talk: Talk, zip_code: str, cvv: str, reason: tuple[str, str], letters: tuple[str, str]
) -> None:
    raw = talk.pay(inner=card(cvv=cvv) + bill_to(zip_code))
    _, _, with_profile = stored(talk, zip_code, cvv)
    for answer in (raw, talk.pay(inner=with_profile)):
        assert (answer.code, answer.transaction) == ("E00027", reason)
        assert (answer[TX + "avsResultCode"], answer[TX + "cvvResultCode"]) == letters
        assert answer[TX + "authCode"] == ""
        assert talk.bank.retrieve_transaction(answer.trans_id).status == "declined"


def test_partial_approval(talk: Talk) -> None:
    answer = talk.pay(inner=card() + bill_to("46225"))
    assert (answer.ok, answer.transaction) == (True, ("4", "295"))
    assert answer[TX + "prePaidCard/requestedAmount"] == "10.00"
    assert answer[TX + "prePaidCard/approvedAmount"] == "1.23"
    assert answer[TX + "splitTenderId"]
    assert talk.bank.retrieve_transaction(answer.trans_id).amount == Decimal("1.23")


def test_balance_of_a_prepaid_card(talk: Talk) -> None:
    answer = talk.pay(inner=card() + bill_to("46227"))
    assert answer.transaction == ("1", "1")
    assert answer[TX + "prePaidCard/balanceOnCard"] == "-1.23"


def test_held(talk: Talk) -> None:
    talk.bank.hold_next()
    answer = talk.pay()
    assert (answer.ok, answer.code) == (True, "I00001")
    assert answer.transaction == ("4", "253")
    assert answer.trans_id != "0"
    assert answer[TX + "authCode"]
    assert talk.bank.retrieve_transaction(answer.trans_id).status == "held"


def test_with_a_stored_card(talk: Talk) -> None:
    customer, made, with_profile = stored(talk)
    answer = talk.pay(inner=with_profile)
    assert answer.transaction == ("1", "1")
    assert answer[TX + "profile/customerProfileId"] == customer
    assert answer[TX + "profile/customerPaymentProfileId"] == made
    assert talk.bank.retrieve_transaction(answer.trans_id).card_id == made


def test_with_the_default_card(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    inner = f"<profile><customerProfileId>{customer}</customerProfileId></profile>"
    answer = talk.pay(inner=inner)
    assert answer[TX + "profile/customerPaymentProfileId"] == made


def test_unknown_profiles(talk: Talk) -> None:
    customer, _, _ = stored(talk)
    for inner in (profile("1", "2"), profile(customer, "1")):
        answer = talk.pay(inner=inner)
        assert answer.code == "E00040"
        assert answer.words == "Customer Profile ID or Customer Payment Profile ID not found."
        assert answer["transactionResponse"] == ""


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        (card() + profile("1", "2"), "E00090"),
        (profile("1", "2") + bill_to(), "E00093"),
        (
            profile("1", "2").replace(
                "</profile>", "<shippingProfileId>3</shippingProfileId></profile>"
            )
            + "<shipTo><zip>12180</zip></shipTo>",
            "E00092",
        ),
        ("<profile><createProfile>true</createProfile></profile>", "E00089"),
        (
            card() + "<profile><createProfile>true</createProfile>"
            "<customerProfileId>1</customerProfileId></profile>",
            "E00088",
        ),
    ],
)
def test_what_excludes_each_other(talk: Talk, inner: str, code: str) -> None:
    assert talk.pay(inner=inner).code == code


def test_tokens(talk: Talk) -> None:
    token = talk.bank.mint_token("4111111111111111", month=12, year=2040)
    answer = talk.pay(inner=nonce(token) + bill_to())
    assert answer[TX + "accountNumber"] == "XXXX1111"
    again = talk.pay(inner=nonce(token) + bill_to())
    assert (again.code, again.words) == ("E00114", "Invalid OTS Token.")
    assert again["transactionResponse"] == ""
    late = talk.bank.mint_token("4111111111111111", month=12, year=2040)
    talk.bank.clock.advance(16 * 60)
    assert talk.pay(inner=nonce(late)).code == "E00115"


def test_bank_accounts_and_other_ways_to_pay(talk: Talk) -> None:
    account = (
        "<payment><bankAccount><routingNumber>121042882</routingNumber>"
        "<accountNumber>123456789</accountNumber><nameOnAccount>A</nameOnAccount>"
        "</bankAccount></payment>"
    )
    assert talk.pay(inner=account).transaction == ("3", "18")


def test_an_unknown_transaction_type(talk: Talk) -> None:
    answer = talk.pay("gift")
    assert (answer.code, answer.words) == ("E00060", "The transaction type is invalid.")


USER_FIELDS = (
    "<userFields><userField><name>color</name><value>blue &amp; red</value></userField>"
    "<userField><name>size</name><value>XL</value></userField></userFields>"
)


def test_user_fields_come_back(talk: Talk) -> None:
    path = TX + "userFields/userField/"
    for number, approved in (("4111111111111111", True), ("4111111111111112", False)):
        answer = talk.pay(inner=card(number) + bill_to() + USER_FIELDS)
        assert answer.ok is approved
        assert answer.all(path + "name") == ["color", "size"]
        assert answer.all(path + "value") == ["blue & red", "XL"]
    void = talk.pay("voidTransaction", "", "<refTransId>5</refTransId>" + USER_FIELDS)
    assert void.all(path + "name") == ["color", "size"]
    assert TX + "userFields" not in talk.pay(amount="11.00")


def test_one_of_them_names_the_currency(talk: Talk) -> None:
    field = "<userFields><userField><name>x_currency_code</name><value>{}</value></userField>"
    for currency, reason in (("XYZ", ("3", "39")), ("USD", ("1", "1"))):
        inner = card() + bill_to() + field.format(currency) + "</userFields>"
        assert talk.pay(inner=inner).transaction == reason


def test_an_unknown_card_has_no_place_for_user_fields(talk: Talk) -> None:
    answer = talk.pay(inner=profile("1", "2") + USER_FIELDS)
    assert (answer.code, answer["transactionResponse"]) == ("E00040", "")


def test_who_buys_and_by_which_order(talk: Talk) -> None:
    inner = (
        f"{card()}<poNumber>PO-7</poNumber>"
        f"<customer><type>business</type><id>u1</id></customer>{bill_to()}"
    )
    made = talk.pay(inner=inner)
    found = talk("getTransactionDetails", f"<transId>{made.trans_id}</transId>")
    assert found["transaction/order/purchaseOrderNumber"] == "PO-7"
    assert found["transaction/customer/type"] == "business"


# -- Several errors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payment", "errors"),
    [
        (card("4111111111111112", "2020-01"), ["6", "8"]),
        (card("4111", "2020-01"), ["6", "8"]),
        (card("4111111111111112", "1340"), ["6", "7"]),
        (card("4111111111111112", "XXXX"), ["6", "7"]),
        (card("4111111111111112"), ["6"]),
        (card(expires="2020-01"), ["8"]),
    ],
)
def test_errors_come_together(talk: Talk, payment: str, errors: list[str]) -> None:
    for kind in ("authCaptureTransaction", "authOnlyTransaction", "refundTransaction"):
        if kind == "refundTransaction" and "<cardNumber>4111</cardNumber>" in payment:
            continue  # four digits stand for the card of a payment
        answer = talk.pay(kind, inner=payment + bill_to())
        assert answer.all(TX + "errors/error/errorCode") == errors
        assert answer[TX + "responseCode"] == "3"


def test_a_stored_card_can_be_wrong_twice(talk: Talk) -> None:
    customer = talk.customer()
    made = talk.stored(customer, card("4111111111111112", "2020-01"))
    answer = talk.pay(inner=profile(customer, made["customerPaymentProfileId"]))
    assert answer.all(TX + "errors/error/errorCode") == ["6", "8"]


# -- Duplicates -----------------------------------------------------------------------------------


def test_a_duplicate_names_the_original_when_the_window_was_sent(talk: Talk) -> None:
    inner = card(cvv="900") + bill_to() + setting("duplicateWindow", "28800")
    first = talk.pay(inner=inner)
    again = talk.pay(inner=inner)
    assert (again.code, again.transaction) == ("E00027", ("3", "11"))
    assert again.trans_id == first.trans_id
    assert again[TX + "authCode"] == first[TX + "authCode"]
    assert again[TX + "avsResultCode"] == "Y"
    assert again[TX + "cvvResultCode"] == "M"
    error = again[TX + "errors/error/errorText"]
    assert error == "A duplicate transaction has been submitted."


def test_a_duplicate_names_nothing_when_the_window_was_not_sent(talk: Talk) -> None:
    talk.pay()
    again = talk.pay()
    assert again.transaction == ("3", "11")
    assert again.trans_id == "0"
    assert again[TX + "authCode"] == ""
    assert again[TX + "accountNumber"] == "XXXX1111"


def test_the_window_ends(talk: Talk) -> None:
    talk.pay()
    talk.bank.clock.advance(121)
    assert talk.pay().transaction == ("1", "1")
    off = card() + bill_to() + setting("duplicateWindow", "0")
    assert talk.pay(inner=off).transaction == ("1", "1")
    assert talk.pay(inner=off).transaction == ("1", "1")


def test_the_window_has_a_longest(talk: Talk) -> None:
    inner = card() + bill_to() + setting("duplicateWindow", "99999999")
    talk.pay(inner=inner)
    talk.bank.clock.advance(28801)
    assert talk.pay(inner=inner).transaction == ("1", "1")


def test_another_invoice_is_no_duplicate(talk: Talk) -> None:
    for invoice in ("A", "B"):
        order = f"<order><invoiceNumber>{invoice}</invoiceNumber></order>"
        assert talk.pay(inner=card() + order + bill_to()).transaction == ("1", "1")


# -- Test mode ------------------------------------------------------------------------------------


def test_a_test_request_leaves_nothing_behind(talk: Talk) -> None:
    answer = talk.pay(inner=card() + setting("testRequest", "true"))
    assert (answer.transaction, answer.trans_id) == (("1", "1"), "0")
    assert answer[TX + "testRequest"] == "1"
    assert talk.bank.transactions() == ()


def test_an_odd_signature_key_signs_nothing() -> None:
    account = Account(signature_key=Secret("not hex"))
    assert Talk(Bank(account=account)).pay()[TX + "transHashSha2"] == ""


def test_a_card_that_asks_for_3d_secure_is_declined(talk: Talk) -> None:
    answer = talk.pay(inner=card(ACTION_NUMBER) + bill_to())
    assert answer.transaction == ("2", "2")


def test_a_payment_that_waits_elsewhere_is_under_review(talk: Talk) -> None:
    verdict = talk.bank.authorize(plain(ACTION_NUMBER), Decimal("10.00"))
    assert verdict.row is not None
    found = talk("getTransactionDetails", f"<transId>{verdict.row.id}</transId>")
    assert found["transaction/transactionStatus"] == "underReview"
    assert found["transaction/responseCode"] == "4"
    answer = talk.follow("priorAuthCaptureTransaction", verdict.row.id)
    assert answer.transaction == ("3", "193")
