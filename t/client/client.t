#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The unmodified npm client against the npm server, which proves the expectations, and against httpd on each database.
use strict;
use warnings;
use BATest;

# Each has two sites: links act at once, or each step is confirmed by mail.
my %servers = (npm => ['npm-client', 'npm-client-confirm'], map { $_ => ["client-$_", "client-confirm-$_"] } qw(mysql sqlite));
my $total = 0;
for my $server ('npm', $ENV{BA_SITES} ? () : qw(mysql sqlite)) {
    my ($prompt, $confirm) = @{ $servers{$server} };
    clean($_) for $prompt, $confirm;
    local $ENV{BA_PROMPT}  = $prompt;
    local $ENV{BA_CONFIRM} = $confirm;
    local $ENV{BA_MAILS}   = "$ENV{BA_SRCDIR}/t/client/mails.pl";
    local $ENV{BA_BEARER}  = $server eq 'npm' ? 'npm-client-bearer' : "client-bearer-$server";
    my $linked = sign_up($prompt);
    local $ENV{BA_LINKED_EMAIL}   = $linked->{email};
    local $ENV{BA_LINKED_ACCOUNT} = "linked-$$";
    my $now = dialect($prompt) eq 'mysql' ? '2030-01-02 03:04:05' : '2030-01-02T03:04:05.000Z';
    sql($prompt, "INSERT INTO account (id, accountId, providerId, userId, scope, createdAt, updatedAt)"
        . " VALUES ('linked-$$', '4711', 'github', '$linked->{user}{id}', 'read:user,user:email', '$now', '$now')");
    open my $tap, '-|', BATest::state()->{node}, '--test', '--test-reporter=tap',
        "$ENV{BA_SRCDIR}/t/client/client.mjs" or die $!;
    my @lines = <$tap>;
    my $clean = close $tap;
    my ($passed) = map { /^# pass (\d+)/ } @lines;
    ok($clean && $passed, "$server: the client's tests pass") or diag @lines;
    note "$server: $passed passed" if $passed;
    cmp_ok($passed // 0, '>=', 80, "$server: and are all there");
    $total += $passed // 0;
}
diag "$total tests of the client passed";

done_testing;
