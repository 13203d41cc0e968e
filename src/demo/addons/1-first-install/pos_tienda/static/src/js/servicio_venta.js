/** @odoo-module **/
// The sale that is being rung up: lines, promotions, total. Knows nothing of the screen.

import { registry } from "@web/core/registry";
import { reactive } from "@odoo/owl";

export class Venta {
    constructor(promotions = []) {
        this.lines = [];
        this.promotions = promotions;
    }

    add(product, quantity = 1) {
        const line = this.lines.find((l) => l.product.id === product.id);
        if (line) {
            line.quantity += quantity;
        } else {
            this.lines.push({ product, quantity, discount: 0 });
        }
        this.lines = this.lines.filter((l) => l.quantity > 0);
        this.applyPromotions();
    }

    applyPromotions() {
        for (const line of this.lines) {
            const promotion = this.promotions.find((p) => p.productIds.includes(line.product.id));
            line.discount = promotion ? discountOf(promotion, line.quantity) : 0;
        }
    }

    get total() {
        const cents = this.lines.reduce((sum, l) => sum + lineCents(l), 0);
        return cents / 100;
    }
}

function lineCents(line) {
    return Math.round(line.product.price * line.quantity * (100 - line.discount));
}

/** Discount in percent that a promotion gives for that many units. */
export function discountOf(promotion, quantity) {
    if (promotion.kind === "percent") {
        return promotion.percent;
    }
    const free = Math.floor(quantity / promotion.take) * (promotion.take - promotion.payFor);
    return (100 * free) / quantity;
}

export const ventaService = {
    dependencies: ["orm"],
    async start(env, { orm }) {
        const promotions = await orm.call("pos.tienda.promocion", "for_screen", []);
        return reactive(new Venta(promotions));
    },
};

registry.category("services").add("tienda_venta", ventaService);
