"""Makes calls with one of the peer libraries, in that library's own virtual environment.

Nothing of this project is imported here. A line of JSON in, a line of JSON out: ``{"verb", "count",
"customer_id", "card_id"}`` asks for so many calls; the answer is the seconds of CPU they took.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

Call = Callable[[dict[str, Any]], object]
NAMES = {
    "first": "Bill",
    "last": "Smith",
    "address": "123 Elm St",
    "city": "Denver",
    "state": "CO",
    "zip": "80202",
    "country": "US",
    "email": "bill@example.com",
    "number": "4111111111111111",
    "expiry": "2035-12",
    "code": "900",
    "amount": "12.50",
}


def key() -> str:
    """Return a name that no other call has."""
    return uuid.uuid4().hex[:20]


class TypedClient:
    """python-authorizenet: httpx, pydantic and xsdata."""

    def __init__(self, endpoint: str, login_id: str, transaction_key: str) -> None:
        # Both libraries are called `authorizenet`: which one is here depends on the environment.
        self.api: Any = importlib.import_module("authorizenet")
        self.client = self.api.Client(
            login_id=login_id, transaction_key=transaction_key, base_url=endpoint
        )

    def create(self, task: dict[str, Any]) -> object:
        """Store a customer with a card."""
        api = self.api
        bill_to = api.CustomerAddressType(
            first_name=NAMES["first"],
            last_name=NAMES["last"],
            address=NAMES["address"],
            city=NAMES["city"],
            state=NAMES["state"],
            zip=NAMES["zip"],
            country=NAMES["country"],
        )
        card = api.CreditCardType(
            card_number=NAMES["number"], expiration_date=NAMES["expiry"], card_code=NAMES["code"]
        )
        profile = api.CustomerProfileType(
            merchant_customer_id=key(),
            email=NAMES["email"],
            payment_profiles=[
                api.CustomerPaymentProfileType(
                    customer_type=api.CustomerTypeEnum.INDIVIDUAL,
                    bill_to=bill_to,
                    payment=api.PaymentType(credit_card=card),
                )
            ],
        )
        return self.client.customer_profiles.create(
            api.CreateCustomerProfileRequest(
                profile=profile, validation_mode=api.ValidationModeEnum.TEST_MODE
            )
        )

    def get(self, task: dict[str, Any]) -> object:
        """Fetch a customer with all cards."""
        request = self.api.GetCustomerProfileRequest(
            customer_profile_id=task["customer_id"], unmask_expiration_date=True
        )
        return self.client.customer_profiles.get(request)

    def charge(self, task: dict[str, Any]) -> object:
        """Charge a stored card."""
        api = self.api
        transaction = api.TransactionRequestType(
            transaction_type="authCaptureTransaction",
            amount=NAMES["amount"],
            profile=api.CustomerProfilePaymentType(
                customer_profile_id=task["customer_id"],
                payment_profile=api.PaymentProfile(payment_profile_id=task["card_id"]),
            ),
            order=api.OrderType(invoice_number=key()),
        )
        return self.client.transactions.create(
            api.CreateTransactionRequest(ref_id=key(), transaction_request=transaction)
        )


class OfficialSdk:
    """authorizenet: requests and PyXB; a connection for each call."""

    def __init__(self, endpoint: str, login_id: str, transaction_key: str) -> None:
        self.types: Any = importlib.import_module("authorizenet.apicontractsv1")
        self.controllers: Any = importlib.import_module("authorizenet.apicontrollers")
        self.endpoint = endpoint
        self.login = self.types.merchantAuthenticationType()
        self.login.name, self.login.transactionKey = login_id, transaction_key

    def create(self, task: dict[str, Any]) -> object:
        """Store a customer with a card."""
        card = self.types.creditCardType()
        card.cardNumber, card.expirationDate = NAMES["number"], NAMES["expiry"]
        card.cardCode = NAMES["code"]
        payment = self.types.paymentType()
        payment.creditCard = card
        bill_to = self.types.customerAddressType()
        bill_to.firstName, bill_to.lastName = NAMES["first"], NAMES["last"]
        bill_to.address, bill_to.city = NAMES["address"], NAMES["city"]
        bill_to.state, bill_to.zip, bill_to.country = NAMES["state"], NAMES["zip"], NAMES["country"]
        stored = self.types.customerPaymentProfileType()
        stored.customerType, stored.billTo, stored.payment = "individual", bill_to, payment
        request = self.types.createCustomerProfileRequest()
        request.profile = self.types.customerProfileType()
        request.profile.merchantCustomerId, request.profile.email = key(), NAMES["email"]
        request.profile.paymentProfiles = [stored]
        request.validationMode = "testMode"
        return self._execute(request, "createCustomerProfileController")

    def get(self, task: dict[str, Any]) -> object:
        """Fetch a customer with all cards."""
        request = self.types.getCustomerProfileRequest()
        request.customerProfileId, request.unmaskExpirationDate = task["customer_id"], True
        return self._execute(request, "getCustomerProfileController")

    def charge(self, task: dict[str, Any]) -> object:
        """Charge a stored card."""
        profile = self.types.customerProfilePaymentType()
        profile.customerProfileId = task["customer_id"]
        profile.paymentProfile = self.types.paymentProfile()
        profile.paymentProfile.paymentProfileId = task["card_id"]
        transaction = self.types.transactionRequestType()
        transaction.transactionType, transaction.amount = "authCaptureTransaction", NAMES["amount"]
        transaction.profile = profile
        transaction.order = self.types.orderType()
        transaction.order.invoiceNumber = key()
        request = self.types.createTransactionRequest()
        request.refId, request.transactionRequest = key(), transaction
        return self._execute(request, "createTransactionController")

    def _execute(self, request: Any, controller: str) -> object:
        request.merchantAuthentication = self.login
        call = getattr(self.controllers, controller)(request)
        call.setenvironment(self.endpoint)
        call.execute()
        answer = call.getresponse()
        if answer is None or str(answer.messages.resultCode) != "Ok":
            raise SystemExit(f"{controller}: {answer and answer.messages.message.text}")
        return answer


CLIENTS: dict[str, type[Any]] = {
    "python-authorizenet": TypedClient,
    "authorizenet": OfficialSdk,
}


def main(library: str, *account: str) -> None:
    """Answer tasks until the input ends."""
    client = CLIENTS[library](*account)
    for line in sys.stdin:
        task = json.loads(line)
        call: Call = getattr(client, task["verb"])
        start = time.process_time()
        for _ in range(task["count"]):
            call(task)
        print(json.dumps(time.process_time() - start), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
