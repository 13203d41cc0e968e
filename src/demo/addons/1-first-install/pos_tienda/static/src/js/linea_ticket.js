/** @odoo-module **/
// One line of the ticket on the screen.

import { Component } from "@odoo/owl";
import { formatMonetary } from "@web/views/fields/formatters";

export class LineaTicket extends Component {
    static template = "pos_tienda.LineaTicket";
    static props = { line: Object, onRemove: Function };

    get price() {
        const { product, quantity, discount } = this.props.line;
        return formatMonetary(product.price * quantity * (1 - discount / 100));
    }
}
