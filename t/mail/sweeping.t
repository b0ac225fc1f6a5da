#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What is over is deleted now and then: sessions, tokens, mails that were sent or given up. On each database at once,
# since it is a minute until the first time.
use strict;
use warnings;
use BATest -own;
use Time::HiRes qw(time sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $begun = time;

sub until_true { my ($seconds, $code) = @_; my $end = time + $seconds; while (time < $end) { return 1 if $code->(); sleep 0.1 } return }

sub fill {
    my ($site) = @_;
    my ($past, $future, $long) = (moment($site, -1000), moment($site, 1000), moment($site, -8 * 86400));
    my $user = sign_up($site);
    my $id = $user->{user}{id};
    my @rows = map { my $n = $_; my $at = $n % 2 ? $past : $future; "('sess$n', '$at', 'token-$n', '$past', '$past', '$id')" } 1 .. 1300;
    my $q = dialect($site) eq 'mysql' ? '`' : '"';
    sql($site, "INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, userId) VALUES " . join ', ', @rows);
    sql($site, "INSERT INTO verification (id, identifier, ${q}value$q, expiresAt, createdAt, updatedAt) VALUES ('v1', 'a', 'b', '$past', '$past', '$past'), ('v2', 'c', 'd', '$future', '$past', '$past')");
    my ($sent, $kept) = map { moment($site, -$_) } 2 * 86400, 3600;
    sql($site, "INSERT INTO ba_mail (id, site, sender, recipient, message, createdAt, dueAt, sentAt, attempts) VALUES
        ('m-sent', 'x', 'x', 'x', '', '$sent', NULL, '$sent', 1), ('m-kept', 'x', 'x', 'x', '', '$kept', NULL, '$kept', 1),
        ('m-given-up', 'x', 'x', 'x', '', '$long', NULL, NULL, 60), ('m-given-up-lately', 'x', 'x', 'x', '', '$sent', NULL, NULL, 60),
        ('m-waiting', 'x', 'x', 'x', 'x', '$long', '$future', NULL, 60)");
}

sub swept {
    my ($site) = @_;
    ok(until_true(90, sub { session_count($site, "id LIKE 'sess%'") == 650 }), sprintf 'expired sessions are swept, others stay: %d rows, after %.0f s', session_count($site, "id LIKE 'sess%'"), time - $begun);
    until_true(90, sub { (sql($site, 'SELECT COUNT(*) FROM ba_mail'))[0][0] == 3 });
    is_deeply([sql($site, 'SELECT id FROM ba_mail ORDER BY id')], [['m-given-up-lately'], ['m-kept'], ['m-waiting']], 'old mails are swept, others stay');
    until_true(90, sub { (sql($site, "SELECT COUNT(*) FROM verification WHERE id = 'v1'"))[0][0] == 0 });
    is_deeply([sql($site, "SELECT id FROM verification WHERE id IN ('v1', 'v2')")], [['v2']], 'an expired token is swept');
}

my $db = mariadb();
my $name = 'sweeping_' . flavour();
$db->create($name, schema('mysql'));
my @mailer = (extra => '    BetterAuthMailer dir:' . BATest::state()->{workdir} . "/mails\n");
my %httpd = (
    'sweeping-mysql'  => private_httpd(name => 'sweeping-mysql', mariadb => $db, database => $name, @mailer),
    'sweeping-sqlite' => private_httpd(name => 'sweeping-sqlite', @mailer),
);
fill($_) for sort keys %httpd;
for my $site (sort keys %httpd) {
    subtest $site => sub { swept($site) };
    $httpd{$site}->stop;
    my @lines = log_lines($httpd{$site}->error_log);
    is(scalar @lines, 0, 'the log knows no trouble') or diag @lines;
}

done_testing;
