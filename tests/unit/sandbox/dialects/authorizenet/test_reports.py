"""Lists of transactions, batches, and the details of one."""

from __future__ import annotations

from decimal import Context, localcontext

import pytest

from tests.support.authorizenet import Answer, Talk, bill_to, card, stored

IDS = "transactions/transaction/transId"
STATUS = "transactions/transaction/transactionStatus"


def details(talk: Talk, trans_id: str) -> Answer:
    return talk("getTransactionDetails", f"<transId>{trans_id}</transId>")


def unsettled(talk: Talk, inner: str = "") -> Answer:
    return talk("getUnsettledTransactionList", inner)


def paging(limit: int, number: int) -> str:
    return f"<paging><limit>{limit}</limit><offset>{number}</offset></paging>"


def sorting(by: str, *, descending: bool) -> str:
    order = str(descending).lower()
    return f"<sorting><orderBy>{by}</orderBy><orderDescending>{order}</orderDescending></sorting>"


# -- Unsettled ------------------------------------------------------------------------------------


def test_an_empty_list_is_no_error(talk: Talk) -> None:
    answer = unsettled(talk)
    assert (answer.ok, answer.code, answer.words) == (True, "I00004", "No records found.")
    assert answer["totalNumInResultSet"] == "0"
    assert "transactions" not in answer


def test_unsettled(talk: Talk) -> None:
    order = "<order><invoiceNumber>INV1</invoiceNumber></order>"
    made = talk.pay(inner=card() + order + bill_to())
    auth = talk.pay("authOnlyTransaction")
    answer = unsettled(talk)
    assert answer.all(IDS) == [made.trans_id, auth.trans_id]
    assert answer.all(STATUS) == ["capturedPendingSettlement", "authorizedPendingCapture"]
    first = "transactions/transaction/"
    assert answer[first + "invoiceNumber"] == "INV1"
    assert answer[first + "lastName"] == "Byron"
    assert answer[first + "accountType"] == "Visa"
    assert answer[first + "accountNumber"] == "XXXX1111"
    assert answer[first + "settleAmount"] == "10.00"
    assert answer[first + "submitTimeUTC"].endswith("Z")
    talk.bank.settle_batch()
    assert unsettled(talk).all(IDS) == [auth.trans_id]


def test_held_ones_only(talk: Talk) -> None:
    talk.pay()
    talk.bank.hold_next()
    held = talk.pay(amount="11.00")
    answer = unsettled(talk, "<status>pendingApproval</status>")
    assert answer.all(IDS) == [held.trans_id]
    assert answer.all(STATUS) == ["FDSAuthorizedPendingReview"]
    assert len(unsettled(talk, "<status>any</status>").all(IDS)) == 2


def test_pages_and_order(talk: Talk) -> None:
    made = [talk.pay(amount=f"{amount}.00").trans_id for amount in range(1, 6)]
    for by in ("id", "submitTimeUTC"):
        up = sorting(by, descending=False)
        assert unsettled(talk, up + paging(2, 1)).all(IDS) == made[:2]
        assert unsettled(talk, up + paging(2, 3)).all(IDS) == made[4:]
        down = sorting(by, descending=True)
        assert unsettled(talk, down + paging(2, 1)).all(IDS) == made[:2:-1]
    beyond = unsettled(talk, paging(2, 4))
    assert (beyond.code, beyond["totalNumInResultSet"]) == ("I00004", "5")


@pytest.mark.parametrize("bad", [paging(0, 1), paging(1001, 1), paging(1, 0), paging(1, 100001)])
def test_bad_pages(talk: Talk, bad: str) -> None:
    assert unsettled(talk, bad).code == "E00003"


# -- Batches --------------------------------------------------------------------------------------


def batches(talk: Talk, first: str = "", last: str = "", statistics: str = "") -> Answer:
    inner = f"<includeStatistics>{statistics}</includeStatistics>" if statistics else ""
    inner += f"<firstSettlementDate>{first}</firstSettlementDate>" if first else ""
    inner += f"<lastSettlementDate>{last}</lastSettlementDate>" if last else ""
    return talk("getSettledBatchList", inner)


