#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Makefile.am names each file that the tarball needs: headers too, without which it does not build.

use strict;
use warnings;
use File::Find ();
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";

open my $in, '<', "$SRC/Makefile.am" or die "Makefile.am: $!\n";
my $makefile = join '', <$in>;

# These go into the tarball whole.
my ($whole) = $makefile =~ /^dist_folders = (.*)$/m or BAIL_OUT('dist_folders is not there');
my %whole = map { $_ => 1 } split ' ', $whole;

my @files;
File::Find::find({ no_chdir => 1, wanted => sub {
    my $short = substr $_, length "$SRC/";
    return $File::Find::prune = 1 if -d && $short =~ m{(?:^|/)(?:\.deps|\.libs)$};
    push @files, $short if -f && /\.(?:c|h|sql|html|txt|css|js|conf)$/;
} }, map { "$SRC/$_" } grep { !$whole{$_} } qw(conf mails modules pages sql));
push @files, map { substr $_, length "$SRC/" } glob "$SRC/*.[ch] $SRC/support/*.[ch]";

cmp_ok(scalar @files, '>', 150, scalar(@files) . ' files seen');
like($makefile, qr{(?<![\w/.-])\Q$_\E(?![\w.-])}, "$_ is named") for sort @files;

done_testing;
