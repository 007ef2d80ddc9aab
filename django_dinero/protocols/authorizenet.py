"""The order of elements in the Authorize.Net XML API, which refuses every other order.

The client writes its requests by this table, and the test bank reads and writes by it. It follows
the schema of 2024-08-29; a test compares the whole table with the official schema.

A row of ``_NOTATION`` describes a type: its children in order, separated by commas. Each child is a
name and a type. The name is followed by ``!`` if the child is required, by ``*`` if it may repeat
and by ``|`` if it is one of a choice. No type means plain text; ``textN`` is text of at most N
characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"


class Child(NamedTuple):
    """A child element of a type: its name and type, whether it is required and may repeat."""

    name: str
    type: str
    required: bool = False
    many: bool = False


class Choice(NamedTuple):
    """Children of a type that exclude each other. One must be present if ``required``."""

    names: tuple[str, ...]
    required: bool


class Facet(NamedTuple):
    """The limits of a value: lengths in characters, a pattern of the whole, allowed values."""

    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()
    base: str = "string"
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    fraction_digits: int | None = None
    total_digits: int | None = None


def _values(text: str) -> Facet:
    return Facet(values=tuple(text.split()))


_FACETS: dict[str, Facet] = {
    **{"text": Facet(), "any": Facet(base="any"), "boolean": Facet(base="boolean")},
    **{"int": Facet(base="int"), "dateTime": Facet(base="dateTime"), "date": Facet(base="date")},
    "decimal": Facet(base="decimal"),
    "amount": Facet(base="decimal", minimum=Decimal("0.00"), fraction_digits=4),
    "price": Facet(base="decimal", minimum=Decimal("0.01"), fraction_digits=4),
    "balance": Facet(base="decimal", fraction_digits=4),
    "rate": Facet(base="decimal", total_digits=5, fraction_digits=5),
    "count": Facet(base="int", minimum=Decimal(0)),
    "page": Facet(base="int", minimum=Decimal(1), maximum=Decimal(100000)),
    "pageSize": Facet(base="int", minimum=Decimal(1), maximum=Decimal(1000)),
    "numericString": Facet(pattern="[0-9]+"),
    "cardCode": Facet(min_length=3, max_length=4, pattern="[0-9]+"),
    "networkTransId": Facet(max_length=255, pattern=r"[0-9a-zA-Z\s]+"),
    "cardNumber": Facet(min_length=4, max_length=16),
    "expirationDate": Facet(min_length=4, max_length=7),
    "birthday": Facet(min_length=8, max_length=10),
    "licenseNumber": Facet(min_length=5, max_length=20),
    "taxNumber": Facet(min_length=8, max_length=9),
    "itemText": Facet(min_length=1, max_length=31),
    **{f"exactly{n}": Facet(min_length=n, max_length=n) for n in (2, 6, 8)},
    "currencyCodeType": Facet(min_length=3, max_length=3),
    "marketType": Facet(max_length=50),
    "productCodeType": Facet(max_length=3),
    "validationModeEnum": _values("none testMode liveMode oldLiveMode"),
    "CustomerPaymentProfileSearchTypeEnum": _values("cardsExpiringInMonth"),
    "CustomerPaymentProfileOrderFieldEnum": _values("id"),
    "TransactionListOrderFieldEnum": _values("id submitTimeUTC"),
    "TransactionGroupStatusEnum": _values("any pendingApproval"),
    "customerProfileTypeEnum": _values("regular guest"),
    "customerTypeEnum": _values("individual business"),
    "messageTypeEnum": _values("Ok Error"),
    "afdsTransactionEnum": _values("approve decline"),
    "authIndicatorEnum": _values("pre final"),
    "merchantInitTransReasonEnum": _values("resubmission delayedCharge reauthorization noShow"),
    "bankAccountTypeEnum": _values("checking savings businessChecking"),
    "echeckTypeEnum": _values("PPD WEB CCD TEL ARC BOC"),
    "paymentMethodsTypeEnum": _values(
        "Visa MasterCard Discover AmericanExpress DinersClub JCB EnRoute Echeck Paypal VisaCheckout"
        " ApplePay AndroidPay GooglePay"
    ),
    "EncodingType": _values("Base64 Hex"),
    "EncryptionAlgorithmType": _values("TDES AES RSA"),
    "OperationType": _values("DECRYPT"),
}

# What several types begin with or share.
_REQUEST = "merchantAuthentication! merchantAuthenticationType, clientId text30, refId text20"
_UNSIGNED_REQUEST = "refId text20"
_RESPONSE = "refId, messages! messagesType, sessionToken"
_BASE = "merchantCustomerId text20, description text255, email text255"
_NAMED = (
    "firstName text50, lastName text50, company text50, address text60, city text40, state text40,"
    " zip text20, country text60"
)
_BILLING = f"{_NAMED}, phoneNumber text25, faxNumber text25, email"
_STORED = (
    "customerType customerTypeEnum, billTo customerAddressType, payment paymentType,"
    " driversLicense driversLicenseType, taxId taxNumber, defaultPaymentProfile boolean,"
    " subsequentAuthInformation subsequentAuthInformation, excludeFromAccountUpdater boolean"
)
_ORIGINAL = "originalNetworkTransId networkTransId, originalAuthAmount amount"
_PROFILE_ID = "customerProfileId! numericString"
_PRICED = (
    "amount! price, tax extendedAmountType, shipping extendedAmountType, duty extendedAmountType,"
    " lineItems* lineItemType"
)
_STORED_IDS = (
    "customerProfileId numericString, customerPaymentProfileId numericString,"
    " customerShippingAddressId numericString"
)
_BOTH_IDS = f"{_PROFILE_ID}, customerPaymentProfileId! numericString"
_SORTED = "sorting TransactionListSorting, paging Paging"
_SUMMARIES = "transactions ArrayOfTransactionSummaryType, totalNumInResultSet int"
_STORED_PAYMENT = (
    f"{_PRICED}, customerProfileId! numericString, customerPaymentProfileId! numericString,"
    " customerShippingAddressId numericString, order orderExType, taxExempt boolean,"
    " recurringBilling boolean, cardCode cardCode, splitTenderId numericString,"
    " processingOptions processingOptions, subsequentAuthInformation subsequentAuthInformation,"
    " authorizationIndicatorType authorizationIndicatorType"
)
_ORDER = (
    "invoiceNumber text20, description text255, discountAmount decimal, taxIsAfterDiscount boolean,"
    " totalTaxTypeCode text3, purchaserVATRegistrationNumber text21,"
    " merchantVATRegistrationNumber text21, vatInvoiceReferenceNumber text15, purchaserCode text17,"
    " summaryCommodityCode text4, purchaseOrderDateUTC date, supplierOrderReference text25,"
    " authorizedContactName text36, cardAcceptorRefNumber text25, amexDataTAA1 text40,"
    " amexDataTAA2 text40, amexDataTAA3 text40, amexDataTAA4 text40"
)

_REQUESTS: dict[str, str] = {
    "createCustomerProfile": "profile! customerProfileType, validationMode validationModeEnum",
    "getCustomerProfile": "customerProfileId numericString, merchantCustomerId text20, email,"
    " unmaskExpirationDate boolean, includeIssuerInfo boolean",
    "updateCustomerProfile": "profile! customerProfileInfoExType",
    "deleteCustomerProfile": _PROFILE_ID,
    "getCustomerProfileIds": "",
    "createCustomerPaymentProfile": f"{_PROFILE_ID}, paymentProfile! customerPaymentProfileType,"
    " validationMode validationModeEnum",
    "getCustomerPaymentProfile": f"{_PROFILE_ID}, customerPaymentProfileId numericString,"
    " unmaskExpirationDate boolean, includeIssuerInfo boolean",
    "updateCustomerPaymentProfile": f"{_PROFILE_ID}, paymentProfile! customerPaymentProfileExType,"
    " validationMode validationModeEnum",
    "deleteCustomerPaymentProfile": _BOTH_IDS,
    "validateCustomerPaymentProfile": f"{_BOTH_IDS}, customerShippingAddressId numericString,"
    " cardCode cardCode, validationMode! validationModeEnum",
    "getCustomerPaymentProfileList": "searchType! CustomerPaymentProfileSearchTypeEnum,"
    " month! expirationDate, sorting CustomerPaymentProfileSorting, paging Paging",
    "createCustomerShippingAddress": f"{_PROFILE_ID}, address! customerAddressType,"
    " defaultShippingAddress boolean",
    "getCustomerShippingAddress": f"{_PROFILE_ID}, customerAddressId numericString",
    "updateCustomerShippingAddress": f"{_PROFILE_ID}, address! customerAddressExType,"
    " defaultShippingAddress boolean",
    "deleteCustomerShippingAddress": f"{_PROFILE_ID}, customerAddressId! numericString",
    "createCustomerProfileFromTransaction": "transId! numericString,"
    " customer customerProfileBaseType, customerProfileId numericString,"
    " defaultPaymentProfile boolean, defaultShippingAddress boolean,"
    " profileType customerProfileTypeEnum",
    "createCustomerProfileTransaction": "transaction! profileTransactionType,"
    " extraOptions text1024",
    "isAlive": "",
    "authenticateTest": "",
    "getMerchantDetails": "",
    "createTransaction": "transactionRequest! transactionRequestType",
    "updateHeldTransaction": "heldTransactionRequest! heldTransactionRequestType",
    "getTransactionDetails": "transId! numericString",
    "getTransactionListForCustomer": f"{_PROFILE_ID}, customerPaymentProfileId numericString,"
    f" {_SORTED}",
    "getUnsettledTransactionList": f"status TransactionGroupStatusEnum, {_SORTED}",
    "getSettledBatchList": "includeStatistics boolean, firstSettlementDate dateTime,"
    " lastSettlementDate dateTime",
    "getTransactionList": f"batchId numericString, {_SORTED}",
    "getBatchStatistics": "batchId! numericString",
}
#: The one request without credentials.
UNSIGNED = "isAliveRequest"
# A profile from a transaction is answered as a new profile, one customer's list as any list.
_RESPONSES: dict[str, str] = {
    "createCustomerProfile": "customerProfileId numericString,"
    " customerPaymentProfileIdList! ArrayOfNumericString,"
    " customerShippingAddressIdList! ArrayOfNumericString,"
    " validationDirectResponseList! ArrayOfString",
    "getCustomerProfile": "profile customerProfileMaskedType, subscriptionIds SubscriptionIdList",
    "updateCustomerProfile": "",
    "deleteCustomerProfile": "",
    "getCustomerProfileIds": "ids! ArrayOfNumericString",
    "createCustomerPaymentProfile": "customerProfileId numericString,"
    " customerPaymentProfileId numericString, validationDirectResponse text2048",
    "getCustomerPaymentProfile": "paymentProfile customerPaymentProfileMaskedType",
    "updateCustomerPaymentProfile": "validationDirectResponse text2048",
    "deleteCustomerPaymentProfile": "",
    "validateCustomerPaymentProfile": "directResponse text2048",
    "getCustomerPaymentProfileList": "totalNumInResultSet! int,"
    " paymentProfiles arrayOfCustomerPaymentProfileListItemType",
    "createCustomerShippingAddress": "customerProfileId numericString,"
    " customerAddressId numericString",
    "getCustomerShippingAddress": "defaultShippingAddress boolean,"
    " address customerAddressExType, subscriptionIds SubscriptionIdList",
    "updateCustomerShippingAddress": "",
    "deleteCustomerShippingAddress": "",
    "createCustomerProfileTransaction": "transactionResponse transactionResponse,"
    " directResponse text2048",
    "isAlive": "",
    "authenticateTest": "",
    "getMerchantDetails": "isTestMode boolean, processors! ArrayOfProcessorType, merchantName!,"
    " gatewayId! numericString, marketTypes! ArrayOfMarketType, productCodes! ArrayOfProductCode,"
    " paymentMethods! ArrayOfPaymentMethod, currencies! ArrayOfCurrencyCode, publicClientKey,"
    " businessInformation customerAddressType, merchantTimeZone text100,"
    " contactDetails ArrayOfContactDetail",
    "createTransaction": "transactionResponse! transactionResponse,"
    " profileResponse createProfileResponse",
    "updateHeldTransaction": "transactionResponse transactionResponse",
    "getTransactionDetails": "transaction! transactionDetailsType, clientId text30,"
    " transrefId text20",
    "getUnsettledTransactionList": _SUMMARIES,
    "getSettledBatchList": "batchList ArrayOfBatchDetailsType",
    "getTransactionList": _SUMMARIES,
    "getBatchStatistics": "batch batchDetailsType",
}

_NOTATION = f"""
merchantAuthenticationType: name text25, transactionKey!| text16, sessionToken|, password!| text40,
  impersonationAuthentication| impersonationAuthenticationType, fingerPrint| fingerPrintType,
  clientKey|, accessToken|, mobileDeviceId text60
