from odoo.exceptions import ValidationError
from odoo.tests.common import TransactionCase


class TestApariencia(TransactionCase):
    def test_colour_without_hash_is_refused(self):
        with self.assertRaises(ValidationError):
            self.env.ref("web_tema_tienda.default_look").main = "1a5f7a"

    def test_large_targets_reach_the_page(self):
        look = self.env.ref("web_tema_tienda.default_look")
        self.assertIn("3.5rem", look.css())
