"""Gives each paid sale of before one payment of its whole total."""


def migrate(cr, version):
    cr.execute(
        """
        INSERT INTO pos_tienda_pago (sale_id, method, amount)
        SELECT v.id, v.payment_method, v.total
          FROM pos_tienda_venta v
         WHERE v.state = 'paid'
           AND NOT EXISTS (SELECT 1 FROM pos_tienda_pago p WHERE p.sale_id = v.id)
        """
    )