def day(talk: Talk, offset: int) -> str:
    moment = talk.bank.clock.now().timestamp() + offset * 86400
    return type(talk.bank.clock.now()).fromtimestamp(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_batches(talk: Talk) -> None:
    assert batches(talk).code == "I00004"
    charge = talk.pay()
    talk.pay(amount="11.00", inner=card() + bill_to("46282"))
    voided = talk.pay(amount="12.00")
    talk.follow("voidTransaction", voided.trans_id)
    talk.pay(amount="13.00", inner=card("5424000000000015"))
    batch = talk.bank.settle_batch()
    answer = batches(talk, statistics="true")
    assert answer.all("batchList/batch/batchId") == [batch.id]
    path = "batchList/batch/"
    assert answer[path + "settlementState"] == "settledSuccessfully"
    statistic = path + "statistics/statistic/"
    assert answer.all(statistic + "accountType") == ["MasterCard", "Visa"]
    assert answer.all(statistic + "chargeAmount") == ["13.00", "10.00"]
    assert answer.all(statistic + "declineCount") == ["0", "1"]
    assert answer.all(statistic + "voidCount") == ["0", "1"]
    inner = f"<batchId>{batch.id}</batchId>"
    listed = talk("getTransactionList", inner)
    assert listed["totalNumInResultSet"] == "4"
    assert listed.all(STATUS)[0] == "settledSuccessfully"
    assert listed.all(IDS)[0] == charge.trans_id
    assert talk("getTransactionList").all(IDS) == listed.all(IDS)


def test_refunds_in_a_batch(talk: Talk) -> None:
    charge = talk.pay()
    talk.bank.settle_batch()
    mask = (
        "<payment><creditCard><cardNumber>XXXX1111</cardNumber><expirationDate>XXXX"
        f"</expirationDate></creditCard></payment><refTransId>{charge.trans_id}</refTransId>"
    )
    made = talk.pay("refundTransaction", "4.00", mask)
    assert unsettled(talk).all(STATUS) == ["refundPendingSettlement"]
    talk.bank.settle_batch()
    answer = batches(talk, statistics="1")
    assert answer.all("batchList/batch/statistics/statistic/refundAmount") == ["0.00", "4.00"]
    found = details(talk, made.trans_id)
    assert found["transaction/transactionStatus"] == "refundSettledSuccessfully"
    assert found["transaction/transactionType"] == "refundTransaction"
    assert found["transaction/refTransId"] == charge.trans_id


def test_spans_of_batches(talk: Talk) -> None:
    talk.pay()
    old = talk.bank.settle_batch()
    talk.bank.clock.advance(20 * 86400)
    talk.pay(amount="11.00")
    new = talk.bank.settle_batch()
    path = "batchList/batch/batchId"
    assert batches(talk).all(path) == [new.id]
    assert batches(talk, day(talk, -25), day(talk, 1)).all(path) == [old.id, new.id]
    assert batches(talk, day(talk, -25), day(talk, -10)).all(path) == [old.id]


def test_spans_that_are_none(talk: Talk) -> None:
    for first, last in ((day(talk, -40), day(talk, 0)), (day(talk, 0), day(talk, -1))):
        assert batches(talk, first, last).code == "E00013"


def test_a_span_needs_both_ends(talk: Talk) -> None:
    for ends in ({"first": day(talk, -2)}, {"last": day(talk, 0)}):
        answer = batches(talk, **ends)
        assert (answer.name, answer.code) == ("getSettledBatchListResponse", "E00014")
        assert "both settlement dates" in answer.words


def test_the_sums_of_one_batch(talk: Talk) -> None:
    talk.pay()
    talk.pay(amount="2.50", inner=card("5424000000000015") + bill_to())
    talk.bank.settle_batch()
    talk.pay(amount="3.00")
    batch = talk.bank.settle_batch()
    answer = talk("getBatchStatistics", f"<batchId>{batch.id}</batchId>")
    assert answer["batch/batchId"] == batch.id
    path = "batch/statistics/statistic/"
    assert answer.all(path + "accountType") == ["Visa"]
    assert (answer[path + "chargeAmount"], answer[path + "chargeCount"]) == ("3.00", "1")


def test_the_sums_are_exact_whatever_the_threads_context_is(talk: Talk) -> None:
    made = [
        talk.pay(amount="1234567.89", inner=card() + bill_to(zip_code))
        for zip_code in ("12345", "12346")
    ]
    batch = talk.bank.settle_batch()
    talk.bank.chargeback(made[0].trans_id)
    with localcontext(Context(prec=6)):
        answer = talk("getBatchStatistics", f"<batchId>{batch.id}</batchId>")
    assert answer["batch/statistics/statistic/chargeAmount"] == "2469135.78"


def test_the_sums_of_an_unknown_batch(talk: Talk) -> None:
    answer = talk("getBatchStatistics", "<batchId>9</batchId>")
    assert (answer.name, answer.code) == ("getBatchStatisticsResponse", "E00040")


def test_an_unknown_batch(talk: Talk) -> None:
    assert talk("getTransactionList", "<batchId>9</batchId>").code == "I00004"
    assert talk("getTransactionList").code == "I00004"


# -- One customer ---------------------------------------------------------------------------------


def test_of_one_customer_and_one_card(talk: Talk) -> None:
    customer, made, with_profile = stored(talk)
    charge = talk.pay(inner=with_profile)
    talk.pay()
    inner = f"<customerProfileId>{customer}</customerProfileId>"
    answer = talk("getTransactionListForCustomer", inner)
    assert answer.name == "getTransactionListResponse"
    assert answer.all(IDS) == [charge.trans_id]
    assert answer["transactions/transaction/profile/customerPaymentProfileId"] == made
    one = f"{inner}<customerPaymentProfileId>{made}</customerPaymentProfileId>"
    assert talk("getTransactionListForCustomer", one).all(IDS) == [charge.trans_id]
    other = f"{inner}<customerPaymentProfileId>1</customerPaymentProfileId>"
    assert talk("getTransactionListForCustomer", other).code == "I00004"
    nobody = "<customerProfileId>1</customerProfileId>"
    assert talk("getTransactionListForCustomer", nobody).code == "E00040"


# -- Details --------------------------------------------------------------------------------------


def test_details(talk: Talk) -> None:
    order = "<order><invoiceNumber>I1</invoiceNumber><description>shoes</description></order>"
    inner = (
        f"{card(cvv='900')}{order}<customer><id>u1</id></customer>{bill_to('46201')}"
        "<customerIP>192.0.2.7</customerIP>"
    )
    made = talk.pay("authOnlyTransaction", inner=inner, ref_id="our-key")
    talk.follow("priorAuthCaptureTransaction", made.trans_id, "4.00", ref_id="other-key")
    answer = details(talk, made.trans_id)
    assert answer["transrefId"] == "our-key"
    got = {
        name: answer[f"transaction/{name}"]
        for name in (
            *("transId", "transactionType", "transactionStatus", "responseCode"),
            *("responseReasonCode", "AVSResponse", "cardCodeResponse", "requestedAmount"),
            *("authAmount", "settleAmount", "customerIP", "order/invoiceNumber", "customer/id"),
            *("billTo/zip", "payment/creditCard/cardNumber", "authCode"),
        )
    }
    assert got == {
        "transId": made.trans_id,
        "transactionType": "authOnlyTransaction",
        "transactionStatus": "capturedPendingSettlement",
        "responseCode": "1",
        "responseReasonCode": "1",
        "AVSResponse": "A",
        "cardCodeResponse": "M",
        "requestedAmount": "10.00",
        "authAmount": "10.00",
        "settleAmount": "4.00",
        "customerIP": "192.0.2.7",
        "order/invoiceNumber": "I1",
        "customer/id": "u1",
        "billTo/zip": "46201",
        "payment/creditCard/cardNumber": "XXXX1111",
        "authCode": made["transactionResponse/authCode"],
    }
    assert "transaction/batch" not in answer
    batch = talk.bank.settle_batch()
    assert details(talk, made.trans_id)["transaction/batch/batchId"] == batch.id


def test_details_without_a_ref_id(talk: Talk) -> None:
    assert "transrefId" not in details(talk, talk.pay().trans_id)


def test_details_of_nothing(talk: Talk) -> None:
    answer = details(talk, "1")
    assert (answer.name, answer.code) == ("ErrorResponse", "E00040")


def test_details_of_the_fates(talk: Talk) -> None:
    def fate(trans_id: str) -> tuple[str, str, str]:
        answer = details(talk, trans_id)
        return (
            answer["transaction/transactionStatus"],
            answer["transaction/responseCode"],
            answer["transaction/responseReasonCode"],
        )

    declined = talk.pay(inner=card() + bill_to("46205")).trans_id
    assert fate(declined) == ("declined", "2", "27")
    talk.bank.hold_next()
    held = talk.pay(amount="11.00").trans_id
    assert fate(held) == ("FDSAuthorizedPendingReview", "4", "253")
    voided = talk.pay(amount="12.00").trans_id
    talk.follow("voidTransaction", voided)
    assert fate(voided) == ("voided", "1", "1")
    lapsed = talk.pay("authOnlyTransaction", "13.00").trans_id
    disputed, returned = talk.pay(amount="14.00").trans_id, talk.pay(amount="15.00").trans_id
    talk.bank.clock.advance(31 * 86400)
    talk.bank.settle_batch()
    assert fate(lapsed)[0] == "expired"
    talk.bank.chargeback(disputed)
    talk.bank.return_item(returned)
    assert fate(disputed)[0] == "chargeback"
    assert fate(returned)[0] == "returnedItem"
    item = "transaction/returnedItems/returnedItem/id"
    assert details(talk, returned)[item] == returned


def test_details_of_a_live_check(talk: Talk) -> None:
    customer, made, _ = stored(talk)
    line = talk(
        "validateCustomerPaymentProfile",
        f"<customerProfileId>{customer}</customerProfileId><customerPaymentProfileId>{made}"
        "</customerPaymentProfileId><validationMode>liveMode</validationMode>",
    )["directResponse"]
    assert details(talk, line.split(",")[6])["transaction/transactionStatus"] == "voided"


def test_live_checks_stand_in_the_lists_as_the_voided_authorizations_they_are(talk: Talk) -> None:
    """A client that takes every row for a sale must meet one here, not first in production."""
    customer, made, _ = stored(talk)
    checked = f"<customerProfileId>{customer}</customerProfileId><customerPaymentProfileId>{made}"
    mode = "</customerPaymentProfileId><validationMode>liveMode</validationMode>"
    line = talk("validateCustomerPaymentProfile", checked + mode)["directResponse"]
    row = "transactions/transaction/"
    listed = talk("getUnsettledTransactionList")
    assert listed.all(row + "transId") == [line.split(",")[6]]
    assert listed[row + "transactionStatus"] == "voided"
    assert listed[row + "settleAmount"] == "0.00"
    batch = talk.bank.settle_batch().id
    assert talk("getUnsettledTransactionList").code == "I00004"
    later = talk("getTransactionList", f"<batchId>{batch}</batchId>")
    assert later.all(row + "transId") == [line.split(",")[6]]