impersonationAuthenticationType: partnerLoginId! text25, partnerTransactionKey! text16
fingerPrintType: hashValue!, sequence, timestamp!, currencyCode, amount
messagesType: resultCode! messageTypeEnum, message!* messagesType.message
messagesType.message: code!, text!
ArrayOfNumericString: numericString* numericString
ArrayOfString: string*
SubscriptionIdList: subscriptionId* numericString
customerProfileBaseType: {_BASE}
customerProfileType: {_BASE}, paymentProfiles* customerPaymentProfileType,
  shipToList* customerAddressType, profileType customerProfileTypeEnum
customerProfileInfoExType: {_BASE}, customerProfileId numericString,
  profileType customerProfileTypeEnum
customerProfileMaskedType: {_BASE}, customerProfileId numericString,
  paymentProfiles* customerPaymentProfileMaskedType, shipToList* customerAddressExType,
  profileType customerProfileTypeEnum
customerPaymentProfileType: {_STORED}
customerPaymentProfileExType: {_STORED}, customerPaymentProfileId numericString
customerPaymentProfileMaskedType: customerType customerTypeEnum, billTo customerAddressType,
  customerProfileId numericString, customerPaymentProfileId! numericString,
  defaultPaymentProfile boolean, payment paymentMaskedType,
  driversLicense driversLicenseMaskedType, taxId exactly8, subscriptionIds SubscriptionIdList,
  {_ORIGINAL}, excludeFromAccountUpdater boolean
