#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The module shows httpd one symbol: ours cannot meet those of another module.

use strict;
use warnings;
use Cwd qw(abs_path);
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || abs_path("$FindBin::Bin/../..");
my $so = ($ENV{BA_BUILDDIR} || $SRC) . '/.libs/mod_betterauth.so';

plan skip_all => "no module at $so: build first, or set BA_BUILDDIR" unless -e $so;
open my $nm, '-|', 'nm', '-D', '--defined-only', $so or plan skip_all => 'nm is not there';
my @symbols = map { (split)[-1] } <$nm>;
close $nm;
is("@symbols", 'betterauth_module', 'the one exported symbol');

done_testing;
