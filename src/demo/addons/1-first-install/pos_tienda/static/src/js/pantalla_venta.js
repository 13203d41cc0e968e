/** @odoo-module **/
// The screen of a sale: products on the left, the ticket on the right.

import { Component, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Teclado } from "./teclado";
import { LineaTicket } from "./linea_ticket";
import { useLectorCodigo } from "./lector_codigo";

export class PantallaVenta extends Component {
    static template = "pos_tienda.PantallaVenta";
    static components = { Teclado, LineaTicket };
    static props = ["*"];

    setup() {
        this.venta = useState(useService("tienda_venta"));
        this.productos = useService("tienda_productos");
        this.notification = useService("notification");
        this.state = useState({ search: "", quantity: 1 });
        useLectorCodigo((code) => this.addByCode(code));
    }

    get visibleProducts() {
        return this.productos.search(this.state.search);
    }

    addByCode(code) {
        const product = this.productos.byCode(code);
        if (product) {
            this.add(product);
        } else {
            this.notification.add(`Código desconocido: ${code}`, { type: "warning" });
        }
    }

    add(product) {
        this.venta.add(product, this.state.quantity);
        this.state.quantity = 1;
    }
}

registry.category("actions").add("pos_tienda.pantalla_venta", PantallaVenta);
