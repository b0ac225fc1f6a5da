#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Each way out: SMTP with a password and with TLS, a sendmail program, a folder; documents of the operator's own; and two
# servers on one outbox. Each virtual host has its own mailer, and all share a database.
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Sites;
use BATest::SMTP;
use File::Path qw(make_path);
use Time::HiRes qw(time sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $NAME = 'mailers';
my $state = BATest::state();
my $dir = "$state->{workdir}/mailers-files-" . flavour();
make_path("$dir/mail", "$dir/documents", "$dir/sendmail", "$dir/heir");
my ($key, $cert) = certificate("$dir/smtp", 'localhost');

sub write_file { my ($file, $text, $mode) = @_; open my $out, '>:utf8', $file or die "$file: $!"; print {$out} $text; close $out; chmod $mode, $file if $mode }
sub read_file { my ($file) = @_; open my $in, '<', $file or return ''; local $/; return scalar <$in> }
sub until_true { my ($seconds, $code) = @_; my $end = time + $seconds; while (time < $end) { my $is = $code->(); return $is if $is; sleep 0.02 } return }

my $serial = 0;
sub enqueue {
    my ($site, $for, %o) = @_;
    my $id = sprintf 'mail%06d', ++$serial;
    my $now = moment($site, 0);
    my $to = $o{to} // "$id\@example.com";
    sql($site, "INSERT INTO ba_mail (id, site, sender, recipient, message, createdAt, dueAt, attempts) VALUES ('$id', '$for', 'noreply\@auth.test', '$to',
        REPLACE('From: noreply\@auth.test\nTo: $to\nMessage-ID: <$id\@auth.test>\nSubject: $id\n\n.\nHello\n', CHAR(10), CHAR(13, 10)), '$now', '@{[ $o{due} // $now ]}', 0)");
    return $id;
}
sub row { my ($site, $id) = @_; my ($r) = sql($site, "SELECT attempts, dueAt, sentAt, lastError FROM ba_mail WHERE id = '$id'"); return $r && { attempts => $r->[0], due => $r->[1], sent => $r->[2], error => $r->[3] } }

# --- One server, many ways out ------------------------------------------------------------------------------------------

my $plain = BATest::SMTP->new(dir => "$dir/smtp-plain", port => free_port(), key => $key, cert => $cert);
my $tls = BATest::SMTP->new(dir => "$dir/smtp-tls", port => free_port(), key => $key, cert => $cert)->does('tls auth');
my $auth = BATest::SMTP->new(dir => "$dir/smtp-auth", port => free_port(), key => $key, cert => $cert)->does('auth');

write_file("$dir/password", BATest::SMTP::PASSWORD . "\n", 0600);
write_file("$dir/wrong", "a-Wrong-Password\n", 0600);
# says how it was called and what it got; for some it fails, for some it takes for ever
write_file("$dir/sendmail.sh", <<"END", 0755);
#!/bin/sh
for last; do :; done
case \$last in
fail\@*) echo "<\$last> is not for us" >&2; echo more >&2; exit 75 ;;
nouser\@*) echo "no such user \$last"; exit 67 ;;
hang\@*) echo \$\$ >'$dir/sendmail/pid'; sleep 300 ;;
esac
{ for arg; do echo "arg \$arg"; done; env | sed 's/^/env /'; cat; } >'$dir/sendmail/'"\$last"
END
write_file("$dir/documents/reset-password.txt", "Subject: Neues Passwort für %{mail:name}\n\nHallo %{mail:name} — 100%, 5\$, \\\\ und \\%{mail:url}\n\n%{mail:url}\n");
write_file("$dir/documents/reset-password-done.txt", "Subject: %{text:mail-reset-doen}\n\nHallo\n");
write_file("$dir/documents/reset-password-done.html", join '', ("\x{5b57}" x 40 . "\n") x 300);
write_file("$dir/documents/reset-password.html", "<p>Hallo %{mail:name}</p>\n<p>%{mail:ulr}</p>\n");

