-- SPDX-License-Identifier: Apache-2.0
-- As much of Odoo's tables as the tests' statements touch.
CREATE TABLE sale_order (id serial PRIMARY KEY, name text, state text, partner_id int, date_order timestamp, write_date timestamp);
CREATE TABLE stock_location (id serial PRIMARY KEY, name text);
CREATE TABLE stock_quant (id serial PRIMARY KEY, product_id int, location_id int, quantity numeric);
CREATE TABLE stock_move (id serial PRIMARY KEY, name text, product_id int, state text);
CREATE TABLE delivery_carrier (id serial PRIMARY KEY, name text, active boolean);
CREATE TABLE stock_picking_batch (id serial PRIMARY KEY, name text, state text);
CREATE TABLE account_move (id serial PRIMARY KEY, name text, invoice_origin text, partner_id int);
CREATE TABLE account_move_line (id serial PRIMARY KEY, move_id int, name text);
