#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Links between documents lead to files and headings that are there; docs/index.md knows each document. That the built
# site hangs together, docs/site/build checks itself; here only that it finds the sections and files it wants.

use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";

sub slurp { my ($file) = @_; open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n"; local $/; return scalar <$in> }

# What GitHub and the site make of a heading.
sub slug { my ($heading) = @_; $heading = lc $heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/gr =~ s/[`*]//gr; $heading =~ s/[^\w\- ]//g; return $heading =~ tr/ /-/r }

my (%headings, %linked, $count);
for my $file (map { substr $_, length "$SRC/" } glob "$SRC/*.md $SRC/docs/*.md") {
    my $text = slurp("$SRC/$file");
    $text =~ s/^```.*?^```$//gms;
    $text =~ s/^    .*$//mg;
    $headings{$file} = { map { slug($_) => 1 } $text =~ /^#+ +(.*?)\s*$/mg };
    while ($text =~ /\]\(([^)\s]+)\)/g) {
        my $to = $1;
        next if $to =~ /^\w+:/;
        my ($path, $anchor) = $to =~ /^([^#]*)(?:#(.*))?$/;
        my @parts;
        for (split m{/}, $path eq '' ? $file : dirname($file) . "/$path") { if ($_ eq '..') { pop @parts } elsif ($_ ne '.') { push @parts, $_ } }
        my $target = join '/', @parts;
        $count++;
        ok(-e "$SRC/$target", "$file: $to") or next;
        $linked{$file}{$target} = 1;
        push @{ $linked{anchors} }, [$file, $to, $target, $anchor] if defined $anchor;
    }
}
ok($headings{ $_->[2] }{ $_->[3] }, "$_->[0]: $_->[1] leads to a heading") for @{ $linked{anchors} };
cmp_ok($count, '>', 50, "$count links seen");
ok($linked{'docs/index.md'}{$_}, "docs/index.md knows $_") for grep { m{^docs/} && $_ ne 'docs/index.md' } sort keys %headings;

my $said = qx($^X '$SRC/docs/site/build' --dry-run 2>&1);
is($?, 0, 'the site has what it is made of') or diag $said;
like($said, qr/^\d\d+ pages$/, $said =~ s/\n//r);

done_testing;
