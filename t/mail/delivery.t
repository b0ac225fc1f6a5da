#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# From a request to a mailbox: at once when all is well, and at last when it is not. Each database has an httpd of its
# own, and a mail server that does what it is told.
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Sites;
use BATest::SMTP;
use Encode ();
use MIME::Base64 ();
use POSIX ();
use Time::HiRes qw(time sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $state = BATest::state();
my ($key, $cert) = certificate("$state->{workdir}/mail-" . flavour(), 'localhost');

sub write_file { my ($file, $text) = @_; open my $out, '>', $file or die "$file: $!"; print {$out} $text; close $out }
sub until_true { my ($seconds, $code) = @_; my $end = time + $seconds; while (time < $end) { my $is = $code->(); return $is if $is; sleep 0.02 } return }

my $serial = 0;

# Mails as rows, for what no request is needed for.
sub enqueue {
    my ($site, $count, %o) = @_;
    my @row = map { my $id = sprintf 'mail%06d', ++$serial; my $now = moment($site, 0);
        my $to = $o{to} // "$id\@example.com";
        # the client program of MariaDB drops CR
        my $body = $o{body} // ".\nHello\n";
        my $text = "REPLACE('From: noreply\@auth.test\nTo: $to\nMessage-ID: <$id\@auth.test>\nSubject: $id\n\n$body', CHAR(10), CHAR(13, 10))";
        "('$id', '" . ORIGIN . "', 'noreply\@auth.test', '$to', $text, '$now', '$now', 0)" } 1 .. $count;
    sql($site, 'INSERT INTO ba_mail (id, site, sender, recipient, message, createdAt, dueAt, attempts) VALUES ' . join ', ', @row);
    return sprintf 'mail%06d', $serial;
}

sub row { my ($site, $id) = @_; my ($r) = sql($site, "SELECT attempts, dueAt, sentAt, lastError, message FROM ba_mail WHERE id = '$id'"); return $r && { attempts => $r->[0], due => $r->[1], sent => $r->[2], error => $r->[3], message => $r->[4] } }
sub in_seconds { my ($text) = @_; my @f = $text =~ /(\d+)-(\d+)-(\d+).(\d+):(\d+):([\d.]+)/; local $ENV{TZ} = 'UTC'; POSIX::tzset(); my $t = POSIX::mktime(int $f[5], $f[4], $f[3], $f[2], $f[1] - 1, $f[0] - 1900); return $t - time }
sub due_now { my ($site, $id) = @_; sql($site, "UPDATE ba_mail SET dueAt = '" . moment($site, -1) . "' WHERE id = '$id'") }

sub ask_for_reset {
    my ($site, $email) = @_;
    my $answer = post($site, '/request-password-reset', { email => $email, redirectTo => '/new' });
    is($answer->{status}, 200, 'a new password is asked for') or diag explain $answer;
}

# Which child talks to that port just now.
sub talker {
    my ($httpd, $port) = @_;
    open my $in, '<', '/proc/net/tcp' or die;
    my %inode = map { my @f = split; $f[2] =~ /:\Q@{[ sprintf '%04X', $port ]}\E$/ && $f[3] eq '01' ? ($f[9] => 1) : () } <$in>;
    for my $pid ($httpd->children) {
        for my $fd (glob "/proc/$pid/fd/*") { my $to = readlink($fd) // ''; return $pid if $to =~ /^socket:\[(\d+)\]/ && $inode{$1} }
    }
    return;
}

sub start_all {
    my ($name, $db) = @_;
    my $smtp = BATest::SMTP->new(dir => "$state->{workdir}/$name-" . flavour() . '-smtp', port => free_port(), key => $key, cert => $cert);
    my $port = $smtp->{port};
    my $httpd = private_httpd(name => $name, ($db ? (mariadb => $db, database => $name =~ s/-/_/gr) : ()),
        extra => Encode::encode_utf8(qq{    BetterAuthMailer smtp://127.0.0.1:$port\n    BetterAuthMailFrom "Zoë's Shop <noreply\@auth.test>"\n    BetterAuthAppName "Zoë's <Shop>"\n    BetterAuthMailLimit 3 1h\n}));
    return ($httpd, $smtp);
}

my %delays;

sub well {
    my ($site, $httpd, $smtp) = @_;
    my $user = sign_up($site, name => 'Renée <b>B</b>');
    my $sent = time;
    ask_for_reset($site, $user->{email});
    my ($mail) = until_true(5, sub { my @m = $smtp->mails; @m && \@m }) or return fail('no mail');
    $mail = $mail->[0];
    cmp_ok($mail->{at} - $sent, '<', 5, sprintf 'the mail is there after %d ms', 1000 * ($mail->{at} - $sent));
    is($mail->{recipient}, $user->{email}, 'it goes to the user');
    my $h = $mail->{header};
    is($h->{to}, $user->{email}, 'To');
    is($h->{from}, '=?UTF-8?B?' . MIME::Base64::encode_base64(Encode::encode_utf8("Zoë's Shop"), '') . '?= <noreply@auth.test>', 'From, encoded');
    like($h->{subject}, qr/^=\?UTF-8\?B\?[A-Za-z0-9+\/=]+\?=(?: =\?UTF-8\?B\?[A-Za-z0-9+\/=]+\?=)*$/, 'Subject, encoded');
    my $subject = join '', map { MIME::Base64::decode_base64($_) } $h->{subject} =~ /\?B\?([^?]+)\?=/g;
    utf8::decode($subject);
    is($subject, "Choose a new password for Zoë's <Shop>", 'and decoded');
    like($h->{'message-id'}, qr/^<\w{32}\@auth\.test>$/, 'Message-ID');
    like($h->{date}, qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/, 'Date');
    is($h->{'auto-submitted'}, 'auto-generated', 'Auto-Submitted');
    unlike($mail->{raw}, qr/[^\x20-\x7e\r\n\t]|(?<!\r)\n/, 'nothing but ASCII, lines end with CRLF');
    like($mail->{url}, qr{^http://auth\.test/api/auth/reset-password/\w{24}\?callbackURL=%2Fnew$}, 'the link') or diag $mail->{plain};
    like($mail->{plain}, qr/^Hello \Q$user->{email}\E,$/m, 'a name with a tag in it is not greeted');
    like($mail->{html}, qr/Zoë&#0?39;s &lt;Shop&gt;/, 'markup of values is escaped') or diag $mail->{html};
    unlike($mail->{html}, qr/<b>|<Shop>/, 'and is no markup');
    like($mail->{html}, qr{href="\Q@{[ $mail->{url} =~ s/&/&amp;/gr ]}\E"}, 'the link in HTML');
    my $row = until_true(2, sub { my ($r) = sql($site, 'SELECT sentAt, dueAt, message, attempts FROM ba_mail'); $r->[0] && $r });
    is_deeply([@$row[1 .. 3]], [undef, '', 1], 'the row is done with, and the message forgotten');
    my ($to) = request($site, GET => $mail->{url} =~ s{^http://auth.test}{}r);
    is($to->{status}, 302, 'the link works');

    my @took;
    for my $n (1 .. 15) {
        my $one = sign_up($site, name => "Nina $n");
        $smtp->forget;
        my $start = time;
        post($site, '/request-password-reset', { email => $one->{email}, redirectTo => '/new' });
        my $done = time;
        my $mail = until_true(5, sub { my ($m) = $smtp->mails; $m }) or return fail("no mail $n");
        push @took, $mail->{at} - $done;
        like($mail->{plain}, qr/^Hello Nina $n,$/m, "greets Nina $n") if $n == 1;
    }
    @took = sort { $a <=> $b } @took;
    cmp_ok($took[-1], '<', 5, 'each of 15 mails leaves at once');
    diag sprintf '%s: mail arrives %d ms (median), %d ms (worst of 15) after the answer', $site, 1000 * $took[7], 1000 * $took[-1];

    # the cap: three in an hour, and none of it shows in an answer
    my $log = -s $httpd->error_log;
    my $one = sign_up($site, name => 'Nora');
    $smtp->forget;
    ask_for_reset($site, $one->{email}) for 1 .. 5;
    is((until_true(5, sub { my @m = $smtp->mails; @m >= 3 && @m }) // 0), 3, 'at most three mails for one address');
    sleep 0.5;
    is(scalar(() = $smtp->mails), 3, 'really');
    is(scalar(() = substr(BATest::_slurp($httpd->error_log), $log) =~ /BA0701/g), 2, 'the others are logged');
}

# short: each statement once, where the other site has had each fault.
sub refused {
    my ($site, $httpd, $smtp, $short) = @_;
    my $log = $httpd->error_log;
    for my $step ($short ? 'rcpt' : qw(greet mail rcpt data message)) {
        $smtp->forget->does("$step=451");
        my ($from, $id) = (-s $log, enqueue($site, 1));
        my $row = until_true(10, sub { my $r = row($site, $id); $r->{error} && $r });
        ok($row, "451 at $step: tried") or next;
        ok(abs(in_seconds($row->{due}) - 30) < 9, sprintf 'again in %.0f s', in_seconds($row->{due}));
        like($row->{error}, qr/ was answered with 451(?: 4\.2\.0)?$/, "and says why: $row->{error}");
        due_now($site, $id);
        $row = until_true(10, sub { my $r = row($site, $id); $r->{attempts} == 2 && in_seconds($r->{due}) < 100 && $r });
        ok($row && abs(in_seconds($row->{due}) - 60) < 16, sprintf 'the next pause is longer: %.0f s', $row ? in_seconds($row->{due}) : -1);
        my @lines = log_lines($log, $from);
        is(scalar @lines, 2, 'one line for each attempt') or diag @lines;
        is((grep { !/BA0711: mail $id / } @lines)[0], undef, 'with the id of the mail');
        unlike("@lines", qr/example\.com|http/, 'and neither address nor link');
        $smtp->does('good');
        due_now($site, $id);
        ok(until_true(8, sub { row($site, $id)->{sent} }), 'then it is taken, and sent');
        is(scalar(() = $smtp->mails), 1, 'once');
    }
    for my $step ($short ? 'message' : qw(rcpt data message)) {
        $smtp->forget->does("$step=550");
        my ($from, $id) = (-s $log, enqueue($site, 1));
        my $row = until_true(10, sub { my $r = row($site, $id); !$r->{due} && $r });
        ok($row && !$row->{sent}, "550 at $step: given up") or next;
        is($row->{message}, '', 'and the message forgotten');
        my @lines = log_lines($log, $from);
        is(scalar(grep { /BA0712: mail $id .*550/ } @lines), 1, 'one line says so') or diag @lines;
        is(scalar @lines, 1, 'and nothing else is said');
        unlike("@lines", qr/example\.com/, 'without the address');
    }
    for my $step ($short ? 'mail' : qw(greet mail)) {
        $smtp->forget->does("$step=550");
        my $id = enqueue($site, 1);
        my $row = until_true(10, sub { my $r = row($site, $id); $r->{error} && $r });
        ok($row && $row->{due}, "550 at $step is about the server, not the mail: it waits");
        sql($site, "UPDATE ba_mail SET createdAt = '" . moment($site, -2 * 86400 - 60) . "', attempts = 60 WHERE id = '$id'");
        due_now($site, $id);
        ok(until_true(10, sub { !row($site, $id)->{due} }), 'for two days, not longer');
    }
    $smtp->does('good');
    my $id = enqueue($site, 1);
    ok(until_true(5, sub { row($site, $id)->{sent} }), 'sent');
    sql($site, "UPDATE ba_mail SET attempts = 20, sentAt = NULL, message = 'x', dueAt = '" . moment($site, -1) . "' WHERE id = '$id'");
    $smtp->does('rcpt=421');
    due_now($site, $id);
    my $row = until_true(8, sub { my $r = row($site, $id); $r->{error} && $r });
    ok($row && abs(in_seconds($row->{due}) - 3600) < 730, sprintf 'the longest pause is an hour: %.0f s', $row ? in_seconds($row->{due}) : -1);
    sql($site, 'DELETE FROM ba_mail');
}

sub broken {
    my ($site, $httpd, $smtp) = @_;
    # down, then up
    $smtp->stop;
    my $id = enqueue($site, 1);
    my $row = until_true(10, sub { my $r = row($site, $id); $r->{error} && $r });
    like($row->{error}, qr/connect/i, "down: $row->{error}");
    $smtp->forget->does('good')->start;
    due_now($site, $id);
    ok(until_true(8, sub { row($site, $id)->{sent} }), 'up: sent');

    $smtp->forget->does('slow');
    $id = enqueue($site, 1);
    ok(until_true(20, sub { row($site, $id)->{sent} }), 'a server that answers byte by byte');

    for my $step (qw(rcpt greet)) {
        $smtp->forget->does("close=$step");
        $id = enqueue($site, 1);
        $row = until_true(10, sub { my $r = row($site, $id); $r->{error} && $r });
        ok($row && $row->{due}, "a server that closes at $step: " . ($row->{error} // ''));
    }
    $smtp->forget->does('close=message');
    $id = enqueue($site, 1);
    until_true(10, sub { row($site, $id)->{error} });
    $smtp->does('good');
    due_now($site, $id);
    ok(until_true(8, sub { row($site, $id)->{sent} }), 'a server that closes before it says 250: sent once more');
    my @mails = $smtp->mails;
    is(scalar @mails, 2, 'so it came twice');
    is($mails[0]{header}{'message-id'}, $mails[1]{header}{'message-id'}, 'with the same Message-ID');
    is($mails[0]{raw}, $mails[1]{raw}, 'and the same in all');
    like($mails[0]{raw}, qr/\r\n\r\n\.\r\nHello/, 'a line with a dot alone goes through');

    # libcurl asks for more once it has all if a line begins with a dot, and else it does not
    my $start;
    for (['', ".\nHello\n"], [', of an ordinary mail', "Hello\n"], [', of a mail of one byte', 'x']) {
        my ($name, $body) = @$_;
        $smtp->forget->does('hang=quit');
        $start = time;
        $id = enqueue($site, 1, body => $body);
        ok(until_true(10, sub { row($site, $id)->{sent} }), sprintf "a server that hangs at QUIT$name: sent after %.1f s", time - $start);
        is(scalar(() = $smtp->mails), 1, 'once');
    }

    # hangs for some: all others go on
    $smtp->forget->does('hang=message only=hang');
    enqueue($site, 3, to => 'hang@example.com');
    ok(until_true(8, sub { 3 == grep { /rcpt hang/ } $smtp->log }), 'three mails hang');
    my @took = map { my $id = enqueue($site, 1); my $t = time; until_true(10, sub { row($site, $id)->{sent} }) ? time - $t : 99 } 1 .. 3;
    cmp_ok((sort { $b <=> $a } @took)[0], '<', 6, sprintf 'three others go on: %s s', join ' ', map { sprintf '%.1f', $_ } @took);
    $start = time;
    my $user = sign_up($site);
    ask_for_reset($site, $user->{email});
    cmp_ok(time - $start, '<', 5, 'and so do requests');
    ok(until_true(10, sub { grep { $_->{recipient} eq $user->{email} } $smtp->mails }), 'and theirs arrives');
}

# Three mails hang when this begins.
sub killed {
    my ($site, $httpd, $smtp) = @_;
    my $log = -s $httpd->error_log;
    my $pid = talker($httpd, $smtp->{port});
    ok($pid, 'the child that has the task') or return;
    kill KILL => $pid;
    $smtp->forget->does('good');
    my $start = time;
    my $id = enqueue($site, 1);
    ok(until_true(25, sub { row($site, $id)->{sent} }), sprintf 'kill -9: another child sends after %.1f s', time - $start);
    my ($leased) = sql($site, "SELECT COUNT(*) FROM ba_mail WHERE dueAt IS NOT NULL AND recipient = 'hang\@example.com'");
    is($leased->[0], 3, 'the three are leased still');
    sql($site, "UPDATE ba_mail SET dueAt = '" . moment($site, -1) . "' WHERE dueAt IS NOT NULL");
    ok(until_true(8, sub { 3 == grep { $_->{recipient} =~ /hang/ } $smtp->mails }), 'the lease ends: they are sent');
    my @odd = grep { !/AH00052/ } log_lines($httpd->error_log, $log);
    is("@odd", '', 'no other line');

    $smtp->forget->does('hang=message');
    $id = enqueue($site, 1);
    until_true(8, sub { grep { /rcpt/ } $smtp->log });
    my %old = map { $_ => 1 } $httpd->children;
    $start = time;
    $httpd->signal('USR1');
    sleep 1;    # until the child has given up on it: a server that says yes to nobody has taken the mail all the same
    $smtp->does('good');
    ok(until_true(15, sub { row($site, $id)->{sent} }), sprintf 'graceful restart while one hangs: sent after %.1f s', time - $start);
    is(scalar(() = $smtp->mails), 1, 'once');
    ok(until_true(15, sub { !grep { $old{$_} } $httpd->children }), 'the old children go');

    $smtp->forget->does('hang=message');
    $id = enqueue($site, 1);
    until_true(8, sub { grep { /rcpt/ } $smtp->log });
    $start = time;
    $httpd->stop;
    cmp_ok(time - $start, '<', 6, sprintf 'stop while one hangs takes %.1f s', time - $start);
    my $row = row($site, $id);
    ok($row->{due} && in_seconds($row->{due}) <= 0, 'the mail is given back') or diag explain $row;
    is($row->{attempts}, 0, 'and that was no attempt');
    $smtp->does('good');
    $start = time;
    $httpd->start_again;
    ok(until_true(8, sub { row($site, $id)->{sent} }), sprintf 'started again: sent after %.1f s', time - $start);
    @odd = grep { !/AH0005[12]|AH00045/ } log_lines($httpd->error_log, $log);
    is("@odd", '', 'all that without a line');
}

my $db = private_mariadb('mail');
for my $site (qw(mail-mysql mail-sqlite)) {
    my $mysql = $site eq 'mail-mysql';
    $db->create('mail_mysql', schema('mysql')) if $mysql;
    my ($httpd, $smtp) = start_all($site, $mysql ? $db : undef);
    # sql() asks the server of all tests, and this one has its own
    if ($mysql) { no warnings 'redefine'; no strict 'refs'; my $old = \&BATest::mariadb; *BATest::mariadb = sub { $db } }
    subtest "$site: well"     => sub { well($site, $httpd, $smtp) };
    subtest "$site: refused"  => sub { refused($site, $httpd, $smtp, !$mysql) };
    subtest "$site: broken"   => sub { broken($site, $httpd, $smtp) } if $mysql;
    subtest "$site: killed"   => sub { killed($site, $httpd, $smtp) } if $mysql;
    $httpd->stop;
    $smtp->stop;
    my @odd = grep { !/BA07(?:01|11|12)|AH0005[12]|AH00045/ } log_lines($httpd->error_log);
    is(scalar @odd, 0, 'nothing unexpected in the log') or diag join "\n", @odd;
}
$db->stop;
done_testing;
