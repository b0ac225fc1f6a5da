#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Every source file starts with the two lines that say whose it is and under what licence.

use strict;
use warnings;
use File::Find ();
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";
my $KINDS = qr/\.(?:c|h|t|pl|pm|mjs|js|sql|sh|m4|ac|am|in|py)$/;

# Written by autoconf, automake and libtool; or content of a site rather than its source.
my $NOT_OURS = qr{^(?:Makefile\.in|aclocal\.m4|m4/l[\w~]+\.m4|.*/htdocs/.*|pages/.*|t/fuzz/corpus/.*)$};

my @files;
File::Find::find({ no_chdir => 1, wanted => sub {
    my $short = substr $_, length "$SRC/";
    return $File::Find::prune = 1 if -d && $short =~ m{(?:^|/)(?:node_modules|autom4te\.cache|\.git|\.setup|\.deps|\.libs|logs|build[^/]*)$};
    return if -d || -l || $short =~ $NOT_OURS;
    push @files, $short if $short =~ $KINDS || $short =~ m{^(?:setup|\.ci/run|bench/run|docs/site/(?:build|man)|support/try-\w+|t/check|t/lib/run-one)$};
} }, map { "$SRC/$_" } grep { -e "$SRC/$_" }
    qw(.ci bench docs examples m4 modules sql support t configure.ac Makefile.am mod_betterauth.c mod_betterauth.h setup));

cmp_ok(scalar @files, '>', 60, scalar(@files) . ' files seen');
for my $short (sort @files) {
    open my $in, '<', "$SRC/$short" or die "$short: $!\n";
    my $head = join '', map { scalar(<$in>) // '' } 1 .. 6;
    like($head, qr{SPDX-License-Identifier: Apache-2\.0\s*\n\W*Copyright the mod_betterauth authors}, $short);
}

done_testing;
