#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The reference has each directive, with what it does, its syntax and an example; and each endpoint, with who may call it,
# its fields and errors as the sources have them.

use strict;
use warnings;
use FindBin ();
use lib "$FindBin::Bin/../../docs/site";
use Reference;
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";
my $builder = Test::More->builder;
binmode $_, ':encoding(UTF-8)' for $builder->output, $builder->failure_output;

subtest 'directives' => sub {
    my $table = Reference::slurp("$SRC/modules/config/ba_directives.c");
    my @rows = Reference::directives($SRC);
    is_deeply([sort map { $_->{name} } @rows], [sort $table =~ /\b(?:SERVER|DIR)_ROW\(\s*"(\w+)"/g], 'those of the table, each once');
    for my $row (@rows) {
        my $name = $row->{name};
        ok(length $row->{group}, "$name stands under a heading of conf/betterauth.conf");
        ok(length $row->{help} && @{ $row->{says} }, "$name has its sentences");
        like($row->{syntax} // '', qr/^$name \S/, "$name has its syntax in docs/site/examples.conf");
        like($row->{example} // '', qr/^\s*$name\s+\S/m, "$name has its example");
        like($row->{intro} // '', qr/\w.*:$/, "$name: a line says what the example does");
    }
    my %known = map { $_->{name} => 1 } @rows;
    is(join(' ', grep { !$known{$_} } keys %{ Reference::examples(Reference::slurp("$SRC/docs/site/examples.conf")) }), '', 'no example of what is not there');
};

subtest 'endpoints' => sub {
    my $text = Reference::slurp("$SRC/docs/endpoints.md");
    my %entry = $text =~ /^### ([A-Z]+ \/\S+)\n(.*?)(?=^##|\z)/gms;
    my %who = (BA_ANYONE => 'anybody', BA_KNOWN => 'signed in, a cookie cache may say so', BA_SIGNED_IN => 'signed in', BA_FRESH => 'signed in recently');
    my @rows = Reference::endpoints($SRC);
    cmp_ok(scalar @rows, '>=', 25, scalar(@rows) . ' rows seen');
    for my $row (@rows) {
        my $name = "$row->{method} $row->{path}";
        my $said = delete $entry{$name} // (fail("$name has an entry"), next);
        like($said, qr/\A\n[A-Z].*\w/, "$name says what it does");
        is(line($said, 'Who'), $who{ $row->{access} }, "$name: who may call");
        ok(line($said, 'Answer'), "$name: the answer");
        is($said =~ /\bform\b/i ? 1 : 0, $row->{form}, "$name: forms") if $row->{form} || $said =~ /takes? a form|A form/;
        is_deeply(fields(line($said, $_)), fields_of($row->{ lc $_ }), "$name: fields of the \l$_") for 'Body', 'Query';
    }
    is(join(', ', sort keys %entry), '', 'no entry of what is not there');

    # every code, with a status that the table of errors has
    my $known = Reference::errors($SRC);
    my %seen;
    for my $line ($text =~ /^- \*\*Errors:\*\* (.*?)(?=^- |^$|\z)/gms) {
        my $status;
        while ($line =~ /\b(\d{3})\b|`([A-Z][A-Z_]+)`/g) {
            if ($1) { $status = $1; next }
            ok($known->{$2}{$status}, "$2 comes with $status") if $known->{$2};
            fail("$2 is an error of the API") unless $known->{$2} || $2 =~ /^BetterAuth/;
            $seen{$2} = 1;
        }
    }
    while ($text =~ /^\| (\d{3}) \| (.*?) \|/mg) { my ($status, $codes) = ($1, $2); ok($known->{$_}{$status}, "$_ comes with $status"), $seen{$_} = 1 for $codes =~ /`(\w+)`/g }
    $seen{SESSION_NOT_FRESH} ||= $text =~ /403 `SESSION_NOT_FRESH`/;
    # FORBIDDEN is of the guard, not of the API
    is(join(' ', grep { !$seen{$_} && $_ ne 'FORBIDDEN' } sort keys %$known), '', 'no error is left out');
};

sub line { my ($entry, $word) = @_; return $entry =~ /^- \*\*$word:\*\* (.*?)\s*(?=^- |^$|\z)/ms ? $1 =~ s/\s+/ /gr : undef }

# Names that stand before "optional:" and after it. What is in brackets, and behind a semicolon, explains.
sub fields {
    my ($line) = @_;
    return [[], []] unless defined $line;
    $line =~ s/\([^)]*\)//g;
    $line =~ s/: the .*//;
    my ($must, $may) = split /\boptional: /, $line, 2;
    return [map { [sort(($_ // '') =~ /`([a-z]\w*)`/g)] } $must, $may];
}

sub fields_of { my ($row) = @_; return [map { [sort @$_] } @{ $row || [[], []] }] }

done_testing;
