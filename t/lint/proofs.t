#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What docs/advisories.md and docs/requirements.md name as proof is there: each file, each subtest, each row; and no
# number of a requirement is missing.

use strict;
use warnings;
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";

my %read;
sub slurp { my ($file) = @_; return $read{$file} //= do { open my $in, '<', $file or return; local $/; scalar <$in> } }

# `file`, or `file`: some of its words
sub pointers {
    my ($id, $cell) = @_;
    my $count = 0;
    while ($cell =~ /`((?:t|modules|docs|bench|conf)\/[\w\/.-]+|configure\.ac)`(?:: ([^;|]+))?/g) {
        my ($file, $part) = ($1, $2);
        $count++;
        # the torture is a program, its scenarios are rows
        my $text = slurp("$SRC/" . ($file eq 't/unit/torture_test' ? 't/torture/scenarios.c' : $file));
        ok(defined $text || -d "$SRC/$file", "$id: $file is there") or next;
        $part =~ s/, process dies$// if $part && $file eq 't/unit/torture_test';
        ok(index($text, $part) >= 0, "$id: $file has \"$part\"") if $part;
    }
    return $count;
}

# --- What others got wrong

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
    pointers($id, $here);
}
cmp_ok($rows, '>=', 80, "$rows rows seen");
is(join(', ', grep { !$tested{$_} } sort keys %tested), '', 'every test stands in the document');

# --- What is promised

my %last = (PW => 12, TH => 13, SE => 17, TK => 14, WF => 10, IN => 12, CR => 7, TR => 6, LG => 4, CC => 5, HT => 33, CM => 19, NP => 11);
my %promised;
for (split /\n/, slurp("$SRC/docs/requirements.md")) {
    my ($id, $what, $proof) = /^\| ([A-Z]{2}-\d+) \| ([^|]+) \| (.+) \|$/ or next;
    ok(!$promised{$id}++, "$id stands there once");
    like($what, qr/\w{3}/, "$id: something is promised");
    my $found = pointers($id, $proof);
    my @others = $proof =~ /\b([A-Z]{2}-\d+)\b/g;
    ok($found || @others || $what =~ /^\*not so:\*/, "$id: something proves it, or there is a reason");
    ok($_ =~ /^([A-Z]{2})-(\d+)$/ && $last{$1} && $2 <= $last{$1}, "$id: $_ is there") for @others;
}
is(join(' ', grep { !$promised{$_} } map { my $s = $_; map { "$s-$_" } 1 .. $last{$s} } sort keys %last), '', 'no number is missing');
is(scalar keys %promised, eval { my $n = 0; $n += $_ for values %last; $n }, 'and none is too many');

done_testing;
