#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Every endpoint has a test in t/endpoints that names its path and uses its method.

use strict;
use warnings;
use File::Basename qw(basename);
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";

sub slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!\n"; local $/; return scalar <$in> }

my %test = map { basename($_) => slurp($_) } glob "$SRC/t/endpoints/*.t";
my (%seen, $rows);
for my $file (sort glob "$SRC/modules/routes/*.c") {
    my $text = slurp($file);
    while ($text =~ /^\s*\{\s*"([A-Z]+)"\s*,\s*"(\/[^"]*)"/mg) {
        my ($method, $path) = ($1, $2);
        $rows++;
        ok(!$seen{"$method $path"}++, "$method $path is one row");
        like($path, qr{^(?:/[a-z0-9-]+)+(?:/:[a-z]+)?$}, "$path is plain: rows are compared as text, but for a last segment");
        my @tests = grep { $test{$_} =~ m{\Q$path\E(?![\w/-])} && $test{$_} =~ /\b$method\b|\b\L$method\E\b/ } sort keys %test;
        ok(scalar @tests, "$method $path is tested (@tests)");
    }
}
cmp_ok($rows // 0, '>=', 7, ($rows // 0) . ' rows seen');

done_testing;
