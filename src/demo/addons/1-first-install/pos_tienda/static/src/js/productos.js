/** @odoo-module **/
// Products in memory, by code and by words, so that a search needs no server.

import { registry } from "@web/core/registry";

const FIELDS = ["display_name", "barcode", "lst_price"];

export function normalize(text) {
    return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

export class Productos {
    constructor(rows) {
        this.all = rows.map((row) => ({
            id: row.id,
            name: row.display_name,
            code: row.barcode,
            price: row.lst_price,
            words: normalize(row.display_name),
        }));
        this.codes = new Map(this.all.map((product) => [product.code, product]));
    }

    byCode(code) {
        return this.codes.get(code);
    }

    search(text) {
        const words = normalize(text).split(/\s+/).filter(Boolean);
        return this.all.filter((p) => words.every((word) => p.words.includes(word))).slice(0, 60);
    }
}

export const productosService = {
    dependencies: ["orm"],
    async start(env, { orm }) {
        return new Productos(await orm.searchRead("product.product", [["available_in_pos", "=", true]], FIELDS));
    },
};

registry.category("services").add("tienda_productos", productosService);
