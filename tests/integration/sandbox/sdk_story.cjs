// The official Node SDK talks to a test bank: customers, cards, payments, lists, a lost reply.
//
// It reads the bank's address, keys and controls from the environment, fails at the first answer
// that is not the expected one, and prints the transactions it made. `authorizenet` is found
// through NODE_PATH.
"use strict";

const assert = require("node:assert/strict");
const { APIContracts: api, APIControllers: controllers } = require("authorizenet");

const { ENDPOINT, LOGIN_ID, TRANSACTION_KEY, CONTROL } = process.env;
const VISA = "4111111111111111";
const MASTERCARD = "5424000000000015";
const MONTH = "2040-12";

// -- The SDK in short --------------------------------------------------------------------------

// Return a record of the SDK; it keeps the schema's order, whatever the order of the values.
function make(type, values) {
  const made = new api[type]();
  for (const [name, value] of Object.entries(values)) {
    made[`set${name[0].toUpperCase()}${name.slice(1)}`](value);
  }
  return made;
}

// Send an operation and return its reply, read by the SDK. Its own promise is never kept when the
// connection breaks, so its error is looked at meanwhile.
function send(operation, values = {}, { key = TRANSACTION_KEY, reply = operation } = {}) {
  const login = make("MerchantAuthenticationType", { name: LOGIN_ID, transactionKey: key });
  const request = make(`${operation}Request`, { merchantAuthentication: login, ...values });
  const controller = new controllers[`${operation}Controller`](request.getJSON());
  controller.setEnvironment(ENDPOINT);
  return new Promise((resolve, reject) => {
    const watch = setInterval(() => {
      if (controller.getError()) {
        clearInterval(watch);
        reject(controller.getError());
      }
    }, 10);
    controller.execute(() => {
      clearInterval(watch);
      resolve(new api[`${reply}Response`](controller.getResponse()));
    });
  });
}

// The SDK wraps the texts of a list in objects.
const texts = (list) => list.map(String);
const code = (reply) => reply.getMessages().getMessage()[0].getCode();

async function ok(operation, values, options) {
  const reply = await send(operation, values, options);
  assert.equal(reply.getMessages().getResultCode(), "Ok", JSON.stringify(reply));
  return reply;
}

async function pay(transactionType, values, options = {}) {
  const transactionRequest = make("TransactionRequestType", { transactionType, ...values });
  const reply = await send("CreateTransaction", { refId: options.refId, transactionRequest });
  const made = reply.getTransactionResponse();
  assert.equal(made.getResponseCode(), options.responseCode ?? "1", JSON.stringify(reply));
  return made;
}

async function control(name, values = {}) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(CONTROL + name, {
    method: "POST",
    headers,
    body: JSON.stringify(values),
  });
  assert.equal(answer.status, 200);
}

// -- What is sent ------------------------------------------------------------------------------

function card(cardNumber = VISA, expirationDate = MONTH) {
  const creditCard = make("CreditCardType", { cardNumber, expirationDate });
  return make("PaymentType", { creditCard });
}

function billTo(zip = "12180") {
  const address = { firstName: "Ada", lastName: "Byron", address: "1 Mill St", zip };
  return make("CustomerAddressType", address);
}

function stored(customerProfileId, paymentProfileId) {
  const paymentProfile = make("PaymentProfile", { paymentProfileId });
  return make("CustomerProfilePaymentType", { customerProfileId, paymentProfile });
}

function lines() {
  const lineItem = ["1", "2"].map((itemId) =>
    make("LineItemType", { itemId, name: "vase", quantity: 2, unitPrice: 3.1 }),
  );
  return make("ArrayOfLineItem", { lineItem });
}

function settings(duplicateWindow) {
  const values = { settingName: "duplicateWindow", settingValue: duplicateWindow };
  return make("ArrayOfSetting", { setting: [make("SettingType", values)] });
}

// -- The story ---------------------------------------------------------------------------------

async function account() {
  await ok("AuthenticateTest");
  assert.equal(code(await send("AuthenticateTest", {}, { key: "wrong" })), "E00007");
  const details = await ok("GetMerchantDetails");
  assert.equal(details.getIsTestMode(), false);
  assert.deepEqual(texts(details.getCurrencies().getCurrency()), ["USD"]);
}

