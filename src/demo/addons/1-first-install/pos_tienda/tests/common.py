from odoo.tests.common import TransactionCase


class TiendaCase(TransactionCase):
    def setUp(self):
        super().setUp()
        self.register = self.env.ref("pos_tienda.register_1")
        self.session = self.register.action_open_session()
        self.product = self.env.ref("pos_tienda.product_arroz_1kg").product_variant_id

    def sale(self, quantity=1, price=5.0, **values):
        line = (0, 0, {"product_id": self.product.id, "quantity": quantity, "price": price})
        return self.env["pos.tienda.venta"].create(
            {"session_id": self.session.id, "line_ids": [line], **values}
        )
