"""createCustomerProfileTransactionRequest: the older way to charge a stored card."""

from __future__ import annotations

import random

import pytest

from tests.support.authorizenet import Answer, Talk, broken, card, request, stored

ORDER = (
    "<order><invoiceNumber>INV1</invoiceNumber><description>two pairs</description>"
    "<purchaseOrderNumber>PO-7</purchaseOrderNumber></order>"
)


def ask(talk: Talk, kind: str, inner: str, options: str = "", *, ref_id: str = "") -> Answer:
    more = f"<extraOptions>{options}</extraOptions>" if options else ""
    body = f"<transaction><profileTrans{kind}>{inner}</profileTrans{kind}></transaction>{more}"
    return talk("createCustomerProfileTransaction", body, ref_id=ref_id)


def amount(text: str = "10.00") -> str:
    return f"<amount>{text}</amount>"


def ids(customer: str, made: str) -> str:
    return (
        f"<customerProfileId>{customer}</customerProfileId>"
        f"<customerPaymentProfileId>{made}</customerPaymentProfileId>"
    )


def trans_id(text: str) -> str:
    return f"<transId>{text}</transId>"


def line(answer: Answer, delimiter: str = ",") -> list[str]:
    return answer["directResponse"].split(delimiter)


def paid(talk: Talk, kind: str = "AuthCapture") -> tuple[str, str, str]:
    """A customer, a card, and the id of a payment with it."""
    customer, made, _ = stored(talk)
    answer = ask(talk, kind, amount() + ids(customer, made))
    return customer, made, line(answer)[6]


# -- With a stored card ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "word", "status"),
    [
        ("AuthCapture", "auth_capture", "captured"),
        ("AuthOnly", "auth_only", "authorized"),
    ],
)
def test_pay(talk: Talk, kind: str, word: str, status: str) -> None:
    customer, made, _ = stored(talk)
    inner = (
        f"{amount('100')}<tax><amount>1.00</amount></tax><shipping><amount>2.00</amount></shipping>"
        "<lineItems><itemId>1</itemId><name>sock</name><quantity>2</quantity>"
        "<unitPrice>50</unitPrice></lineItems>"
        "<lineItems><itemId>2</itemId><name>bag</name><quantity>1</quantity>"
        "<unitPrice>0</unitPrice></lineItems>"
        f"{ids(customer, made)}{ORDER}<taxExempt>false</taxExempt><cardCode>900</cardCode>"
    )
    answer = ask(talk, kind, inner, "x_customer_ip=192.0.2.7", ref_id="r1")
    assert (answer.name, answer.code) == ("createCustomerProfileTransactionResponse", "I00001")
    assert (answer.ok, answer["refId"]) == (True, "r1")
    assert "transactionResponse" not in answer
    fields = line(answer)
    assert len(fields) == 68
    assert fields[:4] == ["1", "1", "1", "This transaction has been approved."]
    assert len(fields[4]) == 6
    assert fields[5] == "Y"
    assert fields[7:13] == ["INV1", "two pairs", "100.00", "CC", word, "12180"]
    assert fields[13:16] == ["Ada", "Byron", ""]
    assert (fields[19], fields[23]) == ("12180", "ada@example.com")
    assert fields[32:37] == ["1.00", "", "2.00", "FALSE", "PO-7"]
    assert fields[38:40] == ["M", "2"]
    assert fields[50:52] == ["XXXX1111", "Visa"]
    row = talk.bank.retrieve_transaction(fields[6])
    assert (row.status, row.card_id, row.operation_key) == (status, made, "r1")
    assert (row.invoice, row.customer_ip) == ("INV1", "192.0.2.7")
    assert (row.purchase_order, row.customer_reference) == ("PO-7", "12180")


def test_the_charge_is_the_same_as_the_newer_calls(talk: Talk) -> None:
    _, _, found = paid(talk)
    details = talk("getTransactionDetails", trans_id(found))
    assert details["transaction/transactionType"] == "authCaptureTransaction"
    assert talk.follow("voidTransaction", found).transaction == ("1", "1")


