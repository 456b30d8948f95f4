# SPDX-License-Identifier: Apache-2.0
#
# Perl's Net::SMTP, Mail::IMAPClient and Net::POP3:
#
#   perl libraries.pl SMTP-PORT IMAP-PORT POP3-PORT ADDRESS OCTETS [USER PASSWORD MECHANISM]
#
# There are two mails, the first of so many octets below its headers. It reads them by IMAP and by
# POP3, deletes them, and sends two.

use strict;
use warnings;
use Mail::IMAPClient;
use Net::POP3;
use Net::SMTP;

my ($smtp, $imap, $pop3, $address, $octets, $user, $password, $mechanism) = @ARGV;
my $host = '127.0.0.1';
my $letter = "Subject: perl\r\nFrom: $address\r\n\r\n.a dot\r\n" . ('p' x 70 . "\r\n") x 20000;

my $box = Mail::IMAPClient->new(
	Server => $host, Port => $imap, User => $user || 'nobody',
	Password => $password || 'no "thing\\',
	$mechanism ? (Authmechanism => $mechanism) : (), Uid => 1, Timeout => 30,
) or die "no IMAP: $@";
$box->select('INBOX') or die $box->LastError;
my $added = $box->append_string('INBOX', $letter) or die $box->LastError;
my @all = $box->search('ALL');
@all == 3 or die "not two and one mails: @all";
length($box->bodypart_string($all[0], 'TEXT')) == $octets or die 'cut';
$box->message_string($added) eq $letter or die 'changed';
$box->create('Perl') or die $box->LastError;
$box->move('Perl', $added) or die $box->LastError;
$box->expunge;
$box->delete('Perl') or die $box->LastError;
my $tag = $box->idle or die $box->LastError;
$box->done($tag) or die $box->LastError;
$box->logout or die $box->LastError;

my $drop = Net::POP3->new("$host:$pop3") or die "no POP3: $@";
my $count = $drop->login($user || 'nobody', $password || 'nothing');
$count == 2 or die "not two mails: $count";
my $first = join('', @{$drop->get(1)});
$first =~ s/^.*?\r?\n\r?\n//s;
$first =~ s/\r?\n/\r\n/g;
length($first) == $octets or die 'cut';
$drop->delete($_) or die 'not deleted' for 1 .. $count;
$drop->quit or die 'no goodbye';

my $client = Net::SMTP->new("$host:$smtp", Hello => 'odd_name') or die "no SMTP: $@";
!$user or $client->auth($user, $password) or die 'AUTH: ' . $client->message;
for (1 .. 2) {
	($client->mail($address) and $client->to($address, $address) and $client->data
		and $client->datasend($letter) and $client->dataend) or die $client->message;
}
$client->quit or die $client->message;
