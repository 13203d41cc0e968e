from odoo import _, api, fields, models
from odoo.exceptions import ValidationError


class TiendaImpuesto(models.Model):
    _name = "tienda.impuesto"
    _description = "Tax rate"
    _order = "country_id, sequence"

    name = fields.Char(string="Name", required=True, translate=True)
    sequence = fields.Integer(string="Sequence", default=10)
    rate = fields.Float(string="Rate (%)", digits=(6, 2), required=True)
    kind = fields.Selection(
        [("vat", "Value added tax"), ("excise", "Excise"), ("exempt", "Exempt")],
        string="Kind",
        default="vat",
        required=True,
    )
    price_include = fields.Boolean(string="Included in the price", default=True)
    country_id = fields.Many2one(
        "res.country",
        string="Country",
        required=True,
        index=True,
    )
    active = fields.Boolean(string="Active", default=True)
    valid_from = fields.Date(string="Valid from")
    valid_until = fields.Date(string="Valid until")

    @api.constrains("rate")
    def _check_rate(self):
        for tax in self:
            if tax.rate < 0:
                raise ValidationError(_("A tax rate cannot be negative."))

    @api.constrains("valid_from", "valid_until")
    def _check_validity(self):
        for tax in self:
            if tax.valid_from and tax.valid_until and tax.valid_until < tax.valid_from:
                raise ValidationError(_("The validity ends before it starts."))

    def is_valid_on(self, day):
        """Is this rate in force on that day? Open ends are always in force."""
        self.ensure_one()
        return (not self.valid_from or self.valid_from <= day) and (
            not self.valid_until or day <= self.valid_until
        )

    def split(self, price):
        """The (net, tax) parts of a price, whether it includes the tax or not."""
        self.ensure_one()
        if self.price_include:
            net = price / (1 + self.rate / 100)
            return net, price - net
        return price, price * self.rate / 100
