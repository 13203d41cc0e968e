from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResPartner(models.Model):
    _inherit = "res.partner"

    tienda_document_type_id = fields.Many2one(
        "tienda.tipo.documento",
        string="Document type",
    )
    tienda_document_number = fields.Char(string="Document number", index=True)

    @api.constrains("tienda_document_type_id", "tienda_document_number")
    def _check_tienda_document(self):
        for partner in self.filtered("tienda_document_number"):
            kind = partner.tienda_document_type_id
            problem = kind and kind.problem_of(partner.tienda_document_number)
            if problem:
                raise ValidationError(problem)
