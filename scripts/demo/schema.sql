-- SPDX-License-Identifier: Apache-2.0
-- A small part of Odoo's tables, with rows to work on.
CREATE TABLE res_partner (id serial PRIMARY KEY, name text, city text);
CREATE TABLE product_product (id serial PRIMARY KEY, default_code text, list_price numeric);
CREATE TABLE sale_order (id serial PRIMARY KEY, name text, state text, partner_id int, amount_total numeric,
	date_order timestamp DEFAULT now(), write_date timestamp);
CREATE TABLE sale_order_line (id serial PRIMARY KEY, order_id int, product_id int, product_uom_qty numeric,
	price_unit numeric);
CREATE TABLE stock_location (id serial PRIMARY KEY, complete_name text);
CREATE TABLE stock_quant (id serial PRIMARY KEY, product_id int, location_id int, quantity numeric,
	reserved_quantity numeric DEFAULT 0);
CREATE TABLE stock_picking (id serial PRIMARY KEY, name text, state text, origin text, partner_id int);
CREATE TABLE stock_move (id serial PRIMARY KEY, picking_id int, product_id int, product_uom_qty numeric, state text);
CREATE TABLE delivery_carrier (id serial PRIMARY KEY, name text, active boolean DEFAULT true);
CREATE TABLE stock_picking_batch (id serial PRIMARY KEY, name text, state text);
CREATE TABLE account_move (id serial PRIMARY KEY, name text, state text, invoice_origin text, partner_id int,
	amount_total numeric);
CREATE TABLE account_move_line (id serial PRIMARY KEY, move_id int, product_id int, debit numeric, credit numeric);
CREATE TABLE mail_message (id serial PRIMARY KEY, model text, res_id int, body text);

INSERT INTO res_partner (name, city) SELECT 'Partner ' || i, 'City ' || i % 50 FROM generate_series(1, 500) i;
INSERT INTO product_product (default_code, list_price) SELECT 'SKU' || i, i % 90 + 1 FROM generate_series(1, 500) i;
INSERT INTO stock_location (complete_name) SELECT 'WH/Stock/' || i FROM generate_series(1, 20) i;
INSERT INTO stock_quant (product_id, location_id, quantity)
	SELECT i % 500 + 1, i % 20 + 1, 100 FROM generate_series(1, 2000) i;
INSERT INTO delivery_carrier (name) VALUES ('Standard'), ('Express');
INSERT INTO stock_picking_batch (name, state) SELECT 'BATCH/' || i, 'draft' FROM generate_series(1, 50) i;
INSERT INTO account_move (name, state, partner_id, amount_total)
	SELECT 'INV/' || i, 'posted', i % 500 + 1, i FROM generate_series(1, 3000) i;
INSERT INTO account_move_line (move_id, product_id, debit, credit)
	SELECT i % 3000 + 1, i % 500 + 1, i % 70, 0 FROM generate_series(1, 20000) i;
CREATE INDEX ON stock_quant (product_id);
CREATE INDEX ON account_move_line (move_id);
ANALYZE;