arrayOfCustomerPaymentProfileListItemType: paymentProfile* customerPaymentProfileListItemType
customerPaymentProfileListItemType: defaultPaymentProfile boolean, customerPaymentProfileId! int,
  customerProfileId! int, billTo! customerAddressType, payment! paymentMaskedType, {_ORIGINAL},
  excludeFromAccountUpdater boolean
customerAddressType: {_BILLING}
customerAddressExType: {_BILLING}, customerAddressId numericString
nameAndAddressType: {_NAMED}
driversLicenseType: number! licenseNumber, state! exactly2, dateOfBirth! birthday
driversLicenseMaskedType: number! exactly8, state! exactly2, dateOfBirth! birthday
subsequentAuthInformation: {_ORIGINAL}, reason merchantInitTransReasonEnum
CustomerPaymentProfileSorting: orderBy! CustomerPaymentProfileOrderFieldEnum,
  orderDescending! boolean
TransactionListSorting: orderBy! TransactionListOrderFieldEnum, orderDescending! boolean
Paging: limit! pageSize, offset! page
paymentType: creditCard!| creditCardType, bankAccount!| bankAccountType,
  trackData!| creditCardTrackType, encryptedTrackData!| encryptedTrackDataType,
  payPal!| payPalType, opaqueData!| opaqueDataType, emv!| paymentEmvType, dataSource
