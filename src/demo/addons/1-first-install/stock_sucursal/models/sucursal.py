from odoo import fields, models


class TiendaSucursal(models.Model):
    _name = "tienda.sucursal"
    _description = "Branch"
    _order = "code"

    name = fields.Char(string="Name", required=True)
    code = fields.Char(string="Code", required=True, size=8)
    warehouse_id = fields.Many2one(
        "stock.warehouse",
        string="Warehouse",
        required=True,
        ondelete="restrict",
    )
    address = fields.Char(string="Address")
    phone = fields.Char(string="Phone")
    manager_id = fields.Many2one("res.users", string="Manager")
    opening_hour = fields.Float(string="Opening hour", default=9.0)
    closing_hour = fields.Float(string="Closing hour", default=19.0)
    active = fields.Boolean(string="Active", default=True)

    def name_get(self):
        return [(branch.id, "[%s] %s" % (branch.code, branch.name)) for branch in self]

    def is_open_at(self, moment):
        """Is the branch open at that local time? Hours may cross midnight."""
        self.ensure_one()
        hour = moment.hour + moment.minute / 60
        if self.opening_hour <= self.closing_hour:
            return self.opening_hour <= hour < self.closing_hour
        return hour >= self.opening_hour or hour < self.closing_hour
