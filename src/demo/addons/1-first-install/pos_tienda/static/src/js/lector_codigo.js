/** @odoo-module **/
// Barcode readers type like a keyboard, only faster: keys that follow within 30 ms and end with Enter are a code.

import { onMounted, onWillUnmount } from "@odoo/owl";

const GAP = 30; // milliseconds

export function useLectorCodigo(onCode) {
    let code = "";
    let last = 0;
    const listener = (event) => {
        if (event.timeStamp - last > GAP) {
            code = "";
        }
        last = event.timeStamp;
        if (event.key === "Enter" && code.length >= 8) {
            onCode(code);
            code = "";
            event.preventDefault();
        } else if (/^[0-9]$/.test(event.key)) {
            code += event.key;
        }
    };
    onMounted(() => document.addEventListener("keydown", listener));
    onWillUnmount(() => document.removeEventListener("keydown", listener));
}
