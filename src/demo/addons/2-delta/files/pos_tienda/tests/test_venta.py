from odoo.exceptions import UserError

from .common import TiendaCase


class TestVenta(TiendaCase):
    def test_total_is_the_sum_of_the_lines(self):
        self.assertEqual(self.sale(quantity=3, price=2.5).total, 7.5)

    def test_paid_sale_gets_a_number_of_its_register(self):
        sale = self.sale(quantity=2, payment_ids=[(0, 0, {"amount": 10.0})])
        sale.action_pay()
        self.assertTrue(sale.name.startswith("C1-"))

    def test_session_with_unpaid_sales_stays_open(self):
        self.sale()
        with self.assertRaises(UserError):
            self.session.action_close()

    def test_second_session_of_a_register_is_refused(self):
        with self.assertRaises(UserError):
            self.register.action_open_session()
