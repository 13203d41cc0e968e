from odoo import fields
from odoo.exceptions import UserError
from odoo.tests.common import TransactionCase


class TestPuntos(TransactionCase):
    def setUp(self):
        super().setUp()
        self.program = self.env.ref("loyalty_puntos.program_vecinos")
        partner = self.env["res.partner"].create({"name": "Rosa"})
        self.card = self.env["tienda.puntos.tarjeta"].create(
            {"name": "290000000001", "partner_id": partner.id, "program_id": self.program.id}
        )

    def give(self, points, **values):
        self.env["tienda.puntos.movimiento"].create(
            {"card_id": self.card.id, "kind": "earned", "points": points, **values}
        )

    def test_fractions_give_no_points(self):
        self.assertEqual(self.program.points_for(9.99), 9)

    def test_reward_that_costs_too_much_is_refused(self):
        self.give(100)
        with self.assertRaises(UserError):
            self.card.redeem(self.env.ref("loyalty_puntos.reward_cafe"))

    def test_points_that_expire_today_still_count(self):
        self.give(150, expires_on=fields.Date.today())
        self.assertEqual(self.card.points, 150)
