<?php
// SPDX-License-Identifier: Apache-2.0
//
// PHPMailer, and PHP's extension for mailboxes, which is UW's c-client:
//
//   php libraries.php SMTP-PORT IMAP-PORT POP3-PORT ADDRESS OCTETS [USER PASSWORD MECHANISM]
//
// There are two mails, the first of so many octets below its headers. It reads them by IMAP and by
// POP3, deletes them, and sends two.

require '/usr/share/php/libphp-phpmailer/autoload.php';

[, $smtp, $imap, $pop3, $address, $octets] = $argv;
[$user, $password, $mechanism] = array_slice($argv, 6) + ['', '', ''];

function insist($right, string $what): void
{
	if (!$right)
		throw new Exception($what . ': ' . implode(', ', imap_errors() ?: []));
}

foreach (["$imap/imap/notls", "$imap/imap", "$pop3/pop3/notls"] as $place) {
	$server = "{127.0.0.1:$place}";
	$box = imap_open("{$server}INBOX", $user ?: 'nobody', $password ?: 'no "thing');
	insist($box, "no login at $server");
	insist(imap_num_msg($box) === 2, 'not two mails');
	insist(strlen(imap_body($box, 1)) === (int) $octets, 'the mail is cut');
	if (str_contains($place, 'imap')) {
		insist(imap_createmailbox($box, "{$server}Php"), 'no folder made');
		insist(imap_append($box, "{$server}Php", "Subject: php\r\n\r\n"), 'not appended');
		insist(imap_deletemailbox($box, "{$server}Php"), 'the folder stays');
	} else {
		insist(imap_delete($box, '1:2'), 'not deleted');
	}
	imap_close($box, CL_EXPUNGE);
}
imap_errors();
imap_alerts();

$mailer = new PHPMailer\PHPMailer\PHPMailer(true);
$mailer->isSMTP();
$mailer->Host = '127.0.0.1';
$mailer->Port = $smtp;
$mailer->SMTPKeepAlive = true;
$mailer->SMTPAuth = $user !== '';
$mailer->Username = $user;
$mailer->Password = $password;
$mailer->AuthType = $mechanism;
$mailer->CharSet = 'utf-8';
$mailer->setFrom($address);
$mailer->addAddress($address);
$mailer->addCC($address, 'Ä');
$mailer->Subject = 'Grüße ' . str_repeat('lang ', 200);
$mailer->Body = "Hällo.\n.\n..dots\n";
$mailer->addStringAttachment(random_bytes(5 << 20), 'ä.bin');
insist($mailer->send() && $mailer->send(), 'not sent');
$mailer->smtpClose();