my %mailer = (
    'tls-good'    => "smtp://relay\@localhost:$tls->{port}?starttls=required&cafile=$cert file:$dir/password",
    'tls-unknown' => "smtp://localhost:$tls->{port}?starttls=required",
    'tls-none'    => "smtp://localhost:$plain->{port}?starttls=required&cafile=$cert",
    'auth-good'   => "smtp://relay:s3cret%20word\@127.0.0.1:$auth->{port}",
    'auth-wrong'  => "smtp://relay\@127.0.0.1:$auth->{port} file:$dir/wrong",
    heir          => "dir:$dir/heir",
    sendmail      => qq{"sendmail:$dir/sendmail.sh -X '/a b'"},
);
# what they do not say, the server says
my $httpd = private_httpd(name => $NAME, main => qq{BetterAuthMailFrom "The Server <server\@server.test>"\nBetterAuthAppName "A Server"\nBetterAuthMailLimit 2 1h\nBetterAuthMailDir $dir/documents\n} . join('', map { BATest::Sites::vhost($_, file => BATest::Sites::file($NAME),
    drop => 'BetterAuthBaseURL http://auth.test', extra => "    BetterAuthBaseURL http://$_.test\n    BetterAuthMailer $mailer{$_}\n") } sort keys %mailer),
    extra => "    BetterAuthMailer dir:$dir/mail\n    BetterAuthAppName auth.test\n    BetterAuthMailFrom noreply\@auth.test\n    BetterAuthMailLimit 5 1h\n");
my $log = $httpd->error_log;

