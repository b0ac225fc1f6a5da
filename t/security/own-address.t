#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Our own page, opened under an address that is not the base URL: refused, and the log says what to write.
use strict;
use warnings;
use BATest -own;
use BATest::Sites;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
expect_log('BA0504');

my $SITE = 'own-address';
my $httpd = private_httpd(name => $SITE);
my $port = BATest::_site($SITE)->{port};
my $said = sub { return grep { /BA0504/ } split /\n/, BATest::_slurp($httpd->error_log) };
my $sign_in = sub {
    my ($host, $origin) = @_;
    return request($SITE, POST => '/api/auth/sign-in/email', host => $host, origin => $origin, json => { email => 'a@b.co', password => 'wrong password' });
};

is($sign_in->("auth.test:$port", 'http://evil.test')->{status}, 403, 'a foreign page is refused');
is($sign_in->("auth.test:$port", "http://evil.test:$port")->{status}, 403, 'on the same port, too');
is(scalar $said->(), 0, 'which is not worth a warning');

for (1 .. 20) { is($sign_in->("other.test:$port", "http://other.test:$port")->{status}, 403, 'our own under another name') or last }
my @lines = $said->();
cmp_ok(scalar @lines, '>=', 1, 'is explained');
my %process = map { /\[pid (\d+)/ ? ($1 => 1) : () } @lines;
is(scalar @lines, scalar keys %process, 'once in each process');
like($lines[0], qr/\[betterauth:warn\].*another address than \Q@{[ORIGIN]}\E: write BetterAuthBaseURL/, 'with the address that is known, and what to do');
unlike("@lines", qr/other\.test/, 'and not with what the request says');

done_testing;
