#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The unmodified npm client against the npm server, which proves the expectations, and against httpd on each database.
use strict;
use warnings;
use BATest;

my @servers = ('npm', $ENV{BA_SITES} ? () : sites());
for my $server (@servers) {
    my $port = $server eq 'npm' ? BATest::state()->{npm}{main}{port} : BATest::state()->{flavours}{plain}{sites}{$server}{port};
    local $ENV{BA_URL}    = "http://127.0.0.1:$port";
    local $ENV{BA_ORIGIN} = ORIGIN;
    my %bearer = (npm => 'npm-parity-bearer', mysql => 'bearer', sqlite => 'bearer-lite');
    local $ENV{BA_BEARER_URL} = 'http://127.0.0.1:' . BATest::_site($bearer{$server})->{port};
    my $linked = sign_up($server);
    local $ENV{BA_LINKED_EMAIL}   = $linked->{email};
    local $ENV{BA_LINKED_ACCOUNT} = "linked-$$";
    my $now = dialect($server) eq 'mysql' ? '2030-01-02 03:04:05' : '2030-01-02T03:04:05.000Z';
    sql($server, "DELETE FROM account WHERE id = 'linked-$$'; INSERT INTO account (id, accountId, providerId, userId, scope, createdAt, updatedAt)"
        . " VALUES ('linked-$$', '4711', 'github', '$linked->{user}{id}', 'read:user,user:email', '$now', '$now')");
    open my $tap, '-|', BATest::state()->{node}, '--test', '--test-reporter=tap',
        "$ENV{BA_SRCDIR}/t/client/client.mjs" or die $!;
    my @lines = <$tap>;
    my $clean = close $tap;
    my ($passed) = map { /^# pass (\d+)/ } @lines;
    ok($clean && $passed, "$server: the client's tests pass") or diag @lines;
    note "$server: $passed passed" if $passed;
    cmp_ok($passed // 0, '>=', 38, "$server: and are all there");
}

done_testing;
