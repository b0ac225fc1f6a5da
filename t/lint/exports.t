#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The module shows httpd one symbol: ours cannot meet those of another module. And what it is linked with.

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

# Primitives come from libraries, and each library is one that this module needs.
open my $elf, '-|', 'readelf', '-d', $so or plan skip_all => 'readelf is not there';
my @needs = sort map { /\(NEEDED\).*\[lib(\w+)\.so/ ? $1 : () } <$elf>;
close $elf;
my %known = map { $_ => 1 } qw(argon2 crypto sodium jansson curl unistring c m asan ubsan tsan);
is(join(' ', grep { !$known{$_} } @needs), '', 'no library that nobody knows of');
is(join(' ', grep { /^(?:argon2|crypto|sodium)$/ } @needs), 'argon2 crypto sodium', 'cryptography by libargon2, OpenSSL and libsodium');

done_testing;
