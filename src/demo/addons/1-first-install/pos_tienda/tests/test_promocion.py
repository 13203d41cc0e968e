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
