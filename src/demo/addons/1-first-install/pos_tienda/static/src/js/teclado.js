/** @odoo-module **/
// A keypad for touch screens. Calls onValue with the number when Enter is pressed.

import { Component, useState } from "@odoo/owl";

const KEYS = ["7", "8", "9", "4", "5", "6", "1", "2", "3", "C", "0", "OK"];

export class Teclado extends Component {
    static template = "pos_tienda.Teclado";
    static props = { onValue: Function };

    setup() {
        this.keys = KEYS;
        this.state = useState({ digits: "" });
    }

    press(key) {
        if (key === "C") {
            this.state.digits = "";
        } else if (key === "OK") {
            this.props.onValue(Number(this.state.digits || 1));
            this.state.digits = "";
        } else if (this.state.digits.length < 6) {
            this.state.digits += key;
        }
    }
}
