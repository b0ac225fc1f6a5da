#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# docs/advisories.md says of each fault which test keeps it away: that test is there.

use strict;
use warnings;
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";

sub slurp { my ($file) = @_; open my $in, '<', $file or return; local $/; return scalar <$in> }

my %tested = map { $_ => 0 } slurp("$SRC/t/security/advisories.t") =~ /^(?:row|once) '([^']+)'/mg;
cmp_ok(scalar keys %tested, '>=', 40, scalar(keys %tested) . ' rows are tested');

my $rows = 0;
for (split /\n/, slurp("$SRC/docs/advisories.md")) {
    my ($id, $fault, $here) = /^\| ((?:CVE|GHSA|#|issue|openidc)[^|]*) \| ([^|]+) \| (.+) \|$/ or next;
    $rows++;
    like($here, qr/\w{3}/, "$id: something keeps it away");
    if ($here =~ /^tested(?! as)/) {
        my ($first) = grep { exists $tested{$_} } split /, /, $id;
        ok($first, "$id: is a row of t/security/advisories.t") and $tested{$first}++;
    }
    if ($here =~ /tested as ([^;`]+)/) { for my $as (split / and /, $1) { $as =~ s/\s+$//; ok(exists $tested{$as}, "$id: $as is a row") and $tested{$as}++ } }
    while ($here =~ /`((?:t|modules)\/[\w\/.-]+)`(?:: ([^;`|]+))?/g) {
        my ($file, $part) = ($1, $2);
        my $text = slurp("$SRC/$file");
        ok($text, "$id: $file is there") or next;
        ok(index($text, $part) >= 0, "$id: $file has \"$part\"") if $part;
    }
}
cmp_ok($rows, '>=', 80, "$rows rows seen");
is(join(', ', grep { !$tested{$_} } sort keys %tested), '', 'every test stands in the document');

done_testing;
