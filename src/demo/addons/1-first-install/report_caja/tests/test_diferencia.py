from odoo.exceptions import UserError
from odoo.tests.common import TransactionCase


class TestDiferencia(TransactionCase):
    def test_missing_cash_leaves_an_open_difference(self):
        session = self.env.ref("pos_tienda.register_1").action_open_session()
        session.opening_cash = 100
        session.counted_cash = 95
        session.action_close()
        self.assertEqual(session.difference_ids.amount, -5)
        self.assertEqual(session.difference_ids.direction, "short")

    def test_difference_without_explanation_stays_open(self):
        session = self.env.ref("pos_tienda.register_1").action_open_session()
        difference = self.env["tienda.reporte.diferencia"].create({"session_id": session.id, "amount": 3})
        with self.assertRaises(UserError):
            difference.action_explain()
