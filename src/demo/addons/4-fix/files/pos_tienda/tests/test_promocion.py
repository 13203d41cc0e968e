from odoo.exceptions import ValidationError

from .common import TiendaCase


class TestPromocion(TiendaCase):
    def test_paying_for_more_than_taken_is_refused(self):
        promotion = self.env.ref("pos_tienda.promotion_3x2_galletas")
        with self.assertRaises(ValidationError):
            promotion.pay_for = 3

    def test_screen_knows_the_products(self):
        values = self.env["pos.tienda.promocion"].for_screen()
        self.assertTrue(any(v["productIds"] for v in values))

    def test_promotions_of_all_year_hold_in_every_season(self):
        names = {v["id"] for v in self.env["pos.tienda.promocion"].for_screen("christmas")}
        self.assertIn(self.env.ref("pos_tienda.promotion_cafe_10").id, names)