def test_capture_only(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    inner = amount() + ids(customer, made) + "<approvalCode>ABC123</approvalCode>"
    fields = line(ask(talk, "CaptureOnly", inner))
    assert (fields[2], fields[4], fields[5]) == ("1", "ABC123", "P")
    assert (fields[11], fields[38]) == ("capture_only", "")
    none = amount() + ids(customer, made) + "<approvalCode></approvalCode>"
    answer = ask(talk, "CaptureOnly", none)
    assert (answer.code, line(answer)[2]) == ("E00027", "12")


@pytest.mark.parametrize(
    ("zip_code", "cvv", "code", "response"),
    [("46282", "", "2", "2"), ("46205", "901", "45", "2"), ("12180", "901", "44", "2")],
)
def test_declined(talk: Talk, zip_code: str, cvv: str, code: str, response: str) -> None:
    customer, made, _ = stored(talk, zip_code)
    more = f"<cardCode>{cvv}</cardCode>" if cvv else ""
    answer = ask(talk, "AuthCapture", amount() + ids(customer, made) + more)
    assert answer.code == "E00027"
    fields = line(answer)
    assert (fields[0], fields[2], fields[4]) == (response, code, "")
    assert answer.words == fields[3]
    assert fields[6] != "0"


def test_a_wrong_number_says_which_reason(talk: Talk) -> None:
    customer = talk.customer()
    made = talk.stored(customer, card("400030001111222"))["customerPaymentProfileId"]
    answer = ask(talk, "AuthOnly", amount() + ids(customer, made))
    assert (answer.code, answer.words) == ("E00027", "The credit card number is invalid.")
    fields = line(answer)
    assert fields[:7] == ["3", "1", "6", "The credit card number is invalid.", "", "P", "0"]
    assert fields[50] == "XXXX1222"


def test_held(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    talk.bank.hold_next()
    answer = ask(talk, "AuthCapture", amount() + ids(customer, made))
    fields = line(answer)
    assert (answer.ok, fields[0], fields[2]) == (True, "4", "253")


def test_unknown_profiles(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    for wrong in (ids(customer, "1"), ids("1", made)):
        answer = ask(talk, "AuthCapture", amount() + wrong)
        text = "Customer Profile ID or Customer Payment Profile ID not found."
        assert (answer.code, answer.words) == ("E00040", text)
        assert "directResponse" not in answer


def test_nothing_is_not_a_price(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    answer = ask(talk, "AuthOnly", amount("0.00") + ids(customer, made))
    assert (answer.name, answer.code) == ("ErrorResponse", "E00003")


# -- Options --------------------------------------------------------------------------------------


def test_a_duplicate(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    inner = amount() + ids(customer, made)
    first = ask(talk, "AuthCapture", inner)
    again = ask(talk, "AuthCapture", inner)
    assert (again.code, again.words) == ("E00027", "A duplicate transaction has been submitted.")
    assert (line(again)[2], line(again)[6]) == ("11", "0")
    off = ask(talk, "AuthCapture", inner, "x_duplicate_window=0")
    assert off.ok
    sent = "x_duplicate_window=600"
    assert line(ask(talk, "AuthCapture", inner, sent))[6] not in (line(first)[6], line(off)[6])
    named = ask(talk, "AuthCapture", inner, sent)
    assert (line(named)[2], line(named)[6] != "0") == ("11", True)


def test_the_delimiter_and_what_stands_around_a_field(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    inner = amount() + ids(customer, made) + "<order><description>a, b, c</description></order>"
    fields = line(ask(talk, "AuthCapture", inner, "x_delim_char=|"), "|")
    assert (len(fields), fields[8]) == (68, "a, b, c")
    options = "x_duplicate_window=0&amp;x_delim_char=;&amp;x_encap_char=*"
    fields = line(ask(talk, "AuthCapture", inner, options), ";")
    assert (fields[0], fields[8], fields[67]) == ("*1*", "*a, b, c*", "**")


def test_options_in_a_cdata_section_that_was_escaped(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    options = "&lt;![CDATA[x_customer_ip=192.0.2.7]]&gt;"
    fields = line(ask(talk, "AuthCapture", amount() + ids(customer, made), options))
    assert talk.bank.retrieve_transaction(fields[6]).customer_ip == "192.0.2.7"


def test_a_test_request_leaves_nothing_behind(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    inner = amount() + ids(customer, made)
    fields = line(ask(talk, "AuthCapture", inner, "x_test_request=TRUE"))
    assert fields[3:7] == ["(TESTMODE) This transaction has been approved.", "000000", "P", "0"]
    assert talk.bank.transactions() == ()


# -- After a payment ------------------------------------------------------------------------------


def test_capture(talk: Talk) -> None:
    customer, made, found = paid(talk, "AuthOnly")
    inner = amount("4.00") + ids(customer, made) + trans_id(found)
    fields = line(ask(talk, "PriorAuthCapture", inner, ref_id="r2"))
    assert (fields[2], fields[5], fields[6]) == ("1", "P", found)
    assert fields[9:13] == ["4.00", "CC", "prior_auth_capture", "12180"]
    assert (fields[13], fields[38], fields[50]) == ("", "", "XXXX1111")
    row = talk.bank.retrieve_transaction(found)
    assert (row.status, str(row.settled_amount), row.capture_key) == ("captured", "4.00", "r2")


def test_capture_too_much(talk: Talk) -> None:
    _, _, found = paid(talk, "AuthOnly")
    answer = ask(talk, "PriorAuthCapture", amount("41.01") + trans_id(found))
    assert answer.code == "E00027"
    assert "cannot be greater" in answer.words
    assert (line(answer)[2], line(answer)[6], line(answer)[9]) == ("47", "0", "41.01")


def test_void(talk: Talk) -> None:
    _, _, found = paid(talk)
    fields = line(ask(talk, "Void", trans_id(found)))
    assert (fields[2], fields[6]) == ("1", found)
    assert fields[9:12] == ["0.00", "CC", "void"]
    again = ask(talk, "Void", trans_id(found))
    assert (again.ok, again.code) == (True, "I00001")
    assert line(again)[:3] == ["1", "1", "310"]
    assert line(again)[6] == "0"


def test_refund(talk: Talk) -> None:
    customer, made, found = paid(talk)
    inner = ids(customer, made) + ORDER + trans_id(found)
    early = ask(talk, "Refund", amount("1.00") + inner)
    assert early.code == "E00027"
    assert "does not meet the criteria for issuing a credit" in early.words
    assert line(early)[2] == "54"
    talk.bank.settle_batch()
    fields = line(ask(talk, "Refund", amount("1.00") + inner, ref_id="r3"))
    assert (fields[2], fields[9], fields[11]) == ("1", "1.00", "credit")
    row = talk.bank.retrieve_transaction(fields[6])
    assert (row.parent_id, row.operation_key, row.invoice) == (found, "r3", "INV1")


def test_refund_by_the_mask(talk: Talk) -> None:
    _, _, found = paid(talk)
    talk.bank.settle_batch()
    mask = "<creditCardNumberMasked>{}</creditCardNumberMasked>"
    wrong = ask(talk, "Refund", amount() + mask.format("XXXX1112") + trans_id(found))
    assert line(wrong)[2] == "54"
    odd = ask(talk, "Refund", amount() + mask.format("12345678") + trans_id(found))
    assert line(odd)[2] == "6"
    good = ask(talk, "Refund", amount() + mask.format("XXXX1111") + trans_id(found))
    assert line(good)[2] == "1"


def test_a_credit_without_a_payment(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    fields = line(ask(talk, "Refund", amount("3.00") + ids(customer, made)))
    assert (fields[2], fields[11]) == ("1", "credit")
    row = talk.bank.retrieve_transaction(fields[6])
    assert (row.kind, row.parent_id, row.card_id) == ("refund", "", made)
    mask = "<creditCardNumberMasked>XXXX1111</creditCardNumberMasked>"
    assert line(ask(talk, "Refund", amount() + mask))[2] == "33"


def test_a_refund_to_nowhere(talk: Talk) -> None:
    _, _, found = paid(talk)
    assert ask(talk, "Refund", amount() + trans_id(found)).code == "E00014"
    masks = (
        "<bankRoutingNumberMasked>XXXX2882</bankRoutingNumberMasked>"
        "<bankAccountNumberMasked>XXXX6789</bankAccountNumberMasked>"
    )
    assert line(ask(talk, "Refund", amount() + masks + trans_id(found)))[2] == "18"


@pytest.mark.parametrize("kind", ["Void", "PriorAuthCapture", "Refund"])
def test_of_what_is_not_there_or_another_ones(talk: Talk, kind: str) -> None:
    _, _, found = paid(talk)
    other, card_id, _ = stored(talk, "12181")
    head = "" if kind == "Void" else amount()
    named = ids(other, card_id)
    unknown = ask(talk, kind, head + named + trans_id("2235494048"))
    assert (unknown.code, unknown.words) == ("E00040", "The record cannot be found.")
    assert ask(talk, kind, head + named + trans_id(found)).code == "E00051"
    assert talk.bank.retrieve_transaction(found).status == "captured"


def test_one_kind_at_a_time(talk: Talk) -> None:
    one = f"<profileTransVoid>{trans_id('1')}</profileTransVoid>"
    for inner in ("", one + one):
        body = f"<transaction>{inner}</transaction>"
        answer = talk.raw(request("createCustomerProfileTransaction", body))
        assert (answer.name, answer.code) == ("ErrorResponse", "E00003")


@pytest.mark.parametrize("seed", range(4))
def test_broken_requests_break_nothing(talk: Talk, seed: int) -> None:
    customer, made, found = paid(talk)
    chance = random.Random(seed)
    options = "<extraOptions>x_duplicate_window=0&amp;x_delim_char=|</extraOptions>"
    kinds = {
        "AuthOnly": amount() + ids(customer, made) + ORDER,
        "CaptureOnly": amount() + ids(customer, made) + "<approvalCode>A</approvalCode>",
        "PriorAuthCapture": amount() + ids(customer, made) + trans_id(found),
        "Refund": amount() + ids(customer, made) + trans_id(found),
        "Void": ids(customer, made) + trans_id(found),
    }
    for kind, inner in kinds.items():
        body = f"<transaction><profileTrans{kind}>{inner}</profileTrans{kind}></transaction>"
        whole = request("createCustomerProfileTransaction", body + options).decode()
        for _ in range(30):
            assert talk.raw(broken(whole, chance).encode()).code != "E00001"
