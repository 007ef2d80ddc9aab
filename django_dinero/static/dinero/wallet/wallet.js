// The shopper's forms: a card becomes a token before anything is sent, and a form is sent once.
// The card's fields have no names, so that a browser would not send them in any case.
"use strict";
(function () {
    // Accept.js's codes, by the field that they are about.
    const FIELD_OF = {
        E_WC_05: "number",
        E_WC_20: "number",
        E_WC_06: "expiry",
        E_WC_07: "expiry",
        E_WC_08: "expiry",
        E_WC_15: "cvv",
    };

    function setBusy(form, busy) {
        form.setAttribute("aria-busy", String(busy));
        for (const button of form.querySelectorAll("button")) {
            // Not "disabled": the button that was pressed is sent along.
            button.setAttribute("aria-disabled", String(busy));
        }
    }

    function isBusy(form) {
        return form.getAttribute("aria-busy") === "true";
    }

    function cardFields(form) {
        return Array.from(form.querySelectorAll("[data-dinero-card]"));
    }

    // A template of the project's own may have no place for it.
    function errorOf(input) {
        return (
            document.getElementById(`${input.id}-error`) ||
            document.getElementById(`${input.id}_error`)
        );
    }

    // What is wrong is the name of a text in the template: "message", "missing", "misplaced".
    function setWrong(input, wrong) {
        const error = errorOf(input);
        input.setAttribute("aria-invalid", String(wrong !== ""));
        if (error === null) {
            return;
        }
        error.hidden = wrong === "";
        error.textContent = error.dataset[wrong] || (wrong && error.dataset.message) || "";
        if (wrong) {
            input.setAttribute("aria-describedby", error.id);
        }
    }

    function tell(form, text) {
        const problem = form.querySelector("[data-dinero-problem]");
        problem.textContent = text;
        problem.hidden = text === "";
        if (text !== "") {
            problem.focus();
        }
    }

    function valueOf(form, name) {
        const field = form.elements.namedItem(name);
        return field === null ? "" : field.value.trim();
    }

    function secureDataOf(form) {
        const card = {};
        for (const input of cardFields(form)) {
            card[input.dataset.dineroCard] = input.value.trim();
        }
        const expiry = card.expiry.split(/\D+/).filter(Boolean);
        const [month, year] =
            expiry.length > 1 ? expiry : [card.expiry.slice(0, 2), card.expiry.slice(2)];
        return {
            authData: { apiLoginID: form.dataset.apiLoginId, clientKey: form.dataset.clientKey },
            cardData: {
                cardNumber: card.number.replace(/\D/g, ""),
                month: month.padStart(2, "0"),
                year: year,
                cardCode: card.cvv,
                zip: valueOf(form, "zip"),
                fullName: [valueOf(form, "first_name"), valueOf(form, "last_name")]
                    .join(" ")
                    .trim(),
            },
        };
    }

    function showErrors(form, messages) {
        const wrong = new Set(messages.map((each) => FIELD_OF[each.code]));
        for (const input of cardFields(form)) {
            setWrong(input, wrong.has(input.dataset.dineroCard) ? "message" : "");
        }
        const first = form.querySelector("[data-dinero-card][aria-invalid=true]");
        if (wrong.has(undefined) || first === null) {
            tell(form, form.querySelector("[data-dinero-problem]").dataset.message);
        } else {
            first.focus();
        }
    }

    function send(form, token) {
        form.elements.namedItem("token").value = token;
        for (const input of cardFields(form)) {
            input.value = "";
        }
        form.submit();
    }

    function hasCheckDigit(digits) {
        const sum = Array.from(digits, Number)
            .reverse()
            .map((digit, place) => (place % 2 ? digit * 2 : digit))
            .reduce((all, digit) => all + (digit > 9 ? digit - 9 : digit), 0);
        return sum % 10 === 0;
    }

    // A field that is sent to the shop. A telephone number has at most 15 digits.
    function holdsNumber(input) {
        const least = ["phone", "fax"].includes(input.name) ? 16 : 14;
        const runs = input.value.match(/\d(?:[\s./-]?\d)+/g) || [];
        return runs
            .map((run) => run.replace(/\D/g, ""))
            .some((digits) => digits.length >= least && digits.length <= 19 && hasCheckDigit(digits));
    }

    function wrongOf(input) {
        if (input.name && holdsNumber(input)) {
            input.value = "";
            return "misplaced";
        }
        return input.required && input.value.trim() === "" ? "missing" : "";
    }

    // What the browser itself can tell: each field that is left empty, or has the card's number.
    function findWrong(form) {
        let first = null;
        for (const input of form.querySelectorAll("input:not([type=hidden])")) {
            const wrong = wrongOf(input);
            setWrong(input, wrong);
            first = first || (wrong ? input : null);
        }
        return first;
    }

    function onCardSubmit(event) {
        const form = event.currentTarget;
        event.preventDefault();
        if (isBusy(form)) {
            return;
        }
        tell(form, "");
        const wrong = findWrong(form);
        if (wrong !== null) {
            wrong.focus();
            return;
        }
        setBusy(form, true);
        window.Accept.dispatchData(secureDataOf(form), function (answer) {
            if (answer.messages.resultCode === "Ok") {
                send(form, answer.opaqueData.dataValue);
                return;
            }
            setBusy(form, false);
            showErrors(form, answer.messages.message);
        });
    }

    function onceOnly(event) {
        if (isBusy(event.currentTarget)) {
            event.preventDefault();
            return;
        }
        setBusy(event.currentTarget, true);
    }

    // "4111 1111 …" and "12 / 30" while somebody types at the end; in the middle nothing moves.
    function group(input) {
        if (input.selectionStart !== input.value.length) {
            return;
        }
        // "6", "1/" and "1 / 27": a month of one digit.
        const short = input.dataset.dineroCard === "expiry" && /^\s*([2-9]|1\D)/.test(input.value);
        const digits = (short ? "0" : "") + input.value.replace(/\D/g, "");
        if (input.dataset.dineroCard === "number") {
            const parts = /^3[47]/.test(digits) ? /^(\d{1,4})(\d{1,6})?(\d+)?$/ : null;
            input.value = parts
                ? digits.replace(parts, (_, ...all) => all.slice(0, 3).filter(Boolean).join(" "))
                : digits.replace(/(\d{4})(?=\d)/g, "$1 ");
        } else if (short || digits.length > 2) {
            input.value = [digits.slice(0, 2), digits.slice(2)].filter(Boolean).join(" / ");
        }
    }

    // Browsers write the fields of open pages to their disk, to show them again after a crash. They
    // leave out what is not to be completed; so the browser may offer a card, and keeps none.
    function keepOffDisk(input) {
        const offered = input.getAttribute("autocomplete");
        input.addEventListener("input", function () {
            input.setAttribute("autocomplete", input.value === "" ? offered : "off");
        });
    }

    // It stands in the page for whoever gets no script. A template of the project's own may lack it.
    function endWaiting(form) {
        const waiting = form.querySelector("[data-dinero-waiting]");
        if (waiting !== null) {
            waiting.hidden = true;
        }
    }

    function prepare(form) {
        endWaiting(form);
        form.addEventListener("submit", onCardSubmit);
        for (const input of cardFields(form)) {
            keepOffDisk(input);
            if (input.dataset.dineroCard !== "cvv") {
                input.addEventListener("input", () => group(input));
            }
        }
        if (window.Accept === undefined || !form.dataset.clientKey) {
            tell(form, form.querySelector("[data-dinero-problem]").dataset.unavailable);
            return;
        }
        form.querySelector("[type=submit]").disabled = false;
    }

    // Scripts with "defer" run in their order: the gateway's stands before this one.
    document.querySelectorAll("form[data-dinero-card-form]").forEach(prepare);
    for (const form of document.querySelectorAll("form[data-dinero-send-once]")) {
        form.addEventListener("submit", onceOnly);
    }

    // Back again through the browser's history: the page is as it was left, button and all.
    window.addEventListener("pageshow", function () {
        for (const form of document.querySelectorAll("form[aria-busy=true]")) {
            setBusy(form, false);
        }
    });
})();
