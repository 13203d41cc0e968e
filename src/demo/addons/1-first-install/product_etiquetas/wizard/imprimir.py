from odoo import fields, models


class TiendaEtiquetaImprimir(models.TransientModel):
    _name = "tienda.etiqueta.imprimir"
    _description = "Print labels"

    product_ids = fields.Many2many("product.product", string="Products")
    format_id = fields.Many2one(
        "tienda.etiqueta.formato",
        string="Format",
        required=True,
    )
    copies = fields.Integer(string="Copies", default=1)
    printer = fields.Char(string="Printer")

    def action_print(self):
        self.ensure_one()
        queue = self.env["tienda.etiqueta.cola"].create(
            [
                {
                    "product_id": product.id,
                    "format_id": self.format_id.id,
                    "copies": self.copies,
                    "printer": self.printer,
                }
                for product in self.product_ids
            ]
        )
        queue.action_print()
        return {"type": "ir.actions.act_window_close"}
