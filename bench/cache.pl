# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# shmcb with more and more sessions in turn: who is found, what is pushed out, what a look-up costs.

use strict;
use warnings;
use Bench;

my @COUNTS = split /,/, $ENV{BA_SESSIONS} || '1000,100000,1000000';
my %SIZE   = (small => '16777216', large => '67108864', huge => '536870912');
my $biggest = $COUNTS[-1];

database('--innodb-buffer-pool-size=1G', '--innodb-log-file-size=256M');
users_by_sql(1000, $biggest);
# One for each case, or the sessions of one would push out those of another.
httpd('httpd', more => join("\n", "LoadModule status_module $Bench::MODULES/mod_status.so", 'ExtendedStatus Off', map { "<Location \"/$_->[0]\">\nSetHandler $_->[1]\nRequire all granted\n</Location>" }
    [status => 'server-status'], [metrics => 'betterauth-status']), sites => { open => '', map { my $count = $_; map { ("$_$count" => "BetterAuthSessionCache shmcb:$_$count($SIZE{$_}) 1h") }
    keys %SIZE } @COUNTS });

# The same requests against the unguarded page, so that what wrk does is in both.
my %script = map { $_ => cookie_script("c$_", 0 .. $_ - 1) } @COUNTS;
my %hits;
sub page {
    my ($site, $count, $folder) = @_;
    my $before = statements()->{Com_stmt_execute};
    my @result = wrk($READERS, $port{ $site eq 'open' ? $site : "$site$count" }, "/$folder/page.html", $script{$count});
    if ($folder eq 'members') {
        $hits{"$site $count"}{asked}    += statements()->{Com_stmt_execute} - $before;
        $hits{"$site $count"}{requests} += $result[0] * $SECONDS;
    }
    return @result;
}

my (@cases, @rows);
for my $count (@COUNTS) {
    push @cases, "open $count" => sub { page('open', $count, 'open') };
    for my $site (sort { $SIZE{$a} <=> $SIZE{$b} } keys %SIZE) {
        push @cases, "$site $count" => sub { page($site, $count, 'members') };
        push @rows, [number($count) . ' sessions, ' . number($SIZE{$site} / 1048576) . ' MiB ÷ unguarded', "$site $count", "open $count"];
    }
}

# Nearly every session once, or as many as there is room for.
sub fill {
    my ($site, $count) = @_;
    my $room = $SIZE{$site} / 400;
    my $left = 3 * ($room < $count ? $room : $count);
    while ($left > 0) {
        my ($rate) = wrk($READERS, $port{"$site$count"}, '/members/page.html', $script{$count}, seconds => $SECONDS);
        $left -= $rate * $SECONDS;
    }
    return;
}
for my $count (@COUNTS) { fill($_, $count) for keys %SIZE }
rounds(@cases);

describe("$READERS connections, kept alive, each request with the cookie of a session drawn at random. Entries live an hour.\n");
table(@rows);
print "\n";

# What the caches and the metrics say of themselves, of all requests since the start.
my (%cache, $name);
for my $line (split /\n/, ask($port{open}, GET => '/status?auto')->{body}) {
    $name = $1 if $line =~ /^BetterAuthSessionCache: shmcb (\w+)\(/;
    $cache{$name}{$1} = $2 if $name && $line =~ /^Cache(Store|Discard)Count: (\d+)/;
}
my %counted = ask($port{open}, GET => '/metrics')->{body} =~ /^(betterauth_session_[^ ]+) (\d+)$/mg;
for my $row (@rows) {
    my $n = $hits{ $row->[1] };
    my $c = $cache{ $row->[1] =~ s/ //r };
    printf "%s: %.1f %% found in the cache; %s of %s entries dropped before their time.\n", $row->[0] =~ s/ ÷.*//r,
        100 * (1 - $n->{asked} / $n->{requests}), map { number($_) } @$c{qw(Discard Store)};
}
my $lookups = $counted{'betterauth_session_lookups_total{by="cache"}'} + $counted{betterauth_session_cache_misses_total};
printf "Lock of the caches: taken at %.2f %% of %s lookups, %.3f %% slept for it.\n",
    (map { 100 * $_ / $lookups } $counted{'betterauth_session_cache_waits_total{how="yielded"}'}), number($lookups),
    100 * $counted{'betterauth_session_cache_waits_total{how="slept"}'} / $lookups;
printf "Memory of the server: %s.\n", memory_text(memory($pid{httpd}));
report_log('httpd');
1;
