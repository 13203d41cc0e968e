/** @odoo-module **/
// A preview of a label in its form view, in real proportions.

import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { bars } from "./ean13";

export class VistaPrevia extends Component {
    static template = "product_etiquetas.VistaPrevia";
    static props = ["*"];

    get style() {
        const { width, height } = this.props.record.data;
        return `width: ${width}mm; height: ${height}mm`;
    }

    get modules() {
        return [...(bars("7750001000017") ?? "")].map((bit, x) => ({ x, on: bit === "1" }));
    }
}

registry.category("view_widgets").add("tienda_etiqueta", { component: VistaPrevia });
