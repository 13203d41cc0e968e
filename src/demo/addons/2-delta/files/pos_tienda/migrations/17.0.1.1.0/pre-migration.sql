-- Sales made before had one payment, and it was cash.
ALTER TABLE pos_tienda_venta ADD COLUMN payment_method varchar NOT NULL DEFAULT 'cash';
