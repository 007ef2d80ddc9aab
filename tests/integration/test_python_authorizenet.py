"""Somebody else's client of the Authorize.Net API talks to our test bank.

``python-authorizenet`` was generated from the official schema: it sends what that allows, and
refuses a reply that the schema does not. What both clients agree on is no habit of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.http.server import SandboxServer

api = pytest.importorskip("authorizenet", reason="no python-authorizenet: pip install .[test]")


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A bank in memory, served on a free port."""
    bank = Bank()
    with SandboxServer(bank) as server:
        yield server
    bank.close()


@pytest.fixture
def client(server: SandboxServer) -> Iterator[Any]:
    """The other client."""
    account = server.bank.account
    client = api.Client(
        login_id=account.login_id,
        transaction_key=account.transaction_key.reveal(),
        base_url=server.endpoint,
    )
    yield client
    client.close()


def card(number: str = "4111111111111111") -> Any:
    return api.PaymentType(
        credit_card=api.CreditCardType(
            card_number=number, expiration_date="2040-12", card_code="900"
        )
    )


def bill_to(zip_code: str = "12180") -> Any:
    return api.CustomerAddressType(
        first_name="Ada", last_name="Byron", address="1 Mill St", zip=zip_code, country="US"
    )


def pay(client: Any, kind: str, **values: Any) -> Any:
    request = api.CreateTransactionRequest(
        ref_id="r1",
        transaction_request=api.TransactionRequestType(transaction_type=kind, **values),
    )
    return client.transactions.create(request).transaction_response


@pytest.fixture
def customer(client: Any) -> str:
    """The id of a customer without cards."""
    request = api.CreateCustomerProfileRequest(
        profile=api.CustomerProfileType(merchant_customer_id="u1", email="ada@example.com")
    )
    made: str = client.customer_profiles.create(request).customer_profile_id
    return made


@pytest.fixture
def stored(client: Any, customer: str) -> str:
    """The id of a stored card."""
    request = api.CreateCustomerPaymentProfileRequest(
        customer_profile_id=customer,
        payment_profile=api.CustomerPaymentProfileType(bill_to=bill_to(), payment=card()),
        validation_mode=api.ValidationModeEnum.LIVE_MODE,
    )
    made: str = client.customer_payment_profiles.create(request).customer_payment_profile_id
    return made


def profile(customer: str, stored: str) -> Any:
    return api.CustomerProfilePaymentType(
        customer_profile_id=customer,
        payment_profile=api.PaymentProfile(payment_profile_id=stored),
    )


def test_credentials(server: SandboxServer, client: Any) -> None:
    assert client.misc.is_alive(api.IsAliveRequest()).messages.message
    assert client.misc.test_authenticate(api.AuthenticateTestRequest()).messages.message
    details = client.merchants.get(api.GetMerchantDetailsRequest())
    assert details.public_client_key == server.bank.account.client_key
    stranger = api.Client(login_id="nobody", transaction_key="x", base_url=server.endpoint)
    with pytest.raises(api.AuthorizeNetError) as caught:
        stranger.misc.test_authenticate(api.AuthenticateTestRequest())
    assert caught.value.code == "E00007"
    stranger.close()


def test_profiles(client: Any, customer: str) -> None:
    request = api.GetCustomerProfileRequest(merchant_customer_id="u1")
    found = client.customer_profiles.get(request).profile
    assert (found.customer_profile_id, found.email) == (customer, "ada@example.com")
    client.customer_profiles.update(
        api.UpdateCustomerProfileRequest(
            profile=api.CustomerProfileInfoExType(
                merchant_customer_id="u1", email="new@example.com", customer_profile_id=customer
            )
        )
    )
    assert client.customer_profiles.get(request).profile.email == "new@example.com"
    ids = client.customer_profiles.get_ids(api.GetCustomerProfileIdsRequest()).ids
    assert ids.numeric_string == [customer]
    gone = api.DeleteCustomerProfileRequest(customer_profile_id=customer)
    client.customer_profiles.delete(gone)
    with pytest.raises(api.AuthorizeNetError) as caught:
        client.customer_profiles.delete(gone)
    assert caught.value.code == "E00040"


