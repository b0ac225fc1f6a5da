#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The metrics that the table of ba_metrics.c has are those that docs/monitoring.md and the Grafana dashboard name; and the
# reader that the live tests trust finds fault with what is wrong.

use strict;
use warnings;
use FindBin ();
use JSON::PP ();
use Test::More;
use lib "$FindBin::Bin/../lib";
use BATest::OpenMetrics;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";

sub slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!\n"; local $/; return scalar <$in> }

my %type = slurp("$SRC/modules/http/ba_metrics.c") =~ /^\s+\{"(betterauth_\w+)", "(\w+)",/mg;
cmp_ok(scalar keys %type, '>=', 20, scalar(keys %type) . ' families seen');

# What a scraper calls them.
my %sample;
for my $name (keys %type) {
    $sample{"$name$_"} = $name for $type{$name} eq 'counter' ? '_total' : $type{$name} eq 'info' ? '_info' : $type{$name} eq 'histogram' ? qw(_bucket _count _sum) : '';
}

my $doc = slurp("$SRC/docs/monitoring.md");
my %documented = map { $_ => 1 } $doc =~ /^\| `(betterauth_\w+)/mg;
is_deeply([sort keys %documented], [sort keys %type], 'docs/monitoring.md has every family, and no other');
is(join(' ', grep { !$sample{$_} && !$type{$_} } $doc =~ /\b(betterauth_\w+)\b/g), '', 'all that it mentions is there');

# The events of the audit log.
my %event = slurp("$SRC/modules/base/ba_event.c") =~ /\{"([a-z-]+)", "(\w+)",\s*"BA\d{4}:/g;
my %told = $doc =~ /^\| `([a-z-]+)` \| (success|failure|denied) \|/mg;
cmp_ok(scalar keys %event, '>=', 20, scalar(keys %event) . ' events seen');
is_deeply(\%told, \%event, 'docs/monitoring.md has every event with its outcome, and no other');
my $filter = slurp("$SRC/support/fail2ban/filter.d/betterauth.conf");
is(join(' ', grep { !$event{$_} } map { split /\|/ } $filter =~ /"event":"\(\?:([a-z|-]+)\)"/), '', "fail2ban's filter waits for events that exist");

my $dashboard = JSON::PP->new->utf8->decode(slurp("$SRC/support/grafana/betterauth.json"));
my (@used, $panels);
for my $panel (map { $_, @{ $_->{panels} || [] } } @{ $dashboard->{panels} }) {
    next unless $panel->{targets};
    $panels++;
    ok(length $panel->{title}, 'a panel has a title');
    like($panel->{gridPos}{$_}, qr/^\d+$/, "$panel->{title}: has its place ($_)") for qw(x y w h);
    for my $target (@{ $panel->{targets} }) {
        my @names = $target->{expr} =~ /\b(betterauth_\w+)/g;
        ok(scalar @names, "$panel->{title}: asks for a metric");
        push @used, @names;
        # a counter is read as a rate, a bucket as a quantile
        like($target->{expr}, qr/rate\(|increase\(/, "$panel->{title}: $_ is a rate") for grep { /_(?:total|bucket|count|sum)$/ } @names;
    }
}
cmp_ok($panels // 0, '>=', 10, ($panels // 0) . ' panels seen');
is(join(' ', grep { !$sample{$_} } @used), '', 'the dashboard asks for metrics that exist');
my %shown = map { $sample{$_} => 1 } @used;
is(join(' ', grep { !$shown{$_} && $type{$_} ne 'info' && $_ !~ /counting_since/ } sort keys %type), '', 'and shows all of them');

# --- The reader

my $good = <<'END';
# TYPE a info
# HELP a What a is.
a_info{version="1"} 1
# TYPE b counter
# HELP b What b is.
b_total{x="1"} 1
b_total{x="\"2\\"} 2
# TYPE c_seconds histogram
# UNIT c_seconds seconds
# HELP c_seconds What c is.
c_seconds_bucket{le="0.1"} 1
c_seconds_bucket{le="2.5"} 1
c_seconds_bucket{le="+Inf"} 3
c_seconds_count 3
c_seconds_sum 12.5
# TYPE d gauge
# HELP d What d is.
d -3
# EOF
END
my ($families, @wrong) = BATest::OpenMetrics::read($good);
is_deeply(\@wrong, [], 'a good text is good');
is($families->{b}{samples}{'b_total{x="1"}'}, 1, 'and its samples are read');
for my $case (
    ['no end', sub { s/# EOF\n// }], ['text after the end', sub { s/# EOF\n/# EOF\nd 3\n/ }], ['a counter without _total', sub { s/^b_total/b/m }],
    ['no TYPE', sub { s/# TYPE d gauge\n// }], ['no HELP', sub { s/# HELP d .*\n// }], ['a unit that is not in the name', sub { s/UNIT c_seconds seconds/UNIT c_seconds bytes/ }],
    ['two types', sub { s/(# TYPE d gauge\n)/$1$1/ }], ['a sample twice', sub { s/^(d -3\n)/$1$1/m }], ['an empty line', sub { s/# TYPE d/\n# TYPE d/ }],
    ['a family in two pieces', sub { s/# EOF/b_total{x="3"} 1\n# EOF/ }], ['buckets that fall', sub { s/le="2.5"} 1/le="2.5"} 0/ }],
    ['no +Inf', sub { s/.*\+Inf.*\n// }], ['a count that is not the last bucket', sub { s/_count 3/_count 4/ }], ['no sum', sub { s/.*_sum.*\n// }],
    ['a bound of another form', sub { s/le="2.5"/le="2.50"/ }], ['a raw quote', sub { s/\\"2/"2/ }], ['no number', sub { s/d -3/d x/ }],
    ['a negative counter', sub { s/x="1"} 1/x="1"} -1/ }], ['a label twice', sub { s/x="1"/x="1",x="2"/ }],
    ) {
    my ($name, $change) = @$case;
    local $_ = $good;
    $change->();
    my (undef, @faults) = BATest::OpenMetrics::read($_);
    isnt($_, $good, "$name: has been changed");
    ok(scalar @faults, "$name: is found") or diag $_;
}

done_testing;
