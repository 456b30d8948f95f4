// SPDX-License-Identifier: Apache-2.0
//
// Uses a mailbox with imapflow, as an application does:
//
//   node imapflow.mjs PORT FOLDER SUBJECT
//
// Puts the mail from its standard input, whose subject it is, into a new folder; finds, reads,
// flags and moves it; prints "idling" and waits for another one to come to the INBOX; deletes
// both, and prints "done". Anything else is an error.

import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import { ImapFlow } from 'imapflow';

const [port, folder, subject] = process.argv.slice(2);
const mail = readFileSync(0);
const client = new ImapFlow({
	host: '127.0.0.1', port: +port, secure: false, logger: false,
	auth: { user: 'whoever', pass: 'what "ever\\é' },
});

await client.connect();
await client.mailboxCreate(folder);
assert((await client.list()).some((entry) => entry.path === folder));
await client.append(folder, mail, ['\\Seen']);

let lock = await client.getMailboxLock(folder);
const [uid] = await client.search({ subject }, { uid: true });
const { source, flags } = await client.fetchOne(uid, { source: true, flags: true }, { uid: true });
assert(mail.equals(source) && flags.has('\\Seen'));
await client.messageFlagsAdd(uid, ['\\Flagged'], { uid: true });
await client.messageMove(uid, 'INBOX', { uid: true });
assert.equal(client.mailbox.exists, 0);
lock.release();

lock = await client.getMailboxLock('INBOX');
assert((await client.fetchOne('1', { flags: true })).flags.has('\\Flagged'));
const arrival = new Promise((resolve) => client.once('exists', resolve));
client.idle();
console.log('idling');
assert.equal((await arrival).count, 2);
await client.messageDelete('1:*');
assert.equal((await client.status('INBOX', { messages: true })).messages, 0);
lock.release();
await client.mailboxDelete(folder);
await client.logout();
console.log('done');
