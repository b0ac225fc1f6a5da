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
    open my $tap, '-|', BATest::state()->{node}, '--test', '--test-reporter=tap',
        "$ENV{BA_SRCDIR}/t/client/client.mjs" or die $!;
    my @lines = <$tap>;
    my $clean = close $tap;
    my ($passed) = map { /^# pass (\d+)/ } @lines;
    ok($clean && $passed, "$server: the client's tests pass") or diag @lines;
    note "$server: $passed passed" if $passed;
    cmp_ok($passed // 0, '>=', 19, "$server: and are all there");
}

done_testing;
