// Stands in for Accept.js: the same call, answered by the test bank that served this file.
// A page that works with it works with the gateway's own script; only the address differs.
"use strict";
(function () {
    const tokens = new URL("tokens", document.currentScript.src).href;

    function failure(code, text) {
        return { messages: { resultCode: "Error", message: [{ code: code, text: text }] } };
    }

    async function askFor(secureData) {
        try {
            const response = await fetch(tokens, {
                method: "POST",
                credentials: "omit",
                headers: { "Content-Type": "application/json" },
                body: JSON.stringify(secureData),
            });
            return await response.json();
        } catch {
            return failure("E_WC_19", "An error occurred during processing. Please try again.");
        }
    }

    window.Accept = {
        // The callback may be given by its name, as there.
        dispatchData: function (secureData, callback) {
            const answer = typeof callback === "string" ? window[callback] : callback;
            askFor(secureData).then(answer);
        },
    };
})();
