/** @odoo-module **/
// An icon by name: <Icono name="venta/carrito"/>.

import { Component } from "@odoo/owl";

export class Icono extends Component {
    static template = "web_tema_tienda.Icono";
    static props = { name: String, label: { type: String, optional: true } };

    get style() {
        return `--icono: url(/web_tema_tienda/static/src/icons/${this.props.name}.svg)`;
    }
}
