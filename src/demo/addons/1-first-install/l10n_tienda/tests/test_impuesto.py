from odoo.exceptions import ValidationError
from odoo.tests.common import TransactionCase


class TestImpuesto(TransactionCase):
    def test_included_tax_is_taken_out_of_the_price(self):
        tax = self.env.ref("l10n_tienda.tax_pe_igv_18")
        net, part = tax.split(118.0)
        self.assertAlmostEqual(net, 100.0)
        self.assertAlmostEqual(part, 18.0)

    def test_negative_rate_is_refused(self):
        with self.assertRaises(ValidationError):
            self.env.ref("l10n_tienda.tax_pe_igv_18").rate = -1
