// SPDX-License-Identifier: Apache-2.0
// A session through node's pg: simple, bound and prepared queries, errors, a transaction. Prints "SQLSTATE count".
//
// pg_node.js HOST PORT DATABASE
const { Client } = require("pg");

async function main(host, port, database) {
	const client = new Client({ host, port: Number(port), database, user: "postgres" });
	const states = {};
	const fails = (query, values) =>
		client.query(query, values).then(
			() => process.exit(1),
			(error) => (states[error.code] = (states[error.code] || 0) + 1),
		);

	await client.connect();
	await client.query("CREATE TABLE stock (id int PRIMARY KEY, n int)");
	for (let i = 0; i < 20; i++) {
		await client.query("INSERT INTO stock VALUES ($1, $2)", [i, i]);
		await client.query({ name: "one", text: "SELECT n FROM stock WHERE id = $1", values: [i] });
	}
	for (let i = 0; i < 3; i++) await fails("SELECT 1 / $1::int", [0]);
	await fails("SELEC 1");
	await fails("INSERT INTO stock VALUES ($1, $2)", [1, 1]);
	await client.query("BEGIN");
	await client.query("UPDATE stock SET n = 1");
	await client.query("ROLLBACK");
	await Promise.all([1, 2, 3].map((i) => client.query("DELETE FROM stock WHERE id = $1", [i])));
	await client.end();
	for (const state in states) console.log(state, states[state]);
}

main(...process.argv.slice(2));
