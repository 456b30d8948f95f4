# SPDX-License-Identifier: Apache-2.0
#
# Ruby's net/smtp, net/imap and net/pop:
#
#   ruby libraries.rb SMTP-PORT IMAP-PORT POP3-PORT ADDRESS OCTETS [USER PASSWORD MECHANISM]
#
# There are two mails, the first of so many octets below its headers. It reads them by IMAP and by
# POP3, deletes them, and sends two.

require 'net/imap'
require 'net/pop'
require 'net/smtp'

HOST = '127.0.0.1'
smtp, imap, pop3, address, octets, user, password, mechanism = ARGV
letter = "Subject: ruby\r\nFrom: #{address}\r\n\r\n#{'.' + 'r' * 70}\r\n"

client = Net::IMAP.new(HOST, port: imap.to_i)
if mechanism
  client.authenticate(mechanism, user, password)
else
  client.login('nobody', 'no "thing')
end
client.select('INBOX')
client.append('INBOX', letter, [:Seen])
raise 'not two and one mails' unless client.search(['ALL']).size == 3
raise 'cut' unless client.fetch(1, 'BODY[TEXT]')[0].attr['BODY[TEXT]'].size == octets.to_i
raise 'changed' unless client.fetch(3, 'BODY[]')[0].attr['BODY[]'] == letter

client.create('Ruby')
client.uid_move(client.uid_search(%w[SUBJECT ruby]).last, 'Ruby')
client.delete('Ruby')
client.idle(30) { client.idle_done }
client.logout
client.disconnect

Net::POP3.start(HOST, pop3.to_i, user || 'nobody', password || 'nothing') do |drop|
  raise 'not two mails' unless drop.mails.size == 2

  raise 'cut' unless drop.mails[0].pop.split("\r\n\r\n", 2)[1].size == octets.to_i

  drop.delete_all
end

login = user ? [user, password, mechanism.downcase.tr('-', '_').to_sym] : []
Net::SMTP.new(HOST, smtp.to_i).start('ruby.example.com', *login) do |sender|
  2.times { sender.send_message(letter, address, address, address) }
end