def test_a_duplicate_customer(client: Any, customer: str) -> None:
    with pytest.raises(api.AuthorizeNetError) as caught:
        client.customer_profiles.create(
            api.CreateCustomerProfileRequest(
                profile=api.CustomerProfileType(merchant_customer_id="u1", email="ada@example.com")
            )
        )
    assert (caught.value.code, customer in caught.value.message) == ("E00039", True)


def test_cards(client: Any, customer: str, stored: str) -> None:
    ids = {"customer_profile_id": customer, "customer_payment_profile_id": stored}
    profiles = client.customer_payment_profiles
    request = api.GetCustomerPaymentProfileRequest(**ids, unmask_expiration_date=True)
    found = profiles.get(request).payment_profile
    assert found.payment.credit_card.card_number == "XXXX1111"
    assert found.payment.credit_card.expiration_date == "2040-12"
    masked = api.CreditCardType(card_number="XXXX1111", expiration_date="2041-01")
    profiles.update(
        api.UpdateCustomerPaymentProfileRequest(
            customer_profile_id=customer,
            payment_profile=api.CustomerPaymentProfileExType(
                bill_to=bill_to("99999"),
                payment=api.PaymentType(credit_card=masked),
                customer_payment_profile_id=stored,
            ),
        )
    )
    found = profiles.get(request).payment_profile
    assert (found.bill_to.zip, found.payment.credit_card.expiration_date) == ("99999", "2041-01")
    checked = profiles.validate(
        api.ValidateCustomerPaymentProfileRequest(
            **ids, validation_mode=api.ValidationModeEnum.TEST_MODE
        )
    )
    assert checked.direct_response.startswith("1,1,1,(TESTMODE)")
    profiles.delete(api.DeleteCustomerPaymentProfileRequest(**ids))
    with pytest.raises(api.AuthorizeNetError):
        profiles.get(request)


def test_charge_and_details(client: Any, customer: str, stored: str) -> None:
    made = pay(
        client,
        "authCaptureTransaction",
        amount=Decimal("12.50"),
        profile=profile(customer, stored),
        order=api.OrderType(invoice_number="INV1", description="shoes"),
    )
    assert (made.response_code, made.account_number) == ("1", "XXXX1111")
    details = client.transactions.get(api.GetTransactionDetailsRequest(trans_id=made.trans_id))
    assert details.transref_id == "r1"
    assert details.transaction.order.invoice_number == "INV1"
    assert details.transaction.settle_amount == Decimal("12.50")
    assert details.transaction.transaction_status == "capturedPendingSettlement"


def test_declined(client: Any) -> None:
    with pytest.raises(api.AuthorizeNetError) as caught:
        pay(
            client,
            "authCaptureTransaction",
            amount=Decimal("1.00"),
            payment=card(),
            bill_to=bill_to("46282"),
        )
    refused = caught.value.response.transaction_response
    assert (caught.value.code, refused.response_code) == ("E00027", "2")
    assert refused.errors.error[0].error_code == "2"


def test_capture_void_refund(server: SandboxServer, client: Any) -> None:
    whole, kept = (
        pay(
            client,
            "authOnlyTransaction",
            amount=Decimal(amount),
            payment=card(),
            bill_to=bill_to(),
        ).trans_id
        for amount in ("10.00", "20.00")
    )
    captured = pay(
        client, "priorAuthCaptureTransaction", amount=Decimal("15.00"), ref_trans_id=kept
    )
    assert (captured.response_code, captured.trans_id) == ("1", kept)
    again = pay(client, "priorAuthCaptureTransaction", ref_trans_id=kept)
    assert (again.response_code, again.messages.message[0].code) == ("1", "311")
    assert pay(client, "voidTransaction", ref_trans_id=whole).trans_id == whole
    again = pay(client, "voidTransaction", ref_trans_id=whole)
    assert again.messages.message[0].code == "310"
    server.bank.settle_batch()
    masked = api.CreditCardType(card_number="1111", expiration_date="XXXX")
    refund = pay(
        client,
        "refundTransaction",
        amount=Decimal("5.00"),
        payment=api.PaymentType(credit_card=masked),
        ref_trans_id=kept,
    )
    assert refund.ref_trans_id == kept
    assert server.bank.retrieve_transaction(refund.trans_id).amount == Decimal("5.00")


