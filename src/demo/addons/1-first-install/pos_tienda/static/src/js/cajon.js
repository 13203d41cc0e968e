/** @odoo-module **/
// Opens the cash drawer through the receipt printer (ESC/POS pulse on pin 2).

import { registry } from "@web/core/registry";

const PULSE = new Uint8Array([0x1b, 0x70, 0x00, 0x19, 0xfa]);

export const cajonService = {
    dependencies: ["tienda_impresora"],
    start(env, { tienda_impresora: printer }) {
        return {
            async open() {
                await printer.send(PULSE);
            },
        };
    },
};

registry.category("services").add("tienda_cajon", cajonService);
