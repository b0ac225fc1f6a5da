#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Functions that overrun buffers, are not safe with threads, or are no good as random numbers; and mutable statics.

use strict;
use warnings;
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";

my %BANNED = (
    (map { $_ => 'has no bound' } qw(strcpy strcat stpcpy sprintf vsprintf gets alloca wcscpy)),
    (map { $_ => 'says nothing about errors' } qw(atoi atoll atof)),
    (map { $_ => 'is not safe with threads' }
        qw(strtok localtime gmtime asctime ctime strerror crypt getpwnam getpwuid getgrnam setenv putenv unsetenv setlocale)),
    (map { $_ => 'is no secret' } qw(rand srand random srandom rand_r drand48 lrand48)),
    (map { $_ => 'starts a shell' } qw(system popen)),
    (map { $_ => 'has a race in it' } qw(tmpnam tempnam mktemp)),
    (map { $_ => 'ends the whole child' } qw(exit abort _exit)),
    (map { $_ => 'keeps the connection until the response is sent' } qw(ap_dbd_acquire ap_dbd_cacquire)),
);
my $NAMES = join '|', map quotemeta, sort keys %BANNED;

# malloc() belongs to nobody's pool. These files take memory from libraries that want free().
my %FREE = map { $_ => 1 } qw(modules/crypto/ba_password.c modules/json/ba_json.c modules/base/ba_words.c);

for my $file ("$SRC/mod_betterauth.c", sort glob "$SRC/modules/*/*.[ch]") {
    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    my $short = substr $file, length "$SRC/";
    my @found;
    $text =~ s{(/\*.*?\*/)}{ $1 =~ tr/\n//cdr }gse;
    $text =~ s{"(?:\\.|[^"\\\n])*"}{""}g;
    my $line = 0;
    for (split /\n/, $text) {
        $line++;
        push @found, "line $line: $1() $BANNED{$1}" while /(?<![\w.>])($NAMES)\s*\(/g;
        push @found, "line $line: $1() belongs to no pool" if /(?<![\w.>])(malloc|calloc|realloc|strdup|strndup|asprintf)\s*\(/;
        push @found, "line $line: free()" if !$FREE{$short} && /(?<![\w.>])free\s*\(/;
        push @found, "line $line: a secret compared in varying time" if /\b(?:mem|str)n?cmp\s*\([^)]*\b(?:mac|token|expected|secret)\b/
            && !/text_or_empty/;
        push @found, "line $line: // comment" if m{(?<![:"])//};
    }
    is(join("\n", @found), '', $short);
}

done_testing;
