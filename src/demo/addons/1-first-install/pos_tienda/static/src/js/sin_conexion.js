/** @odoo-module **/
// Sales that could not be sent wait in the browser and go out in order when the server answers again.

const KEY = "tienda.pending";

export class Pendientes {
    constructor(storage = window.localStorage) {
        this.storage = storage;
    }

    get all() {
        return JSON.parse(this.storage.getItem(KEY) || "[]");
    }

    push(sale) {
        this.storage.setItem(KEY, JSON.stringify([...this.all, sale]));
    }

    /** Sends what waits, oldest first; stops at the first failure. Returns how many went out. */
    async flush(send) {
        let sent = 0;
        for (const sale of this.all) {
            try {
                await send(sale);
            } catch {
                break;
            }
            sent += 1;
            this.storage.setItem(KEY, JSON.stringify(this.all.slice(1)));
        }
        return sent;
    }
}
