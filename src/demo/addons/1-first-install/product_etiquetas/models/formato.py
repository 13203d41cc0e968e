from string import Template

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError


class TiendaEtiquetaFormato(models.Model):
    _name = "tienda.etiqueta.formato"
    _description = "Label format"

    name = fields.Char(string="Name", required=True)
    language = fields.Selection(
        [("zpl", "ZPL"), ("epl", "EPL")],
        string="Printer language",
        default="zpl",
        required=True,
    )
    width = fields.Float(string="Width (mm)", default=50.0)
    height = fields.Float(string="Height (mm)", default=30.0)
    dots = fields.Integer(string="Dots per mm", default=8)
    show_price = fields.Boolean(string="Show the price", default=True)
    show_unit_price = fields.Boolean(string="Show the price per unit")
    template = fields.Text(string="Template", required=True)

    @api.constrains("width", "height")
    def _check_size(self):
        if any(label.width < 10 or label.height < 10 for label in self):
            raise ValidationError(_("A label must be at least 10 mm wide and high."))

    def render(self, product, price):
        """The text for the printer: ${name}, ${code}, ${price}, ${width} and ${height} are filled in."""
        self.ensure_one()
        values = {
            "name": product.display_name[:32],
            "code": product.barcode or product.default_code or "",
            "price": "%.2f" % price if self.show_price else "",
            "width": round(self.width * self.dots),
            "height": round(self.height * self.dots),
        }
        try:
            return Template(self.template).substitute(values)
        except KeyError as error:
            raise ValidationError(
                _("The template of %s has an unknown field: %s.") % (self.name, error.args[0])
            ) from error