creditCardType: cardNumber! cardNumber, expirationDate! expirationDate, cardCode cardCode,
  isPaymentToken boolean, cryptogram, tokenRequestorName, tokenRequestorId, tokenRequestorEci
bankAccountType: accountType bankAccountTypeEnum, routingNumber! text9, accountNumber! text17,
  nameOnAccount! text22, echeckType echeckTypeEnum, bankName text50, checkNumber text15
creditCardTrackType: track1!|, track2!|
encryptedTrackDataType: FormOfPayment! KeyBlock
KeyBlock: Value! KeyValue
KeyValue: Encoding! EncodingType, EncryptionAlgorithm! EncryptionAlgorithmType,
  Scheme! KeyManagementScheme
KeyManagementScheme: DUKPT! KeyManagementScheme.DUKPT
KeyManagementScheme.DUKPT: Operation! OperationType, Mode! KeyManagementScheme.DUKPT.Mode,
  DeviceInfo! KeyManagementScheme.DUKPT.DeviceInfo,
  EncryptedData! KeyManagementScheme.DUKPT.EncryptedData
KeyManagementScheme.DUKPT.Mode: PIN, Data
KeyManagementScheme.DUKPT.DeviceInfo: Description!
KeyManagementScheme.DUKPT.EncryptedData: Value!
payPalType: successUrl text2048, cancelUrl text2048, paypalLc text2, paypalHdrImg text127,
  paypalPayflowcolor text6, payerID text255