def test_lists(server: SandboxServer, client: Any, customer: str, stored: str) -> None:
    made = [
        pay(
            client,
            "authCaptureTransaction",
            amount=Decimal(amount),
            profile=profile(customer, stored),
        ).trans_id
        for amount in ("1.00", "2.00", "3.00")
    ]
    ids = {"customer_profile_id": customer}
    mine = client.transactions.list_for_customer(api.GetTransactionListForCustomerRequest(**ids))
    assert [one.trans_id for one in mine.transactions.transaction] == made
    newest = client.transactions.list_unsettled(
        api.GetUnsettledTransactionListRequest(
            sorting=api.TransactionListSorting(
                order_by=api.TransactionListOrderFieldEnum.SUBMIT_TIME_UTC, order_descending=True
            ),
            paging=api.Paging(limit=2, offset=1),
        )
    )
    assert [one.trans_id for one in newest.transactions.transaction] == made[:0:-1]
    # The fourth is the voided authorization of the live check that stored the card.
    assert newest.total_num_in_result_set == 4
    batch = server.bank.settle_batch()
    batches = client.batches.list_settled(api.GetSettledBatchListRequest(include_statistics=True))
    (settled,) = batches.batch_list.batch
    assert settled.batch_id == batch.id
    assert settled.statistics.statistic[0].charge_amount == Decimal("6.00")
    listed = client.transactions.list(api.GetTransactionListRequest(batch_id=batch.id))
    assert [one.trans_id for one in listed.transactions.transaction][1:] == made
    expiring = client.customer_payment_profiles.list(
        api.GetCustomerPaymentProfileListRequest(
            search_type=api.CustomerPaymentProfileSearchTypeEnum.CARDS_EXPIRING_IN_MONTH,
            month="2040-12",
        )
    )
    assert expiring.total_num_in_result_set == 1


def test_held(server: SandboxServer, client: Any) -> None:
    server.bank.hold_next()
    held = pay(
        client,
        "authCaptureTransaction",
        amount=Decimal("9.00"),
        payment=card(),
        bill_to=bill_to(),
    )
    assert held.response_code == "4"
    waiting = client.transactions.list_unsettled(
        api.GetUnsettledTransactionListRequest(
            status=api.TransactionGroupStatusEnum.PENDING_APPROVAL
        )
    )
    assert [one.trans_id for one in waiting.transactions.transaction] == [held.trans_id]
    request = api.UpdateHeldTransactionRequest(
        held_transaction_request=api.HeldTransactionRequestType(
            action=api.AfdsTransactionEnum.APPROVE, ref_trans_id=held.trans_id
        )
    )
    approved = client.transactions.update_held(request).transaction_response
    assert approved.response_code == "1"


def test_a_profile_from_a_transaction(server: SandboxServer, client: Any) -> None:
    made = pay(
        client,
        "authCaptureTransaction",
        amount=Decimal("9.00"),
        payment=card("5424000000000015"),
        bill_to=bill_to(),
    )
    request = api.CreateCustomerProfileFromTransactionRequest(
        trans_id=made.trans_id,
        customer=api.CustomerProfileBaseType(merchant_customer_id="u9"),
    )
    answer = client.customer_profiles.create_from_transaction(request)
    customer = server.bank.customer(answer.customer_profile_id)
    assert (customer.key, customer.cards[0].last_4) == ("u9", "0015")


