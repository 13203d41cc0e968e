from odoo.tests.common import BaseCase

from ..tools import digits


class TestDigits(BaseCase):
    def test_mod11_of_a_ruc(self):
        self.assertTrue(digits.is_valid("mod11", "20100070970"))
        self.assertFalse(digits.is_valid("mod11", "20100070971"))

    def test_mod10_of_a_cedula(self):
        self.assertTrue(digits.is_valid("mod10", "79927398713"))

    def test_letters_are_refused(self):
        self.assertFalse(digits.is_valid("mod11", "2010A070970"))