opaqueDataType: dataDescriptor!, dataValue!, dataKey, expirationTimeStamp dateTime
paymentEmvType: emvData! any, emvDescriptor! any, emvVersion! any
paymentMaskedType: creditCard!| creditCardMaskedType, bankAccount!| bankAccountMaskedType,
  tokenInformation!| tokenMaskedType
creditCardMaskedType: cardNumber! exactly8, expirationDate! expirationDate, cardType,
  cardArt cardArt, issuerNumber exactly6, isPaymentToken boolean
cardArt: cardBrand, cardImageHeight, cardImageUrl, cardImageWidth, cardType
bankAccountMaskedType: accountType bankAccountTypeEnum, routingNumber! exactly8,
  accountNumber! exactly8, nameOnAccount! text22, echeckType echeckTypeEnum, bankName text50
tokenMaskedType: tokenSource, tokenNumber!, expirationDate! expirationDate, tokenRequestorId
transactionRequestType: transactionType!, amount decimal, currencyCode, payment paymentType,
  profile customerProfilePaymentType, solution solutionType, callId, terminalNumber, authCode,
  refTransId, splitTenderId, order orderType, lineItems ArrayOfLineItem, tax extendedAmountType,
  duty extendedAmountType, shipping extendedAmountType, taxExempt boolean, poNumber,
  customer customerDataType, billTo customerAddressType, shipTo nameAndAddressType, customerIP,
  cardholderAuthentication ccAuthenticationType, retail transRetailInfoType, employeeId,
  transactionSettings ArrayOfSetting, userFields transactionRequestType.userFields,
  surcharge extendedAmountType, merchantDescriptor, subMerchant subMerchantType,
  tip extendedAmountType, processingOptions processingOptions,
  subsequentAuthInformation subsequentAuthInformation, otherTax otherTaxType,
  shipFrom nameAndAddressType, authorizationIndicatorType authorizationIndicatorType
transactionRequestType.userFields: userField* userField
customerProfilePaymentType: createProfile boolean, customerProfileId numericString,
  paymentProfile paymentProfile, shippingProfileId numericString
paymentProfile: paymentProfileId! numericString, cardCode cardCode
solutionType: id!, name, vendorName
orderType: {_ORDER}
orderExType: {_ORDER}, purchaseOrderNumber text25
ArrayOfLineItem: lineItem* lineItemType
lineItemType: itemId! itemText, name! itemText, description text255, quantity! amount,
  unitPrice! amount, taxable boolean, unitOfMeasure text12, typeOfSupply text2, taxRate rate,
  taxAmount decimal, nationalTax decimal, localTax decimal, vatRate rate, alternateTaxId text20,
  alternateTaxType text4, alternateTaxTypeApplied text4, alternateTaxRate rate,
  alternateTaxAmount decimal, totalAmount decimal, commodityCode text15, productCode text30,
  productSKU text30, discountRate rate, discountAmount decimal, taxIncludedInTotal boolean,
  taxIsAfterDiscount boolean
