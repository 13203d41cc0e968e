from odoo.exceptions import ValidationError
from odoo.tests.common import TransactionCase


class TestFormato(TransactionCase):
    def test_template_is_filled_in(self):
        product = self.env["product.product"].create({"name": "Arroz", "barcode": "7750001000017"})
        text = self.env.ref("product_etiquetas.format_gondola_50x30").render(product, 4.8)
        self.assertIn("4.80", text)
        self.assertIn("7750001000017", text)

    def test_unknown_field_is_refused(self):
        label = self.env.ref("product_etiquetas.format_producto_40x20")
        label.template = "${colour}"
        with self.assertRaises(ValidationError):
            label.render(self.env["product.product"].create({"name": "Arroz"}), 1)
