import re

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

COLOUR = re.compile(r"^#[0-9a-f]{6}$")


class TiendaApariencia(models.Model):
    _name = "tienda.apariencia"
    _description = "Shop appearance"

    name = fields.Char(string="Name", required=True)
    company_id = fields.Many2one("res.company", string="Company", required=True)
    main = fields.Char(string="Main colour", default="#1a5f7a")
    accent = fields.Char(string="Accent colour", default="#b3620a")
    large = fields.Boolean(string="Large touch targets", default=True)
    contrast = fields.Boolean(string="High contrast")

    @api.constrains("main", "accent")
    def _check_colours(self):
        for look in self:
            for colour in (look.main, look.accent):
                if not COLOUR.match(colour or ""):
                    raise ValidationError(_("%s is not a colour like #1a5f7a.") % colour)

    def css(self):
        """Custom properties for the page."""
        self.ensure_one()
        size = "3.5rem" if self.large else "2.5rem"
        return ":root{--tienda-main:%s;--tienda-accent:%s;--tienda-target:%s}" % (self.main, self.accent, size)