extendedAmountType: amount! amount, name text31, description text255
customerDataType: type customerTypeEnum, id text20, email text255,
  driversLicense driversLicenseType, taxId taxNumber
ccAuthenticationType: authenticationIndicator!, cardholderAuthenticationValue!
transRetailInfoType: marketType, deviceType, customerSignature, terminalNumber
ArrayOfSetting: setting* settingType
settingType: settingName, settingValue
userField: name, value
subMerchantType: identifier! text40, doingBusinessAs text50, paymentServiceProviderName text40,
  paymentServiceFacilitator text20, streetAddress text40, phone text20, email text40,
  postalCode text20, city text30, regionCode text10, countryCode text10
processingOptions: isFirstRecurringPayment boolean, isFirstSubsequentAuth boolean,
  isSubsequentAuth boolean, isStoredCredentials boolean
otherTaxType: nationalTaxAmount decimal, localTaxAmount decimal, alternateTaxAmount decimal,
  alternateTaxId text15, vatTaxRate rate, vatTaxAmount decimal
authorizationIndicatorType: authorizationIndicator authIndicatorEnum
profileTransactionType: profileTransAuthCapture!| profileTransAuthCaptureType,
  profileTransAuthOnly!| profileTransAuthOnlyType,
  profileTransPriorAuthCapture!| profileTransPriorAuthCaptureType,
  profileTransCaptureOnly!| profileTransCaptureOnlyType,
  profileTransRefund!| profileTransRefundType, profileTransVoid!| profileTransVoidType
profileTransAuthCaptureType: {_STORED_PAYMENT}
profileTransAuthOnlyType: {_STORED_PAYMENT}
profileTransCaptureOnlyType: {_STORED_PAYMENT}, approvalCode! text6
profileTransPriorAuthCaptureType: {_PRICED}, {_STORED_IDS}, transId! numericString
profileTransRefundType: {_PRICED}, {_STORED_IDS}, creditCardNumberMasked exactly8,
  bankRoutingNumberMasked exactly8, bankAccountNumberMasked exactly8, order orderExType,
  transId numericString
profileTransVoidType: {_STORED_IDS}, transId! numericString
heldTransactionRequestType: action! afdsTransactionEnum, refTransId!
transactionResponse: responseCode, rawResponseCode, authCode, avsResultCode, cvvResultCode,
  cavvResultCode, transId, refTransID, transHash, testRequest, accountNumber, entryMode,
  accountType, splitTenderId, prePaidCard transactionResponse.prePaidCard,
  messages transactionResponse.messages, errors transactionResponse.errors,
  splitTenderPayments transactionResponse.splitTenderPayments,
  userFields transactionResponse.userFields, shipTo nameAndAddressType,
  secureAcceptance transactionResponse.secureAcceptance,
  emvResponse transactionResponse.emvResponse, transHashSha2, profile customerProfileIdType,
  networkTransId networkTransId
transactionResponse.prePaidCard: requestedAmount, approvedAmount, balanceOnCard
transactionResponse.messages: message* transactionResponse.messages.message
transactionResponse.messages.message: code, description
transactionResponse.errors: error* transactionResponse.errors.error
transactionResponse.errors.error: errorCode, errorText
transactionResponse.splitTenderPayments:
  splitTenderPayment* transactionResponse.splitTenderPayments.splitTenderPayment
transactionResponse.splitTenderPayments.splitTenderPayment: transId, responseCode,
  responseToCustomer, authCode, accountNumber, accountType, requestedAmount, approvedAmount,
  balanceOnCard
transactionResponse.userFields: userField* userField
transactionResponse.secureAcceptance: SecureAcceptanceUrl, PayerID, PayerEmail
transactionResponse.emvResponse: tlvData, tags transactionResponse.emvResponse.tags
transactionResponse.emvResponse.tags: tag!* emvTag
emvTag: name, value, formatted
customerProfileIdType: {_PROFILE_ID}, customerPaymentProfileId numericString,
  customerAddressId numericString
