from odoo import _, api, fields, models
from odoo.exceptions import ValidationError


class PosTiendaPromocion(models.Model):
    _name = "pos.tienda.promocion"
    _description = "Promotion"

    name = fields.Char(string="Name", required=True, translate=True)
    kind = fields.Selection(
        [("bundle", "Buy some pay less"), ("percent", "Percentage")],
        string="Kind",
        default="bundle",
        required=True,
    )
    take = fields.Integer(string="Take", default=3)
    pay_for = fields.Integer(string="Pay for", default=2)
    percent = fields.Float(string="Percentage")
    tax_id = fields.Many2one("tienda.impuesto", string="Tax")
    season = fields.Selection(
        [("all", "All year"), ("christmas", "Christmas"), ("school", "Back to school")],
        string="Season",
        default="all",
    )
    product_ids = fields.Many2many("product.product", string="Products")
    active = fields.Boolean(string="Active", default=True)

    @api.constrains("take", "pay_for")
    def _check_bundle(self):
        for promotion in self.filtered(lambda p: p.kind == "bundle"):
            if promotion.pay_for >= promotion.take:
                raise ValidationError(
                    _("Who takes %s cannot pay for %s.") % (promotion.take, promotion.pay_for)
                )

    @api.model
    def for_screen(self, season=None):
        """The promotions in the form that the screen of the till works with."""
        domain = [("season", "in", ["all", season])] if season else []
        return [p._screen_values() for p in self.search(domain)]

    def _screen_values(self):
        self.ensure_one()
        return {
            "id": self.id,
            "kind": self.kind,
            "take": self.take,
            "payFor": self.pay_for,
            "percent": self.percent,
            "productIds": self.product_ids.ids,
        }
