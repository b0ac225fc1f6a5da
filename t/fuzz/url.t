#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Our reader of URLs beside Node's, on the same texts (t/fuzz/url.mjs): BA_URLS of them, 40 thousand unless told.
use strict;
use warnings;
use Test::More;

my ($node, $src, $build) = @ENV{qw(BA_NODE BA_SRCDIR BA_BUILDDIR)};
plan skip_all => 'needs the Node of t/check' unless $node && $build;
my $count = $ENV{BA_URLS} || 40_000;
my @lines = qx("$node" "$src/t/fuzz/url.mjs" "$build/t/fuzz/url_driver" $count);
my $status = $?;
note @lines;
like($lines[0] // '', qr/^\Q$count\E URLs: .*; 0 without answer$/, 'all were read');
cmp_ok(($lines[0] // '') =~ /(\d+) both/ ? $1 : 0, '>', $count / 50, 'many of them by both');
is($status, 0, 'what we take leads where Node says') or diag @lines;
done_testing;