createProfileResponse: messages! messagesType, customerProfileId numericString,
  customerPaymentProfileIdList ArrayOfNumericString,
  customerShippingAddressIdList ArrayOfNumericString
transactionDetailsType: transId! numericString, refTransId numericString,
  splitTenderId numericString, submitTimeUTC! dateTime, submitTimeLocal! dateTime,
  transactionType!, transactionStatus!, responseCode! int, responseReasonCode! int,
  subscription subscriptionPaymentType, responseReasonDescription!, authCode text6,
  AVSResponse text1, cardCodeResponse text1, CAVVResponse text1, FDSFilterAction,
  FDSFilters ArrayOfFDSFilter, batch batchDetailsType, order orderExType,
  requestedAmount amount, authAmount! amount, settleAmount! amount, tax extendedAmountType,
  shipping extendedAmountType, duty extendedAmountType, lineItems ArrayOfLineItem,
  prepaidBalanceRemaining balance, taxExempt boolean, payment! paymentMaskedType,
  customer customerDataType, billTo customerAddressType, shipTo nameAndAddressType,
  recurringBilling boolean, customerIP, product, entryMode, marketType, mobileDeviceId,
  customerSignature, returnedItems ArrayOfReturnedItem, solution solutionType,
  emvDetails transactionDetailsType.emvDetails, profile customerProfileIdType,
  surcharge extendedAmountType, employeeId, tip extendedAmountType, otherTax otherTaxType,
  shipFrom nameAndAddressType, networkTransId networkTransId, {_ORIGINAL},
  authorizationIndicator
transactionDetailsType.emvDetails: tag!* transactionDetailsType.emvDetails.tag
transactionDetailsType.emvDetails.tag: tagId!, data!
subscriptionPaymentType: id! count, payNum! count
ArrayOfFDSFilter: FDSFilter* FDSFilterType
FDSFilterType: name!, action!
ArrayOfReturnedItem: returnedItem* returnedItemType
returnedItemType: id! numericString, dateUTC! dateTime, dateLocal! dateTime, code!, description!
ArrayOfBatchDetailsType: batch* batchDetailsType
batchDetailsType: batchId! numericString, settlementTimeUTC dateTime,
  settlementTimeLocal dateTime, settlementState!, paymentMethod, marketType, product,
  statistics ArrayOfBatchStatisticType
ArrayOfBatchStatisticType: statistic* batchStatisticType
batchStatisticType: accountType!, chargeAmount! decimal, chargeCount! int,
  refundAmount! decimal, refundCount! int, voidCount! int, declineCount! int, errorCount! int,
  returnedItemAmount decimal, returnedItemCount int, chargebackAmount decimal,
  chargebackCount int, correctionNoticeCount int, chargeChargeBackAmount decimal,
  chargeChargeBackCount int, refundChargeBackAmount decimal, refundChargeBackCount int,
  chargeReturnedItemsAmount decimal, chargeReturnedItemsCount int,
  refundReturnedItemsAmount decimal, refundReturnedItemsCount int
ArrayOfTransactionSummaryType: transaction* transactionSummaryType
transactionSummaryType: transId! numericString, submitTimeUTC! dateTime,
  submitTimeLocal! dateTime, transactionStatus!, invoiceNumber, firstName, lastName,
  accountType!, accountNumber!, settleAmount! decimal, marketType, product, mobileDeviceId,
  subscription subscriptionPaymentType, hasReturnedItems boolean,
  fraudInformation fraudInformationType, profile customerProfileIdType
