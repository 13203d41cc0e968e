/** @odoo-module **/
// The keypad of the old screens without touch: listens to the number block only.

const NUMBER_KEY = /^Numpad(\d)$/;

export function listenToNumberBlock(onDigit) {
    const listener = (event) => {
        const match = NUMBER_KEY.exec(event.code);
        if (match) {
            onDigit(match[1]);
            event.preventDefault();
        }
    };
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
}
