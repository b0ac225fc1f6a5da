#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
#
# What the page documents must keep to, since the values in them come from
# visitors and are escaped for text and double-quoted attributes only.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use Test::More;

my $pages = dirname(dirname(dirname(abs_path(__FILE__)))) . '/pages';
my @parts = qw(head.html foot.html);
my %known = map { $_ => 1 } qw(pages callback-url callback-query again-query name email remember error error-name error-email
    error-password user-name user-email password-min password-max site title);

sub slurp { open my $in, '<', $_[0] or die "$_[0]: $!\n"; local $/; return scalar <$in> }

my $shared = length(slurp("$pages/style.css")) + length(slurp("$pages/head.html")) + length(slurp("$pages/foot.html"));

for my $file (sort glob "$pages/*.html") {
    my $name = basename($file);
    my $text = slurp($file);
    subtest $name => sub {
        my ($depth, @wrong) = (0);
        for my $element ($text =~ /<!--#(.*?)-->/gs) {
            my ($word) = $element =~ /^(\w+)/;
            if    ($word eq 'if')      { $depth++ }
            elsif ($word eq 'endif')   { push @wrong, 'endif without if' if --$depth < 0 }
            elsif ($word eq 'else')    { push @wrong, 'else without if' if $depth < 1 }
            # mod_include reads quotes there as the start of an argument.
            elsif ($word eq 'comment') { push @wrong, 'quotes in a comment' if $element =~ /["'`=]/ }
            elsif ($word eq 'include') { push @wrong, $element unless $element =~ /^include virtual="(?:head|foot)\.html" $/ }
            elsif ($word eq 'betterauth') {
                push @wrong, $element unless $element =~ /^betterauth value="([a-z-]+)" $/ && $known{$1};
            }
            else { push @wrong, $element }
        }
        push @wrong, 'if without endif' if $depth > 0;
        is_deeply(\@wrong, [], 'elements');

        (my $html = $text) =~ s/<!--#betterauth .*?-->/VALUE/gs;
        $html =~ s/<!--#.*?-->//gs;
        (my $bare = $html) =~ s/="[^"]*"/ /g;
        unlike($bare, qr/[='"]/, 'attributes stand in double quotes');
        unlike($html, qr/<script|<style|\sstyle=|\son\w+=|javascript:|https?:/i, 'nothing inline, nothing foreign');
        my %label = map { $_ => 1 } $html =~ /<label for="([^"]+)"/g;
        my @fields = map { /type="hidden"/ ? () : /\sid="([^"]+)"/ ? $1 : $_ } $html =~ /<input\b[^>]*>/g;
        is_deeply([grep { !$label{$_} } @fields], [], 'each field has a label');
        cmp_ok($shared + length $text, '<', 15_000, 'weight with the stylesheet') unless grep { $_ eq $name } @parts;
    };
}

done_testing;
