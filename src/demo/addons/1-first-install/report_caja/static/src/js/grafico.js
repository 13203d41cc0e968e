/** @odoo-module **/
// Bars of the last fourteen days, drawn by hand: a chart library would be larger than the whole module.

import { Component } from "@odoo/owl";

const HEIGHT = 80;

export class GraficoVentas extends Component {
    static template = "report_caja.GraficoVentas";
    static props = { days: Array };

    get bars() {
        const top = Math.max(1, ...this.props.days.map((d) => d.total));
        return this.props.days.map((d, i) => {
            const height = Math.round((d.total / top) * HEIGHT);
            return { key: d.day, x: i * 12, y: HEIGHT - height, height, label: `${d.day}: ${d.total}` };
        });
    }
}
