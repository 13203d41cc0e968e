from odoo.exceptions import UserError, ValidationError
from odoo.tests.common import TransactionCase


class TestTraslado(TransactionCase):
    def setUp(self):
        super().setUp()
        warehouse = self.env["stock.warehouse"].search([], limit=1)
        branches = self.env["tienda.sucursal"].create(
            [{"name": n, "code": n[:3], "warehouse_id": warehouse.id} for n in ("Norte", "Sur")]
        )
        self.norte, self.sur = branches
        self.product = self.env["product.product"].create({"name": "Arroz 1 kg"})

    def transfer(self, **values):
        base = {"origin_id": self.norte.id, "destination_id": self.sur.id}
        return self.env["tienda.traslado"].create({**base, **values})

    def test_same_place_is_refused(self):
        with self.assertRaises(ValidationError):
            self.transfer(destination_id=self.norte.id)

    def test_empty_transfer_cannot_be_sent(self):
        with self.assertRaises(UserError):
            self.transfer().action_send()

    def test_what_is_missing_stays_visible(self):
        line = (0, 0, {"product_id": self.product.id, "quantity": 10})
        transfer = self.transfer(line_ids=[line])
        transfer.action_send()
        transfer.line_ids.received_quantity = 8
        transfer.action_receive()
        self.assertEqual(transfer.line_ids.difference, -2)
