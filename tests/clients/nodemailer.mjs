// SPDX-License-Identifier: Apache-2.0
//
// Sends mails with nodemailer, as an application does:
//
//   node nodemailer.mjs PORT ADDRESS SUBJECT OCTETS [USER PASSWORD]
//
// Two mails from ADDRESS to itself, to several recipients, the second with an attachment of so many
// octets (each 'm'): each over a connection of its own, then both again over a pool's one. It
// prints how often it was told that a mail was taken, and then lives until its standard input
// ends, as a server would, with whatever nodemailer has not closed.

import nodemailer from 'nodemailer';

const [port, address, subject, octets, user, pass] = process.argv.slice(2);
const mails = [
	{ text: 'Hello.\n.\n..dots\n' },
	{ text: 'Hällo\n', attachments: [{ filename: 'ä.bin', content: Buffer.alloc(+octets, 'm') }] },
];
let taken = 0;

for (const options of [{}, { pool: true, maxConnections: 1 }]) {
	const auth = user ? { user, pass } : undefined;
	const transport = nodemailer.createTransport({ host: '127.0.0.1', port: +port, auth, ...options });
	await transport.verify();
	for (const mail of mails) {
		const sent = await transport.sendMail({
			from: address, to: [address, `"Ä" <${address}>`], cc: address, subject, ...mail,
		});
		taken += sent.response.startsWith('250 ') && sent.rejected.length === 0;
	}
	transport.close();
}
console.log(taken);
process.stdin.resume().on('end', () => process.exit(0));
