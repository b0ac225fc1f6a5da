#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Runs last: whatever httpd logged at warn or above, and no test had announced, is a failure; so is a sanitizer's report.
use strict;
use warnings;
use BATest;

my $httpd = BATest::state()->{flavours}{ flavour() } or plan skip_all => 'this run had no httpd';
my $log = "$httpd->{dir}/logs/error_log";
ok(-e $log, 'there is an error log');

# Which tags were expected, between which places of the file.
my @expected;
if (open my $in, '<', BATest::state()->{workdir} . '/expected-log') {
    while (<$in>) {
        chomp;
        my ($flavour, $start, $end, @tags) = split /\t/;
        push @expected, { start => $start, end => $end, tags => \@tags } if $flavour eq flavour();
    }
}

my @unexpected;
open my $in, '<:raw', $log or die "$log: $!\n";
while (1) {
    my $at = tell $in;
    defined(my $line = <$in>) or last;
    next unless BATest::is_complaint($line);
    next if grep { $at >= $_->{start} && $at < $_->{end} && BATest::is_announced($line, @{ $_->{tags} }) } @expected;
    push @unexpected, $line;
}
is(scalar @unexpected, 0, 'every line at warn or above was expected')
    or diag @unexpected > 40 ? (@unexpected[0 .. 39], "... and @{[ @unexpected - 40 ]} more\n") : @unexpected;

# The module logs at trace level here, and says nothing that would open a door.
my %secret = ('a password' => qr/\Q${\PASSWORD}/, 'a cookie' => qr/session_token=\S/, 'a hash' => qr/\$argon2id\$|[0-9a-f]{32}:[0-9a-f]{128}/, 'the secret' => qr/\Q${\SECRET}/);
for my $what (sort keys %secret) {
    seek $in, 0, 0;
    is((grep { $_ =~ $secret{$what} } <$in>)[0], undef, "$what is never logged");
}

if (%{ $httpd->{env} || {} }) {
    my @reports = glob "$httpd->{reports}*";
    is(scalar @reports, 0, 'the sanitizers report nothing');
    for my $file (@reports[0 .. ($#reports > 2 ? 2 : $#reports)]) {
        open my $report, '<', $file or next;
        diag "$file\n", grep { $. <= 60 } <$report>;
    }
}

done_testing;