async function customers() {
  const cards = [VISA, MASTERCARD].map((number) =>
    make("CustomerPaymentProfileType", { billTo: billTo(), payment: card(number) }),
  );
  const values = { merchantCustomerId: "u1", email: "ada@example.com", paymentProfiles: cards };
  const profile = make("CustomerProfileType", values);
  const made = await ok("CreateCustomerProfile", { profile, validationMode: "testMode" });
  const customerProfileId = made.getCustomerProfileId();
  const [visa, mastercard] = texts(made.getCustomerPaymentProfileIdList().getNumericString());
  const checks = texts(made.getValidationDirectResponseList().getString());
  assert.match(checks[1], /^1,1,1,\(TESTMODE\)/);
  assert.deepEqual(made.getCustomerShippingAddressIdList().getNumericString(), []);

  const again = await send("CreateCustomerProfile", { profile });
  assert.equal(code(again), "E00039");
  const found = (await ok("GetCustomerProfile", { customerProfileId })).getProfile();
  assert.equal(found.getEmail(), "ada@example.com");
  assert.deepEqual(
    found.getPaymentProfiles().map((one) => one.getPayment().getCreditCard().getCardNumber()),
    ["XXXX1111", "XXXX0015"],
  );
  const ids = await ok("GetCustomerProfileIds");
  assert.deepEqual(texts(ids.getIds().getNumericString()), [customerProfileId]);
  const changed = { merchantCustomerId: "u1", email: "new@example.com", customerProfileId };
  await ok("UpdateCustomerProfile", { profile: make("CustomerProfileInfoExType", changed) });
  return { customerProfileId, visa, mastercard };
}

async function cards({ customerProfileId, mastercard }) {
  const values = { billTo: billTo("99999"), payment: card("XXXX0015", "2041-01") };
  const paymentProfile = make("CustomerPaymentProfileExType", {
    ...values,
    customerPaymentProfileId: mastercard,
  });
  await ok("UpdateCustomerPaymentProfile", { customerProfileId, paymentProfile });
  const ids = { customerProfileId, customerPaymentProfileId: mastercard };
  const found = await ok("GetCustomerPaymentProfile", { ...ids, unmaskExpirationDate: true });
  const shown = found.getPaymentProfile();
  assert.equal(shown.getPayment().getCreditCard().getExpirationDate(), "2041-01");
  assert.equal(shown.getBillTo().getZip(), "99999");
  const checked = await ok("ValidateCustomerPaymentProfile", { ...ids, validationMode: "testMode" });
  assert.match(checked.getDirectResponse(), /^1,1,1,/);
  const expiring = await ok("GetCustomerPaymentProfileList", {
    searchType: "cardsExpiringInMonth",
    month: MONTH,
  });
  assert.equal(expiring.getTotalNumInResultSet(), 1);
  assert.equal(expiring.getPaymentProfiles().getPaymentProfile().length, 1);
  const other = make("CustomerPaymentProfileType", { payment: card("370000000000002") });
  const made = await ok("CreateCustomerPaymentProfile", {
    customerProfileId,
    paymentProfile: other,
  });
  const gone = { ...ids, customerPaymentProfileId: made.getCustomerPaymentProfileId() };
  await ok("DeleteCustomerPaymentProfile", gone);
  assert.equal(code(await send("GetCustomerPaymentProfile", gone)), "E00040");
}

async function payments({ customerProfileId, visa }) {
  const profile = stored(customerProfileId, visa);
  const order = make("OrderType", { invoiceNumber: "INV1", description: "shoes" });
  const values = { amount: 12.5, profile, order, lineItems: lines() };
  const charge = await pay("authCaptureTransaction", values, { refId: "r1" });
  assert.equal(charge.getMessages().getMessage()[0].getCode(), "1");
  assert.equal(charge.getAccountNumber(), "XXXX1111");
  const again = { ...values, transactionSettings: settings("28800") };
  await pay("authCaptureTransaction", again);
  const repeated = await pay("authCaptureTransaction", again, { responseCode: "3" });
  assert.equal(repeated.getErrors().getError()[0].getErrorCode(), "11");
  const declined = { amount: "1.00", payment: card(), billTo: billTo("46282") };
  const refused = await pay("authCaptureTransaction", declined, { responseCode: "2" });
  assert.equal(refused.getErrors().getError()[0].getErrorCode(), "2");

  const whole = { amount: 20, payment: card(), billTo: billTo() };
  const kept = await pay("authOnlyTransaction", whole);
  const capture = { amount: "15.00", refTransId: kept.getTransId() };
  await pay("priorAuthCaptureTransaction", capture);
  const dropped = await pay("authOnlyTransaction", { ...whole, amount: 30 });
  await pay("voidTransaction", { refTransId: dropped.getTransId() });
  const voided = await pay("voidTransaction", { refTransId: dropped.getTransId() });
  assert.equal(voided.getMessages().getMessage()[0].getCode(), "310");
  return { charge: charge.getTransId(), kept: kept.getTransId(), dropped: dropped.getTransId() };
}

