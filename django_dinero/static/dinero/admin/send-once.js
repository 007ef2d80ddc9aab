// A page that talks to a gateway is sent once: the button rests until the answer is there.
// The page is safe without this; the key in the form tells the server that it came twice.
"use strict";
(function () {
    function setResting(form, resting) {
        for (const button of form.querySelectorAll("[type=submit]")) {
            button.disabled = resting;
        }
        form.setAttribute("aria-busy", String(resting));
    }

    document.addEventListener("submit", function (event) {
        if (event.target.matches("form[data-send-once]")) {
            if (event.target.getAttribute("aria-busy") === "true") {
                event.preventDefault();
                return;
            }
            setResting(event.target, true);
        }
    });

    // What was posted stays with the page in the browser's history, number and all. A page that only
    // has an address is not posted again by a reload either.
    window.history.replaceState(null, "", window.location.href);

    // Back again through the browser's history: the page is as it was left, button and all.
    window.addEventListener("pageshow", function () {
        for (const form of document.querySelectorAll("form[data-send-once]")) {
            setResting(form, false);
        }
    });
})();