def test_the_older_way_to_charge_a_stored_card(
    server: SandboxServer, client: Any, customer: str, stored: str
) -> None:
    ids = {"customer_profile_id": customer, "customer_payment_profile_id": stored}

    def ask(**kind: Any) -> list[str]:
        request = api.CreateCustomerProfileTransactionRequest(
            transaction=api.ProfileTransactionType(**kind), extra_options="x_delim_char=|"
        )
        line: str = client.customer_profiles.create_transaction(request).direct_response
        return line.split("|")

    order = api.OrderExType(invoice_number="INV1", purchase_order_number="PO-7")
    values = api.ProfileTransAuthOnlyType(
        amount=Decimal("10.00"), order=order, card_code="900", **ids
    )
    paid = ask(profile_trans_auth_only=values)
    assert (paid[2], paid[7], paid[36], paid[38]) == ("1", "INV1", "PO-7", "M")
    values = api.ProfileTransPriorAuthCaptureType(amount=Decimal("4.00"), trans_id=paid[6])
    assert ask(profile_trans_prior_auth_capture=values)[6] == paid[6]
    server.bank.settle_batch()
    values = api.ProfileTransRefundType(amount=Decimal("1.00"), trans_id=paid[6], **ids)
    refunded = ask(profile_trans_refund=values)
    assert server.bank.retrieve_transaction(refunded[6]).parent_id == paid[6]
    assert ask(profile_trans_void=api.ProfileTransVoidType(trans_id=refunded[6]))[2] == "1"
    values = api.ProfileTransCaptureOnlyType(amount=Decimal("2.00"), approval_code="ABC123", **ids)
    assert ask(profile_trans_capture_only=values)[4] == "ABC123"
    with pytest.raises(api.AuthorizeNetError) as caught:
        ask(profile_trans_void=api.ProfileTransVoidType(trans_id="1"))
    assert caught.value.code == "E00040"


def test_shipping_addresses(client: Any, customer: str) -> None:
    addresses = client.customer_shipping_addresses
    made = addresses.create(
        api.CreateCustomerShippingAddressRequest(customer_profile_id=customer, address=bill_to())
    ).customer_address_id
    ids = {"customer_profile_id": customer, "customer_address_id": made}
    found = addresses.get(api.GetCustomerShippingAddressRequest(**ids)).address
    assert (found.customer_address_id, found.zip) == (made, "12180")
    whole = client.customer_profiles.get(
        api.GetCustomerProfileRequest(customer_profile_id=customer)
    )
    assert [each.customer_address_id for each in whole.profile.ship_to_list] == [made]
    addresses.delete(api.DeleteCustomerShippingAddressRequest(**ids))
    with pytest.raises(api.AuthorizeNetError):
        addresses.get(api.GetCustomerShippingAddressRequest(**ids))


def test_two_errors_and_the_merchants_own_fields(client: Any) -> None:
    fields = [api.UserField(name="color", value="blue")]
    own = api.TransactionRequestType.UserFields(user_field=fields)
    bad = api.CreditCardType(card_number="4111111111111112", expiration_date="2020-01")
    with pytest.raises(api.AuthorizeNetError) as caught:
        pay(
            client,
            "authCaptureTransaction",
            amount=Decimal("1.00"),
            payment=api.PaymentType(credit_card=bad),
            user_fields=own,
        )
    refused = caught.value.response.transaction_response
    assert [error.error_code for error in refused.errors.error] == ["6", "8"]
    assert refused.user_fields.user_field[0].value == "blue"


def test_unusual_payments(server: SandboxServer, client: Any) -> None:
    made = pay(
        client,
        "captureOnlyTransaction",
        amount=Decimal("5.00"),
        payment=card(),
        auth_code="ABC123",
    )
    assert (made.response_code, made.auth_code) == ("1", "ABC123")
    credit = pay(client, "refundTransaction", amount=Decimal("2.00"), payment=card())
    assert server.bank.retrieve_transaction(credit.trans_id).kind == "refund"
    nothing = pay(
        client,
        "authOnlyTransaction",
        amount=Decimal("0.00"),
        payment=card(),
        bill_to=bill_to(),
    )
    assert nothing.response_code == "1"
    batch = server.bank.settle_batch()
    request = api.GetBatchStatisticsRequest(batch_id=batch.id)
    (sums,) = client.batches.get_statistics(request).batch.statistics.statistic
    assert (sums.charge_amount, sums.refund_amount) == (Decimal("5.00"), Decimal("2.00"))
