// SPDX-License-Identifier: Apache-2.0
//
// What Java applications do with JavaMail, or with Jakarta Mail under its other package names:
//
//   java JavaMail SMTP-PORT IMAP-PORT POP3-PORT ADDRESS OCTETS USER PASSWORD MECHANISM
//
// There are two mails, the first of so many octets below its headers. It reads them by IMAP and
// by POP3, deletes them, and sends two while it waits for one in IDLE. Without a user it sends
// without a login (mail.smtp.auth=false), though JavaMail's stores always make one. A MECHANISM
// of "" leaves the choice to it. Any failure is an exception.

import com.sun.mail.imap.IMAPFolder;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Properties;
import javax.activation.DataHandler;
import javax.mail.*;
import javax.mail.event.MessageCountAdapter;
import javax.mail.event.MessageCountEvent;
import javax.mail.internet.*;
import javax.mail.search.SubjectTerm;
import javax.mail.util.ByteArrayDataSource;

public class JavaMail {
	static final String HOST = "127.0.0.1", FOLDER = "Grüße";
	static final int LARGE = 5 << 20;
	static String address, user, password, mechanism;
	static int smtp, imap, pop3;

	static void require(boolean right, String what) {
		if (!right)
			throw new IllegalStateException(what);
	}

	static Session session(String protocol, int port) {
		Properties properties = new Properties();
		String prefix = "mail." + protocol + ".";

		properties.put(prefix + "host", HOST);
		properties.put(prefix + "port", "" + port);
		properties.put(prefix + "starttls.enable", "true");
		properties.put(prefix + "auth", "" + !user.isEmpty());
		if (!mechanism.isEmpty())
			properties.put(prefix + "auth.mechanisms", mechanism);
		return Session.getInstance(properties);
	}

	static MimeMessage letter(Session session, String subject, int size) throws Exception {
		MimeMessage letter = new MimeMessage(session);
		MimeMultipart parts = new MimeMultipart();
		MimeBodyPart text = new MimeBodyPart(), data = new MimeBodyPart();

		letter.setFrom(new InternetAddress(address));
		letter.setRecipients(Message.RecipientType.TO, address + ", " + address);
		letter.setSubject(subject, "utf-8");
		text.setText("Hällo.\r\n.\r\n..dots\r\n", "utf-8");
		data.setDataHandler(new DataHandler(
			new ByteArrayDataSource(new byte[size], "application/octet-stream")));
		data.setFileName("ä.bin");
		parts.addBodyPart(text);
		parts.addBodyPart(data);
		letter.setContent(parts);
		letter.saveChanges();
		return letter;
	}

	// Two mails over one connection, the first of them large.
	static void send() throws Exception {
		Session session = session("smtp", smtp);
		Transport transport = session.getTransport("smtp");

		if (user.isEmpty())
			transport.connect();
		else
			transport.connect(user, password);
		for (int size : new int[] {LARGE, 1}) {
			MimeMessage letter = letter(session, "Grüße " + "lang ".repeat(200), size);

			transport.sendMessage(letter, letter.getAllRecipients());
		}
		transport.close();
	}

	static Store connect(String protocol, int port) throws Exception {
		Store store = session(protocol, port).getStore(protocol);

		store.connect(HOST, port, user.isEmpty() ? "nobody" : user,
			password.isEmpty() ? "nothing" : password);
		return store;
	}

	// As it is read, to its end.
	static long size(Message message) throws Exception {
		try (InputStream in = message.getInputStream()) {
			return in.transferTo(OutputStream.nullOutputStream());
		}
	}

	static void work(Store store, IMAPFolder inbox, int count, long size) throws Exception {
		Folder folder = store.getDefaultFolder().getFolder(FOLDER);
		Message[] all, found;

		require(folder.create(Folder.HOLDS_MESSAGES), "no folder made");
		inbox.open(Folder.READ_WRITE);
		all = inbox.getMessages();
		require(all.length == count, all.length + " mails in the INBOX");
		inbox.fetch(all, new FetchProfile() {{
			add(FetchProfile.Item.ENVELOPE);
			add(FetchProfile.Item.CONTENT_INFO);
		}});
		require(size(all[0]) == size, "the mail has another size");
		inbox.appendMessages(new Message[] {letter(session("imap", imap), "findme", 1)});
		found = inbox.search(new SubjectTerm("findme"));
		require(found.length == 1, "what was appended is not found");
		inbox.moveUIDMessages(found, folder);
		folder.open(Folder.READ_WRITE);
		require(folder.getMessageCount() == 1, "what was moved is not there");
		folder.setFlags(1, 1, new Flags(Flags.Flag.DELETED), true);
		folder.close(true);
		require(folder.delete(false), "the folder stays");
	}

	static void idle(IMAPFolder inbox) throws Exception {
		boolean[] come = {false};
		Thread sender;

		inbox.addMessageCountListener(new MessageCountAdapter() {
			@Override
			public void messagesAdded(MessageCountEvent event) {
				come[0] = true;
			}
		});
		sender = new Thread(() -> {
			try {
				Thread.sleep(500);
				send();
			} catch (Exception e) {
				throw new IllegalStateException(e);
			}
		});
		sender.start();
		while (!come[0])
			inbox.idle(true);
		sender.join();
	}

	static void readByImap(int count, long size) throws Exception {
		Store store = connect("imap", imap);
		IMAPFolder inbox = (IMAPFolder) store.getFolder("INBOX");

		work(store, inbox, count, size);
		inbox.close(false);
		store.close();
	}

	static void sendAndWait() throws Exception {
		Store store = connect("imap", imap);
		IMAPFolder inbox = (IMAPFolder) store.getFolder("INBOX");

		inbox.open(Folder.READ_ONLY);
		idle(inbox);
		inbox.close(false);
		store.close();
	}

	static void readByPop3(int count, long size) throws Exception {
		Store store = connect("pop3", pop3);
		Folder inbox = store.getFolder("INBOX");
		Message[] all;

		inbox.open(Folder.READ_WRITE);
		all = inbox.getMessages();
		require(all.length == count, all.length + " mails in the maildrop");
		require(size(all[0]) == size, "the mail has another size");
		for (Message one : all)
			one.setFlag(Flags.Flag.DELETED, true);
		inbox.close(true);
		store.close();
	}

	public static void main(String[] words) throws Exception {
		smtp = Integer.parseInt(words[0]);
		imap = Integer.parseInt(words[1]);
		pop3 = Integer.parseInt(words[2]);
		address = words[3];
		long size = Long.parseLong(words[4]);
		user = words[5];
		password = words[6];
		mechanism = words[7];
		readByImap(2, size);
		readByPop3(2, size);
		sendAndWait();
		System.exit(0);
	}
}
