"""Adds the season to sales. The statement stands in the file beside this one."""
from pathlib import Path


def migrate(cr, version):
    cr.execute(Path(__file__).with_suffix(".sql").read_text())
