# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::OpenMetrics;

# Reads OpenMetrics text strictly, as https://prometheus.io/docs/specs/om/open_metrics_spec/ has it: what is said about a
# family comes first and once, its samples follow in one piece, and names, suffixes, labels and numbers are of its type.

use strict;
use warnings;

my $NAME = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $LABEL = qr/[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"/;
my $NUMBER = qr/[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf|NaN)/;
my %SUFFIX = (counter => [qw(_total _created)], gauge => [''], info => ['_info'], histogram => [qw(_bucket _count _sum _created)]);

# Answers { family => { type, unit, help, samples => { 'name{labels}' => value } } } and a list of what is wrong.
sub read {
    my ($text) = @_;
    my (%families, @wrong, $now, %ended, %seen);
    push @wrong, 'does not end with # EOF' unless $text =~ s/\n# EOF\n\z/\n/;
    push @wrong, 'has an empty line' if $text =~ /^\n/m;
    push @wrong, 'has a carriage return' if $text =~ /\r/;
    for my $line (split /\n/, $text) {
        if ($line =~ /^# (TYPE|UNIT|HELP) ($NAME) (.+)$/) {
            my ($what, $name, $rest) = ($1, $2, $3);
            if (!$now || $now ne $name) {
                push @wrong, "$name comes twice" if $families{$name};
                $families{$name} = { samples => {} };
                $now = $name;
            }
            push @wrong, "$what of $name comes twice" if exists $families{$name}{ lc $what };
            push @wrong, "$what of $name comes after its samples" if %{ $families{$name}{samples} };
            push @wrong, "$name has no such type $rest" if $what eq 'TYPE' && !$SUFFIX{$rest};
            push @wrong, "$name does not end with its unit $rest" if $what eq 'UNIT' && $name !~ /_\Q$rest\E$/;
            push @wrong, "HELP of $name has a bad escape" if $what eq 'HELP' && $rest =~ /\\(?![\\n"])/;
            $families{$name}{ lc $what } = $rest;
        }
        elsif ($line =~ /^($NAME)(?:\{((?:$LABEL(?:,$LABEL)*)?)\})? ($NUMBER)$/) {
            my ($sample, $labels, $value) = ($1, $2 // '', $3);
            my ($family) = grep { my $f = $_; grep { $sample eq "$f$_" } @{ $SUFFIX{ $families{$f}{type} // '' } || [] } } defined $now ? $now : ();
            if (!$family) { push @wrong, "$sample belongs to no family above it"; next }
            my %labels;
            while ($labels =~ /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g) { push @wrong, "$sample has label $1 twice" if exists $labels{$1}; $labels{$1} = $2 }
            my $key = $sample . ($labels eq '' ? '' : '{' . join(',', map { qq($_="$labels{$_}") } sort keys %labels) . '}');
            push @wrong, "$key comes twice" if $seen{$key}++;
            push @wrong, "$key is negative" if $value < 0 && $families{$family}{type} ne 'gauge';
            $families{$family}{samples}{$key} = $value;
        }
        else { push @wrong, "not understood: $line" }
    }
    for my $name (sort keys %families) {
        my $f = $families{$name};
        push @wrong, "$name has no TYPE" unless $f->{type};
        push @wrong, "$name has no HELP" unless $f->{help};
        push @wrong, "$name is a counter named _total" if $name =~ /_(?:total|bucket|count|sum|info|created)$/;
        push @wrong, _histogram($name, $f->{samples}) if ($f->{type} // '') eq 'histogram';
    }
    return (\%families, @wrong);
}

# Buckets grow up to +Inf, which is the count, for each set of labels.
sub _histogram {
    my ($name, $samples) = @_;
    my (%buckets, @wrong);
    for my $key (keys %$samples) {
        next unless $key =~ /^\Q$name\E_bucket\{(.*)\}$/;
        my ($labels, $le) = ($1);
        $labels =~ s/(?:^|,)le="([^"]*)"// ? ($le = $1) : push @wrong, "$key has no le";
        push @wrong, "$key: le is no canonical number" if $le !~ /^(?:\+Inf|\d+\.\d+)$/ || $le =~ /\.\d+0$/;
        $labels =~ s/^,//;
        $buckets{$labels}{$le} = $samples->{$key};
    }
    for my $labels (sort keys %buckets) {
        my $of = $buckets{$labels};
        my $last = 0;
        for my $le (sort { ($a eq '+Inf') <=> ($b eq '+Inf') || ($a eq '+Inf' ? 0 : $a <=> $b) } keys %$of) {
            push @wrong, "${name}_bucket{$labels} falls at $le" if $of->{$le} < $last;
            $last = $of->{$le};
        }
        my $braces = $labels eq '' ? '' : "{$labels}";
        push @wrong, "$name$braces has no bucket +Inf" unless exists $of->{'+Inf'};
        push @wrong, "${name}_count$braces is not its last bucket" if ($samples->{"${name}_count$braces"} // -1) != $last;
        push @wrong, "${name}_sum$braces is missing" unless exists $samples->{"${name}_sum$braces"};
    }
    return @wrong;
}

1;
