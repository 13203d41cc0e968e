import socket

from odoo import fields, models


class TiendaEtiquetaCola(models.Model):
    _name = "tienda.etiqueta.cola"
    _description = "Label queue"
    _order = "id"

    product_id = fields.Many2one(
        "product.product",
        string="Product",
        required=True,
        ondelete="cascade",
    )
    format_id = fields.Many2one(
        "tienda.etiqueta.formato",
        string="Format",
        required=True,
    )
    copies = fields.Integer(string="Copies", default=1)
    printer = fields.Char(string="Printer")
    error = fields.Char(string="Error", readonly=True)
    state = fields.Selection(
        [("waiting", "Waiting"), ("printed", "Printed"), ("failed", "Failed")],
        string="Status",
        default="waiting",
    )

    def action_print(self):
        """Sends what waits to the printers; what fails stays with its error and can be sent again."""
        for label in self.filtered(lambda l: l.state != "printed"):
            text = label.format_id.render(label.product_id, label.product_id.lst_price)
            try:
                self._send(label.printer, text * label.copies)
            except OSError as error:
                label.write({"state": "failed", "error": str(error)})
            else:
                label.write({"state": "printed", "error": False})

    @staticmethod
    def _send(printer, text):
        host, _sep, port = (printer or "127.0.0.1:9100").partition(":")
        with socket.create_connection((host, int(port or 9100)), timeout=5) as connection:
            connection.sendall(text.encode("cp850", "replace"))
