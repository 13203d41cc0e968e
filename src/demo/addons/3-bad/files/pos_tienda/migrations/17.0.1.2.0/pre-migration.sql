-- Sales remember the season whose promotions were in force.
ALTER TABLE pos_tienda_venta ADD COLUMN season varchar NOT NULL DEFAULT 'all';