sub sent    { my ($id, $seconds) = @_; return until_true($seconds // 10, sub { row($NAME, $id)->{sent} }) }
sub refused { my ($id) = @_; return until_true(10, sub { my $r = row($NAME, $id); $r->{error} && $r }) }

subtest 'a folder, and documents of the operator' => sub {
    my @said = grep { /BA0724/ } log_lines($log);
    is(scalar @said, 3, 'mistakes are told at start') or diag @said;
    like(join("\n", @said), qr{documents/reset-password\.html, line 2: .*ulr.*reset-password-done\.txt, line 1: there is no text .*-done\.html, line 300: too long}s, 'with file and line');
    my $from = -s $log;
    my @user = map { sign_up($NAME, name => $_) } 'Zoë', 'Max';
    for (@user) { is(post($NAME, '/request-password-reset', { email => $_->{email}, redirectTo => '/x' })->{status}, 200, 'a reset') }
    my @file = until_true(5, sub { my @f = glob "$dir/mail/*.eml"; @f == 2 && \@f }) or return fail('no files');
    my %mail = map { my $m = BATest::SMTP::parse(read_file($_)); ($m->{header}{to} => { %$m, file => $_ }) } @{ $file[0] };
    my $mail = $mail{ $user[0]{email} };
    is((stat $mail->{file})[2] & 0777, 0600, 'nobody else can read it');
    like($mail->{plain}, qr/^Hallo Zoë — 100%, 5\$, \\ und %\{mail:url\}$/m, 'the operator\'s text');
    is($mail->{'plain-encoding'}, 'quoted-printable', 'not ASCII: quoted-printable');
    like($mail->{html}, qr/copy this address into your browser/, 'the installed HTML in place of the one with a mistake');
    my $told = grep { /BA0721/ } log_lines($log, $from);
    ok($told >= 1 && $told <= 2, 'which each child logs once');
    is_deeply([glob "$dir/mail/*.part"], [], 'nothing half written stays');
    like(read_file($mail{ $user[1]{email} }{file}), qr{\r\n\r\nHallo Max }, 'and so on') or diag read_file($mail{ $user[1]{email} }{file});
    # an installed pair
    my $max = $mail{ $user[1]{email} };
    unlink glob "$dir/mail/*.eml";
    my ($token) = $max->{url} =~ m{/reset-password/(\w+)};
    is(post($NAME, '/reset-password', { newPassword => 'another good password', token => $token })->{status}, 200, 'the token of the mail works');
    my $notice = until_true(5, sub { my ($f) = glob "$dir/mail/*.eml"; $f && BATest::SMTP::parse(read_file($f)) });
    is($notice->{header}{subject}, 'Your password at auth.test was changed', 'and the notice comes');
    is($notice->{'plain-encoding'}, '7bit', 'ASCII: as it is');
    like($notice->{html}, qr/ style=/, 'and the installed pair, in place of one that has mistakes');
    make_path("$dir/away");
    rename "$dir/mail", "$dir/away/mail" or die;
    my $id = enqueue($NAME, ORIGIN);
    like(refused($id)->{error}, qr/no such file/i, 'no folder: it waits');
    rename "$dir/away/mail", "$dir/mail" or die;
};

subtest 'what the server says' => sub {
    my $user = sign_up($NAME, name => 'Ina');
    for (1 .. 3) { is(post('heir', '/request-password-reset', { email => $user->{email}, redirectTo => '/x' }, origin => 'http://heir.test')->{status}, 200, 'a reset') }
    my $file = until_true(5, sub { my @f = glob "$dir/heir/*.eml"; @f == 2 && \@f }) or return fail('no files');
    my $mail = BATest::SMTP::parse(read_file($file->[0]));
    is($mail->{header}{from}, 'The Server <server@server.test>', 'BetterAuthMailFrom');
    like($mail->{html}, qr/A Server/, 'BetterAuthAppName');
    like($mail->{plain}, qr/^Hallo Ina/, 'BetterAuthMailDir');
    like($mail->{url}, qr{^http://heir\.test/}, 'and its own address');
    sleep 0.5;
    is(scalar(() = glob "$dir/heir/*.eml"), 2, 'BetterAuthMailLimit');
};

subtest 'TLS' => sub {
    my $id = enqueue($NAME, 'http://tls-good.test');
    ok(sent($id), 'a server with the certificate of a known authority');
    my $said = join '', $tls->log;
    like($said, qr/tls\n.*auth\n.*mail noreply/s, 'in TLS, and authenticated');
    like($said, qr/ehlo tls-good\.test\n/, 'greeted by the name of the site');
    $tls->forget;
    $id = enqueue($NAME, 'http://tls-unknown.test');
    my $row = refused($id);
    like($row->{error}, qr/certificate|SSL|verif/i, "unknown authority: $row->{error}");
    ok($row->{due}, 'it waits');
    unlike(join('', $tls->log), qr/ mail | rcpt /, 'nothing was said of it');
    $id = enqueue($NAME, 'http://tls-none.test');
    $row = refused($id);
    like($row->{error}, qr/SSL|TLS/, "a server that offers none: $row->{error}");
    ok($row->{due}, 'it waits');
    unlike(join('', $plain->log), qr/ mail | rcpt /, 'nothing was said of it');
};

subtest 'a password' => sub {
    ok(sent(enqueue($NAME, 'http://auth-good.test')), 'the right one');
    my $row = refused(enqueue($NAME, 'http://auth-wrong.test'));
    like($row->{error}, qr/denied|AUTH|Login/i, "the wrong one: $row->{error}");
    ok($row->{due}, 'it waits');
    my $text = read_file($log);
    unlike($text, qr/\Q@{[ BATest::SMTP::PASSWORD ]}\E|s3cret|a-Wrong-Password/, 'no password is in the log');
};

subtest 'sendmail' => sub {
    ok(sent(enqueue($NAME, 'http://sendmail.test', to => 'good@example.com')), 'sent');
    my $said = read_file("$dir/sendmail/good\@example.com");
    is(join('|', $said =~ /^arg (.*)$/mg), '-X|/a b|-i|-f|noreply@auth.test|--|good@example.com', 'no shell, and the address is no option');
    is(join(' ', grep { !/^(?:PWD|OLDPWD|SHLVL|_)$/ } $said =~ /^env (\w+)=/mg), 'PATH', 'httpd\'s environment stays with httpd');
    like($said, qr/\r\n\r\n\.\r\nHello/, 'the message, with a dot alone in a line');
    ok(sent(enqueue($NAME, 'http://sendmail.test', to => '-oQtmp@example.com')), 'an address that looks like an option');
    ok(-e "$dir/sendmail/-oQtmp\@example.com", 'is none');
    my $row = refused(enqueue($NAME, 'http://sendmail.test', to => 'fail@example.com'));
    is($row->{error}, 'exit 75: <****************> is not for us', 'what it says, in one line, without the address');
    ok($row->{due}, 'it waits');
    my $id = enqueue($NAME, 'http://sendmail.test', to => 'nouser@example.com');
    $row = until_true(10, sub { my $r = row($NAME, $id); !$r->{due} && $r });
    like($row->{error}, qr/^exit 67: /, 'no such user: given up');
    my $hangs = enqueue($NAME, 'http://sendmail.test', to => 'hang@example.com');
    ok(until_true(8, sub { -s "$dir/sendmail/pid" }), 'one hangs');
    ok(sent(enqueue($NAME, 'http://sendmail.test', to => 'more@example.com')), 'others go on');
    my ($pid) = read_file("$dir/sendmail/pid") =~ /(\d+)/;
    my $start = time;
    $httpd->signal('USR1');
    ok(until_true(10, sub { !kill 0 => $pid }), sprintf 'a graceful restart ends it, after %.1f s', time - $start);
    sql($NAME, "DELETE FROM ba_mail WHERE id = '$hangs'");
};

subtest 'mail of a site that is gone' => sub {
    unlink glob "$dir/mail/*.eml";
    my $new = enqueue($NAME, 'http://gone.test', due => moment($NAME, 0));
    my $old = enqueue($NAME, 'http://gone.test', due => moment($NAME, -4000));
    ok(sent($old), 'is sent by another on the same database after an hour');
    ok(!row($NAME, $new)->{attempts}, 'not before');
};

$httpd->stop;
my @odd = grep { !/BA07(?:01|11|12|21|24)|AH0005[12]|AH00045/ } log_lines($log);
is(scalar @odd, 0, 'nothing unexpected in the log') or diag join "\n", @odd;
unlike(read_file($log), qr/BA07[^\n]*\@example\.com/, 'no line about mail has an address');
$_->stop for $tls, $auth;

# --- Two servers, one outbox --------------------------------------------------------------------------------------------

subtest 'two servers on one database' => sub {
    my $db = private_mariadb('nodes');
    $db->create('nodes', schema('mysql'));
    { no warnings 'redefine'; no strict 'refs'; *BATest::mariadb = sub { $db } }
    $plain->forget->does('slow');    # so that one alone cannot take them all
    my @names = qw(a b);
    my @node = map { private_httpd(name => "node-$_", mariadb => $db, database => 'nodes', extra => "    BetterAuthMailer smtp://127.0.0.1:$plain->{port}\n") } @names;
    my $start = time;
    my @id = map { enqueue('node-a', ORIGIN) } 1 .. 60;
    ok(until_true(60, sub { ($db->sql('SELECT COUNT(*) FROM ba_mail WHERE sentAt IS NOT NULL', 'nodes'))[0][0] == 60 }), sprintf '60 mails sent after %.1f s', time - $start);
    my %count;
    $count{ $_->{header}{subject} }++ for $plain->mails;
    is_deeply([sort keys %count], \@id, 'all of them');
    is((grep { $_ > 1 } values %count)[0], undef, 'none twice');
    my %by = map { my $node = $_; ($node->{dir} => scalar grep { /BA0713/ } split /\n/, read_file($node->error_log)) } @node;
    cmp_ok((sort { $a <=> $b } values %by)[0], '>', 0, 'both had a part in it: ' . join ' and ', values %by);

    # one of them dies in the middle, whole
    $plain->forget;
    @id = map { enqueue('node-a', ORIGIN) } 1 .. 60;
    until_true(20, sub { $plain->mails >= 10 });
    kill KILL => $node[0]->children;
    $plain->does('good');
    until_true(30, sub { ($db->sql('SELECT COUNT(*) FROM ba_mail WHERE sentAt IS NULL AND dueAt < UTC_TIMESTAMP()', 'nodes'))[0][0] == 0 });
    my $leased = ($db->sql('SELECT COUNT(*) FROM ba_mail WHERE sentAt IS NULL', 'nodes'))[0][0];
    note "$leased mails were on their way";
    $db->sql("UPDATE ba_mail SET dueAt = '" . moment('node-a', -1) . "' WHERE sentAt IS NULL", 'nodes');
    ok(until_true(30, sub { ($db->sql('SELECT COUNT(*) FROM ba_mail WHERE sentAt IS NULL', 'nodes'))[0][0] == 0 }), 'kill -9 of one: all are sent');
    (%count, my %same) = ();
    $count{ $_->{header}{subject} }++, $same{ $_->{header}{subject} }{ $_->{raw} } = 1 for $plain->mails;
    is_deeply([sort keys %count], \@id, 'nothing is lost');
    cmp_ok((grep { $_ > 1 } values %count), '<=', $leased, scalar(grep { $_ > 1 } values %count) . ' came twice');
    is((grep { keys %$_ > 1 } values %same)[0], undef, 'and with the same Message-ID');
    $_->stop for @node;
    $db->stop;
};

done_testing;
