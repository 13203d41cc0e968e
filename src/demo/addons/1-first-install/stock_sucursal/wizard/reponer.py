from odoo import _, fields, models
from odoo.exceptions import UserError


class TiendaReponer(models.TransientModel):
    _name = "tienda.reponer"
    _description = "Replenish a branch"

    origin_id = fields.Many2one("tienda.sucursal", string="Origin", required=True)
    destination_id = fields.Many2one(
        "tienda.sucursal",
        string="Destination",
        required=True,
    )
    only_missing = fields.Boolean(string="Only what is below the minimum", default=True)

    def action_create(self):
        """One draft transfer with a line for each product that the destination lacks."""
        self.ensure_one()
        rules = self.env["tienda.existencia.minima"].search([("branch_id", "=", self.destination_id.id)])
        if self.only_missing:
            rules = rules.filtered("missing")
        if not rules:
            raise UserError(_("Nothing is below its minimum in %s.") % self.destination_id.name)
        return self.env["tienda.traslado"].create(
            {
                "origin_id": self.origin_id.id,
                "destination_id": self.destination_id.id,
                "line_ids": [
                    (0, 0, {"product_id": r.product_id.id, "quantity": r.missing or r.minimum})
                    for r in rules
                ],
            }
        )
