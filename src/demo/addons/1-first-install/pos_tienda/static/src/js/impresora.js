/** @odoo-module **/
// Receipt printer: bytes go to the small print proxy on the till; texts are cut to the width of the paper.

import { registry } from "@web/core/registry";

const WIDTH = 42; // characters of font A on 80 mm paper
const CUT = [0x1d, 0x56, 0x42, 0x00];

export function row(left, right) {
    const room = WIDTH - right.length - 1;
    return left.slice(0, room).padEnd(room + 1) + right;
}

export function ticketBytes(lines) {
    const text = new TextEncoder().encode(lines.join("\n") + "\n\n\n");
    return new Uint8Array([0x1b, 0x40, ...text, ...CUT]);
}

export const impresoraService = {
    start() {
        return {
            async send(bytes) {
                const response = await fetch("http://127.0.0.1:9101/print", { method: "POST", body: bytes });
                if (!response.ok) {
                    throw new Error(`printer answered ${response.status}`);
                }
            },
        };
    },
};

registry.category("services").add("tienda_impresora", impresoraService);
