#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The shortest of the faults of t/faults/run, at the same time: the database is killed, and statements fail, under load.
use strict;
use warnings;
use BATest -own;

my $state = BATest::state();
my %env = (BA_BUILDDIR => $state->{builddir}, BA_TEMPLATE => $state->{mariadb}{template}, BA_TMPDIR => $state->{workdir});
local @ENV{ keys %env } = values %env;
my @runs = map { open my $from, '-|', "'$state->{srcdir}/t/faults/run' $_ 2>&1" or die "t/faults/run: $!"; [$_, $from] } qw(db-killed db-noise);
for my $run (@runs) {
    my ($name, $from) = @$run;
    my @said = <$from>;
    close $from;
    my $status = $? >> 8;
    my ($all, $violations) = map { /^\| 1 faults \| (\d+) .* \| (\d+) \| \|$/ ? ($1, $2) : () } @said;
    cmp_ok($all // 0, '>', 50, "$name: clients did much in spite of it");
    is((scalar grep { /NOT SEEN/ } @said), 0, "$name: it happened");
    is($violations, 0, "$name: nothing that was promised is missing, nothing that was ended goes on");
    is($status, 0, "$name: and it ends well") or diag @said;
    note @said;
}
done_testing;