async function review() {
  await control("hold");
  const values = { amount: 9, payment: card(MASTERCARD), billTo: billTo() };
  const held = await pay("authCaptureTransaction", values, { responseCode: "4" });
  const waiting = await ok("GetUnsettledTransactionList", { status: "pendingApproval" });
  const [only] = waiting.getTransactions().getTransaction();
  assert.equal(only.getTransId(), held.getTransId());
  const decision = { action: "approve", refTransId: held.getTransId() };
  const heldTransactionRequest = make("HeldTransactionRequestType", decision);
  const approved = await ok("UpdateHeldTransaction", { heldTransactionRequest });
  assert.equal(approved.getTransactionResponse().getResponseCode(), "1");
  return held.getTransId();
}

// The reply is lost, but the payment was made: the list has it.
async function lostReply() {
  const unsettled = async () => {
    const sorting = { orderBy: "submitTimeUTC", orderDescending: true };
    const reply = await ok("GetUnsettledTransactionList", {
      sorting: make("TransactionListSorting", sorting),
      paging: make("Paging", { limit: 1000, offset: 1 }),
    });
    const listed = reply.getTransactions().getTransaction();
    assert.equal(reply.getTotalNumInResultSet(), listed.length);
    return listed;
  };
  const before = (await unsettled()).length;
  await control("fault", { name: "drop_after", operation: "createTransactionRequest" });
  const values = { amount: 44, payment: card(), billTo: billTo() };
  await assert.rejects(pay("authCaptureTransaction", values));
  const after = await unsettled();
  assert.equal(after.length, before + 1);
  assert.equal(after[0].getSettleAmount(), 44);
  return after[0].getTransId();
}

async function settlement({ customerProfileId }, { charge, kept }) {
  await control("settle");
  const batches = await ok("GetSettledBatchList", { includeStatistics: true });
  const [batch] = batches.getBatchList().getBatch();
  const visa = batch.getStatistics().getStatistic();
  assert.equal(visa.find((one) => one.getAccountType() === "Visa").getChargeAmount(), 84);
  const settled = await ok("GetTransactionList", { batchId: batch.getBatchId() });
  const ids = settled.getTransactions().getTransaction().map((one) => one.getTransId());
  assert.ok(ids.includes(charge) && ids.includes(kept));
  const options = { reply: "GetTransactionList" };
  const mine = await ok("GetTransactionListForCustomer", { customerProfileId }, options);
  assert.equal(mine.getTotalNumInResultSet(), 2);
  const details = await ok("GetTransactionDetails", { transId: charge });
  assert.equal(details.getTransrefId(), "r1");
  assert.equal(details.getTransaction().getSettleAmount(), 12.5);
  assert.equal(details.getTransaction().getTransactionStatus(), "settledSuccessfully");
  const back = { amount: 5, payment: card("XXXX1111", "XXXX"), refTransId: kept };
  const refund = await pay("refundTransaction", back);
  assert.equal(refund.getRefTransID(), kept);
  return refund.getTransId();
}

async function farewell({ customerProfileId }) {
  await ok("DeleteCustomerProfile", { customerProfileId });
  assert.equal(code(await send("DeleteCustomerProfile", { customerProfileId })), "E00040");
}

async function story() {
  await account();
  const customer = await customers();
  await cards(customer);
  const paid = await payments(customer);
  const held = await review();
  const lost = await lostReply();
  const refund = await settlement(customer, paid);
  await farewell(customer);
  console.log(JSON.stringify({ ...paid, held, lost, refund }));
}

story().catch((error) => {
  console.error(error);
  process.exit(1);
});
