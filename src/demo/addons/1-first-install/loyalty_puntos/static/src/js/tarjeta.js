/** @odoo-module **/
// Recognizes a loyalty card among the codes that the reader delivers: 12 digits that start with 29.

const CARD = /^29\d{10}$/;

export const isCard = (code) => CARD.test(code);

export async function findCard(orm, code) {
    const [card] = await orm.searchRead("tienda.puntos.tarjeta", [["name", "=", code]], ["partner_id", "points"]);
    return card ?? null;
}
