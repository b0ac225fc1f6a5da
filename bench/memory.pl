# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Memory of the whole server against an httpd without this module: idle, and after a million requests.

use strict;
use warnings;
use Bench;

my $REQUESTS = $ENV{BA_REQUESTS} || 1_000_000;
my $PARTS    = 5;
my $SESSIONS = 20_000;

# As many children all the time, so that a number compares the same processes.
my $sizes = "MinSpareThreads 1\nMaxSpareThreads 150\nStartServers 4\n";
database();
users_by_sql(1000, $SESSIONS);
httpd('httpd', sites => { ours => '' }, more => $sizes);
httpd('bare', bare => 1, sites => { bare => '' }, more => $sizes);
my $script = cookie_script('all', 0 .. $SESSIONS - 1);

my %seen = map { $_ => [memory($pid{$_})] } qw(httpd bare);
my %done = (httpd => 0, bare => 0);
quiet(sub {
    for my $part (1 .. $PARTS) {
        for my $of ([httpd => 'ours', 'members'], [bare => 'bare', 'open']) {
            my ($name, $site, $folder) = @$of;
            while ($done{$name} < $REQUESTS * $part / $PARTS) {
                my $seconds = $SECONDS;
                my ($rate) = wrk($READERS, $port{$site}, "/$folder/page.html", $script, seconds => $seconds);
                $done{$name} += $rate * $seconds;
            }
            push @{ $seen{$name} }, memory($pid{$name});
        }
    }
});

describe("A guarded page, with the cookies of $SESSIONS sessions in turn, against an unguarded one of an httpd without this module. "
    . "The number of\nchildren does not change. Memory is PSS: what several processes share counts once.\n");
row('requests', 'with this module', 'httpd without it', 'difference', 'target');
row('--:', '--:', '--:', '--:', '--:');
for my $part (0 .. $PARTS) {
    my ($ours, $bare) = map { $seen{$_}[$part] } qw(httpd bare);
    row(number($REQUESTS * $part / $PARTS), memory_text($ours), memory_text($bare), number($ours->{mib} - $bare->{mib}) . ' MiB', '40 MiB');
}
printf "\nSlope over the last %s requests: %.2f MiB per million; %.2f without this module.\n", number($REQUESTS * 3 / $PARTS),
    map { ($seen{$_}[-1]{mib} - $seen{$_}[-4]{mib}) / ($REQUESTS * 3 / $PARTS) * 1e6 } qw(httpd bare);
report_log('httpd');
1;
