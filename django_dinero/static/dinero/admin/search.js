// A whole card number is not searched for. It does not even leave the page: an address that held
// it would stay in the browser's history, and in the log of every server on the way.
"use strict";
(function () {
    const refused = document.currentScript.dataset.refused;

    // The check digit of ISO/IEC 7812-1: every second digit from the right counts twice.
    function passesLuhn(digits) {
        let sum = 0;
        Array.from(digits).reverse().forEach(function (digit, place) {
            const value = Number(digit) * (place % 2 + 1);
            sum += value > 9 ? value - 9 : value;
        });
        return sum % 10 === 0;
    }

    // The networks' commonest numbers, of the lengths that the server refuses here. It knows the rest.
    const CARD = new RegExp(
        "^(?:4\\d{15}|5[1-5]\\d{14}|2(?:22[1-9]|2[3-9]\\d|[3-6]\\d{2}|7[01]\\d|720)\\d{12}|3[47]\\d{13}" +
            "|3(?:0[0-5]|[689]\\d)\\d{11}(?:\\d{2})?|35(?:2[89]|[3-8]\\d)\\d{12}" +
            "|6(?:011\\d{2}|4[4-9]\\d{3}|[25]\\d{4})\\d{10})$",
    );

    function isCardNumber(text) {
        const digits = text.replace(/[\s.,/\\|_*\p{Pd}\p{Cf}]/gu, "");
        return CARD.test(digits) && passesLuhn(digits);
    }

    function tell(form) {
        const problem = document.createElement("p");
        problem.className = "errornote";
        problem.setAttribute("role", "alert");
        form.querySelectorAll("[role=alert]").forEach((old) => old.remove());
        form.prepend(problem);
        problem.textContent = refused;
    }

    document.addEventListener("submit", function (event) {
        const box = event.target.querySelector("#searchbar");
        if (box !== null && isCardNumber(box.value)) {
            event.preventDefault();
            box.value = "";
            box.focus();
            tell(event.target);
        }
    });
})();