fraudInformationType: fraudFilterList! ArrayOfFraudFilterType, fraudAction!
ArrayOfFraudFilterType: fraudFilter!*
ArrayOfProcessorType: processor* processorType
processorType: name! text255, id! int, cardTypes ArrayOfCardType
ArrayOfCardType: cardType*
ArrayOfMarketType: marketType* marketType
ArrayOfProductCode: productCode* productCodeType
ArrayOfPaymentMethod: paymentMethod* paymentMethodsTypeEnum
ArrayOfCurrencyCode: currency* currencyCodeType
ArrayOfContactDetail: contactDetail* ContactDetailType
ContactDetailType: email text255, firstName text50, lastName text50
"""


def _facet(name: str) -> None:
    if re.fullmatch(r"text[0-9]+", name):
        _FACETS.setdefault(name, Facet(max_length=int(name[4:])))


@cache
def _child(notation: str) -> tuple[Child, bool]:
    """Read a child, and whether it is one of a choice. Most stand in many rows."""
    flagged, _, type_name = notation.partition(" ")
    name = flagged.rstrip("!*|")
    flags = flagged[len(name) :]
    _facet(type_name)
    return Child(name, type_name or "text", "!" in flags, "*" in flags), "|" in flags


def _children(notation: str) -> Iterator[tuple[Child, bool]]:
    pieces = (piece.strip() for piece in notation.split(","))
    return (_child(piece) for piece in pieces if piece)


def _rows() -> Iterator[tuple[str, str]]:
    """Return every type and its notation."""
    for operation, body in _REQUESTS.items():
        name = f"{operation}Request"
        head = _UNSIGNED_REQUEST if name == UNSIGNED else _REQUEST
        yield name, f"{head}, {body}"
    for operation, body in _RESPONSES.items():
        yield f"{operation}Response", f"{_RESPONSE}, {body}"
    yield "ANetApiResponse", _RESPONSE
    for row in re.split(r"\n(?! )", _NOTATION.strip()):
        name, _, body = row.partition(":")
        yield name, body


def _read_notation() -> tuple[dict[str, tuple[Child, ...]], dict[str, Choice]]:
    types, choices = {}, {}
    for name, notation in _rows():
        children = tuple(_children(notation))
        types[name] = tuple(child for child, _ in children)
        chosen = tuple(child for child, is_chosen in children if is_chosen)
        if chosen:
            choices[name] = Choice(
                tuple(child.name for child in chosen), all(child.required for child in chosen)
            )
    return types, choices


_types, _choices = _read_notation()
#: The children of each complex type in the gateway's order, inherited ones included.
TYPES: Mapping[str, tuple[Child, ...]] = MappingProxyType(_types)
#: Types with children that exclude each other (ignore their ``Child.required``).
CHOICES: Mapping[str, Choice] = MappingProxyType(_choices)
#: The limits of simple types.
FACETS: Mapping[str, Facet] = MappingProxyType(_FACETS)
#: The type of each root element, of requests and of replies.
ROOTS: Mapping[str, str] = MappingProxyType(
    {
        **{f"{operation}Request": f"{operation}Request" for operation in _REQUESTS},
        **{f"{operation}Response": f"{operation}Response" for operation in _RESPONSES},
        "ErrorResponse": "ANetApiResponse",
    }
)
#: The root element that answers each request's; two operations answer as another one does.
REPLY_ROOTS: Mapping[str, str] = MappingProxyType(
    {
        **{f"{operation}Request": f"{operation}Response" for operation in _REQUESTS},
        "createCustomerProfileFromTransactionRequest": "createCustomerProfileResponse",
        "getTransactionListForCustomerRequest": "getTransactionListResponse",
    }
)
_POSITIONS = {
    name: {child.name: place for place, child in enumerate(children)}
    for name, children in _types.items()
}


def arrange(type_name: str, values: Mapping[str, object]) -> list[tuple[str, object]]:
    """Return the items of ``values`` in the order of the type ``type_name``.

    Args:
        type_name: a key of :data:`TYPES`.
        values: any values by element name.

    Raises:
        KeyError: there is no such type, or it has no such element; the text names both.
    """
    positions = _POSITIONS.get(type_name)
    if positions is None:
        raise KeyError(f"The Authorize.Net schema table has no type {type_name!r}.")
    try:
        return sorted(values.items(), key=lambda item: positions[item[0]])
    except KeyError as error:
        raise KeyError(f"{type_name} has no element {error.args[0]!r}.") from None
