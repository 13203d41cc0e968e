from odoo.exceptions import UserError

from .common import TiendaCase


class TestPago(TiendaCase):
    def test_sale_is_not_paid_by_half(self):
        sale = self.sale(price=10.0, payment_ids=[(0, 0, {"amount": 5.0})])
        with self.assertRaises(UserError):
            sale.action_pay()

    def test_two_methods_together_pay(self):
        halves = [(0, 0, {"amount": 5.0, "method": method}) for method in ("cash", "card")]
        sale = self.sale(price=10.0, payment_ids=halves)
        sale.action_pay()
        self.assertEqual(self.session.expected_cash, 5.0)
