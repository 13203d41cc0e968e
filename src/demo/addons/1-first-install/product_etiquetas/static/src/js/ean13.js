/** @odoo-module **/
// EAN-13: check digit and bars, for the preview on the screen.

const LEFT_ODD = ["0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011"];
const PARITY = ["LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"];

const invert = (bits) => [...bits].map((bit) => (bit === "0" ? "1" : "0")).join("");
const reverse = (bits) => [...bits].reverse().join("");

export function checkDigit(twelve) {
    const sum = [...twelve].reduce((total, digit, i) => total + Number(digit) * (i % 2 ? 3 : 1), 0);
    return (10 - (sum % 10)) % 10;
}

/** The 95 modules of a code as a string of 0 and 1, or null when it is not an EAN-13. */
export function bars(code) {
    if (!/^\d{13}$/.test(code) || checkDigit(code.slice(0, 12)) !== Number(code[12])) {
        return null;
    }
    const parity = PARITY[Number(code[0])];
    const left = [...code.slice(1, 7)].map((digit, i) => {
        const odd = LEFT_ODD[Number(digit)];
        return parity[i] === "L" ? odd : reverse(invert(odd));
    });
    const right = [...code.slice(7)].map((digit) => invert(LEFT_ODD[Number(digit)]));
    return `101${left.join("")}01010${right.join("")}101`;
}
