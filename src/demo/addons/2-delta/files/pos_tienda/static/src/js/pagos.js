/** @odoo-module **/
// Payments of a sale: several methods, change is given in cash only.

export class Pagos {
    constructor(total) {
        this.total = total;
        this.rows = [];
    }

    add(method, amount, authorization = null) {
        this.rows.push({ method, amount, authorization });
    }

    get paid() {
        return this.rows.reduce((sum, row) => sum + Math.round(row.amount * 100), 0) / 100;
    }

    get missing() {
        return Math.max(0, Math.round((this.total - this.paid) * 100) / 100);
    }

    /** Change, rounded down to the smallest coin; never more than what was paid in cash. */
    change(coin) {
        const over = Math.max(0, this.paid - this.total);
        const cash = this.rows.filter((r) => r.method === "cash").reduce((sum, r) => sum + r.amount, 0);
        return Math.floor((Math.min(over, cash) + 1e-9) / coin) * coin;
    }
}
