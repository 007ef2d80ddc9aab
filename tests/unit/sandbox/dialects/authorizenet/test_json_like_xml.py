"""The same request in XML and in JSON, to two equal banks: every answer is the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from django_dinero.protocols.authorizenet import REPLY_ROOTS
from tests.support.authorizenet import bill_to, broken, card, nonce, profile, request
from tests.support.authorizenet_json import Twins, can_be_json

TWO_CARDS = "".join(
    f"<paymentProfiles>{bill_to()}{card(number)}</paymentProfiles>"
    for number in ("4111111111111111", "5424000000000015")
)
LINES = "".join(
    f"<lineItem><itemId>{number}</itemId><name>vase</name><quantity>1</quantity>"
    f"<unitPrice>45.00</unitPrice></lineItem>"
    for number in (1, 2)
)


@pytest.fixture(params=[False, True], ids=["texts", "numbers"])
def twins(
    request: pytest.FixtureRequest, tmp_path: Path, official: etree.XMLSchema | None
) -> Iterator[Twins]:
    """Two equal banks; the values in JSON are texts, or numbers where they look like numbers."""
    twins = Twins(tmp_path, official, natural=request.param)
    yield twins
    twins.close()


def test_customers_and_cards(twins: Twins) -> None:
    customer = twins.customer()
    ids = f"<customerProfileId>{customer}</customerProfileId>"
    assert twins("getCustomerProfile", ids).ok
    other = twins.customer("u2", "eve@example.com", TWO_CARDS)
    both = f"<customerProfileId>{other}</customerProfileId>"
    found = twins("getCustomerProfile", both + "<unmaskExpirationDate>true</unmaskExpirationDate>")
    assert len(found.all("profile/paymentProfiles")) == 2
    assert twins("getCustomerProfileIds").all("ids/numericString") == [customer, other]
    made = twins.stored(customer)["customerPaymentProfileId"]
    assert twins.stored(customer).code == "E00039"
    of_card = f"{ids}<customerPaymentProfileId>{made}</customerPaymentProfileId>"
    mode = "<validationMode>testMode</validationMode>"
    assert twins("getCustomerPaymentProfile", of_card).ok
    assert "directResponse" in twins("validateCustomerPaymentProfile", of_card + mode)
    expiring = "<searchType>cardsExpiringInMonth</searchType><month>{}</month>"
    assert twins("getCustomerPaymentProfileList", expiring.format("2040-12")).ok
    assert twins("getCustomerPaymentProfileList", expiring.format("2041-12")).code == "I00004"
    assert twins("deleteCustomerPaymentProfile", of_card).ok
    assert twins("deleteCustomerPaymentProfile", of_card).code == "E00040"
    assert twins("deleteCustomerProfile", both).ok
    checked = f"{TWO_CARDS}</profile><validationMode>liveMode</validationMode>"
    new = twins("createCustomerProfile", f"<profile><email>x@y.de</email>{checked}")
    assert len(new.all("validationDirectResponseList/string")) == 2


def test_payments_and_lists(twins: Twins) -> None:
    customer = twins.customer(cards=TWO_CARDS)
    found = twins("getCustomerProfile", f"<customerProfileId>{customer}</customerProfileId>")
    stored = found["profile/paymentProfiles/customerPaymentProfileId"]
    order = "<order><invoiceNumber>INV1</invoiceNumber></order>"
    rest = f"{profile(customer, stored, '900')}{order}<lineItems>{LINES}</lineItems>"
    charge = twins.pay(inner=rest, ref_id="r1")
    assert charge.transaction == ("1", "1")
    assert twins.pay(inner=rest, ref_id="r1").transaction[1] == "11"
    held = twins.pay("authOnlyTransaction", "20.00")
    assert twins.follow("priorAuthCaptureTransaction", held.trans_id, "15.00").ok
    assert twins.follow("priorAuthCaptureTransaction", held.trans_id).transaction[1] == "311"
    declined = twins.pay(amount="7.00", inner=card() + bill_to("46282"))
    assert declined.transaction == ("2", "2")
    partial = twins.pay(amount="8.00", inner=card() + bill_to("46226"))
    gone = twins.follow("voidTransaction", partial.trans_id)
    assert gone.ok
    assert twins.follow("refundTransaction", charge.trans_id, "1.00").transaction[0] == "3"
    unsettled = twins("getUnsettledTransactionList")
    assert len(unsettled.all("transactions/transaction")) > 1
    twins.both(lambda bank: bank.settle_batch())
    batches = twins("getSettledBatchList", "<includeStatistics>true</includeStatistics>")
    batch = batches["batchList/batch/batchId"]
    paging = "<paging><limit>1</limit><offset>1</offset></paging>"
    listed = twins("getTransactionList", f"<batchId>{batch}</batchId>{paging}")
    assert len(listed.all("transactions/transaction")) == 1
    of_customer = f"<customerProfileId>{customer}</customerProfileId>"
    assert twins("getTransactionListForCustomer", of_customer).ok
    masked = card("XXXX1111", "XXXX") + f"<refTransId>{charge.trans_id}</refTransId>"
    assert twins.pay("refundTransaction", "1.00", masked).transaction == ("1", "1")
    for one in (charge, held, partial):
        assert twins("getTransactionDetails", f"<transId>{one.trans_id}</transId>").ok
    assert twins("getUnsettledTransactionList", "<status>pendingApproval</status>").ok


def test_reviews_tokens_and_profiles_from_transactions(twins: Twins) -> None:
    twins.both(lambda bank: bank.hold_next())
    held = twins.pay()
    assert held.transaction[0] == "4"
    decision = f"<action>approve</action><refTransId>{held.trans_id}</refTransId>"
    inner = f"<heldTransactionRequest>{decision}</heldTransactionRequest>"
    assert twins("updateHeldTransaction", inner).transaction[0] == "1"
    made = twins(
        "createCustomerProfileFromTransaction",
        f"<transId>{held.trans_id}</transId><customer><merchantCustomerId>u9</merchantCustomerId>"
        "</customer>",
    )
    assert made.ok
    assert twins.pay(inner=nonce("gone")).code == "E00114"
    kept = (
        f"{card('5424000000000015')}<profile><createProfile>true</createProfile></profile>"
        f"<customer><email>a@b.de</email></customer>{bill_to()}"
    )
    assert "profileResponse/customerProfileId" in twins.pay(amount="3.00", inner=kept)
    assert twins("getMerchantDetails").ok


@pytest.mark.parametrize("root", sorted(REPLY_ROOTS))
def test_every_operation_without_a_body(twins: Twins, root: str) -> None:
    """Whatever operations there will be, what they lack is said in the same words."""
    twins(root.removesuffix("Request"), ref_id="r1")
    twins.raw(request(root.removesuffix("Request"), login=""))


def test_the_older_calls_and_shipping_addresses(twins: Twins) -> None:
    customer = twins.customer()
    made = twins.stored(customer)["customerPaymentProfileId"]
    ids = f"<customerProfileId>{customer}</customerProfileId>"
    of_card = f"{ids}<customerPaymentProfileId>{made}</customerPaymentProfileId>"
    address = twins("createCustomerShippingAddress", f"{ids}<address><zip>2</zip></address>")
    named = f"<customerAddressId>{address['customerAddressId']}</customerAddressId>"
    assert twins("getCustomerShippingAddress", ids + named)["defaultShippingAddress"] == "true"
    assert twins("getCustomerProfile", ids)["profile/shipToList/zip"] == "2"
    paid = f"<profileTransAuthCapture><amount>5</amount>{of_card}</profileTransAuthCapture>"
    asked = f"<transaction>{paid}</transaction><extraOptions>x_delim_char=|</extraOptions>"
    answer = twins("createCustomerProfileTransaction", asked)
    found = answer["directResponse"].split("|")[6]
    gone = f"<profileTransVoid><transId>{found}</transId></profileTransVoid>"
    for _ in range(2):
        body = f"<transaction>{gone}</transaction>"
        assert twins("createCustomerProfileTransaction", body).ok
    twins.both(lambda bank: bank.settle_batch())
    assert twins("getBatchStatistics", "<batchId>1</batchId>").code == "E00040"
    assert twins.raw(request("isAlive", login="")).ok


def test_errors_that_come_together_and_fields_of_the_merchants_own(twins: Twins) -> None:
    fields = "".join(
        f"<userField><name>{name}</name><value>v</value></userField>" for name in ("a", "b")
    )
    inner = f"{card('4111111111111112', '2020-01')}<userFields>{fields}</userFields>"
    answer = twins.pay(inner=inner)
    assert answer.all("transactionResponse/errors/error/errorCode") == ["6", "8"]
    assert answer.all("transactionResponse/userFields/userField/name") == ["a", "b"]


def broken_requests(bodies: list[bytes], seed: int) -> Iterator[bytes]:
    """Yield requests that somebody broke, as far as an object of JSON can say them."""
    chance = random.Random(seed)
    for _ in range(60):
        text = chance.choice(bodies).decode()
        for _ in range(chance.randint(1, 3)):
            text = broken(text, chance)
        if can_be_json(text.encode()):
            yield text.encode()


def test_broken_requests(twins: Twins) -> None:
    customer = twins.customer(cards=TWO_CARDS)
    paid = f"<transactionType>authCaptureTransaction</transactionType><amount>5</amount>{card()}"
    bodies = [
        request("getCustomerProfile", f"<customerProfileId>{customer}</customerProfileId>"),
        request("createTransaction", f"<transactionRequest>{paid}</transactionRequest>"),
        request("createCustomerProfile", f"<profile><email>e</email>{TWO_CARDS}</profile>"),
        request(
            "getUnsettledTransactionList", "<paging><limit>1</limit><offset>1</offset></paging>"
        ),
    ]
    refused = [twins.raw(body) for body in broken_requests(bodies, seed=1)]
    assert len({answer.code for answer in refused}) > 2


def official_requests(folder: Path) -> list[bytes]:
    """The 30 requests that the official schema allows, with the bank's credentials."""
    files = sorted((folder / "authorizenet-requests").glob("*.xml"))
    return [
        file.read_bytes()
        .replace(b"<name>L<", b"<name>sandbox-login<")
        .replace(b"<transactionKey>K<", b"<transactionKey>sandbox-key<")
        for file in files
    ]


def test_the_official_requests(twins: Twins, shared_data: Path) -> None:
    bodies = official_requests(shared_data)
    assert len(bodies) == 30
    answers = [twins.raw(body) for body in bodies]
    assert all(answer.code != "E00003" for answer in answers)
    for body in broken_requests(bodies, seed=2):
        twins.raw(body)
